"""Keras callbacks of a run: random state, scores, log, weights, early stopping, and the progress line."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle
from poseport.files.safe_path import temporary
from poseport.train.evaluate import Score
from poseport.train.optimizer import Rate, averaged
from poseport.train.progress.disk_room import check_room
from poseport.train.progress.log_csv import SCORES, due, is_best, read_log, stalled, write_log


class Reseed(keras.callbacks.Callback):
    """Set the random state of every dropout layer from the epoch's number.

    No weights file holds that state: without this callback a resumed run would drop other units.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the states before the epoch's first step."""
        for layer in self.model.layers:
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                generator.state.assign(np.array([self.seed, epoch * 100_003], dtype="uint32"))


class Validate(keras.callbacks.Callback):
    """Add the scores on the validation people to the epoch's logs; NaN in epochs that are not scored.

    Args:
        score: Scores a network; None without validation people.
        every: Epochs between evaluations.
        epochs: Number of epochs; the last one is always scored.
    """

    def __init__(self, score: Score | None, every: int, epochs: int):
        super().__init__()
        self.score, self.every, self.epochs = score, every, epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Score the network, with the averaged weights if the optimizer keeps an average."""
        assert logs is not None
        if self.score is not None and due(epoch, self.every, self.epochs):
            with averaged(self.model):
                values = self.score(self.model)
            logs.update({name: values[name] for name in SCORES})
        else:
            logs.update(dict.fromkeys(SCORES, math.nan))


def save_state(model: Any, directory: Path, done: int) -> None:
    """Write the state to resume from, and remove those of the epochs before.

    Args:
        model: The compiled Keras model.
        directory: The run's folder.
        done: Number of whole epochs.
    """
    folder = directory / bundle.RESUME
    save_weights(model, folder / f"epoch-{done:05d}.weights.h5")
    for old in sorted(folder.glob("epoch-*.weights.h5"))[:-1]:
        old.unlink()


class Keep(keras.callbacks.Callback):
    """Write log, best weights and resume state after each epoch, every file whole or not at all.

    `model.weights.h5` holds the best epoch by (AP, PCK), or the last one if nothing is scored: the network as it was
    scored, without the optimizer. The resume state is one file with the epoch in its name.

    Args:
        directory: The run's folder.
        rate: Learning rate of each step, for the log.
        seconds_before: Duration of the epochs before this phase.
    """

    def __init__(self, directory: Path, rate: Rate, seconds_before: float = 0.0):
        super().__init__()
        self.directory, self.rate = directory, rate
        self.began = time.monotonic() - seconds_before

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write weights, then the log, then the resume state: an interruption between them repeats the epoch."""
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
        save_state(self.model, self.directory, epoch + 1)


class Stop(keras.callbacks.Callback):
    """Early stopping, decided from the log alone, so that a resumed run stops at the same epoch.

    Args:
        directory: The run's folder.
        patience: Evaluations without improvement after which training ends (0 disables it).
        since: Number of first epochs that do not count.
    """

    def __init__(self, directory: Path, patience: int, since: int):
        super().__init__()
        self.directory, self.patience, self.since = directory, patience, since

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Decide by the row that `Keep` has written for the epoch whether to stop."""
        self.model.stop_training = stalled(read_log(self.directory), self.patience, self.since)


class Progress(keras.callbacks.Callback):
    """Print one line per epoch and, on a terminal, the progress within the epoch and the time left.

    Args:
        epochs: Number of epochs of the run.
        steps: Steps per epoch.
        first: First epoch of this phase, from 0.
        echo: Prints a line.
        live: Whether the lines go to a terminal.
    """

    def __init__(self, epochs: int, steps: int, first: int, echo: Any, live: bool):
        super().__init__()
        self.epochs, self.steps, self.first, self.echo, self.live = epochs, steps, first, echo, live
        self.epoch = first
        self.began = self.shown = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember the epoch's number."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Redraw the progress within the epoch, at most twice per second."""
        now = time.monotonic()
        if self.live and now - self.shown > 0.5:
            self.shown = now
            loss = float((logs or {}).get("loss", math.nan))
            text = f"epoch {self.epoch + 1}/{self.epochs}  {100 * (batch + 1) // self.steps:3d} %  loss {loss:.4f}"
            self.echo(f"\r{text}  {self._left(batch + 1)} left \033[K", nl=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's loss, scores and the time left."""
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
    """Save weights, and the optimizer of a compiled model, whole or not at all.

    Args:
        model: The Keras model.
        path: The file, *.weights.h5; its folder is created.

    Raises:
        ValueError: If the disk is too full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    check_room(model, path.parent)
    beside = temporary(path, ".weights.h5")  # Keras requires the suffix
    try:
        model.save_weights(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
