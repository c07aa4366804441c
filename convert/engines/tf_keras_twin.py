"""A bundle's network in tf_keras, the only Keras that tensorflow-model-optimization accepts, and its fine-tuning.

Everything else comes from `poseport.train`: people and crops, losses, optimizers and the learning rate. Keras 3's
losses and optimizers work on the tensors and variables of either Keras.
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
from poseport.train import config, losses
from poseport.train.begin import teacher
from poseport.train.config import TrainConfig
from poseport.train.networks import models
from poseport.train.optimizer import Rate, make_optimizer
from poseport.train.record import read_record
from poseport.train.request import chosen_people
from poseport.train.samples.backgrounds import find_photos
from poseport.train.samples.sample import CropSource
from poseport.train.samples.training_batches import TrainingBatches

# a converged network is trained further with a tenth of its learning rate
_RATE_FACTOR = 0.1


def packages() -> tuple[ModuleType, ModuleType]:
    """Import tf_keras and tensorflow_model_optimization, in this order.

    Returns:
        The two modules.

    Raises:
        ValueError: If one is missing; says what to install.
    """
    try:
        import tensorflow_model_optimization
        import tf_keras
    except ImportError as error:
        raise ValueError(f'{error.name} is not installed; run `pip install "poseport[convert]"`') from None
    return tf_keras, tensorflow_model_optimization


def twin(spec: PoseSpec, model: Any) -> Any:
    """Build the tf_keras network of a spec with the weights of its Keras 3 network; outputs agree to 1e-5.

    Args:
        spec: The network's spec.
        model: The Keras 3 model.

    Returns:
        The tf_keras model.
    """
    network = models.build(spec, packages()[0])
    copy_by_name(model, network)
    return network


def copy_by_name(source: Any, target: Any) -> None:
    """Copy weights into every layer of one network from the layer of the same name in another, in either Keras.

    Args:
        source: The network to copy from.
        target: The network to fill, in place.
    """
    for layer in target.layers:
        if layer.get_weights():
            layer.set_weights(source.get_layer(layer.name).get_weights())


def settings(folder: Path, epochs: int, rate: float | None = None, seed: int = 0) -> TrainConfig:
    """Derive the settings for further training from those of a bundle's training.

    Args:
        folder: The bundle.
        epochs: Number of epochs to add.
        rate: The initial learning rate of a cosine schedule; None takes a tenth of the bundle's.
        seed: Seed of the order and augmentation.

    Returns:
        The settings.

    Raises:
        ValueError: If the bundle has no record of its training, is a later stage of a cascade, or a setting is out of
            range.
    """
    if bundle.read_spec(folder).refine is not None:
        raise ValueError(f"{folder}: is a later stage of a cascade, which only `poseport train --refine` trains")
    first_training = read_record(Path(folder)).train
    return replace(
        first_training,
        epochs=epochs,
        learning_rate=rate if rate is not None else first_training.learning_rate * _RATE_FACTOR,
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


def choose_people(folder: Path, train: TrainConfig, people: People, exclude: People | None = None) -> People:
    """Select the people on whom a bundle's network can be trained further.

    Args:
        folder: The bundle.
        train: The settings of the training.
        people: The set to select from.
        exclude: Evaluation people, whose photos are not used.

    Returns:
        The selected people.

    Raises:
        ValueError: If the skeleton is another one, or nobody is left.
    """
    spec = bundle.read_spec(folder)
    if people.skeleton.names != spec.skeleton.names:
        raise ValueError(
            f"{people.path}: skeleton {people.skeleton.name!r}, but {folder} was trained for {spec.skeleton.name!r}; "
            "give people of the same keypoints"
        )
    if exclude is not None:
        people = replace(people, persons=on_other_photos(people.persons, exclude))
    config.check(spec, train)
    return chosen_people(train, people, None)[0]


def finetune(
    network: Any,
    folder: Path,
    train: TrainConfig,
    people: People,
    *,
    teacher_weight: float = 0.5,
    before_step: Callable[[int], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Train a tf_keras network on augmented people, in place.

    Args:
        network: The network.
        folder: The bundle that it came from, whose network is the teacher.
        train: The settings of the training.
        people: Those that `choose_people` selected.
        teacher_weight: The share of each target, in [0, 1], that is the teacher's heatmap. Coordinates are learned
            from the labels alone.
        before_step: Called with the number of the step, from 0.
        progress: Called with the number of people of each step.
    """
    spec = bundle.read_spec(folder)
    mix = None
    if isinstance(spec.output, HeatmapOutput) and teacher_weight:
        mix = teacher.load(folder, targets="heatmaps", weight=teacher_weight).mixer(spec)
    photos = find_photos(None, people.persons, train.augment.background)
    source = CropSource(spec, people.persons, train.augment, train.seed, photos)
    data = TrainingBatches(source, train.batch, epochs=train.epochs, mix=mix)
    optimizer, loss = make_optimizer(train, Rate(train, data.steps)), losses.for_spec(spec, train.loss)
    optimizer.build(network.trainable_variables)

    @tf.function
    def step(images: Any, target: Any) -> None:
        with tf.GradientTape() as tape:
            outputs = network(images, training=True)
            total = sum(loss(target, output) for output in tf.nest.flatten(outputs))
        weights = network.trainable_variables
        optimizer.apply(tape.gradient(total, weights), weights)

    try:
        for i in range(len(data)):
            if before_step is not None:
                before_step(i)
            step(*(tf.constant(part) for part in data[i]))
            if progress is not None:
                progress(data.batch)
    finally:
        data.close()
