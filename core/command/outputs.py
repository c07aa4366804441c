"""Compare where a command writes with what it reads, so that nothing of the user's is overwritten by mistake.

`check_paths` runs before every command, `check_photos` where a command has read people.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from poseport.data.people import People

# the options that name what is written; every other path of a command is read
_OUTPUTS = {"--out", "--results", "--junit", "--cache", "--teacher-cache"}
# what a folder that is read may hold: annotations, records, settings, weights, labels of other formats
_READ = (".json", ".yaml", ".yml", ".keras", ".h5", ".mat", ".csv")
# commands that write into a folder which may hold their source too; they replace no file
_BESIDE_SOURCE = ("from-mpii", "from-flic", "from-lsp", "from-yolo")


def check_paths(context: click.Context) -> None:
    """Check that a command would not write a file that it reads, nor two answers to one file.

    Folders that are read stand for the files in them. A folder that is read is not written to either.

    Args:
        context: The command with the values of its parameters.

    Raises:
        ValueError: If it would.
    """
    outputs = _outputs(context)
    sources = [path for option, path in _paths(context) if option not in _OUTPUTS]
    files: list[Path] = []
    if any(path.is_file() for path in outputs):  # folders of photos are long
        files = [path / name for path in sources if path.is_dir() for name in os.listdir(path) if _is_read(name)]
    if context.command.name in _BESIDE_SOURCE:
        sources = [path for path in sources if not path.is_dir()]
    refuse_overwriting([*sources, *files], outputs)
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise ValueError(f"{outputs[0]}: is named for two outputs; give each its own name")


def check_photos(people: People) -> None:
    """Check that the command that runs would not overwrite the annotations or a photo of a set.

    Args:
        people: The set.

    Raises:
        ValueError: If it would.
    """
    context = click.get_current_context(silent=True)
    outputs = [path for path in _outputs(context) if path.is_file()] if context else []
    if outputs:
        refuse_overwriting({people.path, *(person.image_path for person in people.persons)}, outputs)


def _is_read(name: str) -> bool:
    return name.lower().endswith(_READ)


def _paths(context: click.Context) -> Iterator[tuple[str, Path]]:
    """The paths that a command was given, each with the name of its option or argument."""
    for param in context.command.params:
        value: Any = context.params.get(param.name or "")
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Path):
                yield param.opts[0], one


def _outputs(context: click.Context) -> list[Path]:
    return [path for option, path in _paths(context) if option in _OUTPUTS]


def refuse_overwriting(sources: Iterable[Path], outputs: Iterable[Path | None]) -> None:
    """Check that no file to be written is one of those that are read.

    Links, other spellings of a path and file systems that ignore capitals are resolved.

    Args:
        sources: The files that the command reads.
        outputs: The files that it would write; None stands for one that was not requested.

    Raises:
        ValueError: If one is.
    """
    files = {identity: path for path in sources if (identity := _identity(path)) is not None}
    for output in outputs:
        identity = _identity(output) if output is not None else None
        if identity in files and identity is not None:
            raise ValueError(f"{output}: is read by this command ({files[identity]}); write to another file or folder")


def drawing_names(photos: Sequence[Path]) -> dict[Path, str]:
    """Choose the file name of each photo's drawing: `a.jpg` for a.png, or `a.png.jpg` if there is another a.

    Args:
        photos: The photos of a folder.

    Returns:
        Photo -> name.

    Raises:
        ValueError: If two photos would have the same name.
    """
    stems = Counter(photo.stem.casefold() for photo in photos)
    names = {p: f"{p.stem}.jpg" if stems[p.stem.casefold()] == 1 else f"{p.name}.jpg" for p in photos}
    counts = Counter(name.casefold() for name in names.values())
    for photo, name in names.items():
        if counts[name.casefold()] > 1:
            raise ValueError(f"{photo}: its drawing {name} would replace that of another photo; rename one of them")
    return names


def _identity(path: Path) -> tuple[int, int] | None:
    """Identity of an existing file, whatever its path; None if there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
