"""The plots of one set: curves that go through the figures of the record."""

from __future__ import annotations

import numpy as np
import pytest
from html_page import accuracy

from poseport.bench.record import Result
from poseport.bench.report.pictures import set_plots


def test_a_pck_curve_goes_through_the_pck_of_the_record(records: list[Result]) -> None:
    m = accuracy(records[1])
    thresholds, share = set_plots.pck_curve(m)
    for threshold in (0.05, 0.1, 0.2):
        at = int(np.argmin(abs(thresholds - threshold)))
        # errors are kept to a hundredth of a pixel
        assert share[at] == pytest.approx(m.metrics[f"PCK@{threshold}/box"], abs=0.01)
    assert (np.diff(share) >= 0).all()
