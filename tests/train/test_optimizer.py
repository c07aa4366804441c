"""Learning rates by hand, and the moving average of weights."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from poseport.train.config import TrainConfig
from poseport.train.optimizer import Rate, averaged, make_optimizer

PLAIN = TrainConfig(loss="mse", epochs=10, learning_rate=0.5, schedule="constant")
STEP = replace(PLAIN, learning_rate=5e-3, schedule="step", drop_at=(7,))


def rates(settings, steps, steps_per_epoch=4, first_epoch=0):
    rate = Rate(settings, steps_per_epoch, first_epoch)
    return [float(rate(np.int64(step))) for step in steps]


def test_the_step_schedule_drops_between_two_epochs():
    """5e-3 to 5e-4, as Lee et al., section 3.3.2."""
    assert rates(STEP, [0, 27, 28, 39]) == pytest.approx([5e-3, 5e-3, 5e-4, 5e-4])
    assert rates(replace(STEP, drop_at=(2, 7)), [7, 8, 28]) == pytest.approx([5e-3, 5e-4, 5e-5])


def test_the_cosine_goes_from_the_rate_to_a_hundredth():
    cosine = replace(PLAIN, schedule="cosine")
    assert rates(cosine, [0, 20, 40]) == pytest.approx([0.5, 0.5 * 0.505, 0.005])


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_warm_up_rises_in_a_line_to_the_full_rate(schedule):
    settings = replace(PLAIN, schedule=schedule, warmup=2.0)
    assert rates(settings, [0, 1, 3, 7]) == pytest.approx([0.5 / 8, 1.0 / 8, 0.25, 0.5])


def test_an_optimizer_that_begins_later_goes_on_in_the_same_schedule():
    assert rates(STEP, [0, 4], first_epoch=6) == rates(STEP, [24, 28])


def test_the_log_holds_the_rate_of_the_last_step():
    class Taken:
        iterations = np.int64(28)

    assert Rate(STEP, 4).last(Taken()) == pytest.approx(5e-3)


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer_takes_all_settings(name):
    settings = replace(PLAIN, optimizer=name, epochs=20, weight_decay=0.01, clip_norm=2.0, ema=0.9, momentum=0.5)
    optimizer = make_optimizer(settings, Rate(settings, 4))
    assert type(optimizer).__name__.lower() == name
    assert (optimizer.weight_decay, optimizer.global_clipnorm, optimizer.ema_momentum) == (0.01, 2.0, 0.9)
    assert make_optimizer(replace(PLAIN, optimizer=name), 0.1).global_clipnorm is None


@pytest.mark.parametrize("steps", [2, 18, 200, 10_000])
def test_the_average_of_a_short_run_does_not_hold_its_first_weights(steps):
    """300 people, 6 epochs are 54 steps, of which an average of 0.998 would keep nine tenths of the first weights."""
    settings = replace(PLAIN, epochs=3, ema=0.998)
    momentum = make_optimizer(settings, Rate(settings, steps)).ema_momentum
    assert momentum ** (3 * steps) < 0.01
    assert momentum == 0.998 or steps < 10_000


def dense(settings):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(make_optimizer(settings, Rate(settings, 4)), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_plain_sgd_has_no_momentum_and_gradients_are_cut_by_their_global_norm():
    model = dense(replace(PLAIN, optimizer="sgd", clip_norm=1.0))
    for _ in range(2):
        model.optimizer.apply([np.array([[3.0], [4.0]], np.float32)])  # norm 5, cut to 0.6 and 0.8
    np.testing.assert_allclose(model.get_weights()[0], [[1 - 2 * 0.3], [1 - 2 * 0.4]], rtol=1e-6)


def test_the_average_is_put_in_and_taken_out_bit_for_bit():
    model = dense(replace(PLAIN, optimizer="sgd", ema=0.75))
    weights = []
    for gradient in (0.1, 0.7, -0.3):
        model.optimizer.apply([np.full((2, 1), gradient, np.float32)])
        weights.append(model.get_weights()[0])
    average = weights[0]
    for value in weights[1:]:
        average = 0.75 * average + 0.25 * value
    with averaged(model):
        np.testing.assert_allclose(model.get_weights()[0], average, rtol=1e-6)
    np.testing.assert_array_equal(model.get_weights()[0], weights[-1])
    with pytest.raises(KeyError), averaged(model):
        raise KeyError
    np.testing.assert_array_equal(model.get_weights()[0], weights[-1])


def test_without_an_average_the_weights_are_the_weights():
    model = dense(replace(PLAIN, optimizer="sgd"))
    with averaged(model):
        assert model.get_weights()[0].tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("learning_rate", float("nan"), "learning rate nan must be above 0"),
        ("clip_norm", -1.0, "clip norm -1.0"),
        ("ema", 1.0, "ema 1.0 must be"),
        ("momentum", 1.5, "momentum 1.5"),
        ("warmup", 11.0, "warm-up of 11.0 epochs in a training of 10"),
        ("patience", -1, "patience -1"),
        ("freeze_epochs", 11, "freeze-epochs 11 from 0 to the 10"),
        ("schedule", "step", "expected at least one from 1 to 10"),
    ],
)
def test_a_setting_out_of_range_is_named(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **{field: value})


@pytest.mark.parametrize("drop_at", [(0,), (11,), (5, 5), (6, 3)])
def test_drops_are_rising_epochs_of_the_run(drop_at):
    with pytest.raises(ValueError, match="rising"):
        replace(STEP, drop_at=drop_at)
