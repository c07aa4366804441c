"""One training run of a person detector, from photos to a bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle, pose
from poseport.data.images import read_image
from poseport.data.people import People
from poseport.files.one_writer import one_writer
from poseport.files.safe_path import read_file
from poseport.people import centers
from poseport.people.detector_spec import DetectorSpec
from poseport.records import write_json, write_whole
from poseport.scoring import boxes
from poseport.train import run_folder
from poseport.train.detector import network
from poseport.train.detector.loss import detector_loss
from poseport.train.detector.record import DetectorRecord, resumed
from poseport.train.detector.scene_batches import SceneBatches
from poseport.train.detector.scenes import Photo
from poseport.train.optimizer import Rate, averaged, make_optimizer
from poseport.train.progress.callbacks import save_state, save_weights
from poseport.train.samples.ahead import Ahead

_SCORE_FROM = 0.01
_MAX_LOG_BYTES = 2**20


@dataclass(frozen=True, eq=False)
class DetectorData:
    """The photos of a training.

    Attributes:
        photos: Photos to train on.
        val: People to score on; None keeps the last epoch's weights, otherwise those of the best AP50 are kept.
        processes: Number of processes that make batches; 0: two threads of this process.
    """

    photos: Sequence[Photo]
    val: People | None = None
    processes: int = 0


class Epoch(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of the batches that are being made ahead; Keras is told that there is one worker.

    Args:
        batches: The batches of all epochs.
        first: Number of the epoch's first batch.
        steps: Batches per epoch.
    """

    def __init__(self, batches: Ahead[tuple[np.ndarray, ...]], first: int, steps: int):
        super().__init__(workers=1)
        self._batches, self._first, self._steps = batches, first, steps

    def __len__(self) -> int:
        """Number of batches."""
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Batch number `index` of the epoch: inputs (N, H, W, 3) and targets (N, h, w, 7), float32."""
        return self._batches[self._first + index]


def fit(
    data: DetectorData,
    init: Path,
    input_hw: tuple[int, int],
    record: DetectorRecord,
    out: Path,
    *,
    resume: bool = False,
    echo: Callable[[str], None] = lambda line: None,
) -> DetectorRecord:
    """Train a detector and write its bundle.

    Args:
        data: Photos to train on, and people to score on.
        init: The bundle to begin from, see `network.begin`.
        input_hw: Height and width of the input in pixels.
        record: The settings and the data, for `train.json`.
        out: The run's folder, which becomes a bundle.
        resume: Continue after the last whole epoch.
        echo: Called with each line of progress.

    Returns:
        The contents of `train.json`.

    Raises:
        ValueError: If the bundle is unsuitable, `out` holds another run or none to resume, or a photo is damaged.
    """
    settings = record.train
    with one_writer(out):
        run_folder.check_folder(out, resume)
        if resume and (out / bundle.TRAIN).exists():
            record = resumed(out, record)
        keras.utils.set_random_seed(settings.seed)
        spec, model = network.begin(init, input_hw, keras)
        for layer in model.layers:
            if (number := layer.name.lstrip("abcdefghijklmnopqrstuvwxyz_")).isdigit():
                layer.trainable = int(number) > settings.freeze_first
        first = run_folder.epochs_kept(out)
        steps = settings.steps or max(len(data.photos) // settings.batch, 1)
        model.compile(make_optimizer(settings, Rate(settings, steps)), detector_loss)
        model.optimizer.build(model.trainable_variables)
        if (state := run_folder.state(out)) is not None:
            model.load_weights(state)
        record = replace(record, parameters=int(model.count_params()))
        bundle.write_spec(out, spec)
        write_json(record, out / bundle.TRAIN)
        maker = SceneBatches(data.photos, spec, settings.batch, steps, settings.scenes, settings.seed)
        with closing(Ahead(maker, settings.epochs * steps, tuple, data.processes)) as batches:
            for epoch in range(first, settings.epochs):
                began = time.perf_counter()
                with batches.own_errors():
                    history = model.fit(
                        Epoch(batches, epoch * steps, steps),
                        initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0,
                    )  # fmt: skip
                score = None
                if data.val is not None and ((epoch + 1) % settings.eval_every == 0 or epoch + 1 == settings.epochs):
                    with averaged(model):
                        score = evaluate(spec, model, data.val)
                record = _keep(out, model, record, epoch + 1, score, time.perf_counter() - began)
                line = f"epoch {epoch + 1}/{settings.epochs}: loss {history.history['loss'][-1]:.3f}"
                if score is not None:
                    line += f", AP50 {score.ap50:.3f}, recall {score.recall:.3f}, precision {score.precision:.3f}"
                echo(line)
                _log(out, epoch + 1, float(history.history["loss"][-1]), record.seconds, score)
        run_folder.keep_last(out)
        return record


def evaluate(spec: DetectorSpec, model: Any, val: People) -> boxes.BoxScore:
    """Score a Keras network on the photos of people.

    Args:
        spec: Its spec.
        model: The Keras model.
        val: The people.
    """
    found = {}
    lenient = replace(spec, threshold=_SCORE_FROM)
    for image_id, person in {p.image_id: p for p in val.persons}.items():
        picture, matrix = centers.letterbox(read_image(person.image_path, person.image_hw), spec.input_hw)
        output = np.asarray(model.predict_on_batch(pose.normalise(spec, picture[None])))[0]
        found[image_id] = centers.decode(lenient, output, matrix)
    score = boxes.evaluate(found, val.persons)
    sure = {i: (b[s >= spec.threshold], s[s >= spec.threshold]) for i, (b, s) in found.items()}
    at = boxes.evaluate(sure, val.persons)
    return replace(score, recall=at.recall, precision=at.precision)


def _keep(
    out: Path, model: Any, record: DetectorRecord, done: int, score: boxes.BoxScore | None, seconds: float
) -> DetectorRecord:
    """Write the state to resume from, the best weights and the record after an epoch."""
    record = replace(record, epochs_done=done, seconds=record.seconds + seconds)
    best = record.best
    if score is not None and (best is None or score.ap50 > best["AP50"]):
        values = {"AP50": score.ap50, "AP": score.ap, "recall": score.recall, "precision": score.precision}
        # without a sure box there is no precision
        known = {name: value for name, value in values.items() if np.isfinite(value)}
        record = replace(record, best={"epoch": float(done), **known})
    if record.val is None or record.best is not best:
        with averaged(model):
            save_weights(keras.Model(model.inputs, model.outputs), out / bundle.WEIGHTS)  # without the optimizer
    save_state(model, out, done)
    write_json(record, out / bundle.TRAIN)
    return record


def _log(out: Path, epoch: int, loss: float, seconds: float, score: boxes.BoxScore | None) -> None:
    path = out / bundle.LOG
    rows = (
        read_file(path, _MAX_LOG_BYTES).decode().splitlines()[:epoch]
        if path.exists()
        else ["epoch,loss,AP50,recall,precision,seconds"]
    )
    scores = "nan,nan,nan" if score is None else f"{score.ap50:.4f},{score.recall:.4f},{score.precision:.4f}"
    rows.append(f"{epoch},{loss:.7f},{scores},{seconds:.1f}")
    write_whole(path, ("\n".join(rows) + "\n").encode())
