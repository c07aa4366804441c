"""Nothing of the user's is lost by `predict`, and nothing is left out without a word."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from poseport.command import outputs, result_files
from poseport.command.cli import main
from poseport.command.result_files import Predicted
from poseport.data import check, coco
from poseport.data.detections import read_boxes
from poseport.data.drawn import synth


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in sorted((drawn.parent / "images").iterdir())[:3]:
        shutil.copy(photo, folder)
    return folder


def predict(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", "starter", *map(str, arguments)])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_film(path: Path, frames: int = 30) -> Path:
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 25.0, (96, 64))
    for i in range(frames):
        film.write(np.random.default_rng(i).integers(0, 255, (64, 96, 3), np.uint8))
    film.release()
    return path


# --- what is read is never written


def test_drawings_never_replace_what_is_read(photos: Path, tmp_path: Path) -> None:
    before, photo = contents(photos), sorted(photos.iterdir())[0]
    (tmp_path / "link").symlink_to(photos, target_is_directory=True)
    os.link(photo, tmp_path / "same.jpg")
    (tmp_path / "one").symlink_to(photo)
    for source, out in (
        (photo, photo),
        (photo, photos / ".." / "photos" / photo.name),
        (photo, tmp_path / "link" / photo.name),
        (photo, tmp_path / "same.jpg"),
        (tmp_path / "one", photo),
        (photos, photos),
        (photos, tmp_path / "link"),
        (tmp_path / "link", photos),
    ):
        done = predict(source, "--out", out)
        assert (done.exit_code, done.output.count("\n")) == (1, 1)
        assert "is read by this command" in done.output
    assert "is read by this command" in predict(photo, "--results", photo).output
    assert contents(photos) == before


def test_a_film_is_not_its_own_drawing(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 3)
    before = film.read_bytes()
    assert "is read by this command" in predict(film, "--out", tmp_path / "." / "film.mp4").output
    assert film.read_bytes() == before


def test_two_photos_never_give_one_drawing(photos: Path, tmp_path: Path) -> None:
    first = sorted(photos.glob("*.jpg"))[0]
    cv2.imwrite(str(first.with_suffix(".png")), cv2.imread(str(first)))
    assert predict(photos, "--out", tmp_path / "out").exit_code == 0
    assert len(list((tmp_path / "out").iterdir())) == 4
    names = outputs.drawing_names([Path("a.jpg"), Path("A.png"), Path("b.webp")])
    assert list(names.values()) == ["a.jpg.jpg", "A.png.jpg", "b.jpg"]
    with pytest.raises(ValueError, match=r"a\.png\.jpg would replace that of another photo"):
        outputs.drawing_names([Path("a.jpg"), Path("a.png"), Path("a.png.gif")])


def test_drawn_people_replace_nothing_that_was_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    mine = tmp_path / "images" / "000000000001.jpg"
    mine.write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="holds files that poseport did not draw"):
            synth.write_people(tmp_path, 1, 0, overwrite=overwrite)
    (tmp_path / "person_keypoints.json").write_text("{}")
    with pytest.raises(ValueError, match="was not drawn by poseport"):
        synth.write_people(tmp_path, 1, 0, overwrite=True)
    assert mine.read_bytes() == b"mine"
    synth.write_people(tmp_path / "set", 2, 0)
    path = synth.write_people(tmp_path / "set", 1, 0, overwrite=True)
    assert len(coco.load(path)) == 1


# --- what cannot be read is said


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


# --- what is written


def test_predictions_to_correct_in_a_labelling_tool(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "begin.json"
    assert predict(photos, "--results", path, "--results-form", "coco").exit_code == 0
    people = coco.load(path, photos, strict=False)
    assert people.problems == ()
    assert {p.image_path for p in people.persons} <= set(photos.iterdir())
    assert [p for p in check.check(people, 1).problems] == []
    film = write_film(tmp_path / "film.mp4", 2)
    assert "needs photos" in predict(film, "--results", path, "--results-form", "coco").output


def test_ids_are_the_numbers_of_the_photos_and_never_the_same() -> None:
    def pictures(*names: str) -> list[Predicted]:
        nobody = np.zeros((0, 4)), np.zeros((0, 17, 3))
        return [Predicted(name, i, (9, 9), *nobody) for i, name in enumerate(names)]

    assert result_files.image_ids(pictures("000000000123.jpg", "7.png"), False) == [123, 7]
    assert result_files.image_ids(pictures("001.jpg", "1.jpg", "me.jpg"), False) == [1, 2, 3]
    assert result_files.image_ids(pictures("²x.jpg", "b.jpg"), False) == [0, 1]
    assert result_files.image_ids(pictures("9.mp4", "9.mp4"), True) == [0, 1]


def test_what_is_not_a_number_is_null() -> None:
    keypoints = np.array([[[1.0, 2.0, 0.5], [np.nan, np.inf, np.nan]]])
    picture = Predicted("a.jpg", 0, (9, 9), np.ones((1, 4)), keypoints)
    data: Any = result_files.plain(picture, ("nose", "tail"))
    assert data["people"][0]["keypoints"] == {"nose": [1.0, 2.0, 0.5], "tail": [None, None, None]}
    (entry,) = result_files.results([picture], False)
    assert entry["keypoints"] == [1.0, 2.0, 0.5, 0.0, 0.0, 0.0]


# --- boxes of a detector


def entries(**more: Any) -> list[dict[str, Any]]:
    return [{"image_id": 1, "bbox": [1, 2, 30, 40], "score": 0.9, **more}]


def test_only_boxes_of_people_are_people(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps(entries(category_id=1) + entries(category_id=18) + entries(category_id="62")))
    assert len(read_boxes(path)) == 1
    assert len(read_boxes(path, 62)) == 1
    path.write_text(json.dumps(entries() + entries(category_id=None) + entries(category_id="1", image_id="1")))
    assert read_boxes(path) == [(1, (1.0, 2.0, 30.0, 40.0), 0.9)] * 3
    path.write_text(json.dumps(entries(category_id=0)))
    with pytest.raises(ValueError, match=r"no box is of category 1, but of 0 \(1 boxes\); name the people's"):
        read_boxes(path)
    assert len(read_boxes(path, 0)) == 1
