"""The log as TensorBoard reads it."""

import math
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from poseport.train.progress.log_csv import COLUMNS, write_log
from poseport.train.progress.tensorboard_events import Events


def test_each_epoch_is_written_without_what_was_not_scored(tmp_path):
    rows = []
    board = Events(tmp_path / "tensorboard")
    assert not (tmp_path / "tensorboard").exists()
    for epoch in range(2):
        row = dict.fromkeys(COLUMNS, 0.25 if epoch else math.nan) | {"epoch": epoch + 1, "loss": 3.0 - epoch}
        rows.append(row)
        write_log(tmp_path, rows)
        board.on_epoch_end(epoch)
    read = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    values = {
        name: [(event.step, float(tensor_util.make_ndarray(event.tensor_proto))) for event in read.Tensors(name)]
        for name in read.Tags()["tensors"]
    }
    assert values.keys() == set(COLUMNS) - {"epoch"}
    assert values["loss"] == [(1, 3.0), (2, 2.0)]
    assert values["OKS-AP"] == [(2, 0.25)]


def test_without_tensorboard_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ValueError, match="--tensorboard needs TensorBoard; run `pip install tensorboard`"):
        Events(tmp_path)
