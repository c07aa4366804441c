"""Whole blocks of published families: imported they compute the same, and two training steps run."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from their_network import converted

from poseport import pose
from poseport.architecture import ForeignArchitecture
from poseport.data import batches, coco
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.tflite.interpreter import Runner
from poseport.train import evaluate, fit
from poseport.train.begin import imported_preset, importing
from poseport.train.networks import models
from poseport.train.request import Start, TrainingData
from poseport.train.samples.augment import AugmentConfig

LAYERS = keras.layers
SPEC = PoseSpec(
    "block", ForeignArchitecture(source="somebody"), COCO17, (64, 64), HeatmapOutput(values="logits"), mean=(0.0,) * 3,
    std=(1.0,) * 3,
)  # fmt: skip


def conv(x, channels, size=1, stride=1, activation="relu"):
    """A convolution, its batch normalisation and an activation."""
    x = LAYERS.Conv2D(channels, size, stride, padding="same", use_bias=False)(x)
    return LAYERS.Activation(activation)(LAYERS.BatchNormalization()(x))


def depthwise(x, size=3, stride=1, activation="linear"):
    """The same of a depthwise one."""
    x = LAYERS.DepthwiseConv2D(size, stride, padding="same", use_bias=False)(x)
    return LAYERS.Activation(activation)(LAYERS.BatchNormalization()(x))


def squeezed(x, activation, gate):
    """Squeeze and excitation."""
    mean = LAYERS.GlobalAveragePooling2D(keepdims=True)(x)
    mean = LAYERS.Conv2D(x.shape[-1] // 4, 1, activation=activation)(mean)
    return LAYERS.Multiply()([x, LAYERS.Conv2D(x.shape[-1], 1, activation=gate)(mean)])


def shuffled(x, groups=2):
    """The channel shuffle."""
    h, w, c = x.shape[1:]
    x = LAYERS.Permute((1, 2, 4, 3))(LAYERS.Reshape((h, w, groups, c // groups))(x))
    return LAYERS.Reshape((h, w, c))(x)


def lite_hrnet(x):
    """A conditional channel weighting block (Yu et al. 2021) with two resolutions, and their fusion."""
    fine = conv(conv(x, 16, 3, 2), 16, 3, 2)
    coarse = conv(fine, 16, 3, 2)
    halves = [(part[..., :8], part[..., 8:]) for part in (fine, coarse)]
    pooled = LAYERS.AveragePooling2D(2)(halves[0][1])
    weights = conv(conv(LAYERS.Concatenate()([pooled, halves[1][1]]), 4), 16, activation="sigmoid")
    made = []
    for i, (kept, other) in enumerate(halves):
        share = weights[..., 8 * i : 8 * i + 8]
        if i == 0:
            share = LAYERS.UpSampling2D(2, interpolation="nearest")(share)
        other = squeezed(depthwise(LAYERS.Multiply()([other, share])), "relu", "sigmoid")
        made.append(shuffled(LAYERS.Concatenate()([kept, other])))
    up = LAYERS.UpSampling2D(2, interpolation="nearest")(conv(made[1], 16, activation="linear"))
    return LAYERS.ReLU()(LAYERS.Add()([made[0], up]))


def csp_next(x):
    """A stage of CSPNeXt (RTMDet, Lyu et al. 2022): large kernels, channel attention, and spatial pyramid pooling."""
    x = conv(conv(x, 16, 3, 2, "silu"), 16, 3, 2, "silu")
    x = conv(x, 8, activation="silu")
    pooled = [x, *(LAYERS.MaxPooling2D(size, 1, padding="same")(x) for size in (5, 9, 13))]
    x = conv(LAYERS.Concatenate()(pooled), 16, activation="silu")
    short, main = conv(x, 8, activation="silu"), conv(x, 8, activation="silu")
    inner = conv(depthwise(conv(main, 8, 3, activation="silu"), 5, activation="silu"), 8, activation="silu")
    both = LAYERS.Concatenate()([LAYERS.Add()([main, inner]), short])
    mean = LAYERS.GlobalAveragePooling2D(keepdims=True)(both)
    both = LAYERS.Multiply()([both, LAYERS.Conv2D(16, 1, activation="hard_sigmoid")(mean)])
    return conv(both, 16, activation="silu")


def focus(x):
    """YOLO's way to halve a map without losing a pixel, as CSPDarknet begins."""
    parts = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
    return conv(conv(LAYERS.Concatenate()(parts), 12, 3, activation="silu"), 16, 3, 2, "silu")


def mobile(x):
    """Inverted residuals of MobileNetV3 (hard swish, squeezed) and of EfficientNet-Lite (ReLU6)."""
    x = conv(conv(x, 8, 3, 2, "hard_swish"), 8, 3, 2, "relu6")
    for activation in ("hard_swish", "relu6"):
        y = depthwise(conv(x, 24, activation=activation), 5, activation=activation)
        if activation == "hard_swish":
            y = squeezed(y, "relu", "hard_sigmoid")
        x = LAYERS.Add()([x, conv(y, 8, activation="linear")])
    return x


@pytest.mark.parametrize("block", [lite_hrnet, csp_next, focus, mobile])
def test_a_block_is_imported_and_trained(block, drawn, tmp_path):
    keras.utils.set_random_seed(1)
    image = keras.Input((64, 64, 3))
    model = keras.Model(image, LAYERS.Conv2D(17, 1)(block(LAYERS.Rescaling(1 / 255)(image))))
    for layer in model.layers:  # statistics that a training would have left
        if isinstance(layer, LAYERS.BatchNormalization):
            layer.set_weights([np.random.default_rng(2).uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    path = tmp_path / "block.tflite"
    path.write_bytes(converted(model))
    importing.import_network(path, SPEC, tmp_path / "out")
    read, rebuilt = models.load(tmp_path / "out", keras)
    people = coco.load(drawn)
    crops = next(batches.batches(read, people.persons, 2)).crops
    wanted = np.concatenate(
        [Runner(path.read_bytes(), "block").invoke(crop[None].astype(np.float32)) for crop in crops]
    )
    got = evaluate.predict_outputs(rebuilt, pose.normalise(read, crops))
    assert np.abs(got - wanted).max() < 1e-4 * np.ptp(wanted)

    chosen = imported_preset.chosen(None, tmp_path / "out")
    settings = replace(chosen.train, epochs=1, batch=2, warmup=0.0, augment=AugmentConfig())
    four = replace(people, persons=people.persons[:4])
    made = fit.fit(chosen.spec, settings, TrainingData(four), tmp_path / "run", start=Start(init=tmp_path / "out"))
    assert made.initial.copied == made.initial.arrays
    trained = models.load(tmp_path / "run", keras)[1]
    assert all(np.isfinite(weight).all() for weight in trained.get_weights())
    moved = [np.abs(a - b).max() for a, b in zip(trained.get_weights(), rebuilt.get_weights(), strict=True)]
    assert np.mean(np.array(moved) > 0) > 0.9
