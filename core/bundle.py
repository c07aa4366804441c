"""The two artefacts: a bundle (train -> convert) and a .tflite with its card inside (convert -> bench, phone).

A bundle is a folder with `spec.json`, `model.weights.h5` (the best epoch's), `train.json` and `log.csv`, and beside
them `last.weights.h5` (the last epoch's, with the optimizer) and `curves.png`; `pictures/` and `tensorboard/` where
they were asked for. A converted file is a TFLite flatbuffer followed by a zip that holds `poseport.json`, TFLite's
form of an associated file: interpreters ignore the tail, `zipfile` and `java.util.zip.ZipFile` read it. A file that
others made has its spec beside it instead (see `sidecar`).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

from poseport import sidecar
from poseport.records import dumps, loads, read_json, write_json, write_whole
from poseport.spec import ModelCard, PoseSpec

CARD = "poseport.json"
SPEC = "spec.json"
WEIGHTS = "model.weights.h5"
LAST_WEIGHTS = "last.weights.h5"
LOG = "log.csv"
TRAIN = "train.json"
CURVES = "curves.png"
PICTURES = "pictures"
EVENTS = "tensorboard"
# A card is a few KB, 10,000 calibration people make it a few hundred. A tail that unpacks to more than
# this is not ours.
MAX_CARD_BYTES = 8 * 2**20


def write_spec(directory: Path, spec: PoseSpec) -> None:
    """Begin a bundle."""
    write_json(spec, Path(directory) / SPEC)


def read_spec(directory: Path) -> PoseSpec:
    """The spec of a bundle; ValueError says what is missing."""
    directory = Path(directory)
    for name in (SPEC, WEIGHTS):
        if not (directory / name).is_file():
            raise ValueError(
                f"{directory}: holds no {name}, so it is not a bundle; expected the folder that "
                "`poseport train --out` wrote"
            )
    return read_json(PoseSpec, directory / SPEC)


def sha256(path: Path) -> str:
    """sha256 of a file, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(flatbuffer: bytes, card: ModelCard) -> bytes:
    """A flatbuffer with its card appended. The zip is stored without compression and without a date,
    so that the same model gives the same bytes; its comment is the flatbuffer's sha256.
    """
    tail = io.BytesIO()
    tail.write(flatbuffer)
    with zipfile.ZipFile(tail, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(CARD), dumps(card))
        archive.comment = hashlib.sha256(flatbuffer).hexdigest().encode()
    return tail.getvalue()


def write_model(path: Path, flatbuffer: bytes, card: ModelCard) -> None:
    """Write a converted file, whole or not at all."""
    write_whole(Path(path), pack(flatbuffer, card))


def read_model(path: Path) -> tuple[bytes, ModelCard]:
    """The file's bytes and its card: the one inside, or else one made from the spec beside it.

    Raises ValueError for a file that is not TFLite, is cut off or was changed since it was written, has no card,
    one of a newer schema, or a tail that is not ours.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); expected a .tflite file") from None
    if data[4:8] != b"TFL3":
        raise ValueError(f"{path}: not a TFLite file (no TFL3 mark); expected the output of `poseport convert`")
    if sidecar.spec_path(path).is_file() and not _has_card(data):
        return data, sidecar.read_card(path, data)
    return data, loads(ModelCard, _card_text(path, data), f"{path}: {CARD}")


def _has_card(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return CARD in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _card_text(path: Path, data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if names.count(CARD) != 1:
                raise ValueError(f"{path}: its tail holds {names[:5]}, expected one {CARD}; convert it with poseport")
            entry = entries[names.index(CARD)]
            if entry.file_size > MAX_CARD_BYTES:
                raise ValueError(f"{path}: its {CARD} unpacks to {entry.file_size} bytes, which is not ours; refused")
            with archive.open(entry) as member:
                text = member.read(MAX_CARD_BYTES + 1)
            # files of the first versions have no digest
            if archive.comment not in (b"", hashlib.sha256(data[: entry.header_offset]).hexdigest().encode()):
                raise ValueError(f"{path}: is damaged: not the bytes that were written; copy or convert it again")
            if len(text) > MAX_CARD_BYTES:
                raise ValueError(f"{path}: its {CARD} unpacks to more than it says, which is not ours; refused")
            return text.decode("utf-8")
    except zipfile.BadZipFile:
        raise ValueError(
            f"{path}: carries no {CARD}: either it was not made by `poseport convert`, or the file is cut off; "
            f"a file that others made needs its spec beside it as {sidecar.spec_path(path).name} (see docs/foreign.md)"
        ) from None
    except (RuntimeError, NotImplementedError, EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
        raise ValueError(f"{path}: its {CARD} cannot be read ({error}); convert it again") from None
