"""A real file over real (drawn) people, and what is refused before it would mislead."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from poseport import coco, runner
from poseport.bench import accuracy
from poseport.bench.cli import bench
from poseport.bench.result import Accuracy, Result
from poseport.bench.statistics import average_precision
from poseport.coco import People
from poseport.images import read_image
from poseport.score import score
from poseport.skeleton import COCO17, LSP14, rearrange
from poseport.spec import FineTuning


@pytest.fixture(scope="module")
def measured(tiny_models: dict[str, Path], people: People) -> Result:
    return accuracy.measure(runner.load(tiny_models["int8"]), people)


def recorded(found: Result) -> Accuracy:
    assert isinstance(found.measured, Accuracy)
    return found.measured


def detected(path: Path, entries: object) -> Path:
    path.write_text(json.dumps(entries))
    return path


def test_every_person_is_in_the_record(measured: Result, people: People) -> None:
    m = recorded(measured)
    labelled = accuracy.persons_with_labels(people)
    assert (m.data.people, m.data.file, m.data.sha256) == (len(labelled), people.path.name, people.sha256)
    assert [(p.image_id, p.annotation_id) for p in m.people] == [(p.image_id, p.annotation_id) for p in labelled]
    assert m.keypoints == COCO17.names
    assert m.boxes == "ground truth"
    assert not m.flip
    for sample, person in zip(m.people, labelled, strict=True):
        assert len(sample.keypoints) == 3 * 17
        assert [e is not None for e in sample.errors_px] == person.labelled.tolist()
        assert (Path(m.data.images_dir) / sample.file_name) == person.image_path
    assert m.metrics["OKS-AP"] is not None
    assert set(m.by_keypoint) >= {"PCK@0.1/box", "PCK@0.2/torso"}


def test_people_are_predicted_as_one_by_one(measured: Result, people: People, tiny_models: dict[str, Path]) -> None:
    """Batches, threads and their order change nothing: a script that calls the model gets the same."""
    model = runner.load(tiny_models["int8"])
    labelled = accuracy.persons_with_labels(people)
    for i in (0, 17, len(labelled) - 1):
        image = read_image(labelled[i].image_path)
        [alone] = model(image, np.array([labelled[i].box_xywh]))
        np.testing.assert_allclose(np.reshape(recorded(measured).people[i].keypoints, (17, 3)), alone, atol=6e-4)


def test_flip_and_a_part_of_the_keypoints(measured: Result, people: People, tiny_models: dict[str, Path]) -> None:
    seen: list[int] = []
    model = runner.load(tiny_models["int8"])
    m = recorded(accuracy.measure(model, people, only=COCO17.body, flip=True, progress=seen.append))
    assert sum(seen) == m.data.people
    assert m.flip
    assert m.keypoints == COCO17.body
    assert len(m.people[0].errors_px) == 12
    assert len(m.people[0].keypoints) == 3 * 17
    assert m.people[0].keypoints != recorded(measured).people[0].keypoints


def test_flip_sees_a_mirrored_world_mirrored(tiny_models: dict[str, Path], people: People, tmp_path: Path) -> None:
    """Averaged with its mirror image, a network has no left and right of its own."""
    model = runner.load(tiny_models["float32"])
    persons = accuracy.persons_with_labels(people)[:12]
    mirrored = []
    for person in persons:
        image = cv2.imread(str(person.image_path))
        path = tmp_path / f"{person.annotation_id}.png"
        cv2.imwrite(str(path), image[:, ::-1])
        x, y, w, h = person.box_xywh
        mirrored.append(replace(person, image_path=path, box_xywh=(image.shape[1] - x - w, y, w, h)))
    plain, other = (accuracy.predict(model, some, flip=True) for some in (persons, mirrored))
    other = other[:, COCO17.flip_index]
    other[..., 0] = np.array([p.image_hw[1] - 1 for p in persons])[:, None] - other[..., 0]
    # a peak that hardly stands out may jump: the warp rounds
    apart = np.linalg.norm(plain[..., :2] - other[..., :2], axis=-1)
    assert np.median(apart) < 0.05
    unflipped = accuracy.predict(model, mirrored)[:, COCO17.flip_index]
    unflipped[..., 0] = np.array([p.image_hw[1] - 1 for p in persons])[:, None] - unflipped[..., 0]
    assert np.median(np.linalg.norm(plain[..., :2] - unflipped[..., :2], axis=-1)) > 1


def test_perfect_predictions_score_all(people: People) -> None:
    persons = accuracy.persons_with_labels(people)
    keypoints = np.stack([p.keypoints for p in persons]).astype(float)
    found = accuracy._record(people, persons, keypoints, score(people, persons, keypoints), False, None, 1.0)
    assert found.metrics["OKS-AP"] == pytest.approx(1.0)
    assert found.metrics["PCK@0.05/box"] == 1.0
    assert {p.oks for p in found.people} == {1.0}
    assert {e for p in found.people for e in p.errors_px} == {0.0, None}
    assert average_precision(found.detections, np.ones(len(found.detections.image_ids)))[0] == pytest.approx(1.0)
    assert sum(found.detections.ground_truths) == len(persons)


def test_people_who_settled_the_ranges_are_refused(tiny_models: dict[str, Path]) -> None:
    calibration = coco.load(tiny_models["int8"].parent / "calibration")
    with pytest.raises(ValueError, match=r"settled its activation ranges.*--exclude"):
        accuracy.measure(runner.load(tiny_models["int8"]), calibration)
    accuracy.refuse_overlap(runner.load(tiny_models["float32"]), calibration.persons)


def test_people_whom_the_network_learned_from_are_refused(tiny_models: dict[str, Path], people: People) -> None:
    model = runner.load(tiny_models["float32"])
    learned = FineTuning(people.sha256, len(people), epochs=1, learning_rate=1e-4, teacher=0.5, seed=0)
    model.card = replace(model.card, conversion=replace(model.card.conversion, finetuning=learned))
    with pytest.raises(ValueError, match=r"was trained on .*; bench on other people"):
        accuracy.measure(model, people)


def test_people_with_other_keypoints_are_refused(tiny_models: dict[str, Path], people: People) -> None:
    model = runner.load(tiny_models["int8"])
    fourteen = tuple(replace(p, keypoints=rearrange(p.keypoints, COCO17, LSP14)) for p in people.persons)
    others = replace(people, persons=fourteen, skeleton=LSP14)
    with pytest.raises(ValueError, match=r"'coco17' without neck, head_top, .*'lsp14'; .*--keypoints body"):
        accuracy.measure(model, others)
    by_name = recorded(accuracy.measure(model, others, only=LSP14.body))
    same = recorded(accuracy.measure(model, people, only=LSP14.body))
    assert by_name.metrics["OKS-AP"] == pytest.approx(same.metrics["OKS-AP"])
    assert by_name.metrics["PCK@0.2/box"] == same.metrics["PCK@0.2/box"]
    assert by_name.metrics["PCP@0.5"] == same.metrics["PCP@0.5"]


def test_a_set_without_labels_is_refused(tiny_models: dict[str, Path], people: People) -> None:
    nobody = tuple(replace(p, keypoints=np.zeros((17, 3))) for p in people.persons)
    with pytest.raises(ValueError, match="nobody has a labelled keypoint"):
        accuracy.measure(runner.load(tiny_models["int8"]), replace(people, persons=nobody))


def test_boxes_of_a_detector(tiny_models: dict[str, Path], people: People, tmp_path: Path) -> None:
    """Who was not found counts as missed, and a box has no labels of its own to compare with."""
    half = people.persons[: len(people) // 2]
    entries = [{"image_id": p.image_id, "bbox": p.box_xywh, "score": 0.5 + 0.001 * i} for i, p in enumerate(half)]
    entries += [
        {"image_id": 10**6, "bbox": [0, 0, 9, 9], "score": 1.0},  # of no image of the set
        {"image_id": half[0].image_id, "bbox": [5, 5, 0, 9], "score": 1.0},  # of no area
    ]
    path = detected(tmp_path / "d.json", entries)
    m = recorded(accuracy.measure(runner.load(tiny_models["int8"]), people, detections=path))
    assert m.boxes == "detections d.json"
    assert len(m.people) == len(half)
    assert sum(m.detections.ground_truths) == len(accuracy.persons_with_labels(people))
    assert m.metrics["PCK@0.1/box"] is None
    assert {p.oks for p in m.people} == {None}
    [first, second] = m.people[0].box_xywh, half[0].box_xywh
    assert first == pytest.approx(second)


def test_the_score_of_a_box_ranks_the_poses(people: People) -> None:
    """Two poses of one person, one right: which the detector trusts more decides."""
    person = accuracy.persons_with_labels(people)[0]
    right = person.keypoints.astype(float)
    wrong = right + np.array([500.0, 0.0, 0.0])
    alone = replace(people, persons=(person,))
    boxes = [replace(person, keypoints=np.zeros_like(right))] * 2
    values = [
        score(alone, boxes, np.stack([right, wrong]), box_scores=np.array(trust)).values["OKS-AP"]
        for trust in ([0.9, 0.1], [0.1, 0.9])
    ]
    assert values == pytest.approx([1.0, 0.5], abs=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a COCO results file"),
        ('{"annotations": []}', "not a COCO results file"),
        ('[{"image_id": 1, "score": 1}]', "KeyError: 'bbox'"),
        ('[{"image_id": 1, "bbox": "none", "score": 1}]', "not a COCO results file"),
        ("[]", "no box of a usable size"),
        ('[{"image_id": -1, "bbox": [0, 0, 5, 5], "score": 1}]', "no box of a usable size"),
        (None, "not a COCO results file"),
    ],
)
def test_a_broken_detections_file_is_one_line(
    tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "d.json"
    if text is not None:
        path.write_text(text)
    out = tmp_path / "out"
    options = ["--data", str(drawn), "--detections", str(path), "--out", str(out)]
    ran = CliRunner().invoke(bench, ["accuracy", str(tiny_models["int8"]), *options])
    assert ran.exit_code == 1
    last = ran.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert "d.json" in last
    assert message in last
    assert "Traceback" not in ran.output
    assert not out.exists()


def test_the_command_writes_a_record_a_file(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    paths = [str(path) for path in tiny_models.values()]
    options = ["--data", str(drawn), "--keypoints", "body", "--out", str(tmp_path), "--json"]
    ran = CliRunner().invoke(bench, ["accuracy", *paths, *options])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)["results"]
    assert [f["model"] for f in found] == ["tiny.float32", "tiny.int8"]
    assert all(Path(f["file"]).is_file() and f["people"] == 60 for f in found)


def test_an_unknown_keypoint_lists_the_known_ones(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    options = ["--data", str(drawn), "--keypoints", "tail", "--out", str(tmp_path)]
    ran = CliRunner().invoke(bench, ["accuracy", str(tiny_models["int8"]), *options])
    assert ran.exit_code == 1
    assert "unknown keypoint 'tail'" in ran.output
    assert "left_wrist" in ran.output
