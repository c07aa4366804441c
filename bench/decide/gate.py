"""Whether a candidate is within its budget of accuracy and time: yes, no, or cannot tell with what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from poseport.bench.decide.bootstrap import Interval, ap_difference, median_change, pck_difference, people_needed
from poseport.bench.formatting import plural
from poseport.bench.record import Accuracy, Latency, Result


class Verdict(IntEnum):
    """The command's exit code."""

    WITHIN = 0
    BEYOND = 1
    CANNOT_TELL = 2


@dataclass(frozen=True)
class LossBudget:
    """What a candidate may lose; None is not judged. ap, pck: points of 100. slower: percent of the median time."""

    ap: float | None = None
    pck: float | None = None
    slower: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.ap, self.pck, self.slower) if value is not None]
        if not given:
            raise ValueError("no budget was given; name one: --max-ap-drop, --max-pck-drop or --max-slowdown")
        if min(given) < 0:
            raise ValueError(f"a budget of {min(given)}: what may be lost is 0 or more (--max-ap-drop and its like)")


@dataclass(frozen=True)
class Decision:
    """One quantity in one place. what: AP, PCK or the median time. where: people, or machine and threads.

    count, of: how many people or runs. difference: candidate - baseline in `unit`, points of 100 or percent.
    needed: people that would decide, where it cannot be told; None: more than a million, or a time.
    """

    verdict: Verdict
    what: str
    where: str
    count: int
    of: str
    difference: Interval
    unit: str
    budget: float
    needed: int | None = None

    @property
    def sentence(self) -> str:
        """What the command prints."""
        d = self.difference
        change = f"{self.what} {d.value:+.2f} {self.unit}, 95 % interval {d.low:+.2f} to {d.high:+.2f}"
        text = f"{self.where} ({self.count} {self.of}): {change}"
        if self.verdict is Verdict.WITHIN:
            return f"{text}: within the budget"
        if self.verdict is Verdict.BEYOND:
            return f"{text}: beyond the budget"
        if self.of != "people":
            return f"{text}: cannot tell; time both again on a quiet machine"
        needed = "more than a million" if self.needed is None else f"about {self.needed:,}"
        return f"{text}: cannot tell; {needed} people would decide"


def of_model(results: Sequence[Result], name: str) -> list[Result]:
    """Records of a model, without those of stand-in devices; ValueError lists the models that there are."""
    found = [r for r in results if r.model.name == name and not r.environment.stand_in]
    if not found:
        names = sorted({r.model.name for r in results})
        raise ValueError(f"no result of {name!r}; there are results of {', '.join(names) or 'no model'}")
    return found


def gate(
    base: Sequence[Result], candidate: Sequence[Result], budget: LossBudget, *, resamples: int = 2000
) -> list[Decision]:
    """Judge a candidate against a baseline, everywhere that both were measured in the same way.

    base, candidate: records of one model each. Raises ValueError when a budget has nothing to be judged by.
    """
    decisions: list[Decision] = []
    if budget.ap is not None or budget.pck is not None:
        pairs = _pairs(base, candidate, Accuracy)
        if not pairs:
            raise ValueError(
                f"{base[0].model.name} and {candidate[0].model.name} were never measured on the same people in the "
                "same way; measure both with one `poseport bench accuracy` call"
            )
        for a, b in pairs:
            decisions += _accuracies(a, b, budget, resamples)
    if budget.slower is not None:
        timed = _pairs(base, candidate, Latency)
        if not timed:
            raise ValueError(
                f"{base[0].model.name} and {candidate[0].model.name} were never timed on the same machine in the same "
                "way; time both with one `poseport bench latency` call"
            )
        decisions += [_time(a, b, budget.slower, resamples) for a, b in timed]
    return decisions


def overall(decisions: Sequence[Decision]) -> Verdict:
    """Beyond in one place is beyond; else cannot tell in one is cannot tell."""
    found = {decision.verdict for decision in decisions}
    return next(v for v in (Verdict.BEYOND, Verdict.CANNOT_TELL, Verdict.WITHIN) if v in found)


def _pairs(
    base: Sequence[Result], candidate: Sequence[Result], kind: type[Accuracy] | type[Latency]
) -> list[tuple[Result, Result]]:
    """Records of one kind that were taken in the same place and way."""

    def way(r: Result) -> tuple[object, ...]:
        e, m = r.environment, r.measured
        if isinstance(m, Accuracy):
            return *m.conditions, *e.conditions
        return m.input, e.device, e.processor, e.cores, e.system, e.runtime, e.delegate, e.threads

    found = {way(r): r for r in candidate if isinstance(r.measured, kind)}
    return [(r, found[way(r)]) for r in base if isinstance(r.measured, kind) and way(r) in found]


def _accuracies(base: Result, candidate: Result, budget: LossBudget, resamples: int) -> list[Decision]:
    a, b = base.measured, candidate.measured
    assert isinstance(a, Accuracy)
    assert isinstance(b, Accuracy)
    kp = "" if len(a.keypoints) == len(a.people[0].keypoints) // 3 else f", {len(a.keypoints)} keypoints"
    decisions = []
    for what, limit, difference in (("AP", budget.ap, ap_difference), ("PCK@0.1/box", budget.pck, pck_difference)):
        if limit is None:
            continue
        raw = difference(a, b, resamples=resamples)
        points = Interval(100 * raw.value, 100 * raw.low, 100 * raw.high)
        verdict, needed = _judge(points, -limit), None
        if verdict is Verdict.CANNOT_TELL:
            needed = people_needed(points, -limit, a.data.people)
        e = base.environment
        device = "" if e.device == "host" else f", {e.device}, {e.delegate}, {plural(e.threads, 'thread')}"
        place = f"{a.data.file}{kp}{device}"
        decisions.append(Decision(verdict, what, place, a.data.people, "people", points, "points", limit, needed))
    return decisions


def _time(base: Result, candidate: Result, limit: float, resamples: int) -> Decision:
    a, b, e = base.measured, candidate.measured, base.environment
    assert isinstance(a, Latency)
    assert isinstance(b, Latency)
    change = median_change(a, b, resamples=resamples)
    verdict = _judge(Interval(-change.value, -change.high, -change.low), -limit)
    where = f"{e.device}, {e.processor}, {e.delegate}, {plural(e.threads, 'thread')}"
    return Decision(verdict, "median time", where, len(b.invoke_us), "runs", change, "%", limit)


def _judge(gained: Interval, least: float) -> Verdict:
    """gained: what the candidate is better by."""
    if gained.low >= least:
        return Verdict.WITHIN
    return Verdict.BEYOND if gained.high < least else Verdict.CANNOT_TELL
