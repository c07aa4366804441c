"""Checks that a file may be scored on some people, and that its predictions can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from poseport.data.people import People, Person
from poseport.skeleton import Skeleton
from poseport.tflite.runner import Pose


def check_names(own: Skeleton, people: People, only: tuple[str, ...], name: str) -> None:
    """Check that a model predicts every keypoint that is scored.

    Args:
        own: The model's skeleton.
        people: The annotated people.
        only: Names of the keypoints to score; empty for all.
        name: Name of the model in messages.

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
    """Check that all predictions are finite numbers, which records and scores need.

    Args:
        keypoints: (N, K, 3) predictions.
        persons: N people.
        name: Name of the model in messages.

    Raises:
        ValueError: if some are NaN or infinite; names the model and the first image.
    """
    wrong = np.flatnonzero(~np.isfinite(keypoints).all(axis=(1, 2)))
    if len(wrong):
        raise ValueError(
            f"{name}: predicts NaN or infinity for {len(wrong)} of {len(persons)} people (first in "
            f"{persons[wrong[0]].image_path.name}), so it has no score; `poseport doctor` examines the file"
        )


def refuse_learned(model: Pose, people: People) -> None:
    """Check that a file was not fine-tuned on these annotations while it was converted.

    Args:
        model: The file.
        people: The annotated people.

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

    Args:
        model: The file.
        persons: The people to score on.

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
