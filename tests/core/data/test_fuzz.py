"""400 random faults in an annotations file: each ends in the right people or in one line, never in a traceback."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from variants import drawn_set

from poseport.data import check, coco
from poseport.data.people import People, Person

TWICE = "the same field once more: "
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 7, 0.5, 1e308, -1e308, 10**400, float("nan"), float("inf"), "", "x", "7", "1.0", "\0",
    "../x.jpg", "/etc/passwd", "a\\b.jpg", "\ud800", [], [1], [None], [[1, 2, 3]], [[[]]], {}, {"id": 1}, ["x"] * 51,
    [1e308] * 51, [None] * 51, [0] * 51, [1, 2, 2] * 17, [True] * 51, ["1"] * 51, [0, 0, 0, 0], [1e308] * 4, ["5"] * 4,
]  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("base") / "set")


def mutated(data: dict[str, Any], rng: random.Random) -> set[int]:
    """Change one thing; the ids of the annotations whose people it may change."""
    section = rng.choice(["images", "annotations", "annotations", "annotations", "categories"])
    entries = data[section]
    index = rng.randrange(len(entries))
    entry, everybody = entries[index], {a["id"] for a in data["annotations"]}
    touched = {
        "images": {a["id"] for a in data["annotations"] if a["image_id"] == entry["id"]},
        "annotations": {entry["id"]},
        "categories": everybody,
    }[section]
    key = rng.choice(sorted(entry))
    other = rng.choice(sorted(entry))
    kind = rng.choice(["drop", "swap", "retype", "retype", "scale", "duplicate", "twice", "text", "entry", "element"])
    if kind == "drop":
        del entry[key]
    elif kind == "swap":
        entry[key], entry[other] = entry[other], entry[key]
    elif kind == "retype":
        entry[key] = copy.deepcopy(rng.choice(VALUES))
    elif kind == "scale":
        entry[key] = scaled(entry[key], rng.choice([-1, 0, 1e-3, 10, 1e6, 1e300]))
    elif kind == "duplicate":
        entries.insert(rng.randrange(len(entries) + 1), copy.deepcopy(entry))
    elif kind == "twice":
        entry[f"{TWICE}{key}"] = copy.deepcopy(rng.choice([entry[key], *VALUES]))
    elif kind == "text":
        entry[key] = json.dumps(entry[key])
    elif kind == "entry":
        entries[index] = copy.deepcopy(rng.choice(VALUES))
    elif isinstance(entry[key], list) and entry[key]:
        entry[key][rng.randrange(len(entry[key]))] = copy.deepcopy(rng.choice(VALUES))
    return touched


def scaled(value: Any, factor: float) -> Any:
    if isinstance(value, list):
        return [scaled(one, factor) for one in value]
    return value * factor if isinstance(value, int | float) and not isinstance(value, bool) else value


def same(a: Person, b: Person) -> bool:
    equal = (a.image_path, a.image_hw, a.box_xywh, a.area, a.crowd) == (
        b.image_path,
        b.image_hw,
        b.box_xywh,
        b.area,
        b.crowd,
    )
    return equal and np.array_equal(a.keypoints, b.keypoints)


def attempt(path: Path, *, strict: bool) -> People | str:
    """The people, or the line that says why there are none."""
    try:
        return coco.load(path, strict=strict)
    except ValueError as error:
        return str(error)


def test_every_fault_ends_in_the_right_people_or_in_one_line(base: Path) -> None:
    path = base / "person_keypoints.json"
    original = json.loads(path.read_text())
    before = {p.annotation_id: p for p in coco.load(path).persons}
    fuzzed = base / "fuzzed.json"
    read = refused = 0
    for seed in range(400):
        rng, data = random.Random(seed), copy.deepcopy(original)
        touched = mutated(data, rng)
        fuzzed.write_text(json.dumps(data).replace(TWICE, ""))
        found, listed = attempt(fuzzed, strict=True), attempt(fuzzed, strict=False)
        if isinstance(found, str):
            refused += 1
            assert "\n" not in found, seed
            assert found.startswith(str(fuzzed)), seed
        else:
            read += 1
            assert len(found) <= len(before) + 1, seed
            for number in before.keys() - touched:
                assert any(same(before[number], person) for person in found.persons), seed
        if isinstance(listed, str):
            assert found == listed, seed
        else:
            checked = check.check(listed)
            assert json.loads(json.dumps(checked.data()))["people"] <= len(before) + 1, seed
            assert checked.problems or not isinstance(found, str), seed
    assert read > 100
    assert refused > 100
