"""The front door: what a spec means for pixels, targets and outputs, for both families."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from places import SHARED

from poseport import crop, flip, pose
from poseport.architecture import DeepPoseArchitecture, ForeignArchitecture, HourglassArchitecture
from poseport.data import coco
from poseport.data.batches import crop_boxes
from poseport.data.images import read_image
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, HeatmapOutput, KeypointsOutput, PoseSpec

GAUSSIAN = PoseSpec("gaussian", HourglassArchitecture(), COCO17, (192, 128), HeatmapOutput(sigma=1.5))
LOGITS = replace(GAUSSIAN, name="logits", output=HeatmapOutput(sigma=1.5, values="logits"))
COORDS = PoseSpec("coords", DeepPoseArchitecture(), COCO17, (192, 128), CoordsOutput())
SCORED = replace(COORDS, name="scored", output=CoordsOutput(score="visibility"))
SPECS = pytest.mark.parametrize("spec", [GAUSSIAN, LOGITS, COORDS, SCORED], ids=lambda s: s.name)


def points_inside(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(16, (112, 176), (17, 2))


def outputs_for(spec: PoseSpec, points: np.ndarray) -> np.ndarray:
    """What a perfect network says: the target, as logits where the spec wants those."""
    target = pose.encode(spec, points)
    return np.log(np.maximum(target, 1e-30)) if spec is LOGITS else target


def test_preprocess_is_the_crop_of_the_spec() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    box = np.array([40.0, 20.0, 60.0, 120.0])
    pixels, matrix = pose.preprocess(GAUSSIAN, image, box)
    assert pixels.shape == (192, 128, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(matrix, crop.crop_matrix(box, (192, 128), 1.25))
    np.testing.assert_array_equal(pixels, crop.warp(image, matrix, (192, 128)))


def test_normalise_by_hand() -> None:
    pixel = np.array([[[0, 127, 255]]], np.uint8)
    np.testing.assert_allclose(pose.normalise(GAUSSIAN, pixel), [[[0, 127 / 255, 1]]], rtol=1e-6)
    spec = replace(GAUSSIAN, mean=(10.0, 127.0, 0.0), std=(5.0, 2.0, 51.0))
    out = pose.normalise(spec, pixel)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, [[[-2, 0, 5]]], atol=1e-5)
    assert pixel.tolist() == [[[0, 127, 255]]]


def test_a_tone_goes_before_the_normalisation() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    tone = np.random.default_rng(1).integers(0, 256, 256).astype(np.uint8)
    for spec in (GAUSSIAN, replace(GAUSSIAN, mean=(10.0, 127.0, 0.0), std=(5.0, 2.0, 51.0))):
        np.testing.assert_array_equal(pose.normalise(spec, pixels, tone=tone), pose.normalise(spec, tone[pixels]))
        out = np.empty(pixels.shape, np.float32)
        pose.normalise(spec, pixels, out=out)
        np.testing.assert_array_equal(out, pose.normalise(spec, pixels))


@SPECS
def test_a_target_can_be_written_in_place_and_knows_what_is_unlabelled(spec: PoseSpec) -> None:
    points = points_inside(3)
    points[4] = np.nan
    out = np.full(spec.output_shape, 7, np.float32)
    pose.encode(spec, points, out)
    np.testing.assert_array_equal(out, pose.encode(spec, points))
    keypoint_first = np.moveaxis(out, -1, 0) if out.ndim == 3 else out[:, :2]
    assert np.isnan(keypoint_first[4]).all()
    assert np.isfinite(np.delete(keypoint_first, 4, axis=0)).all()


def test_nobody_scores_nothing() -> None:
    targets = {spec.name: np.ones(spec.output_shape, np.float32) for spec in (LOGITS, GAUSSIAN, COORDS)}
    for spec in (LOGITS, GAUSSIAN, COORDS):
        pose.encode_nobody(spec, targets[spec.name])
    assert pose.decode_input(LOGITS, targets[LOGITS.name])[..., 2].max() < 0.02
    assert pose.decode_input(GAUSSIAN, targets[GAUSSIAN.name])[..., 2].max() == 0
    assert np.isnan(targets[COORDS.name]).all()


@SPECS
def test_targets_have_the_shape_of_the_output(spec: PoseSpec) -> None:
    target = pose.encode(spec, points_inside(1))
    assert target.shape == spec.output_shape
    assert target.dtype == np.float32


@pytest.mark.parametrize("spec", [GAUSSIAN, COORDS, SCORED], ids=lambda s: s.name)
def test_the_target_of_an_unlabelled_keypoint_is_nan_but_for_its_score(spec: PoseSpec) -> None:
    labelled = np.arange(17) != 3
    points = points_inside(1)
    whole = pose.encode(spec, points)
    points[~labelled] = np.nan
    target = pose.encode(spec, points)
    by_keypoint, of_whole = (np.moveaxis(t, -1, 0) if t.ndim == 3 else t for t in (target, whole))
    np.testing.assert_array_equal(by_keypoint[labelled], of_whole[labelled])
    if spec is SCORED:
        assert by_keypoint[3, 2] == -0.5
        assert (of_whole[:, 2] == 0.5).all()
        by_keypoint = by_keypoint[:, :2]
    assert np.isnan(by_keypoint[3]).all()


def test_a_third_number_is_the_score_less_a_half() -> None:
    outputs = np.zeros((1, 17, 3), np.float32)
    outputs[0, :4, 2] = (-0.5, 0.25, 0.5, 0.75)  # int8 and a linear head may leave the range
    found = pose.decode_input(SCORED, outputs)
    np.testing.assert_allclose(found[0, :5, 2], [0.0, 0.75, 1.0, 1.0, 0.5])
    np.testing.assert_allclose(found[0, :, :2], np.tile([63.5, 95.5], (17, 1)))


@SPECS
def test_encode_then_decode_in_the_input(spec: PoseSpec) -> None:
    points = np.stack([points_inside(2), points_inside(3)])
    found = pose.decode_input(spec, np.stack([outputs_for(spec, one) for one in points]))
    assert found.shape == (2, 17, 3)
    assert np.abs(found[..., :2] - points).max() < 0.01
    assert found[..., 2].min() > 0.85
    assert found[..., 2].max() <= 1.0


@SPECS
def test_decode_takes_points_back_to_the_image(spec: PoseSpec) -> None:
    boxes = np.array([[40.0, 20.0, 60.0, 120.0], [210.0, 90.0, 300.0, 160.0]])
    matrices = np.stack([crop.crop_matrix(box, spec.input_hw, spec.padding) for box in boxes])
    points = np.stack([points_inside(4), points_inside(5)])
    wanted = crop.move_points(points, crop.invert(matrices))
    found = pose.decode(spec, np.stack([outputs_for(spec, one) for one in points]), matrices)
    zoom = matrices[:, 0, 0].min()
    assert np.abs(found[..., :2] - wanted).max() < 0.01 / zoom


@SPECS
def test_flat_outputs_are_given_their_shape(spec: PoseSpec) -> None:
    outputs = np.stack([outputs_for(spec, points_inside(i)) for i in (6, 7)])
    np.testing.assert_array_equal(pose.decode_input(spec, outputs.reshape(2, -1)), pose.decode_input(spec, outputs))


@SPECS
def test_unflip_undoes_a_mirrored_crop(spec: PoseSpec) -> None:
    points = points_inside(8)
    mirrored = points.copy()
    mirrored[:, 0] = spec.input_hw[1] - 1 - points[:, 0]
    mirrored = mirrored[COCO17.flip_index]  # in a mirror the left wrist is a right one
    found = flip.unflip(spec, outputs_for(spec, mirrored)[None])
    np.testing.assert_allclose(found[0], outputs_for(spec, points), rtol=1e-4, atol=1e-5)


@SPECS
def test_arguments_are_not_modified(spec: PoseSpec) -> None:
    outputs = outputs_for(spec, points_inside(9))[None]
    matrices = crop.crop_matrix(np.array([4, 2, 60, 120]), spec.input_hw, spec.padding)[None]
    kept, before = outputs.copy(), matrices.copy()
    pose.decode(spec, outputs, matrices)
    flip.unflip(spec, outputs)
    np.testing.assert_array_equal(outputs, kept)
    np.testing.assert_array_equal(matrices, before)


@pytest.mark.parametrize("order", ["xys", "yxs"])
def test_keypoints_that_the_network_decoded_itself(order: str) -> None:
    spec = PoseSpec("k", ForeignArchitecture(), COCO17, (192, 128), KeypointsOutput(order=order))
    x, y, score = np.random.default_rng(0).uniform(0, 1, (3, 2, 17)).astype(np.float32)
    outputs = np.stack([x, y, score] if order == "xys" else [y, x, score], axis=-1)
    found = pose.decode_input(spec, outputs.reshape(2, 1, 1, 17, 3))
    # the outer edges of the input are half a pixel outside the centres of its outer pixels
    np.testing.assert_allclose(found, np.stack([x * 128 - 0.5, y * 192 - 0.5, score], axis=-1), atol=1e-4)
    assert pose.decode_input(spec, np.full((1, 17, 3), 1.5))[0, 0].tolist() == [191.5, 287.5, 1.0]
    mirrored = pose.decode_input(spec, flip.unflip(spec, outputs))[:, COCO17.flip_index]
    np.testing.assert_allclose(mirrored[..., 0], 127 - found[..., 0], atol=1e-4)
    np.testing.assert_allclose(mirrored[..., 1:], found[..., 1:], atol=1e-4)


def check_crops(people: coco.People, spec: PoseSpec) -> None:
    """Labels of real crops, through target and decoder and back into the image."""
    for person in people.persons[:10]:
        pixels, matrix = crop_boxes(spec, person, np.array([person.box_xywh]))[0]
        assert pixels.std() > 5
        inside = crop.move_points(person.keypoints[:, :2], matrix)
        found = pose.decode(spec, outputs_for(spec, inside)[None], matrix[None])[0]
        away_from_border = ((inside > 14) & (inside < np.array([113, 177]))).all(axis=1)
        chosen = person.labelled & away_from_border
        assert np.abs(found[chosen, :2] - person.keypoints[chosen, :2]).max() < 0.01 / matrix[0, 0]
        h, w = read_image(person.image_path, person.image_hw).shape[:2]
        assert (h, w) == person.image_hw


@SPECS
def test_labels_of_drawn_people_survive(spec: PoseSpec, drawn: Path) -> None:
    check_crops(coco.load(drawn), spec)


REAL = SHARED / "data" / "coco_mini"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"real people are not part of the repository: no {REAL}")
@SPECS
def test_labels_of_real_people_survive(spec: PoseSpec) -> None:
    check_crops(coco.load(REAL).for_training(), spec)
