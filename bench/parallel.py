"""People shared among processes: one interpreter in each, so that all cores are busy with inference."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from poseport import cascade
from poseport.data.people import Person
from poseport.predict import Variant, predict_variants
from poseport.tflite.runner import Pose, load

# people that a process is handed at a time: enough to keep it busy for a second, few enough for a bar that moves
_CHUNK = 64
_model: Pose | None = None


def predict(
    model: Pose,
    persons: Sequence[Person],
    variants: Sequence[Variant],
    processes: int,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Keypoints (V, N, K, 3), the same as in one process, in the order of `persons`.

    progress: called with the number of people just done, times the stages of a cascade.
    """
    chunks = [list(persons[i : i + _CHUNK]) for i in range(0, len(persons), _CHUNK)]
    how = model.path.absolute(), model.runner.threads, model.runner.delegate != "none"
    # started afresh: a fork would copy interpreter threads in whatever state they are
    context = multiprocessing.get_context("spawn")
    found = []
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=how) as pool:
        for chunk, keypoints in zip(chunks, pool.map(_work, chunks, [tuple(variants)] * len(chunks)), strict=True):
            found.append(keypoints)
            if progress is not None:
                progress(len(chunk) * (1 + len(model.later)))
    return np.concatenate(found, axis=1)


def _start(path: Path, threads: int, xnnpack: bool) -> None:
    global _model  # a process has one interpreter, however many chunks it is handed
    _model = load(path, threads, xnnpack=xnnpack)


def _work(persons: list[Person], variants: tuple[Variant, ...]) -> np.ndarray:
    assert _model is not None
    keypoints = predict_variants(_model, persons, variants)
    return cascade.refine(_model.later, persons, keypoints, variants)
