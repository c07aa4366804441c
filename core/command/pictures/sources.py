"""Sources of pictures: a photo, a folder of photos, a film or a camera."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from poseport.data.image_header import check_pixels
from poseport.data.images import read_image
from poseport.files.escape import terminal
from poseport.files.safe_path import check_regular
from poseport.tflite.quiet import quiet

PHOTOS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".mpo")
FILMS = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".3gp", ".3g2", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".ogv",
)  # fmt: skip
MAX_FILM_BYTES = 2**40
# photos that OpenCV cannot read
UNREADABLE = (
    ".heic", ".heif", ".hif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".raw", ".psd",
    ".svg",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture.

    Attributes:
        name: File name of the photo or film, or number of the camera.
        index: Position in the source, from 0.
        image: (h, w, 3) uint8 RGB.
    """

    name: str
    index: int
    image: np.ndarray


@dataclass(frozen=True)
class Source:
    """A source of pictures.

    Attributes:
        name: As given on the command line; for a camera, its number.
        photos: Files of the photos; empty for a film or a camera.
        count: Number of pictures, 0 if unknown.
        left_out: Names of files in a folder that look like pictures and cannot be read.
        folders: Names of the folders in a folder that hold photos, which are not searched.
        rate: Frames per second of a film or camera.
    """

    name: str
    photos: tuple[Path, ...] = ()
    count: int = 0
    rate: float = 0.0
    left_out: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def moving(self) -> bool:
        """Whether the pictures are frames, each close to the one before."""
        return not self.photos

    def notices(self) -> Iterator[str]:
        """Say what in a folder is not among the photos, one line for each kind."""
        if self.left_out:
            yield (
                f"{len(self.left_out)} files were left out, because they are not photos that can be read: "
                f"{_first(self.left_out)}"
            )
        if self.folders:
            yield f"{len(self.folders)} folders with photos were not searched; name each one: {_first(self.folders)}"

    def pictures(self, broken: Callable[[str], None] | None = None) -> Iterator[Picture]:
        """Read the pictures one after the other.

        Args:
            broken: Called with the reason for each photo that cannot be read, which is left out; None raises.

        Yields:
            The pictures in order.

        Raises:
            ValueError: If a photo cannot be read.
        """
        for i, path in enumerate(self.photos):
            try:
                image = read_image(path)
            except ValueError as error:
                if broken is None:
                    raise
                broken(str(error))
                continue
            yield Picture(path.name, i, image)
        if self.photos:
            return
        film = _open(self.name)
        try:
            index = 0
            while True:
                there, frame = film.read()
                if not there:
                    return
                yield Picture(Path(self.name).name, index, np.ascontiguousarray(frame[..., ::-1]))
                index += 1
        finally:
            film.release()


def find(name: str) -> Source:
    """Find the source that a command line names.

    Args:
        name: The path of a photo, a folder or a film, the number of a camera, or an address.

    Returns:
        The source.

    Raises:
        ValueError: If a folder holds no photo, or a film or camera cannot be opened.
    """
    path = Path(name)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if not p.name.startswith("."))  # ._x.jpg is macOS's
        photos = tuple(p for p in files if _is_photo(p))
        folders = tuple(p.name for p in files if p.is_dir() and any(q.suffix.lower() in PHOTOS for q in p.iterdir()))
        if not photos:
            inside = f"; its folder {folders[0]} holds photos, name that" if folders else ""
            raise ValueError(f"{path}: holds no photo; expected files that end in {', '.join(PHOTOS)}{inside}")
        left_out = tuple(p.name for p in files if p.suffix.lower() in (*UNREADABLE, *FILMS))
        return Source(name, photos, len(photos), left_out=left_out, folders=folders)
    if not _is_stream(name) and path.suffix.lower() not in FILMS:
        return Source(name, (path,), 1)
    film = _open(name)
    count, rate = int(film.get(cv2.CAP_PROP_FRAME_COUNT)), film.get(cv2.CAP_PROP_FPS)
    film.release()
    return Source(name, (), 0 if _is_stream(name) else max(count, 0), rate if 0 < rate < 1000 else 25.0)


def _first(names: tuple[str, ...]) -> str:
    return ", ".join(map(terminal, names[:5])) + (", ..." if len(names) > 5 else "")


def _is_photo(path: Path) -> bool:
    """Whether a file of a folder is a photo, by its suffix or, without a known one, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in PHOTOS:
        return True
    return suffix not in (*UNREADABLE, *FILMS) and path.is_file() and bool(cv2.haveImageReader(str(path)))


def _open(name: str) -> cv2.VideoCapture:
    if not _is_stream(name):
        if not Path(name).exists():
            raise ValueError(f"{name}: no such file")
        check_regular(Path(name), MAX_FILM_BYTES)
    os.environ.setdefault(
        "OPENCV_FFMPEG_LOGLEVEL", "-8"
    )  # messages of FFmpeg about a damaged film are not for the user
    with quiet():  # OpenCV's readers print errors for a missing camera
        film = cv2.VideoCapture(int(name) if _is_number(name) else name)
    if not film.isOpened():
        if _is_stream(name):
            raise ValueError(f"{name}: this camera cannot be opened; check its number or address, and who else uses it")
        raise ValueError(
            f"{name}: this film cannot be opened; it may be cut off, or of a form that OpenCV cannot read; copy it "
            "again or convert it to .mp4"
        )
    try:
        check_pixels(int(film.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(film.get(cv2.CAP_PROP_FRAME_WIDTH)), name)
    except ValueError:
        film.release()
        raise
    return film


def _is_stream(name: str) -> bool:
    """Whether a source has no end: a camera by its number or device, or an address."""
    return _is_number(name) or "://" in name or name.startswith("/dev/video")


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
