"""The card in a converted file: what the network is, and how the file was made.

The records hold plain values only, and are written as strict JSON by `poseport.records`.
"""

from __future__ import annotations

from dataclasses import dataclass

from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec


@dataclass(frozen=True)
class CalibrationSource:
    """One of several sets that calibration people were drawn from.

    Attributes:
        file: name of the annotations file.
        sha256: of that file.
        share: how often its people stood in the whole that was drawn from.
        people: how many of them were drawn.
    """

    file: str
    sha256: str
    share: float
    people: int


@dataclass(frozen=True)
class Calibration:
    """The people on whom the activation ranges of a quantized file were measured.

    Attributes:
        annotations_sha256: sha256 of the annotations file.
        seed: seed of the random choice.
        people: (image id, annotation id) of each person, in the order of their use.
        images_sha256: first 16 hex digits of the sha256 of each person's image file.
        sources: the sets, where there are several (`poseport.data.merge` says what ids mean then).
    """

    annotations_sha256: str
    seed: int
    people: tuple[tuple[int, int], ...]
    images_sha256: tuple[str, ...]
    sources: tuple[CalibrationSource, ...] = ()


@dataclass(frozen=True)
class CandidateResult:
    """The results of a file on the people that a budget was tuned on.

    Attributes:
        ap: OKS-AP in [0, 1].
        moved: 1 - OKS of its keypoints with those of the float file as labels.
        moved_px: mean distance to the keypoints of the float file, in input pixels.
        ms: median time of one inference on one thread of the host.
        bytes: size of the file.
    """

    ap: float
    moved: float
    moved_px: float
    ms: float
    bytes: int


@dataclass(frozen=True)
class LayerCost:
    """The cost of quantizing one layer while all others are float32.

    Attributes:
        layer: name of the layer.
        macs: its multiply-adds.
        moved: as in `CandidateResult`.
        moved_px: as in `CandidateResult`.
    """

    layer: str
    macs: int
    moved: float
    moved_px: float


@dataclass(frozen=True)
class BudgetStep:
    """One file that the search for a budget tried.

    Attributes:
        recipe: recipe of the file.
        kept: number of the costliest layers that were not quantized to int8.
        kept_macs_share: their share of the multiply-adds.
        ap_drop: points of AP (100 x) lost against float32.
        measured: its results.
    """

    recipe: str
    kept: int
    kept_macs_share: float
    ap_drop: float
    measured: CandidateResult


@dataclass(frozen=True)
class BudgetSearch:
    """How a file was brought within an accuracy budget.

    Attributes:
        max_ap_drop: points of AP that the file may lose.
        tune: the people on whom the loss was measured; neither calibration nor evaluation people.
        float32: the results of the float file.
        ranking: the layers, costliest first; empty if plain int8 was good enough.
        curve: the files in the order in which they were tried; the last one was written.
    """

    max_ap_drop: float
    tune: Calibration
    float32: CandidateResult
    ranking: tuple[LayerCost, ...]
    curve: tuple[BudgetStep, ...]


@dataclass(frozen=True)
class FineTuning:
    """The training of a network during its conversion (recipe int8-qat).

    Attributes:
        annotations_sha256: sha256 of the annotations file.
        people: number of people.
        epochs: passes over them.
        learning_rate: initial rate of the optimizer.
        teacher: share of each target that came from the float network.
        seed: seed of the training.
    """

    annotations_sha256: str
    people: int
    epochs: int
    learning_rate: float
    teacher: float
    seed: int


@dataclass(frozen=True)
class Conversion:
    """How a file was made.

    Attributes:
        recipe: its name.
        engine: the program that quantized it.
        weights_sha256: sha256 of the bundle's weights.
        versions: package -> version.
        calibration: the calibration people; None if the recipe needs none.
        kept: layers of a mixed recipe that are not int8.
        budget: the search for an accuracy budget, if there was one.
        finetuning: the training during the conversion, if there was one.
    """

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
    """A later stage of a converted cascade.

    Attributes:
        name: name in its spec.
        sha256: sha256 of its file.
        weights_sha256: sha256 of its weights.
    """

    name: str
    sha256: str
    weights_sha256: str


@dataclass(frozen=True)
class DetectorCard:
    """The contents of `poseport.json` in a converted person detector.

    Attributes:
        spec: what the network is.
        conversion: how the file was made.
    """

    spec: DetectorSpec
    conversion: Conversion


@dataclass(frozen=True)
class ModelCard:
    """The contents of `poseport.json` in a converted file.

    Attributes:
        spec: what the network is.
        conversion: how the file was made.
        later: the stages of a cascade that refine the keypoints; their files `stage2.tflite`, ... lie beside the card.
    """

    spec: PoseSpec
    conversion: Conversion
    later: tuple[LaterStage, ...] = ()

    @property
    def weights_sha256(self) -> tuple[str, ...]:
        """sha256 of the weights of every stage; files of one network in several recipes have these in common."""
        return (self.conversion.weights_sha256, *(stage.weights_sha256 for stage in self.later))
