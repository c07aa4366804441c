"""What the photo of a training crop may do to a person: end before the person does, or show somebody else too.

Photos of one whole person each teach a network that everybody is whole and alone. Pasting people into
crops follows Dwibedi et al. 2017 and, for poses, the synthetic occlusion of Sarandi et al. 2018; there are no
masks here, so a body is what its keypoints' limbs, drawn thick, cover.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from poseport import crop
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.skeleton import Skeleton
from poseport.spec import PoseSpec

# what is left of a person where the photo ends: fractions of the box's side
_LEAST, _MOST = 0.35, 0.85
_FEWEST_LEFT = 3  # keypoints
# left, top, right, bottom: how often each is the one; people are cut off below, by the photo or by a table
_SIDES = (0.2, 0.15, 0.2, 0.45)
_TWO_SIDES = 0.3

_THICKNESS = 0.13  # of a limb, of the longer side of what is labelled: clothes included
_TRUNK = ("shoulder", "hip", "neck", "thorax", "pelvis")
_FACE = ("nose", "eye", "ear", "head_top", "neck")


@dataclass(frozen=True)
class Frame:
    """Where a photo ends, in its pixels: columns left to right, rows top to bottom; the ends are not included."""

    left: int = 0
    top: int = 0
    right: int = sys.maxsize
    bottom: int = sys.maxsize

    def holds(self, points: np.ndarray) -> np.ndarray:
        """(...,) bool: which of (..., 2) x, y lie inside."""
        x, y = points[..., 0], points[..., 1]
        return (x >= self.left) & (x < self.right) & (y >= self.top) & (y < self.bottom)

    def of(self, image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is there of a photo (h, w, 3), without a copy, and the matrix (2, 3) of a crop moved to it."""
        corner = np.array([max(self.left, 0), max(self.top, 0)])
        moved = np.column_stack([matrix[:, :2], matrix[:, :2] @ corner + matrix[:, 2]])
        return image[corner[1] : max(self.bottom, 0), corner[0] : max(self.right, 0)], moved


WHOLE = Frame()


@dataclass(frozen=True, eq=False)
class Neighbour:
    """Somebody else in the crop. matrix: (2, 3), their photo's pixels to input pixels. mask: (H, W) bool, where."""

    image_path: Path
    image_hw: tuple[int, int]
    matrix: np.ndarray
    mask: np.ndarray

    def paste(self, image: np.ndarray) -> None:
        """Paint them into a crop (H, W, 3) uint8 RGB. Raises ValueError for a photo that cannot be read."""
        theirs = crop.warp(read_image(self.image_path, self.image_hw), self.matrix, self.mask.shape)
        np.copyto(image, theirs, where=self.mask[..., None])


def end_photo(
    rng: np.random.Generator, person: Person, box_xywh: tuple[float, float, float, float]
) -> tuple[Frame, tuple[float, float, float, float]]:
    """A photo that ends inside the person at one side or two, and what it leaves of the box (x, y, width, height).

    The whole photo and the box as they are where fewer than three labelled keypoints would be left.
    """
    x, y, w, h = box_xywh
    edges = np.array([x, y, x + w, y + h])
    size = np.array([w, h, w, h])
    cut = rng.choice(4, 1 + int(rng.random() < _TWO_SIDES), replace=False, p=_SIDES)
    ends = edges.copy()
    for side in cut:
        lost = (1 - rng.uniform(_LEAST, _MOST)) * size[side] / len(cut)
        ends[side] += lost if side < 2 else -lost
    open_ends = [0, 0, sys.maxsize, sys.maxsize]
    frame = Frame(*(round(ends[i]) if i in cut else open_ends[i] for i in range(4)))
    left, top, right, bottom = (float(v) for v in ends)
    points = person.keypoints[:, :2]
    seen = person.labelled & frame.holds(points) & ((points >= ends[:2]) & (points <= ends[2:])).all(axis=1)
    if np.count_nonzero(seen) < _FEWEST_LEFT:
        return WHOLE, box_xywh
    return frame, (left, top, right - left, bottom - top)


def random_neighbour(rng: np.random.Generator, spec: PoseSpec, points: np.ndarray, other: Person) -> Neighbour:
    """Somebody about as large beside the person, in front of them half of the time, else behind.

    points: (K, 2) of the person, in input pixels, NaN for what is unlabelled. What a neighbour hides keeps its
    label, as people label it.
    """
    side, dx, dy = rng.choice((-1, 1)), rng.uniform(0.25, 0.6), rng.uniform(-0.25, 0.25)
    matrix = crop.crop_matrix(
        np.asarray(other.box_xywh),
        spec.input_hw,
        spec.padding,
        scale=rng.uniform(0.6, 1.2),
        shift=(side * dx, dy),
        flip=bool(rng.random() < 0.5),
    )
    theirs = crop.move_points(other.keypoints[:, :2], matrix)
    theirs[~other.labelled] = np.nan
    mask = silhouette(spec.skeleton, theirs, spec.input_hw)
    if rng.random() < 0.5:
        mask &= ~silhouette(spec.skeleton, points, spec.input_hw)
    return Neighbour(other.image_path, other.image_hw, matrix, mask)


def silhouette(skeleton: Skeleton, points: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: about what a body covers. points: (K, 2) in input pixels, NaN for what is unknown."""
    mask = np.zeros(input_hw, np.uint8)
    known = np.isfinite(points).all(axis=1)
    if not known.any():
        return mask.astype(bool)
    # what lies far outside is cut to numbers that OpenCV draws
    corners = np.clip(np.rint(np.where(known[:, None], points, 0)), -4096, 4096).astype(np.int32)
    extent = float(np.ptp(points[known], axis=0).max())
    thick = max(1, round(_THICKNESS * extent))
    for i, j in skeleton.pair_indices(skeleton.limbs):
        if known[i] and known[j]:
            cv2.line(mask, corners[i].tolist(), corners[j].tolist(), 255, thick)
    for part, wide in ((_TRUNK, thick // 2), (_FACE, thick)):
        of_part = known & np.array([name.endswith(part) for name in skeleton.names])
        if of_part.any():
            hull = cv2.convexHull(corners[of_part])
            cv2.fillPoly(mask, [hull], 255)
            cv2.polylines(mask, [hull], True, 255, max(1, wide))
    return mask.astype(bool)
