"""Each file with annotated boxes beside the same file with a detector's boxes, on the same people."""

from __future__ import annotations

from collections.abc import Sequence

from poseport.bench.accuracy_record import DETECTIONS
from poseport.bench.decide.chain import chains
from poseport.bench.formatting import Table, points, signed, span
from poseport.bench.record import Accuracy, Result
from poseport.bench.report.grouping import DataSet

_HEADER = ("Model", "Data set", "Detector's boxes", "AP annotated boxes", "AP detector's boxes", "ΔAP (95 %)")


def with_detector(results: Sequence[Result], sets: Sequence[DataSet]) -> list[Table]:
    """Show what a detector's misses, false finds and looser boxes cost each file.

    Args:
        results: The records.
        sets: Their data sets, whose labels name the people.

    Returns:
        One table, or none if no file was measured with both kinds of boxes.
    """
    rows = []
    for chain in chains(results):
        given, found, d = chain.given.measured, chain.found.measured, chain.difference.times(100)
        assert isinstance(given, Accuracy)
        assert isinstance(found, Accuracy)
        label = next(data.label for data in sets if any(s.accuracy is given for s in data.scored))
        aps = (points(m.metrics["OKS-AP"]) for m in (given, found))
        change = f"{signed(d.value)} ({span(d)})"
        rows.append((chain.found.model.name, label, found.boxes.removeprefix(DETECTIONS), *aps, change))
    caption = "With a detector: people it misses and false finds count. ΔAP is paired over the images"
    return [Table(caption, _HEADER, rows)] if rows else []
