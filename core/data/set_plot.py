"""The plots of `poseport data stats`: labels, people per image, sizes and visibility."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from poseport.data.stats import Stats, size_names

SUFFIXES = (".svg", ".png", ".pdf")
_BAR, _HIDDEN, _NONE = "#2a6fbb", "#e08a1e", "#d9d9d9"


def picture(stats: Stats, suffix: str, min_keypoints: int) -> bytes:
    """Draw four plots as an image file.

    Args:
        stats: The counts.
        suffix: Suffix of the format, one of `SUFFIXES`.
        min_keypoints: People with fewer labels are hatched.

    Returns:
        The bytes of the file.

    Raises:
        ValueError: If matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError('plots take matplotlib: pip install "poseport[report]"') from None
    # text stays text, and the same counts give the same file
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "poseport", "font.size": 9}):
        figure = Figure(figsize=(10, 7.5), layout="constrained")
        axes = figure.subplots(2, 2)
        bars = _bars(axes[0, 0], range(len(stats.by_labelled)), stats.by_labelled, "labelled keypoints", "people")
        for bar in bars[:min_keypoints]:
            bar.set(hatch="///", edgecolor="white")
        axes[0, 0].set_title(f"Labels per person (hatched: fewer than {min_keypoints}, not trained on)", fontsize=10)
        _bars(axes[0, 1], list(stats.by_image), list(stats.by_image.values()), "people in the image", "images")
        axes[0, 1].set_title("People per image", fontsize=10)
        _bars(axes[1, 0], range(len(stats.by_size)), stats.by_size, "longer side of the box, px", "people")
        axes[1, 0].set_xticks(range(len(stats.by_size)), size_names())
        axes[1, 0].set_title("Sizes", fontsize=10)
        _visibility(axes[1, 1], stats)
        figure.suptitle(f"{stats.path.name}: {stats.people:,} people in {stats.images:,} images", fontsize=11)
        out = io.BytesIO()
        dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
        figure.savefig(out, format=suffix[1:], dpi=120, metadata=dates)
    return out.getvalue()


def _bars(axes: Any, x: Sequence[int], counts: Sequence[int], label: str, unit: str) -> Any:
    axes.set_xlabel(label)
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(axis="x", integer=True)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return axes.bar(x, counts, width=0.85, color=_BAR)


def _visibility(axes: Any, stats: Stats) -> None:
    """Draw stacked shares, one row per keypoint."""
    rows, left = range(len(stats.keypoints)), [0.0] * len(stats.keypoints)
    columns = zip(*stats.keypoints.values(), strict=True)
    for counts, label, colour in zip(columns, ("visible", "hidden", "no label"), (_BAR, _HIDDEN, _NONE), strict=True):
        shares = [100 * n / max(stats.people, 1) for n in counts]
        axes.barh(rows, shares, left=left, height=0.8, color=colour, label=label)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.set_yticks(rows, [name.replace("_", " ") for name in stats.keypoints])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of people")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("Keypoints", fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)
