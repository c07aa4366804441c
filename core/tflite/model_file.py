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

from poseport.files.safe_path import read_file
from poseport.records import dumps, loads, write_whole
from poseport.skeleton import Skeleton
from poseport.tflite import sidecar
from poseport.tflite.card import LaterStage, ModelCard

CARD = "poseport.json"
# A card takes a few KB, and a few hundred with 10,000 calibration people. A larger one was not written by poseport.
MAX_CARD_BYTES = 8 * 2**20
MAX_MODEL_BYTES = 2**31  # offsets of a flatbuffer have 32 bits with a sign


def pack(flatbuffer: bytes, card: ModelCard, later: Sequence[bytes] = ()) -> bytes:
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
        archive.writestr(zipfile.ZipInfo(CARD), dumps(replace(card, later=tuple(listed))))
        for name, data in zip(names, later, strict=True):
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.comment = hashlib.sha256(flatbuffer).hexdigest().encode()
    return tail.getvalue()


def write(path: Path, flatbuffer: bytes, card: ModelCard, later: Sequence[bytes] = ()) -> None:
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
    if data[4:8] == b"TFL3" and sidecar.spec_path(path).is_file() and not _has_card(data):
        return data, sidecar.read_card(path, data)
    return data, _read_card(str(path), data)


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
        inner = _member(str(path), data, stage_file(number), len(data))
        if hashlib.sha256(inner).hexdigest() != stage.sha256:
            raise ValueError(f"{name} is not the one that {CARD} lists; convert it again")
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
    return _has_card(data) or sidecar.spec_path(Path(path)).is_file()


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
    if data[4:8] != b"TFL3":
        raise ValueError(f"{name}: not a TFLite file (no TFL3 mark); expected the output of `poseport convert`")
    try:
        text = _member(name, data, CARD, MAX_CARD_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: its {CARD} cannot be read ({error}); convert it again") from None
    return loads(ModelCard, text, f"{name}: {CARD}")


def _has_card(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return CARD in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _member(name: str, data: bytes, member: str, limit: int) -> bytes:
    """Read one file of the zip; `name` is what messages call the whole file, `limit` the most bytes to unpack."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if names.count(member) != 1:
                raise ValueError(f"{name}: its tail holds {names[:5]}, expected one {member}; convert it with poseport")
            entry = entries[names.index(member)]
            if entry.file_size > limit:
                raise ValueError(f"{name}: its {member} unpacks to {entry.file_size} bytes; at most {limit} are read")
            with archive.open(entry) as file:
                content = file.read(limit + 1)
            begin = min(entry.header_offset for entry in entries)
            # a card that another tool appended comes without a digest
            if archive.comment not in (b"", hashlib.sha256(data[:begin]).hexdigest().encode()):
                raise ValueError(f"{name}: is damaged: not the bytes that were written; copy or convert it again")
            if len(content) > limit:
                raise ValueError(f"{name}: its {member} unpacks to more bytes than it says; copy the file again")
            return content
    except zipfile.BadZipFile as error:
        beside = sidecar.spec_path(Path(name)).name
        raise ValueError(
            f"{name}: carries no {member}: either it was not made by `poseport convert`, or the file is cut off "
            f"({error}); a file that others made needs its spec beside it as {beside} (see docs/foreign.md)"
        ) from None
    except (RuntimeError, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{name}: its {member} cannot be read ({error}); convert it again") from None
