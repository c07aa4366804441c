"""Real processes: two workers end with the weights of one, a lost one is made up for, and JAX's bundle converts."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from poseport import bundle
from poseport.command.cli import main
from poseport.records import read_json
from poseport.tflite.runner import load
from poseport.train.progress.log_csv import read_log
from poseport.train.record import TrainRecord
from poseport.train.workers import jax_launcher

TEAM = Path(__file__).with_name("training_worker.py")
STEPS = 7  # an epoch of 60 people in batches of 8


def arrays(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def assert_same_network(one, other, atol):
    a, b = arrays(one / bundle.LAST_WEIGHTS), arrays(other / bundle.LAST_WEIGHTS)
    assert a.keys() == b.keys()
    for name in a:
        if "seed" not in name:
            np.testing.assert_allclose(a[name], b[name], atol=atol, rtol=atol, err_msg=name)


def team(backend, *arguments):
    """A training of `training_worker.py` in a process of its own."""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, str(TEAM), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def alone(drawn, tiny_bundle, tmp_path_factory):
    """The run of one JAX worker."""
    out = tmp_path_factory.mktemp("alone") / "run"
    team("jax", drawn, tiny_bundle, out)
    return out


@pytest.mark.slow
def test_two_devices_of_tensorflow_end_with_the_weights_of_one(drawn, tiny_bundle, tmp_path):
    team("tensorflow", drawn, tiny_bundle, tmp_path, "--devices", 2)
    assert_same_network(tmp_path / "1", tmp_path / "2", 1e-4)
    one, two = (read_log(tmp_path / name) for name in "12")
    np.testing.assert_allclose([r["loss"] for r in one], [r["loss"] for r in two], rtol=1e-4)
    assert one[-1]["PCK@0.2/torso"] == pytest.approx(two[-1]["PCK@0.2/torso"], abs=0.01)


@pytest.mark.slow
def test_two_processes_lose_one_go_on_and_end_with_the_weights_of_one(
    drawn, tiny_bundle, alone, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    command = [sys.executable, str(TEAM), str(drawn), str(tiny_bundle), str(tmp_path / "run")]
    with pytest.raises(ValueError, match=r"worker 1 was lost \(SIGKILL\).*--resume"):
        jax_launcher.launch([*command, "--die-at", str(2 * STEPS + 3)], 2, tmp_path / "run")
    assert [row["epoch"] for row in read_log(tmp_path / "run")] == [1, 2]
    capfd.readouterr()
    jax_launcher.launch([*command, "--resume"], 2, tmp_path / "run")
    lines = capfd.readouterr().out.splitlines()  # the chief's, and nothing from native code
    assert [line.split()[1] for line in lines] == ["3/5"]
    assert_same_network(alone, tmp_path / "run", 1e-5)
    assert read_log(tmp_path / "run")[1]["loss"] == pytest.approx(read_log(alone)[1]["loss"], rel=1e-4)
    assert read_json(TrainRecord, tmp_path / "run" / bundle.TRAIN).epochs_done == 3
    assert not list((tmp_path / "run").rglob(".*"))


@pytest.mark.slow
def test_two_processes_drop_the_same_units_as_one(drawn, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    team("jax", drawn, tiny_bundle, tmp_path / "one", "--regressor")
    command = [sys.executable, str(TEAM), str(drawn), str(tiny_bundle), str(tmp_path / "two"), "--regressor"]
    jax_launcher.launch(command, 2, tmp_path / "two")
    assert_same_network(tmp_path / "one", tmp_path / "two", 1e-5)


@pytest.mark.slow
def test_what_jax_trained_converts_and_answers_alike(drawn, alone, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # as in the shell that trained
    path = tmp_path / "jax.float32.tflite"
    done = CliRunner().invoke(main, ["convert", str(alone), "--recipe", "float32", "--out", str(path), "--quiet"])
    assert done.exit_code == 0, done.output
    assert "jax" in read_json(TrainRecord, alone / bundle.TRAIN).versions
    with np.load(alone / "outputs.npz") as kept:
        images, outputs = kept["images"], kept["outputs"]
    np.testing.assert_allclose(load(path).infer(images), outputs, atol=1e-4)
