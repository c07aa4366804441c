"""The command line as a person uses it: help, answers, and one line for every mistake."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from command_line import run
from scipy.io import savemat

from poseport.tflite import model_file

POSEPORT = str(Path(sys.executable).with_name("poseport"))


def test_synth_check_and_their_faults(tmp_path):
    answer = json.loads(run("data", "synth", tmp_path / "p", "--count", 12, "--json"))
    assert answer["people"] == 12
    assert json.loads(run("data", "check", tmp_path / "p", "--json"))["problems"] == []
    assert "already" in run("data", "synth", tmp_path / "p", "--count", 12, code=1)
    run("data", "synth", tmp_path / "p", "--count", 12, "--overwrite", "--quiet")
    victims = sorted((tmp_path / "p/images").iterdir())
    victims[0].unlink()
    victims[1].write_bytes(victims[1].read_bytes()[:700])
    text = run("data", "check", tmp_path / "p", code=1)
    assert "2 problems" in text
    assert f"{victims[0].name}: image cannot be read" in text
    assert f"{victims[1].name}: the JPEG is cut off" in text


def test_a_set_is_converted_described_and_packed(tmp_path):
    (tmp_path / "lsp/images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "lsp/images/im0001.jpg"), np.full((400, 300, 3), 90, np.uint8))
    joints = np.dstack([np.vstack([np.arange(40, 180, 10), np.arange(60, 340, 20), np.zeros(14)])])
    savemat(tmp_path / "lsp/joints.mat", {"joints": joints})
    answer = json.loads(run("data", "from-lsp", tmp_path / "lsp", "--out", tmp_path / "coco", "--json"))
    assert answer["splits"]["train"]["people"] == 1
    assert "exists already" in run("data", "from-lsp", tmp_path / "lsp", "--out", tmp_path / "coco", code=1)
    assert "holds no variable 'RELEASE'" in run(
        "data", "from-mpii", tmp_path / "lsp/joints.mat", "--out", tmp_path / "x", code=1
    )
    plot = tmp_path / "set.png"
    answer = json.loads(run("data", "stats", tmp_path / "coco", "--out", plot, "--json"))
    assert answer["by_labelled"][14] == 1
    assert cv2.imread(str(plot)) is not None
    assert "a plot must end in" in run("data", "stats", tmp_path / "coco", "--out", tmp_path / "set.txt", code=1)
    assert "1 people of 1 packed" in run("data", "pack", tmp_path / "coco", "--out", tmp_path / "packed", "--size", 128)
    assert json.loads(run("data", "check", tmp_path / "packed", "--json"))["problems"] == []


def test_predict_writes_an_overlay_and_answers_in_json(tiny_models, photo, tmp_path):
    out = tmp_path / "overlay.png"
    answer = json.loads(run("predict", tiny_models["int8"], photo, "--box", "10,10,200,250", "--out", out, "--json"))
    [picture] = answer["pictures"]
    [person] = picture["people"]
    assert person["box"] == [10, 10, 200, 250]
    assert len(person["keypoints"]) == 17
    assert cv2.imread(str(out)).shape == (288, 384, 3)
    assert "left_wrist" in run("predict", tiny_models["int8"], photo, "--people", 1)


def test_inspect_says_what_a_file_is(tiny_models):
    text = run("inspect", tiny_models["int8"], "--ops")
    for part in ("recipe int8", "100.0 % int8", "scale 0.00392157, zero point -128", "calibrated 16 people", "CONV_2D"):
        assert part in text
    answer = json.loads(run("inspect", tiny_models["float32"], "--json"))
    assert answer["macs_by_dtype"] == {"float32": answer["macs"]}
    assert answer["card"]["conversion"]["recipe"] == "float32"


def test_inspect_describes_a_file_without_a_spec(tiny_models, tmp_path):
    data = tiny_models["int8"].read_bytes()
    (tmp_path / "bare.tflite").write_bytes(data[: data.index(b"PK\x03\x04")])
    text = run("inspect", tmp_path / "bare.tflite", "--ops")
    for part in ("without a spec", "100.0 % int8", "scale 0.00392157, zero point -128", "CONV_2D", "docs/foreign.md"):
        assert part in text
    ours, answer = (json.loads(run("inspect", f, "--json")) for f in (tiny_models["int8"], tmp_path / "bare.tflite"))
    assert answer["card"] is None
    for key in ("macs", "macs_by_dtype", "macs_per_person", "op_counts", "ops", "inputs", "outputs"):
        assert answer[key] == ours[key]


def test_a_cascade_is_inspected_and_run_like_any_file(tiny_cascades, photo, drawn, tmp_path):
    text = run("inspect", tiny_cascades["int8"])
    for part in ("stage 2, a crop around each keypoint: tiny-refine", "1.5 diameters wide", "whole cascade: "):
        assert part in text
    answer = json.loads(run("inspect", tiny_cascades["float32"], "--json"))
    assert answer["macs_per_person"] == {"float32": answer["macs"] + 17 * answer["later"][0]["macs"]}
    [picture] = json.loads(run("predict", tiny_cascades["int8"], photo, "--people", 1, "--json"))["pictures"]
    assert len(picture["people"][0]["keypoints"]) == 17
    run("bench", "accuracy", tiny_cascades["float32"], "--data", drawn, "--out", tmp_path, "--quiet")
    assert len(list(tmp_path.glob("cascade.float32.accuracy.*.json"))) == 1


def test_a_file_is_held_to_its_bundle_and_to_another_file(tiny_models, tiny_bundle, drawn, tmp_path):
    answer = json.loads(
        run("verify", tiny_models["float32"], "--bundle", tiny_bundle, "--data", drawn, "--count", 8, "--json")
    )
    assert answer["passed"]
    assert [check["name"] for check in answer["checks"]] == ["input tensors", "keypoints"]
    data, card = model_file.read(tiny_models["float32"])
    spec = replace(card.spec, mean=(1.0, 1.0, 1.0))
    model_file.write(tmp_path / "m.tflite", data[: data.index(b"PK\x03\x04")], replace(card, spec=spec))
    text = run(
        "verify", tmp_path / "m.tflite", "--against", tiny_models["float32"], "--data", drawn, "--count", 8, code=1
    )
    assert "FAILED  input tensors: 8 of 8 differ, by up to 0.00392" in text


def test_calibration_people_are_audited(tiny_bundle, drawn):
    answer = json.loads(run("calibrate", tiny_bundle, "--calib", drawn, "--count", 24, "--json"))
    assert answer["people"] == 24
    assert [row["people"] for row in answer["settled"]] == [8, 16, 24]


def test_the_gate_answers_with_its_exit_code(tiny_models, drawn, tmp_path):
    models = (tiny_models["float32"], tiny_models["int8"])
    names = [path.name.removesuffix(".tflite") for path in models]
    run("bench", "accuracy", *models, "--data", drawn, "--out", tmp_path, "--quiet")
    run("bench", "latency", *models, "--threads", "1,2", "--runs", 20, "--out", tmp_path, "--quiet")
    assert len(list(tmp_path.glob("*.json"))) == 6
    arguments = ("bench", "gate", tmp_path, "--baseline", names[0], "--candidate", names[1])
    answer = json.loads(run(*arguments, "--max-ap-drop", 100, "--json", code=2))
    assert answer["verdict"] == "cannot_tell"
    assert "the baseline's AP is 0" in answer["decisions"][0]["reason"]  # untrained networks find nobody
    output = run("bench", "gate", tmp_path, "--baseline", "nobody", "--candidate", names[1], "--max-ap-drop", 1, code=2)
    assert f"there are results of {', '.join(names)}" in output
    run("bench", "report", tmp_path, "--out", tmp_path / "report.html", "--quiet")
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_ctrl_c_in_training_loses_nothing_and_says_how_to_go_on(drawn, tmp_path):
    out = tmp_path / "run"
    arguments = [POSEPORT, "train", "--preset", "mobile-deeppose", "--input-size", "64", "--data", str(drawn)]
    arguments += ["--epochs", "12", "--batch", "16", "--out", str(out)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline().startswith("epoch 1/12")
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted:" in errors
    assert "--resume continues from there" in errors
    assert "Traceback" not in errors
    done = int(re.search(r"(\d+) whole epochs are kept", errors)[1])
    assert done >= 1
    assert "already" in run(*arguments[1:], code=1)
    more = subprocess.run([*arguments, "--resume"], capture_output=True, text=True, env=environment, check=True)
    assert more.stdout.startswith(f"epoch {done + 1}/12"), more.stdout
    assert len((out / "log.csv").read_text().splitlines()) == 13
