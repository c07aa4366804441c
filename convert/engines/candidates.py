"""Candidate files of a budget search: each is run on the people to tune on, and its result is kept in a file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from poseport import pose, records
from poseport.data import batches
from poseport.data.people import People, Person
from poseport.scoring import metrics
from poseport.scoring.score import score
from poseport.spec import PoseSpec
from poseport.tflite.card import CandidateResult
from poseport.tflite.interpreter import Runner


@dataclass(frozen=True)
class SearchNotes:
    """The measurements of a search so far, in a file, so that an interrupted search can be continued.

    Attributes:
        settings: Digest of everything that the numbers depend on; the budget itself is not part of it.
        measured: Name of a candidate -> its result.
    """

    settings: str
    measured: dict[str, CandidateResult] = field(default_factory=dict)


class Candidates:
    """Measures candidate files on the people to tune on, whose crops are made once.

    Attributes:
        persons: The people, one per photo, so that nobody else on a photo counts as missed.
        float32: The result of the float file.

    Args:
        spec: The network's spec.
        float_file: A float32 flatbuffer, with whose keypoints the others are compared.
        people: The set to which the people belong.
        persons: The people.
        notes_path: Where results are kept; those made with the same settings are not measured again.
        settings: Everything else that the numbers depend on.
    """

    def __init__(
        self,
        spec: PoseSpec,
        float_file: bytes,
        people: People,
        persons: Sequence[Person],
        notes_path: Path,
        settings: Sequence[object],
    ):
        self.spec, self.persons = spec, list(persons)
        self.people = replace(people, persons=tuple(persons))
        several = list(batches.batches(spec, persons))
        self.crops = np.concatenate([batch.crops for batch in several])
        self.matrices = np.concatenate([batch.matrices for batch in several])
        digest = hashlib.sha256(float_file)
        digest.update(repr(settings).encode())
        self.notes_path, self.notes = notes_path, _read_notes(notes_path, digest.hexdigest())
        keypoints, ms = self._run(float_file)
        visibility = np.where(np.isfinite(keypoints[..., :1]), 2.0, 0.0)
        self.labels = np.concatenate([keypoints[..., :2], visibility], axis=-1)
        self.float32 = self._once("float32", lambda: self._result(keypoints, ms, len(float_file)))

    def measure(self, name: str, make: Callable[[], bytes]) -> CandidateResult:
        """Measure a candidate, which is made and run unless the notes hold its result.

        Args:
            name: Name of the candidate in the notes.
            make: Makes its flatbuffer.

        Returns:
            The result.

        Raises:
            ValueError: If OKS has no value for these people.
        """

        def run() -> CandidateResult:
            data = make()
            return self._result(*self._run(data), len(data))

        return self._once(name, run)

    def ap_drop(self, result: CandidateResult) -> float:
        """Points of AP that a candidate loses against the float file.

        Args:
            result: The candidate's result.
        """
        return 100 * (self.float32.ap - result.ap)

    def _once(self, name: str, run: Callable[[], CandidateResult]) -> CandidateResult:
        if name not in self.notes.measured:
            self.notes.measured[name] = run()
            records.write_json(self.notes, self.notes_path)
        return self.notes.measured[name]

    def _run(self, data: bytes) -> tuple[np.ndarray, float]:
        """Keypoints (N, K, 3) in image pixels, and the median time of one inference in ms."""
        runner = Runner(data, "candidate")
        outputs, spent = [], []
        for crop in self.crops:
            tensor = runner.quantize(pose.normalise(self.spec, crop[None]))
            began = time.perf_counter()
            outputs.append(runner.invoke(tensor))
            spent.append(time.perf_counter() - began)
        raw = runner.dequantize(np.concatenate(outputs)).reshape(-1, *self.spec.output_shape)
        return pose.decode(self.spec, raw, self.matrices), 1000 * float(np.median(spent))

    def _result(self, keypoints: np.ndarray, ms: float, size: int) -> CandidateResult:
        """AP is measured on the labels, and movement on the float file's keypoints, which have no labelling noise."""
        sigmas, areas = np.asarray(self.people.skeleton.sigmas), np.array([p.area for p in self.persons])
        scale = np.linalg.norm(self.matrices[:, 0, :2], axis=1)  # input pixels per image pixel
        away_px = np.linalg.norm(keypoints[..., :2] - self.labels[..., :2], axis=-1) * scale[:, None]
        ap = score(self.people, self.persons, keypoints).values["OKS-AP"]
        oks = metrics.oks(keypoints, self.labels, areas, sigmas)
        if not np.isfinite(oks).any():
            raise ValueError(
                f"{self.people.path}: the loss by quantization cannot be measured, because OKS has no value for these "
                f"{len(self.persons)} people (the float32 network finds none of them, or their areas are 0); tune on "
                "others, or train it again"
            )
        moved = 1 - float(np.nanmean(oks))
        farthest = float(np.hypot(*self.spec.input_hw))  # a keypoint that is not found any more counts as this far
        moved_px = float(np.nan_to_num(away_px, nan=farthest).mean())
        return CandidateResult(round(float(ap), 6), round(moved, 6), round(moved_px, 4), round(ms, 3), size)


def _read_notes(path: Path, settings: str) -> SearchNotes:
    """The notes of the same search, or empty ones."""
    try:
        notes = records.read_json(SearchNotes, path)
    except ValueError:
        return SearchNotes(settings)
    return notes if notes.settings == settings else SearchNotes(settings)
