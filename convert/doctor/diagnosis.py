"""`poseport doctor`: find what is wrong with a .tflite for a phone, whether poseport converted it or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poseport.convert.doctor import people_checks
from poseport.convert.doctor.dataflow import read_graph
from poseport.convert.doctor.finding import SEVERITIES, Finding
from poseport.convert.doctor.graph_checks import check_graph
from poseport.convert.doctor.support_checks import check_support, needed_runtime
from poseport.data.people import People
from poseport.files import escape
from poseport.records import to_data
from poseport.tflite import memory, model_file, runner, trial
from poseport.tflite.card import ModelCard
from poseport.tflite.inspection import Inspection


@dataclass(frozen=True)
class Diagnosis:
    """The result of checking one file.

    Attributes:
        path: The file.
        inspection: What is in it.
        card: Its card, or one made from the spec beside it; None without either.
        runtime: The oldest TFLite that loads it; "" if unknown.
        findings: Errors first.
        unchecked: Id of a check that was not made -> why.
        activation_bytes: Estimate of the memory that its activations take.
    """

    path: Path
    inspection: Inspection
    card: ModelCard | None
    runtime: str
    findings: tuple[Finding, ...]
    unchecked: dict[str, str]
    activation_bytes: int

    def count(self, severity: str) -> int:
        """Number of findings of a severity.

        Args:
            severity: "error", "warning" or "note".
        """
        return sum(finding.severity == severity for finding in self.findings)

    def data(self) -> dict[str, Any]:
        """The result as plain values, for `--json`."""
        return {
            "file": str(self.path), "bytes": self.inspection.bytes, "macs": self.inspection.macs,
            "macs_by_dtype": self.inspection.macs_by_dtype, "operations": len(self.inspection.ops),
            "runtime": self.runtime, "activation_bytes": self.activation_bytes,
            "spec": self.card.spec.name if self.card else None,
            **{f"{severity}s": self.count(severity) for severity in SEVERITIES},
            "findings": to_data(self.findings), "unchecked": self.unchecked,
        }  # fmt: skip

    def text(self) -> str:
        """The result as lines of text."""
        inspection = self.inspection
        size = f"{inspection.bytes / 1e6:.2f} MB, {len(inspection.ops)} operations"
        shares = {dtype: n / max(inspection.macs, 1) for dtype, n in inspection.macs_by_dtype.items()}
        types = ", ".join(f"{100 * share:.0f} % {dtype}" for dtype, share in shares.items())
        lines = [
            f"{self.path}: {size}, {inspection.macs / 1e6:.0f} M "
            f"multiply-adds ({types or 'none'}), {self.activation_bytes / 1e6:.1f} MB of activations (estimated), "
            f"TFLite {self.runtime or 'of unknown version'} or later"
        ]
        for finding in self.findings:
            lines += [f"  {finding.severity:<8}{finding.id}: {finding.evidence}", f"          fix: {finding.fix}"]
        lines += [f"  not checked: {name}, {why}" for name, why in self.unchecked.items()]
        counts = [f"{n} {word}{'s' if n > 1 else ''}" for word in SEVERITIES if (n := self.count(word))]
        return escape.lines([*lines, f"  {', '.join(counts) or 'nothing found'}"])


def diagnose(
    path: Path,
    people: People | None = None,
    *,
    count: int = 64,
    runtime: tuple[int, ...] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Diagnosis:
    """Check a file, whether poseport converted it or not.

    Args:
        path: The file; without a card and a spec beside it, it is not run.
        people: People to run the file on, for faults that show only then.
        count: Largest number of them, crowds and people without labels not counted.
        runtime: The TFLite version that must be able to load the file.
        progress: Called with the number of people just done.

    Returns:
        The result.

    Raises:
        ValueError: If the file is damaged or not TFLite, or there are fewer than 8 people.
    """
    path = Path(path)
    data = model_file.read_bytes(path)
    graph = read_graph(data, str(path))
    findings = check_graph(graph) + check_support(graph, runtime)
    try:
        memory.check(data, str(path))
    except ValueError as error:
        findings.append(_too_large(str(error).removeprefix(f"{path}: ")))
    card, reason = None, "give --data"
    try:
        if model_file.is_detector(data):
            reason = "they are about keypoints, and the file is a person detector"
        else:
            _, card = model_file.read(path)
    except ValueError as error:
        reason = "the file has no spec that says how to feed it"
        findings.append(_no_spec(str(error).removeprefix(f"{path}: ")))
    unchecked = dict.fromkeys(people_checks.IDS, reason)
    if card is not None and people is not None:
        try:
            trial.check(path)
            model = runner.load(path)
        except ValueError as error:
            unchecked = dict.fromkeys(people_checks.IDS, "the file does not load")
            findings.append(_does_not_load(str(error).removeprefix(f"{path}: ")))
        else:
            persons = people.for_training().persons[:count]
            findings += people_checks.check_people(model, data, graph.inspection, persons, progress)
            unchecked = {}
    oldest = needed_runtime(graph.inspection)
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    needed = ".".join(map(str, oldest)) if oldest else ""
    return Diagnosis(
        path, graph.inspection, card, needed, tuple(findings), unchecked, memory.peak_bytes(data, str(path))
    )


def _no_spec(why: str) -> Finding:
    return Finding(
        "no-spec",
        "warning",
        why,
        "convert the network with poseport, which writes down how to feed and read it; or note its input size, mean, "
        "std, channel order and keypoints yourself, once, where the app reads them",
        {},
    )


def _too_large(why: str) -> Finding:
    return Finding("too-large", "error", why, "find the operation that makes so large a tensor: inspect --ops", {})


def _does_not_load(why: str) -> Finding:
    return Finding("does-not-load", "error", why, "see the errors above, and convert it again", {})
