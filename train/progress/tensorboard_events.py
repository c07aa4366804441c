"""The log's columns as TensorBoard events. TensorBoard's own writer works without TensorFlow."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras

from poseport.train.progress.log_csv import read_log


class Events(keras.callbacks.Callback):
    """Writes each epoch's row, without values that were not computed.

    Args:
        directory: Folder of the events, inside the run's folder.

    Raises:
        ValueError: If TensorBoard is not installed.
    """

    def __init__(self, directory: Path):
        super().__init__()
        try:
            from tensorboard.summary import Writer
        except ImportError:
            raise ValueError("--tensorboard needs TensorBoard; run `pip install tensorboard`") from None
        self.directory, self.make_writer = directory, Writer
        self.writer: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the row that `Keep` has added to the log."""
        if self.writer is None:  # made here, so that a run that never begins leaves no folder
            self.writer = self.make_writer(str(self.directory))
        for name, value in read_log(self.directory.parent)[-1].items():
            if name != "epoch" and math.isfinite(value):
                self.writer.add_scalar(name, value, epoch + 1)
        self.writer.flush()
