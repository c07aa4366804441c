import numpy as np

from poseport import crop
from poseport.train import presets
from poseport.train.augment import AugmentConfig, random_colour, random_matrix

SPEC = presets.preset("mobile-hourglass").spec
BOX = (10.0, 20.0, 100.0, 80.0)


def test_nothing_to_augment_is_the_plain_crop():
    still = AugmentConfig(rotation_deg=0, scale=0, shift=0, flip=0, colour=0)
    matrix, flipped = random_matrix(np.random.default_rng(0), SPEC, BOX, still)
    np.testing.assert_allclose(matrix, crop.crop_matrix(BOX, SPEC.input_hw, SPEC.padding))
    assert not flipped


def test_matrices_stay_in_their_ranges_and_fill_them():
    ranges = AugmentConfig(rotation_deg=30, scale=0.25, shift=0.05, flip=0.5)
    plain = np.linalg.det(crop.crop_matrix(BOX, SPEC.input_hw, SPEC.padding)[:, :2])
    rng = np.random.default_rng(0)
    angles, scales, flips = [], [], []
    for _ in range(500):
        matrix, flipped = random_matrix(rng, SPEC, BOX, ranges)
        determinant = np.linalg.det(matrix[:, :2])
        assert (determinant < 0) == flipped
        flips.append(flipped)
        scales.append(np.sqrt(abs(determinant) / plain))
        angles.append(np.rad2deg(np.arctan2(matrix[1, 0], matrix[1, 1])))
    assert -30 <= min(angles) < -28 < 28 < max(angles) <= 30
    assert 0.75 <= min(scales) < 0.77 < 1.23 < max(scales) <= 1.25
    assert 0.4 < np.mean(flips) < 0.6


def test_colour_is_one_table_for_all_channels_and_leaves_the_crop_alone():
    image = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    before = image.copy()
    changed = random_colour(np.random.default_rng(3), image, 0.3)
    assert np.array_equal(image, before)
    assert not np.array_equal(changed, image)
    order = np.argsort(image.ravel())
    assert (np.diff(changed.ravel()[order].astype(int)) >= 0).all()
    assert np.array_equal(random_colour(np.random.default_rng(3), image, 0.0), image)
