"""What must be known to use a network: its input, its output and its skeleton, in one record.

A `PoseSpec` is written by training into the bundle, and travels inside every converted file. No
other part of the toolkit keeps a mean, a size, a stride or a decoder of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from poseport.skeleton import Skeleton

Block = Literal["bottleneck", "separable"]
Activation = Literal["linear", "sigmoid", "relu"]
Trunk = Literal["alexnet", "mobile"]
Values = Literal["gaussian", "logits"]
DecodeMethod = Literal["argmax", "quarter", "dark", "centroid", "seed"]


@dataclass(frozen=True)
class HourglassArchitecture:
    """Arguments of the stacked hourglass (Newell et al. 2016).

    depth: poolings inside one hourglass; 4 goes from 64x64 down to 4x4.
    head: activation of the heatmaps.
    """

    kind: Literal["hourglass"] = "hourglass"
    stacks: int = 1
    width: int = 96
    depth: int = 4
    block: Block = "separable"
    head: Activation = "linear"

    def __post_init__(self) -> None:
        if not 1 <= self.stacks <= 8:
            raise ValueError(f"an hourglass has 1 to 8 stacks, found {self.stacks}")
        if self.width < 4 or self.width % 4:
            raise ValueError(f"width must be a positive multiple of 4, found {self.width}")
        if not 1 <= self.depth <= 6:
            raise ValueError(f"depth must be 1 to 6, found {self.depth}")


@dataclass(frozen=True)
class DeepPoseArchitecture:
    """Arguments of the DeepPose regressor (Toshev and Szegedy 2014).

    width: multiplier of the trunk's channels; dense_units: size of the hidden layers (0: none).
    """

    kind: Literal["deeppose"] = "deeppose"
    trunk: Trunk = "mobile"
    width: float = 1.0
    dense_units: int = 256
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.width <= 4:
            raise ValueError(f"width must be in (0, 4], found {self.width}")
        if self.dense_units < 0 or not 0 <= self.dropout < 1:
            raise ValueError(f"dense_units {self.dense_units} or dropout {self.dropout} is out of range")


Architecture = HourglassArchitecture | DeepPoseArchitecture


@dataclass(frozen=True)
class Decode:
    """How a heatmap becomes a point (see `poseport.heatmap`).

    blur_cells: sigma of the Gaussian that `dark` smooths the map with first (0: none).
    radius_cells: half width of the window of `centroid`.
    threshold: peaks below it give no keypoint in `seed`.
    """

    method: DecodeMethod = "dark"
    blur_cells: float = 0.0
    radius_cells: int = 2
    threshold: float = 0.04


@dataclass(frozen=True)
class HeatmapOutput:
    """One map a keypoint.

    stride: input pixels a cell. sigma: of the target Gaussian, in cells.
    values: "gaussian" maps peak at 1 (trained by squared error); "logits" become a distribution over
    the cells by softmax (trained by cross-entropy).
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
    """(x, y) a keypoint in [-0.5, 0.5], relative to the centre and size of the input."""

    kind: Literal["coords"] = "coords"


@dataclass(frozen=True)
class Refine:
    """A later stage of a cascade, which corrects the keypoints of the stage before (see `poseport.cascade`).

    box_sigma: side of the square around an estimate, in torso diameters (Toshev and Szegedy 2014, section
    3.2; 1 on FLIC, 2 on LSP).
    """

    box_sigma: float = 2.0

    def __post_init__(self) -> None:
        if not self.box_sigma > 0:
            raise ValueError(f"box_sigma must be above 0, found {self.box_sigma}")


