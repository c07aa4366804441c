"""Options that several commands share, and functions to load people, print answers and show progress."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poseport.command.errors import guarded as guarded
from poseport.command.outputs import check_photos
from poseport.command.parameters import LazyChoice, ShippedPath
from poseport.files import escape

if TYPE_CHECKING:
    from poseport.data.coco import People
    from poseport.skeleton import Skeleton

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
_CATEGORY = "poseport.category"

MODEL, BUNDLE = ShippedPath("model"), ShippedPath("bundle")
POSITIVE = click.FloatRange(0, min_open=True)


def _decoders() -> Iterable[str]:
    from typing import get_args, get_type_hints

    from poseport.spec import Decode

    names: tuple[str, ...] = get_args(get_type_hints(Decode)["method"])
    return names


DECODER = LazyChoice(_decoders)


def people_options(flag: str, what: str, *, required: bool = True, several: bool = False) -> Callable[[F], F]:
    """Make `--flag` and `--flag-images` (for `--data` just `--images`), which name a set of people.

    Args:
        flag: Name of the option, without dashes.
        what: What the people are for.
        required: Whether the option must be given.
        several: Whether the options may be repeated; `--flag-share` then says how often each set's people are used
            (`load_sets` reads all three).

    Returns:
        A decorator for the command.
    """
    images = "--images" if flag == "data" else f"--{flag}-images"
    name = flag.replace("-", "_")

    def add(command: F) -> F:
        more = " May be repeated." if several else ""
        if several:
            text = f"How often the people of each --{flag} are used per epoch, such as 2,1. Default: 1 each."
            command = click.option(f"--{flag}-share", f"{name}_share", help=text)(command)
        text = f"Folder of the photos of --{flag}. Default: found beside the annotations."
        command = click.option(images, f"{name}_images", type=PATH, multiple=several, help=text)(command)
        command = category_option(command)
        text = f"{what}: a COCO keypoint annotations file, or a folder that holds one.{more}"
        return click.option(f"--{flag}", name, type=PATH, required=required, multiple=several, help=text)(command)

    return add


def people_argument(command: F) -> F:
    """Add `PATH` with its `--images` and `--skeleton`, for a command that works on one set of people.

    Args:
        command: The function of the command.

    Returns:
        The function with the argument and options.
    """
    command = skeleton_option(command)
    text = "Folder of the photos. Default: found beside the annotations."
    command = category_option(command)
    command = click.option("--images", type=PATH, help=text)(command)
    return click.argument("path", type=PATH)(command)


def category_option(command: F) -> F:
    """Add `--category`, once per command: the people to read where several categories have keypoints.

    Its value is kept in click's context, where `load_people` and `load_sets` find it, because the command itself does
    not need it.

    Args:
        command: The function of the command.

    Returns:
        The function with the option.
    """
    if any("--category" in option.opts for option in getattr(command, "__click_params__", [])):
        return command

    def keep(context: click.Context, _: click.Parameter, value: str | None) -> None:
        context.meta[_CATEGORY] = value

    text = "Name or id of the people's category, where several in the annotations have keypoints."
    return click.option("--category", help=text, expose_value=False, callback=keep)(command)


def chosen_category() -> str | None:
    """The value of `--category` in the command that runs."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_CATEGORY) if context else None


def skeleton_option(command: F) -> F:
    """Add `--skeleton`, for people labelled with other keypoints than those of the built-in skeletons.

    Args:
        command: The function of the command.
    """
    text = "Keypoint names: coco17, mpii16, lsp14, flic11 or a JSON file. Default: the names in the annotations."
    return click.option("--skeleton", help=text)(command)


def seed_option(what: str) -> Callable[[F], F]:
    """Make `--seed`.

    Args:
        what: What is chosen at random, for the help.

    Returns:
        A decorator for the command.
    """
    text = f"Seed of the random choice of {what}."
    return click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help=text)


def output_options(command: F) -> F:
    """Add `--quiet` and `--json`.

    Args:
        command: The function of the command.
    """
    command = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command)
    return click.option("--quiet", is_flag=True, help="Print errors only.")(command)


def load_people(
    path: Path, images: Path | None, skeleton: str | None, more_skeletons: Sequence[Skeleton] = ()
) -> People:
    """Load the people of `--data`, `--val` or `--calib`.

    Args:
        path: The value of the option: an annotations file, or a folder that holds one.
        images: The folder of the images, or None.
        skeleton: The value of `--skeleton`, or None.
        more_skeletons: Without `skeleton`, keypoint sets that the file may have besides the built-in ones: that of the
            network which the command is about.

    Returns:
        The people.

    Raises:
        ValueError: If the file cannot be read, or an output of the command would overwrite it or a photo.
    """
    from poseport import skeletons
    from poseport.data import coco

    own = skeletons.find(skeleton) if skeleton else None
    people = coco.load(path, images, own, category=chosen_category(), more_skeletons=more_skeletons)
    check_photos(people)
    return people


def load_sets(
    paths: Sequence[Path],
    images: Sequence[Path],
    shares: str | None,
    skeleton: str | None = None,
    more_skeletons: Sequence[Skeleton] = (),
) -> People:
    """Load the people of every `--data` or `--calib` as one set, with keypoints matched by name.

    Args:
        paths: The values of the option.
        images: A folder of images for each set, or none.
        shares: The value of `--data-share` or `--calib-share`, or None.
        skeleton: The value of `--skeleton`, or None.
        more_skeletons: As of `load_people`.

    Returns:
        The people.

    Raises:
        ValueError: As `load_people` does, or if the numbers of folders, shares and sets differ.
    """
    from poseport import skeletons
    from poseport.data import coco
    from poseport.data.merge import merge, parse_shares

    if images and len(images) != len(paths):
        raise ValueError(f"{len(images)} folders of images for {len(paths)} sets; name one for each, or none")
    if len(paths) == 1 and shares is None:
        return load_people(paths[0], images[0] if images else None, skeleton, more_skeletons)
    wanted = skeletons.find(skeleton) if skeleton else None
    more = (wanted, *more_skeletons) if wanted else more_skeletons
    sets = []
    for path, folder in zip(paths, images or itertools.repeat(None, len(paths)), strict=True):
        sets.append(coco.load(path, folder, category=chosen_category(), more_skeletons=more))
        check_photos(sets[-1])
    return merge(sets, parse_shares(shares), wanted)


def answer(data: dict[str, Any], text: str, *, as_json: bool, quiet: bool) -> None:
    """Print a command's answer: JSON for a script, even with `--quiet`, or text for a person.

    Args:
        data: The answer as plain values.
        text: The answer as lines of text.
        as_json: The value of `--json`.
        quiet: The value of `--quiet`.
    """
    if as_json:
        click.echo(json.dumps(data, indent=1))
    elif not quiet:
        # whoever makes a line of a name escapes it; here no line commands the terminal
        click.echo(escape.lines(text.split("\n")))


@contextmanager
def progress(label: str, total: int, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal.

    Args:
        label: What is done, in a few words.
        total: Number of steps.
        hidden: Whether to show nothing.

    Yields:
        A function that takes the number of steps just done.
    """
    hidden = hidden or not sys.stderr.isatty()  # in a log file a bar is a line of noise
    with click.progressbar(length=total, label=label, file=sys.stderr, hidden=hidden, show_eta=True) as bar:
        yield bar.update
