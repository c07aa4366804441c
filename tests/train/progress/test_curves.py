"""`curves.png` is drawn from a log, and its absence is one line."""

import math
import sys

import cv2
import numpy as np
import pytest

from poseport import bundle
from poseport.train.progress import curves
from poseport.train.progress.log_csv import COLUMNS, write_log


@pytest.fixture
def run(tmp_path):
    """A log of 30 epochs, every fifth of them scored."""
    rows = []
    for epoch in range(1, 31):
        score = epoch / 40 if epoch % 5 == 0 else math.nan
        row = {name: score + 0.1 * name.endswith("+flip") for name in COLUMNS}
        rows.append(row | {"epoch": epoch, "loss": 10 / epoch, "learning_rate": 1e-3, "seconds": epoch})
    write_log(tmp_path, rows)
    return tmp_path


def pixels(picture, colour):
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 40).sum())


def test_loss_scores_and_rate_are_drawn(run):
    curves.write(run, pytest.fail)
    picture = cv2.imread(str(run / bundle.CURVES))[..., ::-1]
    blue, vermilion = (0, 114, 178), (213, 94, 0)
    assert picture.shape == (720, 1080, 3)
    quarters = [picture[y : y + 360, x : x + 540] for y in (0, 360) for x in (0, 540)]
    assert all(pixels(quarter, blue) > 300 for quarter in quarters)
    # flip averaging is a second line where there are scores, and only there
    assert [pixels(quarter, vermilion) > 100 for quarter in quarters] == [False, True, True, False]


def test_without_matplotlib_one_line_says_what_is_missing(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    said = []
    curves.write(run, said.append)
    assert said == ['no curves.png: it needs matplotlib; run `pip install "poseport[report]"`']
    assert not (run / bundle.CURVES).exists()


def test_a_run_without_an_epoch_has_no_curves(tmp_path):
    curves.write(tmp_path, pytest.fail)
    assert not list(tmp_path.iterdir())
