"""The record of a person detector: its input, and what the channels of its output mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from poseport.architecture import ImportedArchitecture
from poseport.spec import MAX_INPUT, MIN_INPUT

# channels of the output: the centre's logit; x and y from the cell to the centre and logs of the sides, in cells
CHANNELS = 5
MAX_PEOPLE = 1000


@dataclass(frozen=True)
class DetectorSpec:
    """A network that finds people by their centres (Zhou, Wang and Krähenbühl 2019, "Objects as Points").

    Attributes:
        name: name of the network.
        architecture: the nodes that build it.
        input_hw: height and width of the input in pixels, 16 to 4096 each.
        kind: distinguishes the spec from that of a pose network in a file.
        stride: input pixels per cell of the output.
        threshold: from which score on a box is somebody, 0 to 1.
        look_from: from which score on a box is worth a look by a pose network, whose keypoints then tell whether it is
            somebody; it counts where it is lower than `threshold`. None: from `threshold` on.
        overlap: of two boxes with a larger intersection over union, the one with the lower score is dropped, 0 to 1.
        most: the largest number of people in one picture, best first.
        mean, std: red, green, blue, in pixel values 0 to 255; the input of the network is (pixel - mean) / std.
    """

    name: str
    architecture: ImportedArchitecture
    input_hw: tuple[int, int]
    kind: Literal["detector"] = "detector"
    stride: int = 8
    threshold: float = 0.3
    overlap: float = 0.6
    most: int = 100
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    look_from: float | None = None
    ADDED: ClassVar[tuple[str, ...]] = ("look_from",)

    def __post_init__(self) -> None:
        h, w = self.input_hw
        if not MIN_INPUT <= min(h, w) <= max(h, w) <= MAX_INPUT:
            raise ValueError(f"input_hw must be {MIN_INPUT} to {MAX_INPUT} each, found {self.input_hw}")
        if not 1 <= self.stride <= min(h, w) or h % self.stride or w % self.stride:
            raise ValueError(f"input_hw {self.input_hw} must be multiples of its stride, found {self.stride}")
        if not (0 < self.threshold < 1 and 0 < self.overlap <= 1 and 1 <= self.most <= MAX_PEOPLE):
            raise ValueError(
                f"threshold {self.threshold} and overlap {self.overlap} must be from 0 to 1, and most {self.most} "
                f"from 1 to {MAX_PEOPLE}"
            )
        if self.look_from is not None and not 0 < self.look_from < 1:
            raise ValueError(f"look_from must be from 0 to 1, found {self.look_from}")
        if min(self.std) <= 0:
            raise ValueError(f"std {self.std} must be above 0")

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """Shape of the output for one picture, channels last."""
        return self.input_hw[0] // self.stride, self.input_hw[1] // self.stride, CHANNELS

    @property
    def channel_order(self) -> Literal["rgb"]:
        """The order of the colour channels in the network's input."""
        return "rgb"

    @property
    def byte_exact(self) -> bool:
        """Whether an int8 input can be exactly `pixel - 128`: the input spans [0, 1]."""
        return self.mean == (0.0, 0.0, 0.0) and self.std == (255.0, 255.0, 255.0)

    @property
    def output_name(self) -> str:
        """Name of the output tensor in a converted file's signature."""
        return "people"
