"""Drawn poses: where, in which colour, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from poseport import draw, heatmap
from poseport.skeleton import Skeleton
from poseport.skeletons import COCO17, MPII16

GREY = 100


def canvas(h: int = 120, w: int = 160) -> np.ndarray:
    return np.full((h, w, 3), GREY, np.uint8)


def person(**points: tuple[float, float, float]) -> np.ndarray:
    """(1, 17, 3): the named points of COCO17, every other with score 0."""
    out = np.zeros((1, len(COCO17), 3))
    for name, value in points.items():
        out[0, COCO17.index(name)] = value
    return out


def changed(image: np.ndarray) -> np.ndarray:
    return (image != GREY).any(axis=2)


def test_a_point_is_drawn_where_it_is_in_the_colour_of_its_side() -> None:
    left, right, middle = draw.SIDE_COLOURS
    for name, colour in (("left_wrist", left), ("right_wrist", right), ("nose", middle)):
        out = draw.skeleton_overlay(canvas(), person(**{name: (40, 30, 1)}), COCO17)
        assert tuple(out[30, 40]) == colour
        ys, xs = np.nonzero(changed(out))
        assert abs(xs.mean() - 40) < 0.1
        assert abs(ys.mean() - 30) < 0.1
        assert np.ptp(xs) < 12
        assert np.ptp(ys) < 12


def test_sub_pixel_points_move_the_drawing() -> None:
    whole = draw.skeleton_overlay(canvas(), person(nose=(40, 30, 1)), COCO17)
    half = draw.skeleton_overlay(canvas(), person(nose=(40.5, 30, 1)), COCO17)
    assert (whole != half).any()


def test_limbs_have_the_colour_of_their_side() -> None:
    pose = person(
        left_shoulder=(100, 20, 1), right_shoulder=(50, 20, 1), left_elbow=(100, 90, 1), right_elbow=(50, 90, 1)
    )  # fmt: skip
    out = draw.skeleton_overlay(canvas(), pose, COCO17)
    left, right, middle = draw.SIDE_COLOURS
    assert tuple(out[55, 100]) == left
    assert tuple(out[55, 50]) == right
    assert tuple(out[20, 75]) == middle
    swapped = draw.skeleton_overlay(canvas(), pose[:, COCO17.flip_index], COCO17)
    assert tuple(swapped[55, 100]) == right
    assert tuple(swapped[55, 50]) == left


def test_given_colours_are_used() -> None:
    out = draw.skeleton_overlay(canvas(), person(nose=(9, 9, 1)), COCO17, colours=((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    assert tuple(out[9, 9]) == (7, 8, 9)


def test_points_under_the_threshold_and_their_limbs_are_left_out() -> None:
    pose = person(left_shoulder=(30, 20, 0.9), left_elbow=(30, 90, 0.3))
    assert changed(draw.skeleton_overlay(canvas(), pose, COCO17, threshold=0.3))[55, 30]
    out = changed(draw.skeleton_overlay(canvas(), pose, COCO17, threshold=0.31))
    assert out[20, 30]
    assert not out[55, 30]
    assert not out[90, 30]
    assert not changed(draw.skeleton_overlay(canvas(), pose, COCO17, threshold=0.95)).any()


def test_arguments_are_not_modified() -> None:
    image, pose = canvas(), person(left_hip=(30, 20, 1), left_knee=(60, 70, 1))
    before = pose.copy()
    out = draw.skeleton_overlay(image, pose, COCO17)
    captioned = draw.caption(image, "text")
    assert changed(out).any()
    assert changed(captioned).any()
    assert not changed(image).any()
    assert (pose == before).all()
    assert out.dtype == captioned.dtype == np.uint8
    assert out.shape == captioned.shape == image.shape


@pytest.mark.parametrize("far", [(-50, 60), (1000, 60), (60, 1e12), (np.nan, 3), (np.inf, -np.inf), (-3.4e38, 0)])
def test_points_off_the_image_do_no_harm(far: tuple[float, float]) -> None:
    pose = person(left_shoulder=(80, 60, 1), left_elbow=(*far, 1))
    out = changed(draw.skeleton_overlay(canvas(), pose, COCO17))
    assert out[60, 80]
    if abs(far[0]) <= 1000 and far[1] == 60:
        # the limb is cut at the border, not bent: on the point's side of the row, nothing on the other
        toward, away = (40, 120) if far[0] < 0 else (120, 40)
        assert out[60, toward]
        assert not out[60, away]


def test_lines_grow_with_the_person_and_the_image() -> None:
    small = person(left_hip=(20, 20, 1), left_knee=(20, 60, 1))
    large = person(left_hip=(300, 100, 1), left_knee=(300, 1100, 1))
    big = canvas(1200, 1600)
    thin = changed(draw.skeleton_overlay(big, small, COCO17))[40].sum()
    thick = changed(draw.skeleton_overlay(big, large, COCO17))[600].sum()
    assert 1 <= thin <= 5 < thick


def test_nobody_and_another_skeleton() -> None:
    assert not changed(draw.skeleton_overlay(canvas(), np.zeros((0, 17, 3)), COCO17)).any()
    assert changed(draw.skeleton_overlay(canvas(), np.full((2, 16, 3), 50.0), MPII16))[50, 50]


@pytest.mark.parametrize(("shape", "skeleton"), [((1, 16, 3), COCO17), ((17, 3), COCO17), ((1, 17, 2), COCO17)])
def test_wrong_keypoints_are_refused(shape: tuple[int, ...], skeleton: Skeleton) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 17, 3\)"):
        draw.skeleton_overlay(canvas(), np.zeros(shape), skeleton)


def test_wrong_images_are_refused() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        draw.skeleton_overlay(np.zeros((9, 9, 3), np.float32), np.zeros((0, 17, 3)), COCO17)
    with pytest.raises(ValueError, match="expected uint8"):
        draw.beside([np.zeros((9, 9), np.uint8)])


def test_beside_pads_the_lower_image_with_black() -> None:
    out = draw.beside([canvas(10, 20), np.full((30, 5, 3), 200, np.uint8), canvas(30, 7)])
    assert out.shape == (30, 32, 3)
    assert (out[:10, :20] == GREY).all()
    assert (out[10:, :20] == 0).all()
    assert (out[:, 20:25] == 200).all()
    assert (out[:, 25:] == GREY).all()
    with pytest.raises(ValueError, match="at least one"):
        draw.beside([])


def test_caption_stays_at_the_top() -> None:
    out = changed(draw.caption(canvas(), "AP 0.62 " * 20))
    assert out[:8].any()
    assert not out[30:].any()
    assert draw.caption(canvas(4, 6), "text").shape == (4, 6, 3)
    assert (draw.caption(canvas(), "a") != draw.caption(canvas(), "b")).any()


def test_a_heatmap_glows_where_its_keypoint_is_in_the_colour_of_its_side() -> None:
    points = np.full((len(COCO17), 2), -100.0)
    points[COCO17.index("left_wrist")], points[COCO17.index("right_ankle")] = (41.5, 29.5), (121.5, 89.5)
    maps = heatmap.encode(points, (30, 40), 4, 1.0)
    out = draw.heatmap_overlay(canvas(), maps, COCO17)
    left, right, _ = draw.SIDE_COLOURS
    assert np.abs(out[29:31, 41:43] - np.array(left, float)).max() < 25
    assert np.abs(out[89:91, 121:123] - np.array(right, float)).max() < 25
    assert (out[0] == GREY // 3).all()
    weight = np.abs(out.astype(float) - GREY // 3).sum(axis=2)[:60, :80]
    ys, xs = np.mgrid[:60, :80]
    assert (xs * weight).sum() / weight.sum() == pytest.approx(41.5, abs=0.2)
    assert (ys * weight).sum() / weight.sum() == pytest.approx(29.5, abs=0.2)


def test_heatmaps_of_another_skeleton_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(H, W, 17\)"):
        draw.heatmap_overlay(canvas(), np.zeros((30, 40, 16)), COCO17)
