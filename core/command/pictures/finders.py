"""Who is looked for in a picture: everyone, one person, or the people in given boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poseport.command.pictures.sources import Picture, Source
from poseport.data.detections import read_boxes
from poseport.people import detector as detectors
from poseport.people.everyone import MOST_PEOPLE, Everyone, Found, least_score
from poseport.people.film import DETECT_EVERY, Film, Smoother
from poseport.people.follow import Follower
from poseport.people.tracks import Tracks
from poseport.scoring.score import person_scores
from poseport.tflite import shipped
from poseport.tflite.runner import Pose

# boxes of a file with a lower score are ignored
BOX_THRESHOLD = 0.5

Find = Callable[[Picture], Found]


@dataclass(frozen=True)
class Request:
    """What a user said about the people to find.

    Attributes:
        box: text of `--box`.
        detections: a COCO results file with boxes.
        category: category id of people in that file.
        detector: path or name of a person detector.
        threshold: boxes with a lower score are ignored, and so are finds of single pictures below it or `least_score`,
            whichever is lower; None takes that of the detector, or `BOX_THRESHOLD`.
        people: the largest number of people in a picture; None takes `MOST_PEOPLE`.
        track: whether people keep their numbers from frame to frame.
        smooth: whether keypoints are smoothed over the frames.
        detect_every: frames between two runs of the detector.
    """

    box: str | None = None
    detections: Path | None = None
    category: int = 1
    detector: str | None = None
    threshold: float | None = None
    people: int | None = None
    track: bool = True
    smooth: bool = True
    detect_every: int = DETECT_EVERY


def choose(pose: Pose, request: Request, source: Source) -> Find:
    """Choose the function that finds people.

    Args:
        pose: the network that finds keypoints.
        request: what the user said.
        source: where the pictures come from.

    Returns:
        The function. In a film it gives people their numbers and smooths their keypoints, as the request says.

    Raises:
        ValueError: if options exclude each other, or a file cannot be used.
    """
    if sum(given is not None for given in (request.box, request.detections, request.detector)) > 1:
        raise ValueError("--box, --detections and --detector exclude each other; give one of them")
    if request.people is not None and (request.box or request.detections):
        raise ValueError("--people bounds what is found, and the boxes are given; remove --people")
    find = _find(pose, request, source)
    if not (source.moving and request.track and request.smooth):
        return find
    smoother = Smoother(source.rate)
    return lambda picture: smoother(find(picture))


def _find(pose: Pose, request: Request, source: Source) -> Find:
    tracked = source.moving and request.track
    if request.box is not None:
        found = _at(pose, np.array([_box(request.box)]))
        return _numbered(pose, found) if tracked else found
    if request.detections is not None:
        found = _listed(pose, request, source.moving, source.photos)
        return _numbered(pose, found) if tracked else found
    if request.detector is None and request.people == 1:
        return _central(pose, source.moving)
    detect = detectors.load(request.detector or shipped.PERSON, pose.runner.threads, request.threshold)
    # a find scores no higher than its box: who asks for boxes that score lower wants their finds too
    unsure = least_score(pose.spec)
    if request.threshold is not None:
        unsure = min(unsure, request.threshold)
    everyone = Everyone(pose, pose.spec.skeleton, detect, request.people or MOST_PEOPLE, unsure)
    film = Film(everyone, request.detect_every)
    return lambda picture: (film if tracked else everyone)(picture.image)


def _numbered(pose: Pose, find: Find) -> Find:
    """Number the people whose boxes are given."""
    tracks = Tracks(np.array(pose.spec.skeleton.sigmas), sure=0.0)
    return lambda picture: tracks.step(find(picture), picture.image.shape[:2])


def _at(pose: Pose, boxes: np.ndarray) -> Find:
    return lambda picture: _found(boxes, pose(picture.image, boxes))


def _listed(pose: Pose, request: Request, moving: bool, photos: Sequence[Path]) -> Find:
    assert request.detections is not None
    threshold = BOX_THRESHOLD if request.threshold is None else request.threshold
    by_id = _read_boxes(request.detections, threshold, request.category)
    if not moving:
        _refuse_ambiguous(photos)

    def find(picture: Picture) -> Found:
        image_id = picture.index if moving else int(Path(picture.name).stem)
        boxes = by_id.get(image_id, np.zeros((0, 4)))
        return _found(boxes, pose(picture.image, boxes))

    return find


def _central(pose: Pose, moving: bool) -> Find:
    """One person without a detector: the one who fills the picture most, then the same in the frames that follow."""
    follower, number = Follower(pose), 0

    def find(picture: Picture) -> Found:
        nonlocal number
        current = follower if moving else Follower(pose)
        number += not current.known  # who was lost begins anew
        keypoints = current(picture.image)
        assert current.box is not None
        found = _found(current.box[None], keypoints)
        return replace(found, ids=np.array([number])) if moving else found

    return find


def _found(boxes: np.ndarray, keypoints: np.ndarray) -> Found:
    return Found(keypoints, boxes, person_scores(keypoints), np.ones(len(boxes)))


def _refuse_ambiguous(photos: Sequence[Path]) -> None:
    """Raise ValueError for photos whose names are not the image ids of --detections, each another one."""
    names: dict[int, str] = {}
    for photo in photos:
        if not (photo.stem.isascii() and photo.stem.isdigit()):
            raise ValueError(f"{photo}: --detections needs photos that are named by image id, like 000000000123.jpg")
        other = names.setdefault(int(photo.stem), photo.name)
        if other != photo.name:
            raise ValueError(f"{photo}: has the image id of {other}, so --detections does not tell them apart")


def _read_boxes(path: Path, threshold: float, category_id: int) -> dict[int, np.ndarray]:
    """Read a COCO results file: image id -> boxes (n, 4) of the people that score at least the threshold."""
    found: dict[int, list[tuple[float, ...]]] = {}
    for image_id, box, score in read_boxes(path, category_id):
        if score >= threshold and min(box[2:]) > 0:
            found.setdefault(image_id, []).append(box)
    return {image_id: np.array(boxes) for image_id, boxes in found.items()}


def _box(text: str) -> list[float]:
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise ValueError(f"--box {text!r}: expected x,y,width,height in pixels, for example 40,20,180,400")
    return values
