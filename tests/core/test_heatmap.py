"""Heatmaps: what is drawn is found again at continuous positions, at borders, and from logits."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_maps import HW, SIGMA, STRIDE, cells, points_inside, round_trip

from poseport import heatmap
from poseport.spec import Decode

METHODS = ("argmax", "quarter", "dark", "centroid", "oks", "seed")


def test_a_cell_is_the_centre_of_its_pixels() -> None:
    # stride 4: cell 0 covers pixels 0..3, whose centre is 1.5
    np.testing.assert_allclose(heatmap.cells_to_input(np.array([0.0, 1.0, 2.5]), 4), [1.5, 5.5, 11.5])
    np.testing.assert_allclose(heatmap.cells_to_input(np.array([0.0, 3.0]), 1), [0.0, 3.0])
    values = np.random.default_rng(0).uniform(-50, 300, (7, 2))
    np.testing.assert_allclose(heatmap.input_to_cells(heatmap.cells_to_input(values, 4), 4), values, atol=1e-12)


def test_encode_by_hand() -> None:
    # (13.5, 5.5) px is cell (3, 1); one cell to the side at sigma 1: exp(-1/2), diagonal exp(-1)
    maps = heatmap.encode(np.array([[13.5, 5.5], [15.5, 5.5]]), (6, 8), 4, 1.0)
    assert maps.shape == (6, 8, 2)
    assert maps.dtype == np.float32
    assert maps[1, 3, 0] == 1.0
    np.testing.assert_allclose([maps[1, 4, 0], maps[0, 3, 0], maps[2, 2, 0]], np.exp([-0.5, -0.5, -1.0]), rtol=1e-6)
    # centred on the continuous position 3.5, not on a rounded cell
    np.testing.assert_allclose(maps[1, 3:5, 1], np.exp(-0.125), rtol=1e-6)


def test_a_point_far_outside_leaves_an_empty_map() -> None:
    maps = heatmap.encode(np.array([[-500.0, 20.0]]), HW, STRIDE, 1.5)
    assert maps.max() == 0.0


def test_encode_has_no_denormal_numbers_and_is_the_formula_elsewhere() -> None:
    points = np.concatenate([points_inside(16, 3), [[-30.0, 70.0]]])
    maps = heatmap.encode(points, HW, STRIDE, 1.0)
    assert maps[maps > 0].min() > np.finfo(np.float32).tiny
    cells = heatmap.input_to_cells(points, STRIDE)
    v, u = np.mgrid[: HW[0], : HW[1]][..., None]
    exact = np.exp(-((u - cells[:, 0]) ** 2 + (v - cells[:, 1]) ** 2) / 2)
    np.testing.assert_allclose(maps, exact, atol=3e-7)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_dark_is_exact_without_noise(sigma: float) -> None:
    points = points_inside(2000, 1)
    found, scores = round_trip(points, Decode("dark"), sigma)
    assert np.abs(found - points).max() < 0.01
    assert scores.min() > np.exp(-0.25 / sigma**2) - 1e-6


def test_quarter_is_exact_where_its_rule_can_be() -> None:
    rng = np.random.default_rng(2)
    at = rng.integers(3, 36, (500, 2)) + rng.choice([-0.25, 0.0, 0.25], (500, 2))
    points = heatmap.cells_to_input(at, STRIDE)
    found, _ = round_trip(points, Decode("quarter"))
    assert np.abs(found - points).max() < 0.1


def test_quarter_is_never_further_than_a_quarter_of_a_cell() -> None:
    points = points_inside(2000, 3)
    found, _ = round_trip(points, Decode("quarter"))
    away = np.abs(found - points)
    assert away.max() <= 1.0 + 1e-6
    assert away.mean() < 0.55  # uniform in a cell: a quarter of the time at each distance up to 1 px


def test_argmax_is_never_further_than_half_a_cell() -> None:
    points = points_inside(2000, 4)
    found, _ = round_trip(points, Decode("argmax"))
    away = np.abs(found - points)
    assert away.max() <= 2.0 + 1e-6
    assert away.max() > 1.9  # and it is argmax: no sub-cell step
    assert np.allclose(heatmap.input_to_cells(found, STRIDE) % 1, 0)


def test_centroid_and_seed_are_near() -> None:
    points = points_inside(500, 5)
    centroid, _ = round_trip(points, Decode("centroid"), 1.0)
    assert np.linalg.norm(centroid - points, axis=1).max() < 1.0
    found, _ = round_trip(points[:100], Decode("seed"))
    assert np.abs(found - points[:100]).max() <= 2.0


@pytest.mark.parametrize("method", METHODS)
def test_x_is_not_y_and_people_do_not_mix(method: str) -> None:
    points = points_inside(6, 6).reshape(2, 3, 2)
    maps = np.stack([heatmap.encode(one, HW, STRIDE, 1.5) for one in points])
    found, scores = heatmap.decode(maps, Decode(method), STRIDE, oks_sigmas=[SIGMA] * 3)  # type: ignore[arg-type]
    assert found.shape == (2, 3, 2)
    assert scores.shape == (2, 3)
    assert np.abs(found - points).max() < 2.1


@pytest.mark.parametrize(
    "method", [Decode("seed"), Decode("oks"), Decode("dark", blur_cells=1.0)], ids=["seed", "oks", "dark"]
)
def test_sets_of_many_keypoints_are_smoothed_too(method: Decode) -> None:
    # COCO-WholeBody has 133 keypoints; OpenCV 5 takes images of at most 128 channels
    points = points_inside(133, 10)
    found, _ = round_trip(points, method)
    assert np.abs(found - points).max() <= 2.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("x", "y"), [(0, 0), (39, 0), (0, 47), (39, 47), (20, 0), (0, 20), (39, 20), (20, 47)])
def test_border_cells_stay_where_they_are(method: str, x: int, y: int) -> None:
    points = heatmap.cells_to_input(np.array([[x, y]], float), STRIDE)
    found, scores = round_trip(points, Decode(method))  # type: ignore[arg-type]
    # the centre of half a Gaussian's mass lies inside; the seed's pixel grid is half a cell coarse
    assert np.abs(found - points).max() <= {"centroid": 5.0, "oks": 5.0, "seed": 2.0}.get(method, 1e-3)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("method", ["quarter", "dark"])
def test_at_the_border_the_other_axis_is_still_refined(method: str) -> None:
    points = heatmap.cells_to_input(np.array([[0.0, 20.25], [20.25, 47.0]]), STRIDE)
    found, _ = round_trip(points, Decode(method))  # type: ignore[arg-type]
    np.testing.assert_allclose(found, points, atol=0.01)


def test_scores_are_clipped_to_1_and_0() -> None:
    _, scores = heatmap.decode(np.concatenate([cells((4, 3, 1.7)), cells() - 0.5], -1), Decode("argmax"), STRIDE)
    assert scores.tolist() == [[1.0, 0.0]]


def test_logits_of_the_target_distribution_peak_at_1() -> None:
    sigma = 1.5
    at = heatmap.cells_to_input(np.array([[20.0, 24.0], [11.0, 30.0]]), STRIDE)
    target = heatmap.encode(at, HW, STRIDE, sigma)[None].astype(np.float64)
    target /= target.sum(axis=(1, 2), keepdims=True)
    logits = np.log(target + 1e-30) + np.array([100.0, -700.0])  # softmax does not see a constant
    maps = heatmap.to_maps(logits, "logits", sigma)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps.max(axis=(1, 2)), 1.0, atol=1e-3)
    np.testing.assert_allclose(maps[0], heatmap.encode(at, HW, STRIDE, sigma), atol=1e-3)
    # half of the mass elsewhere: half the height
    split = np.where(np.arange(HW[1])[None, None, :, None] < 16, target[..., 1:], 0) + target[..., :1]
    halved = heatmap.to_maps(np.log(split / split.sum() + 1e-30), "logits", sigma)
    np.testing.assert_allclose(halved.max(), 0.5, atol=2e-3)


def test_a_flat_softmax_scores_next_to_nothing_and_a_spike_no_more_than_1() -> None:
    flat = heatmap.to_maps(np.zeros((1, *HW, 1), np.float32), "logits", 1.5)
    np.testing.assert_allclose(flat, 2 * np.pi * 2.25 / (HW[0] * HW[1]), rtol=1e-5)
    _, score = heatmap.decode(1000 * cells((4, 3, 1.0)), Decode("dark"), STRIDE, values="logits", sigma=1.5)
    assert score.tolist() == [[1.0]]


def test_arguments_are_not_modified() -> None:
    maps = heatmap.encode(points_inside(3, 9), HW, STRIDE, 1.5)[None]
    points = points_inside(3, 9)
    kept, before = maps.copy(), points.copy()
    for method in METHODS:
        decode = Decode(method, blur_cells=1.0)  # type: ignore[arg-type]
        heatmap.decode(maps, decode, STRIDE, oks_sigmas=[SIGMA] * 3)
    heatmap.to_maps(maps, "logits", 1.5)
    heatmap.encode(points, HW, STRIDE, 1.5)
    heatmap.input_to_cells(points, STRIDE)
    np.testing.assert_array_equal(maps, kept)
    np.testing.assert_array_equal(points, before)
