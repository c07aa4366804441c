"""Decide whether a candidate stays within a budget of accuracy and time: within, beyond, or cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poseport.bench.decide import delegates
from poseport.bench.decide.average_precision import average_precision
from poseport.bench.decide.bootstrap import (
    Interval,
    ap_difference,
    check_comparable,
    pck,
    pck_difference,
    people_needed,
)
from poseport.bench.decide.decision import Decision, LossBudget, Verdict
from poseport.bench.decide.time_intervals import median_change
from poseport.bench.formatting import plural
from poseport.bench.record import Accuracy, Latency, Result

PCK = "PCK@0.1/box"


def of_model(results: Sequence[Result], name: str) -> list[Result]:
    """Select the records of a model, without those of stand-in devices.

    Args:
        results: The records.
        name: Name of the model.

    Returns:
        Its records.

    Raises:
        ValueError: if there are none; lists the models that have records.
    """
    selected = [r for r in results if r.model.name == name and not r.environment.stand_in]
    if not selected:
        names = sorted({r.model.name for r in results})
        raise ValueError(f"no result of {name!r}; there are results of {', '.join(names) or 'no model'}")
    return selected


def gate(
    base: Sequence[Result], candidate: Sequence[Result], budget: LossBudget, *, resamples: int = 2000
) -> list[Decision]:
    """Judge a candidate against a baseline, everywhere that both were measured under the same conditions.

    Args:
        base: Records of the baseline, one model.
        candidate: Records of the candidate, one model.
        budget: What the candidate may lose.
        resamples: Number of bootstrap resamples.

    Returns:
        One decision per quantity and place.

    Raises:
        ValueError: if the records hold nothing that a budget could be compared with.
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
    if budget.delegate is not None:
        decisions += delegates.require(candidate, budget.delegate)
    return decisions


def overall(decisions: Sequence[Decision]) -> Verdict:
    """Combine decisions: beyond if any is beyond, else cannot tell if any cannot tell, else within.

    Args:
        decisions: At least one decision.
    """
    verdicts = {decision.verdict for decision in decisions}
    return next(v for v in (Verdict.BEYOND, Verdict.CANNOT_TELL, Verdict.WITHIN) if v in verdicts)


def _pairs(
    base: Sequence[Result], candidate: Sequence[Result], kind: type[Accuracy] | type[Latency]
) -> list[tuple[Result, Result]]:
    """Records of one kind that were measured under the same conditions."""

    def conditions(r: Result) -> tuple[object, ...]:
        e, m = r.environment, r.measured
        if isinstance(m, Accuracy):
            return *m.conditions, *e.conditions
        return m.input, e.device, e.processor, e.cores, e.system, e.runtime, e.delegate, e.threads

    candidates = {conditions(r): r for r in candidate if isinstance(r.measured, kind)}
    base_records = [r for r in base if isinstance(r.measured, kind)]
    return [(r, candidates[conditions(r)]) for r in base_records if conditions(r) in candidates]


def _accuracies(base: Result, candidate: Result, budget: LossBudget, resamples: int) -> list[Decision]:
    """Judge AP and PCK of one pair of accuracy records."""
    a, b = base.measured, candidate.measured
    assert isinstance(a, Accuracy)
    assert isinstance(b, Accuracy)
    check_comparable(a, b)
    e, count = base.environment, a.data.people
    subset = "" if len(a.keypoints) == len(a.people[0].keypoints) // 3 else f", {len(a.keypoints)} keypoints"
    device = "" if e.device == "host" else f", {e.device}, {e.delegate}, {plural(e.threads, 'thread')}"
    where = f"{a.data.file}{subset}{device}{_labels(base, candidate)}"
    decisions = []
    if budget.ap is not None:
        ap = 100 * float(average_precision(a.detections, np.ones((1, len(a.detections.image_ids))))[0])
        reason = _meaningless("AP", ap, budget.ap)
        points = None if reason else ap_difference(a, b, resamples=resamples).times(100)
        decisions.append(_judge_points("AP", where, count, points, budget.ap, reason))
    if budget.pck is not None:
        reason = _meaningless(PCK, 100 * pck(a), budget.pck)
        points = None if reason else pck_difference(a, b, resamples=resamples).times(100)
        decisions.append(_judge_points(PCK, where, count, points, budget.pck, reason))
    return decisions


def _meaningless(what: str, baseline: float, budget: float) -> str:
    """Reason why a loss from this baseline (points of 100) has no meaning; empty if it has.

    If the baseline has no more points than the budget, a network that finds nobody would be within the budget.
    """
    if not np.isfinite(baseline):
        return f"nobody in this set has a label for the scored keypoints, so there is no {what}"
    if baseline <= 0:
        return f"the baseline's {what} is 0, so there is nothing to lose; `poseport data check` examines the labels"
    if baseline <= budget:
        return (
            f"the baseline's {what} of {baseline:.2f} points is no more than the budget of {budget:g}, so even a "
            "network that finds nobody would be within it"
        )
    return ""


def _judge_points(what: str, where: str, count: int, points: Interval | None, budget: float, reason: str) -> Decision:
    """Judge a difference in points; None with a reason if it has no meaning."""
    if points is None:
        return Decision(Verdict.CANNOT_TELL, what, where, count, "people", None, "points", budget, reason=reason)
    verdict = _judge(points, -budget)
    needed = people_needed(points, -budget, count) if verdict is Verdict.CANNOT_TELL else None
    return Decision(verdict, what, where, count, "people", points, "points", budget, needed)


def _time(base: Result, candidate: Result, budget: float, resamples: int) -> Decision:
    """Judge the median time of one pair of latency records."""
    a, b, e = base.measured, candidate.measured, base.environment
    assert isinstance(a, Latency)
    assert isinstance(b, Latency)
    where = f"{e.device}, {e.processor}, {e.delegate}, {plural(e.threads, 'thread')}{_labels(base, candidate)}"
    what, count = "median time", len(b.invoke_us)
    if min((*a.invoke_us, *b.invoke_us)) <= 0:
        reason = "some of the times are 0, which no network takes; time both again"
        return Decision(Verdict.CANNOT_TELL, what, where, count, "runs", None, "%", budget, reason=reason)
    wrong = [r.model.name for r in (base, candidate) if r.environment.wrong]
    if wrong:
        reason = f"the time of a wrong answer means nothing ({', '.join(wrong)})"
        return Decision(Verdict.CANNOT_TELL, what, where, count, "runs", None, "%", budget, reason=reason)
    change = median_change(a, b, resamples=resamples)
    verdict = _judge(Interval(-change.value, -change.high, -change.low), -budget)
    return Decision(verdict, what, where, count, "runs", change, "%", budget)


def _labels(base: Result, candidate: Result) -> str:
    """What a place is labelled with, for both records; empty for the usual case."""
    found = [f"{r.model.name}: {label}" for r in (base, candidate) for label in r.environment.labels]
    return f" [{'; '.join(found)}]" if found else ""


def _judge(gain: Interval, least: float) -> Verdict:
    """Compare the interval of a gain (negative for a loss) with the smallest gain that is allowed."""
    if gain.low >= least:
        return Verdict.WITHIN
    return Verdict.BEYOND if gain.high < least else Verdict.CANNOT_TELL
