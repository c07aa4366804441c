"""`poseport predict` on every kind of source, with every kind of box, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import poseport
from poseport.command.pictures import sources
from poseport.command.predict_cli import predict
from poseport.data import coco
from poseport.data.images import read_image
from poseport.people.follow import Follower


def run(*arguments: object) -> dict[str, Any]:
    ran = CliRunner().invoke(predict, [*map(str, arguments), "--json"])
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def refused(*arguments: object) -> str:
    ran = CliRunner().invoke(predict, [*map(str, arguments)])
    assert ran.exit_code == 1
    assert "Traceback" not in ran.output
    return ran.output


def points(person: dict[str, Any]) -> np.ndarray:
    return np.array(list(person["keypoints"].values()))


@pytest.fixture(scope="module")
def people(drawn: Path) -> coco.People:
    return coco.load(drawn)


@pytest.fixture(scope="module")
def photos(people: coco.People, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for path in sorted({p.image_path for p in people.persons})[:3]:
        shutil.copy(path, folder)
    (folder / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture(scope="module")
def film(people: coco.People, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of one photo that moves."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    image = read_image(people.persons[0].image_path)
    h, w = image.shape[:2]
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (w, h))
    for i in range(12):
        out.write(np.ascontiguousarray(np.roll(image, 3 * i, axis=1)[..., ::-1]))
    out.release()
    return path


def test_a_folder_gives_every_photo(tiny_models: dict[str, Path], photos: Path, tmp_path: Path) -> None:
    out, results = tmp_path / "drawn", tmp_path / "results.json"
    found = run(tiny_models["int8"], photos, "--people", 1, "--out", out, "--results", results)["pictures"]
    names = sorted(p.name for p in photos.glob("*.jpg"))
    assert [picture["name"] for picture in found] == names
    assert sorted(p.name for p in out.iterdir()) == names
    assert cv2.imread(str(out / names[0])).shape == cv2.imread(str(photos / names[0])).shape
    entries = json.loads(results.read_text())
    assert [e["image_id"] for e in entries] == [int(Path(name).stem) for name in names]
    assert all(len(e["keypoints"]) == 51 for e in entries)


def test_without_a_box_the_second_look_is_where_the_first_found_somebody() -> None:
    seen: list[np.ndarray] = []
    figure = np.column_stack([np.linspace(60, 100, 17), np.linspace(50, 170, 17), np.full(17, 0.9)])

    def find(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        seen.append(boxes[0])
        return figure[None]

    follower = Follower(find)
    image = np.zeros((288, 384, 3), np.uint8)
    follower(image)
    assert [box.tolist() for box in seen[:1]] == [[0, 0, 384, 288]]
    around = seen[1]
    assert (around[:2] < [60, 50]).all()
    assert (around[:2] + around[2:] > [100, 170]).all()
    assert around[3] < 200
    follower(image)
    assert len(seen) == 3  # in a film it is looked at once, where the person was
    figure[:, 2] = 0.0
    follower(image)
    follower(image)
    assert seen[-1].tolist() == [0, 0, 384, 288]  # lost, so the whole picture again


def test_boxes_of_a_file_and_of_python_give_the_same(
    tiny_models: dict[str, Path], people: coco.People, photos: Path, tmp_path: Path
) -> None:
    ids = {int(p.stem) for p in photos.glob("*.jpg")}
    some = [p for p in people.persons if p.image_id in ids]
    entries = [{"image_id": p.image_id, "bbox": p.box_xywh, "score": 0.9} for p in some]
    entries.append({"image_id": some[0].image_id, "bbox": [0, 0, 20, 20], "score": 0.1})
    (tmp_path / "d.json").write_text(json.dumps(entries))
    found = run(tiny_models["int8"], photos, "--detections", tmp_path / "d.json")["pictures"]
    assert sum(len(picture["people"]) for picture in found) == len(some)
    pose = poseport.load(tiny_models["int8"])
    [first] = pose(read_image(some[0].image_path), np.array([some[0].box_xywh]))
    picture = next(p for p in found if Path(p["name"]).stem == some[0].image_path.stem)
    np.testing.assert_allclose(points(picture["people"][0]), first, atol=1e-6)


def test_a_film_gives_a_film(tiny_models: dict[str, Path], film: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn.mp4"
    found = run(tiny_models["int8"], film, "--out", out)["pictures"]
    assert [picture["index"] for picture in found] == list(range(12))
    drawn = sources.find(str(out))
    assert drawn.count == 12
    assert drawn.rate == pytest.approx(20)
    assert list(tmp_path.iterdir()) == [out]  # nothing half-written beside it
    assert len(run(tiny_models["int8"], film, "--frames", 5)["pictures"]) == 5


def test_a_detector_says_where_people_are(photos: Path, detector: Path) -> None:
    photo = sorted(photos.glob("*.jpg"))[0]
    h, w = read_image(photo).shape[:2]
    [picture] = run("deeppose", photo, "--detector", detector)["pictures"]
    boxes = [person["box"] for person in picture["people"]]
    np.testing.assert_allclose(boxes, [[0.2 * w, 0.1 * h, 0.4 * w, 0.8 * h]], rtol=1e-5)
    both = run("deeppose", photo, "--detector", detector, "--threshold", 0.25)["pictures"][0]["people"]
    assert len(both) == 2
    ran = CliRunner().invoke(
        predict,
        ["deeppose", str(photo), "--detector", str(detector), "--threshold", "0.25", "--people", "1"],
    )
    assert "the surest 1 of 2 people were kept, as in 1 of 1 pictures; --people 2 keeps all" in ran.stderr


def test_a_lower_threshold_keeps_unsure_finds(photos: Path, detector: Path) -> None:
    """On the second photo, where nobody is in the boxes, the keypoints are unsure."""
    photo = sorted(photos.glob("*.jpg"))[1]
    for threshold, count in ((0.25, 1), (0.01, 2)):
        [picture] = run("tiny", photo, "--detector", detector, "--threshold", threshold)["pictures"]
        assert len(picture["people"]) == count


def test_python_finds_the_people_that_the_command_finds(photos: Path, detector: Path) -> None:
    photo = sorted(photos.glob("*.jpg"))[0]
    pose = poseport.load("tiny", threads=2, detector=detector)
    found = pose.find(read_image(photo))
    [person] = run("tiny", photo, "--detector", detector)["pictures"][0]["people"]
    np.testing.assert_array_equal(found.keypoints, points(person)[None])
    np.testing.assert_array_equal(found.boxes, [person["box"]])
    assert found.scores.tolist() == [person["score"]]
    np.testing.assert_array_equal(pose(read_image(photo)), found.keypoints)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a detector's four outputs: a sure person, a doubtful one, a sure dog, and boxes without area."""
    import tensorflow as tf

    boxes = tf.constant([[[0.1, 0.2, 0.9, 0.6], [0.0, 0.5, 1.0, 1.0], [0.2, 0.2, 0.4, 0.4], [0.5, 0.5, 0.5, 0.5]]])
    scores, classes = tf.constant([[0.9, 0.3, 0.8, 0.95]]), tf.constant([[0.0, 0.0, 17.0, 0.0]])

    @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3), tf.float32)])
    def network(image: Any) -> tuple[Any, ...]:
        nothing = tf.reduce_sum(image) * 0.0  # outputs of constants alone are folded away
        return scores + nothing, boxes + nothing, tf.constant([4.0]) + nothing, classes + nothing

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    path = tmp_path_factory.mktemp("detector") / "detector.tflite"
    path.write_bytes(converter.convert())
    return path


