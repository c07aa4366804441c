import keras
import numpy as np

from poseport import crop, flip, pose
from poseport.data import batches, coco
from poseport.train import evaluate
from poseport.train.networks import models
from poseport.train.progress.log_csv import SCORES


def test_flip_averaging_of_a_network_without_sides_changes_nothing(drawn, tiny_bundle):
    """Unmirroring is right when a prediction and its mirrored twin agree: tested by making them agree."""
    people = coco.load(drawn)
    spec, model = models.load(tiny_bundle, keras)

    class Symmetric:
        """Averages over both mirror images itself."""

        def predict_on_batch(self, images):
            return (model.predict_on_batch(images) + flip.unflip(spec, model.predict_on_batch(flip.flip(images)))) / 2

    plain, averaged = evaluate.predict(spec, Symmetric(), people)
    np.testing.assert_allclose(plain, averaged, atol=0.01)
    assert plain.shape == (len(people), 17, 3)


def test_scores_come_without_and_with_flip_averaging(drawn, tiny_bundle):
    """A network that knows every picture, and says something else, and louder, to its mirror image."""
    people = coco.load(drawn)
    spec, _ = models.load(tiny_bundle, keras)
    answers = []
    for part in batches.batches(spec, people.persons, 32):
        points = [
            crop.move_points(person.keypoints[:, :2], matrix)
            for person, matrix in zip(part.persons, part.matrices, strict=True)
        ]
        logits = np.log(np.stack([pose.encode(spec, one) for one in points]) + 1e-12)
        answers += [logits, 3 * np.roll(logits, spec.heatmap_hw[0] // 2, axis=1)]

    class Knows:
        def predict_on_batch(self, images):
            return answers.pop(0)

    values = evaluate.evaluate(spec, Knows(), people)
    assert set(SCORES) <= values.keys()
    assert values["PCK@0.1/box"] > 0.95
    assert values["PCK@0.1/box+flip"] < 0.2
