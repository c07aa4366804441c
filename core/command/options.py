"""What every command shares: options for people, one line for a user's mistake, progress, JSON."""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
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
