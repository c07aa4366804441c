"""The arguments that build a network, one record per family; a spec contains one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from poseport.nodes import ConvNode, DenseNode, Node, TransposedNode

Block = Literal["bottleneck", "separable"]
Activation = Literal["linear", "sigmoid", "relu"]
CpmBlock = Literal["plain", "separable"]
Trunk = Literal["alexnet", "resnet18", "mobile"]


@dataclass(frozen=True)
class HourglassArchitecture:
    """Arguments of the stacked hourglass (Newell et al. 2016).

    Attributes:
        kind: distinguishes the families in a file.
        stacks: number of hourglasses in a row, 1 to 8.
        width: channels of the residual blocks, a multiple of 4.
        depth: poolings inside one hourglass, 1 to 6; 4 goes from 64x64 down to 4x4.
        block: "bottleneck" is the paper's, "separable" is for phones.
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
        _check_width(self.width)
        if not 1 <= self.depth <= 6:
            raise ValueError(f"depth must be 1 to 6, found {self.depth}")


@dataclass(frozen=True)
class CpmArchitecture:
    """Arguments of the convolutional pose machine (Wei et al. 2016).

    Attributes:
        kind: distinguishes the families in a file.
        stages: number of predictions in a row, 1 to 6; the input of each includes the one before.
        width: channels of the convolutions, a multiple of 4.
        block: "plain" is the paper's, "separable" is for phones.
    """

    kind: Literal["cpm"] = "cpm"
    stages: int = 3
    width: int = 96
    block: CpmBlock = "separable"

    def __post_init__(self) -> None:
        if not 1 <= self.stages <= 6:
            raise ValueError(f"a pose machine has 1 to 6 stages, found {self.stages}")
        _check_width(self.width)


@dataclass(frozen=True)
class DeepPoseArchitecture:
    """Arguments of the DeepPose regressor (Toshev and Szegedy 2014).

    Attributes:
        kind: distinguishes the families in a file.
        trunk: the convolutional part.
        width: multiplier of the trunk's channels, above 0 and up to 4.
        dense_units: size of the hidden layers; 0 for none.
        dropout: share of the hidden units that training drops, in [0, 1).
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


@dataclass(frozen=True)
class MobileNetArchitecture:
    """Arguments of a network whose encoder is MobileNetV2 (Sandler et al. 2018).

    The spec's output chooses what follows the encoder: a decoder for heatmaps, or dense layers for coordinates and for
    SimCC's two vectors.

    Attributes:
        kind: distinguishes the families in a file.
        multiplier: factor of the encoder's channels, the paper's alpha, 0.1 to 4.
        blocks: number of the encoder's 17 inverted residuals that are used, from the input on; 6 blocks reach stride
            8, 10 blocks stride 16, and 14 blocks stride 32.
        width: channels of the decoder, or of the features that coordinates are read from, a multiple of 4. SimCC reads
            one channel per keypoint and does not use it.
        depth: poolings of a small hourglass between encoder and decoder, up to 4; 0 for none.
        dense_units: size of the hidden layer before coordinates or SimCC's vectors; 0 for none.
    """

    ADDED: ClassVar[tuple[str, ...]] = ("dense_units",)

    kind: Literal["mobilenet"] = "mobilenet"
    multiplier: float = 1.0
    blocks: int = 17
    width: int = 64
    depth: int = 0
    dense_units: int = 0

    def __post_init__(self) -> None:
        if not 0.1 <= self.multiplier <= 4:
            raise ValueError(f"multiplier must be 0.1 to 4, found {self.multiplier}")
        if not 4 <= self.blocks <= 17:
            raise ValueError(f"a MobileNetV2 encoder keeps 4 to 17 blocks, found {self.blocks}")
        _check_width(self.width)
        if not 0 <= self.depth <= 4:
            raise ValueError(f"depth must be 0 to 4, found {self.depth}")
        if not 0 <= self.dense_units <= 4096:
            raise ValueError(f"dense_units must be 0 to 4096, found {self.dense_units}")

    @property
    def encoder_stride(self) -> int:
        """Input pixels per cell at the end of the encoder."""
        return 32 if self.blocks > 13 else 16 if self.blocks > 6 else 8


@dataclass(frozen=True)
class ForeignArchitecture:
    """A network from another project, known only from its .tflite file: it can be run and measured, not trained.

    Attributes:
        kind: distinguishes the families in a file.
        source: who made the file, and its licence; reports show it.
    """

    kind: Literal["foreign"] = "foreign"
    source: str = ""


@dataclass(frozen=True)
class ImportedArchitecture:
    """A network that others made and `poseport import` read: it can be rebuilt, trained and converted.

    Attributes:
        kind: distinguishes the families in a file.
        source: who made it, and its licence.
        nodes: its operations in order; the result of the last one is the output.
    """

    kind: Literal["imported"] = "imported"
    source: str = ""
    nodes: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ValueError("an imported network needs at least one node")
        for i, node in enumerate(self.nodes, start=1):
            if not node.inputs or not all(0 <= source < i for source in node.inputs):
                raise ValueError(f"node {i} ({node.kind}) reads {list(node.inputs)}; expected results of earlier nodes")

    @property
    def head(self) -> int:
        """Position (from 1) of the last convolution or dense layer before the output, whose channels are keypoints.

        0 if several layers together give the output; the keypoints of such a network cannot be changed.
        """
        position = len(self.nodes)
        while position and not isinstance(self.nodes[position - 1], ConvNode | DenseNode | TransposedNode):
            sources = self.nodes[position - 1].inputs
            position = sources[0] if len(sources) == 1 else 0
        return position


Architecture = (
    HourglassArchitecture
    | CpmArchitecture
    | DeepPoseArchitecture
    | MobileNetArchitecture
    | ImportedArchitecture
    | ForeignArchitecture
)


def _check_width(channels: int) -> None:
    if channels < 4 or channels % 4:
        raise ValueError(f"width must be a positive multiple of 4, found {channels}")
