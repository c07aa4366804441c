"""Files of predictions: ids, and what is no number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from predictions import predict, write_film

from poseport.command.pictures import result_files
from poseport.command.pictures.result_files import Predicted
from poseport.data import check, coco
from poseport.people.everyone import Found


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
        nobody = Found(np.zeros((0, 17, 3)), np.zeros((0, 4)), np.zeros(0), np.zeros(0))
        return [Predicted(name, i, (9, 9), nobody) for i, name in enumerate(names)]

    assert result_files.image_ids(pictures("000000000123.jpg", "7.png"), False) == [123, 7]
    assert result_files.image_ids(pictures("001.jpg", "1.jpg", "me.jpg"), False) == [1, 2, 3]
    assert result_files.image_ids(pictures("²x.jpg", "b.jpg"), False) == [0, 1]
    assert result_files.image_ids(pictures("9.mp4", "9.mp4"), True) == [0, 1]


def test_what_is_not_a_number_is_null() -> None:
    keypoints = np.array([[[1.0, 2.0, 0.5], [np.nan, np.inf, np.nan]]])
    picture = Predicted("a.jpg", 0, (9, 9), Found(keypoints, np.ones((1, 4)), np.ones(1), np.ones(1)))
    data: Any = result_files.plain(picture, ("nose", "tail"))
    assert data["people"][0]["keypoints"] == {"nose": [1.0, 2.0, 0.5], "tail": [None, None, None]}
    (entry,) = result_files.results([picture], False)
    assert entry["keypoints"] == [1.0, 2.0, 0.5, 0.0, 0.0, 0.0]
