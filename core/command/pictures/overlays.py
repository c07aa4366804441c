"""Write pictures with skeletons in the form of their source: a photo, a folder of photos, a film."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from poseport import crop
from poseport.command.outputs import drawing_names, refuse_overwriting
from poseport.command.pictures.sound import copy_sound
from poseport.command.pictures.sources import Picture, Source
from poseport.data.images import encode_image, picture_suffix
from poseport.files.one_writer import sweep
from poseport.files.safe_path import temporary
from poseport.people import track
from poseport.records import write_whole
from poseport.tflite.quiet import quiet

_CHECKED = 25  # frames between two looks at the room on the disk
_ROOM_BYTES = 2**20

Write = Callable[[Picture, np.ndarray], None]


@contextmanager
def written(source: Source, out: Path | None, notice: Callable[[str], None] | None = None) -> Iterator[Write]:
    """Open the output for the drawings; a film is complete when the context ends.

    Args:
        source: Where the pictures come from.
        out: A .png or .jpg for a photo, a folder for a folder, a .mp4 for a film or camera; None writes nothing.
        notice: Called with the reason if the sound of a film could not be copied; the film is written without it.

    Yields:
        A function that writes the drawing, (h, w, 3) uint8 RGB, of a picture.

    Raises:
        ValueError: If the name of `out` does not suit the source.
    """
    if out is None:
        yield lambda picture, drawn: None
    elif source.moving:
        refuse_overwriting([Path(source.name)], [out])
        with _film(source, out, notice) as add:
            yield add
    elif Path(source.name).is_dir():
        names = {photo.name: name for photo, name in drawing_names(source.photos).items()}
        refuse_overwriting([Path(source.name), *source.photos], [out, *(out / name for name in names.values())])
        if out.suffix and not out.is_dir():
            raise ValueError(f"{out}: the source is a folder, so --out must be a folder too")

        def write(picture: Picture, drawn: np.ndarray) -> None:
            write_whole(out / names[picture.name], encode_image(drawn, ".jpg"))

        yield write
    else:
        suffix = picture_suffix(out)
        refuse_overwriting(source.photos, [out])
        yield lambda picture, drawn: write_whole(out, encode_image(drawn, suffix))


@contextmanager
def _film(source: Source, out: Path, notice: Callable[[str], None] | None) -> Iterator[Write]:
    """Write frames to a temporary file, which is renamed at the end of the film or when Ctrl-C ends a camera."""
    if out.suffix.lower() != ".mp4":
        raise ValueError(f"{out}: the name of a film must end in .mp4")
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent, f"{out.name}.")
    loud = temporary(out, ".sound.mp4")
    beside = temporary(out, ".mp4")  # OpenCV chooses the container by the suffix
    film: cv2.VideoWriter | None = None
    frames = 0
    first: tuple[int, int] | None = None

    def write(picture: Picture, drawn: np.ndarray) -> None:
        nonlocal film, frames, first
        if film is None:
            size = drawn.shape[1], drawn.shape[0]
            film = cv2.VideoWriter(str(beside), cv2.VideoWriter.fourcc(*"mp4v"), source.rate, size)
            if not film.isOpened():
                raise ValueError(
                    f"{out}: OpenCV cannot write films on this machine; remove --out, or use a folder of photos"
                )
        if frames % _CHECKED == 0 and shutil.disk_usage(out.parent).free < _ROOM_BYTES:
            raise ValueError(f"{out}: the disk is full after {frames} frames; make room, or choose another output")
        first = first or (drawn.shape[0], drawn.shape[1])
        if drawn.shape[:2] != first:  # OpenCV leaves out frames of another size
            drawn = crop.warp(drawn, crop.crop_matrix(track.whole(drawn.shape[:2]), first, 1.0), first)
        with quiet():  # failures are found when the film is complete
            film.write(np.ascontiguousarray(drawn[..., ::-1]))
        frames += 1

    try:
        yield write
        if film is not None:
            with quiet():
                film.release()
                film = None
                readable = _frames(beside)
            if readable != frames:
                raise ValueError(
                    f"{out}: only {readable} of {frames} frames could be written; if the disk is full, make room, or "
                    "choose another output"
                )
            os.replace(_with_sound(source, beside, frames, loud, notice), out)
    except OSError as error:
        raise ValueError(f"{out}: cannot be written ({error.strerror}); choose another output") from None
    finally:
        if film is not None:
            with quiet():
                film.release()
        beside.unlink(missing_ok=True)
        loud.unlink(missing_ok=True)


def _with_sound(source: Source, silent: Path, frames: int, loud: Path, notice: Callable[[str], None] | None) -> Path:
    """The drawn film with the sound of its source, or the silent one where there is none to copy."""
    if not Path(source.name).is_file():  # a camera or an address
        return silent
    reason = copy_sound(source, silent, frames / source.rate, loud)
    if not reason and _frames(loud) != frames:
        reason = "its pictures did not come through ffmpeg unharmed"
    if reason and notice is not None:
        notice(reason)
    return silent if reason else loud


def _frames(film: Path) -> int:
    """Number of frames in a film whose last one can be read; OpenCV's writer reports no errors."""
    reader = cv2.VideoCapture(str(film))
    try:
        count = int(reader.get(cv2.CAP_PROP_FRAME_COUNT)) if reader.isOpened() else 0
        reader.set(cv2.CAP_PROP_POS_FRAMES, count - 1)
        return count if count > 0 and reader.read()[0] else 0
    finally:
        reader.release()
