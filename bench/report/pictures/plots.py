"""Plots of a report, as SVG text to embed in a page.

Text stays text and takes the page's font; colours are the page's CSS variables, so that one plot suits light and dark
themes and print. Files with the same weights share a colour, files with the same recipe a marker.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.report.pictures.svg_figure import COLOURS, INK, LINE, PAGE, SERIES, new_figure, style, svg

# with more models than this, names would cover the plot: only the undominated ones keep theirs
MOST_NAMES = 30
_SHAPES = {"float32": "o", "float16": "D", "dynamic": "^", "int8": "s", "int8-floatio": "v"}
# places for a name: its offset from the marker in points, the nearest eight first
_NEAR = 8
_PLACES = tuple(
    (dx, dy, side)
    for reach in (8, 20, 34, 50)
    for dx, dy, side in (
        (reach, -4, "left"), (-reach, -4, "right"), (reach, reach - 4, "left"), (-reach, reach - 4, "right"),
        (reach, -reach - 4, "left"), (-reach, -reach - 4, "right"), (0, reach, "center"), (0, -reach - 8, "center"),
    )
)  # fmt: skip
# share of a name's width that lies left of its place
_SHARES = {"left": 0.0, "center": 0.5, "right": 1.0}


@dataclass(frozen=True)
class Point:
    """A model on a Pareto plot.

    Attributes:
        name: Its name.
        recipe: Its recipe, which chooses the marker.
        series: Number of its weights, which chooses the colour.
        cost: The cost, x.
        ap: OKS-AP in points of 100, y.
    """

    name: str
    recipe: str
    series: int
    cost: Interval
    ap: Interval


def undominated(points: Sequence[Point]) -> list[Point]:
    """Select the points that no other point beats in both cost and AP.

    Args:
        points: The points.

    Returns:
        The selected points, cheapest first.
    """
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost.value, -p.ap.value)):
        if not best or point.ap.value > best[-1].ap.value:
            best.append(point)
    return best


def pareto(points: Sequence[Point], cost: str, title: str) -> str:
    """Plot AP against a cost; a line joins the undominated models, whose markers are filled.

    Args:
        points: The models.
        cost: Label of the x axis, with its unit.
        title: Title for screen readers.

    Returns:
        An SVG element.
    """
    with style():
        return _pareto(points, cost, title)


def _pareto(points: Sequence[Point], cost: str, title: str) -> str:
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, axes = new_figure(4.4, 3.1)
    front = undominated(points)
    steps = [(p.cost.value, p.ap.value) for p in front]
    axes.step(*zip(*steps, strict=True), where="post", color=LINE, linewidth=1.5, zorder=1)
    best, alike = {id(point) for point in front}, defaultdict(list)
    for point in points:  # drawn together where they look alike: hundreds of single ones take half a minute
        colour = SERIES[point.series % COLOURS]
        alike[colour, _SHAPES.get(point.recipe, "P"), colour if id(point) in best else PAGE].append(point)
    for (colour, shape, inside), group in alike.items():
        axes.errorbar(
            [p.cost.value for p in group], [p.ap.value for p in group], xerr=_away([p.cost for p in group]),
            yerr=_away([p.ap for p in group]), color=colour, fmt=shape, markersize=7, elinewidth=1, capsize=3, zorder=2,
            markerfacecolor=inside,
        )  # fmt: skip
    costs = [p.cost.value for p in points]
    if max(costs) > 10 * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, 1.3 * max(costs))  # room for a name
    # a drop of half a point must not fill the height of the plot
    low, high = min(p.ap.low for p in points), max(p.ap.high for p in points)
    spare = max(0.12 * (high - low), 2.0)
    axes.set_ylim(max(low - spare, -2), high + spare)
    axes.set_xlabel(cost)
    axes.set_ylabel("OKS-AP (of 100)")
    _label(figure, axes, points)
    return svg(figure, title)


def _away(intervals: Sequence[Interval]) -> list[list[float]]:
    """Lengths of error bars below and above their values."""
    return [[max(i.value - i.low, 0) for i in intervals], [max(i.high - i.value, 0) for i in intervals]]


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve of a model.

    Attributes:
        name: Name of the model.
        recipe: Its recipe, which chooses the line's style.
        series: Number of its weights, which chooses the colour.
        x: (n,) thresholds.
        share: (n,) shares, 0 to 1.
    """

    name: str
    recipe: str
    series: int
    x: np.ndarray
    share: np.ndarray


