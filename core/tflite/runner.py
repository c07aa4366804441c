"""The one place that chooses a TFLite interpreter, and the way a user's script runs a model.

pose = poseport.load("m.int8.tflite")
keypoints = pose(image_rgb, boxes)
"""

from __future__ import annotations

import importlib
import importlib.metadata
import math
from pathlib import Path
from typing import Any

import numpy as np

from poseport import cascade, pose
from poseport.command.quiet import quiet
from poseport.tflite import model_file, shipped, sidecar
from poseport.tflite.card import ModelCard
from poseport.tflite.flatbuffer import verify

_RUNTIMES = (("ai_edge_litert.interpreter", "ai-edge-litert"), ("tflite_runtime.interpreter", "tflite-runtime"))


def runtime() -> tuple[Any, str]:
    """The interpreter module and "name version" of its package.

    ai-edge-litert first; tflite-runtime where it is what a device has. ValueError says what to install.
    """
    for module, package in _RUNTIMES:
        try:
            return importlib.import_module(module), f"{package} {importlib.metadata.version(package)}"
        except ImportError:
            continue
    raise ValueError("no TFLite runtime is installed; run `pip install ai-edge-litert` (old devices: tflite-runtime)")


def open_interpreter(
    data: bytes, name: str, threads: int, *, xnnpack: bool = True, keep: bool = False
) -> tuple[Any, str]:
    """An interpreter that is ready to be fed, and its `runtime`; arguments and errors as of `Runner`."""
    verify(data, name)  # an interpreter is native code, and no place for a damaged file
    module, package = runtime()
    options: dict[str, Any] = {}
    if keep or not xnnpack:
        options["experimental_op_resolver_type"] = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    if keep:
        options["experimental_preserve_all_tensors"] = True
    try:
        with quiet():
            interpreter = module.Interpreter(model_content=data, num_threads=threads, **options)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError, TypeError) as error:
        lines = str(error).strip().splitlines() or ["unknown reason"]
        raise ValueError(f"{name}: {package} cannot load it ({lines[0][:160]}); convert it again") from None
    return interpreter, package


def to_steps(values: np.ndarray, dtype: Any, scale: float, zero_point: int) -> np.ndarray:
    """Float32 values as a tensor of `dtype` holds them: round(value / scale) + zero_point, halves to even.

    Float32 stays what it is; an integer tensor without a scale (0) holds the values themselves.
    """
    if dtype == np.float32:
        return np.asarray(values, np.float32)
    limits = np.iinfo(dtype)
    steps = np.rint(np.asarray(values, np.float32) * np.float32(1 / scale if scale else 1)) + zero_point
    return np.clip(steps, limits.min, limits.max).astype(dtype)


def from_steps(raw: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """What a tensor of any type holds, as float32; the inverse of `to_steps` up to rounding."""
    if raw.dtype == np.float32:
        return raw
    return (raw.astype(np.float32) - np.float32(zero_point)) * np.float32(scale or 1)


class Runner:
    """An interpreter with one image in and one tensor out.

    data: a flatbuffer, with or without a tail. name: what errors call it. xnnpack: let that delegate take what it can;
    False: TFLite's own kernels. keep: leave the values of every tensor between the layers to be read (slower, and
    without the delegate, which overwrites them).
    """

    def __init__(self, data: bytes, name: str, threads: int = 1, *, xnnpack: bool = True, keep: bool = False):
        self.interpreter, self.runtime = open_interpreter(data, name, threads, xnnpack=xnnpack, keep=keep)
        inputs, outputs = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(f"{name}: {len(inputs)} inputs and {len(outputs)} outputs, expected one of each")
        self.input, self.output = inputs[0], outputs[0]
        self.threads = threads
        self.delegate = "XNNPACK" if xnnpack and not keep else "none"

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Normalised float32 values in the input tensor's own type."""
        return to_steps(values, self.input["dtype"], *self.input["quantization"])

    def dequantize(self, raw: np.ndarray) -> np.ndarray:
        """The output tensor as float32."""
        return from_steps(raw, *self.output["quantization"])

    def invoke(self, tensor: np.ndarray) -> np.ndarray:
        """Raw output for one input tensor (1, H, W, 3) of the input's own type."""
        self.interpreter.set_tensor(self.input["index"], tensor)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output["index"])


