"""Photos and films that `predict` cannot read are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner
from predictions import predict, write_film

from poseport.command.cli import main
from poseport.command.pictures import sources


def test_one_broken_photo_costs_one_line(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_text("<html>404</html>")
    (photos / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (photos / "._x.jpg").write_bytes(b"\0\5\x16\7")
    (photos / "more").mkdir()
    (photos / "more" / "a.jpg").write_bytes(b"")
    done = CliRunner().invoke(
        main,
        ["predict", "starter", str(photos), "--people", "1", "--json", "--results", str(tmp_path / "r.json")],
    )
    assert done.exit_code == 0
    data = json.loads(done.stdout)
    assert [len(data["pictures"]), data["complete"], data["left_out"]] == [3, False, ["IMG_1.HEIC", "more/"]]
    assert "1 folders with photos were not searched; name each one: more" in done.stderr
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
    said = f"{film}: {len(data['pictures'])} of 30 pictures could be read; the film is cut off or damaged\n"
    assert done.stderr == said


def test_native_readers_say_nothing_of_their_own(tmp_path: Path, photos: Path) -> None:
    """What FFmpeg and OpenCV print goes past Python, so a real process is asked."""
    film = write_film(tmp_path / "film.mkv")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    photo = cv2.imread(str(sorted(photos.iterdir())[0]))
    raw = cv2.imencode(".png", photo)[1].tobytes()
    (tmp_path / "cut.png").write_bytes(raw[: len(raw) // 2])
    code = (
        "import sys; from poseport.command.pictures import sources\n"
        "list(sources.find(sys.argv[1]).pictures())\n"
        "try: list(sources.find(sys.argv[2]).pictures())\nexcept ValueError as error: print(error)"
    )
    words = [sys.executable, "-c", code, str(film), str(tmp_path / "cut.png")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "cut.png: the PNG is cut off" in done.stdout


def test_a_folder_run_knows_photos_by_their_bytes_where_the_name_says_nothing(photos: Path) -> None:
    first, second, third = sorted(photos.iterdir())
    first.rename(photos / "IMG_0001")
    second.rename(photos / "photo.jpe")
    (photos / "notes.txt").write_text("no photo")
    (photos / "labels").mkdir()
    found = sources.find(str(photos))
    assert [photo.name for photo in found.photos] == sorted(["IMG_0001", "photo.jpe", third.name])
    assert found.left_out == ()


def test_sources_that_cannot_be_opened_say_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(50))
    for source, words in (
        (tmp_path / "cut.mp4", "this film cannot be opened; it may be cut off"),
        (tmp_path / "gone.3gp", "no such file"),
        ("/dev/video97", "this camera cannot be opened"),
        ("²", "no such file"),
    ):
        done = predict(source)
        assert (done.exit_code, done.output.count("\n")) == (1, 1)
        assert words in done.output.lower()


def test_boxes_of_detections_go_to_photos_that_their_names_tell_apart(photos: Path, tmp_path: Path) -> None:
    boxes = [{"image_id": i, "category_id": 1, "bbox": [0, 0, 99, 99], "score": 0.9} for i in (1, 2, 3)]
    others = [{**box, "category_id": 18} for box in boxes]
    (tmp_path / "d.json").write_text(json.dumps(boxes + others))
    data = json.loads(predict(photos, "--detections", tmp_path / "d.json", "--json").stdout)
    assert [len(picture["people"]) for picture in data["pictures"]] == [1, 1, 1]
    (photos / "000000000002.jpg").rename(photos / "1.jpg")
    done = predict(photos, "--detections", tmp_path / "d.json")
    assert done.exit_code == 1
    assert "1.jpg: has the image id of 000000000001.jpg" in done.output
    (photos / "1.jpg").rename(photos / "²3.jpg")
    assert (
        "²3.jpg: --detections needs photos that are named"
        in predict(photos, "--detections", tmp_path / "d.json").output
    )


def test_frames_of_a_film_are_bounded_and_a_fifo_is_no_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = write_film(tmp_path / "film.avi")
    monkeypatch.setenv("POSEPORT_MAX_PIXELS", "1000")
    done = predict(film)
    assert done.exit_code == 1
    assert "film.avi: is " in done.output
    assert "at most 1,000 are decoded" in done.output
    os.mkfifo(tmp_path / "fifo.mp4")
    assert "is not a regular file" in predict(tmp_path / "fifo.mp4").output
