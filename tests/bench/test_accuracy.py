"""A real file over real (drawn) people, and what is refused before it would mislead."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from poseport import pose
from poseport.bench import accuracy, boxes, rescore
from poseport.bench.cli import bench
from poseport.bench.decide.bootstrap import average_precision
from poseport.bench.record import Accuracy, Result
from poseport.data import coco
from poseport.data.images import read_image
from poseport.data.people import People, Person
from poseport.predict import Variant
from poseport.scoring.official import evaluate
from poseport.scoring.score import score
from poseport.skeleton import rearrange
from poseport.skeletons import COCO17, LSP14
from poseport.spec import Decode
from poseport.tflite import runner
from poseport.tflite.card import FineTuning


@pytest.fixture(scope="module")
def measured(tiny_models: dict[str, Path], people: People) -> Result:
    return accuracy.measure(runner.load(tiny_models["int8"]), people)[0]


def recorded(found: Result) -> Accuracy:
    assert isinstance(found.measured, Accuracy)
    return found.measured


def detected(path: Path, entries: object) -> Path:
    path.write_text(json.dumps(entries))
    return path


def test_every_person_is_in_the_record(measured: Result, people: People) -> None:
    m = recorded(measured)
    labelled = boxes.persons_with_labels(people)
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
    labelled = boxes.persons_with_labels(people)
    for i in (0, 17, len(labelled) - 1):
        image = read_image(labelled[i].image_path)
        [alone] = model(image, np.array([labelled[i].box_xywh]))
        np.testing.assert_allclose(np.reshape(recorded(measured).people[i].keypoints, (17, 3)), alone, atol=6e-4)


def test_memory_does_not_grow_with_the_people(people: People, tiny_models: dict[str, Path]) -> None:
    model, persons = runner.load(tiny_models["int8"]), boxes.persons_with_labels(people)

    def peak(some: list[Person]) -> int:
        tracemalloc.start()
        try:
            accuracy.predict(model, some)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(persons)  # what is loaded once
    more = peak(4 * persons) - peak(persons)
    assert more / (3 * len(persons)) < 5_000  # a crop alone has 12,288 bytes, a person's maps 17,408


def test_flip_and_a_part_of_the_keypoints(measured: Result, people: People, tiny_models: dict[str, Path]) -> None:
    seen: list[int] = []
    model = runner.load(tiny_models["int8"])
    m = recorded(
        accuracy.measure(model, people, only=COCO17.body, variants=[Variant(flip=True)], progress=seen.append)[0]
    )
    assert sum(seen) == m.data.people
    assert m.flip
    assert m.keypoints == COCO17.body
    assert len(m.people[0].errors_px) == 12
    assert len(m.people[0].keypoints) == 3 * 17
    assert m.people[0].keypoints != recorded(measured).people[0].keypoints


def test_flip_sees_a_mirrored_world_mirrored(tiny_models: dict[str, Path], people: People, tmp_path: Path) -> None:
    """Averaged with its mirror image, a network has no left and right of its own."""
    model = runner.load(tiny_models["float32"])
    persons = boxes.persons_with_labels(people)[:12]
    mirrored = []
    for person in persons:
        image = cv2.imread(str(person.image_path))
        path = tmp_path / f"{person.annotation_id}.png"
        cv2.imwrite(str(path), image[:, ::-1])
        x, y, w, h = person.box_xywh
        mirrored.append(replace(person, image_path=path, box_xywh=(image.shape[1] - x - w, y, w, h)))
    plain, other = (accuracy.predict(model, some, [Variant(flip=True)])[0] for some in (persons, mirrored))
    other = other[:, COCO17.flip_index]
    other[..., 0] = np.array([p.image_hw[1] - 1 for p in persons])[:, None] - other[..., 0]
    # a peak that hardly stands out may jump: the warp rounds
    apart = np.linalg.norm(plain[..., :2] - other[..., :2], axis=-1)
    assert np.median(apart) < 0.05
    unflipped = accuracy.predict(model, mirrored)[0][:, COCO17.flip_index]
    unflipped[..., 0] = np.array([p.image_hw[1] - 1 for p in persons])[:, None] - unflipped[..., 0]
    assert np.median(np.linalg.norm(plain[..., :2] - unflipped[..., :2], axis=-1)) > 1


def test_perfect_predictions_score_all(people: People) -> None:
    persons = boxes.persons_with_labels(people)
    keypoints = np.stack([p.keypoints for p in persons]).astype(float)
    found = accuracy.record(
        people, boxes.annotated(people), Variant(), keypoints, score(people, persons, keypoints), 1.0
    )
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
    by_name = recorded(accuracy.measure(model, others, only=LSP14.body)[0])
    same = recorded(accuracy.measure(model, people, only=LSP14.body)[0])
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
    m = recorded(accuracy.measure(runner.load(tiny_models["int8"]), people, boxes=boxes.detected(people, path))[0])
    assert m.boxes == "detections d.json"
    assert len(m.people) == len(half)
    assert sum(m.detections.ground_truths) == len(boxes.persons_with_labels(people))
    assert m.metrics["PCK@0.1/box"] is None
    assert {p.oks for p in m.people} == {None}
    [first, second] = m.people[0].box_xywh, half[0].box_xywh
    assert first == pytest.approx(second)


def test_the_score_of_a_box_ranks_the_poses(people: People) -> None:
    """Two poses of one person, one right: which the detector trusts more decides."""
    person = boxes.persons_with_labels(people)[0]
    right = person.keypoints.astype(float)
    wrong = right + np.array([500.0, 0.0, 0.0])
    alone = replace(people, persons=(person,))
    found = [replace(person, keypoints=np.zeros_like(right))] * 2
    values = [
        score(alone, found, np.stack([right, wrong]), box_scores=np.array(trust)).values["OKS-AP"]
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
        (None, "cannot be read (No such file or directory)"),
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


def test_boxes_that_were_moved_cost_accuracy_and_nothing_else(
    tiny_models: dict[str, Path], people: People, measured: Result
) -> None:
    """The labels and the size that errors are compared with stay the annotated ones."""
    moved = boxes.moved(people, 0.3)
    sides = np.array([[p.box_xywh for p in some] for some in (moved.cropped, moved.scored)])
    shares = np.abs(sides[0, :, :2] - sides[1, :, :2]) / sides[1, :, 2:]
    assert 0.2 < shares.max() <= 0.3
    m = recorded(accuracy.measure(runner.load(tiny_models["int8"]), people, boxes=moved)[0])
    assert m.boxes == "ground truth, edges moved up to 30 %, seed 0"
    assert m.people[0].box_xywh == pytest.approx(moved.cropped[0].box_xywh)
    labels = score(people, moved.scored, np.stack([p.keypoints for p in moved.scored]).astype(float))
    assert labels.values["PCK@0.05/box"] == 1.0
    assert m.conditions != recorded(measured).conditions
    for amount in (0.0, 0.5):
        with pytest.raises(ValueError, match="--jitter"):
            boxes.moved(people, amount)


def test_all_decoders_see_the_same_outputs(
    tiny_models: dict[str, Path], people: People, measured: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = runner.load(tiny_models["int8"])
    variants = accuracy.decoders(model.spec, "all")
    calls = []
    infer = runner.Network.infer
    monkeypatch.setattr(
        runner.Network, "infer", lambda self, tensors: calls.append(len(tensors)) or infer(self, tensors)
    )
    found = [recorded(one) for one in accuracy.measure(model, people, variants=variants)]
    assert sum(calls) == len(boxes.persons_with_labels(people))
    by_name = {m.decoder or "own": m for m in found}
    assert set(by_name) == {"own", "argmax", "quarter", "centroid", "seed"}  # its own is DARK
    assert by_name["own"].people == recorded(measured).people
    alone = replace(model.spec, output=replace(model.spec.output, decode=Decode("argmax")))
    person = boxes.persons_with_labels(people)[3]
    crops, matrices = pose.crops(alone, read_image(person.image_path), np.array([person.box_xywh]))
    [points] = pose.decode(alone, model.infer(model.prepare(crops)), matrices)
    np.testing.assert_allclose(np.reshape(by_name["argmax"].people[3].keypoints, (17, 3)), points, atol=6e-4)
    with pytest.raises(ValueError, match=r"'best' does not exist; choose own, all, or of argmax, quarter"):
        accuracy.decoders(model.spec, "argmax,best")


def test_several_processes_give_the_same(tiny_models: dict[str, Path], people: People, measured: Result) -> None:
    seen: list[int] = []
    model = runner.load(tiny_models["int8"])
    [found] = accuracy.measure(model, people, processes=2, progress=seen.append)
    assert recorded(found).people == recorded(measured).people
    assert sum(seen) == recorded(found).data.people


def test_predictions_are_scored_again_without_the_network(
    tiny_models: dict[str, Path], people: People, measured: Result
) -> None:
    same = recorded(rescore.rescore(measured, people))
    assert same.metrics == recorded(measured).metrics
    assert same.detections.matched == recorded(measured).detections.matched
    body = recorded(rescore.rescore(measured, people, COCO17.body))
    model = runner.load(tiny_models["int8"])
    assert body.metrics == recorded(accuracy.measure(model, people, only=COCO17.body)[0]).metrics
    points = np.reshape(recorded(measured).people[0].keypoints, (17, 3))
    mended = replace(people.persons[0], keypoints=np.column_stack([points[:, :2], np.full(17, 2.0)]))
    persons = (mended, *people.persons[1:])
    assert recorded(rescore.rescore(measured, replace(people, persons=persons))).people[0].oks == 1.0
    with pytest.raises(ValueError, match="1 of its 60 people are not in"):
        rescore.rescore(measured, replace(people, persons=people.persons[1:]))


def test_predictions_in_a_detectors_boxes_are_scored_again_too(
    tiny_models: dict[str, Path], people: People, tmp_path: Path
) -> None:
    entries = [
        {"image_id": p.image_id, "bbox": p.box_xywh, "score": 0.9 - 0.01 * i} for i, p in enumerate(people.persons[:40])
    ]
    path = detected(tmp_path / "d.json", entries)
    [found] = accuracy.measure(runner.load(tiny_models["int8"]), people, boxes=boxes.detected(people, path))
    assert recorded(found).data.people == len(boxes.persons_with_labels(people))
    again = recorded(rescore.rescore(found, people))
    assert again.metrics == recorded(found).metrics
    assert again.people == recorded(found).people
    assert rescore.coco_results(found)[1]["score"] == pytest.approx(
        0.89 * np.mean(recorded(found).people[1].keypoints[2::3]), abs=1e-5
    )
    elsewhere = tuple(p for p in people.persons if p.image_id != people.persons[0].image_id)
    with pytest.raises(ValueError, match="of its 40 people are not in"):
        rescore.rescore(found, replace(people, persons=elsewhere))
    older = [replace(p, box_score=None) for p in recorded(found).people]
    with pytest.raises(ValueError, match="measure anew"):
        rescore.rescore(replace(found, measured=replace(recorded(found), people=tuple(older))), people)


def test_predictions_are_kept_as_coco_reads_them(measured: Result, people: People) -> None:
    """pycocotools itself, on the file alone, gives the AP of the record."""
    found = rescore.coco_results(measured)
    truth = people.persons
    again = evaluate(
        [e["image_id"] for e in found], np.array([e["keypoints"] for e in found]).reshape(-1, 17, 3),
        np.array([e["score"] for e in found]), np.asarray(COCO17.sigmas), truth,
    )  # fmt: skip
    assert again.stats["AP"] == pytest.approx(recorded(measured).metrics["OKS-AP"], abs=2e-3)


def test_visible_and_hidden_keypoints_are_told_apart(people: People) -> None:
    persons = boxes.persons_with_labels(people)
    labels = np.stack([p.keypoints for p in persons]).astype(float)
    hidden = labels[..., 2] == 1
    assert hidden.any()
    values = score(people, persons, labels + np.where(hidden, 1e3, 0.0)[..., None]).values
    assert (values["PCK@0.1/box visible"], values["PCK@0.1/box hidden"]) == (1.0, 0.0)
    assert values["PCK@0.1/box"] == pytest.approx((labels[..., 2] == 2).sum() / (labels[..., 2] > 0).sum())


def test_the_command_writes_a_record_a_file(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    paths = [str(path) for path in tiny_models.values()]
    options = ["--data", str(drawn), "--keypoints", "body", "--out", str(tmp_path), "--json"]
    ran = CliRunner().invoke(bench, ["accuracy", *paths, *options])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)["results"]
    assert [f["model"] for f in found] == ["tiny.float32", "tiny.int8"]
    assert all(Path(f["file"]).is_file() and f["people"] == 60 for f in found)
    kept = tmp_path / "predictions" / Path(found[1]["file"]).name
    assert len(json.loads(kept.read_text())) == 60
    options = ["--data", str(drawn), "--keypoints", "left_wrist", "--out", str(tmp_path / "wrist"), "--json"]
    ran = CliRunner().invoke(bench, ["rescore", found[1]["file"], *options])
    assert ran.exit_code == 0, ran.output
    [wrist] = json.loads(ran.stdout)["results"]
    assert wrist["metrics"]["PCK@0.1/box"] != found[1]["metrics"]["PCK@0.1/box"]


def test_an_unknown_keypoint_lists_the_known_ones(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    options = ["--data", str(drawn), "--keypoints", "tail", "--out", str(tmp_path)]
    ran = CliRunner().invoke(bench, ["accuracy", str(tiny_models["int8"]), *options])
    assert ran.exit_code == 1
    assert "unknown keypoint 'tail'" in ran.output
    assert "left_wrist" in ran.output
