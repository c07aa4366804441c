"""Calibration people: how ranges settle, who is refused, and pre-processing that is not the training's."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from filled import filled

from poseport import bundle, pose
from poseport.convert import audit
from poseport.data import coco
from poseport.skeletons import LSP14
from poseport.tflite import model_file


@pytest.fixture(scope="module")
def people(drawn):
    return coco.load(drawn)


@pytest.fixture(scope="module")
def network(tiny_models):
    data, card = model_file.read(tiny_models["float32"])
    return data, card.spec


def test_ranges_grow_to_the_whole(network, people):
    steps = []
    found = audit.audit(*network, "tiny", people, most=40, progress=steps.append)
    assert sum(steps) == found.people == 40
    assert [row.people for row in found.settled] == [8, 16, 32, 40]
    means = [row.mean for row in found.settled]
    assert means == sorted(means)
    assert 0 < found.settled[0].least <= found.settled[0].mean < 1
    assert found.settled[-1].mean == found.settled[-1].least == 1
    assert 0 < found.halves.least <= found.halves.mean <= 1
    assert found.halves.people == 20
    assert found.layers > 10
    assert found.data()["enough"] == found.enough
    assert "of the whole ranges on average" in found.text()
    assert json.dumps(found.data())


def test_a_range_is_that_of_the_values(network, people):
    """The first layer's range over two people is the larger of both; a person twice adds nothing."""
    one, two = people.persons[:2]
    layers, lows, highs = audit.extremes(*network, [one, two, one], "tiny")
    assert lows.shape == highs.shape == (3, len(layers))
    np.testing.assert_array_equal(lows[0], lows[2])
    assert (lows <= highs).all()
    relu = highs[:, [name.endswith("Relu") for name in layers]]
    assert relu.size
    assert (relu >= 0).all()


@pytest.mark.parametrize(("value", "message"), [(np.nan, "not finite"), (0.0, "no layer's values vary")])
def test_ranges_that_mean_nothing_are_refused(value, message, network, people):
    data, spec = network
    with pytest.raises(ValueError, match=message):
        audit.audit(filled(data, value), spec, "tiny", people, most=16)


def test_people_who_cannot_calibrate_are_refused(network, people, tmp_path):
    data, spec = network
    with pytest.raises(ValueError, match="skeleton 'lsp14', but tiny was trained for 'coco17'"):
        audit.audit(data, spec, "tiny", replace(people, skeleton=LSP14))
    with pytest.raises(ValueError, match="expected at least 16"):
        audit.audit(data, spec, "tiny", people, most=10)
    copy = tmp_path / "copy"
    shutil.copytree(people.path.parent, copy)
    unseen = coco.load(copy)
    unseen = replace(unseen, persons=unseen.persons[:3])
    with pytest.raises(ValueError, match=r"of 60 people are on photos of .*calibrate on others"):
        audit.audit(data, spec, "tiny", people, evaluation=unseen)


@pytest.mark.parametrize(
    "change",
    [{"mean": (1.0, 0.0, 0.0)}, {"std": (255.0, 254.0, 255.0)}, {"channel_order": "bgr"}, {"padding": 1.3},
     {"input_hw": (96, 96)}],
    ids=str,
)  # fmt: skip
def test_a_bundle_that_is_fed_otherwise_than_it_was_trained_is_refused(change, tiny_bundle, tmp_path):
    spec = bundle.read_spec(tiny_bundle)
    shutil.copy(tiny_bundle / bundle.WEIGHTS, tmp_path)
    (tmp_path / bundle.TRAIN).write_text(json.dumps({"preprocessing": pose.fingerprint(spec)}))
    decoded = replace(spec, output=replace(spec.output, sigma=2.0))
    bundle.write_spec(tmp_path, decoded)
    assert bundle.read_spec(tmp_path) == decoded
    bundle.write_spec(tmp_path, replace(spec, **change))
    with pytest.raises(ValueError, match=r"crops or normalises in another way than the training did .*or train again"):
        bundle.read_spec(tmp_path)


def test_a_bundle_from_before_fingerprints_is_read(tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle, tmp_path / "b")
    for text in ("{}", "not JSON", "[]"):
        (tmp_path / "b" / bundle.TRAIN).write_text(text)
        assert bundle.read_spec(tmp_path / "b") == bundle.read_spec(tiny_bundle)
    (tmp_path / "b" / bundle.SPEC).write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="schema 0 does not exist"):
        bundle.read_spec(tmp_path / "b")
