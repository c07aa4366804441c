from dataclasses import replace

import numpy as np
import pytest

from poseport import crop
from poseport.data import coco
from poseport.data.images import read_image
from poseport.train import presets
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.sample import plan_crop, render
from poseport.train.samples.scene import WHOLE, Frame, end_photo, random_neighbour, silhouette

SPEC = presets.preset("mobile-hourglass").spec
SKELETON = SPEC.skeleton


@pytest.fixture(scope="module")
def persons(drawn):
    return [p for p in coco.load(drawn).persons if p.num_labelled == 17]


@pytest.fixture(scope="module")
def person(persons):
    return persons[0]


def edges(box):
    x, y, w, h = box
    return np.array([x, y, x + w, y + h])


def test_a_photo_ends_inside_the_person_and_leaves_enough_of_them(person):
    rng = np.random.default_rng(0)
    whole = edges(person.box_xywh)
    sides = np.zeros(4)
    for _ in range(300):
        frame, box = end_photo(rng, person, person.box_xywh)
        moved = np.abs(edges(box) - whole) > 1e-9
        assert moved.sum() in (1, 2)
        sides += moved
        kept = np.array(box[2:]) / person.box_xywh[2:]
        assert kept.min() >= 0.35 - 1e-9
        assert np.count_nonzero(frame.holds(person.keypoints[:, :2])) >= 3
        ends = np.array([frame.left, frame.top, frame.right, frame.bottom])
        np.testing.assert_allclose(ends[moved], edges(box)[moved], atol=0.5)
    assert sides.argmax() == 3, "people are cut off below"
    assert (sides > 0).all()


def test_with_too_few_labels_the_photo_stays_whole(person):
    few = person.keypoints.copy()
    few[2:] = 0
    frame, box = end_photo(np.random.default_rng(0), replace(person, keypoints=few), person.box_xywh)
    assert frame == WHOLE
    assert box == person.box_xywh


def test_what_a_frame_leaves_is_the_photo_with_black_around_it(person):
    image = read_image(person.image_path, person.image_hw)
    matrix = crop.crop_matrix(np.array(person.box_xywh), SPEC.input_hw, SPEC.padding, rotation_deg=20)
    x, y, w, h = (round(v) for v in person.box_xywh)
    frame = Frame(x + w // 4, y + 3, x + w, y + h // 2)
    black = np.zeros_like(image)
    black[frame.top : frame.bottom, frame.left : frame.right] = image[
        frame.top : frame.bottom, frame.left : frame.right
    ]
    seen = crop.warp(*frame.of(image, matrix), SPEC.input_hw).astype(int)
    # warpAffine rounds positions to 1/32 of a pixel, from another corner
    assert np.abs(seen - crop.warp(black, matrix, SPEC.input_hw)).mean() < 0.3
    beyond = Frame(-5, -5)
    np.testing.assert_array_equal(beyond.of(image, matrix)[0], image)
    np.testing.assert_array_equal(beyond.of(image, matrix)[1], matrix)


def test_keypoints_beyond_the_frame_have_no_label(person):
    rng = np.random.default_rng(1)
    cut = 0
    for _ in range(30):
        planned = plan_crop(rng, SPEC, person, AugmentConfig(cut_off=1.0))
        outside = ~planned.frame.holds(person.keypoints[:, :2])
        assert np.isnan(planned.points[outside]).all()
        assert np.isfinite(planned.points[~outside]).all(axis=1).sum() >= 3
        cut += outside.any()
    assert cut > 15


def test_a_silhouette_covers_what_is_known(person):
    matrix = crop.crop_matrix(np.array(person.box_xywh), SPEC.input_hw, SPEC.padding)
    points = crop.move_points(person.keypoints[:, :2], matrix)
    mask = silhouette(SKELETON, points, SPEC.input_hw)
    rows, columns = np.rint(points[:, 1]).astype(int), np.rint(points[:, 0]).astype(int)
    assert mask[rows, columns].all()
    assert 0.02 < mask.mean() < 0.5
    assert not silhouette(SKELETON, np.full((17, 2), np.nan), SPEC.input_hw).any()
    alone = np.full((17, 2), np.nan)
    alone[0] = 40, 50
    assert silhouette(SKELETON, alone, SPEC.input_hw)[50, 40]


def test_a_neighbour_is_painted_where_their_body_is_and_stays_behind_half_of_the_time(persons):
    person, other = persons[:2]
    matrix = crop.crop_matrix(np.array(person.box_xywh), SPEC.input_hw, SPEC.padding)
    points = crop.move_points(person.keypoints[:, :2], matrix)
    plain = crop.warp(read_image(person.image_path), matrix, SPEC.input_hw)
    own = silhouette(SKELETON, points, SPEC.input_hw)
    rng = np.random.default_rng(2)
    in_front = behind = 0
    for _ in range(60):
        neighbour = random_neighbour(rng, SPEC, points, other)
        theirs = crop.warp(read_image(other.image_path), neighbour.matrix, SPEC.input_hw)
        image = plain.copy()
        neighbour.paste(image)
        assert neighbour.mask.any()
        np.testing.assert_array_equal(image, np.where(neighbour.mask[..., None], theirs, plain))
        body = silhouette(SKELETON, crop.move_points(other.keypoints[:, :2], neighbour.matrix), SPEC.input_hw)
        meets, hides = (body & own).any(), (neighbour.mask & own).any()
        in_front += hides
        behind += meets and not hides
    assert in_front > 0
    assert behind > 0


def test_a_crop_with_a_neighbour_differs_there_only(persons):
    ranges, person = AugmentConfig(neighbour=1.0), persons[0]
    planned = plan_crop(np.random.default_rng(3), SPEC, person, ranges, others=persons[1:])
    alone = plan_crop(np.random.default_rng(3), SPEC, person, ranges)
    assert alone.neighbour is None, "nobody to paste"
    mask = planned.neighbour.mask
    np.testing.assert_array_equal(planned.points, alone.points)
    np.testing.assert_array_equal(render(SPEC, planned).picture()[~mask], render(SPEC, alone).picture()[~mask])
