"""Each decoder of heatmaps against what its rule says by hand."""

from __future__ import annotations

import numpy as np
from drawn_maps import HW, STRIDE, cells, points_inside, round_trip

from poseport import heatmap
from poseport.spec import Decode


def test_argmax_takes_the_first_of_equals() -> None:
    found, score = heatmap.argmax(cells((4, 2, 0.5), (3, 2, 0.5), (1, 7, 0.5)))
    assert found.tolist() == [[[3.0, 2.0]]]
    assert score.tolist() == [[0.5]]


def test_quarter_by_hand() -> None:
    found, score = heatmap.quarter(cells((4, 3, 1.0), (5, 3, 0.4), (3, 3, 0.3), (4, 2, 0.2), (4, 4, 0.1)))
    assert found.tolist() == [[[4.25, 2.75]]]
    assert score.tolist() == [[1.0]]
    equal, _ = heatmap.quarter(cells((4, 3, 1.0), (5, 3, 0.4), (3, 3, 0.4)))
    assert equal.tolist() == [[[4.0, 3.0]]]


def test_dark_by_hand() -> None:
    # log map 0 in the middle, -1 left, -3 right: g = -1, h = -4, step -1/4; the same up and down, no mixed term
    e = np.exp
    one = cells((4, 3, 1.0), (3, 3, e(-1)), (5, 3, e(-3)), (4, 2, e(-2)), (4, 4, e(-2)))
    for dx, dy, value in ((-1, -1, -3), (1, -1, -5), (-1, 1, -3), (1, 1, -5)):
        one[0, 3 + dy, 4 + dx, 0] = e(value)
    found, _ = heatmap.dark(one)
    np.testing.assert_allclose(found, [[[3.75, 3.0]]], atol=1e-6)


def test_dark_uses_the_mixed_term() -> None:
    # a tilted Gaussian is no product of two: without the mixed derivative the step would be wrong
    centre, precision = np.array([5.3, 4.2]), np.array([[0.5, 0.3], [0.3, 0.6]])
    ys, xs = np.indices((9, 11))
    d = np.stack([xs, ys], -1) - centre
    one = np.exp(-0.5 * np.einsum("yxi,ij,yxj->yx", d, precision, d)).astype(np.float32)
    found, _ = heatmap.dark(one[None, ..., None])
    np.testing.assert_allclose(found[0, 0], centre, atol=1e-4)


def test_dark_between_two_equal_cells() -> None:
    points = heatmap.cells_to_input(np.array([[10.5, 12.0], [10.0, 12.5], [10.5, 12.5]]), STRIDE)
    found, _ = round_trip(points, Decode("dark"))
    np.testing.assert_allclose(found, points, atol=0.01)


def test_dark_takes_no_step_on_a_map_that_is_not_peaked() -> None:
    flat, _ = heatmap.dark(np.full((1, 9, 11, 1), 0.3, np.float32))
    assert flat.tolist() == [[[0.0, 0.0]]]
    empty, score = heatmap.dark(cells())
    assert empty.tolist() == [[[0.0, 0.0]]]
    assert score.tolist() == [[0.0]]
    ridge, _ = heatmap.dark(cells(*((x, 4, 1.0) for x in range(11))))
    assert ridge.tolist() == [[[0.0, 4.0]]]


def test_dark_steps_of_more_than_a_cell_are_not_taken() -> None:
    # log map: gradient 0.5 and curvature -1 on both axes, mixed 0.9: the step would be 0.95 / 0.19 = 5 cells each
    e = np.exp
    one = cells((4, 3, 1.0), (3, 3, e(-1)), (5, 3, 0.9999), (4, 2, e(-1)), (4, 4, 0.9999))
    for dx, dy, value in ((-1, -1, 0.9999), (1, -1, e(-1.8)), (-1, 1, e(-1.8)), (1, 1, 0.9999)):
        one[0, 3 + dy, 4 + dx, 0] = value
    found, _ = heatmap.dark(one)
    assert found.tolist() == [[[4.0, 3.0]]]


def test_dark_smooths_when_asked() -> None:
    at = np.array([[60.0, 70.0]])
    clean = heatmap.encode(at, HW, STRIDE, 1.5)[None]
    noisy = (clean + np.random.default_rng(7).normal(0, 0.05, clean.shape)).astype(np.float32)
    rough, _ = heatmap.decode(noisy, Decode("dark"), STRIDE)
    smooth, _ = heatmap.decode(noisy, Decode("dark", blur_cells=1.0), STRIDE)
    # a Gaussian that is blurred keeps its centre
    exact, _ = heatmap.decode(clean, Decode("dark", blur_cells=1.0), STRIDE)
    assert np.abs(exact[0] - at).max() < 0.01
    assert np.linalg.norm(smooth[0] - at) < np.linalg.norm(rough[0] - at)


def test_centroid_by_hand() -> None:
    found, score = heatmap.centroid(cells((4, 3, 1.0), (5, 3, 0.5), (4, 2, 0.5), (9, 3, 0.9)), 1)
    # total 2: x moment 0.5, y moment -0.5; the far peak is no part of the island
    np.testing.assert_allclose(found, [[[4.25, 2.75]]])
    assert score.tolist() == [[1.0]]
    # negative cells have no mass, and beyond the border there is none
    corner, _ = heatmap.centroid(cells((0, 0, 1.0), (1, 0, 1.0), (0, 1, -5.0)), 1)
    np.testing.assert_allclose(corner, [[[0.5, 0.0]]])


def test_seed_drops_peaks_below_its_threshold() -> None:
    at = points_inside(1, 8)
    strong = heatmap.encode(at, HW, STRIDE, 1.5)[None]
    maps = np.concatenate([strong, 0.045 * strong, 0.03 * strong], axis=-1)
    found, scores = heatmap.decode(maps, Decode("seed", threshold=0.04), STRIDE)
    assert scores[0, 0] > 0.8
    assert 0.04 <= scores[0, 1] < 0.045
    assert scores[0, 2] == 0.0
    assert np.abs(found[0, :2] - at).max() <= 2.0
    assert found[0, 2].tolist() == [0.0, 0.0]
    _, kept = heatmap.decode(maps, Decode("seed", threshold=0.02), STRIDE)
    assert kept[0, 2] > 0.02


def test_seed_is_an_input_pixel_near_the_cell() -> None:
    # cell 10 is 41.5 px: of the two equal pixels 41 and 42 the first is taken
    found, _ = round_trip(heatmap.cells_to_input(np.array([[10.0, 20.0]]), STRIDE), Decode("seed"))
    assert found.tolist() == [[41.0, 81.0]]


def test_seed_loses_no_height_at_the_border() -> None:
    # the map goes on as its mirror image: zeros beyond it would halve what is left of a peak at the edge
    _, middle = round_trip(heatmap.cells_to_input(np.array([[20.0, 20.0]]), STRIDE), Decode("seed"))
    found, edge = round_trip(heatmap.cells_to_input(np.array([[0.0, 20.0]]), STRIDE), Decode("seed"))
    assert edge[0] >= middle[0]
    assert found[0, 0] <= 1.0
