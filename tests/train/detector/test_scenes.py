"""Boxes stay on what they surround, whatever happens to the photo."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from poseport.train.detector.scenes import Photo, SceneConfig, draw

PLAIN = SceneConfig(brightness=0, contrast=0, saturation=0, grey=0, blur=0, sharpen=0)


@pytest.fixture
def photo(tmp_path):
    """Two bright rectangles on black."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[20:80, 30:60] = (255, 0, 0)
    image[50:110, 90:140] = (0, 255, 0)
    cv2.imwrite(str(tmp_path / "p.png"), image[..., ::-1])
    boxes = np.array([[30.0, 20, 30, 60], [90, 50, 50, 60]])
    return Photo(tmp_path / "p.png", (120, 160), boxes, np.ones(2, bool))


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_follow_the_pixels(photo, mosaic):
    seen = 0
    for seed in range(30):
        settings = replace(PLAIN, mosaic=mosaic)
        picture, boxes, counts = draw(np.random.default_rng(seed), [photo], (96, 96), settings)
        assert picture.shape == (96, 96, 3)
        assert len(boxes) == len(counts)
        for left, top, width, height in boxes[counts]:
            part = picture[round(top) : round(top + height), round(left) : round(left + width)].astype(int)
            bright = (part.max(axis=2) - part.min(axis=2)) > 128
            assert bright.mean() > 0.75, seed
            seen += 1
    assert seen > 30


def test_small_and_hidden_people_do_not_count(photo):
    _, boxes, counts = draw(np.random.default_rng(0), [photo], (96, 96), replace(PLAIN, mosaic=0, least_side=400))
    assert len(boxes)
    assert not counts.any()


def test_a_scene_depends_on_the_seed_alone(photo):
    first, again = (draw(np.random.default_rng(5), [photo], (64, 96), SceneConfig()) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_soft_photos_are_sharpened_and_keep_their_boxes(photo):
    image = cv2.GaussianBlur(cv2.imread(str(photo.path)), (0, 0), 3)
    cv2.imwrite(str(photo.path), image)

    def edges(sharpen: float) -> list[float]:
        settings, found = replace(PLAIN, sharpen=sharpen), []
        for seed in range(10):
            picture, boxes, _ = draw(np.random.default_rng(seed), [photo], (96, 96), settings)
            assert len(boxes) == len(draw(np.random.default_rng(seed), [photo], (96, 96), PLAIN)[1])
            found.append(float(cv2.Laplacian(picture, cv2.CV_32F).std()))
        return found

    soft, sharp = edges(0.0), edges(1.0)
    assert all(b > a for a, b in zip(soft, sharp, strict=True))
    assert len({round(b / a, 3) for a, b in zip(soft, sharp, strict=True)}) > 5  # each as much as chance says
