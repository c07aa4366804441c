"""Activation ranges of a float file, and the choice of those that move keypoints least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from poseport import pose
from poseport.convert import calibration
from poseport.convert.calibration import CalibrationCrops
from poseport.convert.engines.pose_candidate import candidate
from poseport.people.detector_spec import DetectorSpec
from poseport.scoring import metrics
from poseport.spec import PoseSpec
from poseport.tflite.inspection import CONVOLUTIONS, inspect_bytes
from poseport.tflite.interpreter import Runner

Ranges = dict[str, tuple[float, float]]

# percentiles of people among which ranges are chosen, and the number of people on whom they are compared
PERCENTILES = (100.0, 99.0, 95.0)
COMPARED = 64


@dataclass(frozen=True, eq=False)
class MeasuredRanges:
    """The lowest and the highest value that each activation of a float file takes on each crop.

    Attributes:
        names: T names of tensors.
        lows, highs: (N, T) of N crops.
        at_the_ends: (T,) bool, the input and the output.
        means: Name of the input of a convolution or dense layer -> its mean over the crops, without the batch.
    """

    names: Sequence[str]
    lows: np.ndarray
    highs: np.ndarray
    at_the_ends: np.ndarray
    means: dict[str, np.ndarray]

    def at(self, percentile: float) -> Ranges:
        """Take the percentile over the crops, so that one odd photo does not cost everybody a bit of resolution.

        Input and output keep the widest range, because peaks are what is read there.

        Args:
            percentile: In [50, 100]; 100 takes the widest range.

        Returns:
            Tensor name -> (lowest, highest).
        """
        widest = self.lows.min(axis=0), self.highs.max(axis=0)
        inner = np.percentile(self.lows, 100 - percentile, axis=0), np.percentile(self.highs, percentile, axis=0)
        low, high = (np.where(self.at_the_ends, *ends) for ends in zip(widest, inner, strict=True))
        return {name: (float(a), float(b)) for name, a, b in zip(self.names, low, high, strict=True)}


def measure_ranges(
    flatbuffer: bytes,
    spec: PoseSpec | DetectorSpec,
    crops: CalibrationCrops,
    progress: Callable[[int], None] | None = None,
) -> MeasuredRanges:
    """Measure the range of every activation of a float file on each crop.

    Args:
        flatbuffer: The float32 file.
        spec: Its network's spec.
        crops: The crops to run.
        progress: Called with 1 for each crop.

    Raises:
        ValueError: If the network computes values that are not finite.
    """
    runner = Runner(flatbuffer, "float32", 2, keep=True)
    inspection = inspect_bytes(flatbuffer, "float32")
    tensors = inspection.tensors
    computed = [i for i, tensor in enumerate(tensors) if tensor.dtype == "float32" and not tensor.constant]
    read = {i for op in inspection.ops if op.kind in CONVOLUTIONS for i in op.inputs} & set(computed)
    sums = {i: np.zeros(tensors[i].shape[1:]) for i in read}
    lows, highs = [], []
    for image in calibration.inputs(spec, crops):
        low_each, high_each = calibration.extremes(runner, runner.quantize(image), computed)
        lows.append(low_each)
        highs.append(high_each)
        for i, total in sums.items():
            total += runner.interpreter.get_tensor(i)[0]
        if progress is not None:
            progress(1)
    infinite = ~(np.isfinite(lows) & np.isfinite(highs)).all(axis=0)
    if infinite.any():
        name = tensors[computed[int(infinite.argmax())]].name
        raise ValueError(f"{spec.name}: {name} takes values that are not finite (NaN or infinity); train it again")
    ends = [tensors[i] in (*inspection.inputs, *inspection.outputs) for i in computed]
    names = [tensors[i].name for i in computed]
    means = {tensors[i].name: (total / max(1, len(lows))).astype(np.float32) for i, total in sums.items()}
    return MeasuredRanges(names, np.array(lows), np.array(highs), np.array(ends), means)


def least_moved(spec: PoseSpec, float_file: bytes, crops: CalibrationCrops, at: Callable[[float], bytes]) -> bytes:
    """The file, among those with ranges at several percentiles, whose keypoints are nearest to the float file's.

    Which percentile is best depends on the network: clipping costs one its peaks and gives another its resolution.
    Keypoints are compared as OKS does, by distances relative to the person and to the keypoint.

    Args:
        spec: The network's spec.
        float_file: The float32 file.
        crops: What calibrated it; the first 64 are compared.
        at: Makes the file of a percentile.
    """
    inputs = []
    for image in calibration.inputs(spec, replace(crops, persons=crops.persons[:COMPARED])):
        inputs.append(image)
    wanted = _keypoints(spec, float_file, inputs)
    labels = np.concatenate([wanted[..., :2], np.where(np.isfinite(wanted[..., :1]), 2.0, 0.0)], axis=-1)
    h, w = spec.input_hw
    areas = np.full(len(inputs), h * w / spec.padding**2)
    best, least = b"", np.inf
    for percentile in PERCENTILES:
        data = at(percentile)
        oks = metrics.oks(_keypoints(spec, data, inputs), labels, areas, np.asarray(spec.skeleton.sigmas))
        moved = 1 - float(np.nanmean(oks)) if np.isfinite(oks).any() else np.inf
        if moved < least or not best:
            best, least = data, moved
    return best


def _keypoints(spec: PoseSpec, data: bytes, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """Keypoints (N, K, 3) in input pixels that a file finds in normalised crops (1, H, W, 3)."""
    network = candidate(spec, data, threads=2)
    raw = network.read([network.runner.invoke_all(network.runner.quantize(image)) for image in inputs])
    return pose.decode_input(spec, raw)
