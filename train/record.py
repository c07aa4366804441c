"""`train.json`: how a bundle was trained."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from poseport import __version__, bundle
from poseport.data.people import People
from poseport.records import read_json
from poseport.train.begin.finetune import Initial
from poseport.train.config import TrainConfig


@dataclass(frozen=True)
class SourceUsed:
    """One of the files of a merged set.

    Attributes:
        file: Name of the annotations file.
        sha256: Its digest.
        people: Number of its people after filtering; a person who appears twice counts twice.
        share: Its weight in the merged set.
    """

    file: str
    sha256: str
    people: int
    share: float


@dataclass(frozen=True)
class DataUsed:
    """The people of a run.

    Attributes:
        file: Name of the annotations file.
        sha256: Its digest.
        people: Number of people after filtering.
        sources: Files of a merged set.
    """

    file: str
    sha256: str
    people: int
    sources: tuple[SourceUsed, ...] = ()


@dataclass(frozen=True)
class Compression:
    """How a bundle was made smaller.

    Attributes:
        kind: The method.
        amount: Share of zeros (pruned), number of different weights per layer (clustered), or the architecture's
            new width (narrowed).
    """

    kind: Literal["pruned", "clustered", "narrowed"]
    amount: float


@dataclass(frozen=True)
class TrainRecord:
    """`train.json`: how a bundle was made.

    Attributes:
        train: Settings of the training.
        data: People that it was trained on.
        val: People that it was scored on.
        versions: Versions of poseport, Python and the libraries.
        parameters: Number of weights.
        initial: Where the first weights came from; None for random weights.
        epochs_done: Number of whole epochs.
        seconds: Duration of the training.
        best: Scores of the epoch whose weights are kept.
        backgrounds: Digest of the photos for crops without a person.
        compression: How the bundle was made smaller; None if it was not.
        preprocessing: Fingerprint of how people were cropped and normalised (`pose.fingerprint`).
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
    compression: Compression | None = None
    preprocessing: str | None = None


def new_record(settings: TrainConfig, people: People, val: People | None, backgrounds: str | None) -> TrainRecord:
    """Make the record of a run that has not begun.

    Args:
        settings: Settings of the training.
        people: People to train on, filtered.
        val: People to score on, filtered; None for nobody.
        backgrounds: Digest of the photos for crops without a person; None without such photos.

    Returns:
        The record, with 0 epochs and 0 parameters.
    """
    return TrainRecord(
        settings, used(people), used(val) if val else None, versions(), parameters=0, backgrounds=backgrounds
    )


def read_record(folder: Path) -> TrainRecord:
    """Read how a bundle was trained.

    Args:
        folder: The bundle.

    Returns:
        The contents of its `train.json`.

    Raises:
        ValueError: If the file is missing or from an incompatible version.
    """
    path = folder / bundle.TRAIN
    if not path.is_file():
        raise ValueError(f"{folder}: holds no {bundle.TRAIN}, so how to train it further is not known; train it again")
    try:
        return read_json(TrainRecord, path)
    except ValueError as error:
        raise ValueError(f"{error}; this poseport did not write it: train the bundle again") from None


def versions() -> dict[str, str]:
    """Versions of poseport, Python, Keras and its backend, NumPy and OpenCV, by name."""
    names = ("keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"poseport": __version__, "python": platform.python_version(), **found}


def used(people: People) -> DataUsed:
    """The people of a run, for its record.

    Args:
        people: The people, filtered.
    """
    sources = tuple(SourceUsed(s.path.name, s.sha256, count, s.share) for s, count in people.by_source())
    return DataUsed(people.path.name, people.sha256, len(people), sources)
