"""Collect the contents of a report from records. AP and PCK are in points of 100."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poseport import __version__
from poseport.bench.formatting import Table
from poseport.bench.record import Pictures, Result
from poseport.bench.report import tables
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
from poseport.bench.report.picture_times import by_people
from poseport.bench.report.pictures import plots
from poseport.bench.report.pictures.set_plots import pck_curves
from poseport.bench.report.provenance import provenance
from poseport.bench.report.summary import Change, changes
from poseport.bench.report.what_ran import warnings, what_ran
from poseport.bench.report.with_detector import with_detector

# most comparisons that are shown; each takes about a second to draw and 200 KB of the page
MOST_DRAWN = 20


@dataclass(frozen=True)
class Page:
    """The contents of a report.

    Attributes:
        title: Title of the page.
        written: Version of poseport and time of writing.
        warnings: What readers must know first: wrong answers, and hardware that did not run a network.
        changes: What conversion changed, per converted file.
        alone: Names of converted files whose float32 file is missing.
        glance: One table per data set with one row per file.
        accuracy: One table of metrics per data set.
        parts: Metrics by size and visibility, for data sets that have several.
        detected: Annotated boxes beside a detector's: one table, or none if no file was measured with both.
        curves: Data set -> SVG plot of PCK curves.
        files: Size and arithmetic of the files.
        ran: What ran each file: one table, or none if no record tells.
        latency: Tables of times: one per machine, then of whole pictures, then one per sustained run.
        stand_ins: Results of devices that imitate a phone.
        pareto: Data set -> SVG plots of AP against each cost.
        compared: Converted files beside their float32 files.
        omitted: Number of comparisons that were left out.
        caveats: Sentences about what the records do not show.
        provenance: Tables of machines, people and files.
    """

    title: str
    written: str
    warnings: list[str]
    changes: list[Change]
    alone: list[str]
    glance: list[Table]
    accuracy: list[Table]
    parts: list[Table]
    detected: list[Table]
    curves: dict[str, str]
    files: Table
    ran: list[Table]
    latency: list[Table]
    stand_ins: list[Table]
    pareto: dict[str, list[str]]
    compared: list[Compared]
    omitted: int
    caveats: list[str]
    provenance: list[Table]


def gather(results: Sequence[Result], *, pictures: bool, photos: bool, files: Mapping[str, Path] | None = None) -> Page:
    """Collect the contents of a report.

    Args:
        results: The records.
        pictures: Draw the plots.
        photos: Show the people who lost most.
        files: sha256 -> the files whose heatmaps can be shown beside the photos.

    Returns:
        The contents.
    """
    imitations = [r for r in results if r.environment.stand_in]
    real = [r for r in results if not r.environment.stand_in]
    _, imitated, imitated_times, _ = sort_records(imitations)
    models, scored, timed, held = sort_records(real)
    sets, places, numbers = data_sets(scored), _places(timed), series(models)
    cost, pairs = costs(models, places), [(data, pair) for data in sets for pair in data.pairs]
    pictured = [r for r in real if isinstance(r.measured, Pictures)]
    return Page(
        title="Pose networks: accuracy and cost",
        written=f"poseport {__version__}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        warnings=warnings(real),
        changes=changes(models, sets, places),
        alone=[m.name for m in models if not is_float(m) and baseline(m, models) is None],
        glance=[tables.glance(data, cost) for data in sets],
        accuracy=[tables.accuracy(data) for data in sets],
        parts=[table for data in sets if (table := tables.parts(data)).rows],
        detected=with_detector(real, sets),
        curves={data.label: pck_curves(data, numbers) for data in sets} if pictures else {},
        files=tables.files(models),
        ran=what_ran(real),
        latency=[tables.latency(*group) for group in places.items()] + by_people(real) + [tables.held(h) for h in held],
        stand_ins=what_ran(imitations)
        + [tables.accuracy(data) for data in data_sets(imitated)]
        + [tables.latency(*group) for group in _places(imitated_times).items()]
        + by_people(imitations),
        pareto={data.label: _pareto(data, cost, numbers) for data in sets} if pictures else {},
        compared=[
            compare(data, pair, pictures=pictures, photos=photos, files=files or {})
            for data, pair in pairs[:MOST_DRAWN]
        ],
        omitted=len(pairs[MOST_DRAWN:]),
        caveats=caveats(scored, timed, models, sets, pictures=pictured),
        provenance=provenance(results, sets, models),
    )


def _places(timed: Sequence[Timed]) -> dict[str, list[Timed]]:
    """Group times by the machine and software that they were taken on."""
    places: dict[str, list[Timed]] = defaultdict(list)
    for timing in timed:
        places[timing.place].append(timing)
    return places


def _pareto(data: DataSet, cost: Sequence[Cost], numbers: Mapping[str, int]) -> list[str]:
    """Plot AP against each cost that two or more files have."""
    svgs = []
    for one in cost:
        points = []
        for record in data.scored:
            sha256, recipe = record.model.sha256, record.model.card.conversion.recipe
            if sha256 in one.of and record.accuracy.metrics.get("OKS-AP") is not None:
                ap = ap_interval(record.accuracy.detections)
                points.append(plots.Point(record.model.name, recipe, numbers[sha256], one.of[sha256], ap))
        if len(points) > 1:
            svgs.append(plots.pareto(points, one.axis, f"OKS-AP on {data.label} against {one.axis}"))
    return svgs
