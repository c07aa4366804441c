"""Every network: shapes, parts of the papers, two Kerases, and the whole way from training to int8."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tf_keras

from poseport import pose
from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture, MobileNetArchitecture
from poseport.convert import recipes, to_tflite
from poseport.convert.request import Request
from poseport.data import batches, coco
from poseport.skeletons import COCO17, LSP14, MPII16
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.tflite.runner import load
from poseport.train import fit, presets
from poseport.train.config import TrainConfig
from poseport.train.evaluate import predict_outputs
from poseport.train.networks import mobilenet, models
from poseport.train.request import TrainingData


def hourglass(**architecture):
    return PoseSpec("test", HourglassArchitecture(**architecture), COCO17, (64, 64), HeatmapOutput())


def cpm(stages, block, stride=4, values="gaussian"):
    architecture = CpmArchitecture(stages=stages, width=16, block=block)
    return PoseSpec("test", architecture, COCO17, (64, 64), HeatmapOutput(stride=stride, values=values))


def deeppose(trunk, score="none", size=64):
    architecture = DeepPoseArchitecture(trunk=trunk, width=0.125, dense_units=32, dropout=0.5)
    return PoseSpec("test", architecture, COCO17, (size, size), CoordsOutput(score=score))


def on_mobilenet(size=64, **architecture):
    architecture = MobileNetArchitecture(multiplier=0.25, width=16, **architecture)
    return PoseSpec("test", architecture, COCO17, (size, size), HeatmapOutput(values="logits"))


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
}
ALL = pytest.mark.parametrize("spec", list(NETWORKS.values()), ids=list(NETWORKS))


@ALL
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
    assert ("CONCATENATION" in found.op_counts) == (spec.output == CoordsOutput(score="sigma"))
    assert found.outputs[0].shape == (1, *spec.output_shape)
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


@pytest.mark.parametrize("block", ["separable", "bottleneck"])
@pytest.mark.parametrize("stacks", [1, 3])
def test_an_hourglass_gives_one_set_of_heatmaps_a_stack(block, stacks):
    model = models.build(hourglass(stacks=stacks, width=16, depth=2, block=block), keras)
    assert [tuple(o.shape) for o in model.outputs] == [(None, 16, 16, 17)] * stacks


@pytest.mark.parametrize("skeleton", [LSP14, MPII16], ids=lambda s: s.name)
def test_the_lowest_resolution_is_four_by_four(skeleton):
    spec = replace(hourglass(width=16, depth=2), skeleton=skeleton)
    model = models.build(spec, keras)
    assert min(layer.output.shape[1] for layer in model.layers if len(layer.output.shape) == 4) == 4
    assert model.outputs[0].shape[-1] == len(skeleton)


@pytest.mark.parametrize(("head", "low", "high"), [("sigmoid", 0.0, 1.0), ("relu", 0.0, np.inf)])
def test_the_head_activation_bounds_the_heatmaps(head, low, high):
    keras.utils.set_random_seed(0)
    model = models.build(hourglass(width=16, depth=2, head=head), keras)
    out = model.predict_on_batch(np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32") * 9)
    assert out.min() >= low
    assert out.max() <= high


@pytest.mark.parametrize("block", ["plain", "separable"])
def test_a_pose_machine_supervises_every_stage_and_deploys_no_background(block):
    gaussian = models.build(cpm(3, block, stride=8), keras)
    assert [tuple(o.shape) for o in gaussian.outputs] == [(None, 8, 8, 18), (None, 8, 8, 18), (None, 8, 8, 17)]
    logits = models.build(cpm(3, block, values="logits"), keras)
    assert [tuple(o.shape) for o in logits.outputs] == [(None, 16, 16, 17)] * 3
    assert len(models.build(cpm(1, block), keras).outputs) == 1


def test_stages_from_the_second_on_share_one_feature_extractor():
    one, two, three, four = (models.build(cpm(n, "plain"), keras) for n in (1, 2, 3, 4))
    extractor = sum(layer.count_params() for layer in two.layers if layer.name.startswith("two_"))
    assert extractor == sum(layer.count_params() for layer in one.layers if layer.name.startswith("one_"))
    stage = four.count_params() - three.count_params()
    assert stage == three.count_params() - two.count_params()
    # the first refining stage brings the extractor and, as it stops being the last, a background map before it
    background = 4 * 16 + 1 - (16 + 1)
    assert two.count_params() - one.count_params() == stage + extractor + background


@pytest.mark.parametrize(("blocks", "stride"), [(4, 8), (6, 8), (7, 16), (13, 16), (14, 32), (17, 32)])
def test_an_encoder_ends_where_its_blocks_do(blocks, stride):
    spec = on_mobilenet(blocks=blocks)
    assert spec.architecture.encoder_stride == stride
    model = models.build(spec, keras)
    assert model.get_layer("top_conv").output.shape[1] == 64 // stride
    assert model.outputs[0].shape[1:] == (16, 16, 17)


def test_paper_sizes():
    assert models.build(presets.preset("hourglass-2").spec, keras).count_params() == pytest.approx(6.6e6, rel=0.02)
    assert models.build(presets.preset("mobile-hourglass").spec, keras).count_params() < 200_000
    # He et al.'s ResNet-18 has 11.69 M parameters, 0.51 M of them in its classifier
    trunk = DeepPoseArchitecture(trunk="resnet18", dense_units=0)
    spec = PoseSpec("resnet", trunk, COCO17, (64, 64), CoordsOutput())
    head = 512 * 34 + 34
    assert sum(int(np.prod(w.shape)) for w in models.build(spec, keras).trainable_weights) - head == 11_176_512


@pytest.mark.parametrize(("score", "numbers"), [("none", 2), ("visibility", 3), ("sigma", 3)])
def test_deeppose_gives_coordinates(score, numbers):
    for trunk, size in (("alexnet", 96), ("mobile", 64)):
        model = models.build(deeppose(trunk, score, size), keras)
        assert tuple(model.outputs[0].shape) == (None, 17, numbers)
        assert sum("dropout" in layer.name for layer in model.layers) == (2 if trunk == "alexnet" else 1)


def test_a_sigma_stays_between_0_and_1_whatever_comes_in():
    model = models.build(deeppose("mobile", "sigma"), keras)
    layer = model.get_layer("score")
    layer.set_weights([w * 0 + sign for w, sign in zip(layer.get_weights(), (0, 50), strict=True)])
    out = model.predict_on_batch(np.zeros((1, 64, 64, 3), np.float32))
    np.testing.assert_allclose(out[..., 2], 0.5)
    # the encoder is Keras's own MobileNetV2 without the last 1x1, which stands before a classifier
    whole = models.build(on_mobilenet(size=96, blocks=17), keras)
    encoder = sum(x.count_params() for x in whole.layers if x.name.startswith(mobilenet.ENCODER))
    theirs = keras.applications.MobileNetV2(input_shape=(96, 96, 3), alpha=0.25, include_top=False, weights=None)
    last = sum(theirs.get_layer(name).count_params() for name in ("Conv_1", "Conv_1_bn"))
    assert encoder == theirs.count_params() - last
