"""A drawn person: a body (`body`) seen by a camera, painted as clothed blobs.

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
SHIFT = 6  # sub-pixel bits: a blob is painted within 1/128 px of where its keypoint says
_CIRCLE = np.stack([np.cos(a := np.arange(16) * np.pi / 8), np.sin(a)], axis=-1)
_SKIN = ((244, 208, 180), (226, 178, 142), (198, 140, 102), (150, 98, 66), (104, 66, 44))
_HAIR = ((28, 22, 20), (70, 44, 26), (120, 80, 44), (206, 168, 96), (150, 150, 150))

# Parts of the picture in which a keypoint counts as seen; anything else over it hides it.
_SHOWS = {
    "nose": ("face",), "eye": ("face",), "ear": ("ear",), "shoulder": ("torso", "upper_arm"),
    "elbow": ("upper_arm", "forearm"), "wrist": ("forearm", "hand"), "hip": ("torso", "pelvis", "thigh"),
    "knee": ("thigh", "shin"), "ankle": ("shin", "foot"),
}  # fmt: skip
_SIDED = ("ear", "upper_arm", "forearm", "hand", "thigh", "shin", "foot")


@dataclass(frozen=True, eq=False)
class Part:
    """The convex hull of circles. circles: (n, 3) x, y, radius in px. depth: parts are painted by it."""

    name: str
    circles: np.ndarray
    colour: Colour
    depth: float
    outlined: bool = True


@dataclass(frozen=True, eq=False)
class Figure:
    """keypoints_xy: (17, 2) px, COCO's order. known: (17,) bool, False for what nobody could label (the
    face of a head seen from behind). parts: far to near."""

    keypoints_xy: np.ndarray
    known: np.ndarray
    parts: tuple[Part, ...]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in px of all that is painted."""
        circles = np.concatenate([part.circles for part in self.parts])
        low, high = circles[:, :2] - circles[:, 2:], circles[:, :2] + circles[:, 2:]
        return (*low.min(axis=0).tolist(), *high.max(axis=0).tolist())

    def moved(self, dx: float, dy: float) -> Figure:
        """The same person dx px to the right and dy px down."""
        offset = np.array([dx, dy, 0.0])
        parts = tuple(replace(part, circles=part.circles + offset) for part in self.parts)
        return replace(self, keypoints_xy=self.keypoints_xy + offset[:2], parts=parts)


def random_figure(rng: np.random.Generator, stature_px: float, facing: Facing | None = None) -> Figure:
    """A person of random build, pose and clothes, its hips around (0, 0).

    stature_px: height of the person if it stood upright. facing: None draws one, most often "front".
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
    """Paints the figure into the canvas (h, w, 3) uint8 RGB, in place.

    Returns (h, w) uint8: 0 where there is nothing of it, else 1 + the index of the part that shows.
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
    """Hull of circles (n, 3) as int32 points (m, 1, 2) with SHIFT fractional bits, for `cv2.fillConvexPoly`."""
    rim = circles[:, None, :2] + circles[:, None, 2:] * _CIRCLE
    return np.asarray(cv2.convexHull(np.rint(rim.reshape(-1, 2) * 2**SHIFT).astype(np.int32)))


def shows(figure: Figure, keypoint: str, label: int) -> bool:
    """Whether the part with this label (see `paint`) leaves the keypoint to be seen."""
    if label == 0:
        return False
    side, _, part = keypoint.rpartition("_")
    expected = _SHOWS[part]
    return figure.parts[label - 1].name in {f"{side}_{name}" if name in _SIDED else name for name in expected}


def _faces(seen: dict[str, np.ndarray], name: str, forward: np.ndarray) -> bool:
    """Whether a point of the face can be seen: an eye on the near half of the head, a nose also in profile."""
    outward = seen[name] - seen["head"]
    least = -0.15 if name == "nose" else 0.12
    return bool(outward[2] > least * np.linalg.norm(outward) and forward[2] > -0.15 * np.linalg.norm(forward))


def _wardrobe(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Skin, hair, shirt, trousers and shoes, RGB; neighbours on the body differ enough to be told apart."""
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
    """Every blob of the body. seen: joints in px, z the depth. frames: axes of chest and head in the view."""
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
        # the arms lie on the torso when they are as deep as it: a hidden arm teaches nothing
        add(f"{side}_upper_arm", skin, 0.07, (shoulder, 0.034 * fat), (elbow, 0.029 * fat))
        add(f"{side}_upper_arm", shirt * 0.94, 0.072, (shoulder, 0.042 * fat), (cuff, 0.035 * fat))
        lower = shirt * 0.86 if long_sleeves else skin
        add(f"{side}_forearm", lower, 0.073, (elbow, 0.031 * fat), (wrist, 0.022 * fat))
        add(f"{side}_hand", skin * 0.95, 0.074, (wrist, 0.018), (hand, 0.029))
        add(f"{side}_thigh", trousers, 0.0, (hip, 0.057 * fat), (knee, 0.041 * fat))
        add(f"{side}_shin", skin if shorts else trousers * 0.88, 0.0, (knee, 0.039 * fat), (ankle, 0.025 * fat))
        add(f"{side}_foot", wear["shoes"], 0.001, (ankle, 0.026), (toe, 0.022))
    return parts
