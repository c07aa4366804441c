from dataclasses import replace

import numpy as np
import pytest

from poseport import crop, heatmap, pose
from poseport.architecture import DeepPoseArchitecture
from poseport.data import coco
from poseport.spec import CoordsOutput, Decode
from poseport.train import overrides, presets
from poseport.train.samples.augment import HEAVY, AugmentConfig
from poseport.train.samples.backgrounds import find_photos
from poseport.train.samples.crop_batches import Shard
from poseport.train.samples.sample import CropSource, render
from poseport.train.samples.training_batches import TrainingBatches

PRESET = overrides.customise(presets.preset("mobile-hourglass"), {"input_size": 64})
STILL = AugmentConfig()


def sample(spec, persons, ranges, i=0, **options):
    """Crop (H, W, 3) in [0, 1] and target of person i."""
    data = TrainingBatches(CropSource(spec, [persons[i]], ranges, **options), 1)
    images, targets = data.make(0)
    return images[0], targets[0]


@pytest.fixture(scope="module")
def persons(drawn):
    return coco.load(drawn).for_training().persons


def test_a_batch_depends_on_seed_epoch_and_index_only(persons):
    source = CropSource(PRESET.spec, persons, PRESET.train.augment, seed=3)
    whole = TrainingBatches(source, 8, epochs=4)
    resumed = TrainingBatches(source, 8, epochs=4, first_epoch=2)
    steps = whole.steps
    assert len(whole) == 4 * steps
    assert len(resumed) == 2 * steps
    resumed[0]  # having been asked for another batch changes nothing
    for a, b in zip(whole[2 * steps + 1], resumed[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[1][0], whole[steps + 1][0])
    other = TrainingBatches(replace(source, seed=4), 8)
    assert not np.array_equal(whole[1][0], other[1][0])


def test_an_epoch_shows_everyone_once(persons):
    data = TrainingBatches(CropSource(PRESET.spec, persons, STILL), 4)
    seen = np.concatenate([data[i][0] for i in range(len(data))])
    assert len(seen) == len(persons) // 4 * 4
    assert len({image.tobytes() for image in seen}) == len(seen)


def test_shapes_types_and_supervision_of_every_stack(persons):
    data = TrainingBatches(CropSource(PRESET.spec, persons, PRESET.train.augment), 8, outputs=3)
    images, targets = data[0]
    assert images.dtype == np.float32
    assert images.shape == (8, 64, 64, 3)
    assert 0 <= images.min() < images.max() <= 1
    assert len(targets) == 3
    assert targets[0].shape == (8, 16, 16, 17)


def test_the_target_peaks_where_the_crop_shows_the_keypoint(persons):
    person = persons[0]
    _, target = sample(PRESET.spec, persons, STILL)
    labelled = np.isfinite(target[0, 0])
    assert labelled.sum() == person.num_labelled
    matrix = crop.crop_matrix(person.box_xywh, (64, 64), PRESET.spec.padding)
    wanted = crop.move_points(person.keypoints[:, :2], matrix)[labelled]
    found, _ = heatmap.decode(np.nan_to_num(target)[None], Decode("dark"), 4)
    inside = ((wanted > 4) & (wanted < 60)).all(axis=1)
    np.testing.assert_allclose(found[0][labelled][inside], wanted[inside], atol=0.05)


def test_a_mirrored_sample_swaps_left_and_right(persons):
    flip = replace(STILL, flip=1.0)
    plain, original = sample(PRESET.spec, persons, STILL, 1)
    image, target = sample(PRESET.spec, persons, flip, 1)
    np.testing.assert_allclose(image, plain[:, ::-1], atol=2.5 / 255)
    index = PRESET.spec.skeleton.flip_index
    np.testing.assert_allclose(target, original[:, ::-1][..., index], atol=1e-4)


def test_unlabelled_and_cropped_away_keypoints_are_masked(persons):
    person = persons[0]
    keypoints = person.keypoints.copy()
    keypoints[0] = 0  # unlabelled
    keypoints[1] = (-500, -500, 2)  # labelled, far outside the crop
    changed = replace(person, keypoints=keypoints)
    _, target = sample(PRESET.spec, [changed], STILL)
    assert np.isnan(target[..., :2]).all()
    coords = replace(PRESET.spec, architecture=DeepPoseArchitecture(), output=CoordsOutput())
    _, target = sample(coords, [changed], STILL)
    assert np.isnan(target[:2]).all()
    assert np.isfinite(target[person.labelled & (np.arange(17) > 1)]).all()


def test_a_batch_is_the_pictures_normalised_with_everything_on(persons):
    """The tone that is folded into the normalisation gives the bits of the one after the other."""
    ranges = replace(HEAVY, grey=0.2, occlude=0.5, half_body=0.5)
    data = TrainingBatches(CropSource(PRESET.spec, persons, ranges), 16)
    images, targets = data.make(1)
    order = np.random.default_rng((0, 0, 1)).permutation(len(persons))[16:32]
    for image, target, i in zip(images, targets, order, strict=True):
        plan = data.source.plan(0, int(i))
        picture = render(PRESET.spec, plan).picture()
        np.testing.assert_array_equal(image, pose.normalise(PRESET.spec, picture))
        np.testing.assert_array_equal(target, pose.encode(PRESET.spec, plan.points))


def test_a_background_shows_nobody_and_its_target_says_so(persons):
    ranges = AugmentConfig(background=1.0)
    # a photo with all the room: nobody is in it but far to the side
    alone = replace(persons[0], box_xywh=(0.0, 0.0, 4.0, 4.0))
    photos = find_photos(None, [alone], 1.0)
    _, target = sample(PRESET.spec, persons, ranges, backgrounds=photos)
    assert (target == 1).all()  # logits: every cell alike
    gaussian = overrides.customise(PRESET, {"loss": "mse"}).spec
    _, target = sample(gaussian, persons, ranges, backgrounds=photos)
    assert (target == 0).all()
    # no room beside a person who fills the photo: then the person it is
    h, w = persons[0].image_hw
    photos = find_photos(None, [replace(persons[0], box_xywh=(0.0, 0.0, float(w), float(h)))], 1.0)
    _, target = sample(PRESET.spec, persons, ranges, backgrounds=photos)
    assert np.isfinite(target).any()
    assert 0 < np.nanmax(target) <= 1
    assert np.nanmin(target) < 1e-6


STEPS = 7  # an epoch of 60 people in batches of 8


def test_shards_of_a_batch_are_the_batch(drawn):
    chosen = overrides.customise(presets.preset("mobile-hourglass"), {"input_size": 64}, ["augment.background=0.3"])
    persons = coco.load(drawn).for_training().persons

    source = CropSource(chosen.spec, persons, chosen.train.augment, seed=3, backgrounds=find_photos(None, persons, 0.3))

    def batch(shard):
        return TrainingBatches(source, 8, epochs=2, shard=shard)[STEPS + 1]

    whole = batch(Shard())
    for of_all, *of_shards in zip(whole, *(batch(Shard(i, 4)) for i in range(4)), strict=True):
        assert all(len(rows) == 2 for rows in of_shards)
        np.testing.assert_array_equal(np.concatenate(of_shards), of_all)
