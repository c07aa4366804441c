"""Checks that run a .tflite on people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from poseport import pose
from poseport.convert.doctor.finding import Finding, some
from poseport.data import batches
from poseport.data.people import Person
from poseport.spec import HeatmapOutput
from poseport.tflite.inspection import Inspection
from poseport.tflite.interpreter import Runner
from poseport.tflite.runner import Pose

# Limits of the height of a peak, in levels of 256. DARK reads slopes of a tenth of the peak, half of which rounding
# loses with 16 levels, but not with 64.
FEW_LEVELS, TOO_FEW_LEVELS = 64, 16
# A keypoint whose best score over all people is below this counts as never found.
SILENT_SCORE = 0.1
# Keypoints that vary less over people count as stuck; real ones differ by tens of pixels in the crop.
STUCK_PX = 1.0
# With fewer people a keypoint may be silent or stuck by chance.
LEAST_PEOPLE = 8
IDS = ("nan-output", "few-levels", "silent-keypoint", "dead-channels")

_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "RELU", "RELU6")


def check_people(
    model: Pose,
    data: bytes,
    inspection: Inspection,
    persons: Sequence[Person],
    progress: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Run a file on people and check its output and the output of every layer.

    Args:
        model: The loaded file.
        data: Its bytes.
        inspection: What is in them.
        persons: At least 8 people.
        progress: Called with the number of people just done.

    Returns:
        The findings.

    Raises:
        ValueError: If there are fewer than 8 people, or an image cannot be read.
    """
    if len(persons) < LEAST_PEOPLE:
        raise ValueError(f"{len(persons)} people are too few to judge a file; expected at least {LEAST_PEOPLE}")
    names = [tensor.name for tensor in model.spec.output_tensors]
    runner = Runner(data, str(model.path), keep=True, outputs=names)
    ends = {output["index"] for output in runner.outputs}
    layers = {i: op.name for op in inspection.ops if op.kind in _LAYERS for i in op.outputs if i not in ends}
    lows: dict[int, np.ndarray] = {}
    highs: dict[int, np.ndarray] = {}
    raw = []
    for batch in batches.batches(model.spec, persons, batch=8):
        for tensor in model.prepare(batch.crops):
            raw.append(runner.invoke(tensor[None])[0])
            for i in layers:
                values = runner.interpreter.get_tensor(i)
                values = values.reshape(-1, values.shape[-1] if values.ndim else 1)
                lows[i] = np.minimum(lows.get(i, values[0]), values.min(axis=0))
                highs[i] = np.maximum(highs.get(i, values[0]), values.max(axis=0))
        if progress is not None:
            progress(len(batch.persons))
    outputs = np.stack(raw)
    labelled = np.stack([person.labelled for person in persons])
    wrong = _not_finite(outputs)
    if wrong is not None:
        return [wrong]  # other findings would only follow from this one
    checked = [
        _few_levels(model, outputs, labelled),
        _silent(model, pose.decode_input(model.spec, runner.dequantize(outputs)), labelled),
        _dead({name: lows[i] == highs[i] for i, name in layers.items()}, len(persons)),
    ]
    return [finding for finding in checked if finding is not None]


def _not_finite(raw: np.ndarray) -> Finding | None:
    """Find values that are not finite in `raw`, (N, ...) of the output's own type."""
    finite = np.isfinite(raw).reshape(len(raw), -1)
    people = int(np.count_nonzero(~finite.all(axis=1)))
    if not people:
        return None
    share = 1 - float(finite.mean())
    return Finding(
        "nan-output",
        "error",
        f"the output is NaN or infinite for {people} of {len(raw)} people ({100 * share:.1f} % of all values)",
        "if the trained network's output is too, train it again (a smaller learning rate); if not, the conversion "
        "causes it: take float32 instead of float16, whose largest number is 65504",
        {"people": people, "of": len(raw), "share": round(share, 4)},
    )


def _few_levels(model: Pose, raw: np.ndarray, labelled: np.ndarray) -> Finding | None:
    """Find heatmaps with low peaks in `raw`, (N, ...) of the output's own type; `labelled` is (N, K) bool."""
    if not isinstance(model.spec.output, HeatmapOutput) or raw.dtype not in (np.int8, np.uint8):
        return None
    maps = raw.reshape(len(raw), -1, labelled.shape[1]).astype(int)
    heights = maps.max(axis=1) - np.median(maps, axis=1)  # (N, K) steps from a map's floor to its peak
    levels = {
        name: float(np.median(heights[visible, k]))
        for k, (name, visible) in enumerate(zip(model.spec.skeleton.names, labelled.T, strict=True))
        if visible.any()
    }
    few = {name: n for name, n in levels.items() if n < FEW_LEVELS}
    if not few:
        return None
    lowest = sorted(few, key=lambda name: few[name])
    return Finding(
        "few-levels",
        "error" if few[lowest[0]] < TOO_FEW_LEVELS else "warning",
        f"peaks of {len(few)} of {len(levels)} keypoints rise over less than {FEW_LEVELS} of 256 levels (median over "
        f"people): {some(f'{name} {few[name]:.0f}' for name in lowest)}",
        "calibrate on people like those, so that the range ends at the peaks; a sigmoid or softmax belongs behind the "
        "network, not into it; or leave the output float (int8-floatio keeps the scale, float16 does not need one)",
        {"keypoints": lowest, "lowest": few[lowest[0]]},
    )


def _silent(model: Pose, decoded: np.ndarray, labelled: np.ndarray) -> Finding | None:
    """Find silent and stuck keypoints; `decoded` is (N, K, 3) input pixels and score, `labelled` (N, K) bool."""
    silent, stuck = [], []
    for name, points, visible in zip(model.spec.skeleton.names, decoded.swapaxes(0, 1), labelled.T, strict=True):
        if np.count_nonzero(visible) < LEAST_PEOPLE:
            continue
        if points[visible, 2].max() < SILENT_SCORE:
            silent.append(name)
        elif points[visible, :2].std(axis=0).max() < STUCK_PX:
            stuck.append(name)
    if not silent and not stuck:
        return None
    parts = [f"{len(silent)} keypoints score below {SILENT_SCORE} on everybody ({some(silent)})"] if silent else []
    parts += [f"{len(stuck)} keypoints lie at the same place of every crop ({some(stuck)})"] if stuck else []
    return Finding(
        "silent-keypoint",
        "error",
        f"{'; '.join(parts)}; of {len(labelled)} people",
        "check whether the Keras network finds them: if it does, the conversion lost them (try float16); if not, the "
        "training did (labels, skeleton, mask)",
        {"silent": silent, "stuck": stuck, "people": len(labelled)},
    )


def _dead(constant: dict[str, np.ndarray], people: int) -> Finding | None:
    """Find channels that never change; `constant` is layer -> for every channel, whether it had one value only."""
    dead = {name: int(np.count_nonzero(same)) for name, same in constant.items() if same.any()}
    if not dead:
        return None
    total = sum(len(same) for same in constant.values())
    worst = max(dead, key=lambda name: dead[name] / len(constant[name]))
    share = dead[worst] / len(constant[worst])
    return Finding(
        "dead-channels",
        "warning" if share >= 0.1 else "note",
        f"{sum(dead.values())} of {total} channels in {len(dead)} of {len(constant)} layers never change over {people} "
        f"people; most in {some([worst])}, {dead[worst]} of {len(constant[worst])}",
        "they cost time and do nothing: a narrower network does the same; where the float file's are alive, the "
        "calibration's range is far too wide",
        {"channels": sum(dead.values()), "layers": sorted(dead), "worst_share": round(share, 4)},
    )
