"""Corrects the biases of a quantized file for the rounding of its kernels.

Rounding changes a kernel by a small tensor e, and so the mean of each output channel by the mean of e * x. Over many
layers these shifts add up to more than anything else that int8 does. As a convolution is linear, the shift is that of
the mean input, which is measured on the calibration people; the bias takes it back (Nagel et al. 2019, "Data-free
quantization through weight equalization and bias correction", section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from poseport.convert.graph.float_graph import drop_unused
from poseport.convert.graph.shrink_flatbuffer import pack
from poseport.tflite.format import constants
from poseport.tflite.format.options import options
from poseport.tflite.inspection import CONVOLUTIONS, inspect_bytes

_INTEGERS = {schema.TensorType.INT32: np.int32, schema.TensorType.INT64: np.int64}


def correct(flatbuffer: bytes, float_file: bytes, means: Mapping[str, np.ndarray]) -> bytes:
    """Correct the bias of every convolution and dense layer whose kernel is integers.

    Args:
        flatbuffer: The quantized file.
        float_file: The float32 file that it was made from; operations have the names of their results in both.
        means: Name of a tensor of the float file -> its mean over the calibration people, without the batch, for the
            inputs of the layers.

    Returns:
        The quantized file with other biases.
    """
    before, after = inspect_bytes(float_file, "float32"), inspect_bytes(flatbuffer, "quantized file")
    kernels = constants.real_constants(float_file, "float32")
    rounded = constants.real_constants(flatbuffer, "quantized file")
    settings = options(float_file, "float32")
    floats = {op.name: (op, setting) for op, setting in zip(before.ops, settings, strict=True)}
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    graph = model.subgraphs[0]
    for op, operator in zip(after.ops, graph.operators, strict=True):
        of, setting = floats.get(op.name, (None, {}))
        place = 3 if op.kind == "TRANSPOSE_CONV" else 2
        if of is None or op.kind not in CONVOLUTIONS or len(op.inputs) <= place or op.inputs[place] < 0:
            continue
        bias = graph.tensors[op.inputs[place]]
        source = before.tensors[of.inputs[2 if op.kind == "TRANSPOSE_CONV" else 0]]
        kernel, other = kernels[of.inputs[1]], rounded[op.inputs[1]]
        if bias.type not in _INTEGERS or kernel is None or other is None or source.name not in means:
            continue
        shift = _shift(op.kind, other - kernel, means[source.name], setting, before.tensors[of.outputs[0]].shape)
        steps = np.frombuffer(bytes(model.buffers[bias.buffer].data), _INTEGERS[bias.type])
        changed = steps - np.rint(shift / np.asarray(bias.quantization.scale)).astype(steps.dtype)
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = np.frombuffer(changed.astype(steps.dtype).tobytes(), np.uint8)
        own = copy(bias)  # layers may share one
        own.buffer = len(model.buffers) - 1
        graph.tensors.append(own)
        operator.inputs = list(op.inputs)
        operator.inputs[place] = len(graph.tensors) - 1
    drop_unused(model)
    return pack(model, 2 * len(flatbuffer))


def _shift(
    kind: str, change: np.ndarray, mean: np.ndarray, setting: Mapping[str, int], shape: tuple[int, ...]
) -> np.ndarray:
    """By how much a change of a layer's kernel moves its output channels in the mean.

    Args:
        kind: The operation.
        change: The change, in TFLite's layout.
        mean: Mean input, without the batch.
        setting: The operation's options.
        shape: Shape of its result.

    Returns:
        (channels,) float32; zeros for a convolution in groups.
    """
    if kind == "FULLY_CONNECTED":
        return np.asarray(mean.reshape(-1, change.shape[1]).mean(axis=0) @ change.T)
    padding = ("SAME", "VALID")[setting.get("Padding", 0)]
    stride = setting.get("StrideH", 1), setting.get("StrideW", 1)
    dilation = setting.get("DilationHFactor", 1), setting.get("DilationWFactor", 1)
    x = tf.constant(mean[None], tf.float32)
    if kind == "DEPTHWISE_CONV_2D":
        kernel = change.reshape(*change.shape[1:3], mean.shape[-1], -1)
        moved = tf.nn.depthwise_conv2d(x, kernel, (1, *stride, 1), padding, dilations=dilation)
    elif kind == "TRANSPOSE_CONV":
        moved = tf.nn.conv2d_transpose(x, change.transpose(1, 2, 0, 3), shape, stride, padding)
    elif change.shape[3] == mean.shape[-1]:
        moved = tf.nn.conv2d(x, change.transpose(1, 2, 3, 0), stride, padding, dilations=dilation)
    else:
        return np.zeros(change.shape[0], np.float32)
    return np.asarray(tf.reduce_mean(moved, (0, 1, 2)))
