"""Pictures of a report: plots as SVG text to stand inside a page, and photos of people with poses.

In a plot, text stays text and takes the page's font; colours are the page's CSS variables, so that one picture
serves light and dark and prints well. Series differ in shape as well as in colour.
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

from poseport import crop, draw
from poseport.images import encode_image
from poseport.skeleton import Skeleton

PHOTO_HW = (260, 200)
PHOTO_PADDING = 1.3
# matplotlib knows no CSS: what it draws in the first is given to the page as the second
_CSS = {
    "#010203": "var(--ink)",
    "#010204": "var(--line)",
    "#010205": "var(--first)",
    "#010206": "var(--second)",
    "#010207": "var(--page)",
}
_INK, _LINE, _FIRST, _SECOND, _PAGE = _CSS
_SHAPES = {"float32": "o", "float16": "D", "dynamic": "^", "int8": "s", "int8-floatio": "v"}
_PLACES = (
    (7, 5, "left"), (7, -12, "left"), (-7, 5, "right"), (-7, -12, "right"), (0, 12, "center"), (0, -19, "center")
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A model on a Pareto plot. cost: on x. ap, low, high: in points of 100, with their 95 % interval."""

    name: str
    recipe: str
    cost: float
    ap: float
    low: float
    high: float


def undominated(points: Sequence[Point]) -> list[Point]:
    """Points that no other beats in both cost and AP, cheapest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.ap)):
        if not best or point.ap > best[-1].ap:
            best.append(point)
    return best


def pareto(points: Sequence[Point], cost: str, title: str) -> str:
    """AP against a cost: a line joins the undominated models, which are filled; the others are hollow.

    cost: label of the x axis with its unit. title: what screen readers say. Returns an SVG element.
    """
    with _style():
        return _pareto(points, cost, title)


def _pareto(points: Sequence[Point], cost: str, title: str) -> str:
    figure, axes = _figure(4.4, 3.1)
    front = undominated(points)
    axes.step([p.cost for p in front], [p.ap for p in front], where="post", color=_LINE, linewidth=1.5, zorder=1)
    for point in points:
        colour = _FIRST if point.recipe == "float32" else _SECOND
        away = [[max(point.ap - point.low, 0)], [max(point.high - point.ap, 0)]]
        axes.errorbar(
            [point.cost], [point.ap], yerr=away, fmt=_SHAPES.get(point.recipe, "P"), markersize=7, color=colour,
            markerfacecolor=colour if point in front else _PAGE, elinewidth=1, capsize=3, zorder=2,
        )  # fmt: skip
    costs = [p.cost for p in points]
    if max(costs) > 10 * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    else:
        axes.set_xlim(0, 1.3 * max(costs))  # room for a name
    # a drop of half a point must not fill the plot's height
    low, high = min(p.low for p in points), max(p.high for p in points)
    spare = max(0.12 * (high - low), 2.0)
    axes.set_ylim(max(low - spare, -2), high + spare)
    axes.set_xlabel(cost)
    axes.set_ylabel("OKS-AP (of 100)")
    _label(figure, axes, points)
    return _svg(figure, title)


@dataclass(frozen=True, eq=False)
class Line:
    """A model's curve. x: (n,). share: (n,) from 0 to 1."""

    name: str
    recipe: str
    x: np.ndarray
    share: np.ndarray


def curves(lines: Sequence[Line], x: str, title: str) -> str:
    """Shares over a threshold, a line each; a float32 file's is dashed, so that one that lies on it shows both."""
    with _style():
        figure, axes = _figure(4.4, 3.1)
        shades = np.linspace(1.0, 0.35, max(sum(line.recipe != "float32" for line in lines), 1)).tolist()
        for line in sorted(lines, key=lambda one: one.recipe == "float32"):  # dashes over the others
            first = line.recipe == "float32"
            axes.plot(
                line.x, 100 * line.share, color=_FIRST if first else _SECOND, linestyle="--" if first else "-",
                linewidth=1.5, alpha=1.0 if first else shades.pop(0), label=line.name,
            )  # fmt: skip
        axes.set_xlim(0, max(float(line.x[-1]) for line in lines))
        axes.set_ylim(0, 100)
        axes.set_xlabel(x)
        axes.set_ylabel("keypoints within it (%)")
        axes.grid(color=_LINE, linewidth=0.5, alpha=0.5)
        axes.legend(frameon=False, fontsize=8.5, labelcolor=_INK, loc="lower right")
        return _svg(figure, title)


