"""Keypoint sets: orders and constants as published, and mistakes in a user's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from poseport import records, skeleton, skeletons
from poseport.skeleton import Skeleton
from poseport.skeletons import COCO17, FLIC11, LSP14, MPII16
from poseport.wide_skeletons import BLAZEPOSE33, HALPE26, HAND21, WHOLEBODY133

ALL = tuple(skeletons.BUILT_IN.values())
# "skeleton" of the category in COCO's own annotation files, counted from 1
COCO_LIMBS = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
    (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip


def test_built_in_sets() -> None:
    assert {name: len(s) for name, s in skeletons.BUILT_IN.items()} == {
        "coco17": 17, "mpii16": 16, "lsp14": 14, "flic11": 11,
        "blazepose33": 33, "halpe26": 26, "wholebody133": 133, "hand21": 21,
    }  # fmt: skip


def test_coco_sigmas_are_those_of_pycocotools() -> None:
    np.testing.assert_allclose(COCO17.sigmas, Params("keypoints").kpt_oks_sigmas, rtol=0, atol=1e-12)


def test_coco_limbs_are_among_the_official_ones() -> None:
    official = {frozenset((a - 1, b - 1)) for a, b in COCO_LIMBS}
    ours = {frozenset(pair) for pair in COCO17.pair_indices(COCO17.limbs).tolist()}
    assert len(ours) == len(COCO17.limbs) == 16
    assert ours < official


@pytest.mark.parametrize(
    ("which", "flipped"),
    [
        (COCO17, [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]),
        (MPII16, [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10]),
        (LSP14, [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13]),
        (FLIC11, [3, 4, 5, 0, 1, 2, 7, 6, 9, 8, 10]),
    ],
    ids=lambda value: value.name if isinstance(value, Skeleton) else "",
)
def test_flip_index_of_the_published_orders(which: Skeleton, flipped: list[int]) -> None:
    assert which.flip_index.tolist() == flipped


@pytest.mark.parametrize("which", ALL, ids=lambda s: s.name)
def test_a_flip_swaps_exactly_left_and_right(which: Skeleton) -> None:
    for name, other in zip(which.names, which.flip_index, strict=True):
        if name.startswith("face_"):  # numbered along the contours of both sides
            continue
        swapped = name.replace("left_", "?").replace("right_", "left_").replace("?", "right_")
        assert which.names[other] == swapped


@pytest.mark.parametrize("which", ALL, ids=lambda s: s.name)
def test_mirrored_limbs_are_limbs(which: Skeleton) -> None:
    limbs = {frozenset(pair) for pair in which.pair_indices(which.limbs).tolist()}
    mirrored = {frozenset(int(which.flip_index[i]) for i in pair) for pair in limbs}
    assert mirrored == limbs
    used = {i for pair in limbs for i in pair}
    assert used == set(range(len(which)))


def test_what_sets_share_has_one_name_and_one_sigma() -> None:
    """So that people and networks of different sets can be compared on the keypoints that both have."""
    for wide in (HALPE26, WHOLEBODY133):
        assert wide.names[:17] == COCO17.names
        np.testing.assert_allclose(wide.sigmas[:17], COCO17.sigmas)
    shared = set(BLAZEPOSE33.names) & set(COCO17.names)
    assert shared == set(COCO17.names)
    assert all(BLAZEPOSE33.sigmas[BLAZEPOSE33.index(n)] == COCO17.sigmas[COCO17.index(n)] for n in shared)
    assert set(HALPE26.names) - set(COCO17.names) >= {"pelvis", "neck", "head_top"}
    assert WHOLEBODY133.names[91:112] == tuple(f"left_{name}" for name in HAND21.names)
    assert {which.body for which in (BLAZEPOSE33, HALPE26, WHOLEBODY133)} == {COCO17.body}


def test_orders_as_published() -> None:
    """A few positions of each list that the sources number."""
    # PoseLandmark of MediaPipe
    numbered = {
        7: "left_ear",
        9: "left_mouth",
        17: "left_pinky",
        22: "right_thumb",
        29: "left_heel",
        32: "right_foot_index",
    }
    assert all(BLAZEPOSE33.names[i] == name for i, name in numbered.items())
    # Halpe full body
    numbered = {16: "right_ankle", 17: "head_top", 18: "neck", 19: "pelvis", 20: "left_big_toe", 25: "right_heel"}
    assert all(HALPE26.names[i] == name for i, name in numbered.items())
    # COCO-WholeBody
    numbered = {17: "left_big_toe", 20: "right_big_toe", 23: "face_0", 91: "left_hand_root", 112: "right_hand_root"}
    assert all(WHOLEBODY133.names[i] == name for i, name in numbered.items())
    assert WHOLEBODY133.flip_index[[23, 40, 59, 83, 91, 132]].tolist() == [39, 49, 68, 87, 112, 111]
    assert HAND21.names[4] == "thumb4"
    assert HAND21.names[20] == "pinky_finger4"


def test_head_and_limbs_of_the_metrics() -> None:
    assert MPII16.head == LSP14.head == ("neck", "head_top")
    assert COCO17.head is None
    assert FLIC11.head is None
    assert len(COCO17.pcp_limbs) == len(LSP14.pcp_limbs) == len(MPII16.pcp_limbs) == 8
    assert len(FLIC11.pcp_limbs) == 4
    assert COCO17.pair_indices(COCO17.pcp_limbs[:2]).tolist() == [[5, 7], [7, 9]]
    assert COCO17.pair_indices(()).shape == (0, 2)


def test_body_is_shoulders_to_ankles() -> None:
    assert COCO17.body == COCO17.names[5:]
    assert len(LSP14.body) == 12
    assert len(FLIC11.body) == 8


def test_channels_by_name() -> None:
    assert COCO17.channels(("right_hip", "nose")).tolist() == [12, 0]
    with pytest.raises(ValueError, match="unknown keypoint 'tail'; skeleton 'flic11' has left_shoulder, left_elbow"):
        FLIC11.channels(("nose", "tail"))


def test_a_users_own_set_is_read_from_a_file(tmp_path: Path) -> None:
    dog = Skeleton("dog", ("nose", "left_paw", "right_paw"), (("left_paw", "right_paw"),), (), (0.1, 0.2, 0.3))
    path = tmp_path / "dog.json"
    records.write_json(dog, path)
    assert skeletons.find(str(path)) == dog
    assert skeletons.find("lsp14") is LSP14


def test_an_unknown_set_lists_the_built_in_ones_and_the_fields() -> None:
    with pytest.raises(ValueError, match=r"'coco18' is neither built in \(coco17, mpii16, .*hand21\) nor .*names"):
        skeletons.find("coco18")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ()}, "unique and not empty"),
        ({"names": ("a", "a", "c")}, "unique and not empty"),
        ({"sigmas": (0.1, 0.2)}, "2 sigmas for 3 keypoints"),
        ({"sigmas": (0.1, 0.2, 0.0)}, "above 0"),
        ({"limbs": (("a", "z"),)}, r"limbs holds \['a', 'z'\], expected two names out of \['a', 'b', 'c'\]"),
        ({"head": ("a", "z")}, "head holds"),
        ({"torso": ("z", "a")}, "torso holds"),
        ({"pcp_limbs": (("z", "a"),)}, "pcp_limbs holds"),
        ({"flip_pairs": (("a", "b"), ("b", "c"))}, "twice"),
        ({"flip_pairs": (("a", "a"),)}, "twice"),
    ],
)
def test_mistakes_in_a_set_are_named(changes: dict[str, Any], message: str) -> None:
    good = Skeleton("mine", ("a", "b", "c"), (("a", "b"),), (("a", "c"),), (0.1, 0.1, 0.2))
    with pytest.raises(ValueError, match=f"skeleton 'mine': .*{message}"):
        replace(good, **changes)


def test_keypoints_are_rearranged_by_name() -> None:
    points = np.arange(2 * 17 * 3).reshape(2, 17, 3) + 1.0
    found = skeleton.rearrange(points, COCO17, LSP14)
    assert found.shape == (2, 14, 3)
    np.testing.assert_array_equal(found[:, LSP14.index("left_knee")], points[:, COCO17.index("left_knee")])
    assert not found[:, LSP14.index("neck")].any()
    body = COCO17.channels(COCO17.body)
    np.testing.assert_array_equal(skeleton.rearrange(found, LSP14, COCO17)[:, body], points[:, body])
