"""Preview of augmented training crops and their targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poseport import draw, pose
from poseport.data.images import encode_image, picture_suffix
from poseport.data.people import People
from poseport.records import write_whole
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.config import TrainConfig
from poseport.train.samples.backgrounds import find_photos
from poseport.train.samples.sample import CropPlan, plan_crop, render

_COLUMNS = 4


def write_sheet(path: Path, spec: PoseSpec, settings: TrainConfig, people: People, count: int, seed: int) -> int:
    """Write a picture of augmented crops with their skeletons and targets.

    Args:
        path: Picture to write, .png or .jpg.
        spec: The network's crop and target.
        settings: Augmentation, and the least number of labels.
        people: People to choose from.
        count: Number of crops.
        seed: Seed of the choice and of the augmentation.

    Returns:
        The number of crops, which is lower than `count` if there are fewer people.

    Raises:
        ValueError: If the suffix is not a picture's, or nobody has enough labels to be trained on.
    """
    suffix = picture_suffix(path)
    persons = people.for_training(settings.min_keypoints).persons
    photos = find_photos(None, people.persons, settings.augment.background)
    chosen = np.random.default_rng(seed).permutation(len(persons))[:count]
    plans = [
        plan_crop(np.random.default_rng((seed, int(i))), spec, persons[i], settings.augment, photos, persons)
        for i in chosen
    ]
    image = sheet(spec, plans)
    write_whole(path, encode_image(image, suffix))
    return len(plans)


def sheet(spec: PoseSpec, plans: list[CropPlan]) -> np.ndarray:
    """Draw crops with their skeletons, beside the target heatmaps if the network has any.

    Args:
        spec: The network's spec.
        plans: The crops, at least one.

    Returns:
        (h, w, 3) uint8 RGB, four crops per row.

    Raises:
        ValueError: If a photo cannot be read.
    """
    tiles = [_tile(spec, plan) for plan in plans]
    rows = [draw.beside(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


def _tile(spec: PoseSpec, plan: CropPlan) -> np.ndarray:
    image = render(spec, plan).picture()
    points = np.full((len(spec.skeleton), 2), np.nan) if plan.points is None else plan.points
    keypoints = np.column_stack([points, np.ones(len(points))])  # NaN points are not drawn
    tile = draw.skeleton_overlay(image, keypoints[None], spec.skeleton)
    if isinstance(spec.output, HeatmapOutput):
        tile = draw.beside([tile, draw.heatmap_overlay(image, pose.encode(spec, points), spec.skeleton)])
    tile[-1:], tile[:, -1:] = 128, 128  # a line between tiles
    return tile
