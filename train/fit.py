"""One training run: people -> a bundle."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from poseport import __version__, bundle
from poseport.coco import People
from poseport.options import progress
from poseport.records import read_json, write_json
from poseport.spec import PoseSpec
from poseport.train import config, curves, events, losses, models, refine
from poseport.train.backgrounds import Photo, digest, find_photos
from poseport.train.callbacks import RESUME, Keep, Progress, Reseed, Stop, Validate
from poseport.train.config import Precision, TrainConfig
from poseport.train.dataset import TrainingPeople
from poseport.train.finetune import Initial, copy_weights, freeze_trunk
from poseport.train.log import COLUMNS, SCORES, best_row, read_log, stalled, write_log
from poseport.train.optimizer import Rate, make_optimizer
from poseport.train.pictures import Pictures
from poseport.train.teacher import CACHE, Teacher


@dataclass(frozen=True)
class DataUsed:
    """file: name of the annotations. people: how many were used after filtering."""

    file: str
    sha256: str
    people: int


@dataclass(frozen=True)
class TrainRecord:
    """`train.json`: how a bundle came to be.

    initial: where its first weights came from, if from a bundle. best: scores of the epoch whose weights
    were kept.
    """

    train: TrainConfig
    data: DataUsed
    val: DataUsed | None
    versions: dict[str, str]
    parameters: int
    initial: Initial | None = None
    epochs_done: int = 0
    seconds: float = 0.0
    best: dict[str, float] | None = None
    backgrounds: str | None = None


class Interrupted(Exception):
    """Training was stopped by Ctrl-C; the message says what is kept and how to go on."""


@dataclass(frozen=True, eq=False)
class Part:
    """Epochs of a run that one optimizer trains, up to `last`: all of them, or those before or after the
    trunk is let go.
    """

    model: Any
    data: TrainingPeople
    rate: Rate
    last: int
    initial: Initial | None


def fit(
    spec: PoseSpec,
    settings: TrainConfig,
    people: People,
    val: People | None,
    out: Path,
    *,
    init: Path | None = None,
    previous: Path | None = None,
    resume: bool = False,
    pictures: int = 0,
    tensorboard: bool = False,
    echo: Callable[..., Any] | None = None,
    live: bool = False,
    teacher: Teacher | None = None,
    teacher_cache: Path | None = None,
    backgrounds: Path | None = None,
) -> TrainRecord:
    """Train and leave a bundle in `out`.

    val: people to score on (None: none are, and the last epoch's weights are kept). init: a bundle to
    take the first weights from. previous: the bundle whose keypoints a later stage of a cascade refines.
    resume: go on after the last whole epoch of the run in `out`. pictures: how many validation people are
    drawn after each scoring. echo: called with each line of progress. teacher: a trained network whose
    answers become part of the targets. teacher_cache: file of its keypoints (None: in `out`).
    backgrounds: folder of photos for crops without a person (None: free regions of the people's photos).
    Raises ValueError for settings that do not fit, a folder that holds another run, or nothing to
    resume; `Interrupted` on Ctrl-C.
    """
    refine.check(spec, previous)
    _check_folder(out, resume)  # before a teacher looks at people for minutes
    if teacher is not None:
        settings = replace(settings, teacher=teacher.config)
        people = _taught(teacher, spec, people, teacher_cache or out / CACHE, hidden=echo is None)
    train_people, val_people = chosen(spec, settings, people, val, init)
    if pictures and spec.refine is not None:
        raise ValueError(f"--pictures draws whole people, and {spec.name} sees a keypoint at a time; leave it away")
    if pictures and val_people is None:
        raise ValueError("--pictures draws validation people; give some with --val")
    photos = find_photos(backgrounds, people.persons, settings.augment.background)
    record = TrainRecord(
        settings,
        _used(train_people),
        _used(val_people) if val_people else None,
        versions(),
        parameters=0,
        backgrounds=digest(photos) if photos else None,
    )
    board = [events.Events(out / bundle.EVENTS)] if tensorboard else []
    if resume:
        record = _resumed(out, spec, record, init)
    samples = refine.samples(spec, previous, train_people, val_people, out) if previous is not None else None
    say = echo or (lambda *_, **__: None)
    try:
        while (first := _epochs_kept(out)) < settings.epochs and not _is_stalled(settings, out):
            # an uninterrupted run reads its state at the start of its second part too: so both are the same
            part = prepare(spec, settings, train_people, first, _state(out), init, teacher, photos, samples)
            record = replace(record, parameters=int(part.model.count_params()), initial=part.initial or record.initial)
            bundle.write_spec(out, spec)
            write_json(record, out / bundle.TRAIN)
            if part.initial is not None:
                say(str(part.initial))
            callbacks: list[Any] = [
                Reseed(settings.seed),
                Validate(
                    spec, val_people, settings.eval_every, settings.epochs, samples.val if samples is not None else None
                ),
                Keep(out, part.rate, max([row["seconds"] for row in read_log(out)], default=0.0)),
                Stop(out, settings.patience, settings.freeze_epochs),
                *board,
            ]
            if pictures and val_people is not None:
                callbacks.append(Pictures(spec, val_people, pictures, out, settings.eval_every, settings.epochs))
            if echo is not None:
                callbacks.append(Progress(settings.epochs, part.data.steps, first, echo, live))
            train(part, first, callbacks)
    except KeyboardInterrupt:
        if not (out / bundle.TRAIN).exists():
            raise  # before anything was written
        done = len(read_log(out))
        kept = f"{done} whole epochs are kept in {out}" if done else "no epoch was complete yet"
        raise Interrupted(f"interrupted: {kept}; the same command with --resume goes on from there") from None
    finally:
        if (out / bundle.TRAIN).exists():
            record = _finished(record, out)
            write_json(record, out / bundle.TRAIN)
            curves.write(out, say)
    for state in (out / RESUME).glob("epoch-*.weights.h5"):
        state.replace(out / bundle.LAST_WEIGHTS)
    shutil.rmtree(out / RESUME, ignore_errors=True)
    return record


def chosen(
    spec: PoseSpec, settings: TrainConfig, people: People, val: People | None, init: Path | None
) -> tuple[People, People | None]:
    """People to train on and to score on; ValueError when settings, network and people do not fit."""
    config.check(spec, settings)
    if settings.freeze_epochs and init is None:
        raise ValueError("--freeze-epochs holds the weights of another bundle still; name it with --init")
    if settings.patience and val is None:
        raise ValueError("--patience waits for better scores on validation people; give some with --val")
    visible = settings.require_all_visible
    chosen_val = val.for_training(1, require_all_visible=visible) if val is not None else None
    return people.for_training(settings.min_keypoints, require_all_visible=visible), chosen_val


def prepare(
    spec: PoseSpec,
    settings: TrainConfig,
    people: People,
    first: int = 0,
    state: Path | None = None,
    init: Path | None = None,
    teacher: Teacher | None = None,
    photos: Sequence[Photo] = (),
    samples: refine.Samples | None = None,
) -> Part:
    """Network, optimizer and batches from epoch `first` on.

    state: the resume file that the epochs before `first` left. init: a bundle to begin from without one.
    teacher: one that teaches by heatmaps looks at every crop. photos: for crops without a person.
    samples: of a later stage of a cascade, instead of people.
    """
    frozen = first < settings.freeze_epochs
    began, last = (0, settings.freeze_epochs) if frozen else (settings.freeze_epochs, settings.epochs)
    keras.utils.set_random_seed(settings.seed)
    with precision(settings.precision):
        model = models.build(spec, keras)
    initial = copy_weights(model, spec, init) if init is not None and state is None else None
    if frozen:
        freeze_trunk(model)
    outputs = len(model.outputs)
    data = TrainingPeople(
        spec,
        people.persons if samples is None else samples.persons,
        settings.augment,
        settings.batch,
        settings.seed,
        epochs=last,
        first_epoch=first,
        outputs=outputs,
        mix=teacher.mixer(spec) if teacher is not None else None,
        backgrounds=photos,
        draw=None if samples is None else samples.draw,
    )
    rate, loss = Rate(settings, data.steps, began), losses.for_spec(spec, settings.loss)
    if state is not None and first == began:
        model.load_weights(state)  # before there is an optimizer: the state's is that of the part before
    model.compile(
        optimizer=make_optimizer(settings, rate),
        loss=[loss] * outputs if outputs > 1 else loss,
        jit_compile=False,  # XLA on the CPU never came back from compiling these networks
    )
    if state is not None and first > began:
        model.optimizer.build(model.trainable_variables)
        model.load_weights(state)
    return Part(model, data, rate, last, initial)


def train(part: Part, first: int, callbacks: list[Any], steps: int | None = None) -> None:
    """Train the part's epochs from `first` on. steps: of an epoch, where it is not to be a whole one."""
    try:
        part.model.fit(
            part.data,
            epochs=part.last,
            initial_epoch=first,
            steps_per_epoch=steps or part.data.steps,
            shuffle=False,  # the data set has its own order, one that a resumed run repeats
            verbose=0,
            callbacks=callbacks,
        )
    finally:
        part.data.close()


@contextmanager
def precision(policy: Precision) -> Iterator[None]:
    """Layers that are made within it compute in this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def versions() -> dict[str, str]:
    """Versions of what made the weights."""
    names = ("keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"poseport": __version__, "python": platform.python_version(), **found}


def _used(people: People) -> DataUsed:
    return DataUsed(people.path.name, people.sha256, len(people))


def _state(out: Path) -> Path | None:
    """The resume file of the last whole epoch."""
    return max((out / RESUME).glob("epoch-*.weights.h5"), default=None)


def _epochs_kept(out: Path) -> int:
    state = _state(out)
    return int(state.name.split("-")[1].split(".")[0]) if state is not None else 0


def _is_stalled(settings: TrainConfig, out: Path) -> bool:
    return stalled(read_log(out), settings.patience, settings.freeze_epochs)


def _taught(teacher: Teacher, spec: PoseSpec, people: People, cache: Path, *, hidden: bool) -> People:
    """The people with the teacher's keypoints in their labels; as they are where it teaches by heatmaps."""
    teacher.check(spec)
    if teacher.config.targets != "keypoints":
        return people
    with progress("the teacher looks", len(people), hidden=hidden) as advance:
        return teacher.teach(people, teacher.find(people, cache, advance))


def _check_folder(out: Path, resume: bool) -> None:
    begun = (out / bundle.SPEC).exists() or _state(out) is not None
    if begun and not resume:
        raise ValueError(f"{out}: holds a run already; add --resume to continue it, or name another --out")
    if resume and not begun:
        raise ValueError(f"{out}: holds no run to resume; leave --resume away to start one")


def _resumed(out: Path, spec: PoseSpec, record: TrainRecord, init: Path | None) -> TrainRecord:
    """Check that a folder holds the begun run of this record, and cut its log back to what is kept."""
    old_spec, old = read_json(PoseSpec, out / bundle.SPEC), read_json(TrainRecord, out / bundle.TRAIN)
    digest = bundle.sha256(init / bundle.WEIGHTS) if init is not None else None
    if old_spec != spec or (old.train, old.data, old.backgrounds) != (record.train, record.data, record.backgrounds):
        differs = "other settings or other people"
    elif (old.initial.weights_sha256 if old.initial else None) != digest:
        differs = "another --init"
    elif _state(out) is None and (out / bundle.LAST_WEIGHTS).exists():
        raise ValueError(f"{out}: has finished after {old.epochs_done} epochs; nothing is left to resume")
    else:
        write_log(out, [row for row in read_log(out) if row["epoch"] <= _epochs_kept(out)])
        return replace(record, initial=old.initial)
    raise ValueError(
        f"{out}: was begun with {differs} than this command's; give the same ones "
        f"({out / bundle.TRAIN} lists them), or name another --out"
    )


def _finished(record: TrainRecord, out: Path) -> TrainRecord:
    rows = read_log(out)
    if not rows:
        return record
    best = best_row(rows)
    return replace(
        record,
        epochs_done=int(rows[-1]["epoch"]),
        seconds=rows[-1]["seconds"],
        best={name: best[name] for name in COLUMNS if name in (*SCORES, "epoch")} if best else None,
    )
