"""The folder of a run: its last whole epoch, and whether a command may start or resume a run in it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from poseport import bundle
from poseport.records import read_json, write_json
from poseport.spec import PoseSpec
from poseport.train.config import TrainConfig
from poseport.train.progress.disk_room import check_room
from poseport.train.progress.log_csv import COLUMNS, SCORES, best_row, read_log, stalled, write_log
from poseport.train.record import TrainRecord


def check_new(out: Path) -> None:
    """Raise ValueError if a folder exists already."""
    if out.exists():
        raise ValueError(f"{out}: is there already; name another --out")


def write_bundle(out: Path, spec: PoseSpec, model: Any, made: TrainRecord) -> None:
    """Write a finished bundle, whole or not at all."""
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


def state(out: Path) -> Path | None:
    """The resume file of the last whole epoch."""
    return max((out / bundle.RESUME).glob("epoch-*.weights.h5"), default=None)


def next_epoch(out: Path, settings: TrainConfig) -> int:
    """The epoch (from 0) to train next; `settings.epochs` where that is none, as when patience has run out."""
    if stalled(read_log(out), settings.patience, settings.freeze_epochs):
        return settings.epochs
    return _epochs_kept(out)


def check_folder(out: Path, resume: bool) -> None:
    """Raise ValueError if a folder holds a run and none is to be resumed, or holds none and one is."""
    begun = (out / bundle.SPEC).exists() or state(out) is not None
    if begun and not resume:
        raise ValueError(f"{out}: holds a run already; add --resume to continue it, or name another --out")
    if resume and not begun:
        raise ValueError(f"{out}: holds no run to resume; remove --resume to start one")


def resumed(out: Path, spec: PoseSpec, new: TrainRecord, init: Path | None) -> TrainRecord:
    """Check that a folder holds the run of this record, and shorten its log to the epochs that are kept."""
    old_spec, old = read_json(PoseSpec, out / bundle.SPEC), read_json(TrainRecord, out / bundle.TRAIN)
    begun = bundle.weights_sha256(init) if init is not None else None
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
    """The record with the epochs, the duration and the best scores of the log."""
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
    """End a run: the state of its last epoch becomes `last.weights.h5`."""
    last = state(out)
    if last is not None:
        last.replace(out / bundle.LAST_WEIGHTS)
    shutil.rmtree(out / bundle.RESUME, ignore_errors=True)


def _epochs_kept(out: Path) -> int:
    last = state(out)
    return int(last.name.split("-")[1].split(".")[0]) if last is not None else 0
