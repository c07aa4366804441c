import keras
import numpy as np

from poseport import coco
from poseport.train import evaluate, models


def test_flip_averaging_of_a_network_without_sides_changes_nothing(drawn, tiny_bundle):
    """Unmirroring is right when a prediction and its mirrored twin agree: tested by making them agree."""
    people = coco.load(drawn)
    spec, model = models.load(tiny_bundle, keras)

    class Symmetric:
        """Averages over both mirror images itself."""

        def predict_on_batch(self, images):
            from poseport import pose

            return (
                model.predict_on_batch(images) + pose.unmirror(spec, model.predict_on_batch(images[:, :, ::-1]))
            ) / 2

    plain = evaluate.predict(spec, Symmetric(), people, flip=False)
    twice = evaluate.predict(spec, Symmetric(), people, flip=True)
    np.testing.assert_allclose(plain, twice, atol=0.01)
    assert plain.shape == (len(people), 17, 3)
