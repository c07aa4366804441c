"""A real file over real (drawn) people, and what is refused before it would mislead."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from accuracy_records import recorded

from poseport import pose
from poseport.bench.measure import accuracy, boxes, checks
from poseport.bench.record import Result
from poseport.data import coco
from poseport.data.images import read_image
from poseport.data.people import People, Person
from poseport.predict import Variant
from poseport.skeleton import rearrange
from poseport.skeletons import COCO17, LSP14
from poseport.spec import Decode
from poseport.tflite import runner
from poseport.tflite.card import FineTuning


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
    # so many that the crops of the threads, whose number differs from run to run, do not count
    more = peak(12 * persons) - peak(persons)
    assert more / (11 * len(persons)) < 5_000  # a crop alone has 12,288 bytes, a person's maps 17,408


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


def test_people_who_settled_the_ranges_are_refused(tiny_models: dict[str, Path]) -> None:
    calibration = coco.load(tiny_models["int8"].parent / "calibration")
    with pytest.raises(ValueError, match=r"was calibrated or tuned on .*--exclude"):
        accuracy.measure(runner.load(tiny_models["int8"]), calibration)
    checks.refuse_overlap(runner.load(tiny_models["float32"]), calibration.persons)


def test_people_whom_the_network_learned_from_are_refused(tiny_models: dict[str, Path], people: People) -> None:
    model = runner.load(tiny_models["float32"])
    learned = FineTuning(people.sha256, len(people), epochs=1, learning_rate=1e-4, teacher=0.5, seed=0)
    model.card = replace(model.card, conversion=replace(model.card.conversion, finetuning=learned))
    with pytest.raises(ValueError, match=r"was trained on .*; score it on other people"):
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
    assert set(by_name) == {"own", "argmax", "quarter", "centroid", "oks", "seed"}  # its own is DARK
    assert by_name["own"].people == recorded(measured).people
    alone = replace(model.spec, output=replace(model.spec.output, decode=Decode("argmax")))
    person = boxes.persons_with_labels(people)[3]
    crops, matrices = pose.crops(alone, read_image(person.image_path), np.array([person.box_xywh]))
    [points] = pose.decode(alone, model.infer(model.prepare(crops)), matrices)
    np.testing.assert_allclose(np.reshape(by_name["argmax"].people[3].keypoints, (17, 3)), points, atol=6e-4)
    with pytest.raises(ValueError, match=r"'best' does not exist; choose own, all, or some of argmax, quarter"):
        accuracy.decoders(model.spec, "argmax,best")
