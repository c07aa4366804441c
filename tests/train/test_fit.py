"""Real training, small: it learns, it is interrupted, it goes on as if it had not been."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from poseport import bundle, coco
from poseport.records import read_json
from poseport.spec import (
    CoordsOutput,
    DeepPoseArchitecture,
    HeatmapOutput,
    HourglassArchitecture,
    PoseSpec,
)
from poseport.train import fit, models
from poseport.train.augment import HEAVY
from poseport.train.callbacks import read_log
from poseport.train.config import TrainConfig


@pytest.fixture(scope="module")
def people(drawn):
    return coco.load(drawn)


def small(people):
    architecture = HourglassArchitecture(stacks=2, width=16, depth=2)
    return PoseSpec("small", architecture, people.skeleton, (64, 64), HeatmapOutput(values="logits"))


SETTINGS = TrainConfig(loss="softmax", epochs=3, batch=16, learning_rate=3e-3, eval_every=2, augment=HEAVY)


def weights(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_a_run_leaves_a_whole_bundle_and_its_loss_falls(people, tmp_path):
    lines = []
    record = fit.fit(small(people), SETTINGS, people, people, tmp_path / "run", echo=lambda s, **_: lines.append(s))
    log = read_log(tmp_path / "run")
    assert [r["epoch"] for r in log] == [1, 2, 3]
    assert log[-1]["loss"] < log[0]["loss"]
    assert np.isnan(log[0]["OKS-AP"])
    assert np.isfinite([log[1]["OKS-AP"], log[2]["OKS-AP"]]).all()
    assert record.epochs_done == 3
    assert record.best is not None
    assert read_json(fit.TrainRecord, tmp_path / "run" / bundle.TRAIN) == record
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1/3")
    assert not (tmp_path / "run" / "resume").exists()
    best, last = (weights(tmp_path / "run" / name) for name in (bundle.WEIGHTS, bundle.LAST_WEIGHTS))
    assert best.keys() == last.keys()
    import keras

    spec, _ = models.load(tmp_path / "run", keras)
    assert spec == small(people)


@pytest.mark.parametrize("family", ["hourglass", "deeppose with dropout"])
def test_an_interrupted_run_ends_with_the_same_weights(people, tmp_path, family):
    """Ctrl-C after the second of three epochs, then --resume: to float precision the uninterrupted run's weights."""
    spec, settings = small(people), replace(SETTINGS, epochs=3, eval_every=9)
    if family != "hourglass":
        architecture = DeepPoseArchitecture(width=0.25, dense_units=32, dropout=0.5)
        spec = PoseSpec("small", architecture, people.skeleton, (64, 64), CoordsOutput())
        settings = replace(settings, loss="l1")
    fit.fit(spec, settings, people, None, tmp_path / "whole")

    def interrupt(line, **_):
        if line.startswith("epoch 2/3"):
            raise KeyboardInterrupt

    with pytest.raises(fit.Interrupted, match=r"2 whole epochs are kept .* --resume"):
        fit.fit(spec, settings, people, None, tmp_path / "cut", echo=interrupt)
    with pytest.raises(ValueError, match="holds a run already; add --resume"):
        fit.fit(spec, settings, people, None, tmp_path / "cut")
    fit.fit(spec, settings, people, None, tmp_path / "cut", resume=True)
    a, b = weights(tmp_path / "whole" / bundle.WEIGHTS), weights(tmp_path / "cut" / bundle.WEIGHTS)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert [r["epoch"] for r in read_log(tmp_path / "cut")] == [1, 2, 3]
    with pytest.raises(ValueError, match="nothing is left to resume"):
        fit.fit(spec, settings, people, None, tmp_path / "cut", resume=True)


def test_resume_refuses_other_settings_and_a_folder_without_a_run(people, tmp_path):
    with pytest.raises(ValueError, match="holds no run to resume"):
        fit.fit(small(people), SETTINGS, people, None, tmp_path / "none", resume=True)
    one = replace(SETTINGS, epochs=1, eval_every=9)
    fit.fit(small(people), one, people, None, tmp_path / "run")
    with pytest.raises(ValueError, match="other settings"):
        fit.fit(small(people), replace(one, epochs=2, batch=8), people, None, tmp_path / "run", resume=True)


def test_weights_that_do_not_fit_their_spec_are_named(people, tmp_path):
    import keras

    fit.fit(small(people), replace(SETTINGS, epochs=1, eval_every=9), people, None, tmp_path / "run")
    bundle.write_spec(tmp_path / "run", replace(small(people), architecture=HourglassArchitecture(width=32, depth=2)))
    with pytest.raises(ValueError, match=r"weights do not fit spec\.json"):
        models.load(tmp_path / "run", keras)
    one_stack = HourglassArchitecture(stacks=1, width=16, depth=2)
    bundle.write_spec(tmp_path / "run", replace(small(people), architecture=one_stack))
    with pytest.raises(ValueError, match=r"arrays for a network of"):
        models.load(tmp_path / "run", keras)
    (tmp_path / "run" / bundle.WEIGHTS).write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"weights do not fit spec\.json"):
        models.load(tmp_path / "run", keras)