class Network:
    """One network of a converted model: its card, its interpreter and its tensors.

    data: its flatbuffer, with or without a tail. name: what errors call it.
    """

    def __init__(self, data: bytes, card: ModelCard, name: str, threads: int = 1, *, xnnpack: bool = True):
        self.card, self.spec = card, card.spec
        self.runner = Runner(data, name, threads, xnnpack=xnnpack)
        _check_shapes(name, card, self.runner)
        dtype = self.runner.input["dtype"]
        scale, zero_point = self.runner.input["quantization"]
        # the step is 1/255 up to float rounding, and pixel 0 is the lowest value: bytes are copied, not computed
        self.byte_exact = bool(
            self.spec.byte_exact
            and np.issubdtype(dtype, np.integer)
            and np.iinfo(dtype).bits == 8
            and zero_point == np.iinfo(dtype).min
            and abs(scale * 255 - 1) < 1e-5
        )

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """Raw outputs (N, *spec.output_shape) float32 for crops (N, H, W, 3) uint8 RGB."""
        return self.infer(self.prepare(crops))

    def prepare(self, crops: np.ndarray) -> np.ndarray:
        """Crops (N, H, W, 3) uint8 RGB as input tensors: what the interpreter is fed."""
        if self.byte_exact:
            return crops if self.runner.input["dtype"] == np.uint8 else (crops ^ 0x80).view(np.int8)
        return self.runner.quantize(pose.normalise(self.spec, crops))

    def infer(self, tensors: np.ndarray) -> np.ndarray:
        """Raw network outputs (N, *spec.output_shape) float32 for input tensors made by `prepare`."""
        return self.read([self.runner.invoke(tensor[None]) for tensor in tensors])

    def read(self, raw: list[np.ndarray]) -> np.ndarray:
        """Output tensors of N invocations as (N, *spec.output_shape) float32."""
        return self.runner.dequantize(np.concatenate(raw)).reshape(-1, *self.spec.output_shape)


class Pose(Network):
    """A converted model that maps (image, boxes) to keypoints; made by `load`.

    Attributes:
        path: the file.
        later: the networks that refine its keypoints, in order; empty unless the file is a cascade.
    """

    def __init__(self, path: Path, threads: int = 1, *, xnnpack: bool = True):
        self.path = Path(path)
        (data, card), *later = model_file.read_stages(self.path)
        super().__init__(data, card, str(self.path), threads, xnnpack=xnnpack)
        named = ((f"{self.path}: {model_file.stage_file(i)}", *stage) for i, stage in enumerate(later, 2))
        self.later = tuple(Network(data, card, name, threads, xnnpack=xnnpack) for name, data, card in named)

    def __call__(self, image: np.ndarray, boxes_xywh: np.ndarray | None = None) -> np.ndarray:
        """Keypoints (N, K, 3) float64: x, y in image pixels and a score in [0, 1].

        image: (h, w, 3) uint8 RGB. boxes_xywh: (N, 4) one a person; None takes the whole image as one.
        Raises ValueError for an image of another form or a box without area.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image is {image.dtype} {image.shape}, expected uint8 (height, width, 3) in RGB")
        h, w = image.shape[:2]
        boxes = np.array([[0, 0, w, h]]) if boxes_xywh is None else np.asarray(boxes_xywh, float).reshape(-1, 4)
        if not len(boxes):
            return np.zeros((0, len(self.spec.skeleton), 3))
        crops, matrices = pose.crops(self.spec, image, boxes)
        keypoints = pose.decode(self.spec, self.outputs(crops), matrices)
        return cascade.refine_image(self.later, image, boxes, keypoints)


def load(path: str | Path, threads: int = 1, *, xnnpack: bool = True) -> Pose:
    """A converted model, ready to run: a file, or a network that comes with the package (`shipped`) by name.

    xnnpack: as in `Runner`. Raises ValueError when the file is not one.
    """
    return Pose(shipped.model(str(path)), threads, xnnpack=xnnpack)


def _check_shapes(name: str, card: ModelCard, runner: Runner) -> None:
    """A file whose tensors are not what its own card says is refused."""
    found_in, found_out = (tuple(t["shape"].tolist()) for t in (runner.input, runner.output))
    wanted_in, wanted_out = (1, *card.spec.input_hw, 3), (1, *card.spec.output_shape)
    if found_in == wanted_in and _same_order(found_out, wanted_out):
        return
    source, remedy = model_file.CARD, "convert it again"
    if card.spec.family == "foreign":
        source, remedy = sidecar.spec_path(Path(name)).name, "correct the spec"
        if any(size < 0 for size in runner.input["shape_signature"].tolist()[1:]):
            remedy = f"the file leaves its input's size open: convert it with an input of {wanted_in}"
        elif len(found_out) == 4 and _same_order((found_out[0], *found_out[2:], found_out[1]), wanted_out):
            remedy = "its channels come first: convert it with the channels last"
    raise ValueError(
        f"{name}: its tensors are {found_in} -> {found_out}, its {source} says {wanted_in} -> {wanted_out}; {remedy}"
    )


def _same_order(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether values in the shape `found` lie in the order of `wanted`.

    Axes of length 1 do not matter. A list of numbers can be a table of keypoints, but not be told to be a heatmap.
    """
    axes, needed = ([n for n in shape if n != 1] for shape in (found, wanted))
    return axes == needed or (len(needed) < 3 and axes == [math.prod(needed)])
