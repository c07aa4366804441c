"""Photos and films that `predict` cannot read are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from predictions import predict, write_film

from poseport.command.cli import main


def test_one_broken_photo_costs_one_line(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_text("<html>404</html>")
    (photos / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (photos / "._x.jpg").write_bytes(b"\0\5\x16\7")
    done = CliRunner().invoke(
        main, ["predict", "starter", str(photos), "--json", "--results", str(tmp_path / "r.json")]
    )
    assert done.exit_code == 0
    data = json.loads(done.stdout)
    assert [len(data["pictures"]), data["complete"], data["left_out"]] == [3, False, ["IMG_1.HEIC"]]
    assert data["unreadable"] == [done.stderr.splitlines()[0]]
    assert "broken.jpg: not an image" in done.stderr
    assert len(json.loads((tmp_path / "r.json").read_text())) == 3
    assert predict(photos, "--strict").exit_code == 1
    assert "a HEIC photo, which OpenCV cannot read; convert it to JPEG" in predict(photos / "IMG_1.HEIC").output


def test_a_folder_of_broken_photos_is_an_error(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_text("<html>404</html>")
    done = predict(tmp_path)
    assert done.exit_code == 1
    assert "none of its 2 photos could be read" in done.output


@pytest.mark.parametrize("form", ["avi", "mkv"])
def test_a_film_that_ends_early_says_so(form: str, tmp_path: Path) -> None:
    film = write_film(tmp_path / f"film.{form}")
    assert "could be read" not in predict(film).output
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    done = predict(film, "--json")
    data = json.loads(done.stdout)
    assert 0 < len(data["pictures"]) < 28
    assert (data["expected"], data["complete"]) == (30, False)
    assert f"{len(data['pictures'])} of 30 pictures could be read" in done.stderr
