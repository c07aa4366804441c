"""Files from other projects: a .tflite without a card has its spec in a file beside it, `m.json` beside `m.tflite`.

The spec is a `PoseSpec` as in a bundle, with two differences: the architecture is
`{"kind": "foreign", "source": "..."}`, and a built-in skeleton may be given by its name.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from poseport import skeletons
from poseport.architecture import ForeignArchitecture
from poseport.files.json_text import MAX_JSON_BYTES, parse_json
from poseport.files.safe_path import read_file
from poseport.records import loads, to_data
from poseport.spec import PoseSpec
from poseport.tflite.card import Conversion, ModelCard


def spec_path(path: Path) -> Path:
    """Path of the spec that belongs to a .tflite file from another project.

    Args:
        path: the .tflite file.
    """
    return path.with_suffix(".json")


def read_card(path: Path, data: bytes) -> ModelCard:
    """Make the card of a file from another project from the spec beside it.

    Args:
        path: the .tflite file.
        data: its bytes.

    Returns:
        A card with the recipe "foreign", whose weights' sha256 is that of the file.

    Raises:
        ValueError: if the spec cannot be read, or describes a network that poseport itself builds.
    """
    return card_from(spec_path(path), path, data)


def card_from(spec_file: Path, path: Path, data: bytes) -> ModelCard:
    """Make the card of a file from another project from a spec that lies anywhere; otherwise as `read_card`."""
    spec = read_spec(spec_file)
    if not isinstance(spec.architecture, ForeignArchitecture):
        raise ValueError(
            f"{spec_file}: architecture {spec.family!r}, but {path.name} carries no card that says so; "
            'expected {"kind": "foreign", "source": "who made it, its licence"}'
        )
    made_by = spec.architecture.source or "unknown"
    return ModelCard(spec, Conversion("foreign", made_by, hashlib.sha256(data).hexdigest(), versions={}))


def read_spec(path: Path) -> PoseSpec:
    """Read the spec of a file from another project.

    Args:
        path: the JSON file.

    Returns:
        The spec.

    Raises:
        ValueError: if it cannot be read, or names an unknown skeleton.
    """
    try:
        text = read_file(path, MAX_JSON_BYTES).decode("utf-8")
        data = parse_json(text)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as JSON ({error}); docs/foreign.md shows how to write it") from None
    name = data.get("skeleton") if isinstance(data, dict) else None
    if isinstance(name, str):
        if name not in skeletons.BUILT_IN:
            raise ValueError(
                f"{path}: skeleton {name!r} is not built in ({', '.join(skeletons.BUILT_IN)}); write out its names, "
                "flip_pairs, limbs and sigmas"
            )
        text = json.dumps(data | {"skeleton": to_data(skeletons.BUILT_IN[name])})
    return loads(PoseSpec, text, str(path))
