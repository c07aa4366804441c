"""A drawn person whose keypoints show what was lost."""

from __future__ import annotations

import math
import re

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.report.pictures import body_plot
from poseport.skeletons import COCO17


def test_a_drawn_person_shows_what_more_than_chance_lost() -> None:
    changes = {
        "left_wrist": Interval(-4.0, -6.0, -2.0), "right_wrist": Interval(-4.0, -9.0, 1.0),
        "left_knee": Interval(3.0, 1.0, 5.0), "right_knee": Interval(math.nan, math.nan, math.nan),
    }  # fmt: skip
    svg = body_plot.drawing(changes, COCO17, "a <title>")
    assert "a &lt;title&gt;" in svg
    tones = {name: tone for tone, name in re.findall(r'<g class="(\w+)"><title>(\w+ \w+):', svg)}
    assert tones == {"left wrist": "loss", "right wrist": "none", "left knee": "gain"}
    x = {name: float(x) for name, x in re.findall(r'<title>(\w+ \w+):[^<]*</title><circle cx="(\d+)"', svg)}
    assert x["left wrist"] > x["right wrist"]  # it faces the viewer
    assert body_plot.drawing(changes | {"tail": Interval(0.0, 0.0, 0.0)}, COCO17, "") == ""
    assert body_plot.drawing({}, COCO17, "") == ""
