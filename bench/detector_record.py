"""The record of a person detector's time, without a pose network behind it."""

from __future__ import annotations

from dataclasses import dataclass

from poseport.bench.latency_record import Latency
from poseport.bench.record import Environment
from poseport.tflite.card import DetectorCard


@dataclass(frozen=True)
class DetectorTimes:
    """The time of a detector in one place.

    Attributes:
        name: File name without `.tflite`.
        sha256: Digest of the file.
        bytes: Size of the file.
        card: Its card.
        environment: The place and time.
        latency: Times per picture: `prepare_us` is the letterbox, `invoke_us` the network, `decode_us` the decoder.
    """

    name: str
    sha256: str
    bytes: int
    card: DetectorCard
    environment: Environment
    latency: Latency
