"""The official AP: that of pycocotools on files, and enough kept to compute it again."""

from __future__ import annotations

import contextlib
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poseport.data.people import Person
from poseport.scoring.official import STATS, CocoScore, evaluate
from poseport.skeletons import COCO17

SIGMAS = np.array(COCO17.sigmas)


def crowd_of(count: int, seed: int) -> list[Person]:
    """People of three to an image, of all sizes; some are crowds, some have no labels."""
    rng = np.random.default_rng(seed)
    persons = []
    for i in range(count):
        # from small (below COCO's 32^2) to large; those of an image overlap
        size = float(np.exp(rng.uniform(np.log(20), np.log(300))))
        corner = rng.uniform(0, 150, 2)
        points = np.column_stack([rng.uniform(0, 1, (17, 2)) * size + corner, rng.integers(0, 3, 17)])
        if i % 9 == 4:
            points[:] = 0
        points[points[:, 2] == 0] = 0
        box = (float(corner[0]), float(corner[1]), size, size)
        crowd = i % 11 == 7
        persons.append(Person(10 + i // 3, i, Path("unused.jpg"), (480, 640), box, points, 0.5 * size * size, crowd))
    return persons


def guesses(persons: list[Person], seed: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Noisy predictions, one a person, with some of nobody and some images over twenty: ids, keypoints, scores."""
    rng = np.random.default_rng(seed)
    ids, points = [], []
    for person in persons:
        noise = rng.choice([0.02, 0.1, 0.4]) * math.sqrt(person.area) * rng.normal(0, 1, (17, 2))
        ids.append(person.image_id)
        points.append(person.keypoints[:, :2] + noise)
    for image_id in [persons[0].image_id] * 25 + [persons[-1].image_id]:
        ids.append(image_id)
        points.append(rng.uniform(0, 300, (17, 2)))
    return ids, np.stack(points), rng.uniform(0, 1, len(ids)).round(2)


def pycocotools_on_files(
    folder: Path, persons: list[Person], ids: list[int], points: np.ndarray, scores: np.ndarray
) -> dict[str, float]:
    """As anybody runs it: an annotations file, a results file, `loadRes`."""
    truth = {
        "info": {},
        "images": [{"id": i, "width": 640, "height": 480} for i in sorted({p.image_id for p in persons})],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.names)}],
        "annotations": [
            {
                "id": number + 1, "image_id": p.image_id, "category_id": 1, "iscrowd": int(p.crowd), "area": p.area,
                "bbox": list(p.box_xywh), "keypoints": p.keypoints.ravel().tolist(), "num_keypoints": p.num_labelled,
            }
            for number, p in enumerate(persons)
        ],
    }  # fmt: skip
    flat = np.concatenate([points, np.ones((len(ids), 17, 1))], axis=2).reshape(len(ids), -1).tolist()
    results = [
        {"image_id": image_id, "category_id": 1, "score": float(score), "keypoints": keypoints}
        for image_id, keypoints, score in zip(ids, flat, scores, strict=True)
    ]
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "results.json").write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        api = COCO(str(folder / "truth.json"))
        run = COCOeval(api, api.loadRes(str(folder / "results.json")), "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(STATS, run.stats.tolist(), strict=True))


def ap_from_matches(score: CocoScore) -> float:
    """Area under the interpolated precision at 101 recalls, over the ten thresholds."""
    order = np.argsort(-score.scores, kind="stable")
    total = score.ground_truths.sum()
    means = []
    for matched, ignored in zip(score.matched[:, order], score.ignored[:, order], strict=True):
        hit = matched[~ignored]
        true, false = np.cumsum(hit), np.cumsum(~hit)
        recall, precision = true / total, true / np.maximum(true + false, 1)
        best_beyond = np.maximum.accumulate(precision[::-1])[::-1]
        levels = np.linspace(0, 1, 101)
        reached = np.searchsorted(recall, levels, side="left")
        means.append(np.mean([best_beyond[i] if i < len(best_beyond) else 0.0 for i in reached]))
    return float(np.mean(means))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ap_is_that_of_pycocotools_on_files(seed: int, tmp_path: Path) -> None:
    persons = crowd_of(60, seed)
    assert any(p.crowd for p in persons)
    assert any(p.num_labelled == 0 for p in persons)
    ids, points, scores = guesses(persons, seed)
    ours = evaluate(ids, points, scores, SIGMAS, persons).stats
    theirs = pycocotools_on_files(tmp_path, persons, ids, points, scores)
    assert 0.05 < theirs["AP"] < 0.95
    assert min(theirs.values()) > -1
    for name in STATS:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-6), name


@pytest.mark.parametrize("seed", [3, 4])
def test_what_is_kept_is_enough_to_compute_ap_again(seed: int) -> None:
    persons = crowd_of(60, seed)
    score = evaluate(*guesses(persons, seed), SIGMAS, persons)
    assert ap_from_matches(score) == pytest.approx(score.stats["AP"], abs=1e-6)
    assert score.image_ids == tuple(sorted({p.image_id for p in persons}))
    counted = [sum(p.image_id == i and not p.crowd and p.num_labelled > 0 for p in persons) for i in score.image_ids]
    assert score.ground_truths.tolist() == counted
    assert score.matched.shape == score.ignored.shape == (10, len(score.scores))
    np.testing.assert_allclose(score.thresholds, np.arange(0.5, 0.96, 0.05))
    # 28 guesses for the first image, of which COCO takes the best 20
    assert np.count_nonzero(score.detection_image == 0) == 20


def test_perfect_predictions_give_1_whatever_the_annotation_ids() -> None:
    # COCOeval takes a match with annotation id 0 for none
    persons = [replace(p, annotation_id=0) for p in crowd_of(12, 5) if not p.crowd and p.num_labelled]
    points = np.stack([p.keypoints for p in persons])
    score = evaluate([p.image_id for p in persons], points, np.ones(len(persons)), SIGMAS, persons)
    assert score.stats["AP"] == pytest.approx(1.0)
    assert score.stats["AR"] == pytest.approx(1.0)
    assert score.matched.all()
    assert not score.ignored.any()


def test_only_some_keypoints_can_be_scored() -> None:
    persons = [p for p in crowd_of(12, 6) if not p.crowd and (p.keypoints[5:, 2] > 0).any()]
    points = np.stack([p.keypoints for p in persons])[..., :2].copy()
    points[:, :5] += 1000
    ids, scores = [p.image_id for p in persons], np.ones(len(persons))
    body = np.arange(5, 17)
    assert evaluate(ids, points, scores, SIGMAS, persons, body).stats["AP"] == pytest.approx(1.0)
    assert evaluate(ids, points, scores, SIGMAS, persons).stats["AP"] < 0.5


def test_the_skeletons_own_sigmas_are_used() -> None:
    persons = [p for p in crowd_of(30, 7) if not p.crowd and p.num_labelled]
    ids, points, scores = guesses(persons, 7)
    strict, loose = (evaluate(ids, points, scores, factor * SIGMAS, persons).stats["AP"] for factor in (0.3, 3.0))
    assert strict < evaluate(ids, points, scores, SIGMAS, persons).stats["AP"] < loose


def test_predictions_of_other_images_do_not_count() -> None:
    persons = [p for p in crowd_of(9, 8) if not p.crowd and p.num_labelled]
    points = np.stack([p.keypoints for p in persons])
    ids, scores = [p.image_id for p in persons], np.full(len(persons), 0.5)
    more = evaluate([*ids, 999], np.concatenate([points, points[:1]]), np.append(scores, 0.9), SIGMAS, persons)
    assert more.stats["AP"] == pytest.approx(1.0)
    assert len(more.scores) == len(persons)


def test_nobody_of_a_size_is_nan_and_no_predictions_are_0() -> None:
    persons = [replace(p, area=50.0**2) for p in crowd_of(9, 9) if not p.crowd and p.num_labelled]
    points = np.stack([p.keypoints for p in persons])
    stats = evaluate([p.image_id for p in persons], points, np.ones(len(persons)), SIGMAS, persons).stats
    assert stats["AP_medium"] == pytest.approx(1.0)
    assert math.isnan(stats["AP_large"])
    none = evaluate([], np.zeros((0, 17, 3)), np.zeros(0), SIGMAS, persons)
    assert none.stats["AP"] == 0.0
    assert none.matched.shape == (10, 0)


def test_a_network_that_answers_nan_does_not_score() -> None:
    # COCOeval asks whether a similarity is too low, which NaN never is: it would match everybody
    persons = [p for p in crowd_of(12, 10) if not p.crowd and p.num_labelled]
    ids, scores = [p.image_id for p in persons], np.ones(len(persons))
    points = np.full((len(persons), 17, 2), np.nan)
    assert evaluate(ids, points, scores, SIGMAS, persons).stats["AP"] == 0.0
    points[:] = 1e4
    points[:, 0] = np.nan
    assert evaluate(ids, points, scores, SIGMAS, persons).stats["AP"] == 0.0


def test_arguments_are_not_modified() -> None:
    persons = crowd_of(9, 11)
    ids, points, scores = guesses(persons, 11)
    before, labels = points.copy(), [p.keypoints.copy() for p in persons]
    evaluate(ids, points, scores, SIGMAS, persons)
    np.testing.assert_array_equal(points, before)
    for person, kept in zip(persons, labels, strict=True):
        np.testing.assert_array_equal(person.keypoints, kept)
