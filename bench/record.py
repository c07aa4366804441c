"""A measurement is a record: which file, where, how, and every sample. Gate and report read only these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from poseport.spec import DecodeMethod
from poseport.tflite.card import ModelCard


@dataclass(frozen=True)
class Model:
    """The measured file. name: its file name without .tflite, by which gate and report call it.

    zipped: bytes that it takes in a download or an app's package. macs: multiply-adds for one person by the type that
    they are computed in, as `inspect` reads them. Records of older versions lack both (0 and none).
    """

    name: str
    sha256: str
    bytes: int
    card: ModelCard
    zipped: int = 0
    macs: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """Where it was measured. device: "host", a phone, or "stand-in ..." for a program that only speaks as one.
    time: UTC, ISO 8601.

    Before it began: governor of the first core's clock, load: average of running processes over a minute,
    celsius: the hottest of the machine's sensors; empty or None where the system does not say.
    xnnpack: whether XNNPACK ran it on a phone's CPU; None on other hardware, in older records, and of a host, whose
    delegate says it.
    """

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

    @property
    def conditions(self) -> tuple[object, ...]:
        """What of it decides on the outputs: a phone's delegates and kernels differ, a host's are the same."""
        return (self.device,) if self.device == "host" else (self.device, self.delegate, self.threads)

    @property
    def stand_in(self) -> bool:
        """Whether no phone was measured at all: such figures only show that the programs work."""
        return self.device.startswith("stand-in")


@dataclass(frozen=True)
class Data:
    """People that were measured: annotations file, its sha256, folder of images, how many people in how many images
    (of a detector's boxes: how many are labelled in the whole set, and in how many images there are boxes).
    """

    file: str
    sha256: str
    images_dir: str
    people: int
    images: int


@dataclass(frozen=True)
class Detections:
    """Predictions as the official evaluation matched them, in its order; enough to compute AP again.

    image: index into `image_ids`. matched, ignored: bit t is set where the prediction is so at OKS
    threshold 0.5 + 0.05 t. ground_truths: people that count, per image.
    """

    image_ids: tuple[int, ...]
    ground_truths: tuple[int, ...]
    image: tuple[int, ...]
    score: tuple[float, ...]
    matched: tuple[int, ...]
    ignored: tuple[int, ...]


@dataclass(frozen=True)
class PersonSample:
    """One person. keypoints: flat x, y in image pixels and score of each keypoint of the model's skeleton.

    errors_px: distance to the label of each scored keypoint, None where it has none. box_score: of a detector's box.
    """

    image_id: int
    annotation_id: int
    file_name: str
    box_xywh: tuple[float, float, float, float]
    oks: float | None
    keypoints: tuple[float, ...]
    errors_px: tuple[float | None, ...]
    box_score: float | None = None


@dataclass(frozen=True)
class Accuracy:
    """metrics: name -> value, None where nobody could be scored. by_keypoint: the same for each of `keypoints`.

    boxes: where the crops came from. keypoints: names that were scored. flip: outputs averaged with
    those of the mirrored crops. decoder: how heatmaps became points, None as the model's spec says.
    """

    kind: Literal["accuracy"]
    data: Data
    boxes: str
    flip: bool
    keypoints: tuple[str, ...]
    metrics: dict[str, float | None]
    by_keypoint: dict[str, tuple[float | None, ...]]
    detections: Detections
    people: tuple[PersonSample, ...]
    people_per_second: float | None
    decoder: DecodeMethod | None = None

    @property
    def conditions(self) -> tuple[object, ...]:
        """What two records must share to be compared: people (not their folder, it may have moved), crops, scoring."""
        data = self.data.file, self.data.sha256, self.data.people
        return data, self.boxes, self.flip, self.keypoints, self.decoder


@dataclass(frozen=True)
class Latency:
    """Every timed person, in order. invoke_us: the network alone. prepare_us: its crop as input tensors, out of an
    image in memory. decode_us: from output tensors to keypoints.

    input: whose crops. load_us: from the file to a ready interpreter. first_us: the inference before the warm-up.
    warmup: how many untimed people. before_bytes, peak_bytes: memory of the process before the file was loaded,
    and at its highest; of a fresh process. repeats: how many of the samples come from each of several such
    processes, one after the other (none: all from one). Records of older versions lack the latter four, those of
    phones what the process held before, and of older apps the time to load and the memory.
    """

    kind: Literal["latency"]
    input: str
    load_us: float | None
    first_us: float
    warmup: int
    invoke_us: tuple[float, ...]
    prepare_us: tuple[float, ...] = ()
    decode_us: tuple[float, ...] = ()
    before_bytes: int | None = None
    peak_bytes: int | None = None
    repeats: tuple[int, ...] = ()

    @property
    def processes_us(self) -> list[np.ndarray]:
        """The network's samples of each process."""
        return np.split(np.array(self.invoke_us, float), np.cumsum(self.repeats, dtype=int)[:-1])


@dataclass(frozen=True)
class Minute:
    """The inferences of one minute. minute: from 1. The rest as the phone said after it, None where it did not:
    celsius of the hottest sensor, battery in percent, clock in MHz of the fastest core.
    """

    minute: int
    invoke_us: tuple[float, ...]
    celsius: float | None
    battery: float | None
    clock_mhz: float | None

    def percentile_ms(self, percent: float) -> float:
        """A percentile of the samples in milliseconds."""
        return float(np.percentile(self.invoke_us, percent)) / 1e3


@dataclass(frozen=True)
class Sustained:
    """The network alone, again and again. A minute that is missing was a pause, in which a phone cools down."""

    kind: Literal["sustained"]
    input: str
    minutes: tuple[Minute, ...]

    @property
    def throttles_from(self) -> int | None:
        """The minute from which on the median stays more than 10 % above the first minute's; None: it never does."""
        limit, since = 1.1 * self.minutes[0].percentile_ms(50), None
        for one in reversed(self.minutes):
            if one.percentile_ms(50) <= limit:
                break
            since = one.minute
        return since


@dataclass(frozen=True)
class Result:
    """One measurement of one file in one place."""

    model: Model
    environment: Environment
    measured: Accuracy | Latency | Sustained
