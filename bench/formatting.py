"""Figures and tables as text. AP and PCK are in points of 100."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from poseport.bench.decide.bootstrap import Interval

PER_KEYPOINT = "PCK@0.1/box"
NONE = "—"


@dataclass(frozen=True)
class Table:
    """A table whose first cell names each row.

    Attributes:
        caption: Its caption.
        header: Names of the columns.
        rows: The rows.
        numeric: Whether all cells but the first are figures.
    """

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numeric: bool = True


def points(value: float | None) -> str:
    """Format a share in points of 100.

    Args:
        value: The share, 0 to 1; None for a dash.
    """
    return NONE if value is None else f"{100 * value:.1f}"


def signed(value: float, digits: int = 1) -> str:
    """Format a signed figure with a true minus sign, and no minus before zero.

    Args:
        value: The figure; a dash if it is not finite.
        digits: Number of decimals.
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else NONE


def percentage(value: float, of: float) -> str:
    """Format a ratio in percent.

    Args:
        value: The numerator.
        of: The denominator; a dash if it is 0.
    """
    return f"{100 * value / of:.0f} %" if of > 0 else NONE


def figures(value: float) -> str:
    """Format a size or time with about three significant digits.

    Args:
        value: The size or time, 0 or more.
    """
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def span(interval: Interval) -> str:
    """Format both ends of an interval.

    Args:
        interval: The interval.
    """
    return f"{signed(interval.low)} to {signed(interval.high)}"


def plural(count: int, one: str, many: str = "") -> str:
    """Format a count with its noun.

    Args:
        count: The count.
        one: The noun for one.
        many: The noun for several; empty to add an s.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
