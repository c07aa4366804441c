"""Following one person: where the next picture is searched, and when the person is lost."""

from __future__ import annotations

import numpy as np
import pytest

from poseport import crop
from poseport.people import track

HW = (480, 640)


def standing(score: float = 0.9) -> np.ndarray:
    """Four keypoints at the corners of a person of 100 x 300 pixels."""
    return np.array([[200, 100, score], [300, 100, score], [200, 400, score], [300, 400, score]])


def test_the_box_is_around_the_keypoints_and_larger() -> None:
    box = track.follow(standing(), HW)
    assert box is not None
    # 301 pixels high and 101 wide, enlarged by a quarter; and never narrower than half its height
    np.testing.assert_allclose(box[2:], [1.25 * 301 / 2, 1.25 * 301])
    np.testing.assert_allclose(box[:2] + (box[2:] - 1) / 2, [250, 250])


def test_what_was_seen_stays_inside_the_next_crop() -> None:
    box = track.follow(standing(), HW)
    assert box is not None
    seen = crop.move_points(standing()[:, :2], crop.crop_matrix(box, (192, 192), 1.0))
    assert ((seen > 0) & (seen < 191)).all()


@pytest.mark.parametrize(
    "lost",
    [
        standing(0.1),
        standing() * [0.01, 0.01, 1],
        standing() - [400, 0, 0],
        standing() * [20, 20, 1],
        standing() * [np.nan, 1, 1],
    ],
    ids=["unsure", "fell together", "outside", "huge", "no numbers"],
)
def test_lost(lost: np.ndarray) -> None:
    assert track.follow(lost, HW) is None


def test_unsure_keypoints_do_not_count() -> None:
    with_outlier = np.concatenate([standing(), [[630, 20, 0.05]]])
    np.testing.assert_array_equal(track.follow(with_outlier, HW), track.follow(standing(), HW))


def test_the_whole_picture_is_a_box() -> None:
    np.testing.assert_array_equal(track.whole(HW), [0, 0, 640, 480])
