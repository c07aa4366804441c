"""Choose and open a TFLite interpreter, and convert values from and to its tensors; no other module does this."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np

from poseport.files import escape
from poseport.tflite import memory
from poseport.tflite.quiet import quiet

_RUNTIMES = (("ai_edge_litert.interpreter", "ai-edge-litert"), ("tflite_runtime.interpreter", "tflite-runtime"))


def runtime() -> tuple[Any, str]:
    """Find an installed TFLite interpreter: ai-edge-litert, or else tflite-runtime (for old devices).

    Returns:
        The interpreter module, and name and version of its package.

    Raises:
        ValueError: if neither is installed.
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
    """Open a flatbuffer in an interpreter with its tensors allocated.

    Args:
        data: as in `Runner`.
        name: as in `Runner`.
        threads: as in `Runner`.
        xnnpack: as in `Runner`.
        keep: as in `Runner`.

    Returns:
        The interpreter, and name and version of its package.

    Raises:
        ValueError: if the file is damaged or takes too much memory (`poseport.tflite.memory`), if the interpreter
            cannot load it, or if none is installed.
    """
    memory.check(data, name)  # an interpreter is native code, which a damaged file can crash
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
    """Quantize values: round(value / scale) + zero_point, halves to even, clipped to the range of the type.

    Args:
        values: any shape, real numbers.
        dtype: type of the tensor. Float32 values are returned as they are.
        scale: scale of the tensor; 0 for a tensor that holds the values themselves.
        zero_point: zero point of the tensor.

    Returns:
        An array of the same shape and of type `dtype`.
    """
    if dtype == np.float32:
        return np.asarray(values, np.float32)
    limits = np.iinfo(dtype)
    steps = np.rint(np.asarray(values, np.float32) * np.float32(1 / scale if scale else 1)) + zero_point
    return np.clip(steps, limits.min, limits.max).astype(dtype)


def from_steps(raw: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Dequantize a tensor: (raw - zero_point) x scale; the inverse of `to_steps` up to rounding.

    Args:
        raw: any shape, in the tensor's own type.
        scale: scale of the tensor; 0 for a tensor that holds the values themselves.
        zero_point: zero point of the tensor.

    Returns:
        float32 of the same shape.
    """
    if raw.dtype == np.float32:
        return raw
    return (raw.astype(np.float32) - np.float32(zero_point)) * np.float32(scale or 1)


class Runner:
    """An interpreter for a network with one image as input, and one or several tensors as output.

    Args:
        data: a flatbuffer, with or without a tail.
        name: what error messages call it.
        threads: number of threads of the interpreter.
        xnnpack: whether the XNNPACK delegate runs the operations that it supports; if not, TFLite's own kernels do.
        keep: keep the values of every tensor between the layers, so that they can be read. It is slower, and excludes
            the delegate, which overwrites them.
        outputs: names of the output tensors to read, as the file or its signature calls them; "" for the only one.
            None: all of them, in the file's order.

    Attributes:
        input, outputs: the interpreter's descriptions of the input tensor and of the output tensors, in that order.

    Raises:
        ValueError: if the file cannot be loaded, has several inputs, or lacks one of the output tensors.
    """

    def __init__(
        self,
        data: bytes,
        name: str,
        threads: int = 1,
        *,
        xnnpack: bool = True,
        keep: bool = False,
        outputs: Sequence[str] | None = None,
    ):
        self.interpreter, self.runtime = open_interpreter(data, name, threads, xnnpack=xnnpack, keep=keep)
        inputs = self.interpreter.get_input_details()
        if len(inputs) != 1:
            raise ValueError(f"{name}: {len(inputs)} inputs; expected one, an image")
        self.input = inputs[0]
        if outputs is None:
            self.outputs = self.interpreter.get_output_details()
        else:
            self.outputs = [_output(self.interpreter, name, wanted) for wanted in outputs]
        self.threads = threads
        self.delegate = "XNNPACK" if xnnpack and not keep else "none"

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Convert normalised values to the type of the input tensor.

        Args:
            values: float32 of any shape.

        Returns:
            An array of the same shape in the input's type.
        """
        return to_steps(values, self.input["dtype"], *self.input["quantization"])

    @property
    def output(self) -> dict[str, Any]:
        """Description of the first output tensor."""
        return self.outputs[0]

    def dequantize(self, raw: np.ndarray) -> np.ndarray:
        """Convert the values of the first output tensor to float32.

        Args:
            raw: an array of any shape in the output's type.

        Returns:
            float32 of the same shape.
        """
        return from_steps(raw, *self.output["quantization"])

    def invoke(self, tensor: np.ndarray) -> np.ndarray:
        """Run one inference.

        Args:
            tensor: (1, H, W, 3) in the input's type.

        Returns:
            The first output tensor in its own type.
        """
        return self.invoke_all(tensor)[0]

    def invoke_all(self, tensor: np.ndarray) -> list[np.ndarray]:
        """Run one inference and read every output.

        Args:
            tensor: (1, H, W, 3) in the input's type.

        Returns:
            The output tensors in the order of `outputs`, each in its own type.
        """
        self.interpreter.set_tensor(self.input["index"], tensor)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(output["index"]) for output in self.outputs]


def _output(interpreter: Any, name: str, wanted: str) -> dict[str, Any]:
    """Description of the output tensor `wanted`, or of the only one for "". name: what messages call the file."""
    outputs: list[dict[str, Any]] = interpreter.get_output_details()
    listed = ", ".join(f"{escape.terminal(output['name'])} {output['shape'].tolist()}" for output in outputs)
    if not wanted:
        if len(outputs) == 1:
            return outputs[0]
        raise ValueError(f"{name}: {len(outputs)} outputs ({listed}); expected one, or a spec that names its tensors")
    for output in outputs:
        if output["name"] == wanted:
            return output
    for key in interpreter.get_signature_list():
        signed = interpreter.get_signature_runner(key).get_output_details()
        if wanted in signed:
            index = signed[wanted]["index"]
            return next(output for output in outputs if output["index"] == index)
    raise ValueError(f"{name}: no output tensor is called {wanted!r}; it has {listed}; correct the name in the spec")
