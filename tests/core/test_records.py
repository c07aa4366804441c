"""Strict JSON: what is written comes back, and what was not asked for is an error that says so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from poseport import records


@dataclass(frozen=True)
class Round:
    kind: Literal["round"] = "round"
    radius: float = 1.0


@dataclass(frozen=True)
class Square:
    kind: Literal["square"] = "square"
    sides: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Thing:
    name: str
    shape: Round | Square
    count: int = 1
    hidden: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    weights: dict[str, float] | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count is {self.count}, expected 0 or more")


FULL = Thing("a", Square(sides=(2.5, 3.0)), 4, True, (("l", "r"), ("a", "b")), {"x": 0.1})


def text(**changes: Any) -> str:
    """JSON of a Thing in which some keys were changed; None removes one."""
    data = {"schema": 1, **records.to_data(FULL), **changes}
    return json.dumps({key: value for key, value in data.items() if value is not None})


@pytest.mark.parametrize("thing", [FULL, Thing("b", Round()), Thing("", Round(radius=1e-300), weights={})])
def test_what_is_written_comes_back_with_its_types(thing: Thing, tmp_path: Path) -> None:
    path = tmp_path / "new" / "thing.json"
    records.write_json(thing, path)
    back = records.read_json(Thing, path)
    assert back == thing
    assert isinstance(back.pairs, tuple)
    assert json.loads(path.read_text())["schema"] == 1
    assert [p.name for p in path.parent.iterdir()] == ["thing.json"]


def test_whole_numbers_are_read_as_floats_but_not_the_reverse() -> None:
    back = records.loads(Thing, text(shape={"kind": "round", "radius": 3}), "t")
    assert isinstance(back.shape, Round)
    assert type(back.shape.radius) is float
    with pytest.raises(ValueError, match=r"t: count: 3\.0 is not a int"):
        records.loads(Thing, text(count=3.0), "t")


def test_an_unknown_key_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown key 'colour'; Thing has name, shape, count, hidden, pairs, weights"):
        records.loads(Thing, text(colour="red"), "t")
    with pytest.raises(ValueError, match="t: shape: unknown key 'radius'; Square has kind, sides"):
        records.loads(Thing, text(shape={"kind": "square", "radius": 2.0}), "t")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match="t: key 'name' is missing; Thing has name, shape"):
        records.loads(Thing, text(name=None), "t")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 3}, "t: name: 3 is not a str"),
        ({"count": True}, "t: count: True is not a int"),
        ({"count": "4"}, "t: count: '4' is not a int"),
        ({"hidden": 1}, "t: hidden: 1 is not a bool"),
        ({"shape": {"kind": "round", "radius": "1"}}, "t: shape: radius: '1' is not a float"),
        ({"shape": {"kind": "round", "radius": True}}, "t: shape: radius: True is not a float"),
        ({"shape": {"kind": "oval"}}, "t: shape: kind 'oval' is not one of round, square"),
        ({"shape": {"kind": ["round"]}}, "t: shape: kind .* is not one of round, square"),
        ({"shape": "round"}, "t: shape: kind None is not one of round, square"),
        ({"shape": {"kind": "square", "sides": [1.0]}}, "t: shape: sides: 1 values, expected 2"),
        ({"pairs": [["a", "b"], ["a", 2]]}, r"t: pairs\[1\]\[1\]: 2 is not a str"),
        ({"pairs": "ab"}, "t: pairs: 'ab' is not a"),
        ({"weights": {"x": "heavy"}}, r"t: weights\['x'\]: 'heavy' is not a float"),
        ({"weights": [1.0]}, "t: weights: "),
        ({"count": -1}, "t: count is -1, expected 0 or more"),
    ],
)
def test_a_value_of_another_type_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        records.loads(Thing, text(**changes), "t")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + 400 * "0"])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    raw = text().replace("2.5", number)
    assert number in raw
    with pytest.raises(ValueError, match=r"t: shape: sides\[0\]"):
        records.loads(Thing, raw, "t")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_never_written(number: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        records.write_json(Thing("a", Round(radius=number)), tmp_path / "thing.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", r"t: not JSON"),
        ("{", r"t: not JSON"),
        (60000 * "[", r"t: not JSON"),
        ('{"schema": 1, "count": ' + 5000 * "1" + "}", r"t: not JSON"),
        (300 * '{"a":' + "1" + 300 * "}", r"t: not JSON \(nested more than 64 deep\)"),
        (
            f'{{"schema": 1, "name": "a", "shape": {{"kind": "round"}}, "count": {2**127}}}',
            "of 128 bits",
        ),
        ('{"schema": true}', r"t: no schema number"),
        ("[]", r"t: no schema number"),
        ("{}", r"t: no schema number"),
        ('{"schema": "1"}', r"t: no schema number"),
        ('{"schema": 2, "later": 1}', r"t: schema 2 is newer than 1, which this poseport reads; upgrade poseport"),
        ('{"schema": 0}', r"t: schema 0 does not exist"),
    ],
)
def test_what_is_not_a_record_is_refused(raw: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        records.loads(Thing, raw, "t")


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.json: cannot be read as text \(No such file"):
        records.read_json(Thing, tmp_path / "nowhere.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary\.json: cannot be read as text"):
        records.read_json(Thing, tmp_path / "binary.json")


def test_writing_replaces_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    records.write_whole(path, b"old")
    records.write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ValueError, match=r"x\.json: cannot be written .*; choose another output"):
        records.write_whole(blocked / "x.json", b"{}")
    folder = tmp_path / "folder"
    (folder / "kept").mkdir(parents=True)
    with pytest.raises(ValueError, match="folder: cannot be written"):
        records.write_whole(folder, b"{}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert blocked.read_text() == "in the way"
