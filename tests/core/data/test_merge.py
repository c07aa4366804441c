"""Several sets become one: keypoints by name, shares per epoch, ids that stay apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from variants import Data, changed, drawn_set

from poseport import skeletons
from poseport.command.options import load_sets
from poseport.data import coco
from poseport.data.merge import merge, parse_shares
from poseport.data.people import People
from poseport.skeletons import COCO17, LSP14


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("base") / "set")


@pytest.fixture(scope="module")
def lsp(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same people in Leeds Sports Pose's keypoints, whose neck and head top are not labelled here."""

    def relabel(data: Data) -> None:
        data["categories"][0]["keypoints"] = list(LSP14.names)
        for annotation in data["annotations"]:
            points = np.array(annotation["keypoints"]).reshape(17, 3)
            by_name = dict(zip(COCO17.names, points.tolist(), strict=True))
            annotation["keypoints"] = [v for name in LSP14.names for v in by_name.get(name, [0, 0, 0])]

    return changed(base, tmp_path_factory.mktemp("lsp") / "set", relabel)


@pytest.fixture(scope="module")
def both(base: Path, lsp: Path) -> list[People]:
    return [coco.load(base), coco.load(lsp)]


def test_keypoints_are_matched_by_name_and_the_others_are_unlabelled(both: list[People]) -> None:
    merged = merge(both)
    assert merged.skeleton is COCO17
    first, second = merged.persons[:8], merged.persons[8:]
    face, body = slice(0, 5), slice(5, 17)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.keypoints[body], b.keypoints[body])
        assert not b.keypoints[face].any()
        assert a.image_path.read_bytes() == b.image_path.read_bytes()
    as_lsp = merge(both, skeleton=LSP14)
    assert [p.keypoints.shape for p in as_lsp.persons] == 16 * [(14, 3)]
    np.testing.assert_array_equal(as_lsp.persons[3].keypoints, as_lsp.persons[11].keypoints)


def test_ids_of_different_files_stay_apart(both: list[People]) -> None:
    merged = merge(both)
    assert len({p.annotation_id for p in merged.persons}) == 16
    assert [p.image_id for p in merged.persons[8:]] == [10 + p.image_id for p in both[1].persons]


def test_shares_say_how_often_people_appear(both: list[People]) -> None:
    merged = merge(both, (2, 0.5))
    own = [p.annotation_id for p in both[0].persons]
    assert [p.annotation_id for p in merged.persons[:16]] == [i for i in own for _ in range(2)]
    assert [p.annotation_id for p in merged.persons[16:]] == [12, 14, 16, 18]
    assert [(s.path, s.share, count) for s, count in merged.by_source()] == [
        (both[0].path, 2, 16),
        (both[1].path, 0.5, 4),
    ]
    assert merged.sha256 != merge(both).sha256
    assert sum(count for _, count in merged.for_training().by_source()) == len(merged.for_training())


def test_one_set_with_a_share(both: list[People]) -> None:
    assert merge(both[:1]) is both[0]
    assert len(merge(both[:1], (3,))) == 24


def test_shares_that_do_not_fit(both: list[People]) -> None:
    for shares in ((1,), (1, 2, 3), (1, 0), (1, -2), (1, float("nan")), (1, float("inf"))):
        with pytest.raises(ValueError, match="for 2 sets; expected a number above 0 for each, such as 2,1"):
            merge(both, shares)
    with pytest.raises(ValueError, match=r"share 0\.1 of its 8 people is nobody"):
        merge(both, (1, 0.1))
    with pytest.raises(ValueError, match="shares '2;1': expected numbers such as 2,1"):
        parse_shares("2;1")
    assert parse_shares(None) == ()


def test_sets_as_the_command_line_names_them(base: Path, lsp: Path) -> None:
    assert load_sets((base,), (), None).sources == ()
    people = load_sets((base, lsp), (base / "images", lsp / "images"), "1,2")
    assert [len(people), len(people.sources)] == [24, 2]
    assert load_sets((base, lsp), (), None, "lsp14").skeleton is LSP14
    with pytest.raises(ValueError, match="1 folders of images for 2 sets; name one for each, or none"):
        load_sets((base, lsp), (base / "images",), None)


def test_a_set_with_keypoints_of_its_own_is_known_by_the_skeleton_that_is_named(base: Path, tmp_path: Path) -> None:
    mine = {"schema": 1, "name": "face", "names": ["nose", "chin"], "flip_pairs": [], "limbs": [], "sigmas": [0.1, 0.1]}
    (tmp_path / "face.json").write_text(json.dumps(mine))

    def own(data: Data) -> None:
        data["categories"] = [
            {"id": 2, "name": "dog", "keypoints": ["paw"]},
            {"id": 1, "name": "person", "keypoints": ["Chin", "Nose"]},
        ]
        for annotation in data["annotations"]:
            annotation["keypoints"] = [*annotation["keypoints"][3:6], *annotation["keypoints"][:3]]

    faces = changed(base, tmp_path / "faces", own)
    for sets in ((base, faces), (faces, base)):
        people = load_sets(sets, (), None, str(tmp_path / "face.json"))
        assert people.skeleton.names == ("nose", "chin")
        assert [count for _, count in people.by_source()] == [8, 8]
        of_base, of_faces = (people.persons[:8], people.persons[8:])[:: 1 if sets[0] is base else -1]
        for a, b in zip(of_base, of_faces, strict=True):
            np.testing.assert_array_equal(a.keypoints[0], b.keypoints[0])
            assert not a.keypoints[1].any()

    network = (skeletons.find(str(tmp_path / "face.json")),)  # as `convert` knows it from the bundle
    assert load_sets((faces,), (), None, more_skeletons=network).skeleton.name == "face"
    assert len(load_sets((faces, faces), (), "1,2", more_skeletons=network)) == 24


def test_negative_ids_stay_apart(base: Path, tmp_path: Path) -> None:
    def negative(data: Data) -> None:
        for entry in (*data["images"], *data["annotations"]):
            entry["id"] = -entry["id"]
        for annotation in data["annotations"]:
            annotation["image_id"] = -annotation["image_id"]

    merged = merge([coco.load(base), coco.load(changed(base, tmp_path / "set", negative))])
    assert len({p.annotation_id for p in merged.persons}) == 16
    assert not {p.image_id for p in merged.persons[:8]} & {p.image_id for p in merged.persons[8:]}


def test_a_set_of_other_keypoints_is_refused(base: Path, both: list[People], tmp_path: Path) -> None:
    mine = {"schema": 1, "name": "paw", "names": ["paw"], "flip_pairs": [], "limbs": [], "sigmas": [0.1]}
    (tmp_path / "paw.json").write_text(json.dumps(mine))
    with pytest.raises(ValueError, match=r"its keypoints \(nose, .*\) are not those of skeleton 'paw'"):
        load_sets((base, base), (), None, str(tmp_path / "paw.json"))
