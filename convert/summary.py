"""The result of `poseport convert`, as plain data and as lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from poseport.convert.engines import budget_search
from poseport.convert.to_tflite import Converted
from poseport.records import to_data
from poseport.tflite import model_file
from poseport.tflite.inspection import macs_per_person

if TYPE_CHECKING:
    from poseport.convert.detector import ConvertedDetector


def to_answer(done: Converted) -> dict[str, Any]:
    """Turn the result into plain values, for `--json`.

    Args:
        done: The file that was written.

    Returns:
        The values; `macs` counts everything that runs for one person.
    """
    stages = (done, *done.later)
    shares = macs_per_person([(one.inspection, one.card.spec.crops_per_person) for one in stages])
    total = sum(shares.values())
    return {
        "file": str(done.path),
        "recipe": done.card.conversion.recipe,
        "bytes": done.inspection.bytes,
        "zipped_bytes": model_file.zipped_bytes(done.path.read_bytes()),
        "macs": total,
        "macs_share_by_dtype": {dtype: macs / max(total, 1) for dtype, macs in shares.items()},
        "ops": done.inspection.op_counts,
        "engine": done.card.conversion.engine,
        "kept": list(done.card.conversion.kept),
        "budget": None if done.card.conversion.budget is None else to_data(done.card.conversion.budget),
        "calibration_people": len(done.card.conversion.calibration.people) if done.card.conversion.calibration else 0,
        "parity": None if done.parity is None else vars(done.parity),
        "layers": [vars(layer) for layer in done.layers],
        "later": [
            {"ops": one.inspection.op_counts, "parity": None if one.parity is None else vars(one.parity)}
            for one in done.later
        ],
    }


def detector_answer(done: ConvertedDetector) -> dict[str, Any]:
    """Turn the conversion of a person detector into plain values, for `--json`.

    Args:
        done: The file that was written.
    """
    shares = done.inspection.macs_by_dtype
    total = sum(shares.values())
    conversion = done.card.conversion
    return {
        "file": str(done.path),
        "recipe": conversion.recipe,
        "bytes": done.inspection.bytes,
        "zipped_bytes": model_file.zipped_bytes(done.path.read_bytes()),
        "macs": total,
        "macs_share_by_dtype": {dtype: macs / max(total, 1) for dtype, macs in shares.items()},
        "ops": done.inspection.op_counts,
        "engine": conversion.engine,
        "kept": list(conversion.kept),
        "calibration_people": len(conversion.calibration.people) if conversion.calibration else 0,
        "parity": None if done.parity is None else vars(done.parity),
    }


def detector_text(done: ConvertedDetector, found: dict[str, Any]) -> str:
    """Turn the conversion of a person detector into lines of text.

    Args:
        done: The file that was written.
        found: Its `detector_answer`.
    """
    conversion = done.card.conversion
    lines = [_first_line(done.path, found)]
    if (p := done.parity) is not None:
        overlap = "" if p.iou is None else f" (mean overlap {p.iou:.2f})"
        lines.append(
            f"  finds {p.found} of the {p.people} people that the float network finds in {p.photos} photos{overlap}, "
            f"and {p.extra} others"
        )
    lines.append(f"  recipe {conversion.recipe}, by {conversion.engine}")
    if conversion.kept:
        lines.append(f"  not int8: {', '.join(conversion.kept)}")
    if conversion.calibration is not None:
        lines.append(f"  calibrated on {found['calibration_people']} people, seed {conversion.calibration.seed}")
    return "\n".join(lines)


def _first_line(path: Path, found: dict[str, Any]) -> str:
    shares = ", ".join(f"{100 * share:.1f} % {dtype}" for dtype, share in found["macs_share_by_dtype"].items())
    sizes = f"{found['bytes'] / 1e6:.2f} MB ({found['zipped_bytes'] / 1e6:.2f} zipped)"
    return f"{path}: {sizes}, {found['macs'] / 1e6:.0f} M multiply-adds ({shares})"


def text(done: Converted, found: dict[str, Any]) -> str:
    """Turn the result into lines of text.

    Args:
        done: The file that was written.
        found: Its `to_answer`.

    Returns:
        Lines, without a line break at the end.
    """
    conversion = done.card.conversion
    lines = [_first_line(done.path, found)]
    reference = "the trained network with its rounding" if conversion.finetuning else "the float network"
    for one in (done, *done.later):
        if (p := one.parity) is not None:
            lines.append(
                f"  keypoints of {one.card.spec.name} against {reference}: mean {p.mean_px:.3f} px, "
                f"99th percentile {p.p99_px:.3f} px ({p.keypoints} keypoints of {p.people} people)"
            )
    lines.append(f"  recipe {conversion.recipe}, by {conversion.engine}")
    if conversion.kept:
        lines.append(f"  not int8: {', '.join(conversion.kept)}")
    if (held := conversion.budget) is not None:
        step = budget_search.describe(held.curve[-1])
        lines.append(f"  {step}; of {held.max_ap_drop:g} allowed, on {len(held.tune.people)} people to tune on")
    if (calibration := conversion.calibration) is not None:
        lines.append(f"  calibrated on {len(calibration.people)} people, seed {calibration.seed}")
    if (learned := conversion.finetuning) is not None:
        equal = 100 * min(layer.equal for layer in done.layers)
        lines.append(
            f"  trained on {learned.people} people, {learned.epochs} epochs; each of {len(done.layers)} layers is "
            f"within one step of the trained one, {equal:.1f} % or more of its values equal"
        )
    return "\n".join(lines)
