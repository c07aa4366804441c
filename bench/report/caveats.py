"""Caveats of a report: the limits of its figures, and only those that apply to these records."""

from __future__ import annotations

from collections.abc import Sequence

from poseport.bench.accuracy_record import ANNOTATED
from poseport.bench.record import Model, Result
from poseport.bench.report.grouping import (
    FEW_RESAMPLES,
    MANY_RECORDS,
    RESAMPLES,
    DataSet,
    Scored,
    Timed,
    is_subset,
)

FEW_PEOPLE = 1000


def caveats(
    scored: Sequence[Scored],
    timed: Sequence[Timed],
    models: Sequence[Model],
    sets: Sequence[DataSet],
    *,
    pictures: Sequence[Result] = (),
) -> list[str]:
    """List the caveats that apply, one or two sentences each.

    Args:
        scored: Accuracy records.
        timed: Latency records.
        models: The files.
        sets: The data sets.
        pictures: Records of whole pictures.

    Returns:
        The caveats.
    """
    found = []
    accuracies = [s.accuracy for s in scored]
    if len(scored) > MANY_RECORDS:
        found.append(
            f"With so many records, intervals of differences are of {FEW_RESAMPLES:,} resamples; the gate takes "
            f"{RESAMPLES:,}."
        )
    if accuracies:
        found.append(
            "AP can be compared only for the same annotations (their sha256 is below), boxes and keypoints. "
            "The AP of a set without measured areas of people cannot be compared with COCO's."
        )
        found.append(
            "Intervals cover other images of the same kind. They do not cover another training run, which differs too."
        )
    if any(a.boxes == ANNOTATED for a in accuracies):
        found.append("Crops come from annotated boxes. With a detector's boxes, AP is lower, often by several points.")
    if any(a.boxes != ANNOTATED for a in accuracies):
        found.append("With detected boxes, a person that the detector missed counts as missed by the network.")
    if any(not a.flip for a in accuracies):
        found.append(
            "Figures are without flip averaging. Most published figures use it, which adds about 1 to 5 points of AP."
        )
    if any(a.flip for a in accuracies):
        found.append("Flip averaging runs the network twice per person, which takes twice the latency shown.")
    counts = {data.label: data.scored[0].accuracy.data.people for data in sets}
    small = [f"{label} ({count:,})" for label, count in counts.items() if count < FEW_PEOPLE]
    if small:
        found.append(f"Intervals are wide because of few people (fewer than {FEW_PEOPLE:,}): {'; '.join(small)}.")
    for data in sets:
        if is_subset(data.scored[0]):
            names = ", ".join(data.scored[0].accuracy.keypoints)
            found.append(
                f"{data.label} scores a part of the keypoints only ({names}); figures for all keypoints differ."
            )
    if "host" in {*(t.environment.device for t in timed), *(r.environment.device for r in pictures)}:
        found.append(
            "Latency on a host does not predict a phone's, least of all for int8: x86 and ARM use different kernels "
            "and instructions, and a phone's GPU or NPU is different again."
        )
    if {*(t.environment.device for t in timed), *(r.environment.device for r in pictures)} - {"host"}:
        found.append(
            "A phone was timed while it was cool and nothing else ran; a sustained run may be slower. There, CPU means "
            "the interpreter's own choice of kernels, threads apply to the CPU only, and memory is that of the whole "
            "app. On a host, memory is what the file added to a fresh process."
        )
    if timed:
        found.append(
            "Latency is that of the network alone, one crop at a time, without reading, cropping and decoding."
        )
    if pictures:
        found.append(
            "The time of a whole picture begins with the pixels in memory and ends with everyone's keypoints. Pictures "
            "with the same number of people differ in their size and in the boxes that the detector found in them."
        )
    unsteady = sorted({t.model.name for t in timed if not t.latency.is_steady})
    if unsteady:
        found.append(
            f"The medians of two processes differ by more than 5 % for {', '.join(unsteady)}: differences of that size "
            "have no meaning. Measure again on a quiet machine."
        )
    if len({t.place for t in timed}) > 1:
        found.append(
            "Latency was measured on more than one processor or runtime; compare figures within one table only."
        )
    if any(t.environment.threads > t.environment.cores for t in timed):
        found.append("Some times were taken with more threads than there are cores.")
    busy = sorted({t.model.name for t in timed if t.latency.percentile_ms(90) > 1.5 * t.latency.percentile_ms(50)})
    if busy:
        found.append(
            f"p90 is far above p50 for {', '.join(busy)}: the machine was busy. Measure again when it is idle."
        )
    if accuracies:
        found.append("PCK is relative to the person's box or torso; it cannot be compared with PCKh.")
    foreign = [m.name for m in models if m.card.spec.family == "foreign"]
    if foreign:
        found.append(
            f"{', '.join(foreign)}: made by others, and the files do not say on which people they were trained. Their "
            "published figures were measured on other people, crops and machines."
        )
    uncounted = [m.name for m in models if not m.macs]
    if uncounted:
        found.append(f"No energy proxy for {', '.join(uncounted)}: their records do not count multiply-adds.")
    called = [m.name for m in models]
    for name in sorted({n for n in called if called.count(n) > 1}):
        found.append(f"{name} is the name of {called.count(name)} different files; their sha256 tell them apart.")
    return found
