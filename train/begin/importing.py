"""Write the network in a .tflite file as a bundle (`poseport import`)."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from poseport import pose
from poseport.architecture import ForeignArchitecture, ImportedArchitecture
from poseport.spec import CoordsOutput, HeatmapOutput, KeypointsOutput, PoseSpec
from poseport.tflite import model_file
from poseport.train import record, run_folder
from poseport.train.begin import imported_preset, read_network, saved_network
from poseport.train.begin.finetune import Initial
from poseport.train.begin.read_network import Network
from poseport.train.networks import imported, models


def import_network(file: Path, spec: PoseSpec, out: Path, until: str | None = None) -> tuple[PoseSpec, int]:
    """Write the bundle of the network in a file.

    Args:
        file: A .tflite, or what Keras or TensorFlow saved, which becomes a .tflite first (`saved_network`).
        spec: The file's spec, with a foreign architecture. Its output is that of the tensor `until`, or of the file.
        out: Folder to write; it becomes a bundle.
        until: Name of the tensor to end with, or a part that only its name has; None for the file's output.

    Returns:
        The spec of the bundle and the number of its parameters.

    Raises:
        ValueError: If the file cannot be rebuilt or does not fit the spec, or `out` exists.
    """
    run_folder.check_new(out)
    data = _flatbuffer(file, spec)
    named = spec.output_tensors[0].name if len(spec.output_tensors) == 1 else ""
    network = read_network.read(data, str(file), until, named)
    spec = with_network(spec, network, file)
    model = models.build(spec, keras)
    for position, arrays in network.weights.items():
        layer = model.get_layer(imported.layer_name(spec, position))
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if shapes != [array.shape for array in arrays]:
            raise ValueError(
                f"{file}: its output has {arrays[-1].shape[-1]} channels and the spec asks for {shapes[-1][-1]} "
                f"({spec.output.kind} of {len(spec.skeleton)} keypoints); give its own skeleton and output"
            )
        layer.set_weights(list(arrays))
    copied, arrays_of_all = sum(len(arrays) for arrays in network.weights.values()), len(model.weights)
    initial = Initial(file.name, saved_network.digest(file), copied, arrays_of_all, ())
    made = record.TrainRecord(
        imported_preset.imported(spec).train, record.DataUsed("", "", 0), None, record.versions(),
        int(model.count_params()),
        initial=initial, preprocessing=pose.fingerprint(spec),
    )  # fmt: skip
    run_folder.write_bundle(out, spec, model, made)
    return spec, made.parameters


def _flatbuffer(file: Path, spec: PoseSpec) -> bytes:
    """The network as a .tflite, which it may become first."""
    if saved_network.is_saved(file):
        return saved_network.to_tflite(file, spec)
    data = model_file.read_bytes(file)
    if file.suffix != ".tflite" and data[4:8] != b"TFL3":
        raise ValueError(
            f"{file}: expected a .tflite, .keras or .h5 file, or the folder of a SavedModel; docs/transfer.md says how "
            "a network from PyTorch or ONNX becomes a .tflite"
        )
    return data


def with_network(spec: PoseSpec, network: Network, file: Path) -> PoseSpec:
    """Replace the foreign architecture of a spec by a network that was read from the file.

    The spec's mean and std take over the graph's normalisation.

    Args:
        spec: The file's spec.
        network: The network that was read.
        file: The file, for messages.

    Returns:
        The changed spec.

    Raises:
        ValueError: If the spec is not that of a foreign network, or size or output differ from the file's.
    """
    if not isinstance(spec.architecture, ForeignArchitecture):
        raise ValueError(f'{spec.name}: architecture {spec.family!r}; expected {{"kind": "foreign", "source": "..."}}')
    if not isinstance(spec.output, HeatmapOutput | CoordsOutput):
        what = "decoded keypoints" if isinstance(spec.output, KeypointsOutput) else spec.output.kind
        raise ValueError(
            f"{spec.name}: its output is {what}, which cannot be trained; name the tensor before the "
            "decoding with --until, and its heatmap or coords output in the spec"
        )
    if spec.input_hw != network.input_hw:
        raise ValueError(f"{file}: its input is {network.input_hw} and the spec says {spec.input_hw}; correct input_hw")
    wanted = spec.output_shape
    listed = len(wanted) == 2 and math.prod(wanted) == math.prod(network.output_shape)  # points as a flat list
    if network.output_shape != wanted and not listed:
        h, w = spec.input_hw
        raise ValueError(
            f"{file}: tensor {network.output!r} has shape {list(network.output_shape)}, the spec expects "
            f"{list(wanted)}: {spec.output.kind} of {len(spec.skeleton)} keypoints, input {w}x{h}; correct the "
            "spec's skeleton, output or input_hw, or end at another tensor with --until"
        )
    # the file computes scale * (p - mean) / std + offset
    scale, offset = network.scale, network.offset
    if spec.channel_order == "bgr":
        scale, offset = scale[::-1], offset[::-1]
    if not (scale > 0).all():
        raise ValueError(f"{file}: its graph multiplies the image by {scale.tolist()}; expected factors above 0")
    std = np.array(spec.std) / scale
    mean = np.array(spec.mean) - offset * std
    return replace(
        spec,
        architecture=ImportedArchitecture(source=spec.architecture.source, nodes=network.nodes),
        output=_of_one_tensor(spec.output),
        mean=_rounded(mean),
        std=_rounded(std),
    )


def _of_one_tensor(output: HeatmapOutput | CoordsOutput) -> HeatmapOutput | CoordsOutput:
    """The output of the rebuilt network: its only tensor, with the channels last."""
    if isinstance(output, HeatmapOutput):
        return replace(output, tensor="", layout="channels-last")
    return replace(output, tensor="")


def _rounded(values: np.ndarray) -> tuple[float, float, float]:
    """Round to seven digits, which removes the noise of float32 arithmetic."""
    r, g, b = (float(f"{value:.7g}") + 0.0 for value in values)
    return r, g, b
