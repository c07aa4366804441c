"""One training run of a person detector, from photos to a bundle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from poseport import bundle, pose
from poseport.data.images import read_image
from poseport.data.people import People
from poseport.files.one_writer import one_writer
from poseport.files.safe_path import read_file
from poseport.people import centers
from poseport.people.detector_spec import DetectorSpec
from poseport.records import read_json, write_json, write_whole
from poseport.scoring import boxes
from poseport.train import run_folder
from poseport.train.detector import network, targets
from poseport.train.detector.loss import detector_loss
from poseport.train.detector.scenes import Photo, SceneConfig, draw
from poseport.train.optimizer import Rate, averaged, make_optimizer
from poseport.train.progress.callbacks import save_state, save_weights
from poseport.train.record import DataUsed, used, versions

_SCORE_FROM = 0.01
_MAX_LOG_BYTES = 2**20


@dataclass(frozen=True)
class DetectorTraining:
    """How a detector is trained; the fields of `TrainConfig` that it has mean the same.

    Attributes:
        epochs: Number of epochs.
        steps: Batches per epoch; 0 takes as many as there are photos.
        batch: Pictures per step.
        freeze_first: The first nodes whose weights stay as they are.
        scenes: How training pictures are drawn.
    """

    epochs: int = 24
    steps: int = 0
    batch: int = 32
    learning_rate: float = 8e-4
    optimizer: Literal["adam"] = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Literal["cosine"] = "cosine"
    warmup: float = 1.0
    drop_at: tuple[int, ...] = ()
    clip_norm: float = 5.0
    ema: float = 0.998
    freeze_first: int = 20
    eval_every: int = 4
    seed: int = 0
    scenes: SceneConfig = field(default_factory=SceneConfig)


@dataclass(frozen=True)
class DetectorRecord:
    """`train.json` of a detector: how its bundle was made; fields mean what they mean in `TrainRecord`."""

    train: DetectorTraining
    data: DataUsed
    val: DataUsed | None
    versions: dict[str, str]
    init: str
    init_sha256: str
    teacher: str | None = None
    parameters: int = 0
    epochs_done: int = 0
    seconds: float = 0.0
    best: dict[str, float] | None = None


class Pictures(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of one epoch; each depends on seed, epoch and position alone."""

    def __init__(self, photos: list[Photo], spec: DetectorSpec, settings: DetectorTraining, epoch: int):
        super().__init__()
        self.photos, self.spec, self.settings, self.epoch = photos, spec, settings, epoch

    def __len__(self) -> int:
        """Number of batches."""
        return self.settings.steps or max(len(self.photos) // self.settings.batch, 1)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch number `index`: inputs (N, H, W, 3) and targets (N, h, w, 7), float32."""
        rng = np.random.default_rng([self.settings.seed, self.epoch, index])
        hw, (h, w, _) = self.spec.input_hw, self.spec.output_shape
        pictures, wanted = [], []
        for _ in range(self.settings.batch):
            picture, people, counts = draw(rng, self.photos, hw, self.settings.scenes)
            pictures.append(picture)
            wanted.append(targets.encode(people, counts, self.spec.stride, (h, w)))
        return pose.normalise(self.spec, np.stack(pictures)), np.stack(wanted)


def fit(
    photos: list[Photo],
    val: People | None,
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
        photos: Photos to train on.
        val: People to score on; None keeps the last epoch's weights, otherwise those of the best AP50 are kept.
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
            record = _resumed(out, record)
        keras.utils.set_random_seed(settings.seed)
        spec, model = network.begin(init, input_hw, keras)
        for layer in model.layers:
            if (number := layer.name.lstrip("abcdefghijklmnopqrstuvwxyz_")).isdigit():
                layer.trainable = int(number) > settings.freeze_first
        first = run_folder.epochs_kept(out)
        steps = len(Pictures(photos, spec, settings, first))
        model.compile(make_optimizer(settings, Rate(settings, steps)), detector_loss)
        model.optimizer.build(model.trainable_variables)
        if (state := run_folder.state(out)) is not None:
            model.load_weights(state)
        record = replace(record, parameters=int(model.count_params()))
        bundle.write_spec(out, spec)
        write_json(record, out / bundle.TRAIN)
        for epoch in range(first, settings.epochs):
            began = time.perf_counter()
            data = Pictures(photos, spec, settings, epoch)
            history = model.fit(data, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0)
            score = None
            if val is not None and ((epoch + 1) % settings.eval_every == 0 or epoch + 1 == settings.epochs):
                with averaged(model):
                    score = evaluate(spec, model, val)
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


def _resumed(out: Path, new: DetectorRecord) -> DetectorRecord:
    old = read_json(DetectorRecord, out / bundle.TRAIN)
    if (old.train, old.data, old.init_sha256, old.teacher) != (new.train, new.data, new.init_sha256, new.teacher):
        raise ValueError(
            f"{out}: was started with other settings, people, --init or --teacher than this command's; give the same "
            f"ones ({out / bundle.TRAIN} lists them), or name another --out"
        )
    if run_folder.state(out) is None and (out / bundle.LAST_WEIGHTS).exists():
        raise ValueError(f"{out}: has finished after {old.epochs_done} epochs; nothing is left to resume")
    return old


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


def new_record(
    settings: DetectorTraining, people: People, val: People | None, init: Path, teacher: Path | None
) -> DetectorRecord:
    """Make the record of a run that has not begun.

    Args:
        settings: Settings of the training.
        people: People to train on.
        val: People to score on.
        init: The bundle to begin from.
        teacher: The teacher's file.
    """
    return DetectorRecord(
        settings, used(people), used(val) if val else None, versions(), init.name, bundle.weights_sha256(init),
        None if teacher is None else bundle.sha256(teacher),
    )  # fmt: skip
