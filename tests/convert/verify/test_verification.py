"""A file is held to its network: small differences of how it is fed are found, and so is another network."""

import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from poseport import bundle
from poseport.architecture import ForeignArchitecture
from poseport.convert.graph import decoder_head
from poseport.convert.verify import arm, verification
from poseport.data import coco
from poseport.records import write_json
from poseport.tflite import model_file
from poseport.tflite.runner import load
from poseport.train import evaluate
from poseport.train.networks import models


@pytest.fixture(scope="module")
def persons(drawn):
    return coco.load(drawn).persons[:12]


@pytest.fixture(scope="module")
def trained(tiny_bundle):
    return [evaluate.KerasNetwork(*models.load(tiny_bundle, keras))]


def failures(found):
    return [check.name for check in found.checks if not check.passed]


def rewritten(path, out, **change):
    data, card = model_file.read(path)
    end = data.index(b"PK\x03\x04") if b"PK\x03\x04" in data else len(data)
    model_file.write(out, data[:end], replace(card, spec=replace(card.spec, **change)))
    return out


def test_the_float_file_is_its_network(tiny_models, trained, persons):
    found = verification.verify(tiny_models["float32"], trained, "the bundle", persons, tolerance=verification.FLOAT)
    assert found.passed, found.text()
    assert [check.name for check in found.checks] == ["input tensors", "keypoints"]
    assert found.checks[1].numbers["p99_px"] < 0.01
    assert "12 people" in found.text()


def test_with_its_decoder_inside_too(tiny_models, trained, persons, tmp_path):
    data, card = model_file.read(tiny_models["float32"])
    model_file.write(tmp_path / "m.tflite", *decoder_head.append_decoder(data, card))
    assert verification.verify(
        tmp_path / "m.tflite", trained, "the bundle", persons, tolerance=verification.FLOAT
    ).passed


@pytest.mark.parametrize(
    "change",
    [{"mean": (1.0, 0.0, 0.0)}, {"std": (255.0, 255.0, 254.0)}, {"channel_order": "bgr"}, {"padding": 1.26}],
    ids=str,
)
@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_file_that_is_fed_otherwise_fails(recipe, change, tiny_models, trained, persons, tmp_path):
    path = rewritten(tiny_models[recipe], tmp_path / "m.tflite", **change)
    found = verification.verify(path, trained, "the bundle", persons, tolerance=verification.Tolerance(1e9))
    assert failures(found) == ["input tensors"]
    assert "do not crop or normalise alike" in found.text()


def test_another_network_fails(tiny_models, tiny_bundle, persons):
    keras.utils.set_random_seed(99)
    spec = bundle.read_spec(tiny_bundle)
    other = [evaluate.KerasNetwork(spec, models.build(spec, keras))]
    found = verification.verify(tiny_models["float32"], other, "another", persons, tolerance=verification.FLOAT)
    assert failures(found) == ["keypoints"]


def test_two_files_and_other_machines(tiny_models, persons):
    """The int8 file against the float one, and a machine that gets one keypoint wrong."""
    reference = [load(tiny_models["float32"])]

    def wrong(flatbuffer, tensors):
        model = load(tiny_models["float32"])
        raw = np.concatenate([model.runner.invoke(tensor[None]) for tensor in tensors])
        return np.concatenate([raw[..., :1][:, ::-1, ::-1], raw[..., 1:]], axis=-1)

    places = {"nowhere": wrong}
    found = verification.verify(
        tiny_models["float32"], reference, "itself", persons, tolerance=verification.FLOAT, places=places
    )
    assert failures(found) == ["keypoints on nowhere against this host"]


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_a_file_that_others_made_is_held_to_one_by_the_spec_beside_it(mean, tiny_models, trained, persons, tmp_path):
    data, card = model_file.read(tiny_models["int8"])
    theirs = replace(card.spec, architecture=ForeignArchitecture(source="somebody"), mean=(mean,) * 3)
    (tmp_path / "theirs.tflite").write_bytes(data[: data.index(b"PK\x03\x04")])
    write_json(theirs, tmp_path / "theirs.json")
    reference = [load(tiny_models["int8"])]
    found = verification.verify(
        tmp_path / "theirs.tflite", reference, "ours", persons, tolerance=verification.QUANTIZED
    )
    assert failures(found)[:1] == (["input tensors"] if mean else [])  # and an untrained network moves


def test_a_cascade_is_compared_stage_by_stage(tiny_cascades, tiny_cascade, persons):
    stages = [evaluate.KerasNetwork(*models.load(one, keras)) for one in bundle.stages(tiny_cascade)]
    found = verification.verify(
        tiny_cascades["float32"], stages, "the bundle", persons[:3], tolerance=verification.FLOAT
    )
    assert found.passed, found.text()
    assert [check.name for check in found.checks][2:] == ["stage 2, input tensors", "stage 2, keypoints"]


def test_what_cannot_be_one_network_is_refused(tiny_models, tiny_cascades, trained, persons, tmp_path):
    with pytest.raises(ValueError, match="has 2 stages and the bundle 1; they are not one network"):
        verification.verify(tiny_cascades["float32"], trained, "the bundle", persons, tolerance=verification.FLOAT)
    larger = [replace(trained[0], spec=replace(trained[0].spec, input_hw=(96, 96)))]
    with pytest.raises(ValueError, match="expected two forms of one network"):
        verification.verify(tiny_models["float32"], larger, "the bundle", persons, tolerance=verification.FLOAT)


def test_the_other_processor_is_a_python_in_a_folder(tiny_models, persons, tmp_path):
    """Here it is this interpreter: what matters is what goes there and what comes back."""
    with pytest.raises(ValueError, match="holds no emulated python; run `make arm-parity`"):
        arm.place(tmp_path)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    places = {"arm64": arm.place(tmp_path)}
    reference = [load(tiny_models["int8"])]
    found = verification.verify(
        tiny_models["int8"], reference, "itself", persons[:2], tolerance=verification.FLOAT, places=places
    )
    assert found.passed
    assert found.checks[-1].numbers["p99_px"] == 0
    python.write_text("#!/bin/sh\necho no such library >&2\nexit 3\n")
    with pytest.raises(ValueError, match=r"the emulated run failed .no such library.; make it again"):
        verification.verify(
            tiny_models["int8"], reference, "itself", persons[:2], tolerance=verification.FLOAT, places=places
        )
