"""Augmentation of the scene: photos that end inside a person, and other people who are pasted in.

A network that is trained only on photos of one whole person fails on people who are cut off or close to others.
Pasting people into crops follows Dwibedi et al. 2017 and, for poses, the synthetic occlusion of Sarandi et al. 2018.
There are no masks here, so a body is the area that its limbs cover when they are drawn thick.
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

# the part of a person that remains where a photo ends, as fractions of the box's side
_LEAST, _MOST = 0.35, 0.85
_FEWEST_LEFT = 3  # keypoints
# how often a photo ends at its left, top, right, bottom: most people are cut off below, by the photo or by a table
_SIDES = (0.2, 0.15, 0.2, 0.45)
_TWO_SIDES = 0.3

_THICKNESS = 0.13  # thickness of a limb, clothes included, as a fraction of the longer side of the labelled keypoints
_TRUNK = ("shoulder", "hip", "neck", "thorax", "pelvis")
_FACE = ("nose", "eye", "ear", "head_top", "neck")


@dataclass(frozen=True)
class Frame:
    """The part of a photo that is used.

    Attributes:
        left: First column in pixels.
        top: First row.
        right: Column after the last.
        bottom: Row after the last.
    """

    left: int = 0
    top: int = 0
    right: int = sys.maxsize
    bottom: int = sys.maxsize

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Whether points lie inside the frame.

        Args:
            points: (..., 2) x and y in image pixels.

        Returns:
            (...,) bool.
        """
        x, y = points[..., 0], points[..., 1]
        return (x >= self.left) & (x < self.right) & (y >= self.top) & (y < self.bottom)

    def of(self, image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cut a photo without a copy.

        Args:
            image: The photo, (h, w, 3).
            matrix: (2, 3) of a crop, from the photo's pixels.

        Returns:
            A view of the part that is used, and the matrix from the pixels of that part.
        """
        corner = np.array([max(self.left, 0), max(self.top, 0)])
        moved = np.column_stack([matrix[:, :2], matrix[:, :2] @ corner + matrix[:, 2]])
        return image[corner[1] : max(self.bottom, 0), corner[0] : max(self.right, 0)], moved


WHOLE = Frame()


@dataclass(frozen=True, eq=False)
class Neighbour:
    """Another person in the crop.

    Attributes:
        image_path: Photo of the other person.
        image_hw: Height and width of that photo, as annotated.
        matrix: (2, 3) from that photo's pixels to input pixels.
        mask: (H, W) bool, the pixels to replace.
    """

    image_path: Path
    image_hw: tuple[int, int]
    matrix: np.ndarray
    mask: np.ndarray

    def paste(self, image: np.ndarray) -> None:
        """Paint the person into a crop.

        Args:
            image: (H, W, 3) uint8 RGB, changed in place.

        Raises:
            ValueError: If the photo cannot be read.
        """
        theirs = crop.warp(read_image(self.image_path, self.image_hw), self.matrix, self.mask.shape)
        np.copyto(image, theirs, where=self.mask[..., None])


def end_photo(
    rng: np.random.Generator, person: Person, box_xywh: tuple[float, float, float, float]
) -> tuple[Frame, tuple[float, float, float, float]]:
    """End a photo inside the person, at one side or at two.

    Args:
        rng: Source of randomness.
        person: The person.
        box_xywh: Box to crop, in image pixels.

    Returns:
        The part of the photo that is used and the part of the box that lies in it; the whole photo and the whole box
        if fewer than three labelled keypoints would be left.
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
    left_labelled = person.labelled & frame.holds(points) & ((points >= ends[:2]) & (points <= ends[2:])).all(axis=1)
    if np.count_nonzero(left_labelled) < _FEWEST_LEFT:
        return WHOLE, box_xywh
    return frame, (left, top, right - left, bottom - top)


def random_neighbour(rng: np.random.Generator, spec: PoseSpec, points: np.ndarray, other: Person) -> Neighbour:
    """Place another person of about the same size beside the person: in front of them half of the time, else behind.

    Keypoints that the other person hides keep their labels, because annotators label such keypoints too.

    Args:
        rng: Source of randomness.
        spec: The network's spec.
        points: (K, 2) keypoints of the person in input pixels; NaN for unlabelled ones.
        other: The other person.

    Returns:
        The other person as placed.
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
    """Approximate the area of a body by thick limbs and the hulls of trunk and face.

    Args:
        skeleton: Names the keypoints and the limbs.
        points: (K, 2) keypoints in input pixels; NaN for unknown ones.
        input_hw: Height and width of the input.

    Returns:
        (H, W) bool.
    """
    mask = np.zeros(input_hw, np.uint8)
    known = np.isfinite(points).all(axis=1)
    if not known.any():
        return mask.astype(bool)
    # OpenCV draws only coordinates of moderate size
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
