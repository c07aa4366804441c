"""The record of everything needed to use a network: its input, its output and its skeleton.

Training writes a `PoseSpec` into the bundle, and every converted file carries it. No other part of the toolkit keeps a
mean, a size, a stride or a decoder of its own. Values are checked when a record is made, so that a faulty file is
refused when it is read; the limits are those of the Android app (`Spec.kt`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from poseport.architecture import (
    Architecture,
    DeepPoseArchitecture,
    ForeignArchitecture,
    HourglassArchitecture,
    ImportedArchitecture,
    MobileNetArchitecture,
)
from poseport.outputs.decode import Decode as Decode
from poseport.outputs.decode import DecodeMethod as DecodeMethod
from poseport.outputs.kinds import CoordsOutput as CoordsOutput
from poseport.outputs.kinds import HeatmapOutput as HeatmapOutput
from poseport.outputs.kinds import KeypointsOutput as KeypointsOutput
from poseport.outputs.kinds import LandmarksOutput as LandmarksOutput
from poseport.outputs.kinds import OffsetsOutput as OffsetsOutput
from poseport.outputs.kinds import Output
from poseport.outputs.kinds import SimccOutput as SimccOutput
from poseport.outputs.kinds import Values as Values
from poseport.outputs.output_tensor import OutputTensor
from poseport.skeleton import Skeleton

ChannelOrder = Literal["rgb", "bgr"]

MIN_INPUT, MAX_INPUT = 16, 4096  # pixels


@dataclass(frozen=True)
class Refine:
    """Settings of a later stage of a cascade, which corrects the keypoints of the stage before it.

    Attributes:
        box_sigma: side of the square around an estimate, in torso diameters (Toshev and Szegedy 2014, section 3.2;
            1 on FLIC, 2 on LSP). See `poseport.cascade`.
    """

    box_sigma: float = 2.0

    def __post_init__(self) -> None:
        if not self.box_sigma > 0:
            raise ValueError(f"box_sigma must be above 0, found {self.box_sigma}")


@dataclass(frozen=True)
class PoseSpec:
    """A pose network from the outside.

    Attributes:
        name: name of the network.
        architecture: its family, and the arguments that build it.
        skeleton: the keypoints that it predicts.
        input_hw: height and width of the input in pixels, 16 to 4096 each.
        output: kind and meaning of its output.
        padding: factor by which the person's box is enlarged before it is cropped.
        mean, std: red, green, blue, in pixel values 0 to 255; the input of the network is (pixel - mean) / std.
        channel_order: the order of the colour channels in the network's input.
        refine: settings of a later stage of a cascade; None for a network that starts from the person's box.
        least_score: score from which on a find in a single picture counts, 0 to 1, because each network's scores have a
            scale of their own; None for the usual one (`poseport.people.everyone.least_score`).
    """

    name: str
    architecture: Architecture
    skeleton: Skeleton
    input_hw: tuple[int, int]
    output: Output
    padding: float = 1.25
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    channel_order: ChannelOrder = "rgb"
    refine: Refine | None = None
    least_score: float | None = None
    ADDED: ClassVar[tuple[str, ...]] = ("least_score",)

    def __post_init__(self) -> None:
        h, w = self.input_hw
        if not MIN_INPUT <= min(h, w) <= max(h, w) <= MAX_INPUT:
            raise ValueError(f"input_hw must be {MIN_INPUT} to {MAX_INPUT} each, found {self.input_hw}")
        if self.padding <= 0 or min(self.std) <= 0:
            raise ValueError(f"padding {self.padding} and std {self.std} must be above 0")
        if self.least_score is not None and not 0 <= self.least_score <= 1:
            raise ValueError(f"least_score must be 0 to 1, found {self.least_score}")
        if isinstance(self.output, HeatmapOutput) and self.output.stride > min(h, w):
            raise ValueError(f"stride {self.output.stride} is larger than input_hw {self.input_hw}")
        if isinstance(self.architecture, ForeignArchitecture):
            return  # the file's own tensors are compared with it when it is opened
        trained: tuple[type, ...] = (HeatmapOutput,)
        if isinstance(self.architecture, DeepPoseArchitecture):
            trained = (CoordsOutput,)
        elif isinstance(self.architecture, MobileNetArchitecture):
            trained = (HeatmapOutput, CoordsOutput, SimccOutput)
        decoded = isinstance(self.output, KeypointsOutput)  # by a head that conversion put behind the network
        imported = isinstance(self.architecture, ImportedArchitecture)  # its output is compared when it is built
        if not decoded and not imported and not isinstance(self.output, trained):
            raise ValueError(f"a {self.family} network has no {self.output.kind} output")
        if self.refine is not None:
            self._check_refine()
        if isinstance(self.output, HeatmapOutput):
            self._check_heatmaps(self.output)

    def _check_refine(self) -> None:
        if self.output != CoordsOutput() or self.padding != 1:
            raise ValueError(f"{self.name} refines: it has coordinates as output, and padding 1 around its boxes")
        if self.skeleton.torso is None:
            raise ValueError(f"{self.name} refines: skeleton {self.skeleton.name!r} needs a torso pair for its boxes")

    def _check_heatmaps(self, output: HeatmapOutput) -> None:
        h, w = self.input_hw
        if isinstance(self.architecture, HourglassArchitecture):
            if output.stride != 4:
                raise ValueError(f"an hourglass has stride 4, found {output.stride}")
            if output.values == "logits" and self.architecture.head != "linear":
                raise ValueError(f"logits need a linear head, found {self.architecture.head!r}")
            step, why = output.stride * 2**self.architecture.depth, "stride x 2^depth"
        elif isinstance(self.architecture, MobileNetArchitecture):
            if output.stride != 4:
                raise ValueError(f"an hourglass has stride 4, found {output.stride}")
            step, why = self.architecture.encoder_stride * 2**self.architecture.depth, "encoder's stride x 2^depth"
        elif isinstance(self.architecture, ImportedArchitecture):
            step, why = output.stride, "its stride"
        else:
            if output.stride not in (4, 8):
                raise ValueError(f"a pose machine has stride 4 or 8, found {output.stride}")
            step, why = output.stride, "its stride"
        if h % step or w % step:
            raise ValueError(f"input_hw {self.input_hw} must be multiples of {step} ({why})")

    @property
    def family(self) -> str:
        """The kind of network: hourglass, cpm, deeppose, mobilenet, imported or foreign."""
        return self.architecture.kind

    @property
    def heatmap_hw(self) -> tuple[int, int]:
        """Height and width of the heatmaps in cells.

        Raises:
            ValueError: if the network has no heatmaps.
        """
        if not isinstance(self.output, HeatmapOutput):
            raise ValueError(f"{self.name} has no heatmaps: its output is {self.output.kind}")
        return self.input_hw[0] // self.output.stride, self.input_hw[1] // self.output.stride

    @property
    def output_tensors(self) -> tuple[OutputTensor, ...]:
        """The output tensors of a file with this network, in the order in which they are joined."""
        return self.output.tensors(self.input_hw, len(self.skeleton))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one crop: channels last, and several tensors joined along the last axis."""
        shapes = [
            (*tensor.shape[1:], tensor.shape[0]) if tensor.layout == "channels-first" else tensor.shape
            for tensor in self.output_tensors
        ]
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    @property
    def output_name(self) -> str:
        """Name of the output tensor in a converted file's signature."""
        return "heatmaps" if isinstance(self.output, HeatmapOutput) else self.output.kind

    @property
    def crops_per_person(self) -> int:
        """Number of times the network runs per person: once, or once per keypoint in a later stage of a cascade."""
        return 1 if self.refine is None else len(self.skeleton)

    @property
    def byte_exact(self) -> bool:
        """Whether an int8 input can be exactly `pixel - 128`: the input is RGB and spans [0, 1]."""
        plain = self.channel_order == "rgb"
        return bool(plain and np.all(np.equal(self.mean, 0.0)) and np.all(np.equal(self.std, 255.0)))
