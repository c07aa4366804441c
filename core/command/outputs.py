"""Where a command writes, compared with what it reads: nothing of the user's is overwritten by mistake."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path


def refuse_overwriting(sources: Iterable[Path], outputs: Iterable[Path | None]) -> None:
    """Raise ValueError if a file to be written is one of those that are read.

    Links, other spellings of a path and file systems that ignore capitals are seen through.

    Args:
        sources: The files that the command reads.
        outputs: The files that it would write; None stands for one that was not asked for.
    """
    files = {identity: path for path in sources if (identity := _identity(path)) is not None}
    for output in outputs:
        identity = _identity(output) if output is not None else None
        if identity in files and identity is not None:
            raise ValueError(f"{output}: is read by this command ({files[identity]}); write to another file or folder")


def drawing_names(photos: Sequence[Path]) -> dict[Path, str]:
    """The file name of each photo's drawing: `a.jpg` for a.png, and `a.png.jpg` where there is another a."""
    stems = Counter(photo.stem.casefold() for photo in photos)
    names = {p: f"{p.stem}.jpg" if stems[p.stem.casefold()] == 1 else f"{p.name}.jpg" for p in photos}
    counts = Counter(name.casefold() for name in names.values())
    for photo, name in names.items():
        if counts[name.casefold()] > 1:
            raise ValueError(f"{photo}: its drawing {name} would replace that of another photo; rename one of them")
    return names


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one existing file from another, whatever its path."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
