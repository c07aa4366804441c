"""The golden files are what the toolkit computes today; code in other languages is held to them."""

import json
from typing import get_args

import cv2
import numpy as np
import pytest
from golden_arrays import FOLDER, Arrays, numbers
from write_golden import FILES

from poseport.outputs.kinds import Output

CASES = [
    pytest.param(name, case, id=f"{name}: {case['name']}")
    for name in FILES
    for case in json.loads((FOLDER / f"{name}.json").read_text())["cases"]
]
DATA = {name: Arrays((FOLDER / f"{name}.bin").read_bytes()) for name in FILES}
# OpenCV 4 warps with coefficients of 5 bits: up to 4 levels away in these crops
PIXEL_LEVELS = 0 if cv2.__version__.startswith("5.") else 4


@pytest.mark.parametrize(("name", "case"), CASES)
def test_what_is_stored_is_what_is_computed(name, case):
    _, _, compute, stored = FILES[name]
    found = compute(case, DATA[name].stored(case[stored]))
    assert list(found) == list(case["expected"])
    for what, wanted in case["expected"].items():
        if isinstance(wanted, list):
            np.testing.assert_allclose(found[what], numbers(wanted), rtol=0, atol=1e-6, err_msg=what)
            continue
        array = DATA[name].get(wanted)
        assert found[what].dtype == array.dtype
        away = np.abs(found[what].astype(np.float64) - array)
        assert away.max() <= (PIXEL_LEVELS if what == "crop" else 0), what


def test_every_decoder_and_output_is_there_and_finds_what_was_drawn():
    cases = {case["name"]: case for case in json.loads((FOLDER / "decode.json").read_text())["cases"]}
    methods = {
        case["spec"]["output"]["decode"]["method"] for case in cases.values() if "decode" in case["spec"]["output"]
    }
    assert methods == {"argmax", "quarter", "dark", "centroid", "oks", "seed"}
    assert {case["spec"]["output"]["kind"] for case in cases.values()} == {"heatmap", "coords", "keypoints"}
    for name in ("gaussian, dark", "logits, dark"):
        first = cases[name]["expected"]["input_px"][0]
        assert first[:2] == pytest.approx([20.0, 31.5], abs=0.001 if name == "gaussian, dark" else 0.5)


def test_every_output_of_other_projects_is_there():
    cases = json.loads((FOLDER / "outputs.json").read_text())["cases"]
    outputs = [case["spec"]["output"] for case in cases]
    assert {output["kind"] for output in outputs} == {kind.kind for kind in get_args(Output)}
    assert {output.get("layout") for output in outputs} >= {"channels-last", "channels-first"}
    assert {DATA["outputs"].get(entry).dtype for case in cases for entry in case["tensors"].values()} == {
        np.dtype("float32"), np.dtype("int8"),
    }  # fmt: skip


def test_the_files_stay_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2**20
