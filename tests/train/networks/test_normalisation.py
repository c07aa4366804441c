import keras
import numpy as np

from poseport.train.networks import blocks
from poseport.train.networks.normalisation import BatchNormalization

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(3, 2, (8, 6, 6, 5)).astype(np.float32)
TARGET = RNG.normal(0, 1, (8, 6, 6, 5)).astype(np.float32)


def trained(layer, steps=3):
    """Weights of one layer after a few steps of gradient descent."""
    model = keras.Sequential([keras.Input((6, 6, 5)), layer])
    layer.gamma.assign(np.linspace(0.5, 1.5, 5))
    layer.beta.assign(np.linspace(-1, 1, 5))
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    losses = [model.train_on_batch(IMAGES, TARGET) for _ in range(steps)]
    return model, [np.asarray(w) for w in model.get_weights()], losses


def test_learns_what_keras_own_layer_learns():
    model, ours, our_losses = trained(BatchNormalization())
    _, theirs, their_losses = trained(keras.layers.BatchNormalization())
    np.testing.assert_allclose(our_losses, their_losses, rtol=1e-5)
    for mine, its in zip(ours[:3], theirs[:3], strict=True):  # gamma, beta, moving mean
        np.testing.assert_allclose(mine, its, atol=1e-5)
    n = IMAGES.size / 5
    start = 0.99**3  # what is left of the initial 1
    np.testing.assert_allclose((ours[3] - start) / (theirs[3] - start), n / (n - 1), rtol=1e-4)
    plain = keras.Sequential([keras.Input((6, 6, 5)), keras.layers.BatchNormalization()])
    plain.set_weights(ours)
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), plain.predict(IMAGES, verbose=0))


def test_frozen_layer_keeps_its_statistics():
    layer = BatchNormalization()
    model = keras.Sequential([keras.Input((6, 6, 5)), layer])
    layer.trainable = False
    model(IMAGES, training=True)
    np.testing.assert_array_equal(layer.moving_mean, 0)


def test_weights_files_are_keras_own(tmp_path, monkeypatch):
    """A file written with the fused layer loads into a network made of Keras's."""

    def network():
        image = keras.Input((6, 6, 5))
        return keras.Model(image, blocks.conv_bn(keras, image, "a", 5, 3))

    ours = network()
    monkeypatch.setattr(blocks, "batch_norm", lambda keras, name: keras.layers.BatchNormalization(name=name))
    theirs = network()
    kinds = [type(model.get_layer("a_bn")) for model in (ours, theirs)]
    assert kinds == [BatchNormalization, keras.layers.BatchNormalization]
    ours.set_weights([RNG.uniform(0.5, 1, w.shape) for w in ours.get_weights()])
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(theirs.predict(IMAGES, verbose=0), ours.predict(IMAGES, verbose=0))
