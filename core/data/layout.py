"""Find the files of a data set: the annotations in a folder, and the images that they name.

The layouts are those in which COCO, CVAT, Label Studio, Roboflow and FiftyOne are unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import unquote

# number of names of a file that are looked up to find their folder
_SAMPLED = 8


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images, and how the names in an annotations file lead into it.

    Attributes:
        path: The folder.
        prefix: Leading part of the names that the folder does not repeat, such as `images/`.
        backslashes: Whether the names separate folders by backslashes, as Windows does.
        encoded: Whether the names are percent-encoded, as parts of an address are.
    """

    path: Path
    prefix: str = ""
    backslashes: bool = False
    encoded: bool = False

    def file(self, name: Any) -> Path:
        """Find the path of an image.

        A name that leads out of the folder is refused, so that a data set cannot make other files be read.

        Args:
            name: `file_name` of the image in the annotations file.

        Returns:
            The path, which need not exist.

        Raises:
            ValueError: If the name is not text, or leads out of the folder.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"file_name is {name!r}; expected a path inside {self.path}")
        short = unquote(name) if self.encoded else name
        short = short.replace("\\", "/") if self.backslashes else short
        if self.prefix:
            short = short.removeprefix(self.prefix)
        path = Path(short)
        if path.is_absolute() and path.is_relative_to(self.path):
            path = path.relative_to(self.path)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in short:
            raise ValueError(f"file_name {name!r} leaves the image folder {self.path}; expected a path inside it")
        return self.path / path


def find_annotations(path: Path) -> Path:
    """Find the annotations file: the path itself, or the only one in a folder.

    Args:
        path: The file or the folder.

    Returns:
        The file.

    Raises:
        ValueError: If there is none, or more than one; the message lists them.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise ValueError(f"{path}: does not exist; expected a COCO annotations file or a folder that holds one")
    for pattern in ("*.json", "annotations/*keypoints*.json", "*/_annotations.coco.json"):
        found = sorted(f for f in path.glob(pattern) if not f.name.startswith("."))  # ._x.json is macOS's
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f.relative_to(path).as_posix() for f in found)
            raise ValueError(f"{path}: holds {len(found)} files, {names}; name the one to use")
    raise ValueError(f"{path}: holds no *.json; expected a COCO annotations file such as person_keypoints.json")


def find_images(annotations: Path, images: Path | None = None) -> Path:
    """Find the folder of images that belongs to a file which does not name them one by one.

    Args:
        annotations: The file.
        images: The folder that the user named; None looks beside the file.

    Returns:
        The folder.

    Raises:
        ValueError: If there is none; the message lists the places that were tried.
    """
    places = _places(annotations, images)
    for folder in places:
        if folder.is_dir() and (images is not None or folder not in annotations.parents):
            return folder
    tried = ", ".join(map(str, places if images is None else [images]))
    raise ValueError(
        f"{annotations}: no folder of images; tried {tried}; name it with --images "
        "(--calib-images for --calib, and so on)"
    )


def locate(annotations: Path, images: Path | None, names: Sequence[Any]) -> ImageFolder:
    """Find the folder that holds the images of these names.

    Args:
        annotations: The annotations file.
        images: The folder that the user named; None looks beside the annotations file.
        names: `file_name` of every image.

    Returns:
        The folder.

    Raises:
        ValueError: If none of the names that were tried exists; the message lists the places that were tried.
    """
    texts = [name for name in names if isinstance(name, str) and name]
    unusual = [name for name in texts if "%" in name][:2]
    sample = [*texts[:: max(1, len(texts) // _SAMPLED)][:_SAMPLED], *unusual]
    if not sample:
        return ImageFolder(find_images(annotations, images).resolve())
    best, most = None, 0
    for candidate in _candidates(annotations, images, sample):
        hits = sum(_is_there(candidate, name) for name in sample)
        if hits == len(sample):
            return candidate
        if hits > most:
            best, most = candidate, hits
    if best is None:
        find_images(annotations, images)  # raises if there is no folder at all
        places = ", ".join(str(p) for p in _places(annotations, images) if p.is_dir())
        raise ValueError(
            f"{annotations}: its images were not found, for example {sample[0]!r}; looked in {places}; name their "
            "folder with --images (--calib-images for --calib, and so on)"
        )
    return best


def _places(annotations: Path, images: Path | None) -> list[Path]:
    """List the folders that may hold the images, the likeliest first."""
    stem = annotations.stem
    subsets = list(dict.fromkeys([stem.rpartition("_")[2], stem.partition("_keypoints_")[2] or stem, stem]))
    if images is not None:
        return [Path(images), *(Path(images) / subset for subset in subsets[:2])]
    near, far = annotations.parent, annotations.parent.parent
    of_subset = [p / "images" / subset for p in (near, far) for subset in subsets]
    named = [near / "images", *(p / subset for p in (near, far) for subset in subsets), far / "images"]
    return [*of_subset, *named, near / "data", far / "data", near, far]


def _candidates(annotations: Path, images: Path | None, sample: Sequence[str]) -> Iterator[ImageFolder]:
    """Yield the folders that exist, with the names as they are first, then without their leading parts."""
    folders = [folder.resolve() for folder in _places(annotations, images) if folder.is_dir()]
    ways = [[False, True] if any(mark in name for name in sample) else [False] for mark in ("%", "\\")]
    for encoded, backslashes in product(*ways):
        parts = (sample[0].replace("\\", "/") if backslashes else sample[0]).split("/")
        for dropped in range(len(parts)):
            prefix = "".join(f"{part}/" for part in parts[:dropped])
            yield from (ImageFolder(folder, prefix, backslashes, encoded) for folder in folders)


def _is_there(folder: ImageFolder, name: str) -> bool:
    try:
        return folder.file(name).is_file()
    except (ValueError, OSError):
        return False
