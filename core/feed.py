"""People -> batches of crops, read ahead by threads. Calibration, validation and the bench all eat from here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from poseport import pose
from poseport.coco import Person
from poseport.images import read_image
from poseport.spec import PoseSpec


@dataclass(frozen=True, eq=False)
class Batch:
    """persons: n of them; crops: (n, H, W, 3) uint8 RGB; matrices: (n, 2, 3), image to input pixels."""

    persons: tuple[Person, ...]
    crops: np.ndarray
    matrices: np.ndarray


def crop_person(spec: PoseSpec, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Crop (H, W, 3) uint8 and matrix (2, 3) of one annotated person."""
    return pose.preprocess(spec, read_image(person.image_path, person.image_hw), np.asarray(person.box_xywh))


def batches(spec: PoseSpec, persons: Sequence[Person], batch: int = 16, threads: int = 1) -> Iterator[Batch]:
    """Crops in the order of `persons`, at most 2 x threads + 2 batches ahead of the consumer.

    Memory does not grow with the number of people. An unreadable image raises ValueError that names it.
    """
    cv2.setNumThreads(1)  # one thread a crop: OpenCV's own pool only gets in the way of ours

    def work(some: Sequence[Person]) -> Batch:
        crops, matrices = zip(*(crop_person(spec, person) for person in some), strict=True)
        return Batch(tuple(some), np.stack(crops), np.stack(matrices))

    chunks = [persons[i : i + batch] for i in range(0, len(persons), batch)]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="crops")
    try:
        waiting: deque[Future[Batch]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 2 * threads + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
