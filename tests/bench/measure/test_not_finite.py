"""A network that answers NaN or infinity: it is named, and the results of the others are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from click.testing import CliRunner

from poseport.bench import results_folder
from poseport.bench.cli import bench
from poseport.bench.measure import checks
from poseport.data.people import People
from poseport.tflite import model_file


@pytest.fixture
def broken(tiny_models: dict[str, Path], tmp_path: Path) -> Path:
    """The float32 file with NaN for every weight."""
    from ai_edge_litert import schema_py_generated as schema

    flatbuffer, card = model_file.read(tiny_models["float32"])
    model: Any = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    for tensor in model.subgraphs[0].tensors:
        buffer = model.buffers[tensor.buffer]
        if tensor.type == schema.TensorType.FLOAT32 and buffer.data is not None and len(buffer.data):
            count = len(buffer.data) // 4
            buffer.data = np.frombuffer(np.full(count, np.nan, np.float32).tobytes(), np.uint8)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "broken.tflite"
    model_file.write(path, bytes(builder.Output()), card)
    return path


def test_the_others_results_are_kept(
    broken: Path, tiny_models: dict[str, Path], people: People, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    files = [str(broken), str(tiny_models["int8"])]
    ran = CliRunner().invoke(bench, ["accuracy", *files, "--data", str(people.path), "--out", str(out), "--quiet"])
    assert ran.exit_code == 1
    [line] = ran.output.strip().splitlines()
    assert f"{broken}: predicts NaN or infinity for 60 of 60 people" in line
    assert [result.model.name for result in results_folder.load_all(out)] == ["tiny.int8"]
    for path in out.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def test_one_person_is_enough(people: People) -> None:
    keypoints = np.zeros((3, 17, 3))
    checks.refuse_not_finite(keypoints, people.persons[:3], "m")
    keypoints[1, 4, 0] = np.inf
    with pytest.raises(
        ValueError, match=rf"m: predicts .* 1 of 3 people \(first in {people.persons[1].image_path.name}"
    ):
        checks.refuse_not_finite(keypoints, people.persons[:3], "m")
