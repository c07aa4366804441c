"""A converted model as one file: a TFLite flatbuffer with its card appended.

The card is `poseport.json` in a zip behind the flatbuffer, which is how TFLite stores associated files: interpreters
ignore the tail, and any zip tool reads it. A .tflite file from another project has no card; its spec is a JSON file
beside it (see `poseport.tflite.sidecar`).

A cascade is one file, too: the zip of the first stage's file holds the files of the later ones as `stage2.tflite`,
`stage3.tflite`, ..., each with its own card.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from poseport.files.json_text import parse_json
from poseport.files.safe_path import read_file
from poseport.records import dumps, loads, write_whole
from poseport.skeleton import Skeleton
from poseport.tflite import file_tail, sidecar
from poseport.tflite.card import DetectorCard, LaterStage, ModelCard

MAX_MODEL_BYTES = 2**31  # offsets of a flatbuffer have 32 bits with a sign


def pack(flatbuffer: bytes, card: ModelCard | DetectorCard, later: Sequence[bytes] = ()) -> bytes:
    """Append a card to a flatbuffer.

    The zip is stored without compression and without dates, so that the same model gives the same bytes and
    Android can map the file into memory. The zip's comment is the flatbuffer's sha256.

    Args:
        flatbuffer: the network.
        card: its card; the list of later stages is filled in here.
        later: the packed files of a cascade's later stages, in order.

    Returns:
        The bytes of the whole file.

    Raises:
        ValueError: if a later stage carries no readable card.
    """
    names = [stage_file(i) for i in range(2, len(later) + 2)]
    listed = []
    for name, data in zip(names, later, strict=True):
        theirs = _read_card(name, data)
        listed.append(LaterStage(theirs.spec.name, hashlib.sha256(data).hexdigest(), theirs.conversion.weights_sha256))
    tail = io.BytesIO()
    tail.write(flatbuffer)
    with zipfile.ZipFile(tail, "a", zipfile.ZIP_STORED) as archive:
        whole = replace(card, later=tuple(listed)) if isinstance(card, ModelCard) else card
        archive.writestr(zipfile.ZipInfo(file_tail.CARD), dumps(whole))
        for name, data in zip(names, later, strict=True):
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.comment = hashlib.sha256(flatbuffer).hexdigest().encode()
    return tail.getvalue()


def write(path: Path, flatbuffer: bytes, card: ModelCard | DetectorCard, later: Sequence[bytes] = ()) -> None:
    """Write a converted file completely or not at all.

    Args:
        path: the file.
        flatbuffer: as in `pack`.
        card: as in `pack`.
        later: as in `pack`.

    Raises:
        ValueError: if the file cannot be written.
    """
    write_whole(Path(path), pack(flatbuffer, card, later))


def read(path: Path) -> tuple[bytes, ModelCard]:
    """Read a converted file, or a .tflite file from another project that has its spec beside it.

    Args:
        path: the .tflite file.

    Returns:
        The bytes of the file and its card. For a cascade it is the card of the first stage; for a file from another
        project it is made from the spec beside it.

    Raises:
        ValueError: if the file is not TFLite, is cut off, was changed after it was written, has no card, a card of
            a newer schema, or a tail that poseport did not write.
    """
    path = Path(path)
    data = read_bytes(path)
    if data[4:8] == b"TFL3" and sidecar.spec_path(path).is_file() and not file_tail.has_card(data):
        return data, sidecar.read_card(path, data)
    return data, _read_card(str(path), data)


def read_detector(path: Path) -> tuple[bytes, DetectorCard]:
    """Read a person detector that poseport converted.

    Args:
        path: the .tflite file.

    Returns:
        The bytes of the file and its card.

    Raises:
        ValueError: as `read`, and if the file is another network.
    """
    path = Path(path)
    data = read_bytes(path)
    text = file_tail.card_text(str(path), data)
    if not _of_detector(text):
        raise ValueError(f"{path}: is a pose network; expected a person detector, such as `person`")
    return data, loads(DetectorCard, text, f"{path}: {file_tail.CARD}")


def is_detector(data: bytes) -> bool:
    """Whether a file's card says that it is a person detector; False without a card that can be read.

    Args:
        data: the bytes of the file.
    """
    try:
        return _of_detector(file_tail.card_text("", data))
    except ValueError:
        return False


def skeletons_of(paths: Iterable[Path]) -> tuple[Skeleton, ...]:
    """The keypoint sets of files, by which the people they are measured on are read; a file without a card has none."""
    found = []
    for path in paths:
        with suppress(ValueError):  # whoever needs the card says so
            found.append(read(path)[1].spec.skeleton)
    return tuple(found)


def read_stages(path: Path) -> list[tuple[bytes, ModelCard]]:
    """Read a converted file with all the networks in it.

    Args:
        path: the .tflite file.

    Returns:
        The bytes and the card of each network, in the order in which they run: one pair for an ordinary file,
        several for a cascade.

    Raises:
        ValueError: as `read`, and if a later stage is missing, damaged, not the one that the card lists, or does
            not refine the keypoints of the first.
    """
    data, card = read(path)
    stages = [(data, card)]
    if card.spec.refine is not None:
        raise ValueError(f"{path}: is a later stage without the first; convert the whole bundle again")
    for number, stage in enumerate(card.later, 2):
        name = f"{path}: {stage_file(number)}"
        # a stored member cannot be larger than the file around it
        inner = file_tail.member(str(path), data, stage_file(number), len(data))
        if hashlib.sha256(inner).hexdigest() != stage.sha256:
            raise ValueError(f"{name} is not the one that {file_tail.CARD} lists; convert it again")
        theirs = _read_card(name, inner)
        if theirs.spec.refine is None or theirs.later or theirs.spec.skeleton.names != card.spec.skeleton.names:
            raise ValueError(f"{name} does not refine the keypoints of {card.spec.name}; convert it again")
        stages.append((inner, theirs))
    return stages


def has_spec(path: Path, data: bytes) -> bool:
    """Whether a .tflite file has its spec, in a card inside or in a file beside it.

    A card that cannot be read counts; `read` reports what is wrong with it.

    Args:
        path: the file.
        data: its bytes.
    """
    return file_tail.has_card(data) or sidecar.spec_path(Path(path)).is_file()


def read_bytes(path: Path) -> bytes:
    """Read the bytes of a .tflite file.

    Args:
        path: the file.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        return read_file(Path(path), MAX_MODEL_BYTES)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); expected a .tflite file") from None


def stage_file(number: int) -> str:
    """Name of the file of a later stage inside that of the first one, such as `stage2.tflite`.

    Args:
        number: number of the stage, from 2.
    """
    return f"stage{number}.tflite"


def zipped_bytes(data: bytes) -> int:
    """Size of a file in bytes when it is deflated, as downloads and app packages are.

    Args:
        data: the file.
    """
    return len(zlib.compress(data, 9))


def _read_card(name: str, data: bytes) -> ModelCard:
    text = file_tail.card_text(name, data)
    if _of_detector(text):
        raise ValueError(f"{name}: is a person detector; expected a pose network (detectors go with --detector)")
    return loads(ModelCard, text, f"{name}: {file_tail.CARD}")


def _of_detector(text: str) -> bool:
    try:
        card = parse_json(text)
    except ValueError:
        return False  # whoever reads the card says what is wrong with it
    spec = card.get("spec") if isinstance(card, dict) else None
    return isinstance(spec, dict) and spec.get("kind") == "detector"
