"""Compare a converted file with its network on the same crops, on this host and on other machines.

There are two checks. The file's spec must give exactly the input tensors of the reference's spec, so that a mean that
is off by one is found even if it hardly moves the keypoints. And the keypoints must lie where the reference's lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from poseport import cascade, pose
from poseport.convert.verify import parity
from poseport.data.people import Person
from poseport.predict import PoseNetwork, predict
from poseport.tflite import model_file
from poseport.tflite.card import ModelCard
from poseport.tflite.runner import Network

# Another machine that runs a file: (flatbuffer, input tensors (n, H, W, 3)) -> raw output tensors (n, ...).
# `arm.place` and `bench.phone.place` make one.
Place = Callable[[bytes, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Tolerance:
    """The largest distance allowed between keypoints.

    Attributes:
        px: Distance in input pixels.
        share: Share of the keypoints with a confident reference that must lie within it, in [0, 1].
    """

    px: float
    share: float = 0.99


# A float file gives its network's keypoints; int8 moves some to other peaks; another machine changes next to nothing.
FLOAT, QUANTIZED, ELSEWHERE = Tolerance(0.5), Tolerance(4.0, 0.9), Tolerance(0.5)


@dataclass(frozen=True)
class Check:
    """The result of one comparison.

    Attributes:
        name: What was compared.
        passed: Whether it is within the tolerance.
        said: The result in words.
        numbers: The result as named numbers.
    """

    name: str
    passed: bool
    said: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verification:
    """The results of all comparisons of one file.

    Attributes:
        file: The file.
        reference: What it was compared with.
        people: Number of people whose crops were compared.
        checks: The results.
    """

    file: str
    reference: str
    people: int
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def text(self) -> str:
        """One line per check."""
        lines = [f"{self.file} against {self.reference}, {self.people} people"]
        lines += [f"  {'ok    ' if c.passed else 'FAILED'}  {c.name}: {c.said}" for c in self.checks]
        return "\n".join(lines)


def tolerance_for(*cards: ModelCard) -> Tolerance:
    """Choose the tolerance between files, or between a file and its network.

    Args:
        cards: Cards of the files.

    Returns:
        The tolerance for float files if all recipes are float, and that for quantized files otherwise.
    """
    return FLOAT if all(card.conversion.recipe in ("float32", "float16") for card in cards) else QUANTIZED


def verify(
    file: Path,
    reference: Sequence[PoseNetwork],
    name: str,
    persons: Sequence[Person],
    *,
    tolerance: Tolerance,
    places: dict[str, Place] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Compare a file with its reference on people's crops, stage by stage.

    Args:
        file: The converted file.
        reference: The stages of the network that it was made from, or of another file.
        name: Name of the reference in messages.
        persons: People whose crops both get.
        tolerance: The largest distance allowed between keypoints.
        places: Name -> another machine, whose keypoints are compared with this host's.
        progress: Called with the number of crops just done.

    Returns:
        The results.

    Raises:
        ValueError: If the two cannot be one network: other keypoints, another input size or number of stages.
    """
    stages = model_file.read_stages(file)
    if len(stages) != len(reference):
        raise ValueError(f"{file} has {len(stages)} stages and {name} {len(reference)}; they are not one network")
    checks: list[Check] = []
    estimates = None
    for number, ((data, card), wanted) in enumerate(zip(stages, reference, strict=True), 1):
        network = Network(
            data, card, f"{file}: {model_file.stage_file(number)}" if number > 1 else str(file), threads=2
        )
        _check_alike(file, network, wanted, name)
        label = f"stage {number}, " if len(stages) > 1 else ""
        boxes = None  # each person's own
        if estimates is not None:
            boxes = cascade.windows(wanted.spec, np.array([p.box_xywh for p in persons]), estimates)
        crops = parity.crops(wanted.spec, persons, boxes)
        tensors = network.prepare(parity.crops(network.spec, persons, boxes))
        expected = network.runner.quantize(pose.normalise(wanted.spec, crops))
        checks.append(_same_tensors(label, tensors, expected))
        theirs = parity.keypoints(wanted, crops)
        ours = parity.decode(network, network.infer(tensors))
        checks.append(_within(f"{label}keypoints", theirs, ours, tolerance))
        if places and len(network.runner.outputs) > 1:
            raise ValueError(
                f"{file}: its keypoints are in {len(network.runner.outputs)} output tensors, and only a file with one "
                "is compared on other machines; remove --arm and --serial"
            )
        for place, run in (places or {}).items():
            elsewhere = parity.decode(network, network.runner.dequantize(run(data, tensors)))
            checks.append(_within(f"{label}keypoints on {place} against this host", ours, elsewhere, ELSEWHERE))
        if progress is not None:
            progress(len(crops))
        if number < len(stages):
            if estimates is None:
                estimates = predict(network, persons)
            else:
                estimates = cascade.refine([network], persons, estimates[None])[0]
    return Verification(str(file), name, len(persons), tuple(checks))


def _check_alike(file: Path, network: Network, wanted: PoseNetwork, name: str) -> None:
    ours, theirs = network.spec, wanted.spec
    if ours.skeleton.names != theirs.skeleton.names or ours.input_hw != theirs.input_hw:
        raise ValueError(
            f"{file} has {len(ours.skeleton)} keypoints ({ours.skeleton.name}) in {ours.input_hw}, {name} has "
            f"{len(theirs.skeleton)} ({theirs.skeleton.name}) in {theirs.input_hw}; expected two forms of one network"
        )


def _same_tensors(label: str, found: np.ndarray, expected: np.ndarray) -> Check:
    different = int(np.count_nonzero((found != expected).reshape(len(found), -1).any(axis=1)))
    away = float(np.abs(found.astype(np.float64) - expected).max())
    said = f"{len(found)} are bit-equal"
    if different:
        said = (
            f"{different} of {len(found)} differ, by up to {away:.3g}: the specs do not crop or normalise alike "
            "(mean, std, channel_order, padding)"
        )
    return Check(
        f"{label}input tensors", not different, said, {"crops": len(found), "different": different, "by": away}
    )


def _within(name: str, reference: np.ndarray, found: np.ndarray, tolerance: Tolerance) -> Check:
    away_px, sure = parity.distances(reference, found)
    finite = away_px[np.isfinite(away_px)]
    # a keypoint that is not a number is not within any distance
    inside = float(np.count_nonzero(finite <= tolerance.px)) / len(away_px)
    said = f"{100 * inside:.1f} % within {tolerance.px:g} px (at least {100 * tolerance.share:g} % must be)"
    numbers = {"keypoints": sure, "within": inside, "limit_px": tolerance.px, "not_finite": len(away_px) - len(finite)}
    if len(finite):
        numbers |= {"mean_px": float(finite.mean()), "p99_px": float(np.percentile(finite, 99))}
        said += f", mean {numbers['mean_px']:.3f}, 99th percentile {numbers['p99_px']:.3f} px"
    said += f", {len(away_px)} keypoints"
    if len(finite) < len(away_px):
        said += f", {len(away_px) - len(finite)} of them not finite (NaN or infinity)"
    return Check(name, inside >= tolerance.share, said, numbers)


def to_answer(verification: Verification) -> dict[str, Any]:
    """Turn the results into plain values, for `--json`.

    Args:
        verification: The results.

    Returns:
        The values; `passed` says whether every check passed.
    """
    checks = [vars(check) for check in verification.checks]
    return {**vars(verification), "checks": checks, "passed": verification.passed}
