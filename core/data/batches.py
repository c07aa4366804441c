"""Batches of crops for calibration, validation and benchmarking, read ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from poseport import pose
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.spec import PoseSpec


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops of some people. Each person has one crop, or B crops where B boxes were given.

    Attributes:
        persons: n people.
        crops: (n, H, W, 3) or (n x B, H, W, 3) uint8 RGB.
        matrices: (n, 2, 3) or (n x B, 2, 3), from image to input pixels.
    """

    persons: tuple[Person, ...]
    crops: np.ndarray
    matrices: np.ndarray


def crop_boxes(
    spec: PoseSpec,
    person: Person,
    boxes_xywh: np.ndarray,
    read: Callable[[Path, tuple[int, int]], np.ndarray] = read_image,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Crop several boxes from a person's image, which is read once.

    Args:
        spec: Gives input size and padding.
        person: The person.
        boxes_xywh: (B, 4) in image pixels.
        read: Reads an image of a height and width.

    Returns:
        B crops (H, W, 3) uint8 RGB and their matrices (2, 3).

    Raises:
        ValueError: If the image cannot be read.
    """
    image = read(person.image_path, person.image_hw)
    return [pose.preprocess(spec, image, box) for box in boxes_xywh]


def batches(
    spec: PoseSpec,
    persons: Sequence[Person],
    batch: int = 16,
    threads: int = 1,
    boxes_xywh: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Yield crops of people in their order, at most 2 x threads + 2 batches ahead of the consumer.

    Memory does not grow with the number of people.

    Args:
        spec: Gives input size and padding.
        persons: N people.
        batch: People per batch.
        threads: Threads that read and crop images.
        boxes_xywh: (N, B, 4) boxes to crop; None takes each person's own box.

    Yields:
        The batches.

    Raises:
        ValueError: If an image cannot be read; the message names it.
    """
    cv2.setNumThreads(1)  # one thread per crop; OpenCV's own pool would compete with this one
    read = lru_cache(threads + 1)(read_image)  # people of the same photo often follow each other
    boxes = np.array([p.box_xywh for p in persons])[:, None] if boxes_xywh is None else boxes_xywh

    def work(start: int) -> Batch:
        some, theirs = persons[start : start + batch], boxes[start : start + batch]
        pairs = [pair for person, own in zip(some, theirs, strict=True) for pair in crop_boxes(spec, person, own, read)]
        crops, matrices = zip(*pairs, strict=True)
        return Batch(tuple(some), np.stack(crops), np.stack(matrices))

    pool = ThreadPoolExecutor(threads, thread_name_prefix="crops")
    try:
        waiting: deque[Future[Batch]] = deque()
        for start in range(0, len(persons), batch):
            waiting.append(pool.submit(work, start))
            if len(waiting) > 2 * threads + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
