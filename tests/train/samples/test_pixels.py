from dataclasses import replace

import cv2
import numpy as np
import pytest

from poseport import pose
from poseport.train import presets
from poseport.train.samples.augment import HEAVY, AugmentConfig
from poseport.train.samples.pixels import (
    Crop,
    blurred,
    change,
    colour_matrix,
    draw_changes,
    sharpening,
    tone_table,
)

HW = (64, 48)
IMAGE = np.random.default_rng(0).integers(0, 256, (*HW, 3), np.uint8)
GREY = np.full((*HW, 3), 128, np.uint8)


def changed(image, **ranges):
    """An image after the changes that these ranges draw, tone included."""
    changes = draw_changes(np.random.default_rng(0), AugmentConfig(**ranges), image.shape[:2])
    return change(image.copy(), changes).picture()


def test_nothing_drawn_changes_nothing():
    changes = draw_changes(np.random.default_rng(0), AugmentConfig(), HW)
    crop = change(IMAGE, changes)
    assert crop.levels is IMAGE
    assert crop.tone is None
    assert crop.picture() is IMAGE


def test_heavy_draws_what_table_1_says():
    rng = np.random.default_rng(0)
    drawn = [draw_changes(rng, HEAVY, HW) for _ in range(3000)]
    blurs = np.array([c.blur_sigma for c in drawn if c.blur_sigma])
    assert len(blurs) / len(drawn) == pytest.approx(0.3, abs=0.03)
    assert 1.95 < blurs.max() <= 2.0
    assert blurs.mean() == pytest.approx(1.0, abs=0.06)
    noise, dropout = np.array([c.noise for c in drawn]), np.array([c.dropout for c in drawn])
    assert not ((noise > 0) & (dropout > 0)).any()
    assert 0.97 * 0.05 * 255 < noise.max() <= 0.05 * 255
    assert 0.097 < dropout.max() <= 0.10
    lifts, gains = [], []
    for c in drawn:
        if c.tone is not None:
            levels = c.tone.astype(int)
            gains.append((levels[160] - levels[96]) / 64)
            lifts.append(levels[128] - 128)
    lifts, gains = np.array(lifts), np.array(gains)
    assert not ((lifts != 0) & (np.abs(gains - 1) > 0.02)).any()  # brightness or contrast
    assert (lifts.min(), lifts.max()) == (-30, 30)
    assert gains.min() == pytest.approx(0.75, abs=0.02)
    assert gains.max() == pytest.approx(1.25, abs=0.02)
    # 0 to 3 of the four kinds, evenly: each in 1.5 of 4 crops
    kinds = np.array([(c.kernel is not None, c.colour is not None, c.noise + c.dropout > 0) for c in drawn])
    np.testing.assert_allclose(kinds.mean(axis=0), 1.5 / 4, atol=0.03)


def test_a_block_hides_a_part_and_nothing_else():
    done = changed(GREY, occlude=1.0, occlude_side=0.5)
    hidden = (done != 128).any(axis=-1)
    rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
    assert hidden.sum() == len(rows) * len(columns) > 0
    assert len(rows) <= HW[0] / 2 + 1
    assert len(columns) <= HW[1] / 2 + 1
    assert len(np.unique(done[hidden], axis=0)) == 1


def test_noise_has_its_standard_deviation_and_another_place_each_time():
    rng = np.random.default_rng(1)
    grey = np.full((192, 192, 3), 128, np.uint8)
    drawn = [draw_changes(rng, AugmentConfig(noise=0.05), (192, 192)) for _ in range(8)]
    done = [change(grey, c).levels.astype(float) - 128 for c in drawn]
    for noise, c in zip(done, drawn, strict=True):
        assert noise.mean() == pytest.approx(0, abs=0.15)
        assert noise.std() == pytest.approx(np.hypot(c.noise, 1 / np.sqrt(12)), rel=0.03)
    assert abs(np.corrcoef(done[0].ravel(), done[1].ravel())[0, 1]) < 0.02


def test_dropout_blackens_whole_pixels_in_its_share():
    changes = draw_changes(np.random.default_rng(3), AugmentConfig(dropout=0.1), (192, 192))
    done = change(np.full((192, 192, 3), 128, np.uint8), changes).levels
    assert set(np.unique(done)) == {0, 128}
    black = done == 0
    assert (black.all(axis=-1) == black.any(axis=-1)).all()
    assert black.mean() == pytest.approx(changes.dropout, abs=0.005)


def test_sharpening_by_hand():
    np.testing.assert_array_equal(cv2.filter2D(IMAGE, -1, sharpening(0.0, 1.2)), IMAGE)
    np.testing.assert_array_equal(cv2.filter2D(GREY, -1, sharpening(1.0, 1.0)), GREY)
    assert (cv2.filter2D(GREY, -1, sharpening(1.0, 0.8)) == 102).all()  # 128 x 0.8: lightness
    step = np.repeat(np.array([[100, 100, 110, 110]], np.uint8), 5, axis=0)
    # half the image, half its edges: 100 - 0.5 x 3 x 10 beside the step
    assert cv2.filter2D(step, -1, sharpening(0.5, 1.0))[2].tolist() == [100, 85, 125, 110]


def test_blur_keeps_the_mean_and_takes_the_contrast():
    assert (blurred(GREY, 1.5) == GREY).all()
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 255
    spread = blurred(point, 1.5)[..., 0].astype(float)
    distance = (np.arange(21) - 10) ** 2
    variance = (spread.sum(axis=0) * distance).sum() / spread.sum()
    assert variance == pytest.approx(1.5**2, rel=0.2)  # a little less: the kernel ends at two sigmas


def test_colour_by_hand():
    np.testing.assert_allclose(colour_matrix(0, 0), np.eye(3), atol=1e-7)
    np.testing.assert_allclose(colour_matrix(0, -255), np.tile([0.299, 0.587, 0.114], (3, 1)), atol=1e-6)
    # a third of the circle makes of red green, of green blue
    np.testing.assert_allclose(colour_matrix(85, 0) @ [1, 0, 0], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(colour_matrix(85, 0) @ [0, 1, 0], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(colour_matrix(20, 30) @ [7, 7, 7], [7, 7, 7], atol=1e-5)
    assert (np.ptp(changed(IMAGE, grey=1.0), axis=-1) <= 1).all()


def test_tones_by_hand():
    assert tone_table(0, 1) is None
    assert tone_table(30, 1)[[0, 100, 240]].tolist() == [30, 130, 255]
    assert tone_table(0, 1.25)[[0, 128, 168]].tolist() == [0, 128, 178]


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_a_tone_in_the_table_gives_the_bits_of_a_tone_of_its_own(order):
    spec = replace(
        presets.preset("mobile-hourglass").spec, channel_order=order, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0)
    )
    crop = Crop(IMAGE, tone_table(20, 1.2))
    assert not np.array_equal(crop.picture(), IMAGE)
    np.testing.assert_array_equal(crop.normalised(spec), pose.normalise(spec, crop.picture()))
