"""Predict in several processes, each with one interpreter, so that all cores run inference."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from poseport import cascade
from poseport.data.people import Person
from poseport.predict import Variant, predict_variants
from poseport.tflite.runner import Pose, load

# people per task: enough to keep a process busy for about a second, few enough to keep the progress bar moving
_CHUNK = 64
_model: Pose | None = None


def predict(
    model: Pose,
    persons: Sequence[Person],
    variants: Sequence[Variant],
    processes: int,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Predict keypoints in several processes, with the same result as in one.

    Args:
        model: The loaded file; each process loads it again.
        persons: N people to crop.
        variants: V ways to predict, for example with and without flip.
        processes: Number of processes.
        progress: Called with the number of people just done, times the stages of a cascade.

    Returns:
        (V, N, K, 3) x, y in image pixels and score, in the order of `persons`.

    Raises:
        ValueError: if an image cannot be read, or a process ends early.
    """
    chunks = [list(persons[i : i + _CHUNK]) for i in range(0, len(persons), _CHUNK)]
    load_arguments = model.path.absolute(), model.runner.threads, model.runner.delegate != "none"
    # spawn, because a fork would copy the interpreter's threads in an undefined state
    context = multiprocessing.get_context("spawn")
    predictions = []
    try:
        with ProcessPoolExecutor(processes, context, initializer=_start, initargs=load_arguments) as pool:
            with _without_main():
                found = pool.map(_work, chunks, [tuple(variants)] * len(chunks))
            for chunk, keypoints in zip(chunks, found, strict=True):
                predictions.append(keypoints)
                if progress is not None:
                    progress(len(chunk) * (1 + len(model.later)))
    except BrokenProcessPool:
        raise ValueError(
            f"{model.path}: one of the {processes} processes ended before its work was done; if memory is short, use "
            "fewer processes"
        ) from None
    return np.concatenate(predictions, axis=1)


@contextmanager
def _without_main() -> Iterator[None]:
    """Start processes that do not import the caller's main module.

    They need nothing of it, and a script without `if __name__ == "__main__"` would start itself again in each.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start(path: Path, threads: int, xnnpack: bool) -> None:
    global _model  # one interpreter per process, shared by all of its chunks
    _model = load(path, threads, xnnpack=xnnpack)


def _work(persons: list[Person], variants: tuple[Variant, ...]) -> np.ndarray:
    assert _model is not None
    keypoints = predict_variants(_model, persons, variants)
    return cascade.refine(_model.later, persons, keypoints, variants)
