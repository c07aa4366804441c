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
    """A table whose first cell names each row; numeric if its other cells are figures."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numeric: bool = True


def points(value: float | None) -> str:
    """A share of 1 in points of 100, or a dash."""
    return NONE if value is None else f"{100 * value:.1f}"


def signed(value: float, digits: int = 1) -> str:
    """A signed figure with a true minus sign, and no minus before zero."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else NONE


def percentage(value: float, of: float) -> str:
    """A ratio in percent; a dash if there is nothing to divide by."""
    return f"{100 * value / of:.0f} %" if of > 0 else NONE


def figures(value: float) -> str:
    """A size or time with about three significant digits."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def span(interval: Interval) -> str:
    """Both ends of an interval."""
    return f"{signed(interval.low)} to {signed(interval.high)}"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
