"""The record of latency: every sample, from fresh processes or minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# limit of the difference between two processes' medians; if it is larger, the machine was not steady
STEADY = 0.05


@dataclass(frozen=True)
class Latency:
    """Time per person, in microseconds and in the order of the measurement.

    Attributes:
        kind: Distinguishes the kinds of record in a file.
        input: The people whose crops were timed.
        load_us: Time from the file to a ready interpreter; None in records of older apps.
        first_us: The first inference, before the warm-up.
        warmup: Number of people before the timed ones.
        invoke_us: The network alone.
        prepare_us: Cropping and normalising an image in memory; empty in older records.
        decode_us: From output tensors to keypoints; empty in older records.
        before_bytes: Memory of the process before the file was loaded; None in older records and on phones.
        peak_bytes: Highest memory of the process; None in older records.
        repeats: Number of samples of each of several fresh processes, in order; empty if all are from one.
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

    def __post_init__(self) -> None:
        check_times("invoke_us", self.invoke_us)
        if self.repeats and (min(self.repeats) < 1 or sum(self.repeats) != len(self.invoke_us)):
            raise ValueError(f"repeats: {list(self.repeats)} do not add up to {len(self.invoke_us)} samples")
        if self.prepare_us or self.decode_us:
            counts = [len(times) for times in (self.invoke_us, self.prepare_us, self.decode_us)]
            if len(set(counts)) > 1:
                raise ValueError(f"invoke_us, prepare_us and decode_us: {counts} samples; expected the same number")

    @property
    def processes_us(self) -> list[np.ndarray]:
        """The network's samples, per process."""
        return np.split(np.array(self.invoke_us, float), np.cumsum(self.repeats, dtype=int)[:-1])

    def percentile_ms(self, percent: float) -> float:
        """Compute a percentile of the network's time in milliseconds.

        Args:
            percent: The percentile, 0 to 100.
        """
        return float(np.percentile(self.invoke_us, percent)) / 1e3

    def whole_ms(self, percent: float) -> float | None:
        """Compute a percentile of crop, network and decoder together, in milliseconds.

        Args:
            percent: The percentile, 0 to 100.

        Returns:
            The time; None if only the network was timed.
        """
        if not self.prepare_us:
            return None
        whole = np.sum([self.prepare_us, self.invoke_us, self.decode_us], axis=0)
        return float(np.percentile(whole, percent)) / 1e3

    @property
    def medians_ms(self) -> list[float]:
        """The network's median in each process, in milliseconds."""
        return [float(np.median(samples)) / 1e3 for samples in self.processes_us]

    @property
    def is_steady(self) -> bool:
        """Whether the medians of all processes are within 5 % of each other."""
        return max(self.medians_ms) <= (1 + STEADY) * min(self.medians_ms)


@dataclass(frozen=True)
class Minute:
    """The inferences of one minute, and the state of the phone after it; None where the phone does not report it.

    Attributes:
        minute: From 1.
        invoke_us: Time of each inference.
        celsius: Temperature of the hottest sensor.
        battery: Charge in percent.
        clock_mhz: Clock of the fastest core.
    """

    minute: int
    invoke_us: tuple[float, ...]
    celsius: float | None
    battery: float | None
    clock_mhz: float | None

    def __post_init__(self) -> None:
        check_times("invoke_us", self.invoke_us)

    def percentile_ms(self, percent: float) -> float:
        """Compute a percentile of the samples in milliseconds.

        Args:
            percent: The percentile, 0 to 100.
        """
        return float(np.percentile(self.invoke_us, percent)) / 1e3


@dataclass(frozen=True)
class Sustained:
    """The network alone, run without a pause for minutes.

    Attributes:
        kind: Distinguishes the kinds of record in a file.
        input: The people whose crop was the input.
        minutes: The minutes. A missing one was a pause in which the phone cooled.
    """

    kind: Literal["sustained"]
    input: str
    minutes: tuple[Minute, ...]

    def __post_init__(self) -> None:
        if not self.minutes:
            raise ValueError("minutes is empty; a sustained run has at least one minute")

    @property
    def throttles_from(self) -> int | None:
        """The minute from which the median stays more than 10 % above the first minute's, or None."""
        limit, since = 1.1 * self.minutes[0].percentile_ms(50), None
        for minute in reversed(self.minutes):
            if minute.percentile_ms(50) <= limit:
                break
            since = minute.minute
        return since


def check_times(what: str, times_us: Sequence[float]) -> None:
    """Check that a field holds times.

    Args:
        what: Name of the field.
        times_us: Its values.

    Raises:
        ValueError: if there are none, or one is negative.
    """
    if not times_us or min(times_us) < 0:
        raise ValueError(f"{what}: expected one or more times of at least 0 microseconds")
