"""No command writes what it reads, and no drawing replaces another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner
from command_list import EVERY
from predictions import predict, write_film

from poseport.command import outputs
from poseport.command.cli import main

# command -> a command line; SET is a folder of people, RUN a bundle, RECORDS one of results, and OUT is added
LINES = {
    "data stats": "data stats SET --out OUT",
    "data relabel": "data relabel SET --teacher accurate --cache SET/cache.npz --out OUT",
    "data disagree": "data disagree SET --teacher accurate --cache OUT",
    "data preview": "data preview SET --preset mobile-hourglass --out OUT",
    "data to-yolo": "data to-yolo SET --out OUT",
    "data pack": "data pack SET --out OUT",
    "data from-yolo": "data from-yolo SET/person_keypoints.json --out OUT",
    "data from-mpii": "data from-mpii SET/person_keypoints.json --out OUT",
    "data from-flic": "data from-flic SET/person_keypoints.json --out OUT",
    "data from-lsp": "data from-lsp SET/person_keypoints.json --out OUT",
    "spec guess": "spec guess SET/person_keypoints.json --out OUT",
    "train": "train --preset mobile-hourglass --data SET --out OUT",
    "import": "import starter --spec SET/person_keypoints.json --out OUT",
    "compress prune": "compress prune RUN --data SET --sparsity 0.5 --out OUT",
    "compress cluster": "compress cluster RUN --data SET --clusters 16 --out OUT",
    "compress narrow": "compress narrow RUN --width 32 --out OUT",
    "convert": "convert RUN --recipe int8 --calib SET --out OUT",
    "bench all": "bench all starter --data SET --out OUT",
    "bench accuracy": "bench accuracy starter --data SET --out OUT",
    "bench boxes": "bench boxes person --data SET --out OUT",
    "bench rescore": "bench rescore SET/person_keypoints.json --data SET --out OUT",
    "bench latency": "bench latency starter --data SET --out OUT",
    "bench phone": "bench phone starter --data SET --out OUT",
    "bench gate": "bench gate SET --baseline a --candidate b --junit OUT",
    "bench report": "bench report SET --out OUT",
    "web": "web SET/person_keypoints.json --out OUT",
    "predict": "predict SET/person_keypoints.json --results OUT",
}
FLAGS = {"--out", "--results", "--junit", "--cache", "--teacher-cache"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", LINES)
def test_no_command_writes_what_it_reads(
    name: str, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "set"
    source.mkdir()
    annotations = source / "person_keypoints.json"
    annotations.write_bytes(drawn.read_bytes())
    (source / "images").symlink_to(drawn.parent / "images")
    (tmp_path / "run").mkdir()
    os.link(annotations, tmp_path / "run" / "spec.json")
    (tmp_path / "soft.svg").symlink_to(annotations)
    os.link(annotations, tmp_path / "hard.svg")
    before = sorted(source.rglob("*")), annotations.read_bytes()
    for out in (annotations, Path("set/../set/person_keypoints.json"), Path("soft.svg"), Path("hard.svg")):
        words = {"SET": "set", "RUN": "run", "OUT": str(out)}
        line = [words.get(word, word.replace("SET/", "set/")) for word in LINES[name].split()]
        done = CliRunner().invoke(main, line)
        assert done.exit_code in (1, 2), done.output
        assert done.output.count("\n") == 1
        assert "is read by this command" in done.output
    assert (sorted(source.rglob("*")), annotations.read_bytes()) == before


def test_every_command_that_writes_is_among_those_that_were_tried() -> None:
    writes = {" ".join(path) for path, command in EVERY.items() if {o for p in command.params for o in p.opts} & FLAGS}
    assert writes == LINES.keys()


def test_a_photo_is_never_a_plot_and_a_folder_never_its_own_copy(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn.parent, tmp_path / "set")
    photo = sorted((tmp_path / "set" / "images").iterdir())[0]
    os.link(photo, tmp_path / "plot.png")
    before = photo.read_bytes()
    for words in (("stats", "--out", tmp_path / "plot.png"), ("pack", "--out", tmp_path / "set")):
        done = CliRunner().invoke(main, ["data", words[0], str(tmp_path / "set"), *map(str, words[1:])])
        assert (done.exit_code, done.output.count("\n")) == (1, 1)
        assert "is read by this command" in done.output
    assert photo.read_bytes() == before
    both = tmp_path / "new.png"
    assert "is named for two outputs" in predict(photo, "--out", both, "--results", both).output


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
