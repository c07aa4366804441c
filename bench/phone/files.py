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
from typing import BinaryIO, Literal

import numpy as np

from poseport.data import batches
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.records import dumps
from poseport.tflite.runner import Network

Mode = Literal["tensors", "images"]
Hardware = Literal["CPU", "GPU", "NNAPI"]


@dataclass(frozen=True)
class ImageEntry:
    """One person of `images.bin`.

    Attributes:
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        offset: Byte in the file at which the image's RGB values begin.
        boxes_xywh: The person's box, in pixels of the image.
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
        mode: Whether input tensors or whole images are sent.
        hardware: Delegate that runs the network.
        threads: Number of CPU threads.
        count: Number of people.
        warm_up: Untimed inferences after the people.
        repeat: Timed inferences after those.
        images: One entry per person in mode `images`.
        part: Number of this piece of a sustained run, from 1; 0 for the first measurement.
    """

    model: str
    mode: Mode
    hardware: Hardware
    threads: int
    count: int
    warm_up: int
    repeat: int
    images: tuple[ImageEntry, ...] = ()
    part: int = 0

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
    """A file of people that is sent to phones.

    Attributes:
        path: The local file.
        mode: Whether it holds input tensors or whole images.
        sha256: Digest of its content.
        bytes: Its size.
        count: Number of people.
        images: One entry per person in mode `images`.
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
        return f"{self.mode}.bin"


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
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / ".people.part"
    try:
        with open(partial, "wb") as file:
            if mode == "tensors":
                images: tuple[ImageEntry, ...] = ()
                for batch in batches.batches(network.spec, persons):
                    file.write(np.ascontiguousarray(network.prepare(batch.crops)).tobytes())
                    progress(len(batch.persons))
            else:
                images = _write_images(file, persons, progress)
        with open(partial, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        path = folder / f"{mode}-{digest[:16]}.bin"
        os.replace(partial, path)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return Sent(path, mode, digest, path.stat().st_size, len(persons), images)


def _write_images(file: BinaryIO, persons: Sequence[Person], progress: Callable[[int], None]) -> tuple[ImageEntry, ...]:
    written: dict[Path, tuple[int, int, int]] = {}
    entries = []
    for person in persons:
        if person.image_path not in written:
            image = read_image(person.image_path, person.image_hw)
            written[person.image_path] = (image.shape[1], image.shape[0], file.tell())
            file.write(image.tobytes())
        width, height, offset = written[person.image_path]
        entries.append(ImageEntry(width, height, offset, (person.box_xywh,)))
        progress(1)
    return tuple(entries)
