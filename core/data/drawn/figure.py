"""A drawn person: the view of a body (`body`) by a camera, painted as clothed blobs.

The camera looks along -z of the body's axes: the view turns the body so that x, y are the image's and z is the
depth, larger towards the camera. A person who faces the camera has its left on the image's right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from poseport.data.drawn.body import SIDES, random_joints, turn
from poseport.skeletons import COCO17

Facing = Literal["front", "back", "side"]
Colour = tuple[float, float, float]
SHIFT = 6  # sub-pixel bits: a blob is painted within 1/128 px of its keypoint
_CIRCLE = np.stack([np.cos(a := np.arange(16) * np.pi / 8), np.sin(a)], axis=-1)
_SKIN = ((244, 208, 180), (226, 178, 142), (198, 140, 102), (150, 98, 66), (104, 66, 44))
_HAIR = ((28, 22, 20), (70, 44, 26), (120, 80, 44), (206, 168, 96), (150, 150, 150))

# Parts of the picture in which a keypoint counts as visible; anything else over it hides it.
_SHOWS = {
    "nose": ("face",), "eye": ("face",), "ear": ("ear",), "shoulder": ("torso", "upper_arm"),
    "elbow": ("upper_arm", "forearm"), "wrist": ("forearm", "hand"), "hip": ("torso", "pelvis", "thigh"),
    "knee": ("thigh", "shin"), "ankle": ("shin", "foot"),
}  # fmt: skip
_SIDED = ("ear", "upper_arm", "forearm", "hand", "thigh", "shin", "foot")


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the body: the convex hull of circles.

    Attributes:
        name: Its name, with its side.
        circles: (n, 3) x, y and radius in pixels.
        colour: RGB, 0 to 255.
        depth: Position in the order of painting; the farthest part is painted first.
        outlined: Whether a darker line is drawn around it.
    """

    name: str
    circles: np.ndarray
    colour: Colour
    depth: float
    outlined: bool = True


