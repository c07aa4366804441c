"""The table of keypoints as Parquet, and what is said before anything is predicted."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from poseport.command.pictures import keypoint_table
from poseport.command.pictures.result_files import Predicted
from poseport.people.everyone import Found
from poseport.skeletons import COCO17


def pictures(people: list[int]) -> list[Predicted]:
    rng = np.random.default_rng(0)
    found = [
        Found(
            rng.uniform(0, 1, (n, 17, 3)) * [640, 480, 1],
            np.zeros((n, 4)),
            np.ones(n),
            np.ones(n),
            ids=np.arange(n) + 7,
        )
        for n in people
    ]
    return [Predicted("a film, of two.mp4", i, (480, 640), one) for i, one in enumerate(found)]


@pytest.mark.parametrize("people", [[2, 0, 1], [0], []])
def test_parquet_holds_the_rows_of_the_csv(people: list[int], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    for suffix in ("csv", "parquet"):
        keypoint_table.write(tmp_path / f"k.{suffix}", pictures(people), COCO17)
    with open(tmp_path / "k.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "k.parquet")
    assert table.column_names == list(keypoint_table.COLUMNS)
    assert table.num_rows == len(rows) == 17 * sum(people)
    assert [str(table.schema.field(name).type) for name in ("picture", "person", "x", "score")] == [
        "int64", "int64", "double", "double",
    ]  # fmt: skip
    for name in keypoint_table.COLUMNS:
        of = str if name in ("file", "keypoint") else float
        assert table[name].to_pylist() == [of(row[name]) for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.csv", "k.parquet"]


def test_numbers_that_are_none_stay_what_they_are(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    [one] = pictures([1])
    one.found.keypoints[0, 3, 0] = np.nan
    keypoint_table.write(tmp_path / "k.parquet", [one], COCO17)
    assert np.isnan(parquet.read_table(tmp_path / "k.parquet")["x"].to_numpy()).tolist() == [i == 3 for i in range(17)]


def test_without_pyarrow_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"k\.parquet: Parquet needs pyarrow; run `pip install pyarrow`") as error:
        keypoint_table.write(tmp_path / "k.parquet", pictures([1]), COCO17)
    assert "\n" not in str(error.value)
    keypoint_table.check(tmp_path / "k.CSV")
    assert not list(tmp_path.iterdir())
