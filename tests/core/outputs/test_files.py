"""Real .tflite files with the outputs of other projects: they run by a spec, which `poseport spec guess` proposes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from made_tflite import tflite
from places import ROOT

from poseport import pose, records
from poseport.architecture import ForeignArchitecture
from poseport.data.images import read_image
from poseport.outputs.kinds import (
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    OffsetsOutput,
    Output,
    SimccOutput,
)
from poseport.skeletons import BLAZEPOSE33, COCO17
from poseport.spec import PoseSpec
from poseport.tflite import guess, runner, sidecar

# name -> output tensors of the file, size of its input, and what a spec says of them
FILES: dict[str, tuple[dict[str, tuple[int, ...]], tuple[int, int], Output]] = {
    "simcc": ({"simcc_x": (17, 96), "simcc_y": (17, 128)}, (64, 48), SimccOutput()),
    "posenet": (
        {"float_heatmaps": (5, 7, 17), "float_short_offsets": (5, 7, 34), "float_mid_offsets": (5, 7, 64)},
        (65, 97),
        OffsetsOutput(stride=16),
    ),
    "blazepose": (
        {"landmarks": (195,), "presence": (1,), "segments": (64, 64, 1)},
        (64, 64),
        LandmarksOutput("landmarks", "landmarks", 6),
    ),
    "first": ({"maps": (17, 16, 16)}, (64, 64), HeatmapOutput(layout="channels-first")),
    "movenet": ({"keypoints": (1, 17, 3)}, (64, 64), KeypointsOutput(order="yxs")),
}
EACH = pytest.mark.parametrize("name", FILES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each file with its spec beside it."""
    made = tmp_path_factory.mktemp("theirs")
    for name, (shapes, hw, output) in FILES.items():
        (made / f"{name}.tflite").write_bytes(tflite(shapes, hw))
        skeleton = BLAZEPOSE33 if name == "blazepose" else COCO17
        records.write_json(
            PoseSpec(name, ForeignArchitecture(source="the tests"), skeleton, hw, output), made / f"{name}.json"
        )
    return made


@EACH
def test_a_file_is_decoded_from_the_tensors_that_its_spec_names(folder: Path, name: str) -> None:
    model = runner.load(folder / f"{name}.tflite")
    crops = np.random.default_rng(0).integers(0, 256, (2, *model.spec.input_hw, 3), np.uint8)
    tensors = model.prepare(crops)
    # by hand: the tensors by their names in the signature
    interpreter = model.runner.interpreter
    (key,) = interpreter.get_signature_list()
    named = interpreter.get_signature_runner(key).get_output_details()
    wanted = []
    for tensor in tensors:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor[None])
        interpreter.invoke()
        values = {called: interpreter.get_tensor(details["index"]) for called, details in named.items()}
        parts = [values[t.name] if t.name else next(iter(values.values())) for t in model.spec.output_tensors]
        if name == "first":
            parts = [np.moveaxis(parts[0], 1, -1)]
        joined = [np.reshape(part, (1, *model.spec.output_shape[:-1], -1)) for part in parts]
        wanted.append(pose.decode_input(model.spec, np.concatenate(joined, axis=-1))[0])
    np.testing.assert_allclose(pose.decode_input(model.spec, model.infer(tensors)), wanted, atol=1e-4)
    assert np.abs(wanted[0] - wanted[1]).max() > 0.01


@EACH
def test_the_shapes_suggest_the_spec(folder: Path, name: str) -> None:
    _, hw, output = FILES[name]
    found = guess.guess((folder / f"{name}.tflite").read_bytes(), name)
    assert found.spec.input_hw == hw
    assert found.spec.output.kind == output.kind
    assert found.spec.output_shape == sidecar.read_spec(folder / f"{name}.json").output_shape
    assert any(line.startswith("mean and std") for line in found.unknown)
    assert any(line.startswith("skeleton") for line in found.unknown)
    assert "mean and std" in vars(found.spec.architecture)["source"]


def test_a_guess_runs_once_it_stands_beside_its_file(folder: Path, tmp_path: Path, drawn: Path) -> None:
    file = tmp_path / "posenet.tflite"
    file.write_bytes((folder / "posenet.tflite").read_bytes())
    shown = run("spec", "guess", file, "--out", tmp_path / "posenet.json")
    assert "not known from the file:" in shown
    assert "architecture.source: write who made the file" in shown
    image = read_image(next((drawn.parent / "images").iterdir()))
    assert runner.load(file)(image, np.array([[0, 0, 30, 40]])).shape == (1, 17, 3)
    again = run("spec", "guess", file, "--out", tmp_path / "posenet.json", code=1)
    assert "exists; name another file with --out" in again
    assert json.loads(run("spec", "guess", file, "--json"))["spec"]["output"]["kind"] == "offsets"


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [
        ("simcc", SimccOutput(y="simcc_z"), r"no output tensor is called 'simcc_z'; it has .*\[1, 17, 96\].*; correct"),
        ("simcc", SimccOutput(split_ratio=3), r"simcc_x: .* -> \(1, 17, 96\), its simcc.json .* \(1, 17, 144\); corr"),
        ("posenet", HeatmapOutput(stride=16), r"3 outputs \(.*\); expected one, or a spec that names its tensors"),
        ("posenet", OffsetsOutput(stride=8), r"float_heatmaps: .* -> \(1, 5, 7, 17\), .* -> \(1, 9, 13, 17\)"),
        ("first", HeatmapOutput(), r'its channels come first: the spec\'s output needs "layout": "channels-first"'),
        ("blazepose", LandmarksOutput(tensor="landmarks"), r"landmarks: .* \(1, 195\), .* \(1, 33, 5\); corr"),
    ],
)  # fmt: skip
def test_a_spec_that_does_not_fit_is_one_line(
    folder: Path, tmp_path: Path, name: str, output: Output, message: str
) -> None:
    """Which tensor, which shape, and what the spec expects."""
    file = tmp_path / f"{name}.tflite"
    file.write_bytes((folder / f"{name}.tflite").read_bytes())
    spec: Any = sidecar.read_spec(folder / f"{name}.json")
    records.write_json(PoseSpec(name, spec.architecture, spec.skeleton, spec.input_hw, output), sidecar.spec_path(file))
    with pytest.raises(ValueError, match=message) as caught:
        runner.load(file)
    assert "\n" not in str(caught.value)


def test_every_spec_in_the_documents_can_be_read() -> None:
    specs = {path.stem: sidecar.read_spec(path) for path in (ROOT / "docs" / "specs").glob("*.json")}
    assert {
        "movenet_lightning", "movenet_thunder", "posenet", "blazepose_lite", "blazepose_full", "efficientpose_rt_lite",
        "edvardhua_hourglass", "edvardhua_cpm", "rtmpose_coco17", "rtmpose_halpe26", "rtmpose_wholebody133",
    } <= set(specs)  # fmt: skip
    assert specs["posenet"].output_tensors[0].shape == (9, 9, 17)
    assert specs["blazepose_full"].output_shape == (39, 5)
    assert specs["rtmpose_coco17"].output_shape == (17, 384 + 512)
    assert specs["efficientpose_rt"].output_tensors == (("upscaled_confs/BiasAdd", (224, 224, 16), "channels-last"),)
    for spec in specs.values():
        assert spec.family == "foreign"
        assert vars(spec.architecture)["source"]
