"""The card that a converted file carries: what it is, and how it was made.

Records as in `poseport.spec`: plain values, strict JSON, no behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass

from poseport.spec import PoseSpec


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
class CandidateResult:
    """The result of one file on the people to tune on.

    ap: OKS-AP in [0, 1]. moved: 1 - OKS of its keypoints with those of the float file as labels; moved_px: mean
    distance to those, in input pixels. ms: median of one inference on one thread of the host.
    """

    ap: float
    moved: float
    moved_px: float
    ms: float
    bytes: int


@dataclass(frozen=True)
class LayerCost:
    """What quantizing one layer alone costs, the rest being float32; the numbers as in `CandidateResult`."""

    layer: str
    macs: int
    moved: float
    moved_px: float


@dataclass(frozen=True)
class BudgetStep:
    """One file on the way: its recipe, how many of the costliest layers were kept and their share of multiply-adds.

    ap_drop: points of AP (100 x) lost against float32.
    """

    recipe: str
    kept: int
    kept_macs_share: float
    ap_drop: float
    measured: CandidateResult


@dataclass(frozen=True)
class BudgetSearch:
    """How a file was brought within an accuracy budget.

    max_ap_drop: points of AP that it might lose. tune: the people on whom that was measured, neither those that
    settled ranges nor those of an evaluation. ranking: costliest layer first, empty where plain int8 was enough.
    curve: in the order in which they were tried; the last is the file.
    """

    max_ap_drop: float
    tune: Calibration
    float32: CandidateResult
    ranking: tuple[LayerCost, ...]
    curve: tuple[BudgetStep, ...]


@dataclass(frozen=True)
class FineTuning:
    """The training that a network had while it was converted (recipe int8-qat).

    people: of these annotations, seen `epochs` times. teacher: share of each target that was the float network's.
    """

    annotations_sha256: str
    people: int
    epochs: int
    learning_rate: float
    teacher: float
    seed: int


@dataclass(frozen=True)
class Conversion:
    """How a file was made. kept: layers of a mixed recipe that are not int8."""

    recipe: str
    engine: str
    weights_sha256: str
    versions: dict[str, str]
    calibration: Calibration | None = None
    kept: tuple[str, ...] = ()
    budget: BudgetSearch | None = None
    finetuning: FineTuning | None = None


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
