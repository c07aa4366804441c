"""Decide whether the hardware that was asked for really ran a candidate, and answered rightly."""

from __future__ import annotations

from collections.abc import Sequence

from poseport.bench.decide.decision import Decision, Verdict
from poseport.bench.formatting import plural
from poseport.bench.record import Environment, Result

# names on the command line -> names in records
NAMES: dict[str, str] = {"gpu": "GPU", "npu": "NNAPI", "xnnpack": "XNNPACK"}


def require(candidate: Sequence[Result], name: str) -> list[Decision]:
    """Judge whether a delegate ran at least 99 % of a candidate's multiply-adds, everywhere it was asked for.

    Args:
        candidate: Records of the candidate, one model.
        name: gpu, npu or xnnpack.

    Returns:
        One decision per place.

    Raises:
        ValueError: if no record asked for it.
    """
    wanted = NAMES[name]
    asked: dict[tuple[object, ...], Environment] = {}
    for e in (result.environment for result in candidate):
        if wanted in (e.delegate, e.ran.asked if e.ran else ""):
            asked.setdefault((e.device, e.processor, e.system, e.runtime, e.delegate, e.threads, e.ran), e)
    if not asked:
        raise ValueError(
            f"no result of {candidate[0].model.name} asked for {name}; measure it with `poseport bench phone "
            f"--delegates {name}`" + (" or `poseport bench latency`" if wanted == "XNNPACK" else "")
        )
    return [_judge(e) for e in asked.values()]


def _judge(e: Environment) -> Decision:
    where = f"{e.device}, {e.processor}, {e.delegate}, {plural(e.threads, 'thread')}"
    complete = None if e.ran is None else e.ran.complete
    if e.wrong or complete is False:
        verdict = Verdict.BEYOND
    else:
        verdict = Verdict.CANNOT_TELL if complete is None else Verdict.WITHIN
    if e.ran is None:
        reason = "what ran is not in this record; measure again with this version"
    else:
        reason = "; ".join(e.labels) or f"ran: {e.ran.text}"
    part = e.ran.partition if e.ran else None
    count = part.operations if part else 0
    return Decision(verdict, "delegate", where, count, "operations", None, "%", 1.0, reason=reason)