@dataclass(frozen=True)
class PoseSpec:
    """A pose network as its users see it.

    input_hw: height and width of the input in pixels.
    padding: the person's box is enlarged by this factor before it is cropped.
    mean, std: RGB, in pixel values 0..255; the network sees (pixel - mean) / std.
    refine: of a later stage of a cascade; None for a network that starts from the person's box.
    """

    name: str
    architecture: Architecture
    skeleton: Skeleton
    input_hw: tuple[int, int]
    output: HeatmapOutput | CoordsOutput
    padding: float = 1.25
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    refine: Refine | None = None

    def __post_init__(self) -> None:
        h, w = self.input_hw
        if min(h, w) < 16:
            raise ValueError(f"input_hw must be at least 16 each, found {self.input_hw}")
        if self.padding <= 0 or min(self.std) <= 0:
            raise ValueError(f"padding {self.padding} and std {self.std} must be above 0")
        heatmap = isinstance(self.output, HeatmapOutput)
        if heatmap != isinstance(self.architecture, HourglassArchitecture):
            raise ValueError(f"a {self.family} network has no {self.output.kind} output")
        if self.refine is not None:
            if self.output != CoordsOutput() or self.padding != 1:
                raise ValueError(f"{self.name} refines: it has coordinates as output, and padding 1 around its boxes")
            if self.skeleton.torso is None:
                raise ValueError(
                    f"{self.name} refines: skeleton {self.skeleton.name!r} needs a torso pair for its boxes"
                )
        if isinstance(self.output, HeatmapOutput) and isinstance(self.architecture, HourglassArchitecture):
            step = self.output.stride * 2**self.architecture.depth
            if h % step or w % step:
                raise ValueError(f"input_hw {self.input_hw} must be multiples of {step} (stride x 2^depth)")
            if self.output.stride != 4:
                raise ValueError(f"an hourglass has stride 4, found {self.output.stride}")
            if self.output.values == "logits" and self.architecture.head != "linear":
                raise ValueError(f"logits need a linear head, found {self.architecture.head!r}")

    @property
    def family(self) -> str:
        """The kind of network: hourglass or deeppose."""
        return self.architecture.kind

    @property
    def heatmap_hw(self) -> tuple[int, int]:
        """Height and width of the heatmaps in cells; ValueError for a network without heatmaps."""
        if not isinstance(self.output, HeatmapOutput):
            raise ValueError(f"{self.name} has no heatmaps: its output is {self.output.kind}")
        return self.input_hw[0] // self.output.stride, self.input_hw[1] // self.output.stride

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one person."""
        if isinstance(self.output, HeatmapOutput):
            return (*self.heatmap_hw, len(self.skeleton))
        return (len(self.skeleton), 2)

    @property
    def output_name(self) -> str:
        """Name of the output tensor in a converted file's signature."""
        return "heatmaps" if isinstance(self.output, HeatmapOutput) else "coords"

    @property
    def crops_per_person(self) -> int:
        """How often the network runs for one person: a later stage once a keypoint."""
        return 1 if self.refine is None else len(self.skeleton)

    @property
    def byte_exact(self) -> bool:
        """True when an int8 input can be exactly `pixel - 128`: values span [0, 1]."""
        return bool(np.all(np.equal(self.mean, 0.0)) and np.all(np.equal(self.std, 255.0)))


@dataclass(frozen=True)
class Calibration:
    """Which people settled the activation ranges of a quantized file.

    people: (image id, annotation id) of each, in the order used.
    images_sha256: first 16 hex digits of the sha256 of each person's image file.
    """

    annotations_sha256: str
    seed: int
    people: tuple[tuple[int, int], ...]
    images_sha256: tuple[str, ...]


@dataclass(frozen=True)
class Conversion:
    """How a file was made."""

    recipe: str
    engine: str
    weights_sha256: str
    versions: dict[str, str]
    calibration: Calibration | None = None


@dataclass(frozen=True)
class LaterStage:
    """A stage after the first of a converted cascade: name of its spec, sha256 of its file and of its weights."""

    name: str
    sha256: str
    weights_sha256: str


@dataclass(frozen=True)
class ModelCard:
    """What travels inside a converted file as `poseport.json`.

    later: the stages that refine this one's keypoints, whose files `stage2.tflite` ... lie beside the card.
    """

    spec: PoseSpec
    conversion: Conversion
    later: tuple[LaterStage, ...] = ()

    @property
    def weights_sha256(self) -> tuple[str, ...]:
        """Of every stage: what files of the same network in other recipes have in common."""
        return (self.conversion.weights_sha256, *(stage.weights_sha256 for stage in self.later))
