"""Tables of the provenance of figures: machines, people, and how each file was made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from poseport.bench.formatting import Table, plural
from poseport.bench.record import Model, Result
from poseport.bench.report.grouping import DataSet
from poseport.spec import HeatmapOutput
from poseport.tflite.card import FineTuning


def provenance(results: Sequence[Result], sets: Sequence[DataSet], models: Sequence[Model]) -> list[Table]:
    """Make the tables of provenance.

    Args:
        results: All records.
        sets: Data sets, for the table of people.
        models: Files, for the tables of files.

    Returns:
        A table of machines, a table of people, and one table per file.
    """
    return [_environments(results), _annotations(sets), *(_file(model) for model in models)]


def _environments(results: Sequence[Result]) -> Table:
    rows: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for e in (r.environment for r in results):
        clock = e.governor or "not known"
        rows[(e.device, e.processor, str(e.cores), e.system, e.runtime, e.delegate, clock, e.poseport)].append(e.time)
    header = ("Device", "Processor", "Cores", "System", "Runtime", "Delegate", "Governor", "poseport", "Measured")
    body = [
        (*key, f"{min(times)} to {max(times)}" if min(times) < max(times) else times[0]) for key, times in rows.items()
    ]
    return Table("Where it was measured", header, body, numeric=False)


def _annotations(sets: Sequence[DataSet]) -> Table:
    data = [(d.label, d.scored[0].accuracy.data) for d in sets]
    rows = [(label, str(info.people), str(info.images), info.sha256) for label, info in data]
    return Table("On whom", ("Data set", "People", "Images", "sha256 of the annotations"), rows, numeric=False)


def _finetuned(how: FineTuning) -> str:
    return (
        f"{plural(how.people, 'person', 'people')}, {plural(how.epochs, 'epoch', 'epochs')}, "
        f"annotations sha256 {how.annotations_sha256}"
    )


def _file(model: Model) -> Table:
    spec, conversion = model.card.spec, model.card.conversion
    h, w = spec.input_hw
    output = f"{spec.output.kind} {' x '.join(map(str, spec.output_shape))}"
    if isinstance(spec.output, HeatmapOutput):
        output += f", {spec.output.values}, stride {spec.output.stride}, decoded by {spec.output.decode.method}"
    calibration = "none"
    if conversion.calibration:
        calibration = (
            f"{plural(len(conversion.calibration.people), 'person', 'people')}, seed {conversion.calibration.seed}, "
            f"annotations sha256 {conversion.calibration.annotations_sha256}"
        )
    rows = [
        ("File sha256", model.sha256),
        ("Size", f"{model.bytes:,} bytes"),
        ("Recipe", conversion.recipe),
        ("Engine", conversion.engine),
        *(
            [("Versions", ", ".join(" ".join(item) for item in conversion.versions.items()))]
            if conversion.versions
            else []
        ),
        ("Calibration", calibration),
        *([("Trained as int8", _finetuned(conversion.finetuning))] if conversion.finetuning else []),
        ("Weights sha256", conversion.weights_sha256),
        ("Network", f"{spec.name}, {spec.family}, skeleton {spec.skeleton.name}"),
        ("Input", f"{w} x {h} (width x height) {spec.channel_order.upper()}, box padded by {spec.padding:g}"),
        ("Output", output),
    ]
    for number, later in enumerate(model.card.later, 2):
        rows.append((f"Stage {number}", f"{later.name}, weights sha256 {later.weights_sha256}"))
    return Table(model.name, ("Item", "Value"), rows, numeric=False)
