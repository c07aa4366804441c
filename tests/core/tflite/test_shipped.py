"""Networks that come with the package: whole, of one piece with their bundles, and taken by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from places import ROOT

import poseport
from poseport import bundle
from poseport.bench.measure import accuracy
from poseport.command.cli import main
from poseport.data import coco
from poseport.skeletons import COCO17
from poseport.tflite import inspection, model_file, runner, shipped


@pytest.mark.parametrize("one", shipped.SHIPPED.values(), ids=lambda one: one.name)
def test_a_file_comes_from_the_bundle_beside_it(one: shipped.Shipped) -> None:
    _, card = model_file.read_detector(one.path) if one.detector else model_file.read(one.path)
    folder = ROOT / "models" / one.bundle
    assert card.conversion.weights_sha256 == bundle.sha256(folder / bundle.WEIGHTS)
    assert card.spec == (bundle.read_detector_spec(folder) if one.detector else bundle.read_spec(folder))
    assert f"{one.bundle}.{card.conversion.recipe}.tflite" == one.path.name
    assert card.conversion.recipe.startswith("float32" if "float32" in one.name else ("int8", "mixed-float32"))
    assert json.loads((folder / bundle.TRAIN).read_text())["versions"]["poseport"]


@pytest.mark.parametrize(
    ("name", "most", "gflops"), [("starter", 3_000_000, 0.6), ("tiny", 500_000, 0.35), ("person", 3_000_000, 1.0)]
)
def test_small_networks_are_small(name: str, most: int, gflops: float) -> None:
    data = shipped.model(name).read_bytes()
    assert len(data) <= most
    assert 2e-9 * inspection.inspect_bytes(data, name).macs <= gflops


@pytest.mark.parametrize("name", ["starter", "tiny"])
def test_drawn_people_are_found_who_were_not_trained_on(name: str, drawn: Path) -> None:
    """It was trained on photos alone; a network that swapped left and right, or colours, would not find them."""
    people = coco.load(drawn)
    [found] = accuracy.measure(runner.load(shipped.model(name)), people, only=COCO17.body)
    assert isinstance(found.measured, accuracy.Accuracy)
    value = found.measured.metrics["PCK@0.2/box"]
    assert value is not None
    assert value > 0.4


def test_a_file_of_the_same_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped.model("starter").is_file()
    assert poseport.load("starter").path == shipped.model("starter")
    assert shipped.model("m.tflite") == Path("m.tflite")
    Path("starter").mkdir()
    assert shipped.model("starter") == shipped.bundle("starter") == Path("starter")


def test_a_package_without_weights_says_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package holds the .tflite files only; these tests also run on links to the whole repository."""
    monkeypatch.setattr(shipped, "files", lambda package: tmp_path)
    done = CliRunner().invoke(main, ["convert", "starter", "--recipe", "float32", "--out", str(tmp_path / "a.tflite")])
    assert done.exit_code == 1
    assert "models/starter in a checkout of the repository" in done.output


def test_commands_take_the_name_and_predict_needs_none(drawn: Path, tmp_path: Path) -> None:
    photo = str(next((drawn.parent / "images").iterdir()))
    runs = [["predict", photo, "--json"], ["predict", "starter", photo, "--json"]]
    first, second = (json.loads(CliRunner().invoke(main, command).stdout) for command in runs)
    assert first == second
    assert np.isfinite(list(first["pictures"][0]["people"][0]["keypoints"].values())).all()
    out = str(tmp_path / "results")
    ran = CliRunner().invoke(main, ["bench", "accuracy", "deeppose", "--data", str(drawn), "--out", out, "--json"])
    assert ran.exit_code == 0, ran.output
    [row] = json.loads(CliRunner().invoke(main, ["models", "--json"]).stdout)["models"][:1]
    assert (row["name"], row["recipe"], row["skeleton"]) == ("starter", "mixed-float32", "coco17")
    ran = CliRunner().invoke(main, ["predict", "a", "b", "c"])
    assert ran.exit_code == 1
    assert "expected [MODEL] SOURCE" in ran.output
