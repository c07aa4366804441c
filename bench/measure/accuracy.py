"""Accuracy of a converted file: its predictions for annotated people, and their scores."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np

from poseport import cascade
from poseport.bench.measure import checks, parallel
from poseport.bench.measure.boxes import Boxes, annotated, persons_with_labels
from poseport.bench.measure.describe import host, model_info
from poseport.bench.record import Accuracy, Data, Detections, PersonSample, Result
from poseport.data.people import People, Person
from poseport.predict import Variant, predict_variants
from poseport.scoring.score import Score, score
from poseport.skeleton import rearrange
from poseport.spec import Decode, DecodeMethod, HeatmapOutput, PoseSpec
from poseport.tflite.runner import Pose


def measure(
    model: Pose,
    people: People,
    *,
    boxes: Boxes | None = None,
    variants: Sequence[Variant] = (Variant(),),
    only: tuple[str, ...] = (),
    processes: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[Result]:
    """Run a model over the people of a set and score it, once per variant on the same outputs.

    Args:
        model: The converted file.
        people: The annotated people.
        boxes: The boxes to crop; None for the annotated boxes.
        variants: How outputs become keypoints.
        only: Names of the keypoints to score; empty for all.
        processes: Number of processes that share the people, each with the model's threads.
        progress: Called with the number of people just done.

    Returns:
        One record per variant.

    Raises:
        ValueError: if the model lacks a keypoint, predicts NaN or infinity, or was calibrated, tuned or fine-tuned on
            images of this set.
    """
    checks.check_names(model.spec.skeleton, people, only, str(model.path))
    boxes = boxes or annotated(people)
    checks.refuse_learned(model, people)
    checks.refuse_overlap(model, boxes.scored)
    info, environment = model_info(model), host(model)
    began = time.perf_counter()
    found = predict(model, boxes.cropped, variants, processes=processes, progress=progress)
    speed = len(boxes.cropped) / (time.perf_counter() - began)
    results = []
    for variant, keypoints in zip(variants, found, strict=True):
        checks.refuse_not_finite(keypoints, boxes.cropped, str(model.path))
        kept = boxes.distinct(keypoints, np.array(model.spec.skeleton.sigmas))
        those, points = boxes.chosen(kept), keypoints[kept]
        by_name = rearrange(points, model.spec.skeleton, people.skeleton)
        scored = score(people, those.scored, by_name, only, those.scores)
        results.append(Result(info, environment, record(people, those, variant, points, scored, speed)))
    return results


def decoders(spec: PoseSpec, names: str) -> list[Variant]:
    """Parse `--decoders`.

    Args:
        spec: The network's spec.
        names: `own`, `all`, or names of decoders separated by commas.

    Returns:
        One variant per decoder.

    Raises:
        ValueError: if a decoder does not exist, or the network has no heatmaps.
    """
    if names == "own":
        return [Variant()]
    if not isinstance(spec.output, HeatmapOutput):
        raise ValueError(f"--decoders {names}: {spec.name} gives {spec.output.kind}, not heatmaps; remove the option")
    known: dict[str, DecodeMethod] = {name: name for name in get_args(DecodeMethod)}
    wanted = list(known) if names == "all" else names.split(",")
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"--decoders: {unknown[0]!r} does not exist; choose own, all, or some of {', '.join(known)}")
    own = spec.output.decode.method
    return [Variant() if name == own else Variant(decode=Decode(known[name])) for name in wanted]


def predict(
    model: Pose,
    persons: Sequence[Person],
    variants: Sequence[Variant] = (Variant(),),
    *,
    processes: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Predict keypoints, in one process or several.

    Args:
        model: The converted file.
        persons: N people to crop.
        variants: V ways to turn outputs into keypoints.
        processes: Number of processes.
        progress: Called with the number of people just done.

    Returns:
        (V, N, K, 3) x, y in image pixels and score.
    """
    if processes > 1:
        return parallel.predict(model, persons, variants, processes, progress)
    keypoints = predict_variants(model, persons, variants, progress=progress)
    return cascade.refine(model.later, persons, keypoints, variants, progress=progress)


def record(
    people: People, boxes: Boxes, variant: Variant, keypoints: np.ndarray, scored: Score, speed: float | None
) -> Accuracy:
    """Make the record of predictions.

    Args:
        people: The annotated people.
        boxes: The boxes that were cropped.
        variant: How outputs became keypoints.
        keypoints: (N, K, 3) x, y in image pixels and score, finite.
        scored: Their scores.
        speed: People per second, or None.

    Returns:
        The record.
    """
    official, persons = scored.official, boxes.scored
    kept = np.concatenate([keypoints[..., :2].round(3), keypoints[..., 2:].round(6)], axis=-1)
    bits = 1 << np.arange(len(official.thresholds))
    folder, images = people.images_dir, {p.image_id for p in persons}
    count = len(persons if boxes.scores is None else persons_with_labels(people))
    return Accuracy(
        kind="accuracy",
        data=Data(people.path.name, people.sha256, str(folder), count, len(images)),
        boxes=boxes.name,
        flip=variant.flip,
        decoder=None if variant.decode is None else variant.decode.method,
        keypoints=scored.names,
        metrics={name: _number(value, 6) for name, value in scored.values.items()},
        by_keypoint={name: _numbers(values, 6) for name, values in scored.by_keypoint.items()},
        detections=Detections(
            official.image_ids,
            tuple(int(v) for v in official.ground_truths),
            tuple(int(v) for v in official.detection_image),
            tuple(float(v) for v in official.scores),
            tuple(int(v) for v in bits @ official.matched),
            tuple(int(v) for v in bits @ official.ignored),
        ),
        people=tuple(
            PersonSample(
                p.image_id,
                p.annotation_id,
                str(p.image_path.relative_to(folder)),
                cropped.box_xywh,
                _number(scored.oks[i], 5),
                tuple(kept[i].ravel().tolist()),
                _numbers(scored.errors_px[i], 2),
                None if boxes.scores is None else float(boxes.scores[i]),
            )
            for i, (p, cropped) in enumerate(zip(persons, boxes.cropped, strict=True))
        ),
        people_per_second=None if speed is None else round(speed, 2),
    )


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _numbers(values: np.ndarray, digits: int) -> tuple[float | None, ...]:
    return tuple(_number(float(v), digits) for v in values)
