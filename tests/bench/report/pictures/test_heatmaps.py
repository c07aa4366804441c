"""Heatmaps in a report are those of the files."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from html_page import Read, read

from poseport import crop, pose
from poseport.bench.record import Result
from poseport.bench.report.pictures import heatmaps, photos
from poseport.bench.report.report import write_report
from poseport.data.images import read_image
from poseport.data.people import People
from poseport.skeletons import COCO17
from poseport.tflite import runner


def test_heatmaps_stand_below_the_poses(
    page: Read, records: list[Result], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    assert "Heatmaps need the files themselves; not found: tiny.float32" in page.text
    write_report(records, tmp_path / "r.html", files=heatmaps.find_files([tiny_models["int8"].parent]))
    found = read(tmp_path / "r.html")
    assert "Heatmaps need" not in found.text
    for image in found.images:
        assert (image["alt"] or "").endswith("heatmaps of each")
        raw = base64.b64decode((image["src"] or "").partition(",")[2])
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[:2] == (photos.PHOTO_HW[0] + 4 + photos.PHOTO_HW[1], 2 * photos.PHOTO_HW[1] + 4)


def test_a_heatmap_peaks_where_the_file_finds_the_keypoint(people: People, tiny_models: dict[str, Path]) -> None:
    model, person = runner.load(tiny_models["int8"]), people.persons[0]
    image, box = read_image(person.image_path), np.array(person.box_xywh)
    shown = np.arange(len(COCO17)) != 3
    cut, maps = heatmaps.look(model, image, box, False, shown)
    assert maps is not None
    assert cut.shape == (*model.spec.input_hw, 3)
    assert (np.isnan(maps).all(axis=(0, 1)) == ~shown).all()
    matrix = pose.preprocess(model.spec, image, box)[1]
    found = crop.move_points(model(image, box[None])[0, :, :2], matrix)
    for k in np.flatnonzero(shown):
        v, u = np.unravel_index(np.argmax(maps[..., k]), maps.shape[:2])
        centre = 4 * np.array([u, v]) + 1.5
        assert np.abs(found[k] - centre).max() < 4  # refined within a cell
    mirrored = heatmaps.look(model, image, box, True, shown)[1]
    assert mirrored is not None
    assert not np.allclose(mirrored[..., 0], maps[..., 0])


def test_a_models_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.tflite: does not exist"):
        heatmaps.find_files([tmp_path / "gone.tflite"])
