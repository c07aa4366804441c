"""Metrics against numbers worked out by hand, and OKS against pycocotools."""

from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poseport.scoring import metrics
from poseport.skeleton import Skeleton
from poseport.skeletons import COCO17, LSP14, MPII16

NAN = float("nan")
TRIO = Skeleton("trio", ("a", "b", "c"), (), (), (0.05, 0.1, 0.2), torso=("a", "b"), head=("b", "c"))


def labelled(skeleton: Skeleton, **points: tuple[float, float]) -> np.ndarray:
    """(1, K, 3): the named points labelled, every other not."""
    out = np.zeros((1, len(skeleton), 3))
    for name, xy in points.items():
        out[0, skeleton.index(name)] = (*xy, 2)
    return out


# --- averages


def test_rates_leave_out_what_is_not_scored() -> None:
    hits = np.array([[1, 0, NAN], [1, NAN, NAN]])
    assert metrics.rate(hits) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(metrics.rate_by_column(hits), [1.0, 0.0, NAN])
    assert math.isnan(metrics.rate(np.full((2, 2), NAN)))


def test_distances_by_hand() -> None:
    labels = np.array([[[0, 0, 2], [10, 10, 1], [7, 7, 0]]], float)
    predicted = np.array([[[3, 4, 0.9], [10, 10, 0.9], [7, 7, 0.9]]])
    np.testing.assert_array_equal(metrics.distances(predicted, labels), [[5.0, 0.0, NAN]])


# --- OKS


def test_oks_by_hand() -> None:
    # a: (2 x 0.05)^2 = 0.01, area 100: error d^2 / 0.01 / 100 / 2 = d^2 / 2, so d^2 = 2 gives e^-1
    labels = np.array([[[10, 10, 2], [50, 50, 1], [0, 0, 0]]], float)
    predicted = np.array([[[11, 11], [50, 50], [999, 999]]], float)
    found = metrics.oks(predicted, labels, np.array([100.0]), np.array(TRIO.sigmas))
    assert found[0] == pytest.approx((math.exp(-1) + 1) / 2, abs=1e-12)
    # four times the area: a quarter of the exponent
    larger = metrics.oks(predicted, labels, np.array([400.0]), np.array(TRIO.sigmas))
    assert larger[0] == pytest.approx((math.exp(-0.25) + 1) / 2, abs=1e-12)


def test_oks_of_a_person_without_labels_is_not_scored() -> None:
    labels = np.zeros((2, 3, 3))
    labels[1, 0] = 5, 5, 2
    found = metrics.oks(labels, labels, np.array([9.0, 9.0]), np.array(TRIO.sigmas))
    assert math.isnan(found[0])
    assert found[1] == 1.0


def test_oks_is_that_of_pycocotools() -> None:
    rng = np.random.default_rng(0)
    count = 40
    labels = np.concatenate([rng.uniform(0, 200, (count, 17, 2)), rng.integers(0, 3, (count, 17, 1))], axis=2)
    labels[:, 0, 2] = 2
    areas = rng.uniform(200, 20000, count)
    predicted = labels[..., :2] + rng.normal(0, 1, (count, 17, 2)) * rng.uniform(0, 30, (count, 1, 1))
    base = {"images": [{"id": i} for i in range(count)], "categories": [{"id": 1}]}
    truth, found = COCO(), COCO()
    truth.dataset = {**base, "annotations": [
        {"id": i + 1, "image_id": i, "category_id": 1, "iscrowd": 0, "area": areas[i], "bbox": [0, 0, 200, 200],
         "keypoints": labels[i].ravel().tolist(), "num_keypoints": int((labels[i, :, 2] > 0).sum())}
        for i in range(count)
    ]}  # fmt: skip
    found.dataset = {**base, "annotations": [
        {"id": i + 1, "image_id": i, "category_id": 1, "score": 1.0, "area": 1.0, "bbox": [0, 0, 1, 1], "iscrowd": 0,
         "keypoints": np.column_stack([predicted[i], np.ones(17)]).ravel().tolist()}
        for i in range(count)
    ]}  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        found.createIndex()
        run = COCOeval(truth, found, "keypoints")
        run._prepare()
        official = np.array([run.computeOks(i, 1)[0, 0] for i in range(count)])
    ours = metrics.oks(predicted, labels, areas, np.array(COCO17.sigmas))
    assert 0.05 < official.mean() < 0.95
    np.testing.assert_allclose(ours, official, rtol=0, atol=1e-9)


# --- PCK


def test_pck_of_the_torso_by_hand() -> None:
    # left shoulder (0, 0), right hip (30, 40): torso 50, at 0.2 within 10 px
    labels = labelled(COCO17, left_shoulder=(0, 0), right_hip=(30, 40), nose=(100, 0), left_wrist=(100, 50))
    sizes = metrics.torso_sizes(labels, COCO17)
    assert sizes.tolist() == [50.0]
    predicted = labels[..., :2].copy()
    predicted[0, COCO17.index("nose")] += (6, 8)  # 10 px: just within
    predicted[0, COCO17.index("left_wrist")] += (6, 8.1)
    predicted[0, COCO17.index("right_ankle")] += 500  # not labelled
    hits = metrics.pck(predicted, labels, sizes, 0.2)
    scored = np.flatnonzero(np.isfinite(hits[0]))
    assert [COCO17.names[k] for k in scored] == ["nose", "left_shoulder", "left_wrist", "right_hip"]
    assert hits[0, scored].tolist() == [1, 1, 0, 1]
    assert metrics.rate(hits) == 0.75


