"""`poseport inspect` and `poseport doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poseport.command.options import MODEL, answer, guarded, load_people, output_options, people_options, progress
from poseport.files import escape

if TYPE_CHECKING:
    from poseport.people.detector_spec import DetectorSpec
    from poseport.tflite.card import Conversion, DetectorCard, ModelCard
    from poseport.tflite.inspection import Inspection


@click.command()
@click.argument("file", type=MODEL)
@click.option("--ops", "list_ops", is_flag=True, help="List every operation with its type and number of multiply-adds.")
@output_options
@guarded
def inspect(file: Path, list_ops: bool, quiet: bool, as_json: bool) -> None:
    """Describe a .tflite FILE: operations, types and sizes from its flatbuffer; spec and provenance from its card, or
    from the spec beside it. A FILE that has neither is described without them. Works without TensorFlow.

    Example: poseport inspect first.int8.tflite
    """
    from poseport import bundle
    from poseport.records import to_data
    from poseport.tflite import memory, model_file
    from poseport.tflite.card import ModelCard
    from poseport.tflite.inspection import inspect_bytes, macs_per_person

    content = model_file.read_bytes(file)
    networks: list[tuple[bytes, ModelCard | DetectorCard | None]] = [(content, None)]
    if model_file.is_detector(content):
        networks = [model_file.read_detector(file)]
    elif model_file.has_spec(file, content):
        networks = [*model_file.read_stages(file)]
    stages = [(inspect_bytes(data, str(file)), card) for data, card in networks]
    peaks = {
        id(found): memory.peak_bytes(data, str(file)) for (found, _), (data, _) in zip(stages, networks, strict=True)
    }
    per_person = macs_per_person(
        (found, card.spec.crops_per_person if isinstance(card, ModelCard) else 1) for found, card in stages
    )

    def plain(found: Inspection, card: ModelCard | DetectorCard | None) -> dict[str, Any]:
        return {
            **to_data(found), "macs": found.macs, "macs_by_dtype": found.macs_by_dtype,
            "op_counts": found.op_counts, "activation_bytes": peaks[id(found)], "card": to_data(card),
        }  # fmt: skip

    data: dict[str, Any] = {
        "file": str(file), "sha256": bundle.sha256(file), **plain(*stages[0]),
        "later": [plain(*stage) for stage in stages[1:]], "macs_per_person": per_person,
    }  # fmt: skip
    text = [_text(str(file), *stages[0], peaks[id(stages[0][0])], list_ops)]
    for number, (found, card) in enumerate(stages[1:], 2):
        text.append(_text(f"stage {number}, a crop around each keypoint", found, card, peaks[id(found)], list_ops))
    if len(stages) > 1:
        text.append(f"whole cascade: {sum(per_person.values()) / 1e6:.1f} M multiply-adds per person")
    answer(data, "\n".join(text), as_json=as_json, quiet=quiet)


@click.command()
@click.argument("file", type=MODEL)
@people_options("data", "People to run the file on", required=False)
@click.option("--count", default=64, show_default=True, type=click.IntRange(8), help="Number of people to run.")
@click.option(
    "--runtime",
    help="Runtime that must load the file: tflite-2.16, litert-1.4, litert-2.3, play-services, or a TFLite version.",
)
@output_options
@guarded
def doctor(
    file: Path, data: Path | None, data_images: Path | None, count: int, runtime: str | None, quiet: bool, as_json: bool
) -> None:
    """List what is wrong with a .tflite FILE for a phone: each finding with its numbers and how to fix it. The file
    need not be poseport's own. The exit code is 1 if a finding is an error. Works without TensorFlow.

    Example: poseport doctor first.int8.tflite --data people --runtime litert-1.4
    """
    from poseport.convert.doctor import diagnosis
    from poseport.convert.doctor.targets import find_target
    from poseport.records import to_data
    from poseport.tflite import model_file

    wanted = None if runtime is None else find_target(runtime)
    people = load_people(data, data_images, None, model_file.skeletons_of([file])) if data else None
    total = 0 if people is None else min(count, len(people))
    with progress("running people", total, hidden=quiet or as_json or people is None) as advance:
        found = diagnosis.diagnose(
            file, people, count=count, runtime=wanted.version if wanted else None, progress=advance
        )
    asked = f"\n  runtime: {wanted.text}" if wanted else ""
    answer({**found.data(), "asked_runtime": to_data(wanted)}, found.text() + asked, as_json=as_json, quiet=quiet)
    if found.count("error"):
        raise click.exceptions.Exit(1)


def _text(file: str, found: Inspection, card: ModelCard | DetectorCard | None, peak: int, list_ops: bool) -> str:
    lines = _tensors(found)
    macs = ", ".join(f"{100 * n / max(found.macs, 1):.1f} % {dtype}" for dtype, n in found.macs_by_dtype.items())
    lines += [
        f"  compute    {found.macs / 1e6:.1f} M multiply-adds: {macs or 'no convolution or dense layer'}",
        f"  memory     {peak / 1e6:.1f} MB of activations at most (estimated)",
        f"  operations {', '.join(f'{kind} {count}' for kind, count in found.op_counts.items())}",
        f"  runtime    TFLite {found.min_runtime or 'not noted'} or later",
    ]
    if card is None:
        lines.insert(0, f"{file}: {found.bytes / 1e6:.2f} MB, without a spec")
        lines.append("  no card    not made by `poseport convert`, or cut off; docs/foreign.md shows how to add a spec")
    else:
        lines = [*_spec(file, found.bytes, card), *lines, *_provenance(card.conversion)]
    if list_ops:
        lines += [f"    {op.kind:<24}{op.dtype:<24}{op.macs:>12,}  {op.name}" for op in found.ops]
    return escape.lines(lines)


def _spec(file: str, size: int, card: ModelCard | DetectorCard) -> list[str]:
    from poseport.tflite.card import DetectorCard

    if isinstance(card, DetectorCard):
        return _detector(file, size, card.spec, card.conversion)
    spec = card.spec
    box = f"box padded {spec.padding:g} times" if spec.refine is None else f"{spec.refine.box_sigma:g} diameters wide"
    source = getattr(spec.architecture, "source", "")
    return [
        f"{file}: {spec.name}, {spec.family}, recipe {card.conversion.recipe}, {size / 1e6:.2f} MB",
        f"  input      {spec.input_hw[1]}x{spec.input_hw[0]} {spec.channel_order.upper()}, "
        f"mean {_list(spec.mean)}, std {_list(spec.std)}, {box}",
        f"  output     {spec.output.kind}, skeleton {spec.skeleton.name} ({len(spec.skeleton)} keypoints)",
        # of a file that poseport did not convert it stands under "made by"
        *([f"  network    {source}"] if source and card.conversion.recipe != "foreign" else []),
    ]


def _detector(file: str, size: int, spec: DetectorSpec, conversion: Conversion) -> list[str]:
    return [
        f"{file}: {spec.name}, person detector, recipe {conversion.recipe}, {size / 1e6:.2f} MB",
        f"  input      {spec.input_hw[1]}x{spec.input_hw[0]} RGB, mean {_list(spec.mean)}, std {_list(spec.std)}, "
        "whole picture",
        f"  output     centres of people at stride {spec.stride}; counts from a score of {spec.threshold:g}, one of "
        f"two boxes that overlap more than {spec.overlap:g}, at most {spec.most} people",
        f"  network    {spec.architecture.source}",
    ]


def _tensors(found: Inspection) -> list[str]:
    lines = []
    for word, tensors in (("in", found.inputs), ("out", found.outputs)):
        for t in tensors:
            scale = "" if t.scale is None else f", scale {t.scale:.6g}, zero point {t.zero_point}"
            lines.append(f"  tensor {word:<4}{t.name} {t.dtype} {list(t.shape)}{scale}")
    return lines


def _provenance(conversion: Conversion) -> list[str]:
    versions = ", ".join(f"{k} {v}" for k, v in conversion.versions.items())
    lines = [
        "  made by    " + "; ".join(filter(None, [conversion.engine, versions])),
        *([f"  not int8   {', '.join(conversion.kept)}"] if conversion.kept else []),
        f"  weights    sha256 {conversion.weights_sha256}",
    ]
    if conversion.calibration is not None:
        c = conversion.calibration
        lines.append(f"  calibrated {len(c.people)} people, seed {c.seed}, annotations sha256 {c.annotations_sha256}")
        lines += [f"    {s.people} of {s.file}, share {s.share:g}, sha256 {s.sha256}" for s in c.sources]
    if (tuned := conversion.finetuning) is not None:
        lines.append(
            f"  trained    {tuned.people} people, {tuned.epochs} epochs, rate {tuned.learning_rate:g}, teacher's "
            f"share {tuned.teacher:g}, seed {tuned.seed}, annotations sha256 {tuned.annotations_sha256}"
        )
    return lines


def _list(values: tuple[float, ...]) -> str:
    return "/".join(f"{v:g}" for v in values)
