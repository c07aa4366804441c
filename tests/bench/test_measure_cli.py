"""`poseport bench accuracy` and `rescore` as commands."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from poseport.bench.cli import bench


def test_the_command_writes_a_record_a_file(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    paths = [str(path) for path in tiny_models.values()]
    options = ["--data", str(drawn), "--keypoints", "body", "--out", str(tmp_path), "--json"]
    ran = CliRunner().invoke(bench, ["accuracy", *paths, *options])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)["results"]
    assert [f["model"] for f in found] == ["tiny.float32", "tiny.int8"]
    assert all(Path(f["file"]).is_file() and f["people"] == 60 for f in found)
    kept = tmp_path / "predictions" / Path(found[1]["file"]).name
    assert len(json.loads(kept.read_text())) == 60
    options = ["--data", str(drawn), "--keypoints", "left_wrist", "--out", str(tmp_path / "wrist"), "--json"]
    ran = CliRunner().invoke(bench, ["rescore", found[1]["file"], *options])
    assert ran.exit_code == 0, ran.output
    [wrist] = json.loads(ran.stdout)["results"]
    assert wrist["metrics"]["PCK@0.1/box"] != found[1]["metrics"]["PCK@0.1/box"]


def test_an_unknown_keypoint_lists_the_known_ones(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    options = ["--data", str(drawn), "--keypoints", "tail", "--out", str(tmp_path)]
    ran = CliRunner().invoke(bench, ["accuracy", str(tiny_models["int8"]), *options])
    assert ran.exit_code == 1
    assert "unknown keypoint 'tail'" in ran.output
    assert "left_wrist" in ran.output
