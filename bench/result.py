"""A measurement is a record: which file, where, how, and every sample. Gate and report read only these."""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poseport import __version__, bundle
from poseport.records import read_json, write_json
from poseport.runner import Pose
from poseport.spec import ModelCard


@dataclass(frozen=True)
class Model:
    """The measured file. name: its file name without .tflite, by which gate and report call it.

    zipped: bytes that it takes in a download or an app's package (0 in records of older versions).
    """

    name: str
    sha256: str
    bytes: int
    card: ModelCard
    zipped: int = 0


@dataclass(frozen=True)
class Environment:
    """Where it was measured. device: "host" or a phone's build. time: UTC, ISO 8601."""

    device: str
    processor: str
    cores: int
    system: str
    runtime: str
    delegate: str
    threads: int
    poseport: str
    time: str


@dataclass(frozen=True)
class Data:
    """People that were measured: annotations file, its sha256, folder of images, how many people in how many images."""

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

    errors_px: distance to the label of each scored keypoint, None where it has none.
    """

    image_id: int
    annotation_id: int
    file_name: str
    box_xywh: tuple[float, float, float, float]
    oks: float | None
    keypoints: tuple[float, ...]
    errors_px: tuple[float | None, ...]


@dataclass(frozen=True)
class Accuracy:
    """metrics: name -> value, None where nobody could be scored. by_keypoint: the same for each of `keypoints`.

    boxes: where the crops came from. keypoints: names that were scored. flip: outputs averaged with
    those of the mirrored crops.
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
    people_per_second: float


@dataclass(frozen=True)
class Latency:
    """invoke_us: every timed inference, in order. first_us: the one before the warm-up. warmup: how many untimed."""

    kind: Literal["latency"]
    input: str
    load_us: float
    first_us: float
    warmup: int
    invoke_us: tuple[float, ...]


@dataclass(frozen=True)
class Result:
    """One measurement of one file in one place."""

    model: Model
    environment: Environment
    measured: Accuracy | Latency


def model_info(pose: Pose) -> Model:
    """What a record keeps of a loaded file."""
    data = pose.path.read_bytes()
    name = pose.path.name.removesuffix(".tflite")
    return Model(name, hashlib.sha256(data).hexdigest(), len(data), pose.card, bundle.zipped_bytes(data))


def host(pose: Pose) -> Environment:
    """This machine, as a record keeps it."""
    return Environment(
        device="host",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        runtime=pose.runner.runtime,
        delegate="XNNPACK" if pose.runner.runtime.startswith("ai-edge-litert") else "none",
        threads=pose.runner.threads,
        poseport=__version__,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def file_name(result: Result) -> str:
    """Name of a record's file: a repeated measurement replaces the older one."""
    m = result.measured
    if isinstance(m, Accuracy):
        way = repr((m.data.sha256, m.data.people, m.boxes, m.flip, m.keypoints))
        parts = [result.model.name, "accuracy", _word(Path(m.data.file).stem), f"{len(m.keypoints)}kp"]
        parts.append(hashlib.sha256(way.encode()).hexdigest()[:6])
    else:
        parts = [result.model.name, "latency", _word(result.environment.device), f"{result.environment.threads}t"]
    return ".".join(parts) + ".json"


def save(result: Result, directory: Path) -> Path:
    """Write a record into a folder of results."""
    path = Path(directory) / file_name(result)
    write_json(result, path)
    return path


def load_all(directory: Path) -> list[Result]:
    """Every record of a folder, by file name; ValueError when there is none, or one cannot be read."""
    directory = Path(directory)
    paths = sorted(directory.glob("*.json")) if directory.is_dir() else []
    if not paths:
        raise ValueError(f"{directory}: holds no results; `poseport bench accuracy … --out {directory}` writes them")
    return [read_json(Result, path) for path in paths]


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "unnamed"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
