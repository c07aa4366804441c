"""The record that travels with a model: what it derives, what it refuses, and that it survives JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from poseport import records
from poseport.architecture import (
    CpmArchitecture,
    DeepPoseArchitecture,
    ForeignArchitecture,
    HourglassArchitecture,
    MobileNetArchitecture,
)
from poseport.skeletons import COCO17, LSP14
from poseport.spec import CoordsOutput, Decode, HeatmapOutput, OffsetsOutput, PoseSpec
from poseport.tflite.card import Calibration, Conversion, ModelCard

HOURGLASS = PoseSpec(
    "h", HourglassArchitecture(stacks=2, width=32, depth=3), COCO17, (192, 160), HeatmapOutput(decode=Decode("quarter"))
)
CPM = PoseSpec("c", CpmArchitecture(), COCO17, (184, 96), HeatmapOutput(stride=8))
MOBILENET = PoseSpec("m", MobileNetArchitecture(blocks=8, depth=2), COCO17, (64, 64), HeatmapOutput(values="logits"))
DEEPPOSE = PoseSpec("d", DeepPoseArchitecture(dropout=0.5), LSP14, (100, 224), CoordsOutput())


def test_what_is_derived() -> None:
    assert HOURGLASS.family == "hourglass"
    assert HOURGLASS.heatmap_hw == (48, 40)
    assert HOURGLASS.output_shape == (48, 40, 17)
    assert HOURGLASS.output_name == "heatmaps"
    assert CPM.family == "cpm"
    assert MOBILENET.family == "mobilenet"
    assert MOBILENET.output_shape == (16, 16, 17)
    assert CPM.output_shape == (23, 12, 17)
    assert DEEPPOSE.family == "deeppose"
    assert DEEPPOSE.output_shape == (14, 2)
    assert replace(DEEPPOSE, output=CoordsOutput("coords", "visibility")).output_shape == (14, 3)
    assert replace(DEEPPOSE, output=CoordsOutput(score="sigma")).output_shape == (14, 3)
    assert DEEPPOSE.output_name == "coords"
    with pytest.raises(ValueError, match="d has no heatmaps: its output is coords"):
        _ = DEEPPOSE.heatmap_hw


def test_an_input_is_bytes_only_when_values_span_0_to_1() -> None:
    assert HOURGLASS.byte_exact
    assert not replace(HOURGLASS, mean=(0.0, 0.0, 1.0)).byte_exact
    assert not replace(HOURGLASS, std=(255.0, 254.0, 255.0)).byte_exact


@pytest.mark.parametrize("spec", [HOURGLASS, CPM, DEEPPOSE, MOBILENET], ids=lambda s: s.name)
def test_a_card_survives_json(spec: PoseSpec) -> None:
    calibration = Calibration("ab" * 32, 7, ((1, 2), (139, 0)), ("00", "11"))
    card = ModelCard(spec, Conversion("int8", "e", "cd" * 32, {"poseport": "0"}, calibration))
    assert records.loads(ModelCard, records.dumps(card), "t") == card
    without = replace(card, conversion=replace(card.conversion, calibration=None))
    assert records.loads(ModelCard, records.dumps(without), "t") == without


def test_an_unknown_key_deep_inside_is_named_with_its_place() -> None:
    data = json.loads(records.dumps(HOURGLASS))
    data["output"]["decode"]["blur"] = 1
    message = "t: output: decode: unknown key 'blur'; Decode has method, blur_cells, radius_cells, threshold"
    with pytest.raises(ValueError, match=message):
        records.loads(PoseSpec, json.dumps(data), "t")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("architecture", {"kind": "resnet"}, "architecture: kind 'resnet' is not one of hourglass, cpm, deeppose"),
        ("output", {"kind": "heatmap", "values": "odds"}, "output: values: 'odds' is not one of gaussian, logits"),
        ("output", {"kind": "heatmap", "decode": {"method": "best"}}, "'best' is not one of argmax, quarter, dark"),
        ("input_hw", [192], "input_hw: 1 values, expected 2"),
        ("mean", [0, 0, None], r"mean\[2\]: None is not a float"),
        ("skeleton", "coco17", "skeleton: expected an object with the keys of Skeleton, found 'coco17'"),
    ],
)
def test_a_wrong_value_in_a_file_is_named(key: str, value: Any, message: str) -> None:
    data = json.loads(records.dumps(HOURGLASS)) | {key: value}
    with pytest.raises(ValueError, match=f"t: .*{message}"):
        records.loads(PoseSpec, json.dumps(data), "t")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_hw": (100, 160)}, r"\(100, 160\) must be multiples of 32"),
        ({"input_hw": (160, 100)}, r"multiples of 32"),
        ({"input_hw": (0, 0)}, r"16 to 4096 each, found \(0, 0\)"),
        ({"input_hw": (4128, 160)}, r"16 to 4096 each, found \(4128, 160\)"),
        (
            {"architecture": ForeignArchitecture(), "output": HeatmapOutput(stride=161)},
            r"stride 161 is larger than input_hw \(192, 160\)",
        ),
        ({"padding": 0.0}, "padding 0.0"),
        ({"least_score": 1.5}, "least_score must be 0 to 1, found 1.5"),
        ({"std": (1.0, 0.0, 1.0)}, "must be above 0"),
        ({"output": CoordsOutput()}, "a hourglass network has no coords output"),
        ({"architecture": DeepPoseArchitecture()}, "a deeppose network has no heatmap output"),
        ({"output": HeatmapOutput(stride=8), "input_hw": (192, 192)}, "stride 4, found 8"),
        (
            {"architecture": CpmArchitecture(), "output": HeatmapOutput(stride=2)},
            "a pose machine has stride 4 or 8, found 2",
        ),
        (
            {"architecture": CpmArchitecture(), "output": HeatmapOutput(stride=8), "input_hw": (100, 96)},
            r"\(100, 96\) must be multiples of 8 \(its stride\)",
        ),
        (
            {"architecture": MobileNetArchitecture(blocks=13, depth=1), "input_hw": (96, 80)},
            r"\(96, 80\) must be multiples of 32 \(encoder's stride x 2\^depth\)",
        ),
        (
            {"architecture": MobileNetArchitecture(), "output": HeatmapOutput(stride=8), "input_hw": (64, 64)},
            "stride 4, found 8",
        ),
        ({"architecture": MobileNetArchitecture(), "output": OffsetsOutput()}, "a mobilenet network has no offsets"),
        ({"architecture": CpmArchitecture(), "output": CoordsOutput()}, "a cpm network has no coords output"),
        (
            {
                "output": HeatmapOutput(values="logits"),
                "architecture": HourglassArchitecture(depth=3, head="sigmoid"),
            },
            "logits need a linear head, found 'sigmoid'",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(HOURGLASS, **changes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: HourglassArchitecture(stacks=0),
        lambda: HourglassArchitecture(stacks=9),
        lambda: HourglassArchitecture(width=30),
        lambda: HourglassArchitecture(width=0),
        lambda: HourglassArchitecture(depth=0),
        lambda: CpmArchitecture(stages=0),
        lambda: CpmArchitecture(stages=7),
        lambda: CpmArchitecture(width=30),
        lambda: MobileNetArchitecture(blocks=3),
        lambda: MobileNetArchitecture(blocks=18),
        lambda: MobileNetArchitecture(multiplier=0.0),
        lambda: MobileNetArchitecture(width=6),
        lambda: MobileNetArchitecture(depth=5),
        lambda: DeepPoseArchitecture(width=0.0),
        lambda: DeepPoseArchitecture(dropout=1.0),
        lambda: DeepPoseArchitecture(dense_units=-1),
        lambda: Decode(blur_cells=-0.1),
        lambda: Decode(blur_cells=64.5),
        lambda: Decode(radius_cells=-1),
        lambda: Decode(radius_cells=65),
        lambda: Decode(radius_cells=10**30),
        lambda: HeatmapOutput(stride=0),
        lambda: HeatmapOutput(sigma=0.0),
    ],
)
def test_arguments_out_of_range_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"found|out of range|above 0"):
        make()
