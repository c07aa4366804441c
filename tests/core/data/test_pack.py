"""A packed set trains like its photos: the same crops up to resampling, the same labels, the same order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseport import crop
from poseport.data import coco
from poseport.data.images import digest, image_digest, read_image
from poseport.data.pack import ROOM, Plan, cut, pack
from poseport.train.presets import PRESETS, Preset
from poseport.train.samples.augment import random_matrix


@pytest.fixture(scope="module")
def people(drawn: Path) -> coco.People:
    return coco.load(drawn)


@pytest.fixture(scope="module")
def packed(people: coco.People, tmp_path_factory: pytest.TempPathFactory) -> coco.People:
    return coco.load(pack(people, tmp_path_factory.mktemp("packed") / "set", 160))


def zoom(original: coco.Person, person: coco.Person) -> float:
    return person.box_xywh[2] / original.box_xywh[2]


def test_everybody_with_labels_is_there_in_order(people: coco.People, packed: coco.People) -> None:
    wanted = people.for_training(1).persons
    assert [p.annotation_id for p in packed.persons] == [p.annotation_id for p in wanted]
    assert len({p.image_path for p in packed.persons}) == len(wanted)
    assert packed.skeleton is people.skeleton
    for original, person in zip(wanted, packed.persons, strict=True):
        assert read_image(person.image_path, person.image_hw).shape[:2] == person.image_hw
        assert person.keypoints[:, 2].tolist() == original.keypoints[:, 2].tolist()
        assert max(person.box_xywh[2:]) * 1.25 <= 160 * 1.02  # a pixel more, where the picture's size was rounded
        assert zoom(original, person) <= 1 + 1e-6
        assert person.area == pytest.approx(original.area * zoom(original, person) ** 2, rel=1e-3)
        assert person.digest() == original.digest() == image_digest(original.image_path)
    assert not [*packed.images_dir.glob(".*"), *packed.path.parent.glob("*unfinished*")]


def test_the_same_crop_is_made_from_the_packed_picture(people: coco.People, packed: coco.People) -> None:
    """The matrix from photo to input is one: through the packed picture or not, whatever augmentation draws."""
    for preset in PRESETS.values():
        for i, (original, person) in enumerate(zip(people.for_training(1).persons, packed.persons, strict=True)):
            draws = [np.random.default_rng(i) for _ in range(2)]
            direct, _ = random_matrix(draws[0], preset.spec, original.box_xywh, preset.train.augment)
            second, _ = random_matrix(draws[1], preset.spec, person.box_xywh, preset.train.augment)
            first, _ = cut(original, Plan("", 160, ROOM))
            through = second @ np.vstack([first, [0, 0, 1]])
            corners = np.array([[0, 0], [383, 0], [0, 287], [383, 287.0]])
            moved = crop.move_points(corners, through) - crop.move_points(corners, direct)
            # 0.00005 px of the packed box's corners is what rounding costs
            assert np.abs(moved).max() < 0.02


def crops(preset: Preset, seed: int, persons: tuple[coco.Person, ...], *, blank: bool) -> list[np.ndarray]:
    """The same random crop of each; blank: of a white photo, so that black is what the photo does not show."""
    found = []
    for person in persons:
        matrix, _ = random_matrix(np.random.default_rng(seed), preset.spec, person.box_xywh, preset.train.augment)
        white = np.full((*person.image_hw, 3), 255, np.uint8)
        photo = white if blank else read_image(person.image_path, person.image_hw)
        found.append(crop.warp(photo, matrix, preset.spec.input_hw).astype(float))
    return found


@pytest.mark.parametrize("name", ["mobile-hourglass", "mobile-deeppose", "hourglass-2"])
def test_augmentation_finds_the_pixels_of_the_photo(name: str, people: coco.People, tmp_path: Path) -> None:
    packed = coco.load(pack(people, tmp_path / "set", 4000))  # nobody is made smaller
    pairs = list(zip(people.for_training(1).persons, packed.persons, strict=True))
    for i, pair in enumerate(pairs):
        direct, through = crops(PRESETS[name], i, pair, blank=True)
        assert np.abs(direct - through).max() <= 1, f"a pixel of person {i} was cut away"
    for i in range(0, len(pairs), 10):
        direct, through = crops(PRESETS[name], i, pairs[i], blank=False)
        noise = ((direct - through) ** 2).mean()
        assert 10 * np.log10(255**2 / noise) > 38  # dB: what JPEG loses


def test_too_little_room_cuts_pixels_away(people: coco.People, tmp_path: Path) -> None:
    """The check above can fail."""
    packed = coco.load(pack(people, tmp_path / "set", 4000, room=1.5))
    pairs = zip(people.for_training(1).persons, packed.persons, strict=True)
    preset = PRESETS["mobile-hourglass"]
    assert max(np.abs(np.subtract(*crops(preset, i, pair, blank=True))).max() for i, pair in enumerate(pairs)) == 255


@pytest.mark.parametrize(
    ("box", "hw"),
    [
        ((-50.0, -50.0, 500.0, 600.0), (288, 384)),
        ((383.0, 287.0, 60.0, 10.0), (288, 384)),
        ((-9.5, 3.0, 10.0, 9.0), (20, 31)),
        ((2.25, 1.5, 0.5, 0.25), (4, 4)),
        ((0.0, 0.0, 1.0, 1.0), (1, 1)),
    ],
)
@pytest.mark.parametrize("size", [16, 100, 4000])
def test_any_box_that_touches_the_photo_gives_a_picture(
    people: coco.People, box: tuple[float, float, float, float], hw: tuple[int, int], size: int
) -> None:
    matrix, picture_hw = cut(replace(people.persons[0], box_xywh=box, image_hw=hw), Plan("", size, ROOM))
    assert min(picture_hw) >= 1
    assert 0 < matrix[0, 0] <= 1
    assert picture_hw[0] <= hw[0]
    assert picture_hw[1] <= hw[1]
    x, y, w, h = crop.move_box(np.array(box), matrix)
    assert x < picture_hw[1]
    assert y < picture_hw[0]
    assert x + w > -0.01
    assert y + h > -0.01
    assert w == pytest.approx(box[2] * matrix[0, 0])


def test_a_box_moves_as_its_edges_do() -> None:
    box, matrix = np.array([10.0, 20.0, 30.0, 40.0]), np.array([[0.5, 0, 3], [0, 0.5, -4.0]])
    # edges at 9.5 and 39.5: to 7.75 and 22.75, of a box that begins half a pixel later
    assert crop.move_box(box, matrix).tolist() == [8.25, 6.25, 15, 20]


def test_a_packed_person_says_where_it_comes_from(people: coco.People, packed: coco.People) -> None:
    data = json.loads(packed.path.read_text())
    assert people.sha256 in data["info"]["description"]
    image = data["images"][3]
    original = people.for_training(1).persons[3]
    assert image["photo"]["image_id"] == original.image_id
    assert people.images_dir / image["photo"]["file_name"] == original.image_path
    assert image["photo_digest"] == digest(original.image_path.read_bytes())
    matrix = np.array(image["photo"]["matrix"]).reshape(2, 3)
    back = crop.move_points(packed.persons[3].keypoints[:, :2], crop.invert(matrix))
    np.testing.assert_allclose(back[original.labelled], original.keypoints[original.labelled, :2], atol=0.01)


def test_a_run_that_was_cut_off_goes_on(people: coco.People, packed: coco.People, tmp_path: Path) -> None:
    out = tmp_path / "set"
    gone = people.persons[40].image_path
    broken = replace(
        people,
        persons=tuple(
            replace(p, image_path=gone.with_name("gone.jpg")) if p.image_path == gone else p for p in people.persons
        ),
    )
    with pytest.raises(ValueError, match=r"gone\.jpg: image cannot be read"):
        pack(broken, out, 160)
    assert not (out / "person_keypoints.json").exists()
    before = {path: path.stat().st_mtime_ns for path in (out / "images").glob("*.jpg")}
    assert 0 < len(before) < len(people)
    with pytest.raises(ValueError, match=r"holds an unfinished pack of size 160, room 2\.5"):
        pack(people, out, 128)
    (out / "images" / ".000000000060.jpg.1.part").write_bytes(b"cut off")
    written = pack(people, out, 160)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert written.read_bytes() == packed.path.read_bytes()
    for path in (out / "images").iterdir():
        assert path.read_bytes() == (packed.images_dir / path.name).read_bytes()
    with pytest.raises(ValueError, match="holds a set already"):
        pack(people, out, 160)


def test_kill_9_leaves_whole_pictures(drawn: Path, packed: coco.People, tmp_path: Path) -> None:
    out = tmp_path / "set"
    code = "from poseport.command.cli import main; main()"
    command = [sys.executable, "-c", code, "data", "pack", str(drawn), "--out", str(out), "--size", "160"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while running.poll() is None and len(list(out.glob("images/*.jpg"))) < 3:
            time.sleep(0.002)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    for path in (out / "images").glob("*.jpg"):
        assert path.read_bytes() == (packed.images_dir / path.name).read_bytes()
    if not (out / "person_keypoints.json").exists():
        subprocess.run([*command, "--quiet"], check=True, capture_output=True)
    assert (out / "person_keypoints.json").read_bytes() == packed.path.read_bytes()
    assert len(list((out / "images").iterdir())) == len(packed)


def test_settings_that_make_no_sense(people: coco.People, tmp_path: Path) -> None:
    for size, room in ((8, 2.5), (320, 0.5)):
        with pytest.raises(ValueError, match=r"\(16 or more\), room .* \(1 to 10\)"):
            pack(people, tmp_path / "set", size, room=room)
    assert not (tmp_path / "set").exists()
