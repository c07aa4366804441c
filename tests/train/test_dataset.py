from dataclasses import replace

import numpy as np
import pytest

from poseport import coco, heatmap
from poseport.spec import CoordsOutput, DeepPoseArchitecture
from poseport.train import presets
from poseport.train.augment import AugmentConfig
from poseport.train.dataset import TrainingPeople

PRESET = presets.customise(presets.preset("mobile-hourglass"), {"input_size": 64})
STILL = AugmentConfig(rotation_deg=0, scale=0, shift=0, flip=0, colour=0)


@pytest.fixture(scope="module")
def persons(drawn):
    return coco.load(drawn).for_training().persons


def test_a_batch_depends_on_seed_epoch_and_index_only(persons):
    whole = TrainingPeople(PRESET.spec, persons, PRESET.train.augment, 8, seed=3, epochs=4)
    resumed = TrainingPeople(PRESET.spec, persons, PRESET.train.augment, 8, seed=3, epochs=4, first_epoch=2)
    steps = whole.steps
    assert len(whole) == 4 * steps
    assert len(resumed) == 2 * steps
    resumed[0]  # having been asked for another batch changes nothing
    for a, b in zip(whole[2 * steps + 1], resumed[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[1][0], whole[steps + 1][0])
    other = TrainingPeople(PRESET.spec, persons, PRESET.train.augment, 8, seed=4)
    assert not np.array_equal(whole[1][0], other[1][0])


def test_an_epoch_shows_everyone_once(persons):
    data = TrainingPeople(PRESET.spec, persons, STILL, 4, seed=0)
    seen = np.concatenate([data[i][0] for i in range(len(data))])
    assert len(seen) == len(persons) // 4 * 4
    assert len({image.tobytes() for image in seen}) == len(seen)


def test_shapes_types_and_supervision_of_every_stack(persons):
    data = TrainingPeople(PRESET.spec, persons, PRESET.train.augment, 8, seed=0, outputs=3)
    images, targets = data[0]
    assert images.dtype == np.float32
    assert images.shape == (8, 64, 64, 3)
    assert 0 <= images.min() < images.max() <= 1
    assert len(targets) == 3
    assert targets[0].shape == (8, 16, 16, 17)


def test_the_target_peaks_where_the_crop_shows_the_keypoint(persons):
    data = TrainingPeople(PRESET.spec, persons, STILL, 8, seed=0)
    person = persons[0]
    _, target = data.sample(0, 0)
    labelled = np.isfinite(target[0, 0])
    assert labelled.sum() == person.num_labelled
    from poseport import crop

    matrix = crop.crop_matrix(person.box_xywh, (64, 64), PRESET.spec.padding)
    wanted = crop.move_points(person.keypoints[:, :2], matrix)[labelled]
    found, _ = heatmap.decode(np.nan_to_num(target)[None], PRESET.spec.output.decode, 4)
    inside = ((wanted > 4) & (wanted < 60)).all(axis=1)
    np.testing.assert_allclose(found[0][labelled][inside], wanted[inside], atol=0.05)


def test_a_mirrored_sample_swaps_left_and_right(persons):
    flip = replace(STILL, flip=1.0)
    plain, _ = np.asarray(TrainingPeople(PRESET.spec, persons, STILL, 8, 0).sample(0, 1)[0]), None
    image, target = TrainingPeople(PRESET.spec, persons, flip, 8, 0).sample(0, 1)
    original = TrainingPeople(PRESET.spec, persons, STILL, 8, 0).sample(0, 1)[1]
    np.testing.assert_allclose(image.astype(int), plain[:, ::-1].astype(int), atol=2)
    index = PRESET.spec.skeleton.flip_index
    np.testing.assert_allclose(target, original[:, ::-1][..., index], atol=1e-4)


def test_unlabelled_and_cropped_away_keypoints_are_masked(persons):
    person = persons[0]
    keypoints = person.keypoints.copy()
    keypoints[0] = 0  # unlabelled
    keypoints[1] = (-500, -500, 2)  # labelled, far outside the crop
    changed = replace(person, keypoints=keypoints)
    _, target = TrainingPeople(PRESET.spec, [changed], STILL, 1, 0).sample(0, 0)
    assert np.isnan(target[..., :2]).all()
    coords = replace(PRESET.spec, architecture=DeepPoseArchitecture(), output=CoordsOutput())
    _, target = TrainingPeople(coords, [changed], STILL, 1, 0).sample(0, 0)
    assert np.isnan(target[:2]).all()
    assert np.isfinite(target[person.labelled & (np.arange(17) > 1)]).all()