@dataclass(frozen=True, eq=False)
class Figure:
    """A person in the picture.

    Attributes:
        keypoints_xy: (17, 2) in pixels, in COCO's order.
        known: (17,) bool; False for keypoints that nobody could label, such as the face of a head seen from behind.
        parts: The parts from far to near.
    """

    keypoints_xy: np.ndarray
    known: np.ndarray
    parts: tuple[Part, ...]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of everything that is painted, in pixels."""
        circles = np.concatenate([part.circles for part in self.parts])
        low, high = circles[:, :2] - circles[:, 2:], circles[:, :2] + circles[:, 2:]
        return (*low.min(axis=0).tolist(), *high.max(axis=0).tolist())

    def moved(self, dx: float, dy: float) -> Figure:
        """Move the person.

        Args:
            dx: Pixels to the right.
            dy: Pixels down.

        Returns:
            The moved person.
        """
        offset = np.array([dx, dy, 0.0])
        parts = tuple(replace(part, circles=part.circles + offset) for part in self.parts)
        return replace(self, keypoints_xy=self.keypoints_xy + offset[:2], parts=parts)


def random_figure(rng: np.random.Generator, stature_px: float, facing: Facing | None = None) -> Figure:
    """Make a person of random build, pose and clothes, with the hips around (0, 0).

    Args:
        rng: Source of randomness.
        stature_px: Height in pixels of the person when standing upright.
        facing: Direction that the person faces; None draws one, most often "front".

    Returns:
        The person.
    """
    kind = facing or str(rng.choice(["front", "back", "side"], p=[0.6, 0.22, 0.18]))
    middle, spread = {"front": (0, 40), "back": (180, 40), "side": (rng.choice([-78, 78]), 18)}[kind]
    yaw = rng.uniform(middle - spread, middle + spread)
    view = turn("z", rng.triangular(-20, 0, 20)) @ turn("x", rng.uniform(-8, 8)) @ turn("y", yaw)
    joints, frames = random_joints(rng)
    seen = {name: stature_px * (view @ point) for name, point in joints.items()}
    forward = view @ frames["head"][:, 2]
    parts = _parts(rng, seen, {name: view @ frame for name, frame in frames.items()}, stature_px)
    face = {"nose", "left_eye", "right_eye"}
    known = np.array([name not in face or _faces(seen, name, forward) for name in COCO17.names])
    for side, _ in SIDES:  # the ear on the far side of a head in profile
        known[COCO17.index(f"{side}_ear")] = seen[f"{side}_ear"][2] - seen["head"][2] > -0.045 * stature_px
    points = np.array([seen[name][:2] for name in COCO17.names])
    return Figure(points, known, tuple(sorted(parts, key=lambda part: part.depth)))


def paint(canvas: np.ndarray, figure: Figure) -> np.ndarray:
    """Paint a person into a picture.

    Args:
        canvas: (h, w, 3) uint8 RGB, changed in place.
        figure: The person.

    Returns:
        (h, w) uint8: 0 outside the person, else 1 + the index of the visible part.
    """
    labels = np.zeros(canvas.shape[:2], np.uint8)
    for index, part in enumerate(figure.parts):
        outline = blob_outline(part.circles)
        cv2.fillConvexPoly(canvas, outline, part.colour, cv2.LINE_AA, SHIFT)
        if part.outlined:
            edge = tuple(0.55 * c for c in part.colour)
            cv2.polylines(canvas, [outline], True, edge, 1, cv2.LINE_AA, SHIFT)
        cv2.fillConvexPoly(labels, outline, (index + 1,), cv2.LINE_8, SHIFT)
    return labels


def blob_outline(circles: np.ndarray) -> np.ndarray:
    """Compute the hull of circles in the form of `cv2.fillConvexPoly`.

    Args:
        circles: (n, 3) x, y and radius in pixels.

    Returns:
        (m, 1, 2) int32 points with SHIFT fractional bits.
    """
    rim = circles[:, None, :2] + circles[:, None, 2:] * _CIRCLE
    return np.asarray(cv2.convexHull(np.rint(rim.reshape(-1, 2) * 2**SHIFT).astype(np.int32)))


def shows(figure: Figure, keypoint: str, label: int) -> bool:
    """Whether the part that is visible at a keypoint leaves the keypoint visible.

    Args:
        figure: The person.
        keypoint: Name of the keypoint.
        label: The part's label (see `paint`).
    """
    if label == 0:
        return False
    side, _, part = keypoint.rpartition("_")
    expected = _SHOWS[part]
    return figure.parts[label - 1].name in {f"{side}_{name}" if name in _SIDED else name for name in expected}


def _faces(seen: dict[str, np.ndarray], name: str, forward: np.ndarray) -> bool:
    """Whether a point of the face is visible: an eye on the near half of the head, a nose also in profile."""
    outward = seen[name] - seen["head"]
    least = -0.15 if name == "nose" else 0.12
    return bool(outward[2] > least * np.linalg.norm(outward) and forward[2] > -0.15 * np.linalg.norm(forward))


def _wardrobe(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Choose RGB for skin, hair, shirt, trousers and shoes; neighbours on the body differ clearly."""
    skin = np.array(_SKIN[rng.integers(len(_SKIN))]) * rng.uniform(0.92, 1.05)
    shirt, trousers, shoes = rng.uniform(15, 245, (3, 3))
    while np.abs(shirt - trousers).sum() < 160 or np.abs(shirt - skin).sum() < 120:
        shirt = rng.uniform(15, 245, 3)
    return {
        "skin": skin, "hair": np.array(_HAIR[rng.integers(len(_HAIR))]) * rng.uniform(0.8, 1.2),
        "shirt": shirt, "trousers": trousers, "shoes": shoes,
    }  # fmt: skip


