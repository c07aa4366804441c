"""Real training, small: it learns, it is interrupted, it goes on as if it had not been."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from poseport import bundle, pose
from poseport.architecture import DeepPoseArchitecture, HourglassArchitecture
from poseport.data import coco
from poseport.records import read_json
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.train import fit
from poseport.train.config import TrainConfig
from poseport.train.networks import models
from poseport.train.progress.callbacks import save_weights
from poseport.train.progress.log_csv import read_log, stalled
from poseport.train.record import TrainRecord
from poseport.train.request import Reporting, Start, TrainingData
from poseport.train.samples.augment import HEAVY


@pytest.fixture(scope="module")
def people(drawn):
    return coco.load(drawn)


def small(people, stacks=1):
    architecture = HourglassArchitecture(stacks=stacks, width=16, depth=1)
    return PoseSpec("small", architecture, people.skeleton, (64, 64), HeatmapOutput(values="logits"))


SETTINGS = TrainConfig(loss="softmax", epochs=3, batch=16, learning_rate=3e-3, eval_every=2, augment=HEAVY)


def weights(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def alike(one, other):
    """Both weights files of two runs agree to float precision."""
    for name in (bundle.WEIGHTS, bundle.LAST_WEIGHTS):
        a, b = weights(one / name), weights(other / name)
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_allclose(a[key], b[key], rtol=1e-4, atol=1e-5, err_msg=f"{name} {key}")


def untrained(spec, directory, seed=1):
    """A bundle with random weights."""
    import keras

    keras.utils.set_random_seed(seed)
    bundle.write_spec(directory, spec)
    save_weights(models.build(spec, keras), directory / bundle.WEIGHTS)
    return directory


def test_a_run_leaves_a_whole_bundle_and_its_loss_falls(people, tmp_path):
    lines = []
    two = small(people, stacks=2)
    record = fit.fit(
        two,
        SETTINGS,
        TrainingData(people, people),
        tmp_path / "run",
        reporting=Reporting(pictures=2, echo=lambda s, **_: lines.append(s)),
    )
    log = read_log(tmp_path / "run")
    assert [r["epoch"] for r in log] == [1, 2, 3]
    assert log[-1]["loss"] < log[0]["loss"]
    assert np.isnan(log[0]["OKS-AP"])
    assert np.isfinite([log[1]["OKS-AP"], log[2]["OKS-AP"]]).all()
    assert record.epochs_done == 3
    assert record.best is not None
    assert read_json(TrainRecord, tmp_path / "run" / bundle.TRAIN) == record
    assert record.preprocessing == pose.fingerprint(bundle.read_spec(tmp_path / "run"))
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1/3")
    assert not (tmp_path / "run" / "resume").exists()
    best, last = (weights(tmp_path / "run" / name) for name in (bundle.WEIGHTS, bundle.LAST_WEIGHTS))
    assert {name.split("/")[0] for name in best} == {"layers"}  # the optimizer is only in what training goes on from
    assert best.keys() < last.keys()
    assert (tmp_path / "run" / bundle.CURVES).is_file()
    assert len(list((tmp_path / "run" / bundle.PICTURES).iterdir())) == 2
    import keras

    spec, _ = models.load(tmp_path / "run", keras)
    assert spec == two


@pytest.mark.parametrize("family", [pytest.param("hourglass", marks=pytest.mark.slow), "deeppose with dropout"])
def test_an_interrupted_run_ends_with_the_same_weights(people, tmp_path, family):
    """Ctrl-C after the second of three epochs, then --resume: to float precision the uninterrupted run's weights.

    The regressor begins from another's weights and lets its trunk go just there, where optimizers change.
    """
    spec, settings, init = small(people), replace(SETTINGS, epochs=3, eval_every=9), None
    if family != "hourglass":
        architecture = DeepPoseArchitecture(width=0.25, dense_units=32, dropout=0.5)
        spec = PoseSpec("small", architecture, people.skeleton, (64, 64), CoordsOutput())
        settings = replace(settings, loss="l1", freeze_epochs=2, ema=0.5)
        init = untrained(spec, tmp_path / "init")
    fit.fit(spec, settings, TrainingData(people), tmp_path / "whole", start=Start(init=init))

    def interrupt(line, **_):
        if line.startswith("epoch 2/3"):
            raise KeyboardInterrupt

    with pytest.raises(fit.Interrupted, match=r"2 whole epochs are kept .* --resume"):
        fit.fit(
            spec,
            settings,
            TrainingData(people),
            tmp_path / "cut",
            start=Start(init=init),
            reporting=Reporting(echo=interrupt),
        )
    with pytest.raises(ValueError, match="holds a run already; add --resume"):
        fit.fit(spec, settings, TrainingData(people), tmp_path / "cut", start=Start(init=init))
    if init is not None:
        other = untrained(spec, tmp_path / "other", seed=2)
        with pytest.raises(ValueError, match="started with another --init"):
            fit.fit(spec, settings, TrainingData(people), tmp_path / "cut", start=Start(init=other, resume=True))
        frozen = weights(tmp_path / "cut" / bundle.WEIGHTS)
        moved = {
            name.split("/")[1]
            for name, value in weights(init / bundle.WEIGHTS).items()
            if not np.array_equal(value, frozen[name])
        }
        assert moved == {"dense", "dense_1"}  # what the file calls dense0 and coords
    record = fit.fit(spec, settings, TrainingData(people), tmp_path / "cut", start=Start(init=init, resume=True))
    assert (record.initial is None) == (init is None)
    alike(tmp_path / "whole", tmp_path / "cut")
    assert [r["epoch"] for r in read_log(tmp_path / "cut")] == [1, 2, 3]
    with pytest.raises(ValueError, match="nothing is left to resume"):
        fit.fit(spec, settings, TrainingData(people), tmp_path / "cut", start=Start(init=init, resume=True))


KILLED = """
import functools, os, signal, sys
from pathlib import Path
from test_fit import EVERYTHING, small
from poseport.data import coco
from poseport.train import fit
from poseport.train.progress import callbacks
from poseport.train.request import Reporting, TrainingData

