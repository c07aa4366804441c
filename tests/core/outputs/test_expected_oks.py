"""Where the expected OKS is highest."""

from __future__ import annotations

import numpy as np
import pytest

from poseport import heatmap
from poseport.outputs import expected_oks
from poseport.scoring import metrics
from poseport.spec import Decode

HW = (24, 18)
WRIST, EYE, HIP = 0.062, 0.025, 0.107


def hill(x: float, y: float, sigma: float, mass: float) -> np.ndarray:
    """(24, 18) a Gaussian that sums to `mass`."""
    v, u = np.mgrid[: HW[0], : HW[1]]
    found = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2))
    return (found * mass / found.sum()).astype(np.float32)


def test_it_is_the_mean_of_oks_over_the_map() -> None:
    rng = np.random.default_rng(0)
    maps = rng.uniform(0, 1, (2, *HW, 2)).astype(np.float32) ** 8
    found = expected_oks.expected(maps, (WRIST, EYE))
    area = np.full(1, expected_oks.PERSON * HW[0] * HW[1])
    v, u = np.mgrid[: HW[0], : HW[1]]
    for n, k, sigma in ((0, 0, WRIST), (1, 0, WRIST), (0, 1, EYE)):
        for x, y in ((0, 0), (9, 12), (17, 23), (17, 3)):
            at = np.array([[[float(x), float(y)]]])
            # OKS of this cell with every cell as the label; what is further than three sigmas is left out
            labels = np.stack([u, v, np.full(HW, 2)], -1).reshape(-1, 1, 3).astype(np.float64)
            oks = metrics.oks(np.repeat(at, len(labels), 0), labels, np.repeat(area, len(labels)), np.array([sigma]))
            assert found[n, y, x, k] == pytest.approx((oks * maps[n, ..., k].ravel()).sum(), rel=0.02)


def test_a_broad_hill_counts_for_more_than_a_sharp_peak_except_for_an_eye() -> None:
    # two thirds of the mass on the broad hill, which is lower than the sharp one
    map_ = hill(5, 6, 1.6, 0.65) + hill(13, 18, 0.9, 0.35)
    assert map_[18, 13] > 1.5 * map_[6, 5]
    maps = np.repeat(map_[None, :, :, None], 3, axis=-1)
    found, scores = heatmap.decode(maps, Decode("oks"), 4, oks_sigmas=(HIP, WRIST, 0.01))
    at = heatmap.input_to_cells(found[0], 4)
    np.testing.assert_allclose(at[:2], [[5, 6]] * 2, atol=0.5)
    np.testing.assert_allclose(at[2], [13, 18], atol=0.1)
    # the score is what the map says, before the blur
    assert scores[0].tolist() == [float(map_.max())] * 3


def test_its_place_is_between_cells() -> None:
    points = np.array([[30.3, 41.9], [36.6, 55.0]])
    maps = heatmap.encode(points, HW, 4, 1.5)[None]
    found, scores = heatmap.decode(maps, Decode("oks"), 4, oks_sigmas=(WRIST, EYE))
    np.testing.assert_allclose(found[0], points, atol=0.05)
    assert scores.min() > 0.85


def test_sigmas_that_are_not_the_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="2 OKS constants for 3 maps; expected one each"):
        heatmap.decode(np.zeros((1, *HW, 3), np.float32), Decode("oks"), 4, oks_sigmas=(WRIST, EYE))


@pytest.mark.parametrize("hw", [(1, 1), (2, 50), (3, 3)])
def test_maps_smaller_than_what_is_forgiven(hw: tuple[int, int]) -> None:
    maps = np.zeros((1, *hw, 1), np.float32)
    maps[0, -1, -1, 0] = 0.7
    found, scores = heatmap.decode(maps, Decode("oks"), 4, oks_sigmas=(1.5,))
    np.testing.assert_allclose(heatmap.input_to_cells(found[0, 0], 4), [hw[1] - 1, hw[0] - 1])
    assert scores[0, 0] == pytest.approx(0.7)
