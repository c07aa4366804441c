"""Plots of a report, as SVG text to embed in a page.

Text stays text and takes the page's font; colours are the page's CSS variables, so that one plot suits light and dark
themes and print. Files with the same weights share a colour, files with the same recipe a marker.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport.bench.decide.bootstrap import Interval

COLOURS = 6
# with more models than this, names would cover the plot: only the undominated ones keep theirs
MOST_NAMES = 30
# matplotlib cannot write CSS variables: each placeholder colour is replaced in its output
_CSS = {
    "#010203": "var(--ink)",
    "#010204": "var(--line)",
    "#010205": "var(--page)",
    **{f"#0102{10 + i}": f"var(--series{i})" for i in range(COLOURS)},
}
_INK, _LINE, _PAGE, *_SERIES = _CSS
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
    """A model on a Pareto plot: `series` numbers its weights, `cost` is x, `ap` is y in points of 100."""

    name: str
    recipe: str
    series: int
    cost: Interval
    ap: Interval


def undominated(points: Sequence[Point]) -> list[Point]:
    """The points that no other point beats in both cost and AP, cheapest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost.value, -p.ap.value)):
        if not best or point.ap.value > best[-1].ap.value:
            best.append(point)
    return best


def pareto(points: Sequence[Point], cost: str, title: str) -> str:
    """Plot AP against a cost as an SVG element; a line joins the undominated models, whose markers are filled.

    `cost` is the label of the x axis with its unit; screen readers read `title`.
    """
    with _style():
        return _pareto(points, cost, title)


def _pareto(points: Sequence[Point], cost: str, title: str) -> str:
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, axes = _figure(4.4, 3.1)
    front = undominated(points)
    steps = [(p.cost.value, p.ap.value) for p in front]
    axes.step(*zip(*steps, strict=True), where="post", color=_LINE, linewidth=1.5, zorder=1)
    for point in points:
        colour = _SERIES[point.series % COLOURS]
        axes.errorbar(
            [point.cost.value], [point.ap.value], xerr=_away(point.cost), yerr=_away(point.ap), color=colour,
            fmt=_SHAPES.get(point.recipe, "P"), markersize=7, elinewidth=1, capsize=3, zorder=2,
            markerfacecolor=colour if point in front else _PAGE,
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
    return _svg(figure, title)


def _away(interval: Interval) -> list[list[float]]:
    """Lengths of an error bar below and above the value."""
    return [[max(interval.value - interval.low, 0)], [max(interval.high - interval.value, 0)]]


@dataclass(frozen=True, eq=False)
class Curve:
    """A model's curve: `series` numbers its weights, `x` and `share` (0 to 1) are (n,)."""

    name: str
    recipe: str
    series: int
    x: np.ndarray
    share: np.ndarray


def curves(lines: Sequence[Curve], x: str, title: str) -> str:
    """Plot shares against a threshold as an SVG element; float32 lines are dashed, to show both where two coincide."""
    with _style():
        figure, axes = _figure(4.4, 3.1 + 0.17 * math.ceil(min(len(lines), MOST_NAMES) / 2))
        for line in sorted(lines, key=lambda one: one.recipe == "float32"):  # thin dashes over broad lines
            style = {"float32": "--", "int8": "-"}.get(line.recipe, "-.")
            width = {"linewidth": 4, "alpha": 0.45} if style == "-" else {"linewidth": 1.5}
            colour = _SERIES[line.series % COLOURS]
            axes.plot(line.x, 100 * line.share, color=colour, linestyle=style, label=line.name, **width)
        axes.set_xlim(0, max(float(line.x[-1]) for line in lines))
        axes.set_ylim(0, 100)
        axes.set_xlabel(x)
        axes.set_ylabel("keypoints within it (%)")
        axes.grid(color=_LINE, linewidth=0.5, alpha=0.5)
        if len(lines) <= MOST_NAMES:
            figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9, labelcolor=_INK)
        return _svg(figure, title)


def dumbbell(
    names: Sequence[str], first: Sequence[float], second: Sequence[float], legend: tuple[str, str], x: str, title: str
) -> str:
    """Plot two values (n,) per row, joined by a bar, as an SVG element; NaN where a value is missing."""
    with _style():
        return _dumbbell(names, first, second, legend, x, title)


def _dumbbell(
    names: Sequence[str], first: Sequence[float], second: Sequence[float], legend: tuple[str, str], x: str, title: str
) -> str:
    figure, axes = _figure(4.4, 1.1 + 0.23 * len(names))
    rows = range(len(names))
    axes.hlines(rows, first, second, color=_LINE, linewidth=4, zorder=1)
    for values, label, shape, colour in ((first, legend[0], "o", _SERIES[0]), (second, legend[1], "s", _SERIES[1])):
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
    axes.grid(axis="x", color=_LINE, linewidth=0.5, alpha=0.5)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9, labelcolor=_INK, handletextpad=0.3)
    return _svg(figure, title)


def _style() -> Any:
    """Context with matplotlib's settings; the salt makes equal plots equal text."""
    import matplotlib

    return matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "poseport",
            "text.parse_math": False,  # a file's name may hold a $
            "font.size": 9.5,
            "text.color": _INK,
            "axes.labelcolor": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
        }
    )


def _figure(width: float, height: float) -> tuple[Any, Any]:
    """An empty figure, size in inches. It avoids pyplot, which keeps every figure and needs a display."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_LINE)
    axes.tick_params(color=_LINE, labelsize=9)
    return figure, axes


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
    zoom, joint = figure.dpi / 72, {"arrowstyle": "-", "color": _INK, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 4}
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
        axes.annotate(
            point.name, at, (dx, dy), textcoords="offset points", ha=side, fontsize=9, zorder=3, arrowprops=arrow
        )
        taken.append(box)


def _svg(figure: Any, title: str) -> str:
    """The <svg> element of a figure, with a title for screen readers and the page's colours."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # ids of groups are plain numbers and would clash between the plots of a page
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    for colour, variable in _CSS.items():
        text = text.replace(colour, variable)
    name = html.escape(title)
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1).replace(">", f"><title>{name}</title>", 1)
