"""What really ran in a measurement, and whether its answers were right: labels for hardware that does neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from poseport.tflite.partition import Partition

# a delegate that was asked for and leaves more than this share of the multiply-adds to the CPU is labelled
NOT_ALL = 0.01
Source = Literal["interpreter", "log", "steps", "nothing"]
Arithmetic = Literal["float32", "float16", "int8"]


@dataclass(frozen=True)
class Ran:
    """What ran the operations of a network's first stage.

    Attributes:
        asked: The delegate that was asked for: XNNPACK, GPU or NNAPI.
        source: What tells it: the interpreter itself, the runtime's log, the number of steps that the interpreter runs
            (which tells only that no delegate took anything), or nothing.
        partition: What the delegate took; None if nothing tells it.
        predicted: What `poseport doctor` expects it to take; None for hardware without a table.
        error: The first error that the runtime logged; empty without one.
        others: Delegates that took operations of the rest, and how many of how many, as the runtime's log tells.
    """

    asked: str
    source: Source
    partition: Partition | None
    predicted: Partition | None = None
    error: str = ""
    others: tuple[str, ...] = ()

    @property
    def complete(self) -> bool | None:
        """Whether the delegate ran all but 1 % of the multiply-adds; None if nothing tells it."""
        part = self.partition
        if part is None or part.macs_low < 1 - NOT_ALL <= part.macs_high:
            return None
        return part.macs_low >= 1 - NOT_ALL

    @property
    def text(self) -> str:
        """The shares, such as "71 % GPU, 29 % CPU, 5 pieces"."""
        return "not known" if self.partition is None else _shares(self.asked, self.partition)

    @property
    def operations_text(self) -> str:
        """The number of operations of each, such as "71 of 85, TfLiteXNNPackDelegate 12 of 15"."""
        part = self.partition
        if part is None:
            return "not known"
        return ", ".join([f"{part.taken} of {part.operations}", *self.others])

    @property
    def predicted_text(self) -> str:
        """The same of the prediction; empty without one."""
        return "" if self.predicted is None else _shares(self.asked, self.predicted)

    @property
    def label(self) -> str:
        """What readers must know before any figure; empty if the hardware that was asked for ran the network."""
        if self.asked == "XNNPACK" or self.complete:
            return ""
        why = f" ({self.error})" if self.error else ""
        if self.partition is None:
            return f"asked: {self.asked}; what ran is not known, because the phone's log does not tell{why}"
        return f"asked: {self.asked}; ran: {self.text}{why}"


def _shares(asked: str, part: Partition) -> str:
    low, high = (min(100 * share, 100) for share in (part.macs_low, part.macs_high))
    if part.macs_low == part.macs_high:
        text = f"{_percent(low)} % {asked}, {_percent(100 - low)} % CPU" if low < 100 else f"100 % {asked}"
    else:
        text = f"{_percent(low)} to {_percent(high)} % {asked}, the rest CPU"
    return f"{text}, {part.pieces} piece{'s' if part.pieces != 1 else ''}"


def _percent(share: float) -> str:
    """A share in percent; nothing but 0 and 100 is shown as such."""
    return f"{share:.0f}" if share in (0, 100) or 1 <= share <= 99 else f"{share:.2f}"


@dataclass(frozen=True)
class Agreement:
    """How far the keypoints of a phone are from those of this machine, from the same crops and the same file.

    Attributes:
        people: Number of people that were compared.
        arithmetic: What the network computes in, which sets the bounds.
        median_px: Median distance, in pixels of the input, of keypoints of which this machine is sure; None if a
            value is not a number.
        p90_px: 90th percentile of it.
        oks: Mean object keypoint similarity with this machine's keypoints; None if a value is not a number.
        constant: Number of people whose outputs are all the same value, such as zero.
        not_finite: Number of people with an output that is NaN or infinite.
    """

    people: int
    arithmetic: Arithmetic
    median_px: float | None
    p90_px: float | None
    oks: float | None
    constant: int = 0
    not_finite: int = 0

    @property
    def label(self) -> str:
        """What is wrong with the answers, in one sentence; empty if they are right."""
        what = "wrong answers: "
        if self.not_finite:
            return f"{what}outputs of {self.not_finite} of {self.people} people are not numbers"
        if self.constant:
            return f"{what}the outputs of {self.constant} of {self.people} people are one value everywhere"
        most, least = BOUNDS[self.arithmetic]
        if self.p90_px is None or self.oks is None or self.p90_px > most or self.oks < least:
            return (
                f"{what}a tenth of the keypoints is {_figure(self.p90_px)} px or more from this machine's (limit "
                f"{most:g} for {self.arithmetic}), OKS {_figure(self.oks)} (limit {least:g})"
            )
        return ""


# Largest 90th percentile in input pixels, and least mean OKS. int8: twice what XNNPACK and TFLite's own kernels differ
# by on one x86 machine (docs/android.md has the figures); float32: the same two differ by less than 0.001 px; float16:
# chosen between them, not measured.
BOUNDS: dict[Arithmetic, tuple[float, float]] = {"float32": (0.1, 0.99), "float16": (1.0, 0.97), "int8": (6.0, 0.92)}


def _figure(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.2f}"


@dataclass(frozen=True)
class BoxAgreement:
    """How far a phone's person detector finds the same people as this machine, in the same pictures by the same file.

    Attributes:
        pictures: Number of pictures that were compared.
        arithmetic: What the network computes in, which sets the bounds.
        boxes: Number of boxes of which this machine is sure: 0.1 above the detector's threshold.
        missing: Number of those that no box of the phone overlaps by half.
        extra: Number of the phone's boxes that none of this machine overlaps by half, not even at half the threshold.
        overlap: 10th percentile of the intersection over union of the boxes found by both; None without any.
    """

    pictures: int
    arithmetic: Arithmetic
    boxes: int
    missing: int
    extra: int
    overlap: float | None

    @property
    def label(self) -> str:
        """What is wrong with the boxes, in one sentence; empty if they are right, or if there are none to compare."""
        least, share = BOX_BOUNDS[self.arithmetic]
        most = max(1, round(share * self.boxes))  # one alone says nothing
        start, limits = "wrong answers: ", f"limit {most} for {self.arithmetic}"
        if max(self.missing, self.extra) > most or (self.boxes and self.overlap is None):
            return (
                f"{start}of {self.boxes} boxes that this machine finds in {self.pictures} pictures, {self.missing} are "
                f"missing, and there are {self.extra} others ({limits})"
            )
        if self.overlap is not None and self.overlap < least:
            return (
                f"{start}a tenth of the boxes overlaps this machine's by {self.overlap:.2f} or less (limit {least:g} "
                f"for {self.arithmetic})"
            )
        return ""


# Least 10th percentile of the overlap, and largest share of missing or other boxes. int8: twice what XNNPACK and
# TFLite's own kernels differ by (docs/phone.md has the figures); float32: the same two give the same boxes; float16:
# chosen between them, not measured.
BOX_BOUNDS: dict[Arithmetic, tuple[float, float]] = {
    "float32": (0.99, 0.02), "float16": (0.95, 0.05), "int8": (0.8, 0.1),
}  # fmt: skip
