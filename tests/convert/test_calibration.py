import shutil
from dataclasses import replace

import numpy as np
import pytest

from poseport import pose
from poseport.convert import calibration
from poseport.data import coco
from poseport.data.images import image_digest
from poseport.data.merge import merge
from poseport.data.pack import pack
from poseport.train import presets

SPEC = presets.preset("mobile-hourglass").spec


@pytest.fixture(scope="module")
def people(drawn):
    return coco.load(drawn)


def test_the_draw_depends_on_the_seed_only(people):
    a, manifest = calibration.choose(people, 10, seed=1)
    b, again = calibration.choose(people, 10, seed=1)
    _, other = calibration.choose(people, 10, seed=2)
    assert manifest == again
    assert manifest.people != other.people
    assert [p.annotation_id for p in a] == [p.annotation_id for p in b]
    assert manifest.annotations_sha256 == people.sha256
    assert manifest.people == tuple((p.image_id, p.annotation_id) for p in a)
    assert manifest.images_sha256 == tuple(image_digest(p.image_path) for p in a)


def test_people_of_several_sets_say_where_they_come_from(people):
    other = replace(people, sha256="0" * 64, path=people.path.with_name("other.json"))
    chosen, manifest = calibration.choose(merge([people, other], (2, 0.5)), 30, seed=1)
    first, second = manifest.sources
    assert [first.file, first.sha256, first.share] == [people.path.name, people.sha256, 2]
    assert [second.file, second.sha256, second.share] == ["other.json", "0" * 64, 0.5]
    highest = max(p.annotation_id for p in people.persons)
    assert [first.people, second.people] == [
        sum((p.annotation_id > highest) == late for p in chosen) for late in (0, 1)
    ]
    assert first.people + second.people == 30
    assert min(first.people, second.people) > 0
    assert calibration.choose(people, 10, seed=1)[1].sources == ()


def test_one_person_an_image_while_there_are_images_enough(people):
    images = len({p.image_id for p in people.persons})
    chosen, _ = calibration.choose(people, images, seed=0)
    assert len({p.image_id for p in chosen}) == images
    everyone, _ = calibration.choose(people, len(people), seed=0)
    assert len({p.annotation_id for p in everyone}) == len(people)


def test_excluded_images_are_recognised_by_content_not_by_id(people, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(people.path.parent, copy)
    half = coco.load(copy)
    half = replace(half, persons=half.persons[: len(half) // 2])
    banned = {image_digest(p.image_path) for p in half.persons}
    chosen, manifest = calibration.choose(people, 10, seed=0, exclude=half)
    assert not banned & set(manifest.images_sha256)
    assert len(chosen) == 10


def test_a_packed_person_counts_as_the_photo_it_was_cut_from(people, tmp_path):
    packed = coco.load(pack(people, tmp_path / "packed", 96))
    few = replace(people, persons=people.persons[:20])
    banned = {image_digest(p.image_path) for p in few.persons}
    few_packed = replace(packed, persons=packed.persons[:20])
    for candidates, excluded in ((packed, few), (people, few_packed), (packed, few_packed)):
        _, manifest = calibration.choose(candidates, 10, seed=0, exclude=excluded)
        assert not banned & set(manifest.images_sha256)
        everybody, _ = calibration.choose(candidates, len(people), seed=0)
        left = sum(p.digest() not in banned for p in everybody)
        with pytest.raises(ValueError, match=f"{left} people can calibrate"):
            calibration.choose(candidates, left + 1, seed=0, exclude=excluded)


def test_inputs_are_the_crops_of_everywhere_else_with_both_ends_of_the_range(people):
    persons = people.persons[:3]
    inputs = list(calibration.inputs(SPEC, calibration.CalibrationCrops(persons)))
    assert inputs[0].shape == (1, *SPEC.input_hw, 3)
    assert inputs[0].min() == 0.0
    assert inputs[0].max() == 1.0
    from poseport.data.images import read_image

    crop, _ = pose.preprocess(SPEC, read_image(persons[1].image_path), np.array(persons[1].box_xywh))
    np.testing.assert_array_equal(inputs[1][0], pose.normalise(SPEC, crop))
