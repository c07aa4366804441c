"""The record of whole pictures: every sample of the time from a picture to everyone's keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from poseport.bench.accuracy_record import MAX_PEOPLE
from poseport.bench.latency_record import STEADY, check_times


@dataclass(frozen=True)
class Pictures:
    """Time per picture, in microseconds and in the order of the measurement.

    Attributes:
        kind: Distinguishes the kinds of record in a file.
        input: The set whose pictures were timed.
        detector: File name of the person detector.
        detector_sha256: Digest of the detector's file.
        load_us: Time from both files to ready interpreters.
        first_us: The first picture, before the warm-up.
        warmup: Number of pictures before the timed ones.
        names: File names of the pictures.
        picture: Per sample, the index of its picture in `names`.
        boxes: Per sample, the number of boxes that the pose network looked at.
        people: Per sample, the number of people that were found: the boxes without those of one person found again,
            and without unsure finds.
        detect_us: Per sample, the detector: letterbox, network and its decoding.
        people_us: Per sample, what follows: crops, pose network, decoding, and joining the finds of one person.
        before_bytes: Memory of the process before the files were loaded, or None.
        peak_bytes: Highest memory of the process, or None.
        repeats: Number of samples of each of several fresh processes, in order.
    """

    kind: Literal["pictures"]
    input: str
    detector: str
    detector_sha256: str
    load_us: float
    first_us: float
    warmup: int
    names: tuple[str, ...]
    picture: tuple[int, ...]
    boxes: tuple[int, ...]
    people: tuple[int, ...]
    detect_us: tuple[float, ...]
    people_us: tuple[float, ...]
    before_bytes: int | None
    peak_bytes: int | None
    repeats: tuple[int, ...]

    def __post_init__(self) -> None:
        check_times("detect_us", self.detect_us)
        check_times("people_us", self.people_us)
        samples = [len(v) for v in (self.picture, self.boxes, self.people, self.detect_us, self.people_us)]
        if len(set(samples)) > 1:
            raise ValueError(
                f"picture, boxes, people, detect_us and people_us: {samples} samples; expected the same number"
            )
        if not self.repeats or min(self.repeats) < 1 or sum(self.repeats) != samples[0]:
            raise ValueError(f"repeats: {list(self.repeats)} do not add up to {samples[0]} samples")
        if min(self.picture) < 0 or max(self.picture) >= len(self.names):
            raise ValueError(f"picture: expected 0 to {len(self.names) - 1}, one of {len(self.names)} names")
        if max(self.boxes) > MAX_PEOPLE:
            raise ValueError(f"boxes: {max(self.boxes)} is out of range; expected 0 to {MAX_PEOPLE}")
        if any(not 0 <= found <= looked for found, looked in zip(self.people, self.boxes, strict=True)):
            raise ValueError("people: more were found than there were boxes; expected at most as many")

    @property
    def whole_ms(self) -> np.ndarray:
        """The time of each sample in milliseconds."""
        return np.add(self.detect_us, self.people_us) / 1e3

    @property
    def is_steady(self) -> bool:
        """Whether the processes agree: the medians of each picture's time, averaged, are within 5 % of each other."""
        processes = np.repeat(np.arange(len(self.repeats)), self.repeats)
        shared = set.intersection(*(set(np.array(self.picture)[processes == p]) for p in range(len(self.repeats))))
        if not shared:
            return False
        index, whole = np.array(self.picture), self.whole_ms
        means = [
            np.mean([np.median(whole[(processes == p) & (index == one)]) for one in sorted(shared)])
            for p in range(len(self.repeats))
        ]
        return bool(max(means) <= (1 + STEADY) * min(means))
