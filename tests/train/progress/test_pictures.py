"""The pictures that show a network learning."""

import keras
import numpy as np
import pytest

from poseport import crop, draw, pose
from poseport.data import batches, coco
from poseport.train.networks import models
from poseport.train.progress.pictures import Pictures, row


@pytest.fixture(scope="module")
def people(drawn):
    return coco.load(drawn)


def test_a_row_shows_labels_heatmaps_of_every_stack_and_what_was_found(people, tiny_bundle):
    spec, _ = models.load(tiny_bundle, keras)
    part = next(iter(batches.batches(spec, people.persons[:1])))
    truth = part.persons[0].keypoints.copy()
    truth[:, :2] = crop.move_points(truth[:, :2], part.matrices[0])
    right = np.log(pose.encode(spec, truth[:, :2]) + 1e-12)
    picture = row(spec, part.crops[0], truth, (np.zeros_like(right), right))
    side = 256
    assert picture.shape == (side, 4 * side + 3 * 4, 3)
    labels, flat, sharp, found = (picture[:, i * (side + 4) :][:, :side].astype(float) for i in range(4))
    # a network that is right is drawn as the labels are, but for keypoints that nobody labelled
    names = spec.skeleton.names
    for name, (x, y, seen) in zip(names, truth, strict=True):
        u, v = (round(4 * value + 1.5) for value in (x, y))
        if seen and 30 < v < side - 4 and 4 < u < side - 4:
            near = (slice(v - 3, v + 4), slice(u - 3, u + 4))
            colour = np.array(draw.SIDE_COLOURS[0 if "left" in name else 1 if "right" in name else 2], float)
            assert np.abs(labels[near] - colour).max(axis=2).min() < 30, name
            assert np.abs(sharp[near] - flat[near]).max() > 30, name
    assert np.abs(labels[30:] - found[30:]).max(axis=2).mean() < 25


def test_the_same_people_are_drawn_in_the_epochs_that_are_scored(people, tiny_bundle, tmp_path):
    spec, model = models.load(tiny_bundle, keras)
    model.compile("sgd", "mse")
    pictures = Pictures(spec, people, 3, tmp_path, every=2, epochs=3)
    pictures.set_model(model)
    for epoch in range(3):
        pictures.on_epoch_end(epoch)
    written = sorted((tmp_path / "pictures").iterdir())
    assert [path.name for path in written] == ["epoch-00002.jpg", "epoch-00003.jpg"]
    assert written[0].read_bytes() == written[1].read_bytes()
    assert [p.annotation_id for p in pictures.persons] == [people.persons[i].annotation_id for i in (0, 30, 59)]
