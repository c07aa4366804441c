"""Accuracy of a converted file: its predictions for annotated people, and their scores."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import get_args

import numpy as np

from poseport import cascade
from poseport.bench.measure import parallel
from poseport.bench.measure.boxes import Boxes, annotated, persons_with_labels
from poseport.bench.measure.describe import host, model_info
from poseport.bench.record import Accuracy, Data, Detections, PersonSample, Result
from poseport.data.people import People, Person
from poseport.predict import Variant, predict_variants
from poseport.scoring.score import Score, score
from poseport.skeleton import Skeleton, rearrange
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
        boxes: What is cropped; None: the annotated boxes.
        variants: How outputs become keypoints.
        only: Names of the keypoints to score; empty: all.
        processes: Number of processes that share the people, each with the model's threads.
        progress: Called with the number of people just done.

    Returns:
        One record per variant.

    Raises:
        ValueError: if the model lacks a keypoint, predicts NaN or infinity, or was calibrated, tuned or fine-tuned on
            images of this set.
    """
    check_names(model.spec.skeleton, people, only, str(model.path))
    boxes = boxes or annotated(people)
    refuse_learned(model, people)
    refuse_overlap(model, boxes.scored)
    info, environment = model_info(model), host(model)
    began = time.perf_counter()
    found = predict(model, boxes.cropped, variants, processes=processes, progress=progress)
    speed = len(boxes.cropped) / (time.perf_counter() - began)
    results = []
    for variant, keypoints in zip(variants, found, strict=True):
        refuse_not_finite(keypoints, boxes.cropped, str(model.path))
        by_name = rearrange(keypoints, model.spec.skeleton, people.skeleton)
        scored = score(people, boxes.scored, by_name, only, boxes.scores)
        results.append(Result(info, environment, record(people, boxes, variant, keypoints, scored, speed)))
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


def check_names(own: Skeleton, people: People, only: tuple[str, ...], name: str) -> None:
    """Check that a model predicts every keypoint that is scored.

    Args:
        own: The model's skeleton.
        people: The annotated people.
        only: Names of the keypoints to score; empty: all.
        name: What the message calls the model.

    Raises:
        ValueError: if it lacks one.
    """
    lacking = [keypoint for keypoint in only or people.skeleton.names if keypoint not in own.names]
    if lacking:
        raise ValueError(
            f"{name}: predicts skeleton {own.name!r} without {', '.join(lacking)}, {people.path} is labelled "
            f"with {people.skeleton.name!r}; score what both have with --keypoints, for example --keypoints body"
        )


def refuse_not_finite(keypoints: np.ndarray, persons: Sequence[Person], name: str) -> None:
    """Check that all predictions (N, K, 3) are finite numbers, which records and scores need.

    Raises:
        ValueError: if some are NaN or infinite; names the model and the first image.
    """
    wrong = np.flatnonzero(~np.isfinite(keypoints).all(axis=(1, 2)))
    if len(wrong):
        raise ValueError(
            f"{name}: predicts NaN or infinity for {len(wrong)} of {len(persons)} people (first in "
            f"{persons[wrong[0]].image_path.name}), so it has no score; `poseport doctor` examines the file"
        )


def predict(
    model: Pose,
    persons: Sequence[Person],
    variants: Sequence[Variant] = (Variant(),),
    *,
    processes: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Keypoints (V, N, K, 3) of N people in image pixels, in each of V variants."""
    if processes > 1:
        return parallel.predict(model, persons, variants, processes, progress)
    keypoints = predict_variants(model, persons, variants, progress=progress)
    return cascade.refine(model.later, persons, keypoints, variants, progress=progress)


def refuse_learned(model: Pose, people: People) -> None:
    """Check that a file was not fine-tuned on these annotations while it was converted.

    Raises:
        ValueError: if it was.
    """
    learned = model.card.conversion.finetuning
    if learned is not None and learned.annotations_sha256 == people.sha256:
        raise ValueError(
            f"{model.path}: was trained on {people.path} (recipe {model.card.conversion.recipe}); score it on other "
            "people"
        )


def refuse_overlap(model: Pose, persons: Iterable[Person]) -> None:
    """Check that a file was neither calibrated nor tuned on these images, where its accuracy would be too high.

    Raises:
        ValueError: if it was.
    """
    conversion = model.card.conversion
    manifests = (conversion.calibration, conversion.budget.tune if conversion.budget else None)
    used = {digest for manifest in manifests if manifest is not None for digest in manifest.images_sha256}
    if not used:
        return
    images = {p.image_path: p for p in persons}
    shared = [path for path in sorted(images) if images[path].digest() in used]
    if shared:
        raise ValueError(
            f"{model.path}: was calibrated or tuned on {len(shared)} of these images ({shared[0].name} …); score it on "
            "other people, or convert again with --exclude and this set"
        )


def record(
    people: People, boxes: Boxes, variant: Variant, keypoints: np.ndarray, scored: Score, speed: float | None
) -> Accuracy:
    """Make the record of predictions.

    Args:
        people: The annotated people.
        boxes: What was cropped.
        variant: How outputs became keypoints.
        keypoints: (N, K, 3) x, y in image pixels and score, finite.
        scored: Their scores.
        speed: People per second, or None.
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
