"""The outputs of other projects: known answers, mirrored crops, and settings that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from poseport import flip, pose, records
from poseport.architecture import DeepPoseArchitecture, ForeignArchitecture, MobileNetArchitecture
from poseport.outputs import tensors
from poseport.outputs.kinds import (
    CoordsOutput,
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    OffsetsOutput,
    Output,
    SimccOutput,
)
from poseport.skeletons import LSP14
from poseport.spec import PoseSpec

POSENET = OffsetsOutput(stride=16)
MOVENET = OffsetsOutput(
    stride=4, origin_px=-0.5, offset_px=4.0, order="yx-pairs", values="scores", layout="channels-first"
)
KINDS: list[tuple[Output, tuple[int, int]]] = [
    (POSENET, (65, 97)),
    (MOVENET, (48, 64)),
    (SimccOutput(), (48, 64)),
    (SimccOutput(split_ratio=1.5), (48, 64)),
    (SimccOutput(values="logits", sigma=3.0), (48, 64)),
    (LandmarksOutput(auxiliary=6), (48, 64)),
    (LandmarksOutput(score="none"), (48, 64)),
    (HeatmapOutput(layout="channels-first"), (48, 64)),
]
EACH = pytest.mark.parametrize(
    ("output", "hw"), KINDS, ids=[f"{output.kind}-{i}" for i, (output, _) in enumerate(KINDS)]
)


def spec_of(output: Output, hw: tuple[int, int]) -> PoseSpec:
    return PoseSpec("theirs", ForeignArchitecture(), LSP14, hw, output)


def outputs_for(spec: PoseSpec, points: np.ndarray) -> np.ndarray:
    """Raw outputs (1, *output_shape) of a network that finds `points` (14, 2), multiples of 2 px."""
    raw = np.zeros(spec.output_shape, np.float32)
    match spec.output:
        case OffsetsOutput() as output:
            raw[..., :14] = 0.1
            cells = np.rint((points - output.origin_px) / output.stride).astype(int)
            cells = np.clip(cells, 0, np.array(raw.shape[1::-1]) - 1)
            away = (points - output.origin_px - output.stride * cells) / output.offset_px
            for k, ((x, y), (dx, dy)) in enumerate(zip(cells, away, strict=True)):
                raw[y, x, k] = 0.8
                pair = output.order == "yx-pairs"
                raw[y, x, 14 + (2 * k if pair else k)] = dy
                raw[y, x, 14 + (2 * k + 1 if pair else 14 + k)] = dx
        case SimccOutput(values="logits"):
            raw = np.log(np.maximum(pose.encode(spec, points), 1e-6)) + 5
        case SimccOutput() as output:
            bins = np.rint(points * output.split_ratio).astype(int)
            raw[np.arange(14), bins[:, 0]] = 0.9
            raw[np.arange(14), output.bins(spec.input_hw[1]) + bins[:, 1]] = 0.7
        case LandmarksOutput():
            raw[:14, :2] = points + 0.5
            raw[:14, 3:4] = 2.0
        case HeatmapOutput():
            raw = pose.encode(spec, points)
    return raw[None]


@EACH
def test_what_is_written_is_read(output: Output, hw: tuple[int, int]) -> None:
    spec = spec_of(output, hw)
    points = 2.0 * np.random.default_rng(0).integers(2, (hw[1] // 2 - 2, hw[0] // 2 - 2), (14, 2))
    found = pose.decode_input(spec, outputs_for(spec, points))[0]
    np.testing.assert_allclose(found[:, :2], points, atol=1e-4)
    score = {"offsets": 0.8, "simcc": 0.7, "landmarks": 1 / (1 + np.exp(-2.0)), "heatmap": 0.95}[output.kind]
    if output == POSENET:
        score = 1 / (1 + np.exp(-0.8))
    if output == LandmarksOutput(score="none") or (isinstance(output, SimccOutput) and output.values == "logits"):
        score = 1.0  # the very Gaussian that a network is trained towards
    whole = isinstance(output, SimccOutput) and output.values == "scores"
    np.testing.assert_allclose(
        found[:, 2], score, atol=1e-6 if whole or output.kind in ("offsets", "landmarks") else 0.06
    )


@EACH
def test_a_mirrored_crop_gives_the_same_keypoints(output: Output, hw: tuple[int, int]) -> None:
    """Flip averaging turns the outputs of the mirrored crop back: left and right swapped, x counted from the left."""
    spec = spec_of(output, hw)
    points = 2.0 * np.random.default_rng(1).integers(4, (hw[1] // 2 - 4, hw[0] // 2 - 4), (14, 2))
    seen = points[LSP14.flip_index] * [-1, 1] + [hw[1] - 1, 0]  # by a network that looks at the mirrored crop
    if isinstance(output, SimccOutput):
        seen = np.round(seen * output.split_ratio) / output.split_ratio
    found = pose.decode_input(spec, flip.unflip(spec, outputs_for(spec, seen)))[0]
    # with an odd number of half bins, no bin is exactly the mirror of another one
    tolerance = 0.7 if isinstance(output, SimccOutput) and output.split_ratio == 1.5 else 1e-3
    np.testing.assert_allclose(found[:, :2], points, atol=tolerance)


@EACH
def test_tensors_are_joined_and_split(output: Output, hw: tuple[int, int]) -> None:
    spec = spec_of(output, hw)
    raw = np.random.default_rng(2).normal(size=(2, *spec.output_shape)).astype(np.float32)
    parts = tensors.split(spec, raw)
    assert [part.shape[1:] for part in parts] == [tensor.shape for tensor in spec.output_tensors]
    np.testing.assert_array_equal(tensors.join(spec, parts), raw)


def test_scores_of_mmpose() -> None:
    """`get_simcc_maximum`: the lower of the two maxima; below 0 it is none."""
    spec = spec_of(SimccOutput(), (16, 16))
    raw = np.zeros((1, 14, 64), np.float32)
    raw[0, 0, [3, 32 + 5]] = 0.4, 0.3
    raw[0, 1] = -1.0
    raw[0, 2, [0, 32]] = 2.0, 3.0
    found = pose.decode_input(spec, raw)[0]
    np.testing.assert_allclose(found[:3], [[1.5, 2.5, 0.3], [0, 0, 0], [0, 0, 1]], atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    spec = spec_of(LandmarksOutput(), (16, 16))
    raw = np.zeros((1, 14, 5), np.float32)
    raw[0, :2, 3] = -3000, 3000
    with np.errstate(all="raise", under="ignore"):
        assert pose.decode_input(spec, raw)[0, :2, 2].tolist() == [0.0, 1.0]
        spec = spec_of(SimccOutput(values="logits"), (16, 16))
        raw = np.zeros((1, *spec.output_shape), np.float32)
        raw[0, 0, [3, 32 + 5]] = 3000
        np.testing.assert_allclose(pose.decode_input(spec, raw)[0, 0], [1.5, 2.5, 1.0])


def test_logits_that_say_nothing_score_low() -> None:
    """A flat distribution scores the height of its cells relative to that of the Gaussian: sqrt(2 pi) sigma / bins."""
    spec = spec_of(SimccOutput(values="logits", sigma=2.0), (64, 128))
    found = pose.decode_input(spec, np.full((1, *spec.output_shape), 7, np.float32))
    np.testing.assert_allclose(found[..., 2], np.sqrt(2 * np.pi) * 2 / 256)


def test_files_of_earlier_versions_are_the_same_byte_for_byte() -> None:
    """What came later is written only where it is used."""
    for output in (HeatmapOutput(), CoordsOutput(), KeypointsOutput()):
        text = records.dumps(spec_of(output, (64, 64)))
        assert "layout" not in text
        assert "tensor" not in text
    text = records.dumps(PoseSpec("ours", MobileNetArchitecture(), LSP14, (64, 64), HeatmapOutput()))
    assert "dense_units" not in text
    assert "values" not in records.dumps(spec_of(SimccOutput(), (64, 64)))
    named = spec_of(HeatmapOutput(tensor="maps", layout="channels-first"), (64, 64))
    assert records.loads(PoseSpec, records.dumps(named), "t") == named


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OffsetsOutput(stride=0), "stride 0 must be above 0"),
        (lambda: OffsetsOutput(offset_px=0), r"offset_px 0 above 0"),
        (lambda: OffsetsOutput(origin_px=1e6), "origin_px 1000000.0 within 4096 of 0"),
        (lambda: OffsetsOutput(heatmaps="a", offsets="a"), "two different names, found 'a' and 'a'"),
        (lambda: SimccOutput(split_ratio=17), "split_ratio must be above 0 and up to 16, found 17"),
        (lambda: SimccOutput(sigma=0), "sigma must be above 0 and up to 1024 bins, found 0"),
        (lambda: SimccOutput(x=""), "two different names, found '' and 'simcc_y'"),
        (lambda: LandmarksOutput(auxiliary=-1), "auxiliary must be 0 to 512, found -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_network_of_ours_has_no_such_output() -> None:
    with pytest.raises(ValueError, match="a deeppose network has no simcc output"):
        PoseSpec("d", DeepPoseArchitecture(), LSP14, (64, 64), SimccOutput())
