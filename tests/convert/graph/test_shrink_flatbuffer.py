"""A flatbuffer written once more: smaller, aligned, and the same to every reader."""

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from poseport.convert.calibration import CalibrationCrops
from poseport.convert.engines import tflite_converter
from poseport.convert.graph.frozen_graph import load_frozen
from poseport.convert.graph.shrink_flatbuffer import shrink
from poseport.convert.recipes import recipe
from poseport.data.coco import load
from poseport.tflite import inspection, model_file
from poseport.tflite.format.constants import real_constants
from poseport.tflite.interpreter import open_interpreter


@pytest.fixture(scope="module", params=["float32", "int8"])
def written(request, tiny_bundle, drawn):
    """What the converter wrote, and the same once more."""
    crops = CalibrationCrops(load(drawn).persons[:8])
    made = tflite_converter.convert(load_frozen(tiny_bundle), recipe(request.param), crops)
    return request.param, made, shrink(made)


def run(data):
    interpreter, _ = open_interpreter(data, "m", 1)
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    random = np.random.default_rng(0).integers(-128, 128, image["shape"])
    interpreter.set_tensor(image["index"], random.astype(image["dtype"]))
    interpreter.invoke()
    return interpreter.get_tensor(output["index"])


def test_it_is_the_same_graph_with_the_same_numbers(written):
    _, before, after = written
    a, b = (inspection.inspect_bytes(data, "m") for data in (before, after))
    assert [replace(tensor, name="") for tensor in a.tensors] == [replace(tensor, name="") for tensor in b.tensors]
    assert all(short.name in long.name.split(";") for long, short in zip(a.tensors, b.tensors, strict=True))
    assert len({tensor.name for tensor in b.tensors}) == len(b.tensors)
    assert [(op.kind, op.version, op.macs, op.inputs, op.outputs) for op in a.ops] == [
        (op.kind, op.version, op.macs, op.inputs, op.outputs) for op in b.ops
    ]
    assert (a.signatures, a.min_runtime) == (b.signatures, b.min_runtime)
    for x, y in zip(*(real_constants(data, "m") for data in (before, after)), strict=True):
        assert (x is None) == (y is None)
        if x is not None:
            np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(run(before), run(after))


def test_an_int8_file_has_a_quarter_less(written):
    name, before, after = written
    assert len(after) < (3 / 4 if name == "int8" else 1) * len(before)


def test_constants_are_aligned_inside_the_file(written):
    _, _, after = written
    model = schema.Model.GetRootAs(after, 0)
    offsets = []
    for i in range(model.BuffersLength()):
        values = model.Buffers(i).DataAsNumpy() if model.Buffers(i).DataLength() else None
        if values is not None:
            offsets.append(values.ctypes.data - np.frombuffer(after, np.uint8).ctypes.data)
    assert len(offsets) > 20
    assert not any(offset % 16 for offset in offsets)


def test_a_converted_file_went_through_it(tiny_models):
    for path in tiny_models.values():
        data = model_file.read(path)[0]
        assert data.startswith(shrink(data))  # a second time changes nothing; the card comes behind it
