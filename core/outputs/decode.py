"""How a heatmap becomes a point: the choices of a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DecodeMethod = Literal["argmax", "quarter", "dark", "centroid", "oks", "seed"]

MAX_CELLS = 64  # limit of a decoder's window and blur


@dataclass(frozen=True)
class Decode:
    """How a heatmap becomes a point (see `poseport.heatmap`).

    Attributes:
        method: name of the decoder; "oks" is `expected_oks`, "seed" is `heatmap.upsampled`.
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
