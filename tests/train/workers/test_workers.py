"""Real processes: two workers end with the weights of one, a lost one ends the run, and JAX's bundle converts."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from poseport import bundle
from poseport.command.cli import main
from poseport.data import coco
from poseport.records import read_json
from poseport.tflite.runner import load
from poseport.train import fit, overrides, presets
from poseport.train.begin.teacher import Teacher
from poseport.train.config import TeacherConfig
from poseport.train.progress.log_csv import read_log
from poseport.train.record import TrainRecord
from poseport.train.request import TrainingData
from poseport.train.samples.backgrounds import find_photos
from poseport.train.samples.sample import CropSource
from poseport.train.samples.training_batches import Shard, TrainingBatches
from poseport.train.workers import jax_launcher, strategy
from poseport.train.workers.team import ALONE, Team

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
            np.testing.assert_allclose(a[name], b[name], atol=atol, rtol=0, err_msg=name)


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


def test_shards_of_a_batch_are_the_batch(drawn):
    chosen = overrides.customise(presets.preset("mobile-hourglass"), {"input_size": 64}, ["augment.background=0.3"])
    persons = coco.load(drawn).for_training().persons

    source = CropSource(chosen.spec, persons, chosen.train.augment, seed=3, backgrounds=find_photos(None, persons, 0.3))

    def batch(shard):
        return TrainingBatches(source, 8, epochs=2, shard=shard)[STEPS + 1]

    whole = batch(Shard())
    for of_all, *of_shards in zip(whole, *(batch(Shard(i, 4)) for i in range(4)), strict=True):
        assert all(len(rows) == 2 for rows in of_shards)
        np.testing.assert_array_equal(np.concatenate(of_shards), of_all)


@pytest.mark.slow
def test_two_devices_of_tensorflow_end_with_the_weights_of_one(drawn, tiny_bundle, tmp_path):
    team("tensorflow", drawn, tiny_bundle, tmp_path, "--devices", 2)
    assert_same_network(tmp_path / "1", tmp_path / "2", 1e-4)
    one, two = (read_log(tmp_path / name) for name in "12")
    np.testing.assert_allclose([r["loss"] for r in one], [r["loss"] for r in two], rtol=1e-4)
    assert one[-1]["PCK@0.2/torso"] == pytest.approx(two[-1]["PCK@0.2/torso"], abs=0.01)


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


def test_what_jax_trained_converts_and_answers_alike(drawn, alone, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # as in the shell that trained
    path = tmp_path / "jax.float32.tflite"
    done = CliRunner().invoke(main, ["convert", str(alone), "--recipe", "float32", "--out", str(path), "--quiet"])
    assert done.exit_code == 0, done.output
    assert "jax" in read_json(TrainRecord, alone / bundle.TRAIN).versions
    with np.load(alone / "outputs.npz") as kept:
        images, outputs = kept["images"], kept["outputs"]
    np.testing.assert_allclose(load(path).infer(images), outputs, atol=1e-4)


def failing(*lines):
    """A worker that does not train."""
    code = "import os, signal, sys, time\nfrom poseport.train.workers import jax_launcher as launch\n"
    code += "me = os.environ[launch.INDEX]\n"
    return [sys.executable, "-c", code + "\n".join(lines)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["if me == '1': os.kill(os.getpid(), 9)", "time.sleep(60)"], "worker 1 was lost"),
        (["if me == '0': sys.exit(launch.LOST_ANOTHER)", "os.kill(os.getpid(), 9)"], "worker 1 was lost"),
        (["if me == '0': sys.exit('Error: no such people')", "time.sleep(60)"], "^no such people$"),
        (["if me == '1': sys.exit('Error: photo.jpg is cut off')", "sys.exit(75)"], "^worker 1: photo.jpg is cut off"),
        (["if me == '0': os.kill(os.getpid(), signal.SIGABRT)", "time.sleep(60)"], "worker 1 no longer answers"),
        (["if me == '1': raise KeyError('bug')", "time.sleep(60)"], "worker 1 failed with exit code 1"),
    ],
)
def test_one_that_fails_stops_all_and_is_named(lines, message, tmp_path, monkeypatch):
    monkeypatch.setattr(jax_launcher, "_GRACE_S", 0.5)
    with pytest.raises(ValueError, match=message):
        jax_launcher.launch(failing(*lines), 2, tmp_path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_whoever_launched_them(how, tmp_path):
    """Ctrl-C lets them say what is kept; kill -9 of the launcher closes the pipe that they listen to."""
    lines = [
        "launch.end_with_launcher()",
        f"try: open(f'{tmp_path}/{{me}}-{{os.getpid()}}', 'w').close(); time.sleep(60)",
        "except KeyboardInterrupt: sys.exit('interrupted: 3 whole epochs are kept')",
    ]
    code = "import signal, sys\nfrom pathlib import Path\nfrom poseport.train.workers import jax_launcher as launch\n"
    code += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored where tests run in the background
    code += "launch.launch(sys.argv[1:], 2, Path('run'))"
    process = subprocess.Popen([sys.executable, "-c", code, *failing(*lines)], stderr=subprocess.PIPE, text=True)
    while len(list(tmp_path.iterdir())) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(how)
    text = process.communicate()[1]
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert text == ("interrupted: 3 whole epochs are kept\n" if how == signal.SIGINT else "")
    for pid in [int(path.name.split("-")[1]) for path in tmp_path.iterdir()]:
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            time.sleep(0.05)


def test_a_team_that_cannot_be_is_refused(drawn, tmp_path, monkeypatch):
    preset = presets.preset("mobile-hourglass")
    with pytest.raises(ValueError, match=r"batch of 10 people .* multiple of 4"):
        Team(devices=4).check(preset.spec, preset.train, 10)
    for options, count, message in (
        ({"precision": "mixed_bfloat16"}, 1, "--precision mixed_bfloat16: was tried with one worker only"),
        ({"precision": "mixed_bfloat16"}, 2, "--precision mixed_bfloat16: was tried with one worker only"),
        ({"clip_norm": 1.0}, 1, "train.clip_norm: TensorFlow would apply it on each of 2 devices"),
    ):
        with pytest.raises(ValueError, match=message):
            Team(count=count, devices=2, strategy="any").check(preset.spec, replace(preset.train, **options), 8)
    Team(count=2, devices=2, strategy="any").check(preset.spec, replace(preset.train, clip_norm=1.0), 8)
    two, teacher = Team(devices=2), Teacher(TeacherConfig("t", "0"), preset.spec, np.zeros_like)
    with pytest.raises(ValueError, match="--teacher: was tried with one worker only"):
        fit.fit(preset.spec, preset.train, TrainingData(coco.load(drawn), teacher=teacher), tmp_path, team=two)
    with strategy.joined(1) as team:
        assert team == ALONE
    tf.config.list_logical_devices()  # from here on TensorFlow cannot divide the processor any more
    with pytest.raises(ValueError, match="--workers 64: TensorFlow has"), strategy.joined(64):
        pass
    monkeypatch.setenv(jax_launcher.COUNT, "2")
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"), strategy.joined():
        pass
    monkeypatch.setenv(jax_launcher.INDEX, "2")
    monkeypatch.setenv(jax_launcher.ADDRESSES, "127.0.0.1:1")
    with pytest.raises(ValueError, match=r"expected host:port .* which one this is, from 0"):
        strategy._place()


def test_the_command_starts_its_workers_and_says_what_one_worker_would(drawn, tmp_path):
    arguments = ["train", "--preset", "nonesuch", "--data", str(drawn), "--out", str(tmp_path / "run")]
    command = [sys.executable, "-c", "from poseport.command.cli import main; main()", *arguments]
    said = [
        subprocess.run([*command, *more], env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True)
        for more in ([], ["--workers", "2"])
    ]
    assert [done.returncode for done in said] == [1, 1]
    assert said[0].stderr == said[1].stderr
    assert said[0].stderr.startswith("Error: preset 'nonesuch' does not exist; choose one of ")
