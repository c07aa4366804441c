"""`poseport bench phone`."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.bench.measure_cli import keypoints_option, out_option
from poseport.bench.phone.cli import phone_options
from poseport.bench.time_cli import threads_option
from poseport.command.options import (
    MODEL,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
    skeleton_option,
)
from poseport.command.parameters import Names

DELEGATES = Names("cpu", "gpu", "npu")


@click.command("phone")
@click.argument("models", type=MODEL, nargs=-1, required=True)
@people_options("data", "People to score on")
@skeleton_option
@keypoints_option
@click.option(
    "--delegates",
    default="cpu",
    type=DELEGATES,
    show_default=True,
    help="Processors to measure, comma-separated: cpu, gpu, npu (Android below 15 only).",
)
@threads_option
@click.option(
    "--whole-images",
    is_flag=True,
    help="Send whole photos, which the phone crops and decodes itself (needed for cascades).",
)
@click.option(
    "--detector",
    help="Also time whole pictures of --data, from this person detector to everyone's keypoints, by number of people.",
)
@click.option(
    "--runs",
    default=200,
    show_default=True,
    type=click.IntRange(20),
    help="Number of timed inferences (or whole pictures) per setting.",
)
@click.option(
    "--minutes",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Then run each setting without a pause for this long, to see whether the phone throttles.",
)
@phone_options
@out_option
@output_options
@guarded
def bench_phone(
    models: tuple[Path, ...],
    data: Path,
    data_images: Path | None,
    skeleton: str | None,
    keypoints: str | None,
    delegates: tuple[str, ...],
    threads: tuple[int, ...],
    whole_images: bool,
    detector: str | None,
    runs: int,
    minutes: float,
    serials: tuple[str, ...],
    apk: Path | None,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure converted MODELS on Android phones. The app runs them on the same crops as `bench accuracy`, and its raw
    outputs are scored by the same evaluator. Of a person detector, letterbox, network and decoder are timed on whole
    pictures. After an interruption, the same command continues with the parts that are missing.

    Example: poseport bench phone starter --data people --delegates cpu,gpu --threads 1,2,4 --out results
    """
    from poseport.bench.measure.boxes import Boxes, annotated
    from poseport.bench.measure.checks import check_names, refuse_overlap
    from poseport.bench.measure.pictures import spread
    from poseport.bench.measure.timing import open_detector
    from poseport.bench.phone import connected, phones, plan
    from poseport.bench.phone.results import answers
    from poseport.files.one_writer import one_writer
    from poseport.tflite import file_tail, model_file, shipped
    from poseport.tflite.runner import Pose, load

    chosen_settings = plan.settings(delegates, threads)
    devices = connected.choose(serials)
    click.get_current_context().with_resource(one_writer(out))
    people = load_people(data, data_images, skeleton)
    loaded = [
        open_detector(path, 1, True) if model_file.is_detector(model_file.read_bytes(path)) else load(path)
        for path in models
    ]
    file = None if detector is None else shipped.model(detector)
    if file is not None and not file_tail.has_card(model_file.read_bytes(file)):
        raise ValueError(
            f"{file}: the app runs person detectors that `poseport convert` wrote, such as `person`; others are timed "
            "by `poseport bench latency`"
        )
    before = None if file is None else open_detector(file, 1, True)
    networks = [model for model in loaded if isinstance(model, Pose)]
    if before is not None and not networks:
        raise ValueError("--detector: all MODELS are person detectors, which are timed alone; remove --detector")
    if minutes and not networks:
        raise ValueError("--minutes: only pose networks run without a pause; remove --minutes")
    only = people.skeleton.chosen(keypoints)
    boxes = annotated(people) if networks else Boxes("", [], [])
    for model in networks:
        check_names(model.spec.skeleton, people, only, str(model.path))
        refuse_overlap(model, boxes.scored)
        if model.later and not whole_images:
            raise ValueError(f"{model.path}: is a cascade, whose later crops the phone makes; add --whole-images")
    by_picture = {person.image_path: person for person in people.persons}
    shown = tuple(by_picture[path] for path in spread(people)) if before or len(networks) < len(loaded) else ()
    wanted = plan.PhonePlan(
        people, boxes, only, "images" if whole_images else "tensors", chosen_settings, runs, minutes, apk, out, shown
    )  # fmt: skip
    hidden = quiet or as_json
    with progress("preparing", len(networks) * len(boxes.cropped) + len(shown), hidden=hidden) as advance:
        tasks = plan.prepare(loaded, before, wanted, advance)
    with progress("on the phone", len(devices) * wanted.units(tasks), hidden=hidden) as advance:
        results, faults = phones.measure(devices, tasks, wanted, advance)
    text = "\n".join(map(answers.line, results))
    answer({"results": list(map(answers.row, results))}, text, as_json=as_json, quiet=quiet or not results)
    if faults:
        raise ValueError("; ".join(faults))
