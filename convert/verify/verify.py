"""One network in several places: the same crops through what it was made from, this host, and other machines.

A check each: that the file's spec makes the very input tensors that the reference's makes (so that a mean that is off
by one is found, however little it moves the keypoints), and that keypoints lie where the reference's lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from poseport import cascade, pose
from poseport.convert.verify.parity import distances
from poseport.data import batches
from poseport.data.people import Person
from poseport.predict import PoseNetwork, predict
from poseport.tflite import model_file
from poseport.tflite.card import ModelCard
from poseport.tflite.runner import Network

# Another machine that runs a file: (flatbuffer, input tensors (n, H, W, 3)) -> raw output tensors (n, ...).
# `arm.run` is one; a phone is one more.
Place = Callable[[bytes, np.ndarray], np.ndarray]

BATCH = 16


@dataclass(frozen=True)
class Limit:
    """This share of the keypoints that the reference is sure of lies within so many input pixels."""

    px: float
    share: float = 0.99


# A float file is its network; int8 turns some peaks into others. The same file on another machine stays the same.
FLOAT, QUANTIZED, ELSEWHERE = Limit(0.5), Limit(4.0, 0.9), Limit(0.5)


@dataclass(frozen=True)
class Check:
    """One comparison, in words and in numbers by name."""

    name: str
    passed: bool
    said: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verification:
    """Everything that was compared for one file."""

    file: str
    reference: str
    people: int
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(check.passed for check in self.checks)

    def text(self) -> str:
        """One line a check."""
        lines = [f"{self.file} against {self.reference}, {self.people} people"]
        lines += [f"  {'ok    ' if c.passed else 'FAILED'}  {c.name}: {c.said}" for c in self.checks]
        return "\n".join(lines)


def limit_of(*cards: ModelCard) -> Limit:
    """What files of these recipes are held to against each other."""
    return FLOAT if all(card.conversion.recipe in ("float32", "float16") for card in cards) else QUANTIZED


def verify(
    file: Path,
    reference: Sequence[PoseNetwork],
    name: str,
    persons: Sequence[Person],
    *,
    limit: Limit,
    places: dict[str, Place] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Compare a file with its reference on people's crops, stage by stage.

    reference: the stages that the file must do as, `name` is what they are called. places: other machines, compared
    with this one. progress: called with the number of crops just done.
    Raises ValueError when the two cannot be one network: other keypoints, another input size or number of stages.
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
        crops = _crops(wanted, persons, boxes)
        tensors = network.prepare(_crops(network, persons, boxes))
        expected = network.runner.quantize(pose.normalise(wanted.spec, crops))
        checks.append(_same_tensors(label, tensors, expected))
        theirs = _keypoints(wanted, [wanted.outputs(crops[i : i + BATCH]) for i in range(0, len(crops), BATCH)])
        ours = _keypoints(network, [network.infer(tensors)])
        checks.append(_within(f"{label}keypoints", theirs, ours, limit))
        for place, run in (places or {}).items():
            found = _keypoints(network, [network.runner.dequantize(run(data, tensors))])
            checks.append(_within(f"{label}keypoints on {place} against this host", ours, found, ELSEWHERE))
        if progress is not None:
            progress(len(crops))
        if number < len(stages):
            first = estimates is None
            estimates = predict(network, persons) if first else cascade.refine([network], persons, estimates[None])[0]
    return Verification(str(file), name, len(persons), tuple(checks))


def _check_alike(file: Path, network: Network, wanted: PoseNetwork, name: str) -> None:
    ours, theirs = network.spec, wanted.spec
    if ours.skeleton.names != theirs.skeleton.names or ours.input_hw != theirs.input_hw:
        raise ValueError(
            f"{file} finds {len(ours.skeleton)} keypoints ({ours.skeleton.name}) in {ours.input_hw}, {name} finds "
            f"{len(theirs.skeleton)} ({theirs.skeleton.name}) in {theirs.input_hw}; expected two forms of one network"
        )


def _crops(network: PoseNetwork, persons: Sequence[Person], boxes: np.ndarray | None) -> np.ndarray:
    """(n, H, W, 3) uint8, as the network's own spec cuts them."""
    return np.concatenate([part.crops for part in batches.batches(network.spec, persons, boxes_xywh=boxes)])


def _keypoints(network: PoseNetwork, outputs: list[np.ndarray]) -> np.ndarray:
    """(N, K, 3) in input pixels."""
    return cascade.own_keypoints(network.spec, pose.decode_input(network.spec, np.concatenate(outputs)))


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


def _within(name: str, reference: np.ndarray, found: np.ndarray, limit: Limit) -> Check:
    away, sure = distances(reference, found)
    # a keypoint that is not a number is nowhere
    inside = float(np.mean(np.nan_to_num(away, nan=np.inf) <= limit.px))
    numbers = {"keypoints": sure, "mean_px": float(away.mean()), "p99_px": float(np.percentile(away, 99))}
    said = (
        f"{100 * inside:.1f} % within {limit.px:g} px (at least {100 * limit.share:g} % must be), mean "
        f"{numbers['mean_px']:.3f}, 99th percentile {numbers['p99_px']:.3f} px, {len(away)} keypoints"
    )
    return Check(name, inside >= limit.share, said, {**numbers, "within": inside, "limit_px": limit.px})


def to_answer(found: Verification) -> dict[str, Any]:
    """What the command prints as JSON."""
    checks = [vars(check) for check in found.checks]
    return {**vars(found), "checks": checks, "passed": found.passed}
