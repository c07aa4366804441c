"""Compare the boxes of a converted person detector with those of the network that it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poseport import pose
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.people import centers
from poseport.people.detector import CenterDetector
from poseport.people.detector_spec import DetectorSpec

# a file that loses a tenth of its network's people, or finds as many others, is not that network
LEAST_FOUND = 0.9

Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class BoxParity:
    """How far the boxes of a file are from those of its network.

    Attributes:
        photos: Number of photos compared.
        people: Number of people that the network finds.
        found: Number of them that the file finds at an intersection over union of 0.5, at half the threshold or more.
        extra: Number of people that only the file finds, and the network not even at half the threshold.
        iou: Mean intersection over union of the boxes found by both; None if there are none.
    """

    photos: int
    people: int
    found: int
    extra: int
    iou: float | None

    @property
    def passed(self) -> bool | None:
        """Whether the file is that network; None if the network finds nobody, so that nothing was compared."""
        if not self.people:
            return None
        return self.found >= LEAST_FOUND * self.people and self.extra <= (1 - LEAST_FOUND) * self.people

    @property
    def text(self) -> str:
        """The counts as a clause."""
        overlap = "" if self.iou is None else f", mean overlap {self.iou:.3f}"
        return (
            f"finds {self.found} of the {self.people} people that the network finds in {self.photos} photos, and "
            f"{self.extra} others{overlap}"
        )


def compare(
    spec: DetectorSpec,
    network: Network,
    file: CenterDetector,
    persons: Sequence[Person],
    progress: Callable[[int], None] | None = None,
) -> BoxParity:
    """Compare the boxes of a network with those of a file on the photos of some people.

    Args:
        spec: The detector's spec.
        network: Maps a picture (H, W, 3) uint8 RGB that `centers.letterbox` made to an output (h, w, 5).
        file: The converted file.
        persons: People whose photos are used, each photo once.
        progress: Called with 1 for each photo.

    Returns:
        The comparison.

    Raises:
        ValueError: If a photo cannot be read.
    """
    people = found = extra = 0
    overlaps: list[float] = []
    # a score that rounding moves across the threshold is no other person
    lenient = replace(spec, threshold=spec.threshold / 2)
    shown = list({p.image_path: p for p in persons}.values())
    for person in shown:
        picture, matrix = centers.letterbox(read_image(person.image_path, person.image_hw), spec.input_hw)
        output, theirs = network(picture), file.output(picture)
        (wanted, _), (got, _) = (centers.decode(spec, one, matrix) for one in (output, theirs))
        (unsure, _), (found_unsure, _) = (centers.decode(lenient, one, matrix) for one in (output, theirs))
        best = centers.iou(wanted, found_unsure).max(axis=1, initial=0)
        people, found = people + len(wanted), found + int((best >= 0.5).sum())
        extra += len(got) - int((centers.iou(got, unsure).max(axis=1, initial=0) >= 0.5).sum())
        overlaps += best[best >= 0.5].tolist()
        if progress is not None:
            progress(1)
    return BoxParity(len(shown), people, found, extra, float(np.mean(overlaps)) if overlaps else None)


def keras_network(spec: DetectorSpec, model: Any) -> Network:
    """Make the function that `compare` takes of a Keras network.

    Args:
        spec: Its spec.
        model: The Keras model.

    Returns:
        The function.
    """
    return lambda picture: np.asarray(model(pose.normalise(spec, picture[None]), training=False))[0]
