"""Records with figures that mean something: the labels of drawn people, with noise, scored as predictions are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from poseport.bench.measure import accuracy, boxes, describe, latency
from poseport.bench.record import Result
from poseport.data import coco
from poseport.data.people import People
from poseport.predict import Variant
from poseport.scoring.score import score
from poseport.tflite import runner


def noisy(people: People, shared: float, own: float, seed: int) -> np.ndarray:
    """(N, K, 3) predictions: labels moved by noise that all predictions share, and by noise of their own,
    both in parts of the person's size."""
    persons = boxes.persons_with_labels(people)
    size = np.sqrt([p.area for p in persons])[:, None, None]
    out = np.stack([p.keypoints for p in persons]).astype(float)
    common, private = np.random.default_rng(99), np.random.default_rng(seed)
    shape = (*out.shape[:2], 2)
    # some people are harder than others
    hard = common.lognormal(0.0, 0.6, (len(persons), 1, 1))
    out[..., :2] += size * (shared * hard * common.normal(size=shape) + own * private.normal(size=shape))
    out[..., 2] = common.uniform(0.3, 0.9, out.shape[:2])
    return out


@pytest.fixture(scope="session")
def people(drawn: Path) -> People:
    return coco.load(drawn)


@pytest.fixture(scope="session")
def scored(people: People, tiny_models: dict[str, Path]) -> Callable[..., Result]:
    """Makes the accuracy record of a file, as if it had predicted the labels with noise."""

    def make(
        recipe: str, *, own: float = 0.0, shared: float = 0.06, seed: int = 0, only: tuple[str, ...] = ()
    ) -> Result:
        model = runner.load(tiny_models[recipe])
        keypoints = noisy(people, shared, own, seed)
        persons = boxes.persons_with_labels(people)
        found = score(people, persons, keypoints, only)
        record = accuracy.record(people, boxes.annotated(people), Variant(), keypoints, found, 10.0)
        return Result(describe.model_info(model), describe.host(model), record)

    return make


@pytest.fixture(scope="session")
def records(scored: Callable[..., Result], tiny_models: dict[str, Path]) -> list[Result]:
    """A float32 file and a worse int8 one, scored and timed with one and two threads."""
    timed = [latency.measure(path, threads, runs=20) for path in tiny_models.values() for threads in (1, 2)]
    return [scored("float32"), scored("int8", own=0.05, seed=1), *timed]


@pytest.fixture(scope="module")
def measured(tiny_models: dict[str, Path], people: People) -> Result:
    return accuracy.measure(runner.load(tiny_models["int8"]), people)[0]
