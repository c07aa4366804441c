"""Calibration people: how ranges settle, who is refused, and pre-processing that is not the training's."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from poseport import bundle, pose
from poseport.convert import audit, spread
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
    assert [row.people for row in found.random] == [row.people for row in found.spread] == [8, 16, 32, 40]
    for rows in (found.random, found.spread):
        means = [row.mean for row in rows]
        assert means == sorted(means)
        assert 0 < rows[0].least <= rows[0].mean < 1
        assert rows[-1].mean == rows[-1].least == 1
    assert 0 < found.halves.least <= found.halves.mean <= 1
    assert found.halves.people == 20
    assert found.layers > 10
    assert found.data()["enough"]["random"] == found.enough(found.random)
    assert "drawn at random" in found.text()
    assert json.dumps(found.data())


def test_a_range_is_that_of_the_values(network, people):
    """The first layer's range over two people is the larger of both; a person twice adds nothing."""
    one, two = people.persons[:2]
    layers, lows, highs, tones = audit.extremes(*network, [one, two, one], "tiny")
    assert lows.shape == highs.shape == (3, len(layers))
    np.testing.assert_array_equal(lows[0], lows[2])
    assert (lows <= highs).all()
    assert (tones[:, 0] > 0).all()
    relu = highs[:, [name.endswith("Relu") for name in layers]]
    assert relu.size
    assert (relu >= 0).all()


def test_fewer_spread_people_span_more(people):
    """Two tall people among small ones, and one dark crop, come before any second ordinary one."""
    persons = [replace(p, box_xywh=(0.0, 0.0, 50.0, 50.0 + i / 100)) for i, p in enumerate([people.persons[0]] * 20)]
    persons[7] = replace(persons[7], box_xywh=(0.0, 0.0, 50.0, 400.0))
    persons[11] = replace(persons[11], box_xywh=(0.0, 0.0, 50.0, 6.0))
    tones = np.tile([120.0, 40.0], (20, 1))
    tones[3] = [20.0, 5.0]
    order = spread.order(persons, tones)
    assert sorted(order) == list(range(20))
    assert set(order[:4]) >= {3, 7, 11}


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
    with pytest.raises(ValueError, match=r"crops or normalises otherwise than the training did .*or train again"):
        bundle.read_spec(tmp_path)


def test_a_bundle_from_before_fingerprints_is_read(tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle, tmp_path / "b")
    for text in ("{}", "not JSON", "[]"):
        (tmp_path / "b" / bundle.TRAIN).write_text(text)
        assert bundle.read_spec(tmp_path / "b") == bundle.read_spec(tiny_bundle)
    (tmp_path / "b" / bundle.SPEC).write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="schema 0 does not exist"):
        bundle.read_spec(tmp_path / "b")
