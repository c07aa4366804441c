"""The record of everything needed to use a network: its input, its output and its skeleton.

Training writes a `PoseSpec` into the bundle, and every converted file carries it. No other part of the toolkit keeps a
mean, a size, a stride or a decoder of its own. Values are checked when a record is made, so that a faulty file is
refused when it is read; the limits are those of the Android app (`Spec.kt`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from poseport.architecture import (
    Architecture,
    DeepPoseArchitecture,
    ForeignArchitecture,
    HourglassArchitecture,
    ImportedArchitecture,
    MobileNetArchitecture,
)
from poseport.skeleton import Skeleton

Values = Literal["gaussian", "logits"]
Score = Literal["none", "visibility", "sigma"]
DecodeMethod = Literal["argmax", "quarter", "dark", "centroid", "seed"]
KeypointOrder = Literal["xys", "yxs"]
ChannelOrder = Literal["rgb", "bgr"]

MIN_INPUT, MAX_INPUT = 16, 4096  # pixels
MAX_CELLS = 64  # limit of a decoder's window and blur


@dataclass(frozen=True)
class Decode:
    """How a heatmap becomes a point (see `poseport.heatmap`).

    Attributes:
        method: name of the decoder; "seed" is `heatmap.upsampled`.
        blur_cells: sigma in cells of the Gaussian with which `dark` smooths the map first; 0 for none.
        radius_cells: half width in cells of the window of `centroid`.
        threshold: peaks below it give no keypoint with `seed`.
    """

    method: DecodeMethod = "dark"
    blur_cells: float = 0.0
    radius_cells: int = 2
    threshold: float = 0.04

    def __post_init__(self) -> None:
        for name, value in (("blur_cells", self.blur_cells), ("radius_cells", self.radius_cells)):
            if not 0 <= value <= MAX_CELLS:
                raise ValueError(f"{name} must be 0 to {MAX_CELLS}, found {value}")


@dataclass(frozen=True)
class HeatmapOutput:
    """One map per keypoint.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        stride: input pixels per cell.
        sigma: standard deviation of the target Gaussian, in cells.
        values: "gaussian" maps peak at 1 and are trained with a squared error; "logits" become a distribution over
            the cells by softmax and are trained with cross-entropy.
        decode: how a map becomes a point.
    """

    kind: Literal["heatmap"] = "heatmap"
    stride: int = 4
    sigma: float = 1.5
    values: Values = "gaussian"
    decode: Decode = Decode()

    def __post_init__(self) -> None:
        if self.stride < 1 or self.sigma <= 0:
            raise ValueError(f"stride {self.stride} and sigma {self.sigma} must be above 0")


@dataclass(frozen=True)
class CoordsOutput:
    """x and y per keypoint in [-0.5, 0.5], relative to the centre and size of the input.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        score: the meaning of a third number per keypoint, which is a score minus 0.5, so that it has the range of the
            coordinates and one int8 scale fits all three. "none": there is no third number, and scores are 1.
            "visibility": 1 if the keypoint is in the picture, 0 if not (Gupta and Gritton, section 4.5.2). "sigma":
            1 minus the error in x or y that the network predicts for itself, in sides of the input (Li et al. 2021).
    """

    kind: Literal["coords"] = "coords"
    score: Score = "none"


@dataclass(frozen=True)
class KeypointsOutput:
    """Three numbers per keypoint from a network that contains its decoder: x, y and a score in [0, 1].

    x and y run from 0 at the input's left and upper edge to 1 at the right and lower edge.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        order: the order in which the network writes x, y and the score.
    """

    kind: Literal["keypoints"] = "keypoints"
    order: KeypointOrder = "xys"


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
    """

    name: str
    architecture: Architecture
    skeleton: Skeleton
    input_hw: tuple[int, int]
    output: HeatmapOutput | CoordsOutput | KeypointsOutput
    padding: float = 1.25
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    channel_order: ChannelOrder = "rgb"
    refine: Refine | None = None

    def __post_init__(self) -> None:
        h, w = self.input_hw
        if not MIN_INPUT <= min(h, w) <= max(h, w) <= MAX_INPUT:
            raise ValueError(f"input_hw must be {MIN_INPUT} to {MAX_INPUT} each, found {self.input_hw}")
        if self.padding <= 0 or min(self.std) <= 0:
            raise ValueError(f"padding {self.padding} and std {self.std} must be above 0")
        if isinstance(self.output, HeatmapOutput) and self.output.stride > min(h, w):
            raise ValueError(f"stride {self.output.stride} is larger than input_hw {self.input_hw}")
        if isinstance(self.architecture, ForeignArchitecture):
            return  # the file's own tensors are compared with it when it is opened
        heatmap = isinstance(self.output, HeatmapOutput)
        decoded = isinstance(self.output, KeypointsOutput)  # by a head that conversion put behind the network
        imported = isinstance(self.architecture, ImportedArchitecture)  # its output is compared when it is built
        if not decoded and not imported and heatmap == isinstance(self.architecture, DeepPoseArchitecture):
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
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one crop."""
        if isinstance(self.output, HeatmapOutput):
            return (*self.heatmap_hw, len(self.skeleton))
        plain = isinstance(self.output, CoordsOutput) and self.output.score == "none"
        return (len(self.skeleton), 2 if plain else 3)

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
