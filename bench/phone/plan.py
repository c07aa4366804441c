"""What is to be measured on phones, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poseport.bench.detector_record import DetectorTimes
from poseport.bench.measure.boxes import Boxes
from poseport.bench.phone.files import Hardware, Mode, Sent, write_people, write_pictures
from poseport.bench.phone.run import Cannot
from poseport.bench.record import Result
from poseport.data.people import People, Person
from poseport.people.detector import CenterDetector
from poseport.tflite.runner import Pose


@dataclass(frozen=True)
class PhonePlan:
    """The settings of a measurement on phones.

    Attributes:
        people: The annotated people.
        boxes: Boxes to crop.
        only: Names of the keypoints to score; empty for all.
        mode: Whether input tensors or whole images are sent for pose networks.
        settings: Delegates, each with a number of threads.
        repeat: Number of timed inferences or pictures per setting.
        minutes: Length of a sustained run of each pose network and setting; 0 for none.
        apk: The app's file, or None to use the installed app.
        out: Folder of the records.
        shown: A person of each picture in which detectors look for people; empty if there is no detector.
    """

    people: People
    boxes: Boxes
    only: tuple[str, ...]
    mode: Mode
    settings: tuple[tuple[Hardware, int], ...]
    repeat: int
    minutes: float
    apk: Path | None
    out: Path
    shown: tuple[Person, ...] = ()

    def units(self, tasks: Sequence[Task]) -> int:
        """Steps of `phones.measure` for one phone: people and pictures, plus seconds of sustained runs.

        Args:
            tasks: What is measured.
        """
        return len(self.settings) * sum(task.sent.count + self.seconds(task) for task in tasks)

    def seconds(self, task: Task) -> int:
        """Length of the sustained run of a task in each setting.

        Args:
            task: The task.
        """
        return round(60 * self.minutes) if task.sent.mode == self.mode else 0


@dataclass(frozen=True, eq=False)
class Task:
    """A file to measure in every setting.

    Attributes:
        model: The loaded pose network or person detector.
        sent: Its people or pictures.
        detector: The person detector before the pose network, or None.
    """

    model: Pose | CenterDetector
    sent: Sent
    detector: CenterDetector | None = None


@dataclass(frozen=True)
class PhoneResult:
    """The result of a task on a phone with one setting.

    Attributes:
        phone: Name of the phone.
        model: Name of the model.
        hardware: Delegate that ran the network.
        threads: Number of CPU threads.
        records: The records; empty if there are none.
        files: Their files in the folder of results.
        apart_px: Largest distance in input pixels between the keypoints of the app's decoder and of this package's,
            from the same outputs; None if not both decoded them.
        cannot: Why there are no records, or None.
    """

    phone: str
    model: str
    hardware: Hardware
    threads: int
    records: tuple[Result | DetectorTimes, ...] = ()
    files: tuple[str, ...] = ()
    apart_px: float | None = None
    cannot: Cannot | None = None


def settings(delegates: Sequence[str], threads: Sequence[int]) -> tuple[tuple[Hardware, int], ...]:
    """Combine delegates with numbers of threads; only the CPU uses more than one.

    Args:
        delegates: cpu, gpu or npu. The app's TFLite reaches an NPU through NNAPI, and records call it that.
        threads: Numbers of threads.

    Returns:
        Delegates, each with a number of threads.
    """
    known: dict[str, Hardware] = {"cpu": "CPU", "gpu": "GPU", "npu": "NNAPI"}
    return tuple((known[name], count) for name in delegates for count in (threads if name == "cpu" else (1,)))


def prepare(
    models: Sequence[Pose | CenterDetector],
    detector: CenterDetector | None,
    plan: PhonePlan,
    progress: Callable[[int], None],
) -> list[Task]:
    """Write the people and pictures that are sent, once for all models with the same input.

    Args:
        models: The loaded files.
        detector: Person detector with which each pose network is timed on whole pictures, or None.
        plan: What is measured.
        progress: Called with the number of people or pictures just done.

    Returns:
        The tasks: pose networks on people, then whatever an app of earlier versions does not know.

    Raises:
        ValueError: if an image cannot be read, or the folder cannot be written.
    """
    folder, written, tasks = plan.out / "phone", dict[object, Sent](), []
    networks = [model for model in models if isinstance(model, Pose)]
    for model in networks:
        spec, tensor = model.spec, model.runner.input
        key = (spec.input_hw, spec.padding, spec.mean, spec.std, spec.channel_order, tensor["dtype"],
               tensor["quantization"]) if plan.mode == "tensors" else ()  # fmt: skip
        if key not in written:
            written[key] = write_people(model, plan.boxes.cropped, plan.mode, folder, progress)
        else:
            progress(len(plan.boxes.cropped))
        tasks.append(Task(model, written[key]))
    if not plan.shown:
        return tasks
    pictures = write_pictures([person.image_path for person in plan.shown], folder, progress)
    tasks += [Task(model, pictures) for model in models if isinstance(model, CenterDetector)]
    if detector is not None:
        tasks += [Task(model, replace(pictures, mode="pictures"), detector) for model in networks]
    return tasks
