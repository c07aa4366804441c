from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from poseport import heatmap, pose
from poseport.architecture import MobileNetArchitecture
from poseport.skeletons import COCO17
from poseport.spec import PoseSpec, SimccOutput
from poseport.train import losses

NAN = np.nan
BINS = partial(losses.bins_softmax, 32)


def value(loss, target, predicted):
    return float(loss(ops.convert_to_tensor(target, "float32"), ops.convert_to_tensor(predicted, "float32")))


def test_coords_known_values():
    target = np.array([[[0.1, 0.2], [NAN, NAN]]])
    predicted = np.array([[[0.3, 0.1], [9.0, 9.0]]])
    assert value(losses.coords_l2, target, predicted) == pytest.approx(0.2**2 + 0.1**2, rel=1e-5)
    assert value(losses.coords_l1, target, predicted) == pytest.approx(0.3, rel=1e-5)


def test_visibility_is_learned_where_coordinates_are_not_labelled():
    """Equations 4 and 5 of Gupta and Gritton: w = [0, 0, 1] where a keypoint is not in the picture."""
    target = np.array([[[0.1, 0.2, 0.5], [NAN, NAN, -0.5]]])
    predicted = np.array([[[0.3, 0.1, 0.4], [9.0, 9.0, -0.2]]])
    squared = 0.2**2 + 0.1**2 + 0.1**2 + 0.3**2
    assert value(losses.coords_l2, target, predicted) == pytest.approx(3 * squared / 4, rel=1e-5)
    assert value(losses.coords_l1, target, predicted) == pytest.approx(3 * 0.7 / 4, rel=1e-5)


def test_laplace_is_its_formula_and_lowest_where_sigma_is_the_mean_error():
    target = np.array([[[0.10, 0.20, 0.5], [NAN, NAN, -0.5]]])

    def at(sigma):
        predicted = np.array([[[0.16, 0.18, 0.5 - sigma], [9.0, 9.0, 0.3]]])
        return value(losses.coords_laplace, target, predicted)

    assert at(0.1) == pytest.approx(2 * np.log(0.2) + (0.06 + 0.02) / 0.1, rel=1e-5)
    assert at(0.04) < min(at(0.035), at(0.045))
    assert at(0.0) == pytest.approx(at(1e-3), rel=1e-4)  # the floor


def test_an_extra_map_is_the_background():
    target = np.zeros((1, 2, 2, 2))
    target[0, 0, 0, 0], target[0, 0, 1, 0] = 1.0, 0.25
    target[..., 1] = NAN
    predicted = np.zeros((1, 2, 2, 3))
    predicted[..., :2] = target[..., :2]
    predicted[..., 1] = 77
    predicted[..., 2] = [[0.0, 0.75], [1.0, 1.0]]
    assert value(losses.heatmap_mse, target, predicted) == pytest.approx(0.0, abs=1e-9)
    predicted[0, 0, 0, 2] = 0.8
    assert value(losses.heatmap_mse, target, predicted) == pytest.approx(0.8**2 / 8, rel=1e-5)


def test_heatmap_mse_known_value_and_mask():
    target = np.zeros((1, 2, 2, 2))
    target[..., 1] = NAN
    predicted = np.full((1, 2, 2, 2), 0.5)
    assert value(losses.heatmap_mse, target, predicted) == pytest.approx(0.25)
    predicted[..., 1] = 77  # an unlabelled map does not matter
    assert value(losses.heatmap_mse, target, predicted) == pytest.approx(0.25)


def test_softmax_is_lowest_at_the_target_and_equals_its_entropy():
    target = heatmap.encode(np.array([[20.0, 30.0]]), (16, 16), 4, 1.5)[None]
    p = target / target.sum()
    logits = np.log(np.maximum(p, 1e-12))
    entropy = float(-(p * np.log(np.maximum(p, 1e-12))).sum())
    assert value(losses.heatmap_softmax, target, logits) == pytest.approx(entropy, rel=1e-4)
    assert value(losses.heatmap_softmax, target, logits + 5) == pytest.approx(entropy, rel=1e-4)
    assert value(losses.heatmap_softmax, target, np.zeros_like(logits)) == pytest.approx(np.log(256), rel=1e-4)


def test_simcc_sums_the_entropies_of_columns_and_rows():
    """At the target itself, the loss is the target's entropy; with flat logits, the logarithm of the number of bins."""
    spec = PoseSpec("s", MobileNetArchitecture(), COCO17, (32, 64), SimccOutput(values="logits", sigma=2.0))
    points = np.full((17, 2), np.nan)
    points[3], points[5] = (20.25, 30.0), (3.0, 4.0)
    target = pose.encode(spec, points)[None]
    assert target.shape == (1, 17, 128 + 64)
    assert np.isnan(target[0, 0]).all()
    assert target[0, 3, [40, 128 + 60]] == pytest.approx([np.exp(-0.5 * 0.25**2), 1.0])
    logits = np.log(np.maximum(np.nan_to_num(target), 1e-12))
    parts = [target[0, k, axis] for k in (3, 5) for axis in (slice(128), slice(128, None))]
    entropies = [-np.sum(p * np.log(np.maximum(p, 1e-12))) for p in (part / part.sum() for part in parts)]
    loss = losses.for_spec(spec, "softmax")
    assert value(loss, target, logits) == pytest.approx(sum(entropies) / 2, rel=1e-4)
    assert value(loss, target, 0 * logits) == pytest.approx(np.log(128) + np.log(64), rel=1e-4)


@pytest.mark.parametrize(
    "loss",
    [losses.heatmap_mse, losses.heatmap_softmax, losses.coords_l1, losses.coords_l2, losses.coords_laplace, BINS],
)
def test_masked_targets_give_finite_gradients(loss):
    import tensorflow as tf

    shape = {
        losses.coords_l1: (2, 17, 2),
        losses.coords_l2: (2, 17, 2),
        losses.coords_laplace: (2, 17, 3),
        BINS: (2, 17, 48),
    }.get(loss, (2, 8, 8, 3))
    target = np.zeros(shape, np.float32)
    target[0] = NAN
    predicted = tf.Variable(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    with tf.GradientTape() as tape:
        result = loss(tf.constant(target), predicted)
    gradient = tape.gradient(result, predicted).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[0] == 0).all()
    nobody = np.full(shape, NAN, np.float32)
    assert value(loss, nobody, predicted.numpy()) == 0.0


def test_backend_is_the_one_that_the_tests_think():
    assert keras.backend.backend() == "tensorflow"
