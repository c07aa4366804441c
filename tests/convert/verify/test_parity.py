import keras
import pytest

from poseport.convert.verify import parity
from poseport.data import coco
from poseport.tflite.runner import load
from poseport.train import evaluate
from poseport.train.networks import models


def test_the_float_file_is_its_network_and_another_network_is_not(tiny_bundle, tiny_models, drawn):
    persons = coco.load(drawn).persons[:12]
    spec, model = models.load(tiny_bundle, keras)
    converted = load(tiny_models["float32"])
    steps = []
    same = parity.compare(evaluate.KerasNetwork(spec, model), converted, persons, None, steps.append)
    assert sum(steps) == 12
    assert same.people == 12
    assert same.of == 12 * 17
    assert same.p99_px < 0.5
    assert same.tflite_score == pytest.approx(same.keras_score, rel=1e-3)
    keras.utils.set_random_seed(99)
    other = parity.compare(evaluate.KerasNetwork(spec, models.build(spec, keras)), converted, persons, None)
    assert other.mean_px > 5
