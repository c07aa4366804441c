"""One drawn person: keypoints on their own limbs, and what tells left from right."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from poseport.data.drawn.figure import paint, random_figure, shows
from poseport.skeletons import COCO17

LEFT, RIGHT = COCO17.index("left_shoulder"), COCO17.index("right_shoulder")


def test_left_is_on_the_right_of_a_front_view_and_on_the_left_of_a_back_view() -> None:
    rng = np.random.default_rng(0)
    for facing, sign in (("front", 1), ("back", -1)):
        figures = [random_figure(rng, 200, facing) for _ in range(30)]  # type: ignore[arg-type]
        across = np.array([sign * (f.keypoints_xy[LEFT] - f.keypoints_xy[RIGHT])[0] for f in figures])
        assert np.mean(across > 0) > 0.95
        nose = np.array([f.known[COCO17.index("nose")] for f in figures])
        assert nose.mean() > 0.95 if facing == "front" else not nose.any()


def test_profiles_look_both_ways() -> None:
    rng = np.random.default_rng(1)
    figures = [random_figure(rng, 200, "side") for _ in range(30)]
    ears = np.array([f.known[[COCO17.index("left_ear"), COCO17.index("right_ear")]] for f in figures])
    assert (ears.sum(axis=1) >= 1).all()
    assert 5 < ears[:, 0].sum() < 28
    assert 5 < ears[:, 1].sum() < 28


@pytest.mark.parametrize("seed", range(6))
def test_keypoints_lie_on_their_own_limbs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    figure = random_figure(rng, 220).moved(200, 180)
    image = np.full((420, 400, 3), 128, np.uint8)
    labels = paint(image, figure)
    seen = 0
    for name, known, (x, y) in zip(COCO17.names, figure.known, figure.keypoints_xy, strict=True):
        label = int(labels[round(y), round(x)])
        if known and shows(figure, name, label):
            seen += 1
            near = image[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].astype(int)
            assert np.abs(near - 128).max() > 12, f"{name} is not painted"
        if name.endswith(("wrist", "ankle", "knee", "elbow")):
            assert label > 0, f"{name} lies beside the person"
    assert seen >= 8
    assert ((image != 128).any(axis=2) & (labels == 0)).sum() < 0.15 * (labels > 0).sum()


def test_eyes_are_painted_exactly_where_they_are_said_to_be() -> None:
    """The dark pupil's centre of mass, on a face as large as a photograph's."""
    figure = random_figure(np.random.default_rng(2), 2000, "front").moved(1000, 1500)
    image = np.full((2400, 2000, 3), 128, np.uint8)
    paint(image, figure)
    for name in ("left_eye", "right_eye"):
        x, y = figure.keypoints_xy[COCO17.index(name)]
        left, top = round(x) - 24, round(y) - 24
        window = image[top : top + 49, left : left + 49]
        dark = (window.max(axis=2) < 45).astype(np.uint8)
        _, parts, _, centres = cv2.connectedComponentsWithStats(dark)
        found = centres[parts[24, 24]] + (left, top)
        assert parts[24, 24] > 0
        assert np.abs(found - (x, y)).max() < 0.3
