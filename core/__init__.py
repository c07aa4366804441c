"""poseport takes a pose network from a workstation to a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

if TYPE_CHECKING:
    from poseport.tflite.runner import load as load


def __getattr__(name: str) -> Any:
    # imported late, so that `poseport --help` does not load NumPy and OpenCV
    if name == "load":
        from poseport.tflite.runner import load

        return load
    raise AttributeError(f"module 'poseport' has no attribute {name!r}")
