"""What `predict` reads is never written, and no drawing replaces another."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest
from predictions import predict, write_film

from poseport.command import outputs


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
