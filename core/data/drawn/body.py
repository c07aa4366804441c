"""A random body in 3D: joints of a person who stands, walks or sits, in the body's own axes.

Body axes: x to the person's own left, y down, z where the person faces; the unit is the person's
stature and the origin the middle of the hips.
"""

from __future__ import annotations

import numpy as np

SIDES = (("left", 1.0), ("right", -1.0))
# In statures. Hips and head are a little large, so that they still have pixels at a stature of 100 px.
_LENGTHS = {
    "torso": 0.3, "neck": 0.035, "head": 0.078, "shoulder": 0.112, "hip": 0.075,
    "upper_arm": 0.17, "forearm": 0.155, "thigh": 0.24, "shin": 0.235,
}  # fmt: skip


def random_joints(rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Draw a random build and pose.

    Args:
        rng: Source of randomness.

    Returns:
        Name of a joint -> its place (3,) in body axes, and name of a frame -> (3, 3) axes of chest, pelvis and head.
    """
    build = {name: length * rng.uniform(0.93, 1.07) for name, length in _LENGTHS.items()}
    pose = str(rng.choice(["stand", "walk", "wide", "squat", "sit"], p=[0.4, 0.25, 0.15, 0.1, 0.1]))
    lean = rng.uniform(5, 30) if pose in ("squat", "sit") else rng.triangular(-8, 2, 25)
    pelvis = np.eye(3)
    chest = turn("z", rng.uniform(-10, 10)) @ turn("x", -lean) @ turn("y", rng.uniform(-15, 15))
    head = chest @ turn("x", lean * 0.6 + rng.uniform(-12, 12)) @ turn("y", rng.uniform(-25, 25))
    head = head @ turn("z", rng.uniform(-10, 10))
    neck = chest @ [0, -build["torso"], 0]
    r = build["head"]
    joints = {"neck": neck, "head": neck + chest @ [0, -build["neck"], 0] + head @ [0, -r, 0.15 * r]}
    for name, place in {"nose": (0, 0.2, 0.95), "mouth": (0, 0.5, 0.8)}.items():
        joints[name] = joints["head"] + r * (head @ place)
    bent_first = rng.random() < 0.5
    for side, sign in SIDES:
        joints[f"{side}_eye"] = joints["head"] + r * (head @ [0.36 * sign, -0.12, 0.8])
        joints[f"{side}_ear"] = joints["head"] + r * (head @ [1.0 * sign, 0.08, -0.05])
        shoulder = neck + chest @ [build["shoulder"] * sign, 0.035, 0]
        upper, lower = _arm(rng, sign)
        joints[f"{side}_shoulder"] = shoulder
        joints[f"{side}_elbow"] = elbow = shoulder + build["upper_arm"] * (chest @ upper)
        joints[f"{side}_wrist"] = wrist = elbow + build["forearm"] * (chest @ lower)
        joints[f"{side}_hand"] = wrist + 0.035 * (chest @ lower)
        hip = pelvis @ [build["hip"] * sign, 0, 0]
        flex, out, bend = _leg(rng, pose, bent_first == (sign > 0))
        joints[f"{side}_hip"] = hip
        joints[f"{side}_knee"] = knee = hip + build["thigh"] * _swing(flex, out, sign)
        joints[f"{side}_ankle"] = ankle = knee + build["shin"] * _swing(flex - bend, 0.6 * out, sign)
        joints[f"{side}_toe"] = ankle + np.array([0.025 * sign, 0.03, 0.085])
    return joints, {"chest": chest, "pelvis": pelvis, "head": head}


def turn(axis: str, deg: float) -> np.ndarray:
    """Make a rotation; about y it takes z to x, about x it takes y to z, about z it takes x to y.

    Args:
        axis: "x", "y" or "z".
        deg: Angle in degrees.

    Returns:
        (3, 3) float64.
    """
    c, s = np.cos(np.deg2rad(deg)), np.sin(np.deg2rad(deg))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def _swing(flex_deg: float, out_deg: float, side: float) -> np.ndarray:
    """Direction of a hanging limb that is swung forward by flex and away from the body by out."""
    f, o = np.deg2rad(flex_deg), np.deg2rad(out_deg)
    return np.array([side * np.sin(o) * np.cos(f), np.cos(o) * np.cos(f), np.sin(f)])


def _arm(rng: np.random.Generator, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Directions of upper arm and forearm in the chest's axes."""
    kinds = {  # forward, outward, elbow; degrees
        "hang": ((-18, 20), (5, 22), (5, 40)),
        "out": ((-5, 25), (40, 95), (0, 80)),
        "forward": ((35, 85), (5, 25), (10, 80)),
        "raised": ((-5, 25), (115, 165), (0, 70)),
        "akimbo": ((-25, -5), (35, 50), (75, 110)),
    }
    kind = str(rng.choice(list(kinds), p=[0.42, 0.2, 0.14, 0.16, 0.08]))
    flex, out, bend = (rng.uniform(*bounds) for bounds in kinds[kind])
    upper = _swing(flex, out, side)
    # an elbow folds forward or up, and across the body when the hand rests on the hip
    hinge = np.array([-side * rng.uniform(0, 0.6), -rng.uniform(-0.1, 0.9), rng.uniform(0.3, 1.0)])
    if kind == "akimbo":
        hinge = np.array([-side, 0.4, 0.2])
    hinge -= upper * (upper @ hinge)
    hinge /= np.linalg.norm(hinge)
    return upper, np.cos(np.deg2rad(bend)) * upper + np.sin(np.deg2rad(bend)) * hinge


def _leg(rng: np.random.Generator, pose: str, first: bool) -> tuple[float, float, float]:
    """Forward and outward angle of a thigh and bend of the knee, in degrees; first: the leg in front."""
    flex, out, bend = {
        "stand": ((-5, 8), (2, 10), (0, 10)),
        "walk": ((12, 38), (0, 6), (0, 30)) if first else ((-28, -8), (0, 6), (5, 45)),
        "wide": ((-5, 12), (12, 30), (0, 15)),
        "squat": ((35, 65), (8, 25), (45, 90)),
        "sit": ((65, 90), (3, 18), (65, 95)),
    }[pose]
    return rng.uniform(*flex), rng.uniform(*out), rng.uniform(*bend)
