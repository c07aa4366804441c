"""Every operation of a real file alone: all of them, with their multiply-adds, on the values of the whole network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from poseport.bench.cli import bench
from poseport.bench.measure import op_profile
from poseport.tflite import interpreter, runner
from poseport.tflite.inspection import inspect_bytes


@pytest.mark.parametrize("recipe", ["int8", "float32"])
def test_every_operation_is_timed(tiny_models: dict[str, Path], recipe: str) -> None:
    found = op_profile.profile(tiny_models[recipe], runs=5)
    whole = inspect_bytes(tiny_models[recipe].read_bytes(), "m")
    assert [(op.kind, op.name, op.macs) for op in found.ops] == [(op.kind, op.name, op.macs) for op in whole.ops]
    assert all(op.us > 0 for op in found.ops)
    assert {op.delegate for op in found.ops if op.macs} == {"XNNPACK"}
    kinds = found.by("kind")
    assert sum(count for _, _, count in kinds.values()) == len(whole.ops)
    assert sum(us for us, _, _ in kinds.values()) == pytest.approx(found.sum_us)
    assert {op.delegate for op in op_profile.profile(tiny_models[recipe], xnnpack=False, runs=5).ops} == {"none"}


def test_an_operation_alone_gives_what_it_gives_in_the_network(tiny_models: dict[str, Path]) -> None:
    """Cut out wrongly (constants, strides, scales) it would be another operation, whose time says nothing."""
    path = tiny_models["int8"]
    data = path.read_bytes()
    whole = inspect_bytes(data, "m")
    model = runner.load(path)
    names = [output.name for output in model.spec.output_tensors]
    values = op_profile._values(data, str(path), op_profile._input(model), names)
    for index, op in enumerate(whole.ops):
        alone, _ = interpreter.open_interpreter(op_profile._alone(data, index), op.name, 1, xnnpack=False)
        fed = [i for i in dict.fromkeys(op.inputs) if i >= 0 and not whole.tensors[i].constant]
        for detail, i in zip(alone.get_input_details(), fed, strict=True):
            alone.set_tensor(detail["index"], values[i])
        alone.invoke()
        for detail, i in zip(alone.get_output_details(), op.outputs, strict=True):
            np.testing.assert_array_equal(alone.get_tensor(detail["index"]), values[i], err_msg=op.name)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("net_1/hg0_4in_c_bn_1/batchnorm/add_1;net_1/hg0_4in_c_conv_1/x", "hg0_4in_c"),
        ("net_1/hg0_4in_a_dwrelu_1/Relu;net_1/hg0_4in_a_dwbn_1/x", "hg0_4in_a"),
        ("net_1/resize_3/ResizeNearestNeighbor", "resize"),
        ("net/stem_relu/Relu", "stem"),
        ("PartitionedCall:0", "PartitionedCall:0"),
        ("", ""),
    ],
)
def test_names_of_layers(name: str, layer: str) -> None:
    assert op_profile.layer(name) == layer


def test_the_command(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    model = str(tiny_models["int8"])
    ran = CliRunner().invoke(bench, ["profile", model, "--runs", "5"])
    assert ran.exit_code == 0, ran.output
    assert "by layer" in ran.output
    assert "CONV_2D" in ran.output
    ran = CliRunner().invoke(bench, ["profile", model, "--runs", "5", "--json"])
    (profile,) = json.loads(ran.stdout)["profiles"]
    assert len(profile["ops"]) == len(inspect_bytes(tiny_models["int8"].read_bytes(), "m").ops)
    ran = CliRunner().invoke(bench, ["profile", model, "--runs", "5", "--delegates", "xnnpack,none", "--json"])
    assert len(json.loads(ran.stdout)["profiles"]) == 2
    ran = CliRunner().invoke(bench, ["profile", model, "--delegates", "gpu"])
    assert ran.exit_code == 1
    assert "--delegates 'gpu' does not exist; choose from xnnpack, none" in ran.output
