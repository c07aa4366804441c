"""The one matrix: where it puts pixels, and that it takes predictions back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from poseport import crop


def random_matrix(rng: np.random.Generator) -> np.ndarray:
    box = np.concatenate([rng.uniform(-50, 400, 2), rng.uniform(5, 600, 2)])
    return crop.crop_matrix(
        box, (int(rng.integers(64, 257)), int(rng.integers(64, 257))), rng.uniform(1, 1.5),
        rotation_deg=rng.uniform(-180, 180), scale=rng.uniform(0.5, 2),
        shift=(rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)), flip=bool(rng.integers(2)),
    )  # fmt: skip


def blob(hw: tuple[int, int], xy: np.ndarray, sigma: float) -> np.ndarray:
    """(h, w, 3) uint8: a bright Gaussian on black around xy."""
    ys, xs = np.indices(hw)
    one = np.rint(255 * np.exp(-((xs - xy[0]) ** 2 + (ys - xy[1]) ** 2) / (2 * sigma**2))).astype(np.uint8)
    return np.repeat(one[..., None], 3, axis=2)


def centre_of_mass(image: np.ndarray) -> np.ndarray:
    mass = image[..., 0].astype(float)
    ys, xs = np.indices(mass.shape)
    return np.array([(xs * mass).sum(), (ys * mass).sum()]) / mass.sum()


def test_crop_and_back() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        matrix = random_matrix(rng)
        points = rng.uniform(-100, 900, (17, 2))
        there = crop.move_points(points, matrix)
        np.testing.assert_allclose(crop.move_points(there, crop.invert(matrix)), points, rtol=0, atol=1e-4)


def test_many_matrices_at_once_are_each_one_alone() -> None:
    rng = np.random.default_rng(1)
    matrices = np.stack([random_matrix(rng) for _ in range(5)])
    points = rng.uniform(0, 400, (5, 17, 2))
    moved, inverse = crop.move_points(points, matrices), crop.invert(matrices)
    assert moved.dtype == inverse.dtype == np.float64
    for i in range(5):
        np.testing.assert_allclose(moved[i], crop.move_points(points[i], matrices[i]), atol=1e-9)
        np.testing.assert_allclose(inverse[i], crop.invert(matrices[i]), atol=1e-12)


def test_the_whole_image_at_its_own_size_is_itself() -> None:
    image = np.random.default_rng(2).integers(0, 256, (96, 128, 3), np.uint8)
    matrix = crop.crop_matrix(np.array([0, 0, 128, 96]), (96, 128), 1.0)
    np.testing.assert_allclose(matrix, [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_array_equal(crop.warp(image, matrix, (96, 128)), image)


def test_a_flip_maps_x_to_w_minus_1_minus_x() -> None:
    image = np.random.default_rng(3).integers(0, 256, (96, 128, 3), np.uint8)
    matrix = crop.crop_matrix(np.array([0, 0, 128, 96]), (96, 128), 1.0, flip=True)
    np.testing.assert_allclose(
        crop.move_points(np.array([[0, 0], [127, 5], [10.25, 95]]), matrix), [[127, 0], [0, 5], [116.75, 95]], atol=1e-9
    )
    np.testing.assert_array_equal(crop.warp(image, matrix, (96, 128)), image[:, ::-1])


def test_scaled_by_two_pixel_areas_stay_aligned() -> None:
    # the left edge of the image is at -0.5 before and after: pixel 0 covers 0 and 1, centre 0.5
    matrix = crop.crop_matrix(np.array([0, 0, 64, 48]), (96, 128), 1.0)
    moved = crop.move_points(np.array([[0, 0], [63, 47], [-0.5, -0.5]]), matrix)
    np.testing.assert_allclose(moved, [[0.5, 0.5], [126.5, 94.5], [-0.5, -0.5]], atol=1e-9)


def test_padding_and_aspect_by_hand() -> None:
    # box 40 x 100 padded by 1.25 is 50 x 125; 64 x 64 must hold 125 px: zoom 0.512, box centre in the middle
    matrix = crop.crop_matrix(np.array([10, 20, 40, 100]), (64, 64), 1.25)
    np.testing.assert_allclose(matrix[:, :2], 0.512 * np.eye(2), atol=1e-12)
    np.testing.assert_allclose(crop.move_points(np.array([[29.5, 69.5]]), matrix), [[31.5, 31.5]], atol=1e-9)


def test_rotation_is_clockwise_shift_right_and_down_scale_larger() -> None:
    box = np.array([0, 0, 101, 101])  # centre (50, 50)
    points = np.array([[50, 50], [60, 50]])
    turned = crop.move_points(points, crop.crop_matrix(box, (101, 101), 1.0, rotation_deg=90))
    np.testing.assert_allclose(turned, [[50, 50], [50, 60]], atol=1e-9)
    shifted = crop.move_points(points, crop.crop_matrix(box, (101, 101), 1.0, shift=(0.1, -0.2)))
    np.testing.assert_allclose(shifted, [[60.1, 29.8], [70.1, 29.8]], atol=1e-9)
    wide = crop.crop_matrix(box, (100, 200), 1.0, scale=1.01, shift=(0.1, -0.2))
    np.testing.assert_allclose(crop.move_points(points[:1], wide), [[99.5 + 20, 49.5 - 20]], atol=1e-9)
    larger = crop.move_points(points, crop.crop_matrix(box, (101, 101), 1.0, scale=1.5))
    np.testing.assert_allclose(larger, [[50, 50], [65, 50]], atol=1e-9)
    # a person who turns and is then seen in a mirror, moved as one says whatever the mirror
    both = crop.crop_matrix(box, (101, 101), 1.0, rotation_deg=90, shift=(0.1, 0.0), flip=True)
    np.testing.assert_allclose(crop.move_points(points, both), [[60.1, 50], [60.1, 60]], atol=1e-9)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"flip": True},
        {"rotation_deg": 33.0},
        {"rotation_deg": -120.0, "scale": 1.2, "shift": (0.05, -0.08), "flip": True},
    ],
    ids=["plain", "flip", "rotated", "all"],
)
def test_pixels_land_where_points_do(how: dict[str, Any]) -> None:
    rng = np.random.default_rng(4)
    for _ in range(5):
        at = rng.uniform((120, 90), (180, 150))
        matrix = crop.crop_matrix(np.array([61.3, 22.8, 170.5, 190.2]), (192, 160), 1.1, **how)
        warped = crop.warp(blob((240, 300), at, 5.0), matrix, (192, 160))
        expected = crop.move_points(at[None], matrix)[0]
        assert (expected > 20).all()
        assert np.abs(centre_of_mass(warped) - expected).max() < 0.05


def test_between_two_pixels_is_their_mean() -> None:
    image = np.zeros((1, 8, 3), np.uint8)
    image[:] = np.arange(0, 160, 20)[None, :, None]
    out = crop.warp(image, np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]), (1, 8))
    assert out[0, 1:, 0].tolist() == [10, 30, 50, 70, 90, 110, 130]


def test_beyond_the_image_is_black() -> None:
    image = np.full((50, 50, 3), 200, np.uint8)
    out = crop.warp(image, crop.crop_matrix(np.array([25, 0, 50, 50]), (50, 50), 1.0), (50, 50))
    assert (out[:, :25] == 200).all()
    assert (out[:, 26:] == 0).all()


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 5), (0, 0, 5, 0), (0, 0, -5, 5), (0, 0, np.nan, 5), (np.nan, 0, 5, 5), (0, 0, np.inf, 5)]
)
def test_a_box_without_area_is_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="has no area; expected x, y, width > 0, height > 0"):
        crop.crop_matrix(np.array(box), (64, 64), 1.25)


def test_arguments_are_not_modified() -> None:
    image, points = np.full((50, 60, 3), 9, np.uint8), np.ones((3, 2))
    box = np.array([1.0, 2.0, 30.0, 40.0])
    matrix = crop.crop_matrix(box, (64, 64), 1.25, flip=True)
    kept = [a.copy() for a in (image, points, box, matrix)]
    crop.warp(image, matrix, (64, 64))
    crop.move_points(points, matrix)
    crop.invert(matrix)
    for array, before in zip((image, points, box, matrix), kept, strict=True):
        np.testing.assert_array_equal(array, before)
