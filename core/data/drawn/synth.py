"""Drawn people whose keypoints are exactly known, as a COCO data set.

A scene is a textured background, one to three people from far to near, and now and then an object in
front of them. Image i of a set depends on (seed, i) alone: a longer set begins with the images of a
shorter one (its last image excepted, which may be given fewer people so that the total is exact).
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
from poseport.data.drawn.figure import SHIFT, Figure, blob_outline, paint, random_figure, shows
from poseport.data.images import encode_image
from poseport.records import write_whole
from poseport.skeletons import COCO17

MIN_LABELLED = 8
_DESCRIPTION = "people drawn by poseport"
# stands in the folder as long as its annotations are not written
_UNFINISHED = "synth.unfinished"
_OBJECT, _STEP = 255, 64  # labels of a scene: an object's, and the first label of each further person
_CLUTTER = np.array([(226, 178, 142), (150, 98, 66), (60, 70, 110), (180, 60, 50), (40, 40, 40), (210, 210, 200)])


@dataclass(frozen=True, eq=False)
class Drawn:
    """A person of a scene.

    keypoints: (17, 3) x, y in px and COCO's visibility; an unlabelled one is (0, 0, 0).
    mask: (h, w) bool, the person's pixels in the image, those behind others included.
    """

    keypoints: np.ndarray
    mask: np.ndarray

    @property
    def box_xywh(self) -> tuple[float, float, float, float]:
        """The smallest box around the mask, in px."""
        x, y, w, h = cv2.boundingRect(self.mask.view(np.uint8))
        return float(x), float(y), float(w), float(h)

    @property
    def area(self) -> float:
        """Pixels of the mask."""
        return float(np.count_nonzero(self.mask))


def scene(
    rng: np.random.Generator, image_hw: tuple[int, int], most_people: int = 3
) -> tuple[np.ndarray, tuple[Drawn, ...]]:
    """One picture (h, w, 3) uint8 RGB and its 1 to `most_people` people, far to near."""
    count = min(int(rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2])), most_people)
    while True:
        image = _background(rng, image_hw)
        # the smaller, the farther away, the earlier painted
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
        # a person out of which the border cut too much: another scene
        if all(np.count_nonzero(person.keypoints[:, 2]) >= MIN_LABELLED for person in drawn):
            return _photographed(rng, image), drawn


def write_people(
    directory: Path,
    people: int,
    seed: int,
    *,
    image_hw: tuple[int, int] = (288, 384),
    progress: Callable[[int], None] | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw a data set of exactly `people` people: DIR/images/*.jpg and DIR/person_keypoints.json.

    progress: called after each image with the number of people so far.
    Returns the path of the annotations, which are written last: a set that has them is whole.
    Raises ValueError when there is a set already, unless `overwrite`, and for images or annotations of others.
    """
    directory = Path(directory)
    annotations_path = directory / "person_keypoints.json"
    if people < 1:
        raise ValueError(f"{people} people asked for, expected at least 1")
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
    """Remove the annotations of a drawn set that may be replaced; ValueError for anything that was not drawn here."""
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
    """Figures at random places; the overlap of two is limited, for a person behind another teaches little."""
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
    # a person larger than the image has its bounds the other way round: both ends of it stick out
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
    """Shared area of the boxes around both people's keypoints, as a part of the smaller box."""
    low = np.stack([a.keypoints_xy.min(axis=0), b.keypoints_xy.min(axis=0)])
    high = np.stack([a.keypoints_xy.max(axis=0), b.keypoints_xy.max(axis=0)])
    shared = np.clip(high.min(axis=0) - low.max(axis=0), 0, None).prod()
    return float(shared / (high - low).prod(axis=1).min())


def _keypoints(figure: Figure, labels: np.ndarray, first: int) -> np.ndarray:
    """(17, 3) of one person. labels: (h, w) of the finished scene; first: what its own labels were raised by."""
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
    """Paints a box or a bar over a place of the body, in the image and in the labels."""
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


def _background(rng: np.random.Generator, image_hw: tuple[int, int]) -> np.ndarray:
    """Soft gradients and blotches with clutter on them: boxes, ellipses, and bars as thick as limbs."""
    h, w = image_hw
    # mostly greyish, as rooms and streets are: a rainbow would tell clothes from background by hue alone
    base = rng.uniform(40, 215) + rng.normal(0, 22, 3) + rng.uniform(-40, 40, (3, 4, 1)) + rng.normal(0, 10, (3, 4, 3))
    blotches = rng.uniform(-1, 1, (h // 12, w // 12, 1)) * rng.uniform(5, 35) + rng.normal(0, 6, (h // 12, w // 12, 3))
    soft = cv2.resize(base, (w // 12, h // 12), interpolation=cv2.INTER_LINEAR) + blotches
    image = cv2.resize(np.clip(soft, 0, 255).astype(np.uint8), (w, h), interpolation=cv2.INTER_CUBIC)
    for _ in range(rng.integers(3, 12)):
        x, y = rng.uniform((0, 0), (w, h))
        colour = (_CLUTTER[rng.integers(len(_CLUTTER))] if rng.random() < 0.4 else rng.uniform(20, 235, 3)).tolist()
        kind = rng.integers(4)
        if kind == 0:
            width, height = rng.uniform(10, 90, 2)
            cv2.rectangle(image, (int(x), int(y)), (int(x + width), int(y + height)), colour, -1)
        elif kind == 1:
            axes = (int(rng.uniform(4, 35)), int(rng.uniform(4, 35)))
            cv2.ellipse(image, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        elif kind == 2:
            end = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
            cv2.line(image, (int(x), int(y)), end, colour, int(rng.integers(1, 4)), cv2.LINE_AA)
        else:
            radii, step = rng.uniform(3, 9, (2, 1)), rng.uniform(-60, 60, 2)
            bar = np.hstack([np.array([(x, y), (x + step[0], y + step[1])]), radii])
            cv2.fillConvexPoly(image, blob_outline(bar), colour, cv2.LINE_AA, SHIFT)
    return image


def _photographed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The same picture as a modest camera takes it: softer, brighter or darker, with noise."""
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.9))
    image = cv2.convertScaleAbs(image, alpha=rng.uniform(0.75, 1.15), beta=rng.uniform(0, 25))
    strength = int(rng.integers(1, 8))
    noise = rng.integers(0, 2 * strength + 1, image.shape, np.uint8)
    return cv2.subtract(cv2.add(image, noise), np.full_like(image, strength))
