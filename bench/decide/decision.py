"""The answers of a gate: a verdict, and one decision per quantity and place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from poseport.bench.decide.bootstrap import Interval


class Verdict(IntEnum):
    """The answer of a gate; its value is the exit code of `poseport bench gate`."""

    WITHIN = 0
    BEYOND = 1
    CANNOT_TELL = 2


@dataclass(frozen=True)
class LossBudget:
    """The losses that a candidate may have against its baseline; None is not judged.

    Attributes:
        ap: Points (of 100) of OKS-AP.
        pck: Points (of 100) of PCK@0.1/box.
        slower: Percent of the median time.
        delegate: The hardware that must run at least 99 % of the candidate's multiply-adds: gpu, npu or xnnpack.
    """

    ap: float | None = None
    pck: float | None = None
    slower: float | None = None
    delegate: str | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.ap, self.pck, self.slower) if value is not None]
        if not given and self.delegate is None:
            raise ValueError(
                "no budget was given; add --max-ap-drop, --max-pck-drop, --max-slowdown or --require-delegate"
            )
        if not min(given, default=0) >= 0:
            raise ValueError(
                f"the budget {min(given):g} is negative; --max-ap-drop, --max-pck-drop and --max-slowdown are 0 or more"
            )


@dataclass(frozen=True)
class Decision:
    """The judgement of one quantity in one place.

    Attributes:
        verdict: The answer.
        what: `AP`, `PCK@0.1/box`, `median time` or `delegate`.
        where: The people, or the machine and number of threads.
        count: Number of people, runs or operations.
        of: `people`, `runs` or `operations`.
        difference: Candidate minus baseline in `unit`; None if it has no meaning, see `reason`.
        unit: `points` (of 100) or `%`.
        budget: The largest loss that is allowed, in `unit`.
        needed: Number of people that would be enough to decide; None for times, and for more than a million.
        reason: Why no number of people or runs could give an answer, or what a delegate ran; else empty.
    """

    verdict: Verdict
    what: str
    where: str
    count: int
    of: str
    difference: Interval | None
    unit: str
    budget: float
    needed: int | None = None
    reason: str = ""

    @property
    def sentence(self) -> str:
        """The decision as the command prints it."""
        head = f"{self.where} ({self.count} {self.of}): {self.what}"
        if self.difference is None:
            required = {Verdict.WITHIN: "as required", Verdict.BEYOND: "not as required"}
            return f"{head}: {required.get(self.verdict, 'cannot tell')}; {self.reason}"
        change = self.difference
        text = f"{head} {change.value:+.2f} {self.unit}, 95 % interval {change.low:+.2f} to {change.high:+.2f}"
        if self.verdict is Verdict.WITHIN:
            return f"{text}: within the budget"
        if self.verdict is Verdict.BEYOND:
            return f"{text}: beyond the budget"
        if self.of != "people":
            return f"{text}: cannot tell; time both again on a quiet machine"
        needed = "more than a million" if self.needed is None else f"about {self.needed:,}"
        return f"{text}: cannot tell; {needed} people would decide"

    def to_data(self) -> dict[str, Any]:
        """The decision as JSON-ready values."""
        change = self.difference
        return {
            "what": self.what,
            "where": self.where,
            self.of: self.count,
            "change": None if change is None else change.value,
            "unit": self.unit,
            "interval": None if change is None else [change.low, change.high],
            "budget": self.budget,
            "verdict": self.verdict.name.lower(),
            "people_needed": self.needed,
            "reason": self.reason,
        }
