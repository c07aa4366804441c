"""The commands of `poseport bench` that measure: accuracy, rescore, latency, profile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
from poseport.command.parameters import Counts, Names

if TYPE_CHECKING:
    from poseport.bench.record import Result


DELEGATES = Names("xnnpack", "none")
threads_option = click.option(
    "--threads", default="1", type=Counts(), show_default=True, help="Thread counts to measure, such as 1,2,4."
)
delegates_option = click.option(
    "--delegates",
    default="xnnpack",
    type=DELEGATES,
    show_default=True,
    help="Delegates to measure: xnnpack, none or both.",
)
runs_option = click.option(
    "--runs", default=1024, show_default=True, type=click.IntRange(20), help="Number of people to time, per setting."
)
seconds_option = click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Time limit per setting; fewer people are timed when it is reached.",
)
workers_option = click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1), help="Number of processes that share the people."
)
out_option = click.option("--out", required=True, type=PATH, help="Folder for the results, one JSON record each.")


def keypoints_option(command: F) -> F:
    """`--keypoints`: which keypoints are scored."""
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

    Example: poseport bench accuracy starter-float32 starter --data people --out results
    """
    from dataclasses import replace

    from poseport.bench import accuracy as measure
    from poseport.bench import boxes as crops
    from poseport.tflite.runner import load

    people = load_people(data, data_images, skeleton)
    only = people.skeleton.chosen(keypoints)
    if detections is not None and jitter is not None:
        raise ValueError("--jitter moves the annotated boxes and --detections replaces them; remove one of the two")
    if detections is not None:
        boxes = crops.detected(people, detections, category)
    else:
        boxes = crops.annotated(people) if jitter is None else crops.moved(people, jitter)
    loaded = [load(path, threads) for path in models]
    found, faults = [], []
    for model in loaded:
        try:
            variants = [replace(variant, flip=flip) for variant in measure.decoders(model.spec, decoders)]
            count = len(boxes.cropped) * (1 + len(variants) * len(model.later))
            with progress(model.path.name, count, hidden=quiet or as_json) as advance:
                found += measure.measure(
                    model, people, boxes=boxes, variants=variants, only=only, processes=workers, progress=advance
                )
        except ValueError as error:  # the results of the other models are kept
            faults.append(str(error))
    if found:
        _answer_scores(found, out, quiet=quiet, as_json=as_json)
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
    from poseport.bench import rescore as again
    from poseport.bench import results_folder

    people = load_people(data, data_images, skeleton)
    only = people.skeleton.chosen(keypoints)
    found = [again.rescore(results_folder.load(path), people, only) for path in records]
    _answer_scores(found, out, quiet=quiet, as_json=as_json)


def _answer_scores(results: Sequence[Result], out: Path, *, quiet: bool, as_json: bool) -> None:
    """Save accuracy records with their predictions, and print their scores."""
    import json

    from poseport.bench import results_folder
    from poseport.bench.formatting import plural
    from poseport.bench.record import Accuracy
    from poseport.bench.rescore import coco_results
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
        boxes = [m.boxes] if m.boxes != "ground truth" else []
        how = [plural(m.data.people, "person", "people"), *boxes, *(["flip"] if m.flip else []), str(path)]
        lines.append(f"{name:<28}{values}  ({', '.join(how)})")
        found.append(
            {
                "model": one.model.name, "decoder": m.decoder or "own", "boxes": m.boxes, "flip": m.flip,
                "people": m.data.people, "metrics": m.metrics, "file": str(path),
            }
        )  # fmt: skip
    answer({"results": found}, "\n".join(lines), as_json=as_json, quiet=quiet)


@click.command()
@click.argument("models", type=MODEL, nargs=-1, required=True)
@threads_option
@delegates_option
@runs_option
@seconds_option
@people_options("data", "People whose crops are timed (without it, one drawn person)", required=False)
@out_option
@output_options
@guarded
def latency(
    models: tuple[Path, ...],
    threads: tuple[int, ...],
    delegates: tuple[str, ...],
    runs: int,
    seconds: float,
    data: Path | None,
    data_images: Path | None,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Time converted MODELS on this machine, one person at a time. Crop, network and decoder are timed separately, in
    two new processes whose medians must agree, and all samples are saved. These times do not predict a phone's.

    Example: poseport bench latency starter-float32 starter --threads 1,2 --out results
    """
    import itertools

    from poseport.bench import latency as measure
    from poseport.bench import results_folder
    from poseport.bench.formatting import plural
    from poseport.bench.record import Latency

    ways = list(itertools.product(models, threads, delegates))
    people = load_people(data, data_images, None) if data else None
    persons, name = (people.persons, people.path.name) if people else ((), "")
    lines, found = [], []
    with progress("timing", len(ways), hidden=quiet or as_json) as advance:
        for path, count, delegate in ways:
            measured = measure.measure(
                path, count, xnnpack=delegate == "xnnpack", runs=runs, max_seconds=seconds, persons=persons, name=name
            )
            saved = results_folder.save(measured, out)
            m = measured.measured
            assert isinstance(m, Latency)
            row = {
                "model": measured.model.name, "threads": count, "delegate": measured.environment.delegate,
                "p50_ms": m.percentile_ms(50), "p90_ms": m.percentile_ms(90),
                "whole_p50_ms": m.whole_ms(50), "steady": m.is_steady, "file": str(saved),
            }  # fmt: skip
            found.append(row)
            setting = f"{plural(count, 'thread')}{', no delegate' if delegate == 'none' else ''}"
            unsteady = "" if row["steady"] else "  UNSTEADY: two processes differ by more than 5 %"
            lines.append(
                f"{row['model']:<28}{setting}  p50 {row['p50_ms']:.2f} ms  "
                f"p90 {row['p90_ms']:.2f} ms  with crop and decoding {row['whole_p50_ms']:.2f} ms  "
                f"({len(m.invoke_us)} runs, {saved}){unsteady}"
            )
            advance(1)
    answer({"results": found}, "\n".join(lines), as_json=as_json, quiet=quiet)


@click.command()
@click.argument("model", type=MODEL)
@threads_option
@delegates_option
@click.option(
    "--runs", default=50, show_default=True, type=click.IntRange(5), help="Number of timed runs per operation."
)
@click.option("--ops", "list_ops", is_flag=True, help="List every operation.")
@output_options
@guarded
def profile(
    model: Path,
    threads: tuple[int, ...],
    delegates: tuple[str, ...],
    runs: int,
    list_ops: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Time every operation of a converted MODEL alone on this machine, and sum the times by layer of the network, kind
    and type of operation, and delegate.

    Example: poseport bench profile starter --ops
    """
    import itertools

    from poseport.bench import op_profile
    from poseport.records import to_data

    found = [
        op_profile.profile(model, count, xnnpack=delegate == "xnnpack", runs=runs)
        for count, delegate in itertools.product(threads, delegates)
    ]
    text = "\n\n".join(op_profile.text(profile, list_ops) for profile in found)
    answer({"profiles": [to_data(profile) for profile in found]}, text, as_json=as_json, quiet=quiet)