def curves(lines: Sequence[Curve], x: str, title: str) -> str:
    """Plot shares against a threshold; float32 lines are dashed, so that both show where two lines coincide.

    Args:
        lines: The curves.
        x: Label of the x axis.
        title: Title for screen readers.

    Returns:
        An SVG element.
    """
    with style():
        figure, axes = new_figure(4.4, 3.1 + 0.17 * math.ceil(min(len(lines), MOST_NAMES) / 2))
        for line in sorted(lines, key=lambda one: one.recipe == "float32"):  # thin dashes over broad lines
            dashes = {"float32": "--", "int8": "-"}.get(line.recipe, "-.")
            width = {"linewidth": 4, "alpha": 0.45} if dashes == "-" else {"linewidth": 1.5}
            colour = SERIES[line.series % COLOURS]
            axes.plot(line.x, 100 * line.share, color=colour, linestyle=dashes, label=line.name, **width)
        axes.set_xlim(0, max(float(line.x[-1]) for line in lines))
        axes.set_ylim(0, 100)
        axes.set_xlabel(x)
        axes.set_ylabel("keypoints within it (%)")
        axes.grid(color=LINE, linewidth=0.5, alpha=0.5)
        if len(lines) <= MOST_NAMES:
            figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9, labelcolor=INK)
        return svg(figure, title)


def dumbbell(
    names: Sequence[str], first: Sequence[float], second: Sequence[float], legend: tuple[str, str], x: str, title: str
) -> str:
    """Plot two values per row, joined by a bar.

    Args:
        names: Names of n rows.
        first: n values; NaN where one is missing.
        second: The same.
        legend: Names of the two values.
        x: Label of the x axis.
        title: Title for screen readers.

    Returns:
        An SVG element.
    """
    with style():
        return _dumbbell(names, first, second, legend, x, title)


def _dumbbell(
    names: Sequence[str], first: Sequence[float], second: Sequence[float], legend: tuple[str, str], x: str, title: str
) -> str:
    figure, axes = new_figure(4.4, 1.1 + 0.23 * len(names))
    rows = range(len(names))
    axes.hlines(rows, first, second, color=LINE, linewidth=4, zorder=1)
    for values, label, shape, colour in (
        (first, legend[0], "o", SERIES[0]),
        (second, legend[1], "s", SERIES[1]),
    ):
        # the second is smaller, so that equal values show both
        size = 58 if shape == "o" else 22
        axes.scatter(values, rows, s=size, marker=shape, color=colour, label=label, zorder=2)
    axes.set_yticks(rows, [name.replace("_", " ") for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    # at least 20 points wide: a small loss must look small
    finite = [v for v in (*first, *second) if math.isfinite(v)]
    axes.set_xlim(min(min(finite) - 2, max(finite) - 18), max(finite) + 2)
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.set_xlabel(x)
    axes.grid(axis="x", color=LINE, linewidth=0.5, alpha=0.5)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9, labelcolor=INK, handletextpad=0.3)
    return svg(figure, title)


def _label(figure: Any, axes: Any, points: Sequence[Point]) -> None:
    """Write names beside their points: each at the first place that covers no point, bar or other name. A line joins
    a name to a point that is not next to it.
    """
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()
    frame = axes.get_window_extent()
    taken: list[Any] = []
    for p in points:  # markers and bars
        x, y = axes.transData.transform((p.cost.value, p.ap.value))
        (left, low), (right, high) = axes.transData.transform([(p.cost.low, p.ap.low), (p.cost.high, p.ap.high)])
        taken += [Bbox.from_extents(x - 6, y - 6, x + 6, y + 6), Bbox.from_extents(x - 4, low - 1, x + 4, high + 1)]
        taken.append(Bbox.from_extents(left - 1, y - 4, right + 1, y + 4))
    zoom = figure.dpi / 72
    joint = {"arrowstyle": "-", "color": INK, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 4}
    named = points if len(points) <= MOST_NAMES else undominated(points)[:MOST_NAMES]
    for point in sorted(named, key=lambda p: p.cost.value):
        at = point.cost.value, point.ap.value
        name = axes.annotate(point.name, at, (0, 0), textcoords="offset points", fontsize=9)
        extent, candidates = name.get_window_extent(), []  # laid out once, then moved by arithmetic
        name.remove()
        for i, (dx, dy, side) in enumerate(_PLACES):
            box = extent.translated(zoom * dx - _SHARES[side] * extent.width, zoom * dy)
            outside = box.x1 > frame.x1 or box.x0 < frame.x0 or box.y1 > frame.y1 or box.y0 < frame.y0
            candidates.append((2 * outside + sum(box.overlaps(other) for other in taken), i, box))
        _, i, box = min(candidates, key=lambda one: one[:2])
        dx, dy, side = _PLACES[i]
        arrow = joint if i >= _NEAR else None
        place: dict[str, Any] = {"xytext": (dx, dy), "textcoords": "offset points", "ha": side, "arrowprops": arrow}
        axes.annotate(point.name, at, fontsize=9, zorder=3, **place)
        taken.append(box)
