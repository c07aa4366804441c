"""A film of a drawn person that Chromium takes for its camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from poseport.data.drawn import synth

SEED = 13  # of a person whose 17 keypoints tiny-float32 is sure of in every picture


def frames(hw: tuple[int, int] = (360, 480)) -> list[np.ndarray]:
    """A drawn person who moves to the right and back: RGB pictures."""
    image, _ = synth.scene(np.random.default_rng(SEED), hw, 1)
    steps = [*range(0, 24, 3), *range(24, 0, -3)]
    moved = (np.float32([[1, 0, step], [0, 1, 0]]) for step in steps)
    return [cv2.warpAffine(image, m, hw[::-1], borderMode=cv2.BORDER_REFLECT) for m in moved]


def write_film(path: Path, pictures: list[np.ndarray]) -> Path:
    """Write RGB pictures of even sides as an uncompressed .y4m film of 30 pictures per second."""
    height, width = pictures[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420\n".encode())
        for picture in pictures:
            file.write(b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path
