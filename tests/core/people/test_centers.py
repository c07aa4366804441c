"""The detector's codec: pictures fit into the input, and centres become the boxes that they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poseport import crop
from poseport.architecture import ImportedArchitecture
from poseport.nodes import ConvNode
from poseport.people import centers
from poseport.people.detector_spec import DetectorSpec

SPEC = DetectorSpec("d", ImportedArchitecture(nodes=(ConvNode((0,), 5, (1, 1)),)), (64, 96))


def drawn(*boxes: tuple[float, float, float, float], scores=(3.0,)) -> np.ndarray:
    """The output of a perfect network for boxes in input pixels, each in the cell nearest to its middle."""
    output = np.zeros(SPEC.output_shape, np.float32)
    output[..., 0] = -9
    for (left, top, width, height), score in zip(boxes, scores * len(boxes), strict=False):
        x, y = ((left + (width - 1) / 2 - 3.5) / 8, (top + (height - 1) / 2 - 3.5) / 8)
        u, v = round(x), round(y)
        output[v, u] = score, x - u, y - v, np.log(width / 8), np.log(height / 8)
    return output


@pytest.mark.parametrize("image_hw", [(64, 96), (640, 480), (30, 200), (7, 5)])
def test_boxes_come_back_in_the_pictures_pixels(image_hw):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (*image_hw, 3), np.uint8)
    picture, matrix = centers.letterbox(image, SPEC.input_hw)
    assert picture.shape == (*SPEC.input_hw, 3)
    whole = np.array([0.0, 0.0, image_hw[1], image_hw[0]])
    inside = crop.move_box(whole, matrix)
    assert inside[2:].max() == pytest.approx(96) or inside[3] == pytest.approx(64)
    boxes, scores = centers.decode(SPEC, drawn(tuple(inside)), matrix)
    np.testing.assert_allclose(boxes, whole[None], atol=0.05)
    assert scores == pytest.approx([1 / (1 + np.exp(-3))])


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_large_picture_is_averaged_and_not_sampled(factor):
    """A picture of one-pixel stripes becomes grey; a sample of its pixels would keep stripes."""
    image = np.zeros((64 * factor, 96 * factor, 3), np.uint8)
    image[:, ::2] = 240
    picture, _ = centers.letterbox(image, SPEC.input_hw)
    assert picture.std() < 45
    # content stays where the matrix says
    image[:] = 0
    image[20 * factor : 30 * factor, 40 * factor : 60 * factor] = 200
    picture, matrix = centers.letterbox(image, SPEC.input_hw)
    place = crop.move_box(np.array([40.0, 20, 20, 10]) * factor, matrix)
    ys, xs = np.nonzero(picture[..., 0] > 100)
    np.testing.assert_allclose([xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1], place, atol=0.6)


def test_of_overlapping_boxes_the_best_stays():
    boxes = ((8.0, 8.0, 40.0, 48.0), (24.0, 8.0, 40.0, 48.0), (56.0, 8.0, 40.0, 48.0))
    output = drawn(*boxes, scores=(1.0, 2.0, 3.0))
    found, scores = centers.decode(replace(SPEC, overlap=0.4), output, np.eye(2, 3))
    np.testing.assert_allclose(found, [boxes[2], boxes[1]], atol=0.01)
    assert (np.diff(scores) < 0).all()
    assert len(centers.decode(replace(SPEC, overlap=0.5), output, np.eye(2, 3))[0]) == 3
    assert len(centers.decode(replace(SPEC, overlap=0.5, most=1), output, np.eye(2, 3))[0]) == 1


def test_an_output_of_no_numbers_is_nobody():
    for value in (np.nan, np.inf, -np.inf):
        output = np.full(SPEC.output_shape, value, np.float32)
        boxes, scores = centers.decode(SPEC, output, np.eye(2, 3))
        assert np.isfinite(boxes).all()
        assert np.isfinite(scores).all()
    assert not len(centers.decode(SPEC, np.full(SPEC.output_shape, -9, np.float32), np.eye(2, 3))[0])


def test_overlap_is_that_of_areas():
    a = np.array([[0, 0, 2, 2], [1, 0, 2, 2], [5, 5, 1, 1], [0, 0, 0, 0]], float)
    np.testing.assert_allclose(centers.iou(a[:1], a), [[1, 1 / 3, 0, 0]])
    assert centers.iou(a, np.zeros((0, 4))).shape == (4, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_hw": (8, 64)}, "input_hw must be 16 to 4096"),
        ({"input_hw": (60, 64)}, "must be multiples of its stride, found 8"),
        ({"stride": 0}, "multiples of its stride"),
        ({"threshold": 0.0}, "threshold 0.0 and overlap"),
        ({"most": 10**6}, "most 1000000 from 1 to 1000"),
        ({"look_from": 1.2}, "look_from must be from 0 to 1, found 1.2"),
        ({"std": (0.0, 1.0, 1.0)}, "std .* must be above 0"),
    ],
)
def test_a_faulty_spec_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **change)
