"""The kinds of output that a pose network can have; a spec carries one of them.

A file may give one kind in several tensors. Each kind lists them (`tensors`), and `poseport.outputs.tensors` joins them
to one array per crop, which every other part of the toolkit takes as the network's raw output.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from poseport.outputs.decode import Decode
from poseport.outputs.output_tensor import Layout, OutputTensor, map_tensor

Values = Literal["gaussian", "logits"]
Score = Literal["none", "visibility", "sigma"]
KeypointOrder = Literal["xys", "yxs"]
ScoreValues = Literal["logits", "scores"]
OffsetOrder = Literal["y-then-x", "yx-pairs"]
LandmarkScore = Literal["visibility", "presence", "none"]

MAX_BINS_PER_PIXEL = 16
MAX_SIGMA_BINS = 1024.0
MAX_AUXILIARY = 512
MAX_OFFSET_PX = 4096.0


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
        tensor: name of the output tensor; "" if the file has only one.
        layout: "channels-last" for a tensor (1, H, W, K), "channels-first" for (1, K, H, W).
    """

    ADDED: ClassVar[tuple[str, ...]] = ("tensor", "layout")

    kind: Literal["heatmap"] = "heatmap"
    stride: int = 4
    sigma: float = 1.5
    values: Values = "gaussian"
    decode: Decode = Decode()
    tensor: str = ""
    layout: Layout = "channels-last"

    def __post_init__(self) -> None:
        if self.stride < 1 or self.sigma <= 0:
            raise ValueError(f"stride {self.stride} and sigma {self.sigma} must be above 0")

    def tensors(self, input_hw: tuple[int, int], keypoints: int) -> tuple[OutputTensor, ...]:
        """The output tensors, in the order in which they are joined."""
        maps = (input_hw[0] // self.stride, input_hw[1] // self.stride, keypoints)
        return (map_tensor(self.tensor, maps, self.layout),)


@dataclass(frozen=True)
class OffsetsOutput:
    """One map of scores per keypoint, and for each cell the way from the cell to the keypoint.

    PoseNet's heatmaps with short offsets (Papandreou et al. 2017, section 3.2.1), and MoveNet's heads before its own
    decoding. Cell (u, v) is the input point (stride u + origin_px, stride v + origin_px). `poseport.outputs.offsets`
    decodes it.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        stride: input pixels per cell; there are ceil(size / stride) cells.
        origin_px: input pixel, on both axes, of the centre of cell (0, 0); 0 where the corners of map and input are
            aligned (PoseNet), -0.5 where cell u begins at the edge of pixel stride u (MoveNet).
        offset_px: input pixels per unit of an offset: 1 for PoseNet, the stride for MoveNet.
        order: "y-then-x" for K channels of y before K of x (PoseNet), "yx-pairs" for y and x of each keypoint in turn
            (MoveNet).
        values: "logits" become scores by a sigmoid; "scores" are scores already.
        heatmaps, offsets: names of the two output tensors.
        layout: "channels-last" for tensors (1, H, W, K) and (1, H, W, 2K), "channels-first" for (1, K, H, W) and
            (1, 2K, H, W).
    """

    kind: Literal["offsets"] = "offsets"
    stride: int = 32
    origin_px: float = 0.0
    offset_px: float = 1.0
    order: OffsetOrder = "y-then-x"
    values: ScoreValues = "logits"
    heatmaps: str = "float_heatmaps"
    offsets: str = "float_short_offsets"
    layout: Layout = "channels-last"

    def __post_init__(self) -> None:
        if self.stride < 1 or not 0 < self.offset_px <= MAX_OFFSET_PX or abs(self.origin_px) > MAX_OFFSET_PX:
            raise ValueError(
                f"stride {self.stride} must be above 0, offset_px {self.offset_px} above 0 and up to "
                f"{MAX_OFFSET_PX:g}, origin_px {self.origin_px} within {MAX_OFFSET_PX:g} of 0"
            )
        _check_names(self.heatmaps, self.offsets)

    def tensors(self, input_hw: tuple[int, int], keypoints: int) -> tuple[OutputTensor, ...]:
        """The output tensors, in the order in which they are joined."""
        h, w = (math.ceil(size / self.stride) for size in input_hw)
        return (
            map_tensor(self.heatmaps, (h, w, keypoints), self.layout),
            map_tensor(self.offsets, (h, w, 2 * keypoints), self.layout),
        )


@dataclass(frozen=True)
class SimccOutput:
    """Two vectors per keypoint: scores over the columns and over the rows of the input (SimCC, Li et al. 2022).

    RTMPose has this output. See `poseport.outputs.simcc`.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        split_ratio: bins per input pixel.
        x, y: names of the two output tensors, (1, K, width x split_ratio) and (1, K, height x split_ratio).
        values: "scores" are scores already (RTMPose); "logits" become a distribution over the bins by softmax and are
            trained with cross-entropy.
        sigma: standard deviation of the target Gaussian, in bins; used for logits only.
    """

    ADDED: ClassVar[tuple[str, ...]] = ("values", "sigma")

    kind: Literal["simcc"] = "simcc"
    split_ratio: float = 2.0
    x: str = "simcc_x"
    y: str = "simcc_y"
    values: ScoreValues = "scores"
    sigma: float = 6.0

    def __post_init__(self) -> None:
        if not 0 < self.split_ratio <= MAX_BINS_PER_PIXEL:
            raise ValueError(f"split_ratio must be above 0 and up to {MAX_BINS_PER_PIXEL}, found {self.split_ratio}")
        if not 0 < self.sigma <= MAX_SIGMA_BINS:
            raise ValueError(f"sigma must be above 0 and up to {MAX_SIGMA_BINS:g} bins, found {self.sigma}")
        _check_names(self.x, self.y)

    def bins(self, size: int) -> int:
        """Number of bins along an axis of `size` input pixels, rounded half up."""
        return max(1, math.floor(size * self.split_ratio + 0.5))

    def tensors(self, input_hw: tuple[int, int], keypoints: int) -> tuple[OutputTensor, ...]:
        """The output tensors, in the order in which they are joined."""
        h, w = input_hw
        return OutputTensor(self.x, (keypoints, self.bins(w))), OutputTensor(self.y, (keypoints, self.bins(h)))


@dataclass(frozen=True)
class LandmarksOutput:
    """x, y and z in pixels of the input, and logits of visibility and presence, per keypoint.

    BlazePose and MediaPipe's hand landmarks have this output. See `poseport.outputs.landmarks`.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        tensor: name of the output tensor; "" if the file has only one.
        auxiliary: points after the skeleton's keypoints that are not keypoints; 6 in BlazePose.
        score: the logit that becomes the score by a sigmoid, as number 4 (visibility) or 5 (presence) of each point.
            "none": there are only x, y and z, and scores are 1.
    """

    kind: Literal["landmarks"] = "landmarks"
    tensor: str = ""
    auxiliary: int = 0
    score: LandmarkScore = "visibility"

    def __post_init__(self) -> None:
        if not 0 <= self.auxiliary <= MAX_AUXILIARY:
            raise ValueError(f"auxiliary must be 0 to {MAX_AUXILIARY}, found {self.auxiliary}")

    def tensors(self, input_hw: tuple[int, int], keypoints: int) -> tuple[OutputTensor, ...]:
        """The output tensors, in the order in which they are joined."""
        del input_hw
        return (OutputTensor(self.tensor, (keypoints + self.auxiliary, 3 if self.score == "none" else 5)),)


@dataclass(frozen=True)
class CoordsOutput:
    """x and y per keypoint in [-0.5, 0.5], relative to the centre and size of the input.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        score: the meaning of a third number per keypoint, which is a score minus 0.5, so that it has the range of the
            coordinates and one int8 scale fits all three. "none": there is no third number, and scores are 1.
            "visibility": 1 if the keypoint is in the picture, 0 if not (Gupta and Gritton, section 4.5.2). "sigma":
            1 minus the error in x or y that the network predicts for itself, in sides of the input (Li et al. 2021).
        tensor: name of the output tensor; "" if the file has only one.
    """

    ADDED: ClassVar[tuple[str, ...]] = ("tensor",)

    kind: Literal["coords"] = "coords"
    score: Score = "none"
    tensor: str = ""

    def tensors(self, input_hw: tuple[int, int], keypoints: int) -> tuple[OutputTensor, ...]:
        """The output tensors, in the order in which they are joined."""
        del input_hw
        return (OutputTensor(self.tensor, (keypoints, 2 if self.score == "none" else 3)),)


@dataclass(frozen=True)
class KeypointsOutput:
    """Three numbers per keypoint from a network that contains its decoder: x, y and a score in [0, 1].

    x and y run from 0 at the input's left and upper edge to 1 at the right and lower edge.

    Attributes:
        kind: distinguishes the kinds of output in a file.
        order: the order in which the network writes x, y and the score.
        tensor: name of the output tensor; "" if the file has only one.
    """

    ADDED: ClassVar[tuple[str, ...]] = ("tensor",)

    kind: Literal["keypoints"] = "keypoints"
    order: KeypointOrder = "xys"
    tensor: str = ""

    def tensors(self, input_hw: tuple[int, int], keypoints: int) -> tuple[OutputTensor, ...]:
        """The output tensors, in the order in which they are joined."""
        del input_hw
        return (OutputTensor(self.tensor, (keypoints, 3)),)


Output = HeatmapOutput | OffsetsOutput | SimccOutput | LandmarksOutput | CoordsOutput | KeypointsOutput


def _check_names(first: str, second: str) -> None:
    if not first or not second or first == second:
        raise ValueError(f"two output tensors need two different names, found {first!r} and {second!r}")
