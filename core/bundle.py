"""The two artefacts: a bundle (train -> convert) and a .tflite with its card inside (convert -> bench, phone).

A bundle is a folder with `spec.json`, `model.weights.h5` (the best epoch's), `train.json` and `log.csv`, and beside
them `last.weights.h5` (the last epoch's, with the optimizer) and `curves.png`; `resume/` while it trains;
`pictures/` and `tensorboard/` where they were asked for. A converted file is a TFLite flatbuffer followed by a zip
that holds `poseport.json`, TFLite's form of an associated file: interpreters ignore the tail, `zipfile` and
`java.util.zip.ZipFile` read it. A file that others made has its spec beside it instead (see `sidecar`).

A cascade is one folder and one file: a later stage's bundle holds the one that it refines as `previous/`
(and in `refine.json` the errors that it was trained on); in the zip of the first stage's file lie those of
the later ones, as `stage2.tflite` and so on, each with a card of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from poseport import pose
from poseport.records import dumps, loads, read_json, write_json, write_whole
from poseport.spec import KeypointsOutput, PoseSpec
from poseport.tflite import sidecar
from poseport.tflite.card import LaterStage, ModelCard

CARD = "poseport.json"
SPEC = "spec.json"
WEIGHTS = "model.weights.h5"
LAST_WEIGHTS = "last.weights.h5"
RESUME = "resume"
LOG = "log.csv"
TRAIN = "train.json"
CURVES = "curves.png"
PICTURES = "pictures"
EVENTS = "tensorboard"
PREVIOUS = "previous"
REFINE = "refine.json"
# A card is a few KB, 10,000 calibration people make it a few hundred. A tail that unpacks to more than
# this is not ours.
MAX_CARD_BYTES = 8 * 2**20
MAX_STAGES = 8


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
    spec = read_json(PoseSpec, directory / SPEC)
    if isinstance(spec.output, KeypointsOutput):
        raise ValueError(
            f"{directory / SPEC}: its output is {spec.output.kind}, which a network gets when it is converted "
            "(--head keypoints); expected the output that it was trained with"
        )
    trained = _preprocessing(directory)
    if trained is not None and trained != pose.fingerprint(spec):
        raise ValueError(
            f"{directory / SPEC}: crops or normalises otherwise than the training did (its {TRAIN} says {trained}, "
            f"this is {pose.fingerprint(spec)}); restore input_hw, padding, mean, std and channel_order, or train again"
        )
    return spec


def _preprocessing(directory: Path) -> str | None:
    """The fingerprint (`pose.fingerprint`) that training noted; None where it did not, or does not say how."""
    try:
        noted = json.loads((directory / TRAIN).read_text(encoding="utf-8")).get("preprocessing")
    except (OSError, ValueError, AttributeError):
        return None
    return noted if isinstance(noted, str) else None


def stages(directory: Path) -> list[Path]:
    """The bundles of a cascade, first stage first; of an ordinary bundle just itself.

    Raises ValueError when one of them is not a bundle, or finds other keypoints than the next.
    """
    found = [Path(directory)]
    spec = read_spec(found[0])
    while (last := read_spec(found[0])).refine is not None:
        found.insert(0, found[0] / PREVIOUS)
        if len(found) > MAX_STAGES:
            raise ValueError(f"{directory}: more than {MAX_STAGES} stages inside each other; expected a cascade")
        if read_spec(found[0]).skeleton.names != spec.skeleton.names:
            raise ValueError(f"{found[0]}: finds other keypoints than {last.name}, which refines them; train it again")
    return found


def adopt(previous: Path, directory: Path) -> None:
    """Copy a bundle into the one that refines it, with all that it refines itself; whole or not at all.

    Where there is one already (a run that is resumed) it must have the same weights; ValueError if not.
    """
    inside = Path(directory) / PREVIOUS
    if inside.exists():
        theirs, ours = ([sha256(stage / WEIGHTS) for stage in stages(place)] for place in (previous, inside))
        if theirs != ours:
            raise ValueError(f"{directory}: refines another bundle than {previous}; give that one, or another --out")
        return
    stages(previous)
    kept = {SPEC, WEIGHTS, TRAIN, LOG, REFINE, PREVIOUS}  # not what is only needed to go on training it
    beside = Path(directory) / f".{PREVIOUS}.part"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        shutil.copytree(previous, beside, ignore=lambda folder, names: set(names) - kept)
        os.replace(beside, inside)
    except OSError as error:
        raise ValueError(f"{directory}: {previous} cannot be copied into it ({error}); choose another output") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sha256(path: Path) -> str:
    """sha256 of a file, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def zipped_bytes(data: bytes) -> int:
    """What a file takes in a download or an app's package, which both deflate."""
    return len(zlib.compress(data, 9))


