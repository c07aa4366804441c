"""A bundle's network under tf_keras, which is all that tensorflow-model-optimization takes, and its fine-tuning.

Everything else is the trainer's: people and crops, losses, optimizers and the learning rate. Keras 3's losses
and optimizers are functions of tensors and variables, whichever Keras made them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import tensorflow as tf

from poseport import bundle
from poseport.convert.calibration import on_other_photos
from poseport.data.people import People
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train import fit, losses
from poseport.train.begin import teacher
from poseport.train.config import TrainConfig
from poseport.train.networks import models
from poseport.train.optimizer import Rate, make_optimizer
from poseport.train.record import read_record
from poseport.train.samples.backgrounds import find_photos
from poseport.train.samples.dataset import TrainingPeople

# a network that has converged is moved a little: a tenth of the rate that it was trained with
_GENTLY = 0.1


def packages() -> tuple[ModuleType, ModuleType]:
    """tf_keras and tensorflow_model_optimization; ValueError says what to install."""
    try:
        import tensorflow_model_optimization
        import tf_keras
    except ImportError as error:
        raise ValueError(f'{error.name} is not installed; run `pip install "poseport[convert]"`') from None
    return tf_keras, tensorflow_model_optimization


def mirror(spec: PoseSpec, model: Any) -> Any:
    """The tf_keras network of a spec with the weights of its Keras 3 `model`: outputs agree to 1e-5."""
    twin = models.build(spec, packages()[0])
    copy_by_name(model, twin)
    return twin


def copy_by_name(source: Any, target: Any) -> None:
    """Fill every layer of `target` from the layer of that name in `source`; either may be of either Keras."""
    for layer in target.layers:
        if layer.get_weights():
            layer.set_weights(source.get_layer(layer.name).get_weights())


def settings(folder: Path, epochs: int, rate: float | None = None, seed: int = 0) -> TrainConfig:
    """How a bundle was trained, for `epochs` more: a cosine from a tenth of its learning rate, or from `rate`.

    Raises ValueError for a bundle without the record of its training, or settings out of range.
    """
    if bundle.read_spec(folder).refine is not None:
        raise ValueError(f"{folder}: is a later stage of a cascade, which only `poseport train --refine` trains")
    begun = read_record(Path(folder)).train
    return replace(
        begun,
        epochs=epochs,
        learning_rate=rate if rate is not None else begun.learning_rate * _GENTLY,
        schedule="cosine",
        warmup=min(0.5, epochs),
        drop_at=(),
        ema=0.0,
        precision="float32",
        patience=0,
        freeze_epochs=0,
        seed=seed,
        teacher=None,
    )


def chosen(folder: Path, train: TrainConfig, people: People, exclude: People | None = None) -> People:
    """Those that a bundle's network can learn from. exclude: evaluation people, whose images are not used.

    Raises ValueError when the skeleton is another, or nobody is left.
    """
    spec = bundle.read_spec(folder)
    if people.skeleton.names != spec.skeleton.names:
        raise ValueError(
            f"{people.path}: skeleton {people.skeleton.name!r}, but {folder} was trained for {spec.skeleton.name!r}; "
            "give people of the same keypoints"
        )
    if exclude is not None:
        people = replace(people, persons=on_other_photos(people.persons, exclude))
    return fit.chosen(spec, train, people, None, None)[0]


def finetune(
    network: Any,
    folder: Path,
    train: TrainConfig,
    people: People,
    *,
    believe: float = 0.5,
    before_step: Callable[[int], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Train a tf_keras network on augmented people, in place.

    folder: the bundle that it came from, whose network teaches its heatmaps: `believe` is the share of a target
    that is the teacher's. Coordinates are learned from the labels alone. people: those that `chosen` chose.
    before_step: called with the number of the step, from 0. progress: called with the number of people just seen.
    """
    spec = bundle.read_spec(folder)
    mix = None
    if isinstance(spec.output, HeatmapOutput) and believe:
        mix = teacher.load(folder, targets="heatmaps", weight=believe).mixer(spec)
    data = TrainingPeople(
        spec,
        people.persons,
        train.augment,
        train.batch,
        train.seed,
        epochs=train.epochs,
        mix=mix,
        backgrounds=find_photos(None, people.persons, train.augment.background),
    )
    optimizer, loss = make_optimizer(train, Rate(train, data.steps)), losses.for_spec(spec, train.loss)
    optimizer.build(network.trainable_variables)

    @tf.function
    def step(images: Any, target: Any) -> None:
        with tf.GradientTape() as tape:
            outputs = network(images, training=True)
            found = sum(loss(target, output) for output in tf.nest.flatten(outputs))
        weights = network.trainable_variables
        optimizer.apply(tape.gradient(found, weights), weights)

    try:
        for i in range(len(data)):
            if before_step is not None:
                before_step(i)
            step(*(tf.constant(part) for part in data[i]))
            if progress is not None:
                progress(data.batch)
    finally:
        data.close()
