"""What the figures of some records do not say; only what applies to these."""

from __future__ import annotations

from collections.abc import Sequence

from poseport.bench.record import Model
from poseport.bench.report.grouping import DataSet, Scored, Timed, is_subset

FEW_PEOPLE = 1000


def caveats(
    scored: Sequence[Scored], timed: Sequence[Timed], models: Sequence[Model], sets: Sequence[DataSet]
) -> list[str]:
    """A sentence or two each."""
    found = []
    accuracies = [s.accuracy for s in scored]
    if accuracies:
        found.append(
            "AP compares only on the same annotations file (its sha256 is below), boxes and keypoints. Where a set has "
            "no measured areas of people, its AP is on a scale of its own and not comparable with COCO's."
        )
        found.append(
            "Intervals say what other images of the same kind would have given; another training run differs as well."
        )
    if any(a.boxes == "ground truth" for a in accuracies):
        found.append("Crops come from annotated boxes. With a detector's boxes AP is lower, often by several points.")
    if any(a.boxes != "ground truth" for a in accuracies):
        found.append("With detected boxes, a person whom the detector missed counts as missed by the network.")
    if any(not a.flip for a in accuracies):
        found.append("Without flip averaging. Published figures mostly have it, which adds about 1 to 5 points of AP.")
    if any(a.flip for a in accuracies):
        found.append("Flip averaging runs the network twice a person: such a figure takes twice the latency shown.")
    counts = {data.label: data.scored[0].accuracy.data.people for data in sets}
    small = [f"{label} ({count:,})" for label, count in counts.items() if count < FEW_PEOPLE]
    if small:
        found.append(f"Fewer than {FEW_PEOPLE:,} people, so that intervals are wide: {'; '.join(small)}.")
    for data in sets:
        if is_subset(data.scored[0]):
            names = ", ".join(data.scored[0].accuracy.keypoints)
            found.append(f"{data.label} scores a part of the keypoints only ({names}); figures of the full set differ.")
    if any(t.environment.device == "host" for t in timed):
        found.append(
            "Latency on a host says nothing about a phone's, least of all that of int8: x86 runs it with other kernels "
            "and instructions than ARM, and a phone's GPU or NPU differs again."
        )
    if any(t.environment.device != "host" for t in timed):
        found.append(
            "A phone's times were taken in a row on a cool phone, nothing else running; minutes on end may be slower. "
            "CPU stands for the interpreter's own choice of kernels there; threads count on the CPU only. Memory is "
            "the whole app's there, and on a host what the file added to a fresh process."
        )
    if timed:
        found.append("Latency is the network alone, one crop at a time; reading, cropping and decoding come on top.")
    unsteady = sorted({t.model.name for t in timed if not t.latency.is_steady})
    if unsteady:
        found.append(
            f"Two processes, one after the other, gave medians more than 5 % apart for {', '.join(unsteady)}: "
            "differences of that size mean nothing; measure again on a quiet machine."
        )
    if len({t.place for t in timed}) > 1:
        found.append("Latency comes from more than one processor or runtime; compare within a table only.")
    if any(t.environment.threads > t.environment.cores for t in timed):
        found.append("Some times were taken with more threads than there are cores.")
    busy = sorted({t.model.name for t in timed if t.latency.percentile_ms(90) > 1.5 * t.latency.percentile_ms(50)})
    if busy:
        found.append(f"p90 is far above p50 for {', '.join(busy)}: the machine was busy; measure again when idle.")
    if accuracies:
        found.append("PCK is relative to the person's box or torso; PCKh of other publications is not comparable.")
    foreign = [m.name for m in models if m.card.spec.family == "foreign"]
    if foreign:
        found.append(
            f"Others made {', '.join(foreign)}: on whom, their files do not say. What was published of them was "
            "measured on other people, crops and machines."
        )
    uncounted = [m.name for m in models if not m.macs]
    if uncounted:
        found.append(f"No energy proxy for {', '.join(uncounted)}: their records do not count multiply-adds.")
    called = [m.name for m in models]
    for name in sorted({n for n in called if called.count(n) > 1}):
        found.append(f"{name} stands for {called.count(name)} different files; their sha256 tell them apart.")
    return found
