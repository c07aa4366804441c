"""`curves.png`: loss, scores and learning rate of a training, drawn from its log."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from poseport import bundle
from poseport.records import write_whole
from poseport.train.progress.log_csv import Row, best_row, read_log, scored

# Okabe and Ito's blue and vermilion, which colour-blind readers can tell apart; line styles differ as well
_FIRST, _SECOND, _LINE = "#0072b2", "#d55e00", "#999999"


def write(directory: Path, say: Callable[[str], Any]) -> None:
    """Draw the log of a run into its folder, unless no epoch is logged or matplotlib is not installed.

    Args:
        directory: The run's folder.
        say: Called with one line if matplotlib is not installed.
    """
    rows = read_log(directory)
    if not rows:
        return
    try:
        picture = draw(rows)
    except ImportError:
        say(f'no {bundle.CURVES}: it needs matplotlib; run `pip install "poseport[report]"`')
        return
    write_whole(directory / bundle.CURVES, picture)


def draw(rows: Sequence[Row]) -> bytes:
    """Draw loss, AP, PCK and learning rate over the epochs of a log; a thin line marks the epoch that is kept.

    Args:
        rows: Rows of the log, at least one.

    Returns:
        The bytes of a PNG.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # not pyplot, which keeps every figure and needs a display
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True)
    best = best_row(rows)
    scored_rows = [row for row in rows if scored(row)]
    contents = (
        ("loss", rows, ("loss",), (None, None)),
        ("OKS-AP", scored_rows, ("OKS-AP", "OKS-AP+flip"), (0, None)),
        ("PCK", scored_rows, ("PCK@0.1/box", "PCK@0.1/box+flip"), (0, 1)),
        ("learning rate", rows, ("learning_rate",), (0, None)),
    )
    for axes, (title, some, names, limits) in zip(panels.flat, contents, strict=True):
        for name, colour, style in zip(names, (_FIRST, _SECOND), ("o-", "s--"), strict=False):
            many = len(some) > 40
            axes.plot(
                [row["epoch"] for row in some], [row[name] for row in some], style,
                color=colour, label=name, markersize=0 if many else 3.5, linewidth=1.3,
            )  # fmt: skip
        axes.set_ylim(*limits)
        axes.set_title(title, loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color=_LINE, linewidth=0.5, alpha=0.4)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if best is not None:
            axes.axvline(best["epoch"], color=_LINE, linewidth=0.8, zorder=0)
        if len(names) > 1:
            axes.legend(frameon=False, fontsize=8.5, loc="lower right")
    for axes in panels[1]:
        axes.set_xlabel("epoch")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=120)
    return out.getvalue()
