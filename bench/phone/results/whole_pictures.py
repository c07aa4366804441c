"""Turn what a phone found in whole pictures, and when, into records, and compare it with this machine's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from poseport.bench.delegate_record import Agreement, Arithmetic, BoxAgreement
from poseport.bench.measure.describe import inspect_first
from poseport.bench.phone.files import Description, Hardware
from poseport.bench.phone.parts import PART, RESULT, read
from poseport.bench.phone.results.agreement import arithmetic, compare
from poseport.bench.phone.results.predictions import parts
from poseport.bench.phone.results.to_records import microseconds, peak_bytes
from poseport.bench.record import Pictures
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.people import centers
from poseport.people.detector import CenterDetector
from poseport.people.similarity import person_areas
from poseport.tflite import model_file
from poseport.tflite.runner import Pose

# this machine is sure of a box with a score so far above the threshold, which rounding does not cross
SURE = 0.1
SAME = 0.5


def compare_boxes(
    detector: CenterDetector, hardware: Hardware, run: Description, folder: Path, shown: Sequence[Person]
) -> BoxAgreement:
    """Compare the boxes of the first pictures of a run.

    Args:
        detector: The loaded detector.
        hardware: What ran it.
        run: What was measured.
        folder: Folder of the run.
        shown: A person of each picture.

    Returns:
        The agreement of at most 32 pictures.

    Raises:
        ValueError: if the part is damaged or missing, or an image cannot be read.
    """
    spec, part = detector.spec, _first(run, folder)
    boxes = missing = extra = 0
    overlaps: list[float] = []
    for person, numbers in zip(shown, part["boxes_xywhs"], strict=False):
        theirs = np.nan_to_num(np.array(numbers, np.float64)).reshape(-1, 5)[:, :4]
        picture, matrix = centers.letterbox(read_image(person.image_path), spec.input_hw)
        lenient = replace(spec, threshold=spec.threshold / 2)
        own, scores = centers.decode(lenient, detector.output(picture), matrix)
        alike = centers.iou(own, theirs)
        best = alike[scores >= spec.threshold + SURE].max(axis=1, initial=0)
        boxes, missing = boxes + len(best), missing + int((best < SAME).sum())
        extra += int((alike.max(axis=0, initial=0) < SAME).sum())
        overlaps += best[best >= SAME].tolist()
    tenth = round(float(np.percentile(overlaps, 10)), 4) if overlaps else None
    return BoxAgreement(len(part["boxes_xywhs"]), _arithmetic(detector, hardware), boxes, missing, extra, tenth)


def compare_keypoints(
    model: Pose, run: Description, folder: Path, shown: Sequence[Person], macs: dict[str, int]
) -> Agreement | None:
    """Compare the keypoints of the first people that a phone found in whole pictures, in the phone's own boxes.

    Args:
        model: The loaded pose network.
        run: What was measured.
        folder: Folder of the run.
        shown: A person of each picture.
        macs: The file's multiply-adds by type.

    Returns:
        The agreement of at most 32 people; None if the phone found nobody.

    Raises:
        ValueError: if the part is damaged or missing, or an image cannot be read.
    """
    people: list[Person] = []
    keypoints = []
    for person, found in zip(shown, _first(run, folder)["found"], strict=False):
        for numbers in found:
            values = np.array(numbers, np.float64)
            left, top, width, height = values[:4].tolist()
            (area,) = person_areas(values[None, :4])
            people.append(replace(person, box_xywh=(left, top, width, height), area=float(area)))
            keypoints.append(values[4:].reshape(len(model.spec.skeleton), 3))
    if not people:
        return None
    theirs = np.stack(keypoints[:PART])
    return compare(model, people[:PART], theirs, arithmetic(run.hardware, macs), decoded=True)


def times(detector: CenterDetector, run: Description, folder: Path, shown: Sequence[Person], name: str) -> Pictures:
    """Collect the times of whole pictures.

    Args:
        detector: The loaded detector.
        run: What was measured.
        folder: What `run.measure` returned.
        shown: A person of each picture.
        name: Name of the set.

    Returns:
        The times in microseconds.

    Raises:
        ValueError: if the result is damaged or missing, or contradicts itself.
    """
    result = read(folder / RESULT)
    return Pictures(
        kind="pictures",
        input=name,
        detector=detector.path.name,
        detector_sha256=hashlib.sha256(model_file.read_bytes(detector.path)).hexdigest(),
        load_us=round(result["load_ms"] * 1e3, 3),
        first_us=round(result["first_ms"] * 1e3, 3),
        warmup=run.warm_up,
        names=tuple(person.image_path.name for person in shown),
        picture=tuple(i % run.count for i in range(len(result["detect_ns"]))),
        boxes=tuple(result["boxes"]),
        people=tuple(result["found"]),
        detect_us=microseconds(result["detect_ns"]),
        people_us=microseconds(result["people_ns"]),
        before_bytes=None,
        peak_bytes=peak_bytes(result),
        repeats=(len(result["detect_ns"]),),
    )


def _first(run: Description, folder: Path) -> dict[str, Any]:
    path, count = parts(folder, run)[0]
    part = read(path)
    if len(part["boxes_xywhs"]) != count:
        raise ValueError(
            f"{path}: {len(part['boxes_xywhs'])} pictures, expected {count}; remove it, and it is measured again"
        )
    return part


def _arithmetic(detector: CenterDetector, hardware: Hardware) -> Arithmetic:
    inspection = inspect_first(detector.path)
    return arithmetic(hardware, {} if inspection is None else inspection.macs_by_dtype)
