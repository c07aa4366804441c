"""A training as it is requested: its people, where it starts and what it reports; and the checks before it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poseport.data.images import stored_hw
from poseport.data.people import People
from poseport.spec import PoseSpec
from poseport.train import config
from poseport.train.begin.teacher import Teacher
from poseport.train.config import TrainConfig
from poseport.train.samples import cascade_samples
from poseport.train.workers.team import ALONE, Team, only_alone


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The people of a training, and what is added to their labels.

    Attributes:
        people: People to train on.
        val: People to score on; None: nobody is scored, and the last epoch's weights are kept.
        teacher: A trained network whose outputs become part of the targets.
        teacher_cache: File of the teacher's keypoints; None: a file in the run's folder.
        backgrounds: Folder of photos for crops without a person; None: free regions of the people's photos.
        processes: Number of processes that make batches of them; 0: two threads of this process.
    """

    people: People
    val: People | None = None
    teacher: Teacher | None = None
    teacher_cache: Path | None = None
    backgrounds: Path | None = None
    processes: int = 0


@dataclass(frozen=True)
class Start:
    """Where a training starts.

    Attributes:
        init: A bundle or a .tflite file to take the first weights from; None for random weights.
        previous: The bundle whose keypoints a later stage of a cascade refines.
        resume: Whether to continue the run in the output folder after its last whole epoch.
    """

    init: Path | None = None
    previous: Path | None = None
    resume: bool = False


@dataclass(frozen=True)
class Reporting:
    """What a training shows while it runs.

    Attributes:
        echo: Called with each line of progress; None: nothing is printed.
        live: Whether the lines go to a terminal, which also gets the progress within an epoch.
        pictures: Number of validation people that are drawn after each evaluation.
        tensorboard: Whether the log is also written as TensorBoard events.
    """

    echo: Callable[..., Any] | None = None
    live: bool = False
    pictures: int = 0
    tensorboard: bool = False


FROM_SCRATCH = Start()
SILENT = Reporting()


def check(
    spec: PoseSpec, settings: TrainConfig, data: TrainingData, start: Start, reporting: Reporting, team: Team = ALONE
) -> None:
    """Check everything that can be checked before a teacher runs and before the first epoch.

    Args:
        spec: The network's spec.
        settings: How it is trained.
        data: People to train on and to score on, and a teacher.
        start: Where the training starts.
        reporting: What is printed and drawn.
        team: Workers that share each batch.

    Raises:
        ValueError: If network, settings and options do not fit each other, or a photo is missing.
    """
    config.check(spec, settings)
    cascade_samples.check(spec, start.previous)
    for option, value in (("--refine", start.previous), ("--teacher", data.teacher)):
        if value is not None and team is not ALONE:
            raise only_alone(option)
    if settings.freeze_first and start.init is None:
        raise ValueError("train.freeze_first keeps weights that the training begins from; name a bundle with --init")
    if settings.freeze_epochs and start.init is None:
        raise ValueError("--freeze-epochs freezes weights that were trained before; name their bundle with --init")
    for option, used in (("--patience", settings.patience), ("--pictures", reporting.pictures)):
        if used and data.val is None:
            raise ValueError(f"{option} needs validation people; name them with --val")
    if reporting.pictures and spec.refine is not None:
        raise ValueError(f"--pictures draws whole people, and {spec.name} crops single keypoints; remove --pictures")
    check_photos(data.people, data.val)


def check_photos(people: People, val: People | None) -> None:
    """Check that the photos can be found, so that a run of hours does not end at one that is missing.

    The first epoch reads every training photo, but validation photos are read only after it: their headers are
    checked too.

    Args:
        people: People to train on.
        val: People to score on; None for nobody.

    Raises:
        ValueError: If a photo is missing or the header of a validation photo is damaged; the message names it.
    """
    for path in dict.fromkeys(person.image_path for person in people.persons):
        if not path.is_file():
            stored_hw(path)  # raises with the same message as in every command
    for path in dict.fromkeys(person.image_path for person in val.persons) if val is not None else ():
        stored_hw(path)


def chosen_people(settings: TrainConfig, people: People, val: People | None) -> tuple[People, People | None]:
    """Select the people with enough labels.

    Args:
        settings: How the network is trained.
        people: People to train on.
        val: People to score on; None for nobody.

    Returns:
        Those with enough labels to be trained on, and those with a label to be scored on; None for nobody.

    Raises:
        ValueError: If nobody has enough labels.
    """
    visible = settings.require_all_visible
    chosen_val = val.for_training(1, require_all_visible=visible) if val is not None else None
    return people.for_training(settings.min_keypoints, require_all_visible=visible), chosen_val
