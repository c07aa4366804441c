"""Draw people whose keypoints are exactly known, as a COCO data set.

A scene is a textured background, one to three people from far to near, and sometimes an object in front of them.
Image i of a set depends on (seed, i) alone, so a longer set begins with the images of a shorter one (except its last
image, which may have fewer people so that the total is exact).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseport.data.coco_json import annotation, write
from poseport.data.coco_json import image as image_entry
from poseport.data.drawn.figure import Figure, paint, random_figure, shows
from poseport.data.drawn.scenery import background, photographed
from poseport.data.images import encode_image
from poseport.records import write_whole
from poseport.skeletons import COCO17

MIN_LABELLED = 8
_DESCRIPTION = "people drawn by poseport"
# a file in the folder until its annotations are written
_UNFINISHED = "synth.unfinished"
_OBJECT, _STEP = 255, 64  # labels of a scene: that of an object, and the distance between the labels of two people


@dataclass(frozen=True, eq=False)
class Drawn:
    """A person of a scene.

    Attributes:
        keypoints: (17, 3) x, y in pixels and COCO's visibility; an unlabelled one is (0, 0, 0).
        mask: (h, w) bool, the person's pixels in the image, those behind others included.
    """

    keypoints: np.ndarray
    mask: np.ndarray

    @property
    def box_xywh(self) -> tuple[float, float, float, float]:
        """The smallest box around the mask, in pixels."""
        x, y, w, h = cv2.boundingRect(self.mask.view(np.uint8))
        return float(x), float(y), float(w), float(h)

    @property
    def area(self) -> float:
        """Number of pixels of the mask."""
        return float(np.count_nonzero(self.mask))


def scene(
    rng: np.random.Generator, image_hw: tuple[int, int], most_people: int = 3
) -> tuple[np.ndarray, tuple[Drawn, ...]]:
    """Draw a scene.

    Args:
        rng: Source of randomness.
        image_hw: Height and width in pixels.
        most_people: Largest number of people, 1 to 3.

    Returns:
        The picture (h, w, 3) uint8 RGB and its people, far to near.
    """
    count = min(int(rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2])), most_people)
    while True:
        image = background(rng, image_hw)
        # smaller people are farther away, so they are painted first
        statures = np.sort(rng.uniform(95, (260, 215, 180)[count - 1], count))
        people = _placed(rng, np.minimum(statures, 0.9 * image_hw[0]), image_hw)
        labels = np.zeros(image_hw, np.uint8)
        own_labels = []
        for i, figure in enumerate(people):
            own = paint(image, figure)
            np.copyto(labels, own + np.uint8(i * _STEP), where=own > 0)
            own_labels.append(own)
        for figure in people:
            if rng.random() < 0.15:
                _cover(rng, image, labels, figure)
        drawn = tuple(
            Drawn(_keypoints(figure, labels, i * _STEP), own > 0)
            for i, (figure, own) in enumerate(zip(people, own_labels, strict=True))
        )
        # if the border cuts off too much of a person, another scene is drawn
        if all(np.count_nonzero(person.keypoints[:, 2]) >= MIN_LABELLED for person in drawn):
            return photographed(rng, image), drawn


def write_people(
    directory: Path,
    people: int,
    seed: int,
    *,
    image_hw: tuple[int, int] = (288, 384),
    progress: Callable[[int], None] | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw a data set: DIR/images/*.jpg and DIR/person_keypoints.json.

    Args:
        directory: The folder to write.
        people: Number of people, exact.
        seed: Seed, 0 or more.
        image_hw: Height and width of the images in pixels, at least 128 each.
        progress: Called after each image with the number of people so far.
        overwrite: Whether to replace a set that was drawn before.

    Returns:
        The path of the annotations, which are written last: a set that has them is complete.

    Raises:
        ValueError: If a number is out of range, a set exists already, or the folder holds files of others.
    """
    directory = Path(directory)
    annotations_path = directory / "person_keypoints.json"
    if people < 1:
        raise ValueError(f"{people} people were requested, expected at least 1")
    if seed < 0:
        raise ValueError(f"seed is {seed}, expected 0 or more")
    if min(image_hw) < 128:
        raise ValueError(f"image_hw is {image_hw}, expected at least 128 each: people would be too small to see")
    _make_room(directory, annotations_path, overwrite=overwrite)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    while len(annotations) < people:
        image_id = len(images) + 1
        image, drawn = scene(np.random.default_rng((seed, image_id)), image_hw, people - len(annotations))
        name = f"{image_id:012d}.jpg"
        write_whole(directory / "images" / name, encode_image(image, ".jpg", 90))
        images.append(image_entry(image_id, name, image_hw))
        for person in drawn:
            number = len(annotations) + 1
            annotations.append(annotation(number, image_id, person.keypoints, person.box_xywh, person.area))
        if progress:
            progress(len(annotations))
    write(annotations_path, COCO17, images, annotations, f"{_DESCRIPTION}, seed {seed}")
    (directory / _UNFINISHED).unlink()
    return annotations_path


