"""`poseport bench accuracy` and `poseport bench rescore`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poseport.command.errors import debugging, explain
from poseport.command.options import (
    MODEL,
    PATH,
    F,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
    skeleton_option,
)
from poseport.files import escape

if TYPE_CHECKING:
    from poseport.bench.record import Result


def fault_of(error: Exception, path: Path) -> str:
    """One line on a file that could not be measured; an exception that only a bug of poseport's raises is raised."""
    line = explain(error, __name__)
    if line is None or debugging():
        raise error
    return line if str(path) in line else f"{path}: {line}"


workers_option = click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1), help="Number of processes that share the people."
)
out_option = click.option("--out", required=True, type=PATH, help="Folder for the results, one JSON record each.")


def keypoints_option(command: F) -> F:
    """Add `--keypoints`, which names the keypoints to score.

    Args:
        command: The function of the command.

    Returns:
        The function with the option.
    """
    text = "Score only these keypoints, comma-separated; `body` stands for shoulders to ankles. Default: all."
    return click.option("--keypoints", help=text)(command)


@click.command()
@click.argument("models", type=MODEL, nargs=-1, required=True)
@people_options("data", "People to score on")
@skeleton_option
@keypoints_option
@click.option("--flip", is_flag=True, help="Average the keypoints with those of the mirrored crops.")
@click.option("--detections", type=PATH, help="COCO results file whose boxes replace the annotated boxes.")
@click.option(
    "--detections-category",
    "category",
    type=int,
    help="Category id of people in --detections. Default: that of the annotations.",
)
@click.option(
    "--detector",
    help="Person detector that finds the boxes; misses and false finds count. The annotated boxes are measured too.",
)
@click.option("--jitter", type=float, help="Move each edge of the annotated boxes by up to this share, such as 0.1.")
@click.option(
    "--decoders",
    default="own",
    show_default=True,
    help="Decoders to score on the same heatmaps: own, all, or names such as argmax,dark.",
)
@workers_option
@click.option(
    "--threads", default=1, show_default=True, type=click.IntRange(1), help="Number of threads of the interpreter."
)
@out_option
@output_options
@guarded
def accuracy(
    models: tuple[Path, ...],
    data: Path,
    data_images: Path | None,
    skeleton: str | None,
    keypoints: str | None,
    flip: bool,
    detections: Path | None,
    category: int | None,
    detector: str | None,
    jitter: float | None,
    decoders: str,
    workers: int,
    threads: int,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score converted MODELS on annotated people by official OKS-AP, PCK and PCP. All predictions are saved, also in
    COCO's results format in OUT/predictions.

    Example: poseport bench accuracy tiny-float32 tiny --data people --out results
    """
    import itertools
    from dataclasses import replace

    from poseport.bench.measure import accuracy as measure
    from poseport.bench.measure import boxes as crops
    from poseport.files.one_writer import one_writer
    from poseport.people import detector as detectors
    from poseport.tflite import trial
    from poseport.tflite.runner import load

    click.get_current_context().with_resource(one_writer(out))
    people = load_people(data, data_images, skeleton)
    only = people.skeleton.chosen(keypoints)
    if sum(given is not None for given in (detections, detector, jitter)) > 1:
        raise ValueError(
            "--jitter moves the annotated boxes, --detections and --detector replace them; give one of the three"
        )
    if detections is not None:
        boxes = crops.detected(people, detections, category)
    else:
        boxes = crops.annotated(people) if jitter is None else crops.moved(people, jitter)
    measured = [boxes]
    if detector is not None:
        with progress("detecting", len({p.image_id for p in people.persons}), hidden=quiet or as_json) as advance:
            measured.append(crops.found_by(detectors.load(detector, threads), people, advance))
    found, faults = [], []
    for path, boxes in itertools.product(models, measured):
        try:
            trial.check(path)
            model = load(path, threads)
            variants = [replace(variant, flip=flip) for variant in measure.decoders(model.spec, decoders)]
            count = len(boxes.cropped) * (1 + len(variants) * len(model.later))
            with progress(model.path.name, count, hidden=quiet or as_json) as advance:
                found += measure.measure(
                    model, people, boxes=boxes, variants=variants, only=only, processes=workers, progress=advance
                )
        except Exception as error:  # the results of the other models are kept
            faults.append(fault_of(error, path))
    if found:
        _answer_scores(found, out, quiet=quiet, as_json=as_json)
        if detector is not None and not (quiet or as_json):
            click.echo(escape.lines(_chain_lines(found)))
    if faults:
        raise ValueError("; ".join(faults))


@click.command()
@click.argument("records", type=PATH, nargs=-1, required=True)
@people_options("data", "The people whose predictions the records hold")
@skeleton_option
@keypoints_option
@out_option
@output_options
@guarded
def rescore(
    records: tuple[Path, ...],
    data: Path,
    data_images: Path | None,
    skeleton: str | None,
    keypoints: str | None,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score the predictions in accuracy RECORDS again, without running a network: on other keypoints, or after the
    labels were corrected.

    Example: poseport bench rescore results/starter.*.accuracy.*.json --data people --keypoints body --out results
    """
    from poseport.bench import results_folder
    from poseport.bench.measure import rescore as again
    from poseport.files.one_writer import one_writer

    click.get_current_context().with_resource(one_writer(out))
    people = load_people(data, data_images, skeleton)
    only = people.skeleton.chosen(keypoints)
    found = [again.rescore(results_folder.load(path), people, only) for path in records]
    _answer_scores(found, out, quiet=quiet, as_json=as_json)


def _chain_lines(results: Sequence[Result]) -> list[str]:
    """What the detector costs each network: the paired difference from its annotated boxes."""
    from poseport.bench.decide.chain import chains

    return [
        f"{one.found.model.name}: AP {(d := one.difference.times(100)).value:+.1f} points with the detector's boxes "
        f"instead of the annotated ones (95 % interval: {d.low:+.1f} to {d.high:+.1f})"
        for one in chains(results)
    ]


def _answer_scores(results: Sequence[Result], out: Path, *, quiet: bool, as_json: bool) -> None:
    """Save accuracy records with their predictions, and print their scores."""
    import json

    from poseport.bench import results_folder
    from poseport.bench.accuracy_record import ANNOTATED
    from poseport.bench.formatting import plural
    from poseport.bench.measure.rescore import coco_results
    from poseport.bench.record import Accuracy
    from poseport.records import write_whole

    lines, found = [], []
    for one in results:
        path = results_folder.save(one, out)
        write_whole(out / "predictions" / path.name, json.dumps(coco_results(one)).encode())
        m = one.measured
        assert isinstance(m, Accuracy)
        shown = ("OKS-AP", "OKS-AP50", "PCK@0.1/box", "PCK@0.2/torso")
        values = "  ".join(f"{k} {v:.3f}" for k in shown if (v := m.metrics.get(k)) is not None)
        name = f"{one.model.name} {m.decoder or ''}".strip()
        boxes = [m.boxes] if m.boxes != ANNOTATED else []
        how = [plural(m.data.people, "person", "people"), *boxes, *(["flip"] if m.flip else []), str(path)]
        lines.append(f"{name:<28}{values}  ({', '.join(how)})")
        found.append(
            {
                "model": one.model.name, "decoder": m.decoder or "own", "boxes": m.boxes, "flip": m.flip,
                "people": m.data.people, "metrics": m.metrics, "file": str(path),
            }
        )  # fmt: skip
    answer({"results": found}, escape.lines(lines), as_json=as_json, quiet=quiet)
