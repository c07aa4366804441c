"""A finding of `poseport doctor`: one thing that is wrong, the numbers that show it, and how to fix it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """A fault of a file.

    Attributes:
        id: Stable name, for scripts.
        severity: An error keeps the file from working on a phone, a warning costs accuracy or time, a note is worth
            knowing.
        evidence: The numbers that show it, in words.
        fix: How to fix it.
        numbers: The same numbers, for scripts.
    """

    id: str
    severity: Severity
    evidence: str
    fix: str
    numbers: dict[str, int | float | str | list[str]]


def some(names: Iterable[str], count: int = 3) -> str:
    """Join the first few of many names, such as `a, b, c and 4 more`.

    Args:
        names: The names. Only the first name of a fused layer is kept, and only the end of a long name.
        count: Number of names to show.

    Returns:
        The text.
    """
    names = [name.split(";")[0] for name in names]
    names = [name if len(name) <= 60 else f"...{name[-57:]}" for name in names]
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def tally(words: Iterable[str]) -> str:
    """Count words, the most frequent first.

    Args:
        words: The words.

    Returns:
        A text such as `ADD 3, MUL 1`.
    """
    return ", ".join(f"{word} {count}" for word, count in Counter(words).most_common())
