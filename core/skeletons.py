"""The built-in skeletons of COCO, MPII, LSP and FLIC; any other is a JSON file with the fields of `Skeleton`.

Those with hands, feet or a face are in `poseport.wide_skeletons`.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from poseport.records import read_json
from poseport.skeleton import Skeleton, chain, sides
from poseport.wide_skeletons import BLAZEPOSE33, COCO_SIGMA, HALPE26, HAND21, WHOLEBODY133

_ARMS = chain("left", "shoulder", "elbow", "wrist") + chain("right", "shoulder", "elbow", "wrist")
_LEGS = chain("left", "hip", "knee", "ankle") + chain("right", "hip", "knee", "ankle")

# The sets beside COCO have no published sigmas: a point that COCO labels keeps COCO's value, the others take that of
# the nearest COCO point (pelvis: hip; thorax, neck: shoulder; head top: ear).
_SIGMA = COCO_SIGMA | {"pelvis": 0.107, "thorax": 0.079, "neck": 0.079, "head_top": 0.035}


def _sigmas(names: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(_SIGMA[name.removeprefix("left_").removeprefix("right_")] for name in names)


_COCO17 = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

_MPII16 = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
    "pelvis", "thorax", "neck", "head_top",
    "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip

_LSP14 = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
    "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
    "neck", "head_top",
)  # fmt: skip

_FLIC11 = (
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
    "left_hip", "right_hip", "left_eye", "right_eye", "nose",
)  # fmt: skip

COCO17 = Skeleton(
    name="coco17",
    names=_COCO17,
    flip_pairs=sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"),
    limbs=(
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"),
        *_ARMS, *_LEGS, *sides("shoulder", "hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
    ),
    sigmas=_sigmas(_COCO17),
    torso=("left_shoulder", "right_hip"),
    pcp_limbs=_ARMS + _LEGS,
)  # fmt: skip

MPII16 = Skeleton(
    name="mpii16",
    names=_MPII16,
    flip_pairs=sides("ankle", "knee", "hip", "wrist", "elbow", "shoulder"),
    limbs=(
        *_ARMS, *_LEGS, ("pelvis", "thorax"), ("thorax", "neck"), ("neck", "head_top"),
        ("pelvis", "left_hip"), ("pelvis", "right_hip"),
        ("thorax", "left_shoulder"), ("thorax", "right_shoulder"),
    ),
    sigmas=_sigmas(_MPII16),
    torso=("left_shoulder", "right_hip"),
    head=("neck", "head_top"),
    pcp_limbs=_ARMS + _LEGS,
)  # fmt: skip

LSP14 = Skeleton(
    name="lsp14",
    names=_LSP14,
    flip_pairs=sides("ankle", "knee", "hip", "wrist", "elbow", "shoulder"),
    limbs=(
        *_ARMS, *_LEGS, ("neck", "head_top"), ("neck", "left_shoulder"), ("neck", "right_shoulder"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"), ("left_hip", "right_hip"),
    ),
    sigmas=_sigmas(_LSP14),
    torso=("left_shoulder", "right_hip"),
    head=("neck", "head_top"),
    pcp_limbs=_ARMS + _LEGS,
)  # fmt: skip

FLIC11 = Skeleton(
    name="flic11",
    names=_FLIC11,
    flip_pairs=sides("shoulder", "elbow", "wrist", "hip", "eye"),
    limbs=(
        *_ARMS, *sides("shoulder", "hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("nose", "left_eye"), ("nose", "right_eye"),
    ),
    sigmas=_sigmas(_FLIC11),
    torso=("left_shoulder", "right_hip"),
    pcp_limbs=_ARMS,
)  # fmt: skip

_ALL = (COCO17, MPII16, LSP14, FLIC11, BLAZEPOSE33, HALPE26, WHOLEBODY133, HAND21)
BUILT_IN = {skeleton.name: skeleton for skeleton in _ALL}


def find(name_or_path: str) -> Skeleton:
    """Find a skeleton.

    Args:
        name_or_path: name of a built-in skeleton, or a JSON file with the fields of `Skeleton`.

    Raises:
        ValueError: if it is neither, or if the file does not hold a skeleton; the message lists the built-in names.
    """
    if name_or_path in BUILT_IN:
        return BUILT_IN[name_or_path]
    path = Path(name_or_path)
    if not path.is_file():
        raise ValueError(
            f"skeleton {name_or_path!r} is neither built in ({', '.join(BUILT_IN)}) nor a JSON file "
            f"with the fields {', '.join(field.name for field in fields(Skeleton))}"
        )
    return read_json(Skeleton, path)
