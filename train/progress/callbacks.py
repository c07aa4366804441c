"""What happens between epochs: data of the next epoch, score, log, weights, and the line a person watches."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle
from poseport.data.people import People
from poseport.spec import PoseSpec
from poseport.train.evaluate import evaluate
from poseport.train.optimizer import Rate, averaged
from poseport.train.progress.log_csv import SCORES, due, is_best, read_log, stalled, write_log
from poseport.train.run_folder import check_room


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
        """Score the averaged weights where there are some, without and with flip averaging."""
        assert logs is not None
        if self.people is not None and due(epoch, self.every, self.epochs):
            with averaged(self.model):
                values = evaluate(self.spec, self.model, self.people, self.estimates)
            logs.update({name: values[name] for name in SCORES})
        else:
            logs.update(dict.fromkeys(SCORES, math.nan))


class Keep(keras.callbacks.Callback):
    """Log, best weights and resume state of each epoch, every file written beside and renamed.

    `model.weights.h5` is the best epoch by (AP, PCK), or the last where nothing is scored: the network as
    it was scored, without the optimizer. The resume state is one file with its epoch in its name, so that
    it is there whole or not at all.
    """

    def __init__(self, directory: Path, rate: Rate, seconds_before: float = 0.0):
        super().__init__()
        self.directory, self.rate = directory, rate
        self.began = time.monotonic() - seconds_before

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Weights first, then the log, then the resume state: a cut at any point repeats the epoch."""
        assert logs is not None
        rows = read_log(self.directory)
        row = {
            "epoch": epoch + 1,
            **{name: logs[name] for name in ("loss", *SCORES)},
            "learning_rate": self.rate.last(self.model.optimizer),
            "seconds": time.monotonic() - self.began,
        }
        if is_best(row, rows):
            with averaged(self.model):
                network = keras.Model(self.model.inputs, self.model.outputs)  # the same layers, no optimizer
                save_weights(network, self.directory / bundle.WEIGHTS)
        write_log(self.directory, [*rows, row])
        folder = self.directory / bundle.RESUME
        save_weights(self.model, folder / f"epoch-{epoch + 1:05d}.weights.h5")
        for old in sorted(folder.glob("epoch-*.weights.h5"))[:-1]:
            old.unlink()


class Stop(keras.callbacks.Callback):
    """Ends training when the log's last scores brought nothing better; it remembers nothing itself."""

    def __init__(self, directory: Path, patience: int, since: int):
        super().__init__()
        self.directory, self.patience, self.since = directory, patience, since

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After `Keep` has written the epoch's row."""
        self.model.stop_training = stalled(read_log(self.directory), self.patience, self.since)


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


def save_weights(model: Any, path: Path) -> None:
    """Weights (and, of a compiled model, the optimizer) beside and renamed; ValueError as `run.check_room`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    check_room(model, path.parent)
    beside = path.with_name(f".part-{path.name}")  # Keras insists on the ending .weights.h5
    model.save_weights(beside)
    os.replace(beside, path)
