"""What ran each network, beside what was asked for and predicted, and whether a phone's answers were right."""

from __future__ import annotations

from collections.abc import Sequence

from poseport.bench.formatting import NONE, Table, figures, plural
from poseport.bench.record import Agreement, BoxAgreement, Environment, Result

_SOURCES = {
    "interpreter": "the interpreter", "log": "the runtime's log", "steps": "the interpreter's steps", "nothing": NONE,
}  # fmt: skip
_HEADER = (
    "Model", "Where", "Asked", "Ran", "Operations", "Predicted", "Told by", "First error",
    "Answers against this machine's",
)  # fmt: skip


def warnings(results: Sequence[Result]) -> list[str]:
    """List what readers must know before any figure.

    Args:
        results: The records.

    Returns:
        One sentence for each file and place that gave wrong answers or ran on other hardware than was asked for.
    """
    labels = ((r, label) for r in results for label in r.environment.labels)
    return list(dict.fromkeys(f"{r.model.name} on {_place(r.environment)}: {label}" for r, label in labels))


def what_ran(results: Sequence[Result]) -> list[Table]:
    """List what ran each file in each place.

    Args:
        results: The records.

    Returns:
        One table, or none if no record tells.
    """
    rows: dict[tuple[str, ...], None] = {}
    for r in results:
        e, ran = r.environment, r.environment.ran
        if ran is not None:
            parts = (ran.asked, ran.text, ran.operations_text, ran.predicted_text or NONE, _SOURCES[ran.source])
            rows[(r.model.name, _place(e), *parts, ran.error or NONE, _agreement(e))] = None
    caption = "What ran: share of the multiply-adds, and pieces between which data is copied"
    return [Table(caption, _HEADER, [*rows], numeric=False)] if rows else []


def marked(name: str, environment: Environment) -> str:
    """The name of a file in a table of times, with what is wrong with them.

    Args:
        name: The name.
        environment: Where it was measured.
    """
    ran = environment.ran
    marks = ["wrong answers"] * bool(environment.wrong) + (
        [f"ran: {ran.text}"] if ran is not None and ran.label else []
    )
    return f"{name} ({'; '.join(marks)})" if marks else name


def _place(e: Environment) -> str:
    return f"{e.device}, {e.delegate}, {plural(e.threads, 'thread')}"


def _agreement(e: Environment) -> str:
    return "; ".join(filter(None, (_of_boxes(e.boxes), _of_keypoints(e.agreement)))) or NONE


def _of_keypoints(found: Agreement | None) -> str:
    if found is None or found.label:
        return "" if found is None else found.label
    assert found.p90_px is not None  # it would have a label
    assert found.oks is not None
    people = plural(found.people, "person", "people")
    return f"p90 {figures(found.p90_px)} px, OKS {found.oks:.3f}, {people}, bounds of {found.arithmetic}"


def _of_boxes(found: BoxAgreement | None) -> str:
    if found is None or found.label:
        return "" if found is None else found.label
    same = "" if found.overlap is None else f", a tenth overlaps by {found.overlap:.3f} or less"
    counts = f"{plural(found.boxes, 'box', 'boxes')}, {found.missing} missing, {found.extra} others{same}"
    return f"{counts}, {plural(found.pictures, 'picture')}, bounds of {found.arithmetic}"
