"""Take an encoder's weights out of a .tflite file: trained MobileNetV2s that were published as files only.

MoveNet's are the best start for a pose network: they were trained on far more people than most data sets hold.
Their training code was never published, but the weights in the file are enough to continue training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle, pose
from poseport.architecture import MobileNetArchitecture
from poseport.data import batches
from poseport.data.people import Person
from poseport.spec import PoseSpec
from poseport.tflite import inspection, model_file
from poseport.tflite.format.constants import real_constants
from poseport.train.begin.finetune import Initial
from poseport.train.networks import mobilenet

# people whose activations settle the batch normalisations, and how many at a time
_PEOPLE, _BATCH = 256, 8
# what may stand between two of the encoder's convolutions in a file
_BETWEEN = ("ADD", "PAD", "RELU6", "QUANTIZE")


def transplant(model: Any, spec: PoseSpec, file: Path, persons: Sequence[Person]) -> Initial:
    """Fill the encoder of a `mobilenet` network with the convolutions of a MobileNetV2 in a .tflite file.

    The file's network is assumed to take pixels from -1 to 1, as Google's do. Pixels here run from 0 to 1; the first
    convolution is changed to compensate, which is exact except at the image's border, where padding is 0.

    Batch normalisations have been folded into the file's convolutions. They are unfolded so that nothing changes:
    with m and v the mean and variance of a convolution's output c over some people, (c - m) / sqrt(v + e) * gamma
    + beta is c + bias where gamma is sqrt(v + e) and beta is m + bias.

    Args:
        model: The Keras model, changed in place.
        spec: Its spec.
        file: The .tflite file.
        persons: People of the training set; up to 256 of them give the means and variances.

    Returns:
        What was copied.

    Raises:
        ValueError: If the network has no such encoder, or the file has none or one of other sizes.
    """
    a = spec.architecture
    if not isinstance(a, MobileNetArchitecture):
        raise ValueError(f"{file}: is a .tflite file, from which only a mobilenet can begin, not a {spec.family}")
    if not spec.byte_exact:
        raise ValueError(f"{spec.name}: its mean and std do not scale pixels to 0..1, which a transplant needs")
    names = mobilenet.convolutions(a)
    kernels = [model.get_layer(conv).kernel.shape for conv, _ in names]
    found = _Encoder(file).read([tuple(shape) for shape in kernels])
    for (conv, norm), (kernel, bias) in zip(names, found, strict=True):
        if conv == names[0][0]:
            bias, kernel = bias - kernel.sum(axis=(0, 1, 2)), 2 * kernel  # 2 pixel - 1
        model.get_layer(conv).set_weights([kernel])
        layer = model.get_layer(norm)
        ones = np.ones_like(bias)
        layer.set_weights([ones, bias, 0 * ones, ones - layer.epsilon])
    _unfold(model, spec, names, persons[:: max(1, len(persons) // _PEOPLE)][:_PEOPLE])
    copied = 5 * len(names)
    left = tuple(x.name for x in model.layers if x.weights and not x.name.startswith(mobilenet.ENCODER))
    return Initial(file.name, bundle.sha256(file), copied, len(model.weights), left)


def _unfold(model: Any, spec: PoseSpec, names: list[tuple[str, str]], persons: Sequence[Person]) -> None:
    probe = keras.Model(model.input, [model.get_layer(conv).output for conv, _ in names])
    sums = [np.zeros((2, output.shape[-1])) for output in probe.outputs]
    count = 0
    for part in batches.batches(spec, persons, _BATCH):
        outputs = probe.predict_on_batch(pose.normalise(spec, part.crops))
        count += len(part.crops)
        for total, values in zip(sums, outputs, strict=True):
            flat = np.asarray(values, np.float64)
            total += (flat.mean(axis=(1, 2)).sum(axis=0), (flat**2).mean(axis=(1, 2)).sum(axis=0))
    for (_, norm), total in zip(names, sums, strict=True):
        mean, variance = total[0] / count, np.maximum(total[1] / count - (total[0] / count) ** 2, 0)
        layer = model.get_layer(norm)
        bias = layer.get_weights()[1]
        layer.set_weights([np.sqrt(variance + layer.epsilon), mean + bias, mean, variance])


class _Encoder:
    """Reads the encoder's convolutions of a file, in order from the one that reads the image."""

    def __init__(self, file: Path):
        self.file, data = file, model_file.read_bytes(file)
        self.ops = inspection.inspect_bytes(data, str(file)).ops
        self.values = real_constants(data, str(file))
        self.readers: dict[int, list[inspection.OpInfo]] = {}
        for op in self.ops:
            for tensor in op.inputs:
                self.readers.setdefault(tensor, []).append(op)

    def read(self, shapes: list[tuple[int, ...]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Kernel and bias of each convolution, in Keras's layout; `shapes` are the kernels' expected shapes."""
        first = [op for op in self.ops if op.kind == "CONV_2D" and self._kernel(op).shape[:3] == (3, 3, 3)]
        if not first:
            raise ValueError(f"{self.file}: holds no 3x3 convolution of an image; expected a MobileNetV2 or a MoveNet")
        found, op = [], first[0]
        for i, shape in enumerate(shapes):
            if i:
                op = self._next(op.outputs[0], shape, i)
            elif self._kernel(op).shape != shape:
                raise ValueError(
                    f"{self.file}: begins with {self._kernel(op).shape[-1]} channels and the network with "
                    f"{shape[-1]}; give the file's multiplier of channels (--set "
                    f"architecture.multiplier={self._kernel(op).shape[-1] / 32:g})"
                )
            bias = self.values[op.inputs[2]] if len(op.inputs) > 2 else None
            found.append((self._kernel(op), np.zeros(shape[-1], np.float32) if bias is None else bias))
        return found

    def _next(self, tensor: int, shape: tuple[int, ...], number: int) -> inspection.OpInfo:
        """Find the next convolution with a kernel of this shape that reads a tensor, directly or after `_BETWEEN`."""
        waiting = [tensor]
        while waiting:
            for op in self.readers.get(waiting.pop(), []):
                if op.weights is not None and self._kernel(op).shape == shape:
                    return op
                if op.kind in _BETWEEN:
                    waiting.append(op.outputs[0])
        blocks = number // 3  # complete blocks so far: the stem and the first block have three, the others three each
        if blocks < 4:
            raise ValueError(
                f"{self.file}: differs from MobileNetV2 from convolution {number + 1} on; "
                "give a MobileNetV2 or a MoveNet"
            )
        raise ValueError(
            f"{self.file}: holds {blocks} of MobileNetV2's blocks; give at most --set architecture.blocks={blocks}"
        )

    def _kernel(self, op: inspection.OpInfo) -> np.ndarray:
        """Kernel as (h, w, in, out), or (h, w, channels, 1) if depthwise; empty if the file does not hold it."""
        values = self.values[op.inputs[1]]
        if values is None or values.ndim != 4:
            return np.zeros((0, 0, 0, 0), np.float32)
        return values.transpose(1, 2, 3, 0)
