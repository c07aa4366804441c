"""Measure a candidate file of a person detector: AP of its boxes, and how far the float file's boxes move."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from poseport import pose
from poseport.data.images import read_image
from poseport.data.people import People, Person
from poseport.people import centers
from poseport.people.detector_spec import DetectorSpec
from poseport.scoring import boxes
from poseport.tflite.card import CandidateResult
from poseport.tflite.interpreter import Runner

# AP needs the unsure boxes too
_SCORE_FROM = 0.01


class BoxMeasure:
    """Measures files on the photos of the people to tune on, which are read once.

    Attributes:
        persons: The people whose photos are used, one per photo where there are enough.
        similarity: What `CandidateResult.moved` is the loss of.

    Args:
        spec: The detector's spec.
        float_file: A float32 flatbuffer, with whose boxes the others are compared.
        people: The set to which the people belong; everybody on the photos counts.
        persons: The people.

    Raises:
        ValueError: If the float file finds nobody, or a photo cannot be read.
    """

    similarity = "overlap"

    def __init__(self, spec: DetectorSpec, float_file: bytes, people: People, persons: Sequence[Person]):
        self.spec, self.persons = spec, list(persons)
        shown = {p.image_id: p for p in persons}
        self.truth = [p for p in people.persons if p.image_id in shown]
        self.pictures = {
            i: centers.letterbox(read_image(p.image_path, p.image_hw), spec.input_hw) for i, p in shown.items()
        }
        found, _ = self._run(float_file)
        self.wanted = {i: some[scores >= spec.threshold] for i, (some, scores) in found.items()}
        if not any(map(len, self.wanted.values())):
            raise ValueError(
                f"{people.path}: the loss by quantization cannot be measured, because the float32 network finds nobody "
                f"in {len(shown)} photos; tune on others, or train it again"
            )

    def __call__(self, data: bytes) -> CandidateResult:
        """As `Measure`."""
        found, ms = self._run(data)
        ap = boxes.evaluate(found, self.truth).ap
        overlap, away_px = self._moved(found)
        return CandidateResult(
            round(float(np.nan_to_num(ap)), 6), round(1 - overlap, 6), round(away_px, 4), round(ms, 3), len(data)
        )

    def _run(self, data: bytes) -> tuple[dict[int, tuple[np.ndarray, np.ndarray]], float]:
        """Boxes and scores of every photo, and the median time of one inference in ms."""
        runner = Runner(data, "candidate")
        lenient = replace(self.spec, threshold=_SCORE_FROM)
        found, spent = {}, []
        for image_id, (picture, matrix) in self.pictures.items():
            tensor = runner.quantize(pose.normalise(self.spec, picture[None]))
            began = time.perf_counter()
            raw = runner.invoke(tensor)
            spent.append(time.perf_counter() - began)
            found[image_id] = centers.decode(lenient, runner.dequantize(raw)[0], matrix)
        return found, 1000 * float(np.median(spent))

    def _moved(self, found: dict[int, tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
        """Mean overlap of the float file's boxes with the nearest sure ones, and mean distance of their middles in
        input pixels. A box that is not found any more overlaps by 0 and is as far as the input is long.
        """
        farthest = float(np.hypot(*self.spec.input_hw))
        overlaps: list[float] = []
        away: list[float] = []
        for image_id, wanted in self.wanted.items():
            some, scores = found[image_id]
            sure = some[scores >= self.spec.threshold / 2]
            alike = centers.iou(wanted, sure)
            scale = float(self.pictures[image_id][1][0, 0])  # input pixels per image pixel
            for box, row in zip(wanted, alike, strict=True):
                if not len(row) or row.max() == 0:
                    overlaps.append(0.0)
                    away.append(farthest)
                    continue
                best = sure[row.argmax()]
                overlaps.append(float(row.max()))
                shift = box[:2] + box[2:] / 2 - best[:2] - best[2:] / 2
                away.append(scale * float(np.hypot(*shift)))
        return float(np.mean(overlaps)), float(np.mean(away))
