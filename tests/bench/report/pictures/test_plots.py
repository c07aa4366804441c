"""Which models a plot of accuracy against cost marks."""

from __future__ import annotations

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.report.pictures import plots


def test_undominated_models() -> None:
    def point(name: str, cost: float, ap: float) -> plots.Point:
        return plots.Point(name, "int8", 0, Interval(cost, cost, cost), Interval(ap, ap, ap))

    points = [
        point("slow", 9, 50),
        point("bad", 5, 20),
        point("fast", 1, 30),
        point("twin", 1, 29),
        point("mid", 4, 50),
    ]
    assert [p.name for p in plots.undominated(points)] == ["fast", "mid"]
