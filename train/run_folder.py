"""The folder of a run: the state to resume from, and checks before a run starts or resumes in it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from poseport import bundle
from poseport.files import one_writer
from poseport.files.safe_path import temporary
from poseport.records import read_json, write_json
from poseport.spec import PoseSpec
from poseport.train.config import TrainConfig
from poseport.train.progress.disk_room import check_room
from poseport.train.progress.log_csv import COLUMNS, SCORES, best_row, read_log, stalled, write_log
from poseport.train.record import TrainRecord


def check_new(out: Path) -> None:
    """Check that a folder does not exist yet.

    Args:
        out: The folder.

    Raises:
        ValueError: If it exists.
    """
    if out.exists():
        raise ValueError(f"{out}: exists already; name another --out")


def write_bundle(out: Path, spec: PoseSpec, model: Any, made: TrainRecord) -> None:
    """Write a finished bundle, whole or not at all.

    Args:
        out: Folder to write.
        spec: The network's spec.
        model: The Keras model with the weights.
        made: How the network was made.

    Raises:
        ValueError: If the folder exists or cannot be written.
    """
    check_new(out)
    beside = temporary(out)
    one_writer.sweep(out.parent, f"{out.name}.")
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
    """Find the resume file of the last whole epoch.

    Args:
        out: The run's folder.

    Returns:
        Its path; None if no epoch is complete.
    """
    return max((out / bundle.RESUME).glob("epoch-*.weights.h5"), default=None)


def next_epoch(out: Path, settings: TrainConfig) -> int:
    """Find the epoch to train next.

    Args:
        out: The run's folder.
        settings: How the network is trained.

    Returns:
        The epoch, from 0; `settings.epochs` if the run has ended, for example because patience has run out.
    """
    if stalled(read_log(out), settings.patience, settings.freeze_epochs):
        return settings.epochs
    return epochs_kept(out)


def check_folder(out: Path, resume: bool) -> None:
    """Check that a run can be started or resumed in a folder.

    Args:
        out: The folder.
        resume: Whether a run is to be resumed.

    Raises:
        ValueError: If the folder holds a run and `resume` is False, or holds none and `resume` is True.
    """
    begun = any((out / name).exists() for name in (bundle.SPEC, bundle.TRAIN)) or state(out) is not None
    if begun and not resume:
        raise ValueError(f"{out}: holds a run already; add --resume to continue it, or name another --out")
    if resume and not begun:
        raise ValueError(f"{out}: holds no run to resume; remove --resume to start one")


def resumed(out: Path, spec: PoseSpec, new: TrainRecord, init: Path | None) -> TrainRecord:
    """Check that a folder holds the run of this record, and shorten its log to the epochs that are kept.

    Args:
        out: The run's folder.
        spec: The network's spec.
        new: The record of the command that resumes.
        init: A bundle or a .tflite file that the run began from; None for random weights.

    Returns:
        The record, with the run's own `initial`.

    Raises:
        ValueError: If the folder holds another run, or one that has finished.
    """
    if state(out) is None and not all((out / name).exists() for name in (bundle.SPEC, bundle.TRAIN)):
        return new  # ended before both files of the beginning were written: there is nothing to compare with or keep
    old_spec, old = read_json(PoseSpec, out / bundle.SPEC), read_json(TrainRecord, out / bundle.TRAIN)
    begun = bundle.weights_sha256(init) if init is not None else None
    if old_spec != spec or (old.train, old.data, old.backgrounds) != (new.train, new.data, new.backgrounds):
        differs = "other settings or other people"
    elif (old.initial.weights_sha256 if old.initial else None) != begun:
        differs = "another --init"
    elif state(out) is None and (out / bundle.LAST_WEIGHTS).exists():
        raise ValueError(f"{out}: has finished after {old.epochs_done} epochs; nothing is left to resume")
    else:
        write_log(out, [row for row in read_log(out) if row["epoch"] <= epochs_kept(out)])
        return replace(new, initial=old.initial)
    raise ValueError(
        f"{out}: was started with {differs} than this command's; give the same ones "
        f"({out / bundle.TRAIN} lists them), or name another --out"
    )


def with_log(begun: TrainRecord, out: Path) -> TrainRecord:
    """Add the epochs, the duration and the best scores of the log to a record.

    Args:
        begun: The record.
        out: The run's folder.

    Returns:
        The record; `begun` itself if no epoch is logged.
    """
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
    """End a run: the state of its last epoch becomes `last.weights.h5`, and the resume folder is removed.

    Args:
        out: The run's folder.
    """
    last = state(out)
    if last is not None:
        last.replace(out / bundle.LAST_WEIGHTS)
    shutil.rmtree(out / bundle.RESUME, ignore_errors=True)


def epochs_kept(out: Path) -> int:
    """Number of whole epochs whose state is kept.

    Args:
        out: The run's folder.
    """
    last = state(out)
    return int(last.name.split("-")[1].split(".")[0]) if last is not None else 0
