"""The runtime: its version, the steps of its integer tensors, and files that it cannot load."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from poseport.tflite import model_file
from poseport.tflite.interpreter import Runner, runtime
from poseport.tflite.runner import load


def test_the_runtime_says_its_version() -> None:
    module, name = runtime()
    assert hasattr(module, "Interpreter")
    package, version = name.split()
    assert package in ("ai-edge-litert", "tflite-runtime")
    assert version[0].isdigit()


def test_quantize_and_dequantize_by_hand(tiny_models: dict[str, Path]) -> None:
    runner = load(tiny_models["int8"]).runner
    values = np.array([0.0, 1 / 255, 0.4 / 255, 0.6 / 255, 1.0, 2.0, -1.0], np.float32)
    assert runner.quantize(values).tolist() == [-128, -127, -128, -127, 127, 127, -128]
    scale, zero_point = runner.output["quantization"]
    raw = np.array([-128, 0, 127], np.int8)
    np.testing.assert_allclose(runner.dequantize(raw), (raw.astype(float) - zero_point) * scale, rtol=1e-5)
    plain = load(tiny_models["float32"]).runner
    assert plain.quantize(values).dtype == np.float32
    np.testing.assert_array_equal(plain.dequantize(plain.quantize(values)), values)


def test_a_flatbuffer_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(ValueError, match=r"^m\.tflite: not a TFLite file"):
        Runner(b"\x00" * 64, "m.tflite")


def test_an_operation_that_the_runtime_does_not_have_is_named(tiny_models: dict[str, Path]) -> None:
    data, _ = model_file.read(tiny_models["float32"])
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    model.operatorCodes[0].version = 99
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    with pytest.raises(ValueError, match=r"^m\.tflite: .* cannot load it \(.*\); convert it again$"):
        Runner(bytes(builder.Output()), "m.tflite")