def dumbbell(
    names: Sequence[str], first: Sequence[float], second: Sequence[float], legend: tuple[str, str], x: str, title: str
) -> str:
    """Two values a row, joined by a bar. first, second: (n,), NaN where there is none. Returns an SVG element."""
    with _style():
        return _dumbbell(names, first, second, legend, x, title)


def _dumbbell(
    names: Sequence[str], first: Sequence[float], second: Sequence[float], legend: tuple[str, str], x: str, title: str
) -> str:
    figure, axes = _figure(4.4, 1.1 + 0.23 * len(names))
    rows = range(len(names))
    axes.hlines(rows, first, second, color=_LINE, linewidth=4, zorder=1)
    for values, label, shape, colour in ((first, legend[0], "o", _FIRST), (second, legend[1], "s", _SECOND)):
        # the second is smaller, so that equal values show both
        size = 58 if shape == "o" else 22
        axes.scatter(values, rows, s=size, marker=shape, color=colour, label=label, zorder=2)
    axes.set_yticks(rows, [name.replace("_", " ") for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    # at least 20 points wide: a small loss must look small
    known = [v for v in (*first, *second) if math.isfinite(v)]
    axes.set_xlim(min(min(known) - 2, max(known) - 18), max(known) + 2)
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.set_xlabel(x)
    axes.grid(axis="x", color=_LINE, linewidth=0.5, alpha=0.5)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9, labelcolor=_INK, handletextpad=0.3)
    return _svg(figure, title)


def _style() -> Any:
    """Settings of matplotlib that hold within a `with`. The salt makes the same plot the same text."""
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
    """An empty figure in inches, in the page's colours. Not by pyplot, which keeps every figure and wants a display."""
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
    """Names beside their points: of a few places the first that covers no point, bar or other name."""
    figure.draw_without_rendering()
    bars = [(p.cost, p.low + part * (p.high - p.low)) for p in points for part in np.linspace(0, 1, 9)]
    pixels = axes.transData.transform(bars + [(p.cost, p.ap) for p in points])
    frame = axes.get_window_extent()
    taken: list[Any] = []
    for point in sorted(points, key=lambda p: p.cost):
        tried: list[tuple[int, int, Any, Any]] = []
        for dx, dy, side in _PLACES:
            at = (point.cost, point.ap)
            text = axes.annotate(point.name, at, (dx, dy), textcoords="offset points", ha=side, fontsize=8.5, zorder=3)
            box = text.get_window_extent()
            outside = box.x1 > frame.x1 or box.x0 < frame.x0
            clashes = sum(box.overlaps(other) for other in taken) + sum(box.contains(*at) for at in pixels)
            tried.append((2 * outside + clashes, len(tried), text, box))
        _, _, kept, box = min(tried)
        for _, _, text, _ in tried:
            if text is not kept:
                text.remove()
        taken.append(box)


def _svg(figure: Any, title: str) -> str:
    """The <svg> element of a figure, named for screen readers, with the page's colours."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # ids of groups are only numbers and would repeat from plot to plot of one page
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    for colour, variable in _CSS.items():
        text = text.replace(colour, variable)
    name = html.escape(title)
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1).replace(">", f"><title>{name}</title>", 1)


def photo_pair(
    image: np.ndarray,
    box_xywh: tuple[float, float, float, float],
    poses: Sequence[np.ndarray],
    captions: Sequence[str],
    skeleton: Skeleton,
) -> bytes:
    """JPEG of one person's crop, once with each pose drawn over it, side by side.

    image: (h, w, 3) uint8 RGB. box_xywh: in its pixels. poses: each (K, 3) x, y in image pixels and a
    score; points that score 0 are left out.
    """
    matrix = crop.crop_matrix(np.asarray(box_xywh), PHOTO_HW, PHOTO_PADDING)
    cut = crop.warp(image, matrix, PHOTO_HW)
    sides = []
    for pose, text in zip(poses, captions, strict=True):
        points = np.column_stack([crop.move_points(pose[:, :2], matrix), pose[:, 2]])
        # drawn on the small crop, not on the photo, so that lines are equally thin in all
        drawn = draw.skeleton_overlay(cut, points[None], skeleton, threshold=1e-6)
        sides.append(draw.caption(drawn, text))
    gap = np.full((PHOTO_HW[0], 4, 3), 255, np.uint8)
    row = draw.beside([part for side in sides for part in (side, gap)][:-1])
    return encode_image(row, ".jpg", 85)
