"""The files for a measurement on a phone: a description, and the input tensors or whole images of people.

docs/android.md specifies the description and the results; the app reads the same format.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

import numpy as np

from poseport.data import batches
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.records import dumps
from poseport.tflite.runner import Network

# input tensors, or whole images with boxes, for a pose network; pictures for a person detector alone, or for a detector
# and a pose network behind it
Mode = Literal["tensors", "images", "detector", "pictures"]
Hardware = Literal["CPU", "GPU", "NNAPI"]


@dataclass(frozen=True)
class ImageEntry:
    """One person or picture of `images.bin`.

    Attributes:
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        offset: Byte in the file at which the image's RGB values begin.
        boxes_xywh: The person's box, in pixels of the image; empty for a picture in which a detector looks for people.
    """

    width: int
    height: int
    offset: int
    boxes_xywh: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Description:
    """The content of `run.json`.

    Attributes:
        model: Name of the model's file in the same folder.
        mode: What is sent, and what is measured.
        hardware: Delegate that runs the network.
        threads: Number of CPU threads.
        count: Number of people or pictures.
        warm_up: Untimed inferences (or pictures) after those.
        repeat: Timed ones after those.
        images: One entry per person in mode `images`, one per picture in `detector` and `pictures`.
        part: Number of this piece of a sustained run, from 1; 0 for the first measurement.
        detector: Name of the detector's file in mode `pictures`.
    """

    ADDED: ClassVar = ("detector",)

    model: str
    mode: Mode
    hardware: Hardware
    threads: int
    count: int
    warm_up: int
    repeat: int
    images: tuple[ImageEntry, ...] = ()
    part: int = 0
    detector: str = ""

    @property
    def items(self) -> str:
        """What is counted."""
        return "people" if self.mode in ("tensors", "images") else "pictures"

    @property
    def text(self) -> str:
        """The text of the file."""
        return dumps(self)

    def identity(self, model: bytes) -> str:
        """Compute the sha256 by which the app marks results of this description and this model.

        Args:
            model: Bytes of the model's file.

        Returns:
            64 hex digits.
        """
        return hashlib.sha256(self.text.encode() + model).hexdigest()


@dataclass(frozen=True)
class Sent:
    """A file of people or pictures that is sent to phones.

    Attributes:
        path: The local file.
        mode: What is measured with it.
        sha256: Digest of its content.
        bytes: Its size.
        count: Number of people or pictures.
        images: As in `Description`.
    """

    path: Path
    mode: Mode
    sha256: str
    bytes: int
    count: int
    images: tuple[ImageEntry, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file on the phone."""
        return "tensors.bin" if self.mode == "tensors" else "images.bin"


def write_people(
    network: Network, persons: Sequence[Person], mode: Mode, folder: Path, progress: Callable[[int], None]
) -> Sent:
    """Write the people of a run into a folder, in a file named after its content.

    Args:
        network: The network whose input tensors are written, bit for bit as on this machine.
        persons: N people to crop.
        mode: `tensors` for input tensors, `images` for whole images, each written once.
        folder: Folder of the file; created if missing.
        progress: Called with the number of people just done.

    Returns:
        The file.

    Raises:
        ValueError: if an image cannot be read, or the folder cannot be written.
    """

    def fill(file: BinaryIO) -> tuple[ImageEntry, ...]:
        if mode == "images":
            return _write_images(file, [(p.image_path, p.image_hw, (p.box_xywh,)) for p in persons], progress)
        for batch in batches.batches(network.spec, persons):
            file.write(np.ascontiguousarray(network.prepare(batch.crops)).tobytes())
            progress(len(batch.persons))
        return ()

    return _written(folder, mode, len(persons), fill)


def write_pictures(paths: Sequence[Path], folder: Path, progress: Callable[[int], None]) -> Sent:
    """Write whole pictures, in which a detector is to look for people, as `write_people` writes people.

    Args:
        paths: The image files.
        folder: Folder of the file; created if missing.
        progress: Called with 1 for each picture.

    Returns:
        The file, for mode `detector`.

    Raises:
        ValueError: if an image cannot be read, or the folder cannot be written.
    """

    def fill(file: BinaryIO) -> tuple[ImageEntry, ...]:
        return _write_images(file, [(path, None, ()) for path in paths], progress)

    return _written(folder, "detector", len(paths), fill)


def _written(folder: Path, mode: Mode, count: int, fill: Callable[[BinaryIO], tuple[ImageEntry, ...]]) -> Sent:
    partial = folder / ".people.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            images = fill(file)
        with open(partial, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        path = folder / f"{mode}-{digest[:16]}.bin"
        os.replace(partial, path)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return Sent(path, mode, digest, path.stat().st_size, count, images)


def _write_images(
    file: BinaryIO,
    wanted: Sequence[tuple[Path, tuple[int, int] | None, tuple[tuple[float, float, float, float], ...]]],
    progress: Callable[[int], None],
) -> tuple[ImageEntry, ...]:
    """Write each image once. wanted: file, height and width if they are known, and boxes."""
    written: dict[Path, tuple[int, int, int]] = {}
    entries = []
    for path, image_hw, boxes_xywh in wanted:
        if path not in written:
            image = read_image(path, image_hw)
            written[path] = (image.shape[1], image.shape[0], file.tell())
            file.write(image.tobytes())
        entries.append(ImageEntry(*written[path], boxes_xywh))
        progress(1)
    return tuple(entries)
