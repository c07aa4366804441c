"""Films of drawn people who move, with the exact keypoints of every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from poseport.data.drawn.figure import Figure, paint, random_figure
from poseport.data.drawn.scenery import background

HW = (360, 480)
WIDE = (360, 640)


def film(seed: int, frames: int, stature_px: float = 260.0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames (h, w, 3) uint8 RGB with keypoints (17, 2).

    For 1 s the person stands, then walks across the picture for 1.5 s while limbs go from one pose to another, then
    stands again (30 frames a second).
    """
    rng = np.random.default_rng(seed)
    scene = background(rng, HW)
    wardrobe = int(rng.integers(1 << 30))
    start = random_figure(np.random.default_rng(wardrobe), stature_px, "front")
    for i in range(frames):
        share = float(np.clip((i - 30) / 45, 0, 1))
        way = 0.5 - 0.5 * np.cos(np.pi * share)  # begins and ends slowly
        person = _bent(start, 0.25 * way).moved(150 + 180 * way, 170)
        canvas = scene.copy()
        paint(canvas, person)
        noise = rng.normal(0, 4, canvas.shape)  # a camera's noise, other in every frame
        yield np.clip(canvas + noise, 0, 255).astype(np.uint8), person.keypoints_xy


def crowd(seed: int, frames: int, people: int = 3) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Frames (h, w, 3) uint8 RGB with keypoints (N, 17, 2) and the share (N,) of each person's pixels that is seen.

    People walk from side to side, each at an own pace, behind and in front of each other, and lean as they go.
    """
    rng = np.random.default_rng(seed)
    scene = background(rng, WIDE)
    walkers = [random_figure(rng, 190 + 25 * i, "front") for i in range(people)]
    pace, phase = rng.uniform(0.02, 0.045, people), rng.permutation(people) * 2 * np.pi / people + rng.uniform(0, 1)
    for frame in range(frames):
        canvas, labels, painted, keypoints = scene.copy(), np.zeros(WIDE, np.uint8), [], []
        for i, walker in enumerate(walkers):
            way = np.sin(phase[i] + pace[i] * frame)
            person = _bent(walker, 0.12 * np.sin(4 * pace[i] * frame)).moved(320 + 240 * way, 165 + 10 * i)
            mask = paint(canvas, person) > 0
            labels[mask] = i + 1
            painted.append(np.count_nonzero(mask))
            keypoints.append(person.keypoints_xy)
        shown = np.array([np.count_nonzero(labels == i + 1) / max(size, 1) for i, size in enumerate(painted)])
        noise = rng.normal(0, 4, canvas.shape)
        yield np.clip(canvas + noise, 0, 255).astype(np.uint8), np.stack(keypoints), shown


def _bent(figure: Figure, share: float) -> Figure:
    """Lean a figure: everything moves sideways by a share of its height above the hips, and shrinks in height."""
    matrix = np.array([[1.0, -share], [0.0, 1.0 - 0.3 * share]])
    parts = tuple(
        replace(part, circles=np.column_stack([part.circles[:, :2] @ matrix.T, part.circles[:, 2]]))
        for part in figure.parts
    )
    return replace(figure, keypoints_xy=figure.keypoints_xy @ matrix.T, parts=parts)
