"""Write pictures with skeletons in the form of their source: a photo, a folder of photos, a film."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from poseport.command.outputs import drawing_names, refuse_overwriting
from poseport.command.sources import Picture, Source
from poseport.data.images import encode_image, picture_suffix
from poseport.records import write_whole

Write = Callable[[Picture, np.ndarray], None]


@contextmanager
def written(source: Source, out: Path | None) -> Iterator[Write]:
    """Open the output for the drawings; a film is complete when the context ends.

    Args:
        source: Where the pictures come from.
        out: A .png or .jpg for a photo, a folder for a folder, a .mp4 for a film or camera; None writes nothing.

    Yields:
        A function that writes the drawing, (h, w, 3) uint8 RGB, of a picture.

    Raises:
        ValueError: If the name of `out` does not suit the source.
    """
    if out is None:
        yield lambda picture, drawn: None
    elif source.moving:
        refuse_overwriting([Path(source.name)], [out])
        with _film(source, out) as add:
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
def _film(source: Source, out: Path) -> Iterator[Write]:
    """Write frames to a temporary file, which is renamed at the end of the film or when Ctrl-C ends a camera."""
    if out.suffix.lower() != ".mp4":
        raise ValueError(f"{out}: the name of a film must end in .mp4")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.stem}.{os.getpid()}.part.mp4")
    film: cv2.VideoWriter | None = None

    def write(picture: Picture, drawn: np.ndarray) -> None:
        nonlocal film
        if film is None:
            size = drawn.shape[1], drawn.shape[0]
            film = cv2.VideoWriter(str(beside), cv2.VideoWriter.fourcc(*"mp4v"), source.rate, size)
            if not film.isOpened():
                raise ValueError(
                    f"{out}: OpenCV cannot write films on this machine; remove --out, or use a folder of photos"
                )
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
