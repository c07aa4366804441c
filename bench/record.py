"""Result records: the file that was measured, where and how, with every sample.

A record is one JSON file. `gate` and `report` read nothing else, so this module imports no OpenCV and no interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from poseport.bench.accuracy_record import Accuracy, Data, Detections, PersonSample
from poseport.bench.delegate_record import Agreement, BoxAgreement, Ran
from poseport.bench.latency_record import Latency, Minute, Sustained
from poseport.bench.pictures_record import Pictures
from poseport.tflite.card import ModelCard

__all__ = [
    "Accuracy",
    "Agreement",
    "BoxAgreement",
    "Data",
    "Detections",
    "Environment",
    "Latency",
    "Minute",
    "Model",
    "PersonSample",
    "Pictures",
    "Ran",
    "Result",
    "Sustained",
]


@dataclass(frozen=True)
class Model:
    """The measured file.

    Attributes:
        name: File name without `.tflite`; gate and report call the file by it.
        sha256: Digest of the file.
        bytes: Size of the file.
        card: Its card.
        zipped: Size of the file when compressed, as in a download or an app package; 0 in older records.
        macs: Multiply-adds per person, by the type that they are computed in; empty in older records.
    """

    name: str
    sha256: str
    bytes: int
    card: ModelCard
    zipped: int = 0
    macs: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """The place and time of a measurement.

    Attributes:
        device: `host`, the name of a phone, or `stand-in ...` for a program that imitates a phone in tests.
        processor: Model of the processor, or a phone's system on a chip.
        cores: Number of cores.
        system: Operating system and version.
        runtime: Name and version of the TFLite runtime.
        delegate: Delegate that ran the network.
        threads: Number of threads of the interpreter.
        poseport: Version of poseport.
        time: UTC, ISO 8601.
        governor: Clock governor of the first core; empty if the system does not report it.
        load: Average number of running processes over the minute before the measurement, or None.
        celsius: Temperature of the hottest sensor before the measurement, or None.
        xnnpack: Whether XNNPACK ran the file on a phone's CPU. None on other hardware, in older records, and on a
            host, where it is the `delegate`.
        ran: What ran the operations; None in older records, and without a delegate.
        agreement: How far a phone's keypoints are from this machine's; None on a host, and in older records.
        boxes: The same of a person detector's boxes; None without one.
    """

    ADDED: ClassVar = ("ran", "agreement", "boxes")

    device: str
    processor: str
    cores: int
    system: str
    runtime: str
    delegate: str
    threads: int
    poseport: str
    time: str
    governor: str = ""
    load: float | None = None
    celsius: float | None = None
    xnnpack: bool | None = None
    ran: Ran | None = None
    agreement: Agreement | None = None
    boxes: BoxAgreement | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """What readers must know before any figure: wrong answers, and hardware that did not run the network."""
        return tuple(one.label for one in (self.boxes, self.agreement, self.ran) if one is not None and one.label)

    @property
    def wrong(self) -> bool | None:
        """Whether a phone's answers are not those of this machine; None if they were not compared."""
        compared = [one for one in (self.boxes, self.agreement) if one is not None]
        return any(one.label for one in compared) if compared else None

    @property
    def conditions(self) -> tuple[object, ...]:
        """The settings that can change outputs: delegates and kernels of a phone differ, those of a host do not."""
        return (self.device,) if self.device == "host" else (self.device, self.delegate, self.threads)

    @property
    def stand_in(self) -> bool:
        """Whether a program that imitates a phone was measured, so that the figures are not those of a phone."""
        return self.device.startswith("stand-in")


@dataclass(frozen=True)
class Result:
    """One measurement of one file in one place.

    Attributes:
        model: The file.
        environment: The place and time.
        measured: The measurement.
    """

    model: Model
    environment: Environment
    measured: Accuracy | Latency | Sustained | Pictures
