"""A later stage of a cascade: its samples are what they say, and it corrects a stage that is wrong on purpose."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from poseport import bundle, cascade, crop, pose
from poseport.architecture import DeepPoseArchitecture
from poseport.data import coco
from poseport.predict import predict
from poseport.records import read_json
from poseport.scoring import metrics
from poseport.skeletons import LSP14
from poseport.spec import CoordsOutput, PoseSpec, Refine
from poseport.train import fit, overrides, presets
from poseport.train.config import TrainConfig
from poseport.train.networks import models
from poseport.train.progress import callbacks
from poseport.train.request import Reporting, Start, TrainingData
from poseport.train.samples import cascade_samples
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.sample import CropSource

STILL = AugmentConfig()


@pytest.fixture(scope="module")
def people(drawn):
    return coco.load(drawn).for_training()


def small(people, **changes):
    tiny = DeepPoseArchitecture(width=0.25, dense_units=16)
    return PoseSpec("small", tiny, people.skeleton, (32, 32), CoordsOutput(), **changes)


def later(people):
    return small(people, padding=1.0, refine=Refine(2.0))


@pytest.fixture(scope="module")
def wrong(people, tmp_path_factory):
    """A bundle that always answers the mean pose, too far to the right by a tenth of the input."""
    spec, directory = small(people), tmp_path_factory.mktemp("wrong") / "bundle"
    targets = []
    for person in people.persons:
        matrix = crop.crop_matrix(np.array(person.box_xywh), spec.input_hw, spec.padding)
        target = pose.encode(spec, crop.move_points(person.keypoints[:, :2], matrix))
        targets.append(np.where(person.labelled[:, None], target, np.nan))
    model = models.build(spec, keras)
    head = model.get_layer("coords")
    answer = np.nanmean(targets, axis=0) + np.array([0.1, 0.0])
    head.set_weights([np.zeros_like(head.get_weights()[0]), answer.ravel()])
    callbacks.save_weights(model, directory / bundle.WEIGHTS)
    bundle.write_spec(directory, spec)
    return directory


def test_displacements_are_those_of_the_estimates(people):
    rng = np.random.default_rng(0)
    labels = np.stack([p.keypoints for p in people.persons])
    diameter = rng.uniform(30, 90, len(labels))
    away = rng.normal(size=(*labels.shape[:2], 2))
    estimates = labels.copy()
    estimates[..., :2] += diameter[:, None, None] * away
    estimates[3, 5] = np.nan
    found = cascade_samples.measure(people.persons, estimates, diameter)
    known = labels[..., 2] > 0
    known[3, 5] = False
    for k in range(17):
        np.testing.assert_allclose(found.mean_xy[k], away[known[:, k], k].mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(found.std_xy[k], away[known[:, k], k].std(axis=0), atol=1e-12)
        assert found.counts[k] == known[:, k].sum()


def test_a_keypoint_that_nobody_has_is_displaced_like_the_others(people):
    persons = []
    for person in people.persons:
        keypoints = person.keypoints.copy()
        keypoints[7] = 0
        persons.append(replace(person, keypoints=keypoints))
    estimates = np.stack([p.keypoints for p in persons])
    estimates[..., 0] += np.random.default_rng(0).normal(0, 8, estimates.shape[:2])
    found = cascade_samples.measure(persons, estimates, np.full(len(persons), 50.0))
    assert found.counts[7] == 0
    assert found.mean_xy[7] == (0.0, 0.0)
    assert found.std_xy[7][0] == pytest.approx(np.mean([s[0] for k, s in enumerate(found.std_xy) if k != 7]))
    with pytest.raises(ValueError, match="found no labelled keypoint"):
        cascade_samples.measure(persons, np.full_like(estimates, np.nan), np.full(len(persons), 50.0))


@pytest.fixture(scope="module")
def samples(people, wrong, tmp_path_factory):
    return cascade_samples.stage_samples(later(people), wrong, people, people, tmp_path_factory.mktemp("samples"))


def test_the_errors_of_the_bundle_before_are_found(samples, people, wrong):
    assert sum(samples.displacements.counts) == len(samples.persons) == sum(p.num_labelled for p in people.persons)
    labels = np.stack([p.keypoints for p in people.persons])
    np.testing.assert_allclose(samples.val[0], predict(*cascade_samples.load_stages(wrong), people.persons), atol=1e-3)
    boxes = np.array([p.box_xywh for p in people.persons])
    sizes = cascade.diameters(people.skeleton, boxes, samples.val[0])[:, None]
    known = labels[:, 9, 2] > 0
    wrists = ((samples.val[0] - labels)[:, 9, :2] / sizes)[known]
    np.testing.assert_allclose(samples.displacements.mean_xy[9], wrists.mean(axis=0), atol=1e-3)
    assert np.mean([x for x, _ in samples.displacements.mean_xy]) > 0.1  # too far to the right


def test_flip_averaging_takes_the_mistake_of_one_side_out(samples):
    """The bundle is wrong to the right, and as wrong to the left in a mirror."""
    plain, flipped = samples.val
    wanted = (plain[..., 0].mean() - flipped[..., 0].mean()) / samples.diameter.mean()
    assert wanted == pytest.approx(np.mean([x for x, _ in samples.displacements.mean_xy]), abs=0.1)


def test_draws_are_displaced_by_the_gaussian_of_their_keypoint(samples):
    i = 40
    k, person, side = samples.keypoint[i], samples.persons[i], 2.0 * samples.diameter[i]
    rng = np.random.default_rng(0)
    drawn = [samples.draw(rng, i) for _ in range(3000)]
    boxes = np.array([p.box_xywh for p in drawn])
    np.testing.assert_allclose(boxes[:, 2:], side)
    centres = boxes[:, :2] + (side - 1) / 2
    away = (centres - person.keypoints[k, :2]) / samples.diameter[i]
    std = np.array(samples.displacements.std_xy[k])
    np.testing.assert_allclose(away.mean(axis=0), samples.displacements.mean_xy[k], atol=5 * std.max() / 3000**0.5)
    np.testing.assert_allclose(away.std(axis=0), std, rtol=0.1)
    assert np.flatnonzero(drawn[0].labelled).tolist() == [k]
    assert person.num_labelled > 1  # the person itself is as it was


def test_a_sample_teaches_its_own_keypoint_only(samples, people):
    spec = later(people)
    data = CropSource(spec, samples.persons, STILL, 3, draw=samples.draw)
    mirrored = CropSource(spec, samples.persons, replace(STILL, flip=1.0), 3, draw=samples.draw)
    seen = 0
    for i in range(0, len(samples.persons), 50):
        target = pose.encode(spec, data.plan(0, i).points)
        rows = np.flatnonzero(np.isfinite(target).all(axis=1))
        assert set(rows) <= {samples.keypoint[i]}  # none where the displacement threw it out of the crop
        if len(rows):
            seen += 1
            assert np.abs(target[rows]).max() <= 0.5
            other = pose.encode(spec, mirrored.plan(0, i).points)
            np.testing.assert_allclose(other[spec.skeleton.flip_index[rows]], target[rows] * [-1, 1], atol=1e-5)
    assert seen > 5


SETTINGS = TrainConfig(
    loss="l1", epochs=6, batch=32, learning_rate=5e-3, eval_every=6, augment=replace(STILL, contrast=0.1)
)


@pytest.fixture(scope="module")
def trained(people, wrong, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "run"
    return out, fit.fit(later(people), SETTINGS, TrainingData(people, people), out, start=Start(previous=wrong))


def test_training_corrects_a_stage_that_is_wrong_on_purpose(people, wrong, trained):
    out, record = trained
    labels = np.stack([p.keypoints for p in people.persons])
    stages = cascade_samples.load_stages(out)
    assert len(stages) == 2
    before = metrics.distances(predict(stages[0], people.persons), labels)
    refined = cascade.predict(stages, people.persons)[0]
    after = metrics.distances(refined, labels)
    assert np.nanmean(after) < 0.9 * np.nanmean(before)
    boxes = metrics.box_sizes(np.array([p.box_xywh for p in people.persons]))
    pck = metrics.rate(metrics.pck(refined, labels, boxes, 0.1))
    assert record.best["PCK@0.1/box"] == pytest.approx(pck, abs=0.01)  # validation ran the whole cascade
    assert read_json(cascade_samples.Displacements, out / bundle.REFINE).counts
    assert not (out / "resume").exists()


@pytest.mark.slow
def test_an_interrupted_later_stage_ends_with_the_same_weights(people, wrong, tmp_path):
    settings = replace(SETTINGS, epochs=2, eval_every=9)
    few = replace(people, persons=people.persons[:12])

    def interrupt(line, **_):
        if line.startswith("epoch 1/2"):
            raise KeyboardInterrupt

    fit.fit(later(people), settings, TrainingData(few), tmp_path / "whole", start=Start(previous=wrong))
    with pytest.raises(fit.Interrupted):
        fit.fit(
            later(people),
            settings,
            TrainingData(few),
            tmp_path / "cut",
            start=Start(previous=wrong),
            reporting=Reporting(echo=interrupt),
        )
    with pytest.raises(ValueError, match=r"refines another bundle than .*cut"):
        fit.fit(
            later(people),
            settings,
            TrainingData(few),
            tmp_path / "cut",
            start=Start(previous=tmp_path / "cut", resume=True),
        )
    assert (tmp_path / "cut" / "resume" / cascade_samples.ESTIMATES).exists()
    fit.fit(later(people), settings, TrainingData(few), tmp_path / "cut", start=Start(previous=wrong, resume=True))
    _, a = models.load(tmp_path / "whole", keras)
    _, b = models.load(tmp_path / "cut", keras)
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_estimates_that_were_cut_off_are_made_again(people, wrong, tmp_path):
    first = cascade_samples.stage_samples(later(people), wrong, people, None, tmp_path)
    path = tmp_path / "resume" / cascade_samples.ESTIMATES
    whole = path.read_bytes()
    for spoilt in (whole[: len(whole) // 2], b"", b"text"):
        path.write_bytes(spoilt)
        again = cascade_samples.stage_samples(later(people), wrong, people, None, tmp_path)
        np.testing.assert_array_equal(first.diameter, again.diameter)
    fewer = replace(people, persons=people.persons[:5])  # other people, other estimates
    assert len(cascade_samples.stage_samples(later(people), wrong, fewer, None, tmp_path).persons) < len(first.persons)


def test_what_cannot_be_refined_is_refused_and_leaves_nothing(people, wrong, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="small refines the keypoints of a trained bundle; name it with --refine"):
        fit.fit(later(people), SETTINGS, TrainingData(people), out)
    with pytest.raises(ValueError, match=r"small is not a later stage of a cascade; remove --refine"):
        fit.fit(small(people), SETTINGS, TrainingData(people), out, start=Start(previous=wrong))
    with pytest.raises(ValueError, match=r"holds no spec\.json, so it is not a bundle"):
        fit.fit(later(people), SETTINGS, TrainingData(people), out, start=Start(previous=tmp_path))
    other = overrides.with_skeleton(presets.preset("mobile-deeppose-refine"), LSP14)
    with pytest.raises(ValueError, match=r"its skeleton is 'coco17', and the people are labelled with 'lsp14'"):
        cascade_samples.check(other.spec, wrong)
    assert not out.exists()
