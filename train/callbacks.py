"""What happens between epochs: data of the next epoch, score, log, weights, and the line a person watches."""

from __future__ import annotations

import csv
import math
import os
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle
from poseport.coco import People
from poseport.records import write_whole
from poseport.spec import PoseSpec
from poseport.train.evaluate import evaluate

RESUME = "resume"
COLUMNS = ("epoch", "loss", "OKS-AP", "OKS-AP50", "PCK@0.1/box", "PCK@0.2/torso", "learning_rate", "seconds")
SCORES = COLUMNS[2:6]


class Reseed(keras.callbacks.Callback):
    """Sets the random state of every dropout layer from the epoch.

    It is in no weights file: without this a resumed run drops other units.
    """

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before the epoch's first step."""
        for layer in self.model.layers:
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                generator.state.assign(np.array([self.seed, epoch * 100_003], dtype="uint32"))


class Validate(keras.callbacks.Callback):
    """Adds the scores of the validation people to the epoch's logs, NaN in epochs that are not scored.

    estimates: (2, N, K, 3) of these people, without and with flip averaging, which a network of a later stage refines.
    """

    def __init__(
        self, spec: PoseSpec, people: People | None, every: int, epochs: int, estimates: np.ndarray | None = None
    ):
        super().__init__()
        self.estimates = estimates
        self.spec, self.people, self.every, self.epochs = spec, people, every, epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Score with flip averaging, as the published figures of the networks are."""
        assert logs is not None
        due = (epoch + 1) % self.every == 0 or epoch + 1 == self.epochs
        if self.people is not None and due:
            before = None if self.estimates is None else self.estimates[1]
            values = evaluate(self.spec, self.model, self.people, flip=True, estimates=before).values
            logs.update({name: values[name] for name in SCORES})
        else:
            logs.update(dict.fromkeys(SCORES, math.nan))


class Keep(keras.callbacks.Callback):
    """Log, best weights and resume state of each epoch, every file written beside and renamed.

    `model.weights.h5` is the best epoch by (AP, PCK), or the last where nothing is scored. The resume
    state is one file with its epoch in its name, so that it is there whole or not at all.
    """

    def __init__(self, directory: Path, seconds_before: float = 0.0):
        super().__init__()
        self.directory = directory
        self.began = time.monotonic() - seconds_before

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Weights first, then the log, then the resume state: a cut at any point repeats the epoch."""
        assert logs is not None
        rows = read_log(self.directory)
        row = {
            "epoch": epoch + 1,
            **{name: logs[name] for name in ("loss", *SCORES)},
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": time.monotonic() - self.began,
        }
        if is_best(row, rows):
            save_weights(self.model, self.directory / bundle.WEIGHTS)
        write_log(self.directory, [*rows, row])
        folder = self.directory / RESUME
        save_weights(self.model, folder / f"epoch-{epoch + 1:05d}.weights.h5")
        for old in sorted(folder.glob("epoch-*.weights.h5"))[:-1]:
            old.unlink()


class Progress(keras.callbacks.Callback):
    """One line an epoch; within an epoch, on a terminal, the share done and the time left."""

    def __init__(self, epochs: int, steps: int, first: int, echo: Any, live: bool):
        super().__init__()
        self.epochs, self.steps, self.first, self.echo, self.live = epochs, steps, first, echo, live
        self.epoch = first
        self.began = self.shown = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember where we are."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Redraw at most twice a second."""
        now = time.monotonic()
        if self.live and now - self.shown > 0.5:
            self.shown = now
            loss = float((logs or {}).get("loss", math.nan))
            text = f"epoch {self.epoch + 1}/{self.epochs}  {100 * (batch + 1) // self.steps:3d} %  loss {loss:.4f}"
            self.echo(f"\r{text}  {self._left(batch + 1)} left \033[K", nl=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The epoch's result and the time left."""
        logs = logs or {}
        parts = [f"epoch {epoch + 1}/{self.epochs}", f"loss {logs['loss']:.4f}"]
        for name in ("OKS-AP", "PCK@0.1/box"):
            if math.isfinite(logs.get(name, math.nan)):
                parts.append(f"{name} {logs[name]:.3f}")
        start = "\r\033[K" if self.live else ""
        self.echo(start + "  ".join([*parts, f"{self._left(self.steps)} left"]))

    def _left(self, batches: int) -> str:
        done = (self.epoch - self.first) * self.steps + batches
        total = (self.epochs - self.first) * self.steps
        seconds = int((time.monotonic() - self.began) / max(done, 1) * (total - done))
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def is_best(row: dict[str, Any], rows: list[dict[str, float]]) -> bool:
    """Whether an epoch's weights are to be kept; unscored epochs are only while nothing has been scored."""
    best = best_row(rows)
    if best is None or not math.isfinite(row["PCK@0.1/box"]):
        return best is None
    return rank(row) > rank(best)


def rank(row: dict[str, Any]) -> tuple[float, float]:
    """What epochs are ordered by: AP, and PCK where no AP has come up yet."""
    return row["OKS-AP"], row["PCK@0.1/box"]


def best_row(rows: list[dict[str, float]]) -> dict[str, float] | None:
    """The first epoch of the highest rank; None while nothing is scored."""
    return max((r for r in rows if math.isfinite(r["PCK@0.1/box"])), key=rank, default=None)


def save_weights(model: Any, path: Path) -> None:
    """Weights (and, of a compiled model, the optimizer) beside and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".part-{path.name}")  # Keras insists on the ending .weights.h5
    model.save_weights(beside)
    os.replace(beside, path)


def read_log(directory: Path) -> list[dict[str, float]]:
    """Rows of `log.csv`; empty where there is none."""
    path = directory / bundle.LOG
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return [{name: float(row[name]) for name in COLUMNS} for row in csv.DictReader(file)]


def write_log(directory: Path, rows: list[dict[str, Any]]) -> None:
    """Write `log.csv` whole."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        lines.append(",".join(str(int(row["epoch"])) if c == "epoch" else f"{row[c]:.8g}" for c in COLUMNS))
    write_whole(directory / bundle.LOG, ("\n".join(lines) + "\n").encode())
