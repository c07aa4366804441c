"""One training run, from people to a bundle."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from poseport import bundle, pose
from poseport.command.options import progress
from poseport.data.people import People
from poseport.files.one_writer import one_writer
from poseport.records import write_json
from poseport.spec import PoseSpec
from poseport.train import run_folder
from poseport.train.begin.teacher import CACHE
from poseport.train.config import TrainConfig
from poseport.train.evaluate import evaluate
from poseport.train.phase import Phase, PhaseStart, prepare, train
from poseport.train.progress import curves
from poseport.train.progress.callbacks import Keep, Progress, Reseed, Stop, Validate
from poseport.train.progress.log_csv import read_log
from poseport.train.progress.pictures import Pictures
from poseport.train.progress.tensorboard_events import Events
from poseport.train.record import TrainRecord, new_record
from poseport.train.request import FROM_SCRATCH, SILENT, Reporting, Start, TrainingData, check, chosen_people
from poseport.train.samples import cascade_samples
from poseport.train.samples.backgrounds import digest, find_photos
from poseport.train.samples.sample import CropSource
from poseport.train.workers.team import ALONE, Team


class Interrupted(Exception):
    """Training was stopped by Ctrl-C. The message says which epochs are kept and how to continue."""


def fit(
    spec: PoseSpec,
    settings: TrainConfig,
    data: TrainingData,
    out: Path,
    *,
    start: Start = FROM_SCRATCH,
    reporting: Reporting = SILENT,
    team: Team = ALONE,
) -> TrainRecord:
    """Train a network and write a bundle.

    Args:
        spec: The network's spec.
        settings: How it is trained.
        data: People to train on and to score on, and a teacher.
        out: The run's folder, which becomes a bundle.
        start: Weights to begin from, or that the run in `out` is to be resumed.
        reporting: What is printed and drawn while it trains.
        team: Workers that share each batch. Only the chief scores, reads and writes `out`, and prints.

    Returns:
        The contents of `train.json`.

    Raises:
        ValueError: If settings, network and people do not fit each other, `out` holds another run or none to
            resume, or a photo is missing or damaged.
        Interrupted: After Ctrl-C.
    """
    with one_writer(out) if team.chief else nullcontext():
        return _fit(spec, settings, data, out, start, reporting, team)


def _fit(
    spec: PoseSpec,
    settings: TrainConfig,
    data: TrainingData,
    out: Path,
    start: Start,
    reporting: Reporting,
    team: Team,
) -> TrainRecord:
    """`fit` in a folder that no other process writes."""
    if team.chief:
        run_folder.check_folder(out, start.resume)
    check(spec, settings, data, start, reporting, team)
    mix = None
    if (teacher := data.teacher) is not None:
        settings = replace(settings, teacher=teacher.config)
        data = replace(data, people=_with_teacher(data, spec, out, reporting))
        mix = teacher.mixer(spec)
    people, val = chosen_people(settings, data.people, data.val)
    photos = find_photos(data.backgrounds, data.people.persons, settings.augment.background)
    scoring = [*_events(out, reporting), *_pictures(spec, settings, val, out, reporting)]
    record = new_record(settings, people, val, digest(photos) if photos else None)
    if start.resume and team.chief:
        record = run_folder.resumed(out, spec, record, start.init)
    source = CropSource(spec, people.persons, settings.augment, settings.seed, photos)
    score: Callable[[Any], dict[str, float]] | None = None
    if val is not None:
        score = partial(evaluate, spec, people=val)
    if start.previous is not None:
        source, score = cascade_samples.later_stage(source, start.previous, people, val, out)
    try:
        while (epoch := _next_epoch(team, out, settings)) < settings.epochs:
            # an uninterrupted run reads its state at the start of its second phase too, so that both are alike
            state = run_folder.state(out) if team.chief else None
            phase = prepare(
                spec, settings, source, PhaseStart(epoch, state, start.init),
                mix=mix, processes=data.processes, team=team,
            )  # fmt: skip
            saving = [
                Validate(score, settings.eval_every, settings.epochs),
                Keep(out, phase.rate, max([row["seconds"] for row in read_log(out)], default=0.0)),
                Stop(out, settings.patience, settings.freeze_epochs),
            ]
            callbacks = [Reseed(settings.seed), *team.callbacks(phase.copy, [*saving, *scoring])]
            if team.chief:
                record = _begun(record, spec, phase)
                bundle.write_spec(out, spec)
                write_json(record, out / bundle.TRAIN)
                callbacks += _progress(settings, phase, epoch, reporting)
            train(phase, epoch, callbacks)
    except KeyboardInterrupt:
        if not (out / bundle.TRAIN).exists():
            raise  # nothing has been written yet
        raise Interrupted(_kept(out)) from None
    finally:
        if team.chief and (out / bundle.TRAIN).exists():
            record = run_folder.with_log(record, out)
            write_json(record, out / bundle.TRAIN)
            curves.write(out, reporting.echo or (lambda *_: None))
    if team.chief:
        run_folder.keep_last(out)
    return record


def _with_teacher(data: TrainingData, spec: PoseSpec, out: Path, reporting: Reporting) -> People:
    """The people with the teacher's keypoints in their labels; unchanged if it teaches by heatmaps."""
    teacher, people = data.teacher, data.people
    assert teacher is not None
    teacher.check(spec)
    if teacher.config.targets != "keypoints":
        return people
    with progress("running the teacher", len(people), hidden=reporting.echo is None) as advance:
        return teacher.teach(people, teacher.find(people, data.teacher_cache or out / CACHE, advance))


def _next_epoch(team: Team, out: Path, settings: TrainConfig) -> int:
    """The epoch (from 0) to train next, as the chief finds it in the folder."""
    return int(team.from_chief(np.array(run_folder.next_epoch(out, settings) if team.chief else 0)))


def _events(out: Path, reporting: Reporting) -> list[Any]:
    return [Events(out / bundle.EVENTS)] if reporting.tensorboard else []


def _pictures(spec: PoseSpec, settings: TrainConfig, val: People | None, out: Path, reporting: Reporting) -> list[Any]:
    if not reporting.pictures or val is None:
        return []
    return [Pictures(spec, val, reporting.pictures, out, settings.eval_every, settings.epochs)]


def _progress(settings: TrainConfig, phase: Phase, first: int, reporting: Reporting) -> list[Any]:
    if reporting.echo is None:
        return []
    if phase.initial is not None:
        reporting.echo(str(phase.initial))
    return [Progress(settings.epochs, phase.data.steps, first, reporting.echo, reporting.live)]


def _begun(record: TrainRecord, spec: PoseSpec, phase: Phase) -> TrainRecord:
    """The record with what is known once the network exists."""
    return replace(
        record,
        parameters=int(phase.model.count_params()),
        initial=phase.initial or record.initial,
        preprocessing=pose.fingerprint(spec),
    )


def _kept(out: Path) -> str:
    done = run_folder.epochs_kept(out)
    kept = f"{done} whole epochs are kept in {out}" if done else "no epoch was complete yet"
    return f"interrupted: {kept}; the same command with --resume continues from there"
