"""Whether a candidate is within its accuracy budget: yes, no, or cannot tell with these people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from poseport.bench.result import Accuracy, Result
from poseport.bench.statistics import Interval, ap_difference, people_needed


class Verdict(IntEnum):
    """The command's exit code."""

    WITHIN = 0
    BEYOND = 1
    CANNOT_TELL = 2


@dataclass(frozen=True)
class Decision:
    """One data set's answer. difference: AP(candidate) - AP(baseline), in points of 100.

    needed: people that would decide, where it cannot be told; None: more than a million.
    """

    verdict: Verdict
    data: str
    people: int
    difference: Interval
    needed: int | None

    @property
    def sentence(self) -> str:
        """What the command prints."""
        d = self.difference
        change = f"AP {d.value:+.2f} points, 95 % interval {d.low:+.2f} to {d.high:+.2f}"
        text = f"{self.data} ({self.people} people): {change}"
        if self.verdict is Verdict.WITHIN:
            return f"{text}: within the budget"
        if self.verdict is Verdict.BEYOND:
            return f"{text}: beyond the budget"
        needed = "more than a million" if self.needed is None else f"about {self.needed:,}"
        return f"{text}: cannot tell; {needed} people would decide"


def gate(
    results: Sequence[Result], baseline: str, candidate: str, max_ap_drop: float, *, resamples: int = 2000
) -> list[Decision]:
    """Compare two models on every data set that both were measured on.

    baseline, candidate: model names. max_ap_drop: points of 100 that the candidate may lose.
    Raises ValueError that lists what was measured when a name or a common data set is missing.
    """
    by_name = {name: _accuracy(results, name) for name in (baseline, candidate)}
    decisions = []
    for key, base in by_name[baseline].items():
        if key in by_name[candidate]:
            decisions.append(_decide(base, by_name[candidate][key], max_ap_drop, resamples))
    if not decisions:
        raise ValueError(
            f"{baseline} and {candidate} were never measured on the same people in the same way; "
            "measure both with one `poseport bench accuracy` call"
        )
    return decisions


def overall(decisions: Sequence[Decision]) -> Verdict:
    """Beyond on one data set is beyond; else cannot tell on one is cannot tell."""
    found = {decision.verdict for decision in decisions}
    return next(v for v in (Verdict.BEYOND, Verdict.CANNOT_TELL, Verdict.WITHIN) if v in found)


def _accuracy(results: Sequence[Result], name: str) -> dict[object, Accuracy]:
    found: dict[object, Accuracy] = {}
    for result in results:
        m = result.measured
        if result.model.name == name and isinstance(m, Accuracy):
            found[(m.data.sha256, m.data.people, m.boxes, m.flip, m.keypoints, result.environment.device)] = m
    if not found:
        names = sorted({r.model.name for r in results if isinstance(r.measured, Accuracy)})
        raise ValueError(f"no accuracy result of {name!r}; there are results of {', '.join(names) or 'no model'}")
    return found


def _decide(base: Accuracy, candidate: Accuracy, max_ap_drop: float, resamples: int) -> Decision:
    raw = ap_difference(base, candidate, resamples=resamples)
    points = Interval(100 * raw.value, 100 * raw.low, 100 * raw.high)
    limit = -max_ap_drop
    verdict, needed = Verdict.CANNOT_TELL, None
    if points.low >= limit:
        verdict = Verdict.WITHIN
    elif points.high < limit:
        verdict = Verdict.BEYOND
    else:
        needed = people_needed(points, limit, base.data.people)
    kp = "" if len(base.keypoints) == len(base.people[0].keypoints) // 3 else f", {len(base.keypoints)} keypoints"
    return Decision(verdict, f"{base.data.file}{kp}", base.data.people, points, needed)
