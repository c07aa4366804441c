"""The settings of a conversion, as values that import neither TensorFlow nor Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from poseport import bundle
from poseport.convert import calibration, float_file, recipes
from poseport.convert.float_file import Io
from poseport.convert.recipes import Recipe
from poseport.data.people import People
from poseport.spec import PoseSpec
from poseport.tflite.card import ModelCard


@dataclass(frozen=True)
class AccuracyBudget:
    """How much AP a file may lose, and the people on whom that is measured.

    Attributes:
        max_ap_drop: Points of AP (100 x AP), at least 0 and below 100.
        people: The people to tune on. They neither calibrate nor evaluate.
        count: Largest number of them to use.
        report: Called with one line for each file that was measured.
    """

    max_ap_drop: float
    people: People
    count: int = 500
    report: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        if not 0 <= self.max_ap_drop < 100:
            raise ValueError(f"--max-ap-drop is in points of AP, 0 to 100, found {self.max_ap_drop:g}")


@dataclass(frozen=True)
class QatTraining:
    """The training of recipe int8-qat.

    Attributes:
        people: The people to train on.
        epochs: Number of epochs.
        learning_rate: The initial rate; None takes a tenth of the rate with which the bundle was trained.
        teacher_weight: The share of each target, in [0, 1], that is the float network's heatmap.
    """

    people: People
    epochs: int = 3
    learning_rate: float | None = None
    teacher_weight: float = 0.5


@dataclass(frozen=True)
class Request:
    """One conversion.

    Attributes:
        source: The bundle's folder, or a float .tflite file; the later stages of a cascade are converted into the
            same file.
        recipe: What the file is to be made of.
        out: The file to write.
        calib: People whose crops determine the activation ranges and on whom parity is measured. Recipes with
            integer activations need them.
        calib_count: Number of them that calibrate.
        seed: Seed of the draw of people and of the training of int8-qat.
        exclude: Evaluation people, whose photos are not used.
        keep: Names of the layers of a mixed recipe that are not int8.
        head: The output of the file, see `poseport.convert.graph.decoder_head.wants_decoder`.
        budget: An accuracy budget, which chooses among recipes and layers.
        training: The training of recipe int8-qat.
        spec_file: The spec of a .tflite file; None takes its card, or the .json beside it.
        io: Types of the input and output tensors of the file that is made of a .tflite file, see
            `poseport.convert.float_file.read`.
    """

    source: Path
    recipe: Recipe
    out: Path
    calib: People | None = None
    calib_count: int = 300
    seed: int = 0
    exclude: People | None = None
    keep: tuple[str, ...] = ()
    head: str | None = None
    budget: AccuracyBudget | None = None
    training: QatTraining | None = None
    spec_file: Path | None = None
    io: Io = "same"

    @property
    def from_file(self) -> bool:
        """Whether a .tflite file is converted, not a bundle."""
        return self.source.suffix == ".tflite"

    @cached_property
    def file_card(self) -> ModelCard | None:
        """The card of the .tflite file that is converted; None for a bundle."""
        return float_file.read_card(self.source, self.spec_file) if self.from_file else None

    @property
    def engine(self) -> str:
        """Name of what makes the flatbuffer: "budget search", "QAT", "AI Edge Quantizer" or "TFLiteConverter"."""
        if self.budget is not None:
            return "budget search"
        if self.from_file:
            return "AI Edge Quantizer"
        return "QAT" if self.recipe.trained else self.recipe.engine


def check(request: Request) -> PoseSpec:
    """Check that the parts of a request fit together before anything is computed.

    Args:
        request: The request.

    Returns:
        The spec of the bundle or file; for a cascade, that of its last stage.

    Raises:
        ValueError: If the recipe lacks something or was given something that it does not use, or if the people are
            labelled with other keypoints than those of the network.
    """
    recipe, budget = request.recipe, request.budget
    recipes.refuse_name(request.out.name, recipe, decided_by_search=budget is not None)
    if budget is None and request.keep and recipe.kept is None:
        raise ValueError(f"recipe {recipe.name} keeps no layer from being int8; take mixed-float32 or mixed-16x8")
    if budget is None and recipe.kept is not None and not request.keep:
        raise ValueError(
            f"recipe {recipe.name} needs layers that are not int8; name them with --keep or let --max-ap-drop choose"
        )
    if recipe.trained and request.training is None:
        raise ValueError(f"recipe {recipe.name} trains the network further; give --data DIR and --epochs")
    if recipe.full and request.calib is None:
        raise ValueError(f"recipe {recipe.name} needs people for its activation ranges; give --calib DIR")
    if request.file_card is None:
        if request.spec_file is not None or request.io != "same":
            raise ValueError(f"{request.source}: is a bundle, to which --spec and --io do not apply; remove them")
        spec = bundle.read_spec(request.source)
    else:
        _check_file_options(request)
        spec = request.file_card.spec
    # labels matter to a budget; a file of others may be calibrated on the boxes of people with other keypoints
    for people in (None if request.from_file else request.calib, budget.people if budget else None):
        if people is not None:
            calibration.check_skeleton(people, spec, str(request.source))
    if spec.refine is not None and (budget is not None or request.keep):
        raise ValueError(
            f"{request.source} is a cascade, whose layers are not chosen one by one; take int8 or int8-p95"
        )
    return spec


def _check_file_options(request: Request) -> None:
    """Refuse what a .tflite file cannot become; raises ValueError."""
    recipe = request.recipe
    if recipe.trained:
        raise ValueError(
            f"recipe {recipe.name} trains the network further, which takes a bundle; make one of {request.source} with "
            "`poseport import`"
        )
    if request.io == "int8" and (not recipe.full or recipe.io != "int8"):
        raise ValueError(
            f"--io int8 goes with recipes whose input is int8 (int8, int8-p95, mixed-…), not {recipe.name}"
        )
    if request.source.resolve() == request.out.resolve():
        raise ValueError(f"{request.out}: is the file that is converted; give another --out")
