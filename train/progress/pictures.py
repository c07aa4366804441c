"""Pictures of the same few validation people after every evaluation, with the heatmaps of each stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle, crop, draw, pose
from poseport.data import batches
from poseport.data.images import encode_image
from poseport.data.people import People
from poseport.records import write_whole
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.optimizer import averaged
from poseport.train.progress.log_csv import due

# crops of phone-sized networks are enlarged until a face is more than a few pixels
_SIDE_PX = 256
_GAP_PX = 4


class Pictures(keras.callbacks.Callback):
    """Writes `pictures/epoch-00010.jpg` with one row per person (see `row`).

    The people are spread evenly over the set, and the same in every epoch and every run.

    Args:
        spec: The network's spec.
        people: The validation people.
        count: Number of people to draw.
        directory: The run's folder.
        every: Epochs between pictures, as between evaluations.
        epochs: Number of epochs; the last one is always drawn.
    """

    def __init__(self, spec: PoseSpec, people: People, count: int, directory: Path, every: int, epochs: int):
        super().__init__()
        places = np.unique(np.linspace(0, len(people) - 1, count).round().astype(int))
        self.persons = [people.persons[i] for i in places]
        self.spec, self.every, self.epochs = spec, every, epochs
        self.directory = directory / bundle.PICTURES

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Draw the people in the epochs that are scored."""
        if not due(epoch, self.every, self.epochs):
            return
        rows = []
        for part in batches.batches(self.spec, self.persons):
            with averaged(self.model):
                outputs = self.model.predict_on_batch(pose.normalise(self.spec, part.crops))
            stacks = [np.asarray(o) for o in (outputs if isinstance(outputs, list | tuple) else [outputs])]
            truth = np.stack([person.keypoints for person in part.persons])
            truth[..., :2] = crop.move_points(truth[..., :2], part.matrices)
            rows += [row(self.spec, *one) for one in zip(part.crops, truth, zip(*stacks, strict=True), strict=True)]
        gap = np.full((_GAP_PX, rows[0].shape[1], 3), 255, np.uint8)
        picture = np.concatenate([band for one in rows for band in (one, gap)][:-1])
        write_whole(self.directory / f"epoch-{epoch + 1:05d}.jpg", encode_image(picture, ".jpg", 85))


def row(spec: PoseSpec, crop_u8: np.ndarray, truth: np.ndarray, stacks: tuple[np.ndarray, ...]) -> np.ndarray:
    """Draw one person: the labels, the heatmaps of every stack, and the keypoints of the last one.

    Args:
        spec: The network's spec.
        crop_u8: (H, W, 3) uint8 RGB.
        truth: (K, 3) x and y in input pixels and COCO's visibility flag.
        stacks: `spec.output_shape` float32 of each output.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    zoom = max(1, round(_SIDE_PX / crop_u8.shape[0]))
    # the enlarged pixel i covers zoom pixels: centres move as between heatmap cells and input pixels
    large = np.repeat(np.repeat(crop_u8, zoom, axis=0), zoom, axis=1)

    def skeleton(keypoints: np.ndarray) -> np.ndarray:
        points = np.column_stack([keypoints[:, :2] * zoom + (zoom - 1) / 2, keypoints[:, 2]])
        # every keypoint is drawn, however low its score
        return draw.skeleton_overlay(large, points[None], spec.skeleton, threshold=1e-6)

    cells = [draw.caption(skeleton(truth), "labels")]
    if isinstance(spec.output, HeatmapOutput):
        for i, output in enumerate(stacks):
            overlay = draw.heatmap_overlay(large, pose.maps(spec, output[None])[0], spec.skeleton)
            cells.append(draw.caption(overlay, f"heatmaps {i + 1} of {len(stacks)}"))
    found = pose.decode_input(spec, stacks[-1][None])[0]
    cells.append(draw.caption(skeleton(found), "found"))
    gap = np.full((large.shape[0], _GAP_PX, 3), 255, np.uint8)
    return draw.beside([part for cell in cells for part in (cell, gap)][:-1])
