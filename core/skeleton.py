"""Sets of keypoints as data: names, left-right pairs, limbs and the constants that metrics need.

No code assumes 17 keypoints: every function that needs a name, a pair or a sigma takes a `Skeleton`. Four are built
in; any other is a JSON file with the same fields.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from poseport.records import read_json

Pair = tuple[str, str]
MAX_KEYPOINTS = 512  # as in the Android app


@dataclass(frozen=True)
class Skeleton:
    """A set of K keypoints.

    Attributes:
        name: of the set.
        names: the keypoints in the order of the annotations and of the network's channels, 1 to 512.
        flip_pairs: names that change places when the image is mirrored.
        limbs: pairs that are joined by a line when a pose is drawn.
        sigmas: OKS constant of each keypoint (COCO keypoint evaluation), in the order of `names`.
        torso: the two keypoints whose distance is the size in `PCK@t/torso`; None if there is none.
        head: the two ends of the head segment of `PCKh@t`; None if there is none.
        pcp_limbs: the limbs that `PCP@0.5` scores (Eichner et al. 2012).
    """

    name: str
    names: tuple[str, ...]
    flip_pairs: tuple[Pair, ...]
    limbs: tuple[Pair, ...]
    sigmas: tuple[float, ...]
    torso: Pair | None = None
    head: Pair | None = None
    pcp_limbs: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        where = f"skeleton {self.name!r}"
        if not self.names or len(set(self.names)) != len(self.names):
            raise ValueError(f"{where}: names must be unique and not empty, found {list(self.names)}")
        if len(self.names) > MAX_KEYPOINTS:
            raise ValueError(f"{where}: at most {MAX_KEYPOINTS} keypoints, found {len(self.names)}")
        if len(self.sigmas) != len(self.names):
            raise ValueError(f"{where}: {len(self.sigmas)} sigmas for {len(self.names)} keypoints, give one each")
        if not all(s > 0 for s in self.sigmas):
            raise ValueError(f"{where}: sigmas must be above 0, found {list(self.sigmas)}")
        pairs = {
            "flip_pairs": self.flip_pairs,
            "limbs": self.limbs,
            "pcp_limbs": self.pcp_limbs,
            "torso": (self.torso,) if self.torso else (),
            "head": (self.head,) if self.head else (),
        }
        for field, members in pairs.items():
            for pair in members:
                unknown = [name for name in pair if name not in self.names]
                if unknown or len(pair) != 2:
                    raise ValueError(
                        f"{where}: {field} holds {list(pair)}, expected two names out of {list(self.names)}"
                    )
        flipped = [name for pair in self.flip_pairs for name in pair]
        if len(set(flipped)) != len(flipped):
            raise ValueError(f"{where}: flip_pairs names a keypoint twice")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Channel of a keypoint.

        Raises:
            ValueError: if there is no keypoint of this name.
        """
        return self.names.index(name)

    @property
    def flip_index(self) -> np.ndarray:
        """(K,) int: channel k of a mirrored image is keypoint flip_index[k] of the original."""
        index = np.arange(len(self))
        for a, b in self.flip_pairs:
            i, j = self.index(a), self.index(b)
            index[i], index[j] = j, i
        return index

    def pair_indices(self, pairs: tuple[Pair, ...]) -> np.ndarray:
        """Pairs of names as an (L, 2) int array of channels."""
        return np.array([[self.index(a), self.index(b)] for a, b in pairs], int).reshape(-1, 2)

    def channels(self, names: tuple[str, ...]) -> np.ndarray:
        """Names as an (n,) int array of channels.

        Raises:
            ValueError: if a name is unknown; the message lists the known ones.
        """
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise ValueError(f"unknown keypoint {unknown[0]!r}; skeleton {self.name!r} has {', '.join(self.names)}")
        return np.array([self.index(name) for name in names], int)

    @property
    def body(self) -> tuple[str, ...]:
        """Shoulders to ankles: the keypoints that every public data set labels by hand."""
        parts = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        return tuple(name for name in self.names if name.endswith(parts))

    def chosen(self, text: str | None) -> tuple[str, ...]:
        """Read a choice of keypoints from a command line.

        Args:
            text: names, separated by commas, or `body`; None or "" for all keypoints.

        Returns:
            The names; () stands for all keypoints.

        Raises:
            ValueError: if a name is unknown; the message lists the known ones.
        """
        names = self.body if text == "body" else tuple(text.split(",")) if text else ()
        self.channels(names)
        return names


def rearrange(keypoints: np.ndarray, source: Skeleton, target: Skeleton) -> np.ndarray:
    """Rearrange the keypoints of one skeleton for another one, matched by name.

    Args:
        keypoints: (..., K, C), keypoints of `source`.
        source: skeleton of the given keypoints.
        target: skeleton of the result.

    Returns:
        (..., K', C) of the same type. A keypoint that `source` lacks is zeros, as COCO writes an unlabelled one.
    """
    arranged = np.zeros((*keypoints.shape[:-2], len(target), keypoints.shape[-1]), keypoints.dtype)
    shared = tuple(name for name in target.names if name in source.names)
    arranged[..., target.channels(shared), :] = keypoints[..., source.channels(shared), :]
    return arranged


def _sides(*parts: str) -> tuple[Pair, ...]:
    return tuple((f"left_{part}", f"right_{part}") for part in parts)


def _chain(side: str, *parts: str) -> tuple[Pair, ...]:
    names = [f"{side}_{part}" for part in parts]
    return tuple(itertools.pairwise(names))


_ARMS = _chain("left", "shoulder", "elbow", "wrist") + _chain("right", "shoulder", "elbow", "wrist")
_LEGS = _chain("left", "hip", "knee", "ankle") + _chain("right", "hip", "knee", "ankle")

# COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval. The other sets have no published
# sigmas: a point that COCO labels keeps COCO's value, the others take that of the nearest COCO point
# (pelvis: hip; thorax, neck: shoulder; head top: ear).
_SIGMA = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "pelvis": 0.107, "thorax": 0.079, "neck": 0.079,
    "head_top": 0.035,
}  # fmt: skip


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
    flip_pairs=_sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"),
    limbs=(
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"),
        *_ARMS, *_LEGS, *_sides("shoulder", "hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
    ),
    sigmas=_sigmas(_COCO17),
    torso=("left_shoulder", "right_hip"),
    pcp_limbs=_ARMS + _LEGS,
)  # fmt: skip

MPII16 = Skeleton(
    name="mpii16",
    names=_MPII16,
    flip_pairs=_sides("ankle", "knee", "hip", "wrist", "elbow", "shoulder"),
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
    flip_pairs=_sides("ankle", "knee", "hip", "wrist", "elbow", "shoulder"),
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
    flip_pairs=_sides("shoulder", "elbow", "wrist", "hip", "eye"),
    limbs=(
        *_ARMS, *_sides("shoulder", "hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("nose", "left_eye"), ("nose", "right_eye"),
    ),
    sigmas=_sigmas(_FLIC11),
    torso=("left_shoulder", "right_hip"),
    pcp_limbs=_ARMS,
)  # fmt: skip

BUILT_IN = {skeleton.name: skeleton for skeleton in (COCO17, MPII16, LSP14, FLIC11)}


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
