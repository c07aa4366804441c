"""Small files, converted once, and a sick one with a card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from small_files import NETWORKS, convert, weights

from poseport.tflite import model_file


@pytest.fixture(scope="session")
def files() -> Callable[[str], bytes]:
    made: dict[str, bytes] = {}

    def file(name: str) -> bytes:
        if name not in made:
            made[name] = convert(*NETWORKS[name])
        return made[name]

    return file


@pytest.fixture(scope="session")
def sick(tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a card whose first keypoint's filter is zero, whose second hardly moves, and half of whose inner
    channels are dead.
    """
    first = weights(4, 4, 3, 8)
    heads = weights(1, 1, 8, 17) * np.array([0, 0.03, *[1] * 15], np.float32)

    def network(image: Any) -> Any:
        x = tf.nn.conv2d(image, tf.constant(first), 4, "SAME") - tf.constant(np.repeat([100.0, 0.0], 4), tf.float32)
        return tf.nn.conv2d(tf.nn.relu(x), tf.constant(heads), 1, "SAME")

    _, card = model_file.read(tiny_models["int8"])
    path = tmp_path_factory.mktemp("sick") / "sick.tflite"
    model_file.write(path, convert(network, (1, 64, 64, 3), "int8"), card)
    return path
