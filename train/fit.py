"""One training run: people -> a bundle."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import __version__, bundle
from poseport.coco import People
from poseport.records import read_json, write_json
from poseport.spec import PoseSpec
from poseport.train import config, losses, models
from poseport.train.callbacks import (
    COLUMNS,
    RESUME,
    SCORES,
    Keep,
    Progress,
    Reseed,
    Validate,
    best_row,
    read_log,
    write_log,
)
from poseport.train.config import TrainConfig
from poseport.train.dataset import TrainingPeople
from poseport.train.workers import ALONE, Team


@dataclass(frozen=True)
class DataUsed:
    """file: name of the annotations. people: how many were used after filtering."""

    file: str
    sha256: str
    people: int


@dataclass(frozen=True)
class TrainRecord:
    """`train.json`: how a bundle came to be. best: scores of the epoch whose weights were kept."""

    train: TrainConfig
    data: DataUsed
    val: DataUsed | None
    versions: dict[str, str]
    parameters: int
    epochs_done: int = 0
    seconds: float = 0.0
    best: dict[str, float] | None = None


class Interrupted(Exception):
    """Training was stopped by Ctrl-C; the message says what is kept and how to go on."""


def fit(
    spec: PoseSpec,
    settings: TrainConfig,
    people: People,
    val: People | None,
    out: Path,
    *,
    resume: bool = False,
    echo: Callable[..., Any] | None = None,
    live: bool = False,
    team: Team = ALONE,
) -> TrainRecord:
    """Train and leave a bundle in `out`.

    val: people to score on (None: none are, and the last epoch's weights are kept). resume: go on after
    the last whole epoch of the run in `out`. echo: called with each line of progress. team: who shares
    each batch; only the chief scores, reads and writes `out`, and prints.
    Raises ValueError for settings that do not fit, a folder that holds another run, or nothing to
    resume; `Interrupted` on Ctrl-C.
    """
    config.check(spec, settings)
    train_people = people.for_training(settings.min_keypoints)
    val_people = val.for_training(1) if val is not None else None
    record = TrainRecord(
        settings, _used(train_people), _used(val_people) if val_people else None, versions(), parameters=0
    )
    state = _begin(out, spec, record, resume) if team.chief else None
    first = int(state.name.split("-")[1].split(".")[0]) if state is not None else 0
    first = int(team.from_chief(np.array(first)))
    data = TrainingPeople(
        spec,
        train_people.persons,
        settings.augment,
        settings.batch,
        settings.seed,
        epochs=settings.epochs,
        first_epoch=first,
        part=(team.index, team.count),
        fresh=team.mirrored,
    )
    team.check(data.batch)
    keras.utils.set_random_seed(settings.seed)
    model, copy = team.networks(lambda: _network(spec, settings, data.steps))
    data.outputs = len(model.outputs)
    record = replace(record, parameters=int(model.count_params()))
    if state is not None:
        copy.optimizer.build(copy.trainable_variables)
        copy.load_weights(state)
        write_log(out, [row for row in read_log(out) if row["epoch"] <= first])
    if first:
        team.spread(copy, model)
    seconds = max([row["seconds"] for row in read_log(out)], default=0.0)
    scored = [Validate(spec, val_people, settings.eval_every, settings.epochs), Keep(out, seconds)]
    callbacks: list[Any] = [Reseed(settings.seed), *team.callbacks(copy, scored)]
    if echo is not None and team.chief:
        callbacks.append(Progress(settings.epochs, data.steps, first, echo, live))
    if team.chief:
        write_json(record, out / bundle.TRAIN)
    try:
        with team.fitting():
            model.fit(
                data,
                epochs=settings.epochs,
                initial_epoch=first,
                steps_per_epoch=data.steps,
                shuffle=False,  # the data set has its own order, one that a resumed run repeats
                verbose=0,
                callbacks=callbacks,
            )
    except KeyboardInterrupt:
        done = len(read_log(out))
        kept = f"{done} whole epochs are kept in {out}" if done else "no epoch was complete yet"
        raise Interrupted(f"interrupted: {kept}; the same command with --resume goes on from there") from None
    finally:
        data.close()
        if team.chief:
            record = _finished(record, out)
            write_json(record, out / bundle.TRAIN)
    if not team.chief:
        return record
    for state in (out / RESUME).glob("epoch-*.weights.h5"):
        state.replace(out / bundle.LAST_WEIGHTS)
    shutil.rmtree(out / RESUME, ignore_errors=True)
    return record


def _network(spec: PoseSpec, settings: TrainConfig, steps_per_epoch: int) -> Any:
    """Built and compiled."""
    model = models.build(spec, keras)
    loss = losses.for_spec(spec, settings.loss)
    model.compile(
        optimizer=make_optimizer(settings, steps_per_epoch),
        loss=[loss] * len(model.outputs) if len(model.outputs) > 1 else loss,
        # TensorFlow's XLA on the CPU never came back from compiling these networks; JAX has nothing but XLA
        jit_compile=keras.backend.backend() == "jax",
    )
    return model


def make_optimizer(settings: TrainConfig, steps_per_epoch: int) -> Any:
    """Keras optimizer with its schedule over all steps."""
    schedules = keras.optimizers.schedules
    steps, warm = settings.epochs * steps_per_epoch, int(settings.warmup * steps_per_epoch)
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        warm = min(warm, steps - 1)
        rate = schedules.CosineDecay(
            0.0 if warm else rate, max(1, steps - warm), alpha=0.01,
            warmup_target=settings.learning_rate if warm else None, warmup_steps=warm,
        )  # fmt: skip
    elif settings.schedule == "step":
        rate = schedules.PiecewiseConstantDecay([int(settings.step_at * steps)], [rate, rate / 10])
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=settings.weight_decay or None)
    kind = keras.optimizers.RMSprop if settings.optimizer == "rmsprop" else keras.optimizers.Adam
    return kind(rate, weight_decay=settings.weight_decay or None)


def versions() -> dict[str, str]:
    """Versions of what made the weights."""
    names = ("keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"poseport": __version__, "python": platform.python_version(), **found}


def _used(people: People) -> DataUsed:
    return DataUsed(people.path.name, people.sha256, len(people))


def _begin(out: Path, spec: PoseSpec, record: TrainRecord, resume: bool) -> Path | None:
    """Check and prepare the folder; the resume state where there is one."""
    states = sorted((out / RESUME).glob("epoch-*.weights.h5"))
    begun = (out / bundle.SPEC).exists()
    if not resume:
        if begun:
            raise ValueError(f"{out}: holds a run already; add --resume to continue it, or name another --out")
        bundle.write_spec(out, spec)
        return None
    if not begun:
        raise ValueError(f"{out}: holds no run to resume; leave --resume away to start one")
    old_spec, old = read_json(PoseSpec, out / bundle.SPEC), read_json(TrainRecord, out / bundle.TRAIN)
    if old_spec != spec or (old.train, old.data) != (record.train, record.data):
        raise ValueError(
            f"{out}: was begun with other settings or other people than this command's; give the same ones "
            f"({out / bundle.TRAIN} lists them), or name another --out"
        )
    if old.epochs_done >= record.train.epochs:
        raise ValueError(f"{out}: has finished its {old.epochs_done} epochs; nothing is left to resume")
    return states[-1] if states else None


def _finished(record: TrainRecord, out: Path) -> TrainRecord:
    rows = read_log(out)
    if not rows:
        return record
    best = best_row(rows)
    return replace(
        record,
        epochs_done=int(rows[-1]["epoch"]),
        seconds=rows[-1]["seconds"],
        best={name: best[name] for name in COLUMNS if name in (*SCORES, "epoch")} if best else None,
    )
