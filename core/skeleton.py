"""Sets of keypoints as data: names, left-right pairs, limbs and the constants that metrics need.

No code assumes 17 keypoints: every function that needs a name, a pair or a sigma takes a `Skeleton`. The built-in
ones are in `poseport.skeletons`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Pair = tuple[str, str]
MAX_KEYPOINTS = 512  # as in the Android app


@dataclass(frozen=True)
class Skeleton:
    """A set of K keypoints.

    Attributes:
        name: name of the set.
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

        Args:
            name: the keypoint.

        Raises:
            ValueError: if there is no keypoint of this name.
        """
        return self.names.index(name)

    @cached_property
    def flip_index(self) -> np.ndarray:
        """Channel k of a mirrored image is keypoint flip_index[k] of the original, (K,) int; read-only."""
        index = np.arange(len(self))
        for a, b in self.flip_pairs:
            i, j = self.index(a), self.index(b)
            index[i], index[j] = j, i
        index.setflags(write=False)
        return index

    def pair_indices(self, pairs: tuple[Pair, ...]) -> np.ndarray:
        """Look up the channels of pairs of keypoints.

        Args:
            pairs: L pairs of names.

        Returns:
            (L, 2) int.
        """
        return np.array([[self.index(a), self.index(b)] for a, b in pairs], int).reshape(-1, 2)

    def channels(self, names: tuple[str, ...]) -> np.ndarray:
        """Look up the channels of keypoints.

        Args:
            names: n names.

        Returns:
            (n,) int.

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


def sides(*parts: str) -> tuple[Pair, ...]:
    """Mirror pairs: left_X and right_X of each part X."""
    return tuple((f"left_{part}", f"right_{part}") for part in parts)


def chain(side: str, *parts: str) -> tuple[Pair, ...]:
    """Limbs from each part to the next on one side of the body."""
    return tuple(itertools.pairwise(f"{side}_{part}" for part in parts))


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
