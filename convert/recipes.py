"""What a converted file is made of. A recipe's name can be decoded: weights, then activations, then tensors.

float32         everything float32
float16         float16 weights, computed in float32
dynamic         int8 weights, activations quantized while running
int8            int8 weights (per channel), activations, input and output
int8-floatio    the same inside, float32 input and output
int8-qat        int8, from a network that was trained on with this rounding (see `poseport.convert.qat`)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["float32", "float16", "int8"]


@dataclass(frozen=True)
class Recipe:
    """weights: how they are stored. full: activations are int8 too, and ranges need calibration people.
    io: type of the input and output tensors. trained: they come out of a training instead.
    """

    name: str
    weights: Kind
    full: bool = False
    io: Literal["float32", "int8"] = "float32"
    trained: bool = False

    @property
    def calibrated(self) -> bool:
        """Whether calibration people settle the ranges."""
        return self.full and not self.trained


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("float32", "float32"),
        Recipe("float16", "float16"),
        Recipe("dynamic", "int8"),
        Recipe("int8", "int8", full=True, io="int8"),
        Recipe("int8-floatio", "int8", full=True),
        Recipe("int8-qat", "int8", full=True, io="int8", trained=True),
    )
}


def recipe(name: str) -> Recipe:
    """A recipe by name; ValueError lists those that exist."""
    if name not in RECIPES:
        raise ValueError(f"recipe {name!r} does not exist; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
