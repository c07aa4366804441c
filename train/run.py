"""The folder of a run: its record, its last whole epoch, and whether another command may go on with it."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import keras

from poseport import __version__, bundle
from poseport.data.people import People
from poseport.records import read_json, write_json
from poseport.spec import PoseSpec
from poseport.train.begin import finetune
from poseport.train.begin.finetune import Initial
from poseport.train.config import TrainConfig
from poseport.train.progress.log import COLUMNS, SCORES, best_row, read_log, stalled, write_log

# what an array takes in a weights file beside its numbers, generously
_HDF5_BYTES = 4096


@dataclass(frozen=True)
class DataUsed:
    """file: name of the annotations. people: how many were used after filtering."""

    file: str
    sha256: str
    people: int


@dataclass(frozen=True)
class Compression:
    """How a bundle was made smaller. amount: share of zeros (pruned), different weights a layer (clustered), or
    the architecture's new width (narrowed).
    """

    kind: Literal["pruned", "clustered", "narrowed"]
    amount: float


@dataclass(frozen=True)
class TrainRecord:
    """`train.json`: how a bundle came to be.

    initial: where its first weights came from, if from a bundle. compression: what was done to them. best: scores
    of the epoch whose weights were kept. preprocessing: fingerprint of how people were cropped and normalised
    (`pose.fingerprint`).
    """

    train: TrainConfig
    data: DataUsed
    val: DataUsed | None
    versions: dict[str, str]
    parameters: int
    initial: Initial | None = None
    epochs_done: int = 0
    seconds: float = 0.0
    best: dict[str, float] | None = None
    backgrounds: str | None = None
    compression: Compression | None = None
    preprocessing: str | None = None


def record(settings: TrainConfig, people: People, val: People | None, backgrounds: str | None) -> TrainRecord:
    """Of a run that has not begun. backgrounds: digest of their photos."""
    return TrainRecord(
        settings, _used(people), _used(val) if val else None, versions(), parameters=0, backgrounds=backgrounds
    )


def read_record(folder: Path) -> TrainRecord:
    """How a bundle was trained; ValueError for one that does not say, or says it in another version's words."""
    path = folder / bundle.TRAIN
    if not path.is_file():
        raise ValueError(f"{folder}: holds no {bundle.TRAIN}, so how to train it further is not known; train it again")
    try:
        return read_json(TrainRecord, path)
    except ValueError as error:
        raise ValueError(f"{error}; this poseport did not write it: train the bundle again") from None


def check_new(out: Path) -> None:
    """ValueError for a folder that is there already."""
    if out.exists():
        raise ValueError(f"{out}: is there already; name another --out")


def check_room(model: Any, folder: Path) -> None:
    """ValueError where the disk has no room for a network's weights: HDF5 would not say so, but end the process.

    model: with its optimizer, if it has one. folder: exists.
    """
    optimizer = getattr(model, "optimizer", None)
    kept = [*model.variables, *(optimizer.variables if optimizer else ())]
    needed = sum(4 * math.prod(one.shape) + _HDF5_BYTES for one in kept)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ValueError(f"{folder}: {needed / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB free; make room")


def write_bundle(out: Path, spec: PoseSpec, model: Any, made: TrainRecord) -> None:
    """A bundle that no run wrote epoch by epoch; whole or not at all."""
    check_new(out)
    beside = out.with_name(f".{out.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        bundle.write_spec(beside, spec)
        write_json(made, beside / bundle.TRAIN)
        check_room(model, beside)
        model.save_weights(beside / bundle.WEIGHTS)
        os.replace(beside, out)
    except OSError as error:
        raise ValueError(f"{out}: cannot be written ({error}); choose another output") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def versions() -> dict[str, str]:
    """Versions of what made the weights."""
    names = ("keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"poseport": __version__, "python": platform.python_version(), **found}


def state(out: Path) -> Path | None:
    """The resume file of the last whole epoch."""
    return max((out / bundle.RESUME).glob("epoch-*.weights.h5"), default=None)


def next_epoch(out: Path, settings: TrainConfig) -> int:
    """The epoch (from 0) to train next; `settings.epochs` where that is none, as when patience has run out."""
    if stalled(read_log(out), settings.patience, settings.freeze_epochs):
        return settings.epochs
    return _epochs_kept(out)


def check_folder(out: Path, resume: bool) -> None:
    """ValueError for a folder that holds a run when none is to be resumed, or none when one is."""
    begun = (out / bundle.SPEC).exists() or state(out) is not None
    if begun and not resume:
        raise ValueError(f"{out}: holds a run already; add --resume to continue it, or name another --out")
    if resume and not begun:
        raise ValueError(f"{out}: holds no run to resume; leave --resume away to start one")


def resumed(out: Path, spec: PoseSpec, new: TrainRecord, init: Path | None) -> TrainRecord:
    """Check that a folder holds the begun run of this record, and cut its log back to what is kept."""
    old_spec, old = read_json(PoseSpec, out / bundle.SPEC), read_json(TrainRecord, out / bundle.TRAIN)
    begun = finetune.digest(init) if init is not None else None
    if old_spec != spec or (old.train, old.data, old.backgrounds) != (new.train, new.data, new.backgrounds):
        differs = "other settings or other people"
    elif (old.initial.weights_sha256 if old.initial else None) != begun:
        differs = "another --init"
    elif state(out) is None and (out / bundle.LAST_WEIGHTS).exists():
        raise ValueError(f"{out}: has finished after {old.epochs_done} epochs; nothing is left to resume")
    else:
        write_log(out, [row for row in read_log(out) if row["epoch"] <= _epochs_kept(out)])
        return replace(new, initial=old.initial)
    raise ValueError(
        f"{out}: was begun with {differs} than this command's; give the same ones "
        f"({out / bundle.TRAIN} lists them), or name another --out"
    )


def with_log(begun: TrainRecord, out: Path) -> TrainRecord:
    """The record with what the log says of the run so far."""
    rows = read_log(out)
    if not rows:
        return begun
    best = best_row(rows)
    return replace(
        begun,
        epochs_done=int(rows[-1]["epoch"]),
        seconds=rows[-1]["seconds"],
        best={name: best[name] for name in COLUMNS if name in (*SCORES, "epoch")} if best else None,
    )


def keep_last(out: Path) -> None:
    """The state of the last epoch becomes `last.weights.h5`: the run has ended."""
    last = state(out)
    if last is not None:
        last.replace(out / bundle.LAST_WEIGHTS)
    shutil.rmtree(out / bundle.RESUME, ignore_errors=True)


def _used(people: People) -> DataUsed:
    return DataUsed(people.path.name, people.sha256, len(people))


def _epochs_kept(out: Path) -> int:
    last = state(out)
    return int(last.name.split("-")[1].split(".")[0]) if last is not None else 0
