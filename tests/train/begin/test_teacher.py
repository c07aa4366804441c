"""Teachers: what they find is mixed with labels by name, kept in a file, and survives every interruption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from teachers import CONFIG, SPEC, one_person

from poseport import heatmap
from poseport.architecture import DeepPoseArchitecture
from poseport.data import coco
from poseport.data.images import read_image
from poseport.skeleton import Skeleton, rearrange
from poseport.skeletons import COCO17, LSP14
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.tflite import runner
from poseport.train.begin import teacher
from poseport.train.begin.teacher import Teacher

GAUSSIAN = replace(SPEC, output=HeatmapOutput())


def silent(crops: np.ndarray) -> np.ndarray:
    raise AssertionError("the teacher was asked")


def test_labels_move_towards_a_teacher_that_is_sure_and_near(people: coco.People) -> None:
    labels, found = np.zeros((17, 3)), np.zeros((1, 17, 3), np.float32)
    labels[:4] = (10, 20, 1)
    found[0, :6] = (14, 28, 0.9)
    found[0, 1, 2] = 0.2  # not sure
    found[0, 2, :2] = (10, 31)  # sure, and more than a tenth of the box's 100 pixels away
    found[0, 5, 2] = 0.2
    asked = Teacher(replace(CONFIG, weight=0.25), SPEC, silent)
    [taught] = asked.teach(one_person(people, labels), found).persons
    assert taught.keypoints[0].tolist() == [11, 22, 1]
    assert taught.keypoints[1].tolist() == [10, 20, 1]
    assert taught.keypoints[2].tolist() == [10, 20, 1]
    assert taught.keypoints[3].tolist() == [11, 22, 1]
    assert taught.keypoints[4].tolist() == [14, 28, 2]  # no label: the teacher alone
    assert not taught.keypoints[5:].any()
    assert labels[0].tolist() == [10, 20, 1]


def test_somebody_without_labels_is_trained_on_what_the_teacher_finds(people: coco.People) -> None:
    found = np.zeros((1, 17, 3), np.float32)
    found[0, :5] = (14, 28, 0.9)
    nobody = one_person(people, np.zeros((17, 3)))
    asked = Teacher(CONFIG, SPEC, silent)
    assert len(asked.teach(nobody, found).for_training(5)) == 1
    with pytest.raises(ValueError, match="none of 1 people has 6"):
        asked.teach(nobody, found).for_training(6)


def test_it_finds_what_the_file_finds_by_name_and_is_asked_once(
    people: coco.People, tiny: Teacher, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    fourteen = tuple(replace(p, keypoints=rearrange(p.keypoints, COCO17, LSP14)) for p in people.persons[:5])
    crowd = replace(fourteen[1], crowd=True)
    line = replace(fourteen[2], box_xywh=(3.0, 4.0, 0.0, 9.0))
    others = replace(people, persons=(fourteen[0], crowd, line, *fourteen[3:]), skeleton=LSP14)
    done: list[int] = []
    found = tiny.find(others, tmp_path / "run" / "c.npz", done.append)
    assert found.shape == (5, 14, 3)
    assert sum(done) == 5
    model, person = runner.load(tiny_models["float32"]), others.persons[3]
    alone = model(read_image(person.image_path), np.array([person.box_xywh]))
    np.testing.assert_allclose(found[3], rearrange(alone, COCO17, LSP14)[0], rtol=1e-5, atol=1e-4)
    assert found[3, LSP14.index("left_wrist"), 2] > 0
    assert not found[:, LSP14.channels(("neck", "head_top"))].any()
    assert not found[1:3].any()
    again = replace(tiny, network=silent).find(others, tmp_path / "run" / "c.npz")
    np.testing.assert_array_equal(again, found)


def test_flip_averages_with_the_mirrored_crops(people: coco.People, tiny: Teacher, tmp_path: Path) -> None:
    few = replace(people, persons=people.persons[:3])
    both = replace(tiny, config=replace(tiny.config, flip=True))
    plain = tiny.find(few, tmp_path / "plain.npz")
    assert np.abs(plain - both.find(few, tmp_path / "both.npz")).max() > 1e-3
    with pytest.raises(ValueError, match=r"plain\.npz: holds keypoints of another teacher or of other people"):
        both.find(few, tmp_path / "plain.npz")


def test_an_interrupted_look_goes_on(
    people: coco.People, tiny: Teacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher, "_CHUNK", 16)
    asked = 0

    def stop(after: int) -> Callable[[np.ndarray], np.ndarray]:
        def network(crops: np.ndarray) -> np.ndarray:
            nonlocal asked
            if asked >= after:
                raise KeyboardInterrupt
            asked += len(crops)
            return tiny.network(crops)

        return network

    with pytest.raises(KeyboardInterrupt):
        replace(tiny, network=stop(after=32)).find(people, tmp_path / "c.npz")
    done: list[int] = []
    found = replace(tiny, network=stop(after=10**6)).find(people, tmp_path / "c.npz", done.append)
    assert done[0] == 32
    assert asked == len(people) == sum(done)
    np.testing.assert_array_equal(found, tiny.find(people, tmp_path / "whole.npz"))
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


def test_a_cache_of_others_or_a_broken_one_is_refused(people: coco.People, tiny: Teacher, tmp_path: Path) -> None:
    few, path = replace(people, persons=people.persons[:2]), tmp_path / "c.npz"
    tiny.find(few, path)
    for asked, others in (
        (tiny, replace(few, sha256="1" * 64)),
        (replace(tiny, config=replace(tiny.config, sha256="1" * 64)), few),
        (tiny, replace(people, persons=people.persons[:3])),
    ):
        with pytest.raises(ValueError, match=r"c\.npz: holds keypoints of another teacher.*remove it.*--teacher-cache"):
            asked.find(others, path)
    for spoilt in (path.read_bytes()[:-40], b"", b"text"):
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match=r"c\.npz: is not a cache of a teacher's keypoints.*remove it"):
            tiny.find(few, path)


def maps_of(spec: PoseSpec, x: float, height: float) -> np.ndarray:
    """What a network says that puts every keypoint at (x, 30) input pixels with this peak."""
    assert isinstance(spec.output, HeatmapOutput)
    return height * heatmap.encode(np.tile([x, 30.0], (17, 1)), spec.heatmap_hw, 4, spec.output.sigma)[None]


def test_maps_are_mixed_and_teach_alone_where_there_is_no_label() -> None:
    label = maps_of(GAUSSIAN, 10.0, 1.0)
    label[..., 1:3] = np.nan
    said = maps_of(GAUSSIAN, 40.0, 0.8)
    said[..., 2:4] *= 0.1
    targets = label.copy()
    Teacher(replace(CONFIG, weight=0.25), GAUSSIAN, lambda crops: said).mix_maps(GAUSSIAN, np.zeros(0), targets)
    np.testing.assert_allclose(targets[..., 0], 0.75 * label[..., 0] + 0.25 * said[..., 0], atol=1e-6)
    np.testing.assert_allclose(targets[..., 1], said[..., 1], atol=1e-6)
    assert np.isnan(targets[..., 2]).all()  # no label, and the teacher is not sure
    np.testing.assert_array_equal(targets[..., 3], label[..., 3])


def test_a_distribution_is_mixed_with_the_mass_of_the_label() -> None:
    """A teacher with wider Gaussians must not outweigh the label for being wider."""
    label = maps_of(SPEC, 20.0, 1.0)
    for wide in (SPEC, replace(SPEC, output=HeatmapOutput(sigma=2.5, values="logits"))):
        logits = np.log(maps_of(wide, 40.0, 1.0) + 1e-30)
        targets = label.copy()
        Teacher(CONFIG, wide, lambda crops, said=logits: said).mix_maps(SPEC, np.zeros(0), targets)
        assert (targets - label / 2).sum() == pytest.approx(label.sum() / 2, rel=0.02)


@pytest.mark.parametrize(
    ("targets", "student", "message"),
    [
        ("heatmaps", replace(SPEC, input_hw=(96, 64)), r"heatmaps of the same size: use --teacher-targets keypoints"),
        (
            "heatmaps",
            PoseSpec("d", DeepPoseArchitecture(), COCO17, (64, 64), CoordsOutput()),
            r"d has coords \(17,",
        ),
        (
            "heatmaps",
            replace(SPEC, skeleton=replace(COCO17, names=("tail", *COCO17.names[1:]), limbs=(), torso=None)),
            r"its skeleton 'coco17' is not 'coco17'; heatmaps can only be taught by those of the same keypoints",
        ),
        (
            "keypoints",
            replace(SPEC, skeleton=Skeleton("fish", ("tail",), (), (), (0.1,))),
            r"none of its keypoints is one of tail",
        ),
    ],
)
def test_who_cannot_be_taught_is_told_why(targets: Any, student: PoseSpec, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Teacher(replace(CONFIG, targets=targets), SPEC, silent).check(student)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"weight": 1.5}, {"threshold": 0.0}, {"agree": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        replace(CONFIG, **wrong)


def test_a_cascade_in_a_file_does_not_teach(tiny_cascades):
    with pytest.raises(ValueError, match="is a cascade, whose later stages cannot teach"):
        teacher.load(tiny_cascades["float32"])
