"""A matplotlib figure as SVG text: text takes the page's font, and colours are the page's CSS variables."""

from __future__ import annotations

import html
import io
import re
from typing import Any

COLOURS = 6
# matplotlib cannot write CSS variables: each placeholder colour is replaced in its output
_CSS = {
    "#010203": "var(--ink)",
    "#010204": "var(--line)",
    "#010205": "var(--page)",
    **{f"#0102{10 + i}": f"var(--series{i})" for i in range(COLOURS)},
}
INK, LINE, PAGE, *SERIES = _CSS


def style() -> Any:
    """Make a context with matplotlib's settings, with a salt that gives equal plots equal text."""
    import matplotlib

    return matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "poseport",
            "text.parse_math": False,  # a file's name may hold a $
            "font.size": 9.5,
            "text.color": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """Make an empty figure without pyplot, which keeps every figure and needs a display.

    Args:
        width: Width in inches.
        height: Height in inches.

    Returns:
        The figure and its axes.
    """
    from matplotlib.figure import Figure

    empty = Figure(figsize=(width, height), layout="constrained")
    axes = empty.add_subplot()
    empty.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(color=LINE, labelsize=9)
    return empty, axes


def svg(drawn: Any, title: str) -> str:
    """Convert a figure to an <svg> element with the page's colours.

    Args:
        drawn: The figure.
        title: Title for screen readers.

    Returns:
        The element.
    """
    out = io.StringIO()
    drawn.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # ids of groups are plain numbers and would clash between the plots of a page
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    for colour, variable in _CSS.items():
        text = text.replace(colour, variable)
    name = html.escape(title)
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1).replace(">", f"><title>{name}</title>", 1)
