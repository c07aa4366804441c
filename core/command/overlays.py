"""Pictures with skeletons, written as what they came from: a photo, a folder of photos, a film."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from poseport.command.sources import Picture, Source
from poseport.data.images import encode_image, picture_suffix
from poseport.records import write_whole

Write = Callable[[Picture, np.ndarray], None]


@contextmanager
def written(source: Source, out: Path | None) -> Iterator[Write]:
    """A function that takes each picture with its drawing (h, w, 3) uint8 RGB; a film is whole when the `with` ends.

    out: a .png or .jpg for a photo, a folder for a folder, a .mp4 for a film or camera; None: nothing is written.
    Raises ValueError for a name that does not fit.
    """
    if out is None:
        yield lambda picture, drawn: None
    elif source.moving:
        with _film(source, out) as add:
            yield add
    elif Path(source.name).is_dir():
        if out.suffix and not out.is_dir():
            raise ValueError(f"{out}: drawings of a folder's photos go into a folder; give the name of one")

        def write(picture: Picture, drawn: np.ndarray) -> None:
            write_whole(out / Path(picture.name).with_suffix(".jpg"), encode_image(drawn, ".jpg"))

        yield write
    else:
        suffix = picture_suffix(out)
        yield lambda picture, drawn: write_whole(out, encode_image(drawn, suffix))


@contextmanager
def _film(source: Source, out: Path) -> Iterator[Write]:
    """Frames into a file beside the final one, which takes its name when all are in, or when Ctrl-C ends a camera."""
    if out.suffix.lower() != ".mp4":
        raise ValueError(f"{out}: a film ends in .mp4")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.stem}.{os.getpid()}.part.mp4")
    film: cv2.VideoWriter | None = None

    def write(picture: Picture, drawn: np.ndarray) -> None:
        nonlocal film
        if film is None:
            size = drawn.shape[1], drawn.shape[0]
            film = cv2.VideoWriter(str(beside), cv2.VideoWriter.fourcc(*"mp4v"), source.rate, size)
            if not film.isOpened():
                raise ValueError(f"{out}: OpenCV cannot write films here; leave --out away, or name a folder of photos")
        film.write(np.ascontiguousarray(drawn[..., ::-1]))

    try:
        yield write
    except BaseException:
        if film is not None:
            film.release()
        beside.unlink(missing_ok=True)
        raise
    if film is not None:
        film.release()
        os.replace(beside, out)
