import keras
import numpy as np
import pytest
from keras import ops

from poseport import heatmap
from poseport.train import losses

NAN = np.nan


def value(loss, target, predicted):
    return float(loss(ops.convert_to_tensor(target, "float32"), ops.convert_to_tensor(predicted, "float32")))


def test_coords_known_values():
    target = np.array([[[0.1, 0.2], [NAN, NAN]]])
    predicted = np.array([[[0.3, 0.1], [9.0, 9.0]]])
    assert value(losses.coords_l2, target, predicted) == pytest.approx(0.2**2 + 0.1**2, rel=1e-5)
    assert value(losses.coords_l1, target, predicted) == pytest.approx(0.3, rel=1e-5)


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


@pytest.mark.parametrize("loss", [losses.heatmap_mse, losses.heatmap_softmax, losses.coords_l1, losses.coords_l2])
def test_masked_targets_give_finite_gradients(loss):
    import tensorflow as tf

    shape = (2, 17, 2) if loss in (losses.coords_l1, losses.coords_l2) else (2, 8, 8, 3)
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
