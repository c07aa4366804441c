"""Make the records of a task in one setting, and compare the phone's answers with this machine's."""

from __future__ import annotations

from pathlib import Path

from poseport.bench.detector_record import DetectorTimes
from poseport.bench.measure.describe import detector_times, model_info
from poseport.bench.phone.files import Description
from poseport.bench.phone.handset import Phone
from poseport.bench.phone.plan import PhonePlan, Task
from poseport.bench.phone.results import to_records, whole_pictures
from poseport.bench.phone.results.agreement import agreement
from poseport.bench.phone.run import Cannot
from poseport.bench.record import Result
from poseport.people.detector import CenterDetector


def records(
    task: Task, phone: Phone, run: Description, folder: Path, plan: PhonePlan
) -> tuple[list[Result | DetectorTimes], float | None] | Cannot:
    """Make the records of a measured setting.

    Answers that are not numbers cannot be scored; their times mean nothing.

    Args:
        task: What was measured.
        phone: The phone.
        run: What was measured in this setting.
        folder: What `run.measure` returned.
        plan: The settings of the measurement.

    Returns:
        The records, and by how many input pixels the app's decoder differs (None if that was not compared), or why
        there are none.

    Raises:
        ValueError: if a result is damaged or missing, or an image cannot be read.
    """
    name, model = plan.people.path.name, task.model
    if isinstance(model, CenterDetector):
        boxes = whole_pictures.compare_boxes(model, run.hardware, run, folder, plan.shown)
        where = to_records.environment(model.path, phone, run, folder, boxes=boxes)
        return [detector_times(model, where, to_records.latency(run, folder, name))], None
    about, found_boxes = model_info(model), None
    if task.detector is not None:  # which the app runs on the CPU
        found_boxes = whole_pictures.compare_boxes(task.detector, "CPU", run, folder, plan.shown)
        compared = whole_pictures.compare_keypoints(model, run, folder, plan.shown, about.macs)
    else:
        compared = agreement(model, run, folder, plan.boxes.cropped, about.macs)
    if compared is not None and compared.not_finite:
        return Cannot("wrong", compared.label)
    where = to_records.environment(model.path, phone, run, folder, agreement=compared, boxes=found_boxes)
    if task.detector is not None:
        return [Result(about, where, whole_pictures.times(task.detector, run, folder, plan.shown, name))], None
    scored, apart = to_records.accuracy_record(model, about, where, run, folder, plan.people, plan.boxes, plan.only)
    found: list[Result | DetectorTimes] = [scored, Result(about, where, to_records.latency(run, folder, name))]
    if plan.minutes:
        found.append(to_records.sustained_record(about, where, folder, name))
    return found, apart
