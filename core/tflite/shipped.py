"""Networks that come with the package, by name. Commands that need a model and are given none run `starter`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

STARTER = "starter"
PERSON = "person"


@dataclass(frozen=True)
class Shipped:
    """A network that comes with the package.

    Attributes:
        name: on a command line.
        file: the .tflite file in the package's `models`.
        bundle: the folder in `models` that it was converted from.
        what: a description in a few words.
        detector: whether it finds people; the others find the keypoints of one person.
    """

    name: str
    file: str
    bundle: str
    what: str
    detector: bool = False

    @property
    def path(self) -> Path:
        """The .tflite file."""
        return _folder() / self.file


SHIPPED = {
    network.name: network
    for network in (
        Shipped(
            STARTER,
            "starter.mixed-float32.tflite",
            "starter",
            "MoveNet Lightning trained further, int8 but for its last layers: the default",
        ),
        Shipped("tiny", "tiny.int8.tflite", "tiny", "a mobile hourglass of half a megabyte, int8: less exact"),
        Shipped("tiny-float32", "tiny.float32.tflite", "tiny", "the same before quantization"),
        Shipped(
            "accurate",
            "accurate.mixed-float32.tflite",
            "accurate",
            "MoveNet Thunder trained further, int8 but for its last layers: slower, more exact",
        ),
        Shipped(
            "deeppose", "deeppose.int8.tflite", "deeppose", "regresses coordinates, int8: the fastest, least exact"
        ),
        Shipped("deeppose-float32", "deeppose.float32.tflite", "deeppose", "the same before quantization"),
        Shipped(PERSON, "person.int8.tflite", "person", "finds the people in a picture, int8", detector=True),
    )
}


def model(name: str) -> Path:
    """Find a .tflite file by the name of a shipped network or by its path.

    A file that exists under this name is preferred to a shipped network.

    Args:
        name: the name or the path.

    Returns:
        The path.
    """
    path = Path(name)
    return SHIPPED[name].path if name in SHIPPED and not path.exists() else path


def bundle(name: str) -> Path:
    """Find a bundle by the name of a shipped network or by its path.

    A folder that exists under this name is preferred to a shipped network.

    Args:
        name: the name or the path.

    Returns:
        The path.

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
