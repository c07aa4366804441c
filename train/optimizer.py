"""The learning rate of each step, the optimizer, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from poseport.train.config import TrainConfig

if TYPE_CHECKING:
    from poseport.train.detector.record import DetectorTraining

# the cosine's last rate as a share of its first, above 0 so that the last steps still train
_COSINE_END = 0.01
# a run is at least this many times as long as what the average of the weights remembers
_AVERAGES = 5


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate of a step: the schedule times a linear warm-up, over all epochs of the run.

    Args:
        settings: The settings of the training.
        steps_per_epoch: Batches per epoch.
        first_epoch: Number of whole epochs before the optimizer's step 0.
    """

    def __init__(self, settings: TrainConfig | DetectorTraining, steps_per_epoch: int, first_epoch: int = 0):
        self.settings, self.steps, self.before = settings, steps_per_epoch, first_epoch * steps_per_epoch

    def __call__(self, step: Any) -> Any:
        """Compute the rate of the optimizer's step `step` (from 0) as a float32 scalar."""
        settings = self.settings
        done = ops.cast(step, "float32") + self.before
        warm, total = settings.warmup * self.steps, settings.epochs * self.steps
        rate = ops.ones_like(done) * settings.learning_rate
        if settings.schedule == "cosine":
            share = ops.clip((done - warm) / max(total - warm, 1), 0.0, 1.0)
            rate *= _COSINE_END + (1 - _COSINE_END) * (1 + ops.cos(math.pi * share)) / 2
        elif settings.schedule == "step":
            for epoch in settings.drop_at:
                rate *= ops.where(done >= epoch * self.steps, 0.1, 1.0)
        return rate * ops.minimum((done + 1) / warm, 1.0) if warm else rate

    def last(self, optimizer: Any) -> float:
        """Rate of the step that an optimizer took last.

        Args:
            optimizer: The Keras optimizer, after at least one step.
        """
        return float(ops.convert_to_numpy(self(optimizer.iterations - 1)))


def make_optimizer(settings: TrainConfig | DetectorTraining, rate: Any) -> Any:
    """Make the Keras optimizer of some settings.

    Args:
        settings: The settings of the training.
        rate: The learning rate, usually a `Rate`.

    Returns:
        A Keras optimizer; its moving average of the weights is `averaged`'s.
    """
    shared = {
        "learning_rate": rate,
        "weight_decay": settings.weight_decay or None,
        "global_clipnorm": settings.clip_norm or None,
        "use_ema": settings.ema > 0,
        "ema_momentum": _average_momentum(settings, rate),
    }
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(**shared | {"weight_decay": settings.weight_decay})
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(momentum=settings.momentum, **shared)
    return (keras.optimizers.RMSprop if settings.optimizer == "rmsprop" else keras.optimizers.Adam)(**shared)


def _average_momentum(settings: TrainConfig | DetectorTraining, rate: Any) -> float:
    """Momentum of the average of the weights: lower in a run so short that the average would hold its first weights.

    An average over 1 / (1 - momentum) steps that are a fifth of the run or less forgets the first weights (e^-5).
    """
    if not isinstance(rate, Rate):
        return settings.ema
    return min(settings.ema, max(0.0, 1 - _AVERAGES / (settings.epochs * rate.steps)))


@contextmanager
def averaged(model: Any) -> Iterator[None]:
    """Replace a model's trainable weights by their moving average while the context lasts.

    Without a moving average the weights stay as they are. Keras's own callback swaps by adding and subtracting,
    which changes the weights that training continues from.

    Args:
        model: A compiled Keras model.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # a loss scale wraps float16's
    if not getattr(optimizer, "use_ema", False):
        yield
        return
    variables = model.trainable_variables
    raw = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    for variable, average in zip(variables, optimizer._model_variables_moving_average, strict=True):
        variable.assign(np.array(ops.convert_to_numpy(average)))  # JAX would share the array, and predicting uses it up
    try:
        yield
    finally:
        for variable, value in zip(variables, raw, strict=True):
            variable.assign(value)
