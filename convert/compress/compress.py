"""Train weights that zip well: most of them zero (Zhu and Gupta 2017), or few different ones (Han et al. 2016).

The result is a bundle like any other and converts like any other. Its file is neither smaller nor faster; only the
zipped file, in a download or an app, is smaller. `narrow` makes a network faster.

tensorflow-model-optimization wraps the layers. Biases, batch normalisations, depthwise kernels (a few hundredths of
the weights) and the heads, whose errors no later layer can correct, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport.convert.engines import tf_keras_twin
from poseport.convert.graph import frozen_graph
from poseport.data.people import People
from poseport.train import run_folder
from poseport.train.begin.finetune import begun_from, is_head
from poseport.train.config import TrainConfig
from poseport.train.record import Compression, new_record

# sparsity rises for this share of the steps; after it the network recovers
_RISING = 0.6
# steps between two choices of the weights that are zero
_EVERY = 5


@dataclass(frozen=True)
class Compressed:
    """A compressed bundle.

    Attributes:
        out: Its folder.
        layers: Number of layers that were compressed.
        weights: Number of weights in these.
        zero: The share of these that is 0, in [0, 1].
        distinct: The largest number of different values in one of these layers.
    """

    out: Path
    layers: int
    weights: int
    zero: float
    distinct: int


def prune(
    folder: Path,
    sparsity: float,
    train: TrainConfig,
    people: People,
    out: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> Compressed:
    """Train a bundle's network while the smallest weights of each layer become zero.

    Args:
        folder: The bundle.
        sparsity: The final share of zeros, in (0, 1); it rises as 1 - (1 - t)^3 (Zhu and Gupta 2017, eq. 1).
        train: The settings of the training.
        people: Those that `tf_keras_twin.choose_people` selected.
        out: The folder of the new bundle; it must not exist.
        progress: Called with the number of people of each step.

    Returns:
        What was compressed.

    Raises:
        ValueError: If the share is out of range, `out` exists, or the network has no layer to compress.
    """
    if not 0 < sparsity < 1:
        raise ValueError(f"sparsity {sparsity} must be above 0 and below 1")
    tfmot = tf_keras_twin.packages()[1]
    steps = train.epochs * (len(people) // min(train.batch, len(people)))
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=max(1, round(_RISING * steps)), frequency=min(_EVERY, max(1, steps // 10))
    )
    wrapped: list[Any] = []

    def wrap(layer: Any) -> Any:
        wrapped.append(tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule))
        return wrapped[-1]

    def before_step(step: int) -> None:
        for layer in wrapped:
            layer.pruning_step.assign(step)

    def finish(network: Any) -> Any:
        for layer in wrapped:
            layer.pruning_obj.weight_mask_op()  # the last step changed the weights that are to be zero
        return tfmot.sparsity.keras.strip_pruning(network)

    how = Compression("pruned", sparsity)
    return _compress(folder, train, people, out, wrap, finish, how, before_step, progress)


def cluster(
    folder: Path,
    clusters: int,
    train: TrainConfig,
    people: People,
    out: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> Compressed:
    """Train a bundle's network with at most `clusters` different weights per layer; their values are trained.

    Args:
        folder: The bundle.
        clusters: Number of different weights per layer, at least 2.
        train: The settings of the training.
        people: Those that `tf_keras_twin.choose_people` selected.
        out: The folder of the new bundle; it must not exist.
        progress: Called with the number of people of each step.

    Returns:
        What was compressed.

    Raises:
        ValueError: If `clusters` is below 2, `out` exists, or the network has no layer to compress.
    """
    if clusters < 2:
        raise ValueError(f"{clusters} clusters of weights; expected at least 2, 16 or 32 are good numbers")
    tfmot = tf_keras_twin.packages()[1]
    start = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS

    def wrap(layer: Any) -> Any:
        return tfmot.clustering.keras.cluster_weights(layer, number_of_clusters=clusters, cluster_centroids_init=start)

    how = Compression("clustered", clusters)
    return _compress(folder, train, people, out, wrap, tfmot.clustering.keras.strip_clustering, how, None, progress)


def _compress(
    folder: Path,
    train: TrainConfig,
    people: People,
    out: Path,
    wrap: Callable[[Any], Any],
    finish: Callable[[Any], Any],
    how: Compression,
    before_step: Callable[[int], None] | None,
    progress: Callable[[int], None] | None,
) -> Compressed:
    """Train a network with wrapped layers and write its bundle.

    `wrap` turns a layer into one that is compressed while it is trained; `finish` removes the wrappers afterwards.
    """
    run_folder.check_new(out)  # before the training, not after it
    keras.utils.set_random_seed(train.seed)
    spec, model = frozen_graph.load(folder)
    tf_keras = tf_keras_twin.packages()[0]
    treated = []

    def choose(layer: Any) -> Any:
        if type(layer) not in (tf_keras.layers.Conv2D, tf_keras.layers.Dense) or is_head(layer.name):
            return layer
        treated.append(layer.name)
        return wrap(layer)

    network = tf_keras.models.clone_model(tf_keras_twin.twin(spec, model), clone_function=choose)
    if not treated:
        raise ValueError(f"{folder}: {spec.name} has no convolution or dense layer before its head to compress")
    tf_keras_twin.finetune(network, folder, train, people, before_step=before_step, progress=progress)
    tf_keras_twin.copy_by_name(finish(network), model)
    kernels = [model.get_layer(name).get_weights()[0] for name in treated]
    made = replace(
        new_record(train, people, None, None),
        parameters=int(model.count_params()),
        initial=begun_from(folder, len(model.weights)),
        epochs_done=train.epochs,
        compression=how,
    )
    run_folder.write_bundle(out, spec, model, made)
    count = sum(kernel.size for kernel in kernels)
    zeros = sum(int((kernel == 0).sum()) for kernel in kernels)
    return Compressed(out, len(treated), count, zeros / count, max(len(np.unique(kernel)) for kernel in kernels))
