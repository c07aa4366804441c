"""Labels that cannot be right are named by their kind, and a set of them is refused; real sets are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import SHARED
from variants import Change, Data, annotations, both, changed, drawn_set, points

from poseport.data import check, coco
from poseport.data.wrong_labels import wrong_labels

REAL = SHARED / "data"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"real people are not part of the repository: no {REAL}")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("base") / "set", 40)


def corners(annotation: Data) -> None:
    x, y, w, h = annotation["bbox"]
    annotation["bbox"] = [x, y, x + w, y + h]


def in_shares(annotation: Data) -> None:
    """Photos of drawn people are 384x288."""
    x, y, w, h = annotation["bbox"]
    annotation.update(bbox=[x / 384, y / 288, w / 384, h / 288], area=w * h / (384 * 288))


SHARES = points(lambda p: [p[0] / 384, p[1] / 288, p[2]])
KINDS: dict[str, tuple[Change, str, str]] = {
    "corners": (annotations(corners), "box-corners", "x1 y1 x2 y2"),
    "all in shares": (both(annotations(in_shares), SHARES), "normalised", "0 to 1"),
    "only keypoints in shares": (SHARES, "normalised", "0 to 1"),
    "right of the image": (points(lambda p: [p[0] + 5000, p[1], p[2]]), "outside-image", "outside the image"),
    "above the image": (points(lambda p: [p[0], p[1] - 500, p[2]]), "outside-image", "outside the image"),
    "beside the box": (
        annotations(lambda a: a.update(bbox=[300 if a["bbox"][0] < 150 else 2, 2, 40, 40], area=900)),
        "outside-box",
        "outside the person's box",
    ),
    "the centre of the box": (
        annotations(lambda a: a.update(bbox=[a["bbox"][i] + a["bbox"][i + 2] / 2 for i in (0, 1)] + a["bbox"][2:])),
        "box-centre",
        "is its centre",
    ),
    "all in percent": (
        both(
            annotations(in_shares),
            annotations(lambda a: a.update(bbox=[100 * v for v in a["bbox"]], area=1e4 * a["area"])),
            points(lambda p: [p[0] / 3.84, p[1] / 2.88, p[2]]),
        ),
        "percent",
        "0 to 100",
    ),
    "missing at -1, -1": (points(lambda p: p if p[2] else [-1, -1, 2]), "corner", "-1, -1"),
    "missing at 0, 0": (points(lambda p: p if p[2] else [0, 0, 2]), "corner", "at 0, 0"),
    "all at 0, 0": (points(lambda p: [0, 0, 2]), "corner", "at 0, 0"),
    "all at 0, 0 and hidden": (points(lambda p: [0, 0, 1]), "corner", "at 0, 0"),
    "boxes of a pixel": (
        annotations(lambda a: a.update(bbox=[*a["bbox"][:2], 1, 1])),
        "tiny-box",
        "a box of less than 2 px",
    ),
    "areas of the photo": (annotations(lambda a: a.update(area=10 * 384 * 288)), "area", "far from that of the box"),
    "areas in shares of thousands": (annotations(lambda a: a.update(area=1.5)), "area", "far from that of the box"),
}


def on_one_spot(annotation: Data) -> None:
    x, y, w, h = annotation["bbox"]
    annotation["keypoints"] = [x + w // 2, y + h // 2, 2] * 17


KINDS["all on one spot"] = (annotations(on_one_spot), "same-spot", "on one spot")


@pytest.mark.parametrize(("change", "kind", "words"), KINDS.values(), ids=KINDS)
def test_each_kind_is_named_with_count_and_example(
    change: Change, kind: str, words: str, base: Path, tmp_path: Path
) -> None:
    folder = changed(base, tmp_path / "set", change)
    people = coco.load(folder, strict=False)
    found, share = wrong_labels(people)
    by_kind = {one.kind: one for one in found}
    assert by_kind[kind].people > 20
    assert share > 0.5
    checked = check.check(people)
    line = next(problem for problem in checked.problems if words in problem)
    assert line.startswith(f"{by_kind[kind].people} people with ")
    assert "for example annotation " in line
    assert checked.data()["wrong"][0]["example"].startswith("annotation ")
    with pytest.raises(ValueError, match=r"the labels of \d+ % of its people cannot be right .*`poseport data check "):
        coco.load(folder)


def test_some_wrong_people_are_listed_and_not_refused(base: Path, tmp_path: Path) -> None:
    def few(data: Data) -> None:
        for annotation in data["annotations"][:4]:
            corners(annotation)

    folder = changed(base, tmp_path / "set", few)
    assert len(coco.load(folder)) == 40
    (line,) = check.check(coco.load(folder, strict=False)).problems
    assert "x1 y1 x2 y2" in line


def test_drawn_people_have_none(base: Path) -> None:
    assert wrong_labels(coco.load(base)) == ([], 0.0)


def test_boxes_that_leave_the_image_are_none(base: Path, tmp_path: Path) -> None:
    """MPII's squares are much wider than a person."""

    def square(annotation: Data) -> None:
        x, y, w, h = annotation["bbox"]
        side = 1.5 * max(w, h)
        annotation.update(bbox=[x + (w - side) / 2, y + (h - side) / 2, side, side], area=0.4 * w * h)

    assert wrong_labels(coco.load(changed(base, tmp_path / "set", annotations(square))))[0] == []


@needs_real
@pytest.mark.parametrize("path", ["coco_mini", "coco_small", "lspet/person_keypoints_train.json"])
def test_real_sets_have_hardly_any(path: str) -> None:
    assert wrong_labels(coco.load(REAL / path))[1] < 0.002
