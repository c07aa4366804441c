"""The record of accuracy: every prediction, its scores, and how the official evaluation matched it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from poseport.spec import DecodeMethod

OKS_THRESHOLDS = 10
# what `Accuracy.boxes` says of annotated boxes, and how it begins for those of a detector
ANNOTATED, DETECTIONS = "ground truth", "detections "
# more people than any annotated set has, and few enough for sums in 32-bit integers
MAX_PEOPLE = 10_000_000


@dataclass(frozen=True)
class Data:
    """The people that were measured.

    Attributes:
        file: Name of the annotations file.
        sha256: Digest of the annotations file.
        images_dir: Folder of the images.
        people: Number of people. With detected boxes: labelled people in the whole set.
        images: Number of images.
    """

    file: str
    sha256: str
    images_dir: str
    people: int
    images: int


@dataclass(frozen=True)
class Detections:
    """Predictions as the official evaluation matched them, in its order; enough to compute AP again.

    Attributes:
        image_ids: Ids of the evaluated images.
        ground_truths: Number of people that count, per image.
        image: Per prediction, the index of its image in `image_ids`.
        score: Per prediction, the score that ranks it.
        matched: Per prediction, bit t is set if it is matched at OKS threshold 0.5 + 0.05 t.
        ignored: Per prediction, bit t is set if it is ignored at that threshold.
    """

    image_ids: tuple[int, ...]
    ground_truths: tuple[int, ...]
    image: tuple[int, ...]
    score: tuple[float, ...]
    matched: tuple[int, ...]
    ignored: tuple[int, ...]

    def __post_init__(self) -> None:
        _same_length("image_ids and ground_truths", self.image_ids, self.ground_truths)
        _same_length("image, score, matched and ignored", self.image, self.score, self.matched, self.ignored)
        _within("image", self.image, len(self.image_ids) - 1)
        for name in ("matched", "ignored"):
            _within(name, getattr(self, name), 2**OKS_THRESHOLDS - 1)
        _within("ground_truths", self.ground_truths, MAX_PEOPLE)
        _within("the sum of ground_truths", [sum(self.ground_truths)], MAX_PEOPLE)


@dataclass(frozen=True)
class PersonSample:
    """One person's prediction.

    Attributes:
        image_id: Id of the image.
        annotation_id: Id of the annotation; 0 for a box of a detector.
        file_name: The image, below the folder of the images.
        box_xywh: The box that was cropped: left, top, width and height in image pixels.
        oks: Similarity with the person's labels, in [0, 1]; None without labels.
        keypoints: x, y in image pixels and score of each keypoint of the model's skeleton, flattened.
        errors_px: Distance to the label of each scored keypoint; None where it has no label.
        box_score: Score of a detector's box, or None.
    """

    image_id: int
    annotation_id: int
    file_name: str
    box_xywh: tuple[float, float, float, float]
    oks: float | None
    keypoints: tuple[float, ...]
    errors_px: tuple[float | None, ...]
    box_score: float | None = None


@dataclass(frozen=True)
class Accuracy:
    """Predictions of a file on a set of people, and their scores.

    Attributes:
        kind: Distinguishes the kinds of record in a file.
        data: The people that were measured.
        boxes: Description of the boxes that were cropped.
        flip: Whether outputs were averaged with those of the mirrored crops.
        keypoints: Names of the scored keypoints.
        metrics: Metric name -> value in [0, 1], or None if nobody could be scored.
        by_keypoint: Metric name -> value of each keypoint in `keypoints`.
        detections: The predictions as the official evaluation matched them.
        people: The prediction of each person.
        people_per_second: Speed of the prediction, or None.
        decoder: How heatmaps were decoded; None for the decoder of the model's spec.
    """

    kind: Literal["accuracy"]
    data: Data
    boxes: str
    flip: bool
    keypoints: tuple[str, ...]
    metrics: dict[str, float | None]
    by_keypoint: dict[str, tuple[float | None, ...]]
    detections: Detections
    people: tuple[PersonSample, ...]
    people_per_second: float | None
    decoder: DecodeMethod | None = None

    def __post_init__(self) -> None:
        if not self.people or not self.keypoints:
            raise ValueError("people or keypoints is empty; a score has at least one of each")
        _within("data.people", [self.data.people - 1], MAX_PEOPLE)
        images, numbers = set(self.detections.image_ids), len(self.people[0].keypoints)
        for person in self.people:
            _same_length("keypoints and errors_px", self.keypoints, person.errors_px)
            if person.image_id not in images:
                raise ValueError(f"people: image {person.image_id} is not among the evaluated images")
            if len(person.keypoints) != numbers or numbers % 3:
                raise ValueError(
                    f"people: {len(person.keypoints)} numbers of keypoints, expected {numbers - numbers % 3}"
                )
        for values in self.by_keypoint.values():
            _same_length("keypoints and by_keypoint", self.keypoints, values)

    @property
    def conditions(self) -> tuple[object, ...]:
        """What two comparable records share: people (their folder may have moved), crops and scoring."""
        data = self.data.file, self.data.sha256, self.data.people
        return data, self.boxes, self.flip, self.keypoints, self.decoder


def _same_length(what: str, *sequences: Collection[object]) -> None:
    lengths = [len(values) for values in sequences]
    if len(set(lengths)) > 1:
        raise ValueError(f"{what} have {', '.join(map(str, lengths))} entries; expected the same number")


def _within(what: str, values: Collection[int], highest: int) -> None:
    if values and not 0 <= min(values) <= max(values) <= highest:
        wrong = min(values) if min(values) < 0 else max(values)
        raise ValueError(f"{what}: {wrong} is out of range; expected 0 to {highest}")
