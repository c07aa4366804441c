"""Find labels that cannot be right, count the people who have them, and refuse a set with too many.

The limits were set on real sets: on COCO 2017 (247 people), a COCO subset of 6,969 people and 9,500 of Leeds Sports
Pose Extended all kinds together are found on 0.12 % of the people at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport.data.people import People, Person

# how far a label may lie outside, as a share of the image's longer side, and of the box's
_OUTSIDE_IMAGE, _OUTSIDE_BOX = 0.1, 0.5
_SAME_SPOT = 4
_SMALLEST_BOX_PX = 2.0
# an outline fills a share of its box between these limits
_AREA_SHARES = 0.002, 1.5
# largest coordinate that may be a share of the image, as some lie a little outside of it
_SHARE = 1.5
# the largest coordinate of a set in percent, and the number of people from which that is no coincidence
_PERCENT, _MANY = 100, 5
# a set is refused if more than this share of its people have wrong labels
REFUSED_SHARE = 0.5
_CHUNK = 20_000

KINDS = {
    "box-corners": "a box that is x1 y1 x2 y2, where x y width height is expected",
    "box-centre": "a box whose x y is its centre, where its top left corner is expected",
    "normalised": "coordinates of 0 to 1, where pixels are expected",
    "percent": "coordinates of 0 to 100 on photos that are much larger, where pixels are expected",
    "outside-image": "labelled keypoints far outside the image",
    "outside-box": "labelled keypoints far outside the person's box",
    "corner": "labelled keypoints at 0, 0 (or -1, -1), which says that they are not there",
    "same-spot": f"{_SAME_SPOT} or more labelled keypoints on one spot",
    "tiny-box": f"a box of less than {_SMALLEST_BOX_PX:g} px",
    "area": "an area that is far from that of the box",
}


@dataclass(frozen=True)
class WrongLabels:
    """People whose labels cannot be right in one way.

    Attributes:
        kind: A key of `KINDS`.
        people: Number of people who have it.
        share: Their share of the labelled people.
        example: The first of them.
    """

    kind: str
    people: int
    share: float
    example: str

    def text(self) -> str:
        """The finding as one line of text."""
        return f"{self.people} people with {KINDS[self.kind]}, for example {self.example}"

    def data(self) -> dict[str, Any]:
        """The finding as plain values, for `--json`."""
        return {**vars(self), "what": KINDS[self.kind]}


def wrong_labels(people: People) -> tuple[list[WrongLabels], float]:
    """Find every kind of wrong label in a set.

    Args:
        people: The set.

    Returns:
        The kinds that occur, and the share of labelled people who have any.
    """
    persons = [p for p in people.persons if not p.crowd and p.num_labelled]
    counts = dict.fromkeys(KINDS, 0)
    first: dict[str, Person] = {}
    wrong = 0
    for start in range(0, len(persons), _CHUNK):
        part = persons[start : start + _CHUNK]
        masks = find(part)
        for kind, mask in masks.items():
            counts[kind] += int(mask.sum())
            if mask.any():
                first.setdefault(kind, part[int(mask.argmax())])
        wrong += int(np.any(list(masks.values()), axis=0).sum())
    total = max(len(persons), 1)
    found = [WrongLabels(k, n, n / total, _example(first[k])) for k, n in counts.items() if n]
    return found, wrong / total


def refuse(people: People) -> None:
    """Refuse a set in which most labelled people have wrong labels.

    Args:
        people: The set.

    Raises:
        ValueError: If it is one.
    """
    found, share = wrong_labels(people)
    if share > REFUSED_SHARE:
        worst = max(found, key=lambda one: one.people)
        raise ValueError(
            f"{people.path}: the labels of {100 * share:.0f} % of its people cannot be right ({worst.text()}); "
            f"`poseport data check {people.path}` lists every kind"
        )


def find(persons: Sequence[Person]) -> dict[str, np.ndarray]:
    """Find the people who have each kind of wrong label.

    Args:
        persons: N labelled people.

    Returns:
        Kind of `KINDS` -> (N,) bool.
    """
    points = np.array([p.keypoints for p in persons])
    labelled, xy = points[..., 2] > 0, points[..., :2]
    boxes = np.array([p.box_xywh for p in persons], float)
    sizes = np.array([p.image_hw[::-1] for p in persons], float)
    low, high = boxes[:, None, :2], boxes[:, None, :2] + boxes[:, None, 2:]
    longer = boxes[:, 2:].max(axis=1)
    corner = labelled & ((xy == 0).all(axis=2) | (xy == -1).all(axis=2))
    placed = labelled & ~corner
    share = np.where(placed, np.abs(xy).max(axis=2), 0).max(axis=1) <= _SHARE
    normalised = share & (placed.sum(axis=1) > 1)
    off_image = np.maximum(-xy, xy - sizes[:, None]).max(axis=2) / sizes.max(axis=1)[:, None]
    off_box = np.maximum(low - xy, xy - high).max(axis=2) / np.maximum(longer, _SMALLEST_BOX_PX)[:, None]
    outside_image = (placed & (off_image > _OUTSIDE_IMAGE)).any(axis=1)
    extent = _extent(xy, placed)
    corners = _are_corners(extent, boxes, sizes) & ~normalised
    centres = _are_centres(extent, boxes) & ~(normalised | corners | outside_image)
    filled = np.array([p.area for p in persons]) / np.maximum(boxes[:, 2:].prod(axis=1), 1e-9)
    return {
        "box-corners": corners,
        "box-centre": centres,
        "normalised": normalised,
        "percent": _are_percent(xy, placed, boxes, sizes) & ~normalised,
        "outside-image": outside_image,
        "outside-box": (placed & (off_box > _OUTSIDE_BOX)).any(axis=1)
        & ~(outside_image | normalised | corners | centres),
        "corner": corner.any(axis=1),
        "same-spot": (_most_on_one_spot(xy, placed) >= _SAME_SPOT) & ~normalised,
        "tiny-box": (longer < _SMALLEST_BOX_PX) & ~normalised,
        "area": ((filled < _AREA_SHARES[0]) | (filled > _AREA_SHARES[1])) & ~(corners | normalised),
    }


def _extent(xy: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Compute x1 y1 x2 y2 around the placed labels, (N, 4); zeros where a person has none."""
    low = np.where(placed[..., None], xy, np.inf).min(axis=1)
    high = np.where(placed[..., None], xy, -np.inf).max(axis=1)
    return np.where(placed.any(axis=1, keepdims=True), np.concatenate([low, high], axis=1), 0.0)


