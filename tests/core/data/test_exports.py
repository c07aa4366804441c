"""Annotations as other tools write them are read as the people that they mean, or refused in one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from variants import Change, Data, annotations, both, changed, drawn_set, images, points

from poseport.data import check, coco
from poseport.data.people import People
from poseport.skeletons import COCO17


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("base") / "set")


def table(people: People) -> np.ndarray:
    """What is known of each person, as numbers; where nothing is labelled, coordinates mean nothing."""
    rows = []
    for p in sorted(people.persons, key=lambda p: p.annotation_id):
        rows.append([*p.box_xywh, *p.image_hw, p.crowd, *np.where(p.labelled[:, None], p.keypoints, 0).ravel()])
    return np.array(rows)


def nested(annotation: Data) -> None:
    flat = annotation["keypoints"]
    annotation["keypoints"] = [flat[i : i + 3] for i in range(0, len(flat), 3)]


def names(write: Any) -> Change:
    return lambda d: d["categories"][0].update(keypoints=[write(n) for n in d["categories"][0]["keypoints"]])


def other_order(data: Data) -> None:
    """Keypoints from the ankles up; the category says so."""
    data["categories"][0]["keypoints"].reverse()
    annotations(lambda a: a.update(keypoints=[v for i in range(48, -1, -3) for v in a["keypoints"][i : i + 3]]))(data)


def add_category(**more: Any) -> Change:
    return lambda d: d["categories"].append({"id": 2, "name": "other", **more})


READ_ALIKE: dict[str, Change] = {
    "nothing but what is needed": both(
        annotations(lambda a: [a.pop(key) for key in ("area", "iscrowd", "num_keypoints")]),
        lambda d: [d.pop("info"), d.pop("licenses")],
    ),
    "flags as text": annotations(lambda a: a.update(iscrowd="0")),
    "flags as booleans": annotations(lambda a: a.update(iscrowd=False)),
    "flags as null": annotations(lambda a: a.update(iscrowd=None)),
    "nested keypoints": annotations(nested),
    "keypoints as text": points(lambda p: [str(v) for v in p]),
    "null where nothing is labelled": points(lambda p: p if p[2] else [None, None, 0]),
    "null for a whole keypoint": points(lambda p: p if p[2] else [None, None, None]),
    "NaN where nothing is labelled": points(lambda p: p if p[2] else [float("nan"), float("nan"), 0]),
    "coordinates beside a visibility of 0": points(lambda p: p if p[2] else [333.0, 222.0, 0]),
    "sizes as floats": images(lambda i: i.update(width=float(i["width"]), height=float(i["height"]))),
    "sizes as text": images(lambda i: i.update(width=str(i["width"]), height=str(i["height"]))),
    "image ids as text in annotations": annotations(lambda a: a.update(image_id=str(a["image_id"]))),
    "all ids as text": both(
        images(lambda i: i.update(id=f"{i['id']:04d}")),
        annotations(lambda a: a.update(id=str(a["id"]), image_id=f"{a['image_id']:04d}", category_id="1")),
    ),
    "ids beyond 64 bits": both(
        images(lambda i: i.update(id=i["id"] + 2**64)),
        annotations(lambda a: a.update(id=a["id"] + 2**64, image_id=a["image_id"] + 2**64)),
    ),
    "boxes as text": annotations(lambda a: a.update(bbox=[str(v) for v in a["bbox"]])),
    "names in capitals": names(str.upper),
    "names with spaces": names(lambda n: n.replace("_", " ").title()),
    "names in camel case": names(lambda n: n.split("_")[0] + "".join(part.title() for part in n.split("_")[1:])),
    "names with hyphens": names(lambda n: n.replace("_", "-")),
    "keypoints in another order": other_order,
    "category from 0": both(
        lambda d: d["categories"][0].update(id=0), annotations(lambda a: a.update(category_id=0))
    ),
    "category as text": annotations(lambda a: a.update(category_id="1")),
    "category missing": annotations(lambda a: a.pop("category_id")),
    "a category with an empty list": add_category(keypoints=[], skeleton=[]),
    "a category with null": add_category(keypoints=None),
    "a second skeleton": add_category(keypoints=["nose", "tail"]),
    "another order of the entries": lambda d: [d["annotations"].reverse(), d["images"].reverse()],
    "names that begin with a dot": images(lambda i: i.update(file_name="./" + i["file_name"])),
    "names that begin with images": images(lambda i: i.update(file_name="images/" + i["file_name"])),
    "names with backslashes": images(lambda i: i.update(file_name="images\\" + i["file_name"])),
    "names of another machine": images(lambda i: i.update(file_name="/data/exports/images/" + i["file_name"])),
    "names of Windows": images(lambda i: i.update(file_name="C:\\project\\images\\" + i["file_name"])),
    "names that are addresses": images(lambda i: i.update(file_name="http://example.org/a/" + i["file_name"])),
}  # fmt: skip


@pytest.mark.parametrize("change", READ_ALIKE.values(), ids=READ_ALIKE)
def test_the_same_people_in_another_form(change: Change, base: Path, tmp_path: Path) -> None:
    read = coco.load(changed(base, tmp_path / "set", change))
    assert read.skeleton is COCO17
    np.testing.assert_array_equal(table(read), table(coco.load(base)))
    assert check.check(coco.load(tmp_path / "set", strict=False)).problems == ()


def test_absolute_names_inside_the_folder(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    change = images(lambda i: i.update(file_name=str(folder / "images" / i["file_name"])))
    np.testing.assert_array_equal(table(coco.load(changed(base, folder, change))), table(coco.load(base)))


@pytest.mark.parametrize("area", [0, 1, "0", 0.5, None])
def test_an_area_that_cannot_be_true_is_the_boxs(area: Any, base: Path, tmp_path: Path) -> None:
    people = coco.load(changed(base, tmp_path / "set", annotations(lambda a: a.update(area=area))))
    assert [p.area for p in people.persons] == [p.box_xywh[2] * p.box_xywh[3] for p in people.persons]
    said = "area 0 or 1 on 8 labelled people cannot be true; the box's is taken"
    assert people.notes == (() if area is None else (said,))
    assert (said in check.check(people).text()) is (area is not None)


def test_an_unlabelled_person_may_lack_everything(base: Path, tmp_path: Path) -> None:
    change = lambda d: d["annotations"][3].update(keypoints=[], bbox=None, area=0)  # noqa: E731
    people = coco.load(changed(base, tmp_path / "set", change))
    assert [p.num_labelled > 0 for p in people.persons] == [i != 3 for i in range(8)]


# --- categories


def test_a_second_skeleton_is_chosen_by_category_and_the_rest_is_counted(base: Path, tmp_path: Path) -> None:
    def two(data: Data) -> None:
        add_category(keypoints=data["categories"][0]["keypoints"])(data)
        for annotation in data["annotations"][:3]:
            annotation["category_id"] = 2

    folder = changed(base, tmp_path / "set", two)
    with pytest.raises(ValueError, match=r"1 \(person\) with 17 keypoints; 2 \(other\) with 17 .*--category"):
        coco.load(folder)
    for name, people, left_out in (("person", 5, "category 2 (other)"), ("2", 3, "category 1 (person)")):
        found = coco.load(folder, category=name)
        assert len(found) == people
        assert found.left_out == {f"annotations of {left_out}": 8 - people}
        assert f"left out: {8 - people} annotations of {left_out}" in check.check(found).text()
    with pytest.raises(ValueError, match="--category cat names 0 categories with keypoints, which are 1"):
        coco.load(folder, category="cat")


EMPTY: dict[str, tuple[Change, str]] = {
    "annotations of no category": (
        annotations(lambda a: a.update(category_id=0)),
        r"8 people are of category 0, which is not listed; the category with keypoints is 1",
    ),
    "some of no category": (
        lambda d: d["annotations"][2].update(category_id="x"),
        r"1 people are of category 'x', which is not listed",
    ),
    "all of another category": (
        both(add_category(), annotations(lambda a: a.update(category_id=2))),
        r"nobody of category 1 \(person\), but 8 of category 2 \(other\)",
    ),
    "no annotations": (lambda d: d.update(annotations=[]), "but no annotation at all"),
    "an annotation that is none": (lambda d: d["annotations"].append("x"), "annotation number 9: is 'x'"),
}


@pytest.mark.parametrize(("change", "message"), EMPTY.values(), ids=EMPTY)
def test_a_set_that_loses_its_people_is_a_problem(change: Change, message: str, base: Path, tmp_path: Path) -> None:
    folder = changed(base, tmp_path / "set", change)
    with pytest.raises(ValueError, match=message):
        coco.load(folder)
    found = check.check(coco.load(folder, strict=False))
    assert "no problem found" not in found.text()
    assert len(found.problems) == 1


# --- what is ambiguous


def merged_ids(data: Data) -> None:
    data["images"][3]["id"] = data["images"][0]["id"]


AMBIGUOUS: dict[str, tuple[Change, str]] = {
    "an image id twice": (merged_ids, r"image id 1 names 000000000001\.jpg and 000000000004\.jpg; number"),
    "an id twice, once as text": (
        both(merged_ids, lambda d: d["images"][3].update(id="1")),
        r"image id 1 names 000000000001\.jpg and 000000000004\.jpg",
    ),
    "a file name twice": (
        lambda d: d["images"][3].update(file_name="./" + d["images"][0]["file_name"]),
        r"\./000000000001\.jpg has image id 1 and 4; keep one",
    ),
    "an annotation id twice": (
        lambda d: d["annotations"][7].update(id=d["annotations"][0]["id"]),
        r"annotation ids must differ, 1 stands on 000000000001\.jpg and 00000000000\d\.jpg; number",
    ),
    "the same annotation twice": (
        lambda d: d["annotations"].append(dict(d["annotations"][0])),
        r"annotation ids must differ, 1 stands on 000000000001\.jpg and 000000000001\.jpg; number",
    ),
    "an image that is gone": (lambda d: d["images"].pop(0), "image_id 1 is not among the images"),
}


@pytest.mark.parametrize(("change", "message"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_people_whose_photo_is_not_certain_are_refused(
    change: Change, message: str, base: Path, tmp_path: Path
) -> None:
    folder = changed(base, tmp_path / "set", change)
    with pytest.raises(ValueError, match=message):
        coco.load(folder)
    problems = check.check(coco.load(folder, strict=False)).problems
    assert any(re.search(message, problem) for problem in problems)
