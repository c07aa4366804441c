"""What every command shares: options for people, one line for a user's mistake, progress, JSON."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from poseport.data.people import People

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


class Named(click.ParamType):
    """A path, or the name of something that comes with the package (see `poseport models`)."""

    name = "path"

    def __init__(self, bundle: bool):
        self.bundle = bundle

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Path:
        """The path that is meant."""
        from poseport.tflite import shipped

        return (shipped.bundle if self.bundle else shipped.model)(str(value))


class Counts(click.ParamType):
    """Counts such as `1,2,4`, each once, in their order."""

    name = "counts"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        """The counts that are meant."""
        words = [word.strip() for word in str(value).split(",")]
        if not all(word.isdecimal() and int(word) for word in words):
            raise click.ClickException(f"{_flag(param)} {value!r}: expected counts such as 1,2,4")
        return tuple(dict.fromkeys(map(int, words)))


class Some(click.ParamType):
    """Some of several names, comma separated, each once, in their order."""

    name = "names"

    def __init__(self, *names: str):
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, ...]:
        """The names that are meant."""
        words = [word.strip() for word in str(value).split(",")]
        unknown = [word for word in words if word not in self.names]
        if unknown:
            raise click.ClickException(
                f"{_flag(param)}: {unknown[0]!r} does not exist; choose of {', '.join(self.names)}"
            )
        return tuple(dict.fromkeys(words))


def _flag(param: click.Parameter | None) -> str:
    return param.opts[0] if param else "value"


MODEL, BUNDLE = Named(bundle=False), Named(bundle=True)


def people_options(flag: str, what: str, *, required: bool = True) -> Callable[[F], F]:
    """`--flag` and `--flag-images` (for `--data` just `--images`): a set of people."""
    images = "--images" if flag == "data" else f"--{flag}-images"
    name = flag.replace("-", "_")

    def add(command: F) -> F:
        command = click.option(images, f"{name}_images", type=PATH, help=f"Folder of the images of --{flag}.")(command)
        text = f"{what}: a COCO keypoint annotations file, or a folder that holds one."
        return click.option(f"--{flag}", name, type=PATH, required=required, help=text)(command)

    return add


def people_argument(command: F) -> F:
    """`PATH` with its `--images` and `--skeleton`: the set of people that a command is about."""
    command = skeleton_option(command)
    command = click.option("--images", type=PATH, help="Folder of the images.")(command)
    return click.argument("path", type=PATH)(command)


def skeleton_option(command: F) -> F:
    """`--skeleton`: for people labelled with keypoints of one's own."""
    return click.option(
        "--skeleton", help="coco17, mpii16, lsp14, flic11 or a JSON file. Default: the one that the annotations name."
    )(command)


def output_options(command: F) -> F:
    """`--quiet` and `--json`."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command)
    return click.option("--quiet", is_flag=True, help="Print errors only.")(command)


class Stages(click.Group):
    """A group some of whose commands live in the stages' own modules, and are imported when they are asked for.

    Its own commands are added as to any group. stages: name -> (module, attribute, one line for the help).
    order: of all names, that of the work and not of the alphabet; empty: those of the stages first.
    """

    def __init__(self, *args: Any, stages: dict[str, tuple[str, str, str]], order: Sequence[str] = (), **more: Any):
        super().__init__(*args, **more)
        self.stages, self.order = stages, order

    def list_commands(self, context: click.Context) -> list[str]:
        """Every name, in `order`."""
        return list(self.order or (*self.stages, *self.commands))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a stage's command."""
        if name in self.stages:
            module, attribute, _ = self.stages[name]
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        return super().get_command(context, name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        own = {name: command.get_short_help_str(80) for name, command in self.commands.items()}
        rows = [(name, own[name] if name in own else self.stages[name][2]) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Sections(click.Command):
    """A command with many options: in its help they stand under the headings that `section` gave them."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Options without a heading come first."""
        rows: dict[str, list[tuple[str, str]]] = {"Options": []}
        for option in self.get_params(context):
            record = option.get_help_record(context)
            if record is not None:
                rows.setdefault(getattr(option, "section", "Options"), []).append(record)
        for title, records in rows.items():
            with formatter.section(title):
                formatter.write_dl(records)


def section(title: str, *options: Callable[[F], F]) -> Callable[[F], F]:
    """Several `click.option`s under one heading of a command of class `Sections`."""

    def add(command: F) -> F:
        known = len(getattr(command, "__click_params__", []))
        for option in reversed(options):
            command = option(command)
        for added in command.__click_params__[known:]:  # type: ignore[attr-defined]
            added.section = title
        return command

    return add


def guarded(command: F) -> F:
    """A `ValueError` inside is a user's mistake, a `MemoryError` or `ImportError` the machine's limit: one line and
    exit code 1, no traceback. Ctrl-C exits with 130.

    The example in the command's help stays one line, however narrow the terminal: it is there to be pasted.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ValueError as error:
            if os.environ.get("POSEPORT_TRACEBACK"):
                raise
            raise click.ClickException(" ".join(str(error).split())) from None
        except (MemoryError, ImportError) as error:  # a library that does not load, mostly for want of memory too
            if os.environ.get("POSEPORT_TRACEBACK"):
                raise
            why = " ".join(str(error).split()) or "an allocation failed"
            raise click.ClickException(
                f"{why}; with too little memory close other programs or take fewer people, else install poseport again"
            ) from None
        except KeyboardInterrupt:
            click.echo("\ninterrupted; nothing half-written is left", err=True)
            sys.exit(130)

    text, mark, example = inspect.cleandoc(command.__doc__ or "").partition("\nExample: ")
    run.__doc__ = text + (f"\n\b{mark}{' '.join(example.split())}" if mark else "")
    return run  # type: ignore[return-value]


def load_people(path: Path, images: Path | None, skeleton: str | None) -> People:
    """The people of `--data`, `--val` or `--calib`."""
    from poseport import skeleton as skeletons
    from poseport.data import coco

    return coco.load(path, images, skeletons.find(skeleton) if skeleton else None)


def answer(data: dict[str, Any], text: str, *, as_json: bool, quiet: bool) -> None:
    """Print what a command found: JSON for a script (also when quiet), text for a person."""
    if as_json:
        click.echo(json.dumps(data, indent=1))
    elif not quiet:
        click.echo(text)


@contextmanager
def progress(label: str, total: int, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """A bar with the time left on a terminal; calls take the number just done."""
    hidden = hidden or not sys.stderr.isatty()  # in a log file a bar is a line of noise
    with click.progressbar(length=total, label=label, file=sys.stderr, hidden=hidden, show_eta=True) as bar:
        yield bar.update
