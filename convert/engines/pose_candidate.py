"""Measure a candidate file of a pose network: AP on the labels, and how far the float file's keypoints move."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from poseport import pose
from poseport.data import batches
from poseport.data.people import People, Person
from poseport.scoring import metrics
from poseport.scoring.score import score
from poseport.spec import PoseSpec
from poseport.tflite.card import CandidateResult, Conversion, ModelCard
from poseport.tflite.runner import Network


def candidate(spec: PoseSpec, data: bytes, threads: int = 1) -> Network:
    """Open a file that has no card yet.

    Args:
        spec: Its network's spec.
        data: The flatbuffer.
        threads: Number of threads of the interpreter.
    """
    return Network(data, ModelCard(spec, Conversion("", "", "", {})), "candidate", threads)


class PoseMeasure:
    """Measures files on the people to tune on, whose crops are made once.

    Attributes:
        persons: The people, one per photo, so that nobody else on a photo counts as missed.
        similarity: What `CandidateResult.moved` is the loss of.

    Args:
        spec: The network's spec.
        float_file: A float32 flatbuffer, with whose keypoints the others are compared.
        people: The set to which the people belong.
        persons: The people.
    """

    similarity = "OKS"

    def __init__(self, spec: PoseSpec, float_file: bytes, people: People, persons: Sequence[Person]):
        self.spec, self.persons = spec, list(persons)
        self.people = replace(people, persons=tuple(persons))
        several = list(batches.batches(spec, persons))
        self.crops = np.concatenate([batch.crops for batch in several])
        self.matrices = np.concatenate([batch.matrices for batch in several])
        keypoints, _ = self._run(float_file)
        visibility = np.where(np.isfinite(keypoints[..., :1]), 2.0, 0.0)
        self.labels = np.concatenate([keypoints[..., :2], visibility], axis=-1)

    def __call__(self, data: bytes) -> CandidateResult:
        """As `Measure`."""
        return self._result(*self._run(data), len(data))

    def _run(self, data: bytes) -> tuple[np.ndarray, float]:
        """Keypoints (N, K, 3) in image pixels, and the median time of one inference in ms."""
        network = candidate(self.spec, data)
        outputs, spent = [], []
        for crop in self.crops:
            tensor = network.prepare(crop[None])
            began = time.perf_counter()
            outputs.append(network.runner.invoke_all(tensor))
            spent.append(time.perf_counter() - began)
        return pose.decode(self.spec, network.read(outputs), self.matrices), 1000 * float(np.median(spent))

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
