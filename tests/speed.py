"""The toolkit's own speed, as ratios within one run: `make bench`.

A ratio compares what a user runs with a floor that does only what cannot be left out, on the same
machine in the same minute, so it means the same everywhere.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# the processes that make batches import `free_photos`, too
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))

import keras
import numpy as np
from free_photos import FreePhotos

from poseport import crop
from poseport.bench.measure import accuracy
from poseport.bundle import WEIGHTS, write_spec
from poseport.convert import recipes, to_tflite
from poseport.convert.request import Request
from poseport.data import coco
from poseport.data.drawn.synth import write_people
from poseport.data.images import read_image
from poseport.tflite.runner import load
from poseport.train import losses, optimizer, presets
from poseport.train.networks import models
from poseport.train.progress.callbacks import save_weights
from poseport.train.samples import sample
from poseport.train.samples.ahead import Ahead
from poseport.train.samples.augment import HEAVY, AugmentConfig, random_matrix
from poseport.train.samples.crop_batches import CropBatches
from poseport.train.samples.sample import CropSource
from poseport.train.samples.training_batches import TrainingBatches

THREADS = 2
ROUNDS = 5


def paired(slow: Callable[[], float], floor: Callable[[], float]) -> tuple[float, float, float]:
    """Median of slow's and floor's people/s over ROUNDS in turn, and the median of their ratios."""
    pairs = [(slow(), floor()) for _ in range(ROUNDS)]
    a, b = np.median(pairs, axis=0)
    return float(a), float(b), float(np.median([x / y for x, y in pairs]))


def rate(count: int, work: Callable[[], object]) -> float:
    """People a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def input_pipeline(people: coco.People, ranges: AugmentConfig) -> tuple[float, float, float]:
    """Batches of crops and targets, against decoding and warping alone on as many threads."""
    preset = presets.preset("mobile-hourglass")
    data = TrainingBatches(CropSource(preset.spec, people.persons, ranges), 32)
    count = len(data) * data.batch

    def floor_one(i: int) -> None:
        person = people.persons[i]
        matrix, _ = random_matrix(np.random.default_rng(i), preset.spec, person.box_xywh, ranges)
        crop.warp(read_image(person.image_path, person.image_hw), matrix, preset.spec.input_hw)

    with ThreadPoolExecutor(THREADS) as pool:
        return paired(
            lambda: rate(count, lambda: deque(map(data.__getitem__, range(len(data))), maxlen=0)),
            lambda: rate(count, lambda: deque(pool.map(floor_one, range(count)), maxlen=0)),
        )


def rest_of_the_pipeline(people: coco.People, ranges: AugmentConfig, processes: int) -> float:
    """People/s of the input pipeline where decoding and warping cost nothing: what a GPU would wait for at the end.

    Args:
        people: The people.
        ranges: Their augmentation.
        processes: Number of processes that make batches; 0: two threads, which share the interpreter's lock.
    """
    spec = presets.preset("mobile-hourglass").spec
    photo = read_image(people.persons[0].image_path)
    ready = crop.warp(photo, crop.crop_matrix(np.array(people.persons[0].box_xywh), spec.input_hw, 1.0), spec.input_hw)
    maker = FreePhotos(CropBatches(CropSource(spec, people.persons, ranges), 32), photo, ready)
    steps, numbers = maker.batches.steps, itertools.count()
    with (
        mock.patch.object(sample, "read_image", sample.read_image),  # in this process, as it was afterwards
        mock.patch.object(crop, "warp", crop.warp),
        closing(Ahead(maker, sys.maxsize, tuple, processes)) as batches,
    ):

        def epochs() -> None:
            deque(map(batches.__getitem__, itertools.islice(numbers, 4 * steps)), maxlen=0)

        epochs()
        return float(np.median([rate(4 * steps * 32, epochs) for _ in range(ROUNDS)]))


class Ready(keras.utils.PyDataset):
    """The same ready batch again and again."""

    def __init__(self, batch: tuple[np.ndarray, object], steps: int):
        super().__init__(workers=1)
        self.ready, self.steps = batch, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, object]:
        return self.ready


def training_step(people: coco.People) -> tuple[float, float, float]:
    """`fit` fed by OpenCV threads, against `fit` on a ready batch."""
    preset = presets.preset("mobile-hourglass")
    data = TrainingBatches(CropSource(preset.spec, people.persons, preset.train.augment), 32)
    model = models.build(preset.spec, keras)
    loss = losses.for_spec(preset.spec, preset.train.loss)
    model.compile(
        optimizer.make_optimizer(preset.train, optimizer.Rate(preset.train, data.steps)), loss, jit_compile=False
    )
    ready = Ready(data[0], len(data))
    model.fit(ready, verbose=0)
    count = len(data) * data.batch
    return paired(
        lambda: rate(count, lambda: model.fit(data, steps_per_epoch=data.steps, shuffle=False, verbose=0)),
        lambda: rate(count, lambda: model.fit(ready, steps_per_epoch=data.steps, shuffle=False, verbose=0)),
    )


def bench_accuracy(people: coco.People, model_path: Path) -> tuple[float, float, float]:
    """`bench accuracy` without its scoring, against the bare interpreter on ready tensors, one thread each."""
    model = load(model_path, threads=1)
    tensors = model.prepare(np.zeros((32, *model.spec.input_hw, 3), np.uint8))
    persons = list(people.persons)

    def bare() -> None:
        for tensor in itertools.islice(itertools.cycle(tensors), len(persons)):
            model.runner.invoke(tensor[None])

    return paired(
        lambda: rate(len(persons), lambda: accuracy.predict(model, persons)),
        lambda: rate(len(persons), bare),
    )


def help_seconds() -> float:
    """`poseport --help`, the fastest of five."""
    command = [str(Path(sys.executable).with_name("poseport")), "--help"]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Draw people, convert an untrained mobile hourglass, and print the ratios beside their targets."""
    with tempfile.TemporaryDirectory() as folder:
        people = coco.load(write_people(Path(folder) / "people", 512, 0))
        mobile = presets.preset("mobile-hourglass")
        spec = mobile.spec
        bundle = Path(folder) / "bundle"
        write_spec(bundle, spec)
        save_weights(models.build(spec, keras), bundle / WEIGHTS)
        path = Path(folder) / "m.int8.tflite"
        to_tflite.convert(Request(bundle, recipes.recipe("int8"), path, people, calib_count=16))
        fewer = replace(people, persons=people.persons[:192])
        free = [rest_of_the_pipeline(people, mobile.train.augment, processes) for processes in (0, THREADS)]
        rows = [
            ("input pipeline / decode + warp", *input_pipeline(people, mobile.train.augment), 0.80),
            ("the same, heavy augmentation", *input_pipeline(people, HEAVY), 0.85),
            ("step inside fit / on a ready batch", *training_step(fewer), 0.90),
            ("bench accuracy / bare interpreter", *bench_accuracy(people, path), 0.85),
        ]
    print(f"{'':<38}{'people/s':>10}{'floor':>10}{'ratio':>8}{'target':>8}")
    for name, fast, floor, ratio, target in rows:
        print(f"{name:<38}{fast:>10.0f}{floor:>10.0f}{ratio:>8.2f}{target:>8.2f}")
    for name, fast in zip(("2 threads", "2 processes"), free, strict=True):
        print(f"{f'input pipeline, photos free, {name}':<42}{fast:>6.0f}{'':>18}{10_000:>8}")
    print(f"{'poseport --help':<38}{help_seconds():>26.2f} s{0.30:>8.2f}")


if __name__ == "__main__":
    main()
