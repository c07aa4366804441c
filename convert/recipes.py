"""Recipes: the number types of a converted file. A name tells weights and activations, then how, then tensors.

float32          everything float32
float16          float16 weights, computed in float32
dynamic          int8 weights, activations quantized while running
int8             int8 weights (one scale per channel), activations, input and output
int8-qat         int8, from a network that was trained further with rounding (see `poseport.convert.engines.qat`)
16x8             int8 with int16 activations, input and output
mixed-float32    int8, except for layers in float32, which the card names
mixed-16x8       int8, except for layers with int16 activations, which the card names
...-p95          ranges clipped at the 95th percentile of people; the others take the widest value of all people
...-per-tensor   weights with one scale for all channels, for the comparison
...-floatio      float32 input and output, the same inside

TFLiteConverter makes them, except for percentiles and the choice layer by layer, which the AI Edge Quantizer makes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["float32", "float16", "int8"]
Integer = Literal["int8", "int16"]


@dataclass(frozen=True)
class Recipe:
    """The number types of a file, and how its ranges are found.

    Attributes:
        name: The recipe's name.
        weights: The type in which weights are stored.
        full: Whether activations are integers too, so that ranges need calibration people.
        io: The type of the input and output tensors.
        activations: The type of the activations of a full recipe.
        per_channel: Whether weights have one scale per channel, not one per tensor.
        percentile: The percentile of people at which ranges are clipped; None takes the widest range.
        kept: The type in which layers that are not int8 compute; None if all layers are int8.
        trained: Whether ranges are trained instead of calibrated.
    """

    name: str
    weights: Kind
    full: bool = False
    io: Literal["float32", "int8", "int16"] = "float32"
    activations: Integer = "int8"
    per_channel: bool = True
    percentile: float | None = None
    kept: Literal["float32", "int16"] | None = None
    trained: bool = False

    @property
    def engine(self) -> str:
        """The converter that makes it."""
        return "TFLiteConverter" if self.percentile is None else "AI Edge Quantizer"

    @property
    def calibrated(self) -> bool:
        """Whether calibration people determine the ranges."""
        return self.full and not self.trained


_INTEGER = (
    Recipe("int8", "int8", full=True, io="int8"),
    Recipe("int8-p95", "int8", full=True, io="int8", percentile=95),
    Recipe("int8-per-tensor", "int8", full=True, io="int8", per_channel=False),
    Recipe("16x8", "int8", full=True, io="int16", activations="int16"),
    Recipe("mixed-float32", "int8", full=True, io="int8", percentile=95, kept="float32"),
    Recipe("mixed-16x8", "int8", full=True, io="int8", percentile=95, kept="int16"),
)
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("float32", "float32"),
        Recipe("float16", "float16"),
        Recipe("dynamic", "int8"),
        *_INTEGER,
        *(replace(recipe, name=f"{recipe.name}-floatio", io="float32") for recipe in _INTEGER),
        Recipe("int8-qat", "int8", full=True, io="int8", trained=True),
    )
}


def recipe(name: str) -> Recipe:
    """Look up a recipe.

    Args:
        name: Its name.

    Returns:
        The recipe.

    Raises:
        ValueError: If it does not exist; the message lists those that do.
    """
    if name not in RECIPES:
        raise ValueError(f"recipe {name!r} does not exist; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def within_budget(wanted: Recipe) -> tuple[Recipe, Recipe, Recipe]:
    """List the recipes among which a budget search chooses.

    Args:
        wanted: int8 (mixed with float32) or a mixed recipe, with integers or floats as input and output.

    Returns:
        int8, int8-p95 and the mixed recipe, with the same types of input and output.

    Raises:
        ValueError: If `wanted` is another recipe, which has no int8 layers to keep out of int8.
    """
    ends = "-floatio" if wanted.io == "float32" else ""
    mixed = RECIPES[f"mixed-float32{ends}"] if wanted == RECIPES[f"int8{ends}"] else wanted
    if mixed.kept is None:
        raise ValueError(f"--max-ap-drop takes recipe int8, mixed-float32 or mixed-16x8, not {wanted.name}")
    return RECIPES[f"int8{ends}"], RECIPES[f"int8-p95{ends}"], mixed


def refuse_name(file_name: str, wanted: Recipe, *, decided_by_search: bool) -> None:
    """Check that a file name (NAME.RECIPE.tflite) does not state another recipe than the file will have.

    Args:
        file_name: The name without its folder.
        wanted: The recipe that was requested.
        decided_by_search: Whether an accuracy budget chooses the recipe, so that the name must not state one.

    Raises:
        ValueError: If it does.
    """
    claims = [part for part in file_name.split(".")[1:-1] if part in RECIPES]
    if decided_by_search and claims:
        raise ValueError(
            f"{file_name}: its name says {claims[0]}, and with --max-ap-drop the measurements decide what it "
            "becomes; leave the recipe out of --out"
        )
    if claims and wanted.name not in claims:
        raise ValueError(f"{file_name}: its name says {claims[0]}, the file would be {wanted.name}; rename --out")
