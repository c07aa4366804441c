"""Every network: sizes of the papers, two Kerases, and the whole way from training to int8."""

import keras
import numpy as np
import pytest
import tf_keras
from small_networks import cpm, deeppose, hourglass, on_mobilenet

from poseport import pose
from poseport.architecture import DeepPoseArchitecture
from poseport.convert import recipes, to_tflite
from poseport.convert.request import Request
from poseport.data import batches, coco
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, PoseSpec, SimccOutput
from poseport.tflite.runner import load
from poseport.train import fit, presets
from poseport.train.config import TrainConfig
from poseport.train.evaluate import predict_outputs
from poseport.train.networks import models
from poseport.train.request import TrainingData

NETWORKS = {
    "hourglass, two stacks, bottleneck, sigmoid": hourglass(
        stacks=2, width=16, depth=2, block="bottleneck", head="sigmoid"
    ),
    "cpm, plain, with background": cpm(2, "plain", stride=8),
    "cpm, separable, logits": cpm(2, "separable", stride=8, values="logits"),
    "deeppose, alexnet, visibility": deeppose("alexnet", "visibility", 96),
    "deeppose, resnet18": deeppose("resnet18"),
    "mobilenet, cut, with a small hourglass": on_mobilenet(blocks=8, depth=2),
    "deeppose, mobile, sigma": deeppose("mobile", "sigma"),
    "mobilenet, sigma": on_mobilenet(CoordsOutput(score="sigma"), blocks=14, dense_units=16),
    "mobilenet, simcc": on_mobilenet(SimccOutput(values="logits"), blocks=14, dense_units=16),
}
ALL = pytest.mark.parametrize("spec", list(NETWORKS.values()), ids=list(NETWORKS))


# each costs a training; the others stand for them where their parts are the same
FEW = ("cpm, separable, logits", "mobilenet, sigma", "mobilenet, simcc")


@pytest.mark.parametrize(
    "spec",
    [pytest.param(spec, marks=() if name in FEW else pytest.mark.slow) for name, spec in NETWORKS.items()],
    ids=list(NETWORKS),
)
def test_from_training_to_int8(spec, drawn, tmp_path):
    """Trained for a few steps, saved, reloaded, converted: everything int8, no MUL left over, the same outputs."""
    people = coco.load(drawn)
    loss = {"logits": "softmax", "sigma": "laplace"}.get(getattr(spec.output, "values", None) or spec.output.score)
    settings = TrainConfig(loss=loss or "mse", epochs=1, batch=16, learning_rate=1e-3)
    record = fit.fit(spec, settings, TrainingData(people), tmp_path / "run")
    assert record.epochs_done == 1
    done = to_tflite.convert(
        Request(tmp_path / "run", recipes.recipe("int8"), tmp_path / "m.tflite", people, calib_count=16)
    )
    found = done.inspection
    assert found.macs_by_dtype == {"int8": found.macs}
    assert found.float_islands == ()
    assert "MUL" not in found.op_counts
    joined = isinstance(spec.output, SimccOutput) or spec.output == CoordsOutput(score="sigma")
    assert ("CONCATENATION" in found.op_counts) == joined
    assert [output.shape for output in found.outputs] == [(1, *tensor.shape) for tensor in spec.output_tensors]
    # raw outputs: the highest cell of a map that has hardly been trained is anywhere
    _, model = models.load(tmp_path / "run", keras)
    crops = next(batches.batches(spec, people.persons, 8)).crops
    wanted = predict_outputs(model, pose.normalise(spec, crops))
    converted = load(done.path)
    error = converted.infer(converted.prepare(crops)) - wanted
    # hardly trained, a network says nearly the same to everybody; and an int8 sigmoid has steps of 1/256
    assert np.sqrt(np.mean(error**2)) < max(0.05 * np.ptp(wanted), 1 / 256)


@ALL
def test_keras_3_and_tf_keras_build_the_same_network(spec):
    """tensorflow-model-optimization takes only tf_keras networks; weights are copied by layer name."""
    keras.utils.set_random_seed(1)
    new, old = models.build(spec, keras), models.build(spec, tf_keras)
    for layer in old.layers:
        if layer.get_weights():
            layer.set_weights(new.get_layer(layer.name).get_weights())
    images = np.random.default_rng(0).random((2, *spec.input_hw, 3)).astype("float32")
    a, b = new.predict_on_batch(images), old.predict_on_batch(images)
    if isinstance(a, list):
        a, b = a[-1], b[-1]
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_paper_sizes():
    assert models.build(presets.preset("hourglass-2").spec, keras).count_params() == pytest.approx(6.6e6, rel=0.02)
    assert models.build(presets.preset("mobile-hourglass").spec, keras).count_params() < 200_000
    # He et al.'s ResNet-18 has 11.69 M parameters, 0.51 M of them in its classifier
    trunk = DeepPoseArchitecture(trunk="resnet18", dense_units=0)
    spec = PoseSpec("resnet", trunk, COCO17, (64, 64), CoordsOutput())
    head = 512 * 34 + 34
    assert sum(int(np.prod(w.shape)) for w in models.build(spec, keras).trainable_weights) - head == 11_176_512
