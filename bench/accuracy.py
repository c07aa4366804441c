"""What a converted file predicts for annotated people, scored as everywhere else."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from poseport import cascade
from poseport.bench.result import Accuracy, Data, Detections, PersonSample, Result, host, model_info
from poseport.coco import People, Person
from poseport.runner import Pose
from poseport.score import Score, score
from poseport.skeleton import rearrange


def measure(
    model: Pose,
    people: People,
    *,
    only: tuple[str, ...] = (),
    flip: bool = False,
    detections: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Run a model over the people of a set and score it.

    only: keypoints to score (empty: all); the model must have them, in whatever order. flip: average with
    the mirrored crops. detections: a COCO results file with person boxes; None takes the annotated boxes.
    progress: called with the number of people just done. Raises ValueError when the model lacks a
    keypoint, or the file was calibrated on images of this set.
    """
    _check_names(model, people, only)
    boxes, box_scores = persons_with_labels(people), None
    if detections is not None:
        boxes, box_scores = _detected(people, detections)
    refuse_learned(model, people)
    refuse_overlap(model, boxes)
    began = time.perf_counter()
    keypoints = predict(model, boxes, flip=flip, progress=progress)
    seconds = time.perf_counter() - began
    by_name = rearrange(keypoints, model.spec.skeleton, people.skeleton)
    scored = score(people, boxes, by_name, only, box_scores)
    measured = _record(people, boxes, keypoints, scored, flip, detections, len(boxes) / seconds)
    return Result(model_info(model), host(model), measured)


def _check_names(model: Pose, people: People, only: tuple[str, ...]) -> None:
    own = model.spec.skeleton
    lacking = [name for name in only or people.skeleton.names if name not in own.names]
    if lacking:
        raise ValueError(
            f"{model.path}: predicts skeleton {own.name!r} without {', '.join(lacking)}, {people.path} is labelled "
            f"with {people.skeleton.name!r}; score what both have with --keypoints, for example --keypoints body"
        )


def persons_with_labels(people: People) -> list[Person]:
    """Those whose annotated box is a fair crop: labelled, and no crowd."""
    persons = [p for p in people.persons if not p.crowd and p.num_labelled > 0]
    if not persons:
        raise ValueError(f"{people.path}: nobody has a labelled keypoint, so nothing can be scored; give another set")
    return persons


def predict(
    model: Pose, persons: list[Person], *, flip: bool = False, progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """Keypoints (N, K, 3) in image pixels, of all networks of a model."""
    return cascade.predict([network.stage for network in model.networks], persons, flip=flip, progress=progress)


def refuse_learned(model: Pose, people: People) -> None:
    """ValueError when the network was fine-tuned on these very annotations while it was converted."""
    learned = model.card.conversion.finetuning
    if learned is not None and learned.annotations_sha256 == people.sha256:
        raise ValueError(
            f"{model.path}: was trained on {people.path} (recipe {model.card.conversion.recipe}); bench on other people"
        )


def refuse_overlap(model: Pose, persons: Iterable[Person]) -> None:
    """ValueError when an image settled the file's activation ranges: its accuracy there says too much."""
    calibration = model.card.conversion.calibration
    if calibration is None:
        return
    used = set(calibration.images_sha256)
    images = {p.image_path: p for p in persons}
    shared = [path for path in sorted(images) if images[path].digest() in used]
    if shared:
        raise ValueError(
            f"{model.path}: {len(shared)} of these images settled its activation ranges ({shared[0].name} …); "
            "bench on other people, or convert again with --exclude naming this set"
        )


def _detected(people: People, detections: Path) -> tuple[list[Person], np.ndarray]:
    """Boxes of a COCO results file as people to predict, each with the labels of nobody, and their scores."""
    try:
        entries = json.loads(Path(detections).read_text(encoding="utf-8"))
        found = [(int(e["image_id"]), tuple(float(v) for v in e["bbox"]), float(e["score"])) for e in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{detections}: not a COCO results file ({type(error).__name__}: {error}); expected a list of "
            '{"image_id", "bbox": [x, y, width, height], "score"}'
        ) from None
    by_image = {p.image_id: p for p in people.persons}
    persons, scores = [], []
    for image_id, box, box_score in found:
        if image_id in by_image and len(box) == 4 and box[2] > 0 and box[3] > 0:
            template = by_image[image_id]
            nothing = np.zeros_like(template.keypoints)
            persons.append(replace(template, annotation_id=0, box_xywh=box, keypoints=nothing, area=box[2] * box[3]))
            scores.append(box_score)
    if not persons:
        raise ValueError(f"{detections}: no box of a usable size in any image of {people.path}")
    return persons, np.array(scores)


def _record(
    people: People,
    persons: list[Person],
    keypoints: np.ndarray,
    scored: Score,
    flip: bool,
    detections: Path | None,
    speed: float,
) -> Accuracy:
    official = scored.official
    bits = 1 << np.arange(len(official.thresholds))
    folder = people.images_dir
    return Accuracy(
        kind="accuracy",
        data=Data(people.path.name, people.sha256, str(folder), len(persons), len({p.image_id for p in persons})),
        boxes="ground truth" if detections is None else f"detections {detections.name}",
        flip=flip,
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
                p.box_xywh,
                _number(scored.oks[i], 5),
                tuple(round(float(v), 3) for v in keypoints[i].ravel()),
                _numbers(scored.errors_px[i], 2),
            )
            for i, p in enumerate(persons)
        ),
        people_per_second=round(speed, 2),
    )


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _numbers(values: np.ndarray, digits: int) -> tuple[float | None, ...]:
    return tuple(_number(float(v), digits) for v in values)