def _are_corners(extent: np.ndarray, boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Find boxes that hold and fit the labels better if they are read as x1 y1 x2 y2, (N,) bool.

    Read as x y width height, the labels must lie off their middle. So padded and square boxes are not found, and few
    people near the image's top left corner are.
    """
    low, high = extent[:, :2], extent[:, 2:]
    middle = (low + high) / 2
    as_size = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    margin = 0.05 * boxes[:, 2:].max(axis=1)[:, None]
    possible = (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (boxes[:, 2:] <= 1.02 * sizes).all(axis=1)
    held = (low >= boxes[:, :2] - margin).all(axis=1) & (high <= boxes[:, 2:] + margin).all(axis=1)
    off_size, off_corners = (
        (np.abs(middle - (box[:, :2] + box[:, 2:]) / 2) / np.maximum(box[:, 2:] - box[:, :2], 1)).max(axis=1)
        for box in (as_size, boxes)
    )
    better = _overlap(extent, boxes) > _overlap(extent, as_size) + 0.1
    return possible & held & better & (off_size > 0.15) & (off_corners < off_size)


def _are_centres(extent: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Find boxes that hold the labels only if their x y is read as the centre, (N,) bool."""
    half = boxes[:, 2:] / 2
    as_centre = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    as_size = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    margin = 0.05 * boxes[:, 2:].max(axis=1)[:, None]
    held = (extent[:, :2] >= as_centre[:, :2] - margin).all(axis=1)
    held &= (extent[:, 2:] <= as_centre[:, 2:] + margin).all(axis=1)
    return held & (_overlap(extent, as_centre) > _overlap(extent, as_size) + 0.2)


def _are_percent(xy: np.ndarray, placed: np.ndarray, boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Find coordinates in percent, (N,) bool: all people, if no coordinate is above 100 and no photo is that small."""
    largest = max(np.where(placed, np.abs(xy).max(axis=2), 0).max(initial=0), np.abs(boxes).max(initial=0))
    small = len(xy) < _MANY or largest > _PERCENT or sizes.min(initial=np.inf) < 2 * _PERCENT
    return np.full(len(xy), not small)


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes x1 y1 x2 y2, (N, 4) each."""
    shared = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None).prod(axis=1)
    areas = [np.clip(one[:, 2:] - one[:, :2], 0, None).prod(axis=1) for one in (a, b)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)


def _most_on_one_spot(xy: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Count the most labels of each person that have the same coordinates, (N,) int."""
    n, k = placed.shape
    places = np.where(placed, xy[..., 0] + 1j * xy[..., 1], np.arange(k) * -1e9)  # what is not placed differs
    places = np.sort(places, axis=1)
    most, run = np.ones(n, int), np.ones(n, int)
    for i in range(1, k):
        run = np.where(places[:, i] == places[:, i - 1], run + 1, 1)
        most = np.maximum(most, run)
    return most


def _example(person: Person) -> str:
    box = ", ".join(f"{v:g}" for v in person.box_xywh)
    h, w = person.image_hw
    return f"annotation {person.annotation_id} of {person.image_path.name} ({w}x{h}), bbox [{box}]"