def _make_room(directory: Path, annotations_path: Path, *, overwrite: bool) -> None:
    """Remove the annotations of a drawn set that may be replaced; raise ValueError for anything not drawn here."""
    if annotations_path.exists():
        if not overwrite:
            raise ValueError(f"{annotations_path}: exists already; remove the folder or choose another one")
        with open(annotations_path, "rb") as file:
            if _DESCRIPTION.encode() not in file.read(300):
                raise ValueError(f"{annotations_path}: was not drawn by poseport; choose another folder")
        (directory / _UNFINISHED).touch()
        annotations_path.unlink()
    images = directory / "images"
    if images.exists() and any(images.iterdir()) and not (directory / _UNFINISHED).exists():
        raise ValueError(f"{images}: holds files that poseport did not draw; choose another folder")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _UNFINISHED).touch()


def _placed(rng: np.random.Generator, statures: np.ndarray, image_hw: tuple[int, int]) -> list[Figure]:
    """Place figures at random with limited overlap, because a person behind another is of little use in training."""
    people: list[Figure] = []
    for stature in statures:
        figure = random_figure(rng, float(stature))
        at_border, allowed = rng.random() < 0.13, (0.4 if rng.random() < 0.2 else 0.12)
        tries = [figure.moved(*_offset(rng, figure, image_hw, at_border)) for _ in range(8)]
        overlap = [max([_overlap(one, other) for other in people], default=0.0) for one in tries]
        fitting = [one for one, shared in zip(tries, overlap, strict=True) if shared <= allowed]
        people.append(fitting[0] if fitting else tries[int(np.argmin(overlap))])
    return people


def _offset(
    rng: np.random.Generator, figure: Figure, image_hw: tuple[int, int], at_border: bool
) -> tuple[float, float]:
    left, top, right, bottom = figure.extent
    # bounds of a person larger than the image are the other way round, so that both ends are cut off
    dx = rng.uniform(*_ordered(2.0 - left, image_hw[1] - 3.0 - right))
    dy = rng.uniform(*_ordered(2.0 - top, image_hw[0] - 3.0 - bottom))
    if at_border:
        cut, edge = rng.uniform(0.1, 0.4), rng.choice(["bottom", "left", "right", "top"], p=[0.4, 0.25, 0.25, 0.1])
        if edge in ("bottom", "top"):
            dy = image_hw[0] - bottom + cut * (bottom - top) if edge == "bottom" else -top - cut * (bottom - top)
        else:
            dx = image_hw[1] - right + cut * (right - left) if edge == "right" else -left - cut * (right - left)
    return dx, dy


def _ordered(a: float, b: float) -> tuple[float, float]:
    return min(a, b), max(a, b)


def _overlap(a: Figure, b: Figure) -> float:
    """Shared area of the boxes around both people's keypoints, as a share of the smaller box."""
    low = np.stack([a.keypoints_xy.min(axis=0), b.keypoints_xy.min(axis=0)])
    high = np.stack([a.keypoints_xy.max(axis=0), b.keypoints_xy.max(axis=0)])
    shared = np.clip(high.min(axis=0) - low.max(axis=0), 0, None).prod()
    return float(shared / (high - low).prod(axis=1).min())


def _keypoints(figure: Figure, labels: np.ndarray, first: int) -> np.ndarray:
    """Keypoints (17, 3) of a person; `labels` is (h, w) of the finished scene, `first` the offset of its own labels."""
    h, w = labels.shape
    out = np.zeros((len(COCO17), 3))
    for k, name in enumerate(COCO17.names):
        x, y = np.round(figure.keypoints_xy[k], 2)
        if not figure.known[k] or not (0 <= x <= w - 1 and 0 <= y <= h - 1):
            continue
        label = int(labels[round(y), round(x)]) - first
        out[k] = x, y, 2 if 0 < label < _STEP and shows(figure, name, label) else 1
    return out


def _cover(rng: np.random.Generator, image: np.ndarray, labels: np.ndarray, figure: Figure) -> None:
    """Paint a box or a bar over a place of the body, in the image and in the labels."""
    x, y = figure.keypoints_xy[rng.integers(5, len(COCO17))]
    size = float(np.ptp(figure.keypoints_xy[:, 1]))
    colour = rng.uniform(20, 235, 3).tolist()
    thin, long = size * rng.uniform(0.04, 0.09), size * rng.uniform(0.1, 0.45)
    half = np.array((thin, long) if rng.random() < 0.5 else (1.6 * thin, 1.6 * thin))
    corners = cv2.boxPoints(((float(x), float(y)), tuple((2 * half).tolist()), float(rng.uniform(-90, 90))))
    outline = np.rint(corners).astype(np.int32)
    cv2.fillConvexPoly(image, outline, colour, cv2.LINE_AA)
    cv2.polylines(image, [outline], True, [0.6 * c for c in colour], 1, cv2.LINE_AA)
    cv2.fillConvexPoly(labels, outline, (_OBJECT,), cv2.LINE_8)
