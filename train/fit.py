"""One training run: people -> a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle, pose
from poseport.data.people import People
from poseport.records import write_json
from poseport.spec import PoseSpec
from poseport.train import config, losses, run_folder
from poseport.train.begin.finetune import Initial, copy_weights, freeze_trunk
from poseport.train.begin.teacher import CACHE, Teacher, taught
from poseport.train.begin.transplant import transplant
from poseport.train.config import Precision, TrainConfig
from poseport.train.networks import models
from poseport.train.optimizer import Rate, make_optimizer
from poseport.train.progress import curves, tensorboard_events
from poseport.train.progress.callbacks import Keep, Progress, Reseed, Stop, Validate
from poseport.train.progress.log_csv import read_log
from poseport.train.progress.pictures import Pictures
from poseport.train.record import TrainRecord, new_record
from poseport.train.samples import cascade_samples
from poseport.train.samples.backgrounds import Photo, digest, find_photos
from poseport.train.samples.dataset import TrainingPeople
from poseport.train.workers.team import ALONE, Team, only_alone


class Interrupted(Exception):
    """Training was stopped by Ctrl-C; the message says what is kept and how to go on."""


@dataclass(frozen=True, eq=False)
class Part:
    """Epochs of a run that one optimizer trains, up to `last`: all of them, or those before or after the
    trunk is let go.

    copy: the network that the chief scores and keeps, `model` itself where one worker trains alone.
    """

    team: Team
    model: Any
    copy: Any
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
    team: Team = ALONE,
) -> TrainRecord:
    """Train and leave a bundle in `out`.

    val: people to score on (None: none are, and the last epoch's weights are kept). init: a bundle, or a
    .tflite file, to take the first weights from. previous: the bundle whose keypoints a later stage of a
    cascade refines. resume: go on after the last whole epoch of the run in `out`. pictures: how many
    validation people are drawn after each scoring. echo: called with each line of progress. teacher: a
    trained network whose answers become part of the targets. teacher_cache: file of its keypoints (None: in
    `out`). backgrounds: folder of photos for crops without a person (None: free regions of the people's
    photos). team: who shares each batch; only the chief scores, reads and writes `out`, and prints.
    Raises ValueError for settings that do not fit, a folder that holds another run, or nothing to
    resume; `Interrupted` on Ctrl-C.
    """
    cascade_samples.check(spec, previous)
    if previous is not None and team is not ALONE:
        raise only_alone("--refine")
    if team.chief:
        run_folder.check_folder(out, resume)  # before a teacher looks at people for minutes
    if teacher is not None:
        if team is not ALONE:
            raise only_alone("--teacher")
        settings = replace(settings, teacher=teacher.config)
        people = taught(teacher, spec, people, teacher_cache or out / CACHE, hidden=echo is None)
    train_people, val_people = chosen(spec, settings, people, val, init)
    if pictures and spec.refine is not None:
        raise ValueError(f"--pictures draws whole people, and {spec.name} sees a keypoint at a time; leave it away")
    if pictures and val_people is None:
        raise ValueError("--pictures draws validation people; give some with --val")
    photos = find_photos(backgrounds, people.persons, settings.augment.background)
    record = new_record(settings, train_people, val_people, digest(photos) if photos else None)
    board = [tensorboard_events.Events(out / bundle.EVENTS)] if tensorboard else []
    if resume and team.chief:
        record = run_folder.resumed(out, spec, record, init)
    samples = cascade_samples.samples(spec, previous, train_people, val_people, out) if previous is not None else None
    say = echo or (lambda *_, **__: None)
    try:
        while (first := _next_epoch(team, out, settings)) < settings.epochs:
            # an uninterrupted run reads its state at the start of its second part too: so both are the same
            state = run_folder.state(out) if team.chief else None
            part = prepare(spec, settings, train_people, first, state, init, teacher, photos, samples, team)
            scoring: list[Any] = [
                Validate(
                    spec, val_people, settings.eval_every, settings.epochs, samples.val if samples is not None else None
                ),
                Keep(out, part.rate, max([row["seconds"] for row in read_log(out)], default=0.0)),
                Stop(out, settings.patience, settings.freeze_epochs),
                *board,
            ]
            if pictures and val_people is not None:
                scoring.append(Pictures(spec, val_people, pictures, out, settings.eval_every, settings.epochs))
            callbacks = [Reseed(settings.seed), *team.callbacks(part.copy, scoring)]
            if team.chief:
                record = replace(
                    record,
                    parameters=int(part.model.count_params()),
                    initial=part.initial or record.initial,
                    preprocessing=pose.fingerprint(spec),
                )
                bundle.write_spec(out, spec)
                write_json(record, out / bundle.TRAIN)
                if part.initial is not None:
                    say(str(part.initial))
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
        if team.chief and (out / bundle.TRAIN).exists():
            record = run_folder.with_log(record, out)
            write_json(record, out / bundle.TRAIN)
            curves.write(out, say)
    if team.chief:
        run_folder.keep_last(out)
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
    samples: cascade_samples.Samples | None = None,
    team: Team = ALONE,
) -> Part:
    """Network, optimizer and batches from epoch `first` on.

    state: the resume file that the epochs before `first` left. init: what to begin from without one.
    teacher: one that teaches by heatmaps looks at every crop. photos: for crops without a person.
    samples: of a later stage of a cascade, instead of people. team: who shares the batches;
    `state` and `init` are read by the chief, who tells the others.
    """
    frozen = first < settings.freeze_epochs
    began, last = (0, settings.freeze_epochs) if frozen else (settings.freeze_epochs, settings.epochs)
    data = TrainingPeople(
        spec,
        people.persons if samples is None else samples.persons,
        settings.augment,
        settings.batch,
        settings.seed,
        epochs=last,
        first_epoch=first,
        mix=teacher.mixer(spec) if teacher is not None else None,
        backgrounds=photos,
        draw=None if samples is None else samples.draw,
        part=(team.index, team.count),
        fresh=team.mirrored,
    )
    team.check(spec, settings, data.batch)
    rate, loss = Rate(settings, data.steps, began), losses.for_spec(spec, settings.loss)

    def build() -> Any:
        keras.utils.set_random_seed(settings.seed)
        with precision(settings.precision):
            return models.build(spec, keras)

    def compile_(network: Any) -> None:
        if frozen:
            freeze_trunk(network, spec)
        network.compile(
            optimizer=make_optimizer(settings, rate),
            loss=[loss] * data.outputs if data.outputs > 1 else loss,
            # TensorFlow's XLA on the CPU never came back from compiling these networks; JAX has nothing but XLA
            jit_compile=keras.backend.backend() == "jax",
        )

    model, copy = team.networks(build)
    data.outputs = len(model.outputs)
    initial = None
    if init is not None and first == 0 and team.chief:
        file = init.suffix == ".tflite"
        initial = transplant(copy, spec, init, people.persons) if file else copy_weights(copy, spec, init)
    if state is not None and first == began:
        copy.load_weights(state)  # before there is an optimizer: the state's is that of the part before
    team.each(model, copy, compile_)
    if state is not None and first > began:
        copy.optimizer.build(copy.trainable_variables)
        copy.load_weights(state)
    if first > 0 or init is not None:
        team.spread(copy, model)
    return Part(team, model, copy, data, rate, last, initial)


def train(part: Part, first: int, callbacks: list[Any], steps: int | None = None) -> None:
    """Train the part's epochs from `first` on. steps: of an epoch, where it is not to be a whole one."""
    try:
        with part.team.fitting():
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


def _next_epoch(team: Team, out: Path, settings: TrainConfig) -> int:
    """As the chief finds it in the folder."""
    return int(team.from_chief(np.array(run_folder.next_epoch(out, settings) if team.chief else 0)))
