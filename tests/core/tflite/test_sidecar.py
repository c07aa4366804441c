"""Files of others run by the spec beside them; the public ones, where they are, find real people."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from places import ROOT, SHARED

from poseport import bundle
from poseport.bench.measure import accuracy
from poseport.command.cli import main
from poseport.data import coco
from poseport.data.images import read_image
from poseport.skeletons import COCO17
from poseport.tflite import model_file, runner, sidecar
from poseport.train.networks import models

SPECS = ROOT / "docs" / "specs"
IMAGE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


@pytest.fixture
def bare(tiny_models: dict[str, Path], tmp_path: Path) -> Path:
    """The tiny network as others would give it away: no card, its spec beside it."""
    data, _ = model_file.read(tiny_models["float32"])
    (tmp_path / "theirs.v2.tflite").write_bytes(data[: data.rindex(b"PK\x03\x04")])
    return write(tmp_path / "theirs.v2.tflite")


def write(model: Path, **changes: Any) -> Path:
    spec = {
        "schema": 1,
        "name": "theirs",
        "architecture": {"kind": "foreign", "source": "somebody, MIT"},
        "skeleton": "coco17",
        "input_hw": [64, 64],
        "output": {"kind": "heatmap", "values": "logits"},
    }
    sidecar.spec_path(model).write_text(json.dumps(spec | changes))
    return model


def test_a_foreign_file_runs_as_our_own_does(bare: Path, tiny_models: dict[str, Path], drawn: Path) -> None:
    theirs, own = runner.load(bare), runner.load(tiny_models["float32"])
    whole = np.array([[0.0, 0.0, IMAGE.shape[1], IMAGE.shape[0]]])
    np.testing.assert_array_equal(theirs(IMAGE, whole), own(IMAGE, whole))
    # scores of others have scales of their own, so that none of their finds is unsure; `own` is hardly trained
    picture = read_image(coco.load(drawn).persons[0].image_path)
    assert len(theirs(picture)) > len(own(picture))
    assert theirs.spec.family == "foreign"
    assert theirs.spec.skeleton == COCO17
    made = theirs.card.conversion
    assert (made.recipe, made.engine, made.weights_sha256) == ("foreign", "somebody, MIT", bundle.sha256(bare))


def test_the_card_inside_counts_for_more_than_a_file_beside(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "own.tflite"
    shutil.copy(tiny_models["int8"], path)
    sidecar.spec_path(path).write_text("notes")
    assert runner.load(path).spec.name == "tiny"


def test_blue_comes_first_where_the_network_wants_it(bare: Path) -> None:
    rgb = runner.load(bare)
    bgr = runner.load(write(bare, channel_order="bgr", mean=[1, 2, 3]))
    assert not bgr.byte_exact
    assert not bgr.spec.byte_exact
    crops = IMAGE[None, :64, :64]
    np.testing.assert_allclose(bgr.prepare(crops)[0, 0, 0] * 255, (crops[0, 0, 0] - [1.0, 2, 3])[::-1], rtol=1e-5)
    swapped = runner.load(write(bare, channel_order="bgr"))
    whole = np.array([[0.0, 0.0, IMAGE.shape[1], IMAGE.shape[0]]])
    np.testing.assert_array_equal(swapped(IMAGE[..., ::-1], whole), rgb(IMAGE, whole))
    assert np.abs(swapped(IMAGE, whole) - rgb(IMAGE, whole)).max() > 0.1


def test_the_commands_take_it(bare: Path, drawn: Path, tmp_path: Path) -> None:
    for command in (
        ["inspect", str(bare), "--json"],
        ["bench", "accuracy", str(bare), "--data", str(drawn), "--out", str(tmp_path / "results"), "--json"],
        ["bench", "latency", str(bare), "--runs", "20", "--out", str(tmp_path / "results"), "--json"],
        ["predict", str(bare), str(next((drawn.parent / "images").iterdir())), "--json"],
    ):
        ran = CliRunner().invoke(main, command)
        assert ran.exit_code == 0, ran.output
        assert json.loads(ran.stdout)


def test_it_cannot_be_trained(bare: Path) -> None:
    with pytest.raises(ValueError, match=r"theirs: a foreign network .* cannot be built or trained"):
        models.build(runner.load(bare).spec, keras)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skeleton": "coco18"}, r"theirs\.v2\.json: skeleton 'coco18' is not built in \(coco17, .*write out"),
        ({"sise": 3}, r"theirs\.v2\.json: unknown key 'sise'; PoseSpec has name"),
        ({"architecture": {"kind": "hourglass"}}, r"architecture 'hourglass', but .* carries no card.*\"foreign\""),
        ({"channel_order": "grb"}, r"'grb' is not one of rgb, bgr"),
        ({"schema": 2}, r"theirs\.v2\.json: schema 2 is newer"),
        ({"input_hw": [96, 96]}, r"tensors are \(1, 64, 64, 3\) -> .*its theirs\.v2\.json says .*; correct the spec"),
        ({"output": {"kind": "keypoints"}}, r"\(1, 17, 3\); correct the spec"),
    ],
)
def test_a_wrong_spec_is_one_line(bare: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        runner.load(write(bare, **changes))
    assert "\n" not in str(caught.value)


def test_without_a_spec_the_message_says_where_one_goes(bare: Path) -> None:
    sidecar.spec_path(bare).write_text("{")
    with pytest.raises(ValueError, match=r"theirs\.v2\.json: cannot be read as JSON .*docs/foreign\.md"):
        runner.load(bare)
    sidecar.spec_path(bare).unlink()
    with pytest.raises(ValueError, match=r"needs its spec beside it as theirs\.v2\.json \(see docs/foreign\.md\)"):
        runner.load(bare)


# --- public models on real people, in the crops of the annotated boxes

PEERS = {
    "movenet_lightning_int8_4": ("movenet_lightning", 0.55),
    "movenet_thunder_fp16": ("movenet_thunder", 0.65),
    "edvardhua_hourglass": ("edvardhua_hourglass", 0.25),
}


@pytest.mark.parametrize("name", PEERS)
def test_a_public_model_finds_real_people(name: str, tmp_path: Path) -> None:
    """PCK@0.1/box over the body keypoints; on the 500 of the set .670, .754 and .392."""
    model, data = SHARED / "peers" / f"{name}.tflite", SHARED / "data" / "lspet" / "person_keypoints_val.json"
    if not (model.is_file() and data.is_file()):
        pytest.skip(f"other people's networks and photos are not part of the repository: no {model}")
    shutil.copy(model, tmp_path)
    spec, least = PEERS[name]
    shutil.copy(SPECS / f"{spec}.json", tmp_path / f"{name}.json")
    people = coco.load(data)
    some = replace(people, persons=people.persons[:24])
    measured = accuracy.measure(runner.load(tmp_path / model.name), some, only=COCO17.body)[0]
    assert measured.measured.metrics["PCK@0.1/box"] > least
    photo = read_image(some.persons[0].image_path)
    assert runner.load(tmp_path / model.name)(photo).shape[0] == 1


def test_every_spec_of_a_public_model_can_be_read(tmp_path: Path) -> None:
    for spec, _ in PEERS.values():
        card = sidecar.read_card(SPECS / f"{spec}.tflite", b"")
        assert card.spec.family == "foreign"
        assert set(COCO17.body) <= set(card.spec.skeleton.names)


def test_heatmaps_whose_channels_come_first_are_refused(tmp_path: Path) -> None:
    """The public case: a network exported from PyTorch, read as if its channels came last, finds wrong keypoints."""
    import tensorflow as tf

    function = tf.function(
        lambda x: tf.tile(tf.reduce_mean(x[:, ::4, ::4], axis=3)[:, None], [1, 17, 1, 1]),
        input_signature=[tf.TensorSpec((1, 64, 64, 3), tf.float32)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    path = tmp_path / "channels_first.tflite"
    path.write_bytes(converter.convert())
    write(path)
    with pytest.raises(
        ValueError, match=r"\(1, 17, 16, 16\), its .* says .*\(1, 16, 16, 17\); its channels come first"
    ):
        runner.load(path)
