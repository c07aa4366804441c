"""Networks that come with the package, by name: `starter` is the one that runs where none is given."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

STARTER = "starter"


@dataclass(frozen=True)
class Shipped:
    """name: on a command line. file: below the package's `models`. bundle: what it was converted from."""

    name: str
    file: str
    bundle: str
    what: str

    @property
    def path(self) -> Path:
        """The .tflite file."""
        return _folder() / self.file


SHIPPED = {
    one.name: one
    for one in (
        Shipped(
            STARTER, "starter.int8-p95.tflite", "starter", "a mobile hourglass, int8: runs where no model is named"
        ),
        Shipped("starter-float32", "starter.float32.tflite", "starter", "the same before quantization"),
        Shipped("accurate", "accurate.int8.tflite", "accurate", "a larger one, int8: slower and more exact"),
        Shipped("deeppose", "deeppose.int8.tflite", "deeppose", "mobile DeepPose, int8: faster, far less exact"),
        Shipped("deeppose-float32", "deeppose.float32.tflite", "deeppose", "the same before quantization"),
    )
}


def model(name: str) -> Path:
    """The file of a shipped network by name, or the path that `name` is; a file of that name comes first."""
    path = Path(name)
    return SHIPPED[name].path if name in SHIPPED and not path.exists() else path


def bundle(name: str) -> Path:
    """The bundle of a shipped network by name, or the path that `name` is; a folder of that name comes first.

    Raises:
        ValueError: if the package lacks the bundle: an installed one holds the .tflite files only.
    """
    path = Path(name)
    if name not in SHIPPED or path.exists():
        return path
    folder = _folder() / SHIPPED[name].bundle
    if not folder.is_dir():
        raise ValueError(
            f"{name}: the package holds only its .tflite file; for its weights give the path of"
            f" models/{SHIPPED[name].bundle} in a checkout of the repository"
        )
    return folder


def _folder() -> Path:
    return Path(str(files("poseport.models")))