def test_nobody_is_scored_by_a_torso_that_is_not_labelled() -> None:
    labels = labelled(COCO17, left_shoulder=(0, 0), nose=(5, 5))
    sizes = metrics.torso_sizes(labels, COCO17)
    assert np.isnan(sizes).all()
    assert np.isnan(metrics.pck(labels, labels, sizes, 0.2)).all()
    # a torso of no length would make every threshold 0
    assert np.isnan(metrics.torso_sizes(labelled(COCO17, left_shoulder=(4, 4), right_hip=(4, 4)), COCO17)).all()


def test_pck_of_the_box_by_hand() -> None:
    sizes = metrics.box_sizes(np.array([[5, 5, 30, 100], [0, 0, 80, 20]]))
    assert sizes.tolist() == [100.0, 80.0]
    labels = np.tile(labelled(COCO17, nose=(50, 50)), (2, 1, 1))
    predicted = labels[..., :2] + np.array([4.5, 0])  # 4.5 px: within 0.05 x 100, beyond 0.05 x 80
    hits = metrics.pck(predicted, labels, sizes, 0.05)
    assert hits[:, 0].tolist() == [1.0, 0.0]
    assert np.isnan(hits[:, 1:]).all()


@pytest.mark.parametrize("skeleton", [MPII16, LSP14], ids=lambda s: s.name)
def test_pckh_by_hand(skeleton: Skeleton) -> None:
    # head segment 20 px, at 0.5 within 10
    labels = labelled(skeleton, neck=(40, 60), head_top=(40, 40), left_wrist=(0, 0), right_wrist=(80, 0))
    sizes = metrics.head_sizes(labels, skeleton)
    assert sizes.tolist() == [20.0]
    predicted = labels[..., :2].copy()
    predicted[0, skeleton.index("left_wrist")] = 0, 10
    predicted[0, skeleton.index("right_wrist")] = 80, 10.5
    hits = metrics.pck(predicted, labels, sizes, 0.5)
    assert hits[0, skeleton.index("left_wrist")] == 1
    assert hits[0, skeleton.index("right_wrist")] == 0
    assert metrics.rate(hits) == 0.75


def test_a_set_without_head_has_no_pckh() -> None:
    assert np.isnan(metrics.head_sizes(np.ones((3, 17, 3)), COCO17)).all()


# --- PCP


def test_pcp_by_hand() -> None:
    # limb a-b 20 px: both ends within 10; limb b-c 6 px: both within 3
    labels = np.array([[[0, 0, 2], [20, 0, 2], [20, 6, 1]]], float)
    limbs = np.array([[0, 1], [1, 2]])
    predicted = labels[..., :2].copy()
    assert metrics.pcp(predicted, labels, limbs).tolist() == [[1.0, 1.0]]
    predicted[0, 1] = 24, 0  # 4 px: enough for the long limb, not for the short one
    assert metrics.pcp(predicted, labels, limbs).tolist() == [[1.0, 0.0]]
    predicted[0, 0] = 0, 10.5  # one end is enough to miss
    assert metrics.pcp(predicted, labels, limbs).tolist() == [[0.0, 0.0]]
    assert metrics.pcp(predicted, labels, limbs, threshold=0.6).tolist() == [[1.0, 0.0]]


def test_pcp_scores_no_limb_with_an_unlabelled_end() -> None:
    labels = np.array([[[0, 0, 2], [20, 0, 2], [20, 6, 0]]], float)
    np.testing.assert_array_equal(metrics.pcp(labels, labels, np.array([[0, 1], [1, 2]])), [[1.0, NAN]])


# --- a network that breaks down


def test_a_prediction_of_nan_is_a_miss() -> None:
    # if NaN counted as "not scored", a network that answers NaN on every hard keypoint would look perfect
    labels = labelled(TRIO, a=(0, 0), b=(30, 40), c=(30, 60))
    predicted = labels[..., :2].copy()
    predicted[0, 0] = NAN
    assert metrics.pck(predicted, labels, np.array([50.0]), 0.2).tolist() == [[0.0, 1.0, 1.0]]
    assert metrics.pcp(predicted, labels, np.array([[0, 1], [1, 2]])).tolist() == [[0.0, 1.0]]
    found = metrics.oks(predicted, labels, np.array([100.0]), np.array(TRIO.sigmas))
    assert found[0] == pytest.approx(2 / 3)


# --- the published variant


def one_person() -> tuple[np.ndarray, np.ndarray]:
    """Labels of one person, and a prediction that equals them."""
    labels = labelled(COCO17, left_hip=(120, 200), right_hip=(70, 200), nose=(95, 100))
    return labels, labels[..., :2].copy()


def test_arguments_are_not_modified() -> None:
    labels, predicted = one_person()
    kept, before = labels.copy(), predicted.copy()
    metrics.oks(predicted, labels, np.array([4.0]), np.array(COCO17.sigmas))
    metrics.pck(predicted, labels, metrics.torso_sizes(labels, COCO17), 0.2)
    metrics.pcp(predicted, labels, COCO17.pair_indices(COCO17.pcp_limbs))
    np.testing.assert_array_equal(labels, kept)
    np.testing.assert_array_equal(predicted, before)