def _parts(
    rng: np.random.Generator, seen: dict[str, np.ndarray], frames: dict[str, np.ndarray], stature_px: float
) -> list[Part]:
    """Make every blob of the body from joints in pixels, with the depth as z, and the axes of chest and head."""
    wear, fat = _wardrobe(rng), rng.uniform(0.9, 1.15)
    long_sleeves, shorts, long_hair, zip_fastener = rng.random(4) < (0.45, 0.3, 0.3, 0.5)
    skin, shirt, trousers = wear["skin"], wear["shirt"], wear["trousers"]
    parts: list[Part] = []

    def add(name: str, colour: np.ndarray, bias: float, *circles: tuple[np.ndarray, float], line: bool = True) -> None:
        # radius and bias in statures; the far limb of a pair is darker, as in the shade of the body
        depth = float(np.mean([place[2] for place, _ in circles])) / stature_px
        shaded = np.clip(colour * np.clip(1 + 0.9 * depth, 0.7, 1.1), 0, 255)
        flat = np.array([[place[0], place[1], radius * stature_px] for place, radius in circles])
        parts.append(Part(name, flat, (float(shaded[0]), float(shaded[1]), float(shaded[2])), depth + bias, line))

    neck, head, chest, skull = seen["neck"], seen["head"], frames["chest"], frames["head"]
    hips, shoulders = [[seen[f"{side}_{name}"] for side, _ in SIDES] for name in ("hip", "shoulder")]
    hems = [0.12 * neck + 0.88 * hip for hip in hips]
    waist, forward = sum(hems) / 2, stature_px * 0.05 * chest[:, 2]
    add("pelvis", trousers, 0.01, *((hip, 0.055 * fat) for hip in hips))
    add("torso", shirt, 0.05, *((0.85 * s + 0.15 * neck, 0.042 * fat) for s in shoulders),
        *((hem, 0.05 * fat) for hem in hems), ((neck + waist) / 2, 0.075 * fat))  # fmt: skip
    if chest[2, 2] > 0.3:  # collar and zip fastener are on the chest, never on the back
        add("torso", skin, 0.055, (neck + 0.3 * forward, 0.03), (neck + 0.12 * (waist - neck) + forward, 0.012))
        if zip_fastener:
            front = (neck + 0.15 * (waist - neck) + forward, 0.006), (waist + forward, 0.006)
            add("torso", 255 - shirt, 0.055, *front, line=False)
    add("neck", skin * 0.9, 0.0, (neck, 0.034), (head, 0.034))

    r = float(np.linalg.norm(seen["left_ear"] - seen["right_ear"])) / (2 * stature_px)
    down, ahead = stature_px * r * skull[:, 1], stature_px * r * skull[:, 2]
    add("hair", wear["hair"], 0.0, (head - 0.2 * ahead - 0.22 * down, 0.95 * r))
    if long_hair:
        add("hair", wear["hair"], 0.0, (head - 0.4 * ahead, 0.85 * r), (head - 0.6 * ahead + 1.5 * down, 0.6 * r))
    add("face", skin, 0.005, (head + 0.12 * ahead, 0.86 * r), (head + 0.15 * ahead + 0.35 * down, 0.6 * r))
    for side, _ in SIDES:
        add(f"{side}_ear", skin * 0.88, 0.0, (seen[f"{side}_ear"], 0.2 * r))
        if _faces(seen, f"{side}_eye", ahead):
            add("face", np.full(3, 245.0), 0.02, (seen[f"{side}_eye"], 0.2 * r), line=False)
            add("face", np.full(3, 25.0), 0.021, (seen[f"{side}_eye"], 0.12 * r), line=False)
    if _faces(seen, "nose", ahead):
        add("face", skin * 0.65, 0.02, (seen["nose"] - 0.15 * down, 0.07 * r), (seen["nose"], 0.14 * r), line=False)
        add("face", np.array([150.0, 40, 40]), 0.02, (seen["mouth"], 0.1 * r), line=False)

    for side, _ in SIDES:
        shoulder, elbow, wrist, hand, hip, knee, ankle, toe = (
            seen[f"{side}_{j}"] for j in ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "toe")
        )
        cuff = elbow if long_sleeves else 0.4 * shoulder + 0.6 * elbow
        # arms at the depth of the torso are painted over it, because a hidden arm is useless for training
        add(f"{side}_upper_arm", skin, 0.07, (shoulder, 0.034 * fat), (elbow, 0.029 * fat))
        add(f"{side}_upper_arm", shirt * 0.94, 0.072, (shoulder, 0.042 * fat), (cuff, 0.035 * fat))
        lower = shirt * 0.86 if long_sleeves else skin
        add(f"{side}_forearm", lower, 0.073, (elbow, 0.031 * fat), (wrist, 0.022 * fat))
        add(f"{side}_hand", skin * 0.95, 0.074, (wrist, 0.018), (hand, 0.029))
        add(f"{side}_thigh", trousers, 0.0, (hip, 0.057 * fat), (knee, 0.041 * fat))
        add(f"{side}_shin", skin if shorts else trousers * 0.88, 0.0, (knee, 0.039 * fat), (ankle, 0.025 * fat))
        add(f"{side}_foot", wear["shoes"], 0.001, (ankle, 0.026), (toe, 0.022))
    return parts