def die(self, batch, logs=None):
    if (self.epoch, batch) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)

callbacks.Progress.on_train_batch_end = die
people = coco.load(Path(sys.argv[1]))
data, reporting = TrainingData(people, people, processes=2), Reporting(echo=functools.partial(print, flush=True))
fit.fit(small(people), EVERYTHING, data, Path(sys.argv[2]), reporting=reporting)
"""
EVERYTHING = replace(
    SETTINGS, epochs=6, learning_rate=0.05, optimizer="sgd", momentum=0.9, weight_decay=1e-4, schedule="step",
    drop_at=(3,), warmup=1.5, clip_norm=1.0, ema=0.8, precision="mixed_bfloat16", eval_every=1, patience=2,
)  # fmt: skip


def test_a_killed_run_ends_with_the_same_weights(people, drawn, tmp_path):
    """kill -9 in the middle of the third epoch, with everything on that has a state.

    Its batches come from processes, those of the others from threads; all of them must have ended for the pipes to end.
    """
    spec = small(people)
    fit.fit(spec, EVERYTHING, TrainingData(people, people), tmp_path / "whole")
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    child = [sys.executable, "-c", KILLED, str(drawn), str(tmp_path / "cut")]
    died = subprocess.run(child, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert died.stdout.splitlines()[-1].startswith("epoch 2/6")
    fit.fit(spec, EVERYTHING, TrainingData(people, people), tmp_path / "cut", start=Start(resume=True))
    alike(tmp_path / "whole", tmp_path / "cut")
    assert {value.dtype for value in weights(tmp_path / "cut" / bundle.WEIGHTS).values()} == {np.dtype("float32")}
    whole, cut = read_log(tmp_path / "whole"), read_log(tmp_path / "cut")
    assert len(whole) == len(cut)
    for a, b in zip(whole, cut, strict=True):
        assert {**a, "seconds": 0} == pytest.approx({**b, "seconds": 0}, rel=1e-4, abs=1e-5)


def test_training_stops_after_patience_and_is_then_finished(people, tmp_path):
    """A rate that is too small to move anything: no score gets better."""
    settings = replace(SETTINGS, epochs=9, learning_rate=1e-12, eval_every=1, patience=2)
    record = fit.fit(small(people), settings, TrainingData(people, people), tmp_path / "run")
    log = read_log(tmp_path / "run")
    assert record.epochs_done == len(log) < 9
    assert stalled(log, 2)
    assert not stalled(log[:-1], 2)
    with pytest.raises(ValueError, match=f"has finished after {len(log)} epochs"):
        fit.fit(
            small(people),
            settings,
            TrainingData(people, people),
            tmp_path / "run",
            start=Start(resume=True),
        )


def test_resume_refuses_other_settings_and_a_folder_without_a_run(people, tmp_path):
    with pytest.raises(ValueError, match="holds no run to resume"):
        fit.fit(small(people), SETTINGS, TrainingData(people), tmp_path / "none", start=Start(resume=True))
    one = replace(SETTINGS, epochs=1, eval_every=9)
    fit.fit(small(people), one, TrainingData(people), tmp_path / "run")
    with pytest.raises(ValueError, match="other settings"):
        fit.fit(
            small(people),
            replace(one, epochs=2, batch=8),
            TrainingData(people),
            tmp_path / "run",
            start=Start(resume=True),
        )


def test_weights_that_do_not_fit_their_spec_are_named(people, tmp_path):
    import keras

    two = small(people, stacks=2)
    untrained(two, tmp_path / "run")
    bundle.write_spec(tmp_path / "run", replace(two, architecture=HourglassArchitecture(stacks=2, width=32, depth=1)))
    with pytest.raises(ValueError, match=r"weights do not fit spec\.json"):
        models.load(tmp_path / "run", keras)
    one_stack = HourglassArchitecture(stacks=1, width=16, depth=1)
    bundle.write_spec(tmp_path / "run", replace(two, architecture=one_stack))
    with pytest.raises(ValueError, match=r"arrays for a network of"):
        models.load(tmp_path / "run", keras)
    (tmp_path / "run" / bundle.WEIGHTS).write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"weights do not fit spec\.json"):
        models.load(tmp_path / "run", keras)


def test_options_that_lack_their_counterpart_are_refused(people, tmp_path):
    for settings, more, message in (
        (replace(SETTINGS, patience=2), {}, "--patience needs .* --val"),
        (SETTINGS, {"reporting": Reporting(pictures=3)}, "--pictures needs .* --val"),
        (replace(SETTINGS, freeze_epochs=1), {}, "--freeze-epochs .* --init"),
        (SETTINGS, {"start": Start(init=tmp_path / "none")}, "not a bundle"),
    ):
        with pytest.raises(ValueError, match=message):
            fit.fit(small(people), settings, TrainingData(people), tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()
