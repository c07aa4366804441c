"""What a report says: words, tables and pictures made of the records. AP and PCK are in points of 100."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poseport import __version__
from poseport.bench.formatting import Table
from poseport.bench.record import Result
from poseport.bench.report import plots, tables
from poseport.bench.report.caveats import caveats
from poseport.bench.report.comparison import Compared, compare
from poseport.bench.report.costs import Cost, costs
from poseport.bench.report.grouping import (
    DataSet,
    Timed,
    ap_interval,
    baseline,
    data_sets,
    is_float,
    series,
    sort_records,
)
from poseport.bench.report.provenance import provenance
from poseport.bench.report.set_plots import pck_curves
from poseport.bench.report.summary import Change, changes

# comparisons that are drawn and shown with photos; each takes a second to draw and 200 KB of the page
MOST_DRAWN = 20


@dataclass(frozen=True)
class Page:
    """All that a report says. glance: a row a file. alone: converted files without their float32 file. curves, pareto:
    data set -> SVG plot or plots. stand_ins: what no phone measured.
    """

    title: str
    written: str
    changes: list[Change]
    alone: list[str]
    glance: list[Table]
    accuracy: list[Table]
    parts: list[Table]
    curves: dict[str, str]
    files: Table
    latency: list[Table]
    stand_ins: list[Table]
    pareto: dict[str, list[str]]
    compared: list[Compared]
    omitted: int
    caveats: list[str]
    provenance: list[Table]


def gather(results: Sequence[Result], *, pictures: bool, photos: bool, files: Mapping[str, Path] | None = None) -> Page:
    """What the records say.

    pictures: draw the plots. photos: show the people that lost most. files: sha256 -> the files whose heatmaps
    can be shown with them.
    """
    _, imitated, imitated_times, _ = sort_records([r for r in results if r.environment.stand_in])
    models, scored, timed, held = sort_records([r for r in results if not r.environment.stand_in])
    sets, places, numbers = data_sets(scored), _places(timed), series(models)
    cost, pairs = costs(models, places), [(data, pair) for data in sets for pair in data.pairs]
    return Page(
        title="Pose networks: what they reach and what they cost",
        written=f"poseport {__version__}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        changes=changes(models, sets, places),
        alone=[m.name for m in models if not is_float(m) and baseline(m, models) is None],
        glance=[tables.glance(data, cost) for data in sets],
        accuracy=[tables.accuracy(data) for data in sets],
        parts=[table for data in sets if (table := tables.parts(data)).rows],
        curves={data.label: pck_curves(data, numbers) for data in sets} if pictures else {},
        files=tables.files(models),
        latency=[tables.latency(*one) for one in places.items()] + [tables.held(h) for h in held],
        stand_ins=[tables.accuracy(data) for data in data_sets(imitated)]
        + [tables.latency(*one) for one in _places(imitated_times).items()],
        pareto={data.label: _pareto(data, cost, numbers) for data in sets} if pictures else {},
        compared=[
            compare(data, pair, pictures=pictures, photos=photos, files=files or {})
            for data, pair in pairs[:MOST_DRAWN]
        ],
        omitted=len(pairs[MOST_DRAWN:]),
        caveats=caveats(scored, timed, models, sets),
        provenance=provenance(results, sets, models),
    )


def _places(timed: Sequence[Timed]) -> dict[str, list[Timed]]:
    """Times of one place belong in one table."""
    places: dict[str, list[Timed]] = defaultdict(list)
    for one in timed:
        places[one.place].append(one)
    return places


def _pareto(data: DataSet, cost: Sequence[Cost], numbers: Mapping[str, int]) -> list[str]:
    """AP against each cost that two or more of the files have."""
    drawn = []
    for one in cost:
        points = []
        for s in data.scored:
            sha256, recipe = s.model.sha256, s.model.card.conversion.recipe
            if sha256 in one.of and s.accuracy.metrics.get("OKS-AP") is not None:
                ap = ap_interval(s.accuracy.detections)
                points.append(plots.Point(s.model.name, recipe, numbers[sha256], one.of[sha256], ap))
        if len(points) > 1:
            drawn.append(plots.pareto(points, one.axis, f"OKS-AP on {data.label} against {one.axis}"))
    return drawn
