"""Candidate files of a budget search: each is run on the people to tune on, and its result is kept in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from poseport import records
from poseport.data.people import Person
from poseport.tflite.card import CandidateResult


@dataclass(frozen=True)
class SearchNotes:
    """The measurements of a search so far, in a file, so that an interrupted search can be continued.

    Attributes:
        settings: Digest of everything that the numbers depend on; the budget itself is not part of it.
        measured: Name of a candidate -> its result.
    """

    settings: str
    measured: dict[str, CandidateResult] = field(default_factory=dict)


class Measure(Protocol):
    """Measures a file on the people to tune on.

    Attributes:
        persons: The people.
        similarity: What `CandidateResult.moved` is the loss of: OKS of keypoints, or the overlap of boxes.
    """

    persons: list[Person]
    similarity: str

    def __call__(self, data: bytes) -> CandidateResult:
        """Measure a flatbuffer.

        Args:
            data: The flatbuffer.

        Returns:
            Its accuracy, how far it is from the float file, time and size.

        Raises:
            ValueError: If the measure has no value for these people.
        """


class Candidates:
    """Measures candidate files once each, and keeps the results in a file.

    Attributes:
        measure_file: Measures a file.
        float32: The result of the float file.

    Args:
        measure_file: Measures a file.
        float_file: A float32 flatbuffer, with which the others are compared.
        notes_path: Where results are kept; those made with the same settings are not measured again.
        settings: Everything else that the numbers depend on.
    """

    def __init__(self, measure_file: Measure, float_file: bytes, notes_path: Path, settings: Sequence[object]):
        self.measure_file = measure_file
        digest = hashlib.sha256(float_file)
        digest.update(repr(settings).encode())
        self.notes_path, self.notes = notes_path, _read_notes(notes_path, digest.hexdigest())
        self.float32 = self.measure("float32", lambda: float_file)

    def measure(self, name: str, make: Callable[[], bytes]) -> CandidateResult:
        """Measure a candidate, which is made and run unless the notes hold its result.

        Args:
            name: Name of the candidate in the notes.
            make: Makes its flatbuffer.

        Returns:
            The result.

        Raises:
            ValueError: If the measure has no value for these people.
        """
        if name not in self.notes.measured:
            self.notes.measured[name] = self.measure_file(make())
            records.write_json(self.notes, self.notes_path)
        return self.notes.measured[name]

    def ap_drop(self, result: CandidateResult) -> float:
        """Points of AP that a candidate loses against the float file.

        Args:
            result: The candidate's result.
        """
        return 100 * (self.float32.ap - result.ap)


def _read_notes(path: Path, settings: str) -> SearchNotes:
    """The notes of the same search, or empty ones."""
    try:
        notes = records.read_json(SearchNotes, path)
    except ValueError:
        return SearchNotes(settings)
    return notes if notes.settings == settings else SearchNotes(settings)