def test_what_cannot_be_is_one_line(
    tiny_models: dict[str, Path], photos: Path, film: Path, detector: Path, tmp_path: Path
) -> None:
    model, photo = tiny_models["int8"], sorted(photos.glob("*.jpg"))[0]
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    assert "holds no photo" in refused(model, tmp_path / "empty")
    assert "this film cannot be opened" in refused(model, tmp_path / "broken.mp4")
    assert "no such file" in refused(model, tmp_path / "none.mp4")
    assert "--out must be a folder too" in refused(model, photos, "--out", tmp_path / "all.mp4")
    shutil.copy(photo, tmp_path / "me.jpg")
    (tmp_path / "d.json").write_text("[]")
    assert "by image id" in refused(model, tmp_path / "me.jpg", "--detections", tmp_path / "d.json")
    assert "this camera cannot be opened" in refused(model, "99")
    assert "the name of a film must end in .mp4" in refused(model, film, "--out", tmp_path / "film.avi")
    assert "is a pose network; expected a person detector" in refused(model, photo, "--detector", model)
    assert "carries no poseport.json" in refused(detector, photo)
    assert "remove --people" in refused(model, photo, "--box", "1,1,9,9", "--people", 3)
    assert "give one of them" in refused(model, photo, "--box", "1,1,9,9", "--detector", detector)
    assert "not a COCO results file" in refused(model, photo, "--detections", photo.parent / "notes.txt")
    assert not [p for p in tmp_path.iterdir() if p.suffix in (".avi", ".part")]


def test_a_table_has_a_row_for_each_keypoint(tiny_models: dict[str, Path], film: Path, tmp_path: Path) -> None:
    table = tmp_path / "keypoints.csv"
    found = run(tiny_models["int8"], film, "--people", 1, "--frames", 2, "--table", table)["pictures"]
    rows = [line.split(",") for line in table.read_text().splitlines()]
    assert rows[0] == ["file", "picture", "person", "keypoint", "x", "y", "score"]
    assert len(rows) == 1 + 2 * 17
    assert [float(v) for v in rows[1][4:]] == pytest.approx(points(found[0]["people"][0])[0], abs=1e-3)
    assert "ends in .csv or .parquet" in refused(tiny_models["int8"], film, "--table", tmp_path / "k.xlsx")
