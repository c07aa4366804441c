"""What `poseport doctor` says: one thing that is wrong, how it shows, and how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing.

    id: stable, for scripts. severity: an error keeps the file from doing its work on a phone, a warning costs
    accuracy or time, a note is worth knowing. evidence: what was counted. numbers: the same for a script.
    """

    id: str
    severity: Severity
    evidence: str
    mend: str
    numbers: dict[str, int | float | str | list[str]]


def some(names: Iterable[str], count: int = 3) -> str:
    """The first few of many; a fused layer is called by the first of its names, a long one by its end."""
    names = [name.split(";")[0] for name in names]
    names = [name if len(name) <= 60 else f"...{name[-57:]}" for name in names]
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def tally(words: Iterable[str]) -> str:
    """`ADD 3, MUL 1`, most frequent first."""
    return ", ".join(f"{word} {count}" for word, count in Counter(words).most_common())