def pack(flatbuffer: bytes, card: ModelCard, later: Sequence[bytes] = ()) -> bytes:
    """A flatbuffer with its card appended. The zip is stored without compression and without a date,
    so that the same model gives the same bytes; its comment is the flatbuffer's sha256.

    later: the packed files of a cascade's later stages, in order; the card then lists them.
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


def stage_file(number: int) -> str:
    """Name of the file of a later stage inside the first one's: `stage2.tflite` and so on."""
    return f"stage{number}.tflite"


def write_model(path: Path, flatbuffer: bytes, card: ModelCard, later: Sequence[bytes] = ()) -> None:
    """Write a converted file, whole or not at all."""
    write_whole(Path(path), pack(flatbuffer, card, later))


def read_model(path: Path) -> tuple[bytes, ModelCard]:
    """The file's bytes and its card (of a cascade the first stage's): the one inside, or else one made from the
    spec beside it.

    Raises ValueError for a file that is not TFLite, is cut off or was changed since it was written, has no card,
    one of a newer schema, or a tail that is not ours.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); expected a .tflite file") from None
    if data[4:8] == b"TFL3" and sidecar.spec_path(path).is_file() and not _has_card(data):
        return data, sidecar.read_card(path, data)
    return data, _read_card(str(path), data)


def read_stages(path: Path) -> list[tuple[bytes, ModelCard]]:
    """Bytes and card of every stage of a file, the first one's first; of an ordinary file that alone.

    Raises ValueError as `read_model` does, and when a later stage is missing, damaged, not the one that the
    card lists, or does not refine the keypoints of the first.
    """
    data, card = read_model(path)
    found = [(data, card)]
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
        found.append((inner, theirs))
    return found


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
    """One file of the tail; name: what errors call the whole. limit: bytes that it may unpack to."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if names.count(member) != 1:
                raise ValueError(f"{name}: its tail holds {names[:5]}, expected one {member}; convert it with poseport")
            entry = entries[names.index(member)]
            if entry.file_size > limit:
                raise ValueError(f"{name}: its {member} unpacks to {entry.file_size} bytes, which is not ours; refused")
            with archive.open(entry) as file:
                found = file.read(limit + 1)
            begin = min(entry.header_offset for entry in entries)
            # a card that another tool appended comes without a digest
            if archive.comment not in (b"", hashlib.sha256(data[:begin]).hexdigest().encode()):
                raise ValueError(f"{name}: is damaged: not the bytes that were written; copy or convert it again")
            if len(found) > limit:
                raise ValueError(f"{name}: its {member} unpacks to more than it says, which is not ours; refused")
            return found
    except zipfile.BadZipFile as error:
        beside = sidecar.spec_path(Path(name)).name
        raise ValueError(
            f"{name}: carries no {member}: either it was not made by `poseport convert`, or the file is cut off "
            f"({error}); a file that others made needs its spec beside it as {beside} (see docs/foreign.md)"
        ) from None
    except (RuntimeError, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{name}: its {member} cannot be read ({error}); convert it again") from None
