"""Skeletons with hands, feet or a face: BlazePose's 33 points, Halpe's 26, COCO-WholeBody's 133 and a hand's 21."""

from __future__ import annotations

import itertools

from poseport.skeleton import Pair, Skeleton, chain, sides

# COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval
COCO_SIGMA = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089,
}  # fmt: skip


def _both(*parts: str) -> tuple[str, ...]:
    """Names of the left and then the right part, in turn."""
    return tuple(f"{side}_{part}" for part in parts for side in ("left", "right"))


def _path(*names: str) -> tuple[Pair, ...]:
    return tuple(itertools.pairwise(names))


def _each_side(*parts: str) -> tuple[Pair, ...]:
    return chain("left", *parts) + chain("right", *parts)


_FACE_OF_COCO = ("nose", *_both("eye", "ear"))
_BODY = _both("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_BODY_LIMBS = (
    *_each_side("shoulder", "elbow", "wrist"), *_each_side("hip", "knee", "ankle"),
    *_each_side("shoulder", "hip"), ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
)  # fmt: skip
_HEAD_LIMBS = (("nose", "left_eye"), ("nose", "right_eye"), *_each_side("eye", "ear"))
_PCP = _each_side("shoulder", "elbow", "wrist") + _each_side("hip", "knee", "ankle")

# MediaPipe's order (pose_landmark.py, PoseLandmark); "mouth_left" is left_mouth here, so that sides can be told.
# Nobody published OKS constants: a point that COCO labels keeps COCO's value, the others take that of the nearest one
# (around the eye: eye; mouth: nose; fingers: wrist; heel and toes: ankle).
_BLAZEPOSE33 = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    *_both("ear", "mouth", "shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel",
           "foot_index"),
)  # fmt: skip
_NEAREST = {
    "eye_inner": "eye", "eye_outer": "eye", "mouth": "nose", "pinky": "wrist", "index": "wrist", "thumb": "wrist",
    "heel": "ankle", "foot_index": "ankle",
}  # fmt: skip


def _blazepose_sigma(name: str) -> float:
    part = name.removeprefix("left_").removeprefix("right_")
    return COCO_SIGMA[_NEAREST.get(part, part)]


BLAZEPOSE33 = Skeleton(
    name="blazepose33",
    names=_BLAZEPOSE33,
    flip_pairs=sides(
        "eye_inner", "eye", "eye_outer", "ear", "mouth", "shoulder", "elbow", "wrist", "pinky", "index", "thumb",
        "hip", "knee", "ankle", "heel", "foot_index",
    ),
    limbs=(
        ("nose", "left_eye_inner"), ("nose", "right_eye_inner"), *_each_side("eye_inner", "eye", "eye_outer", "ear"),
        ("left_mouth", "right_mouth"), *_BODY_LIMBS,
        *_each_side("wrist", "pinky", "index", "wrist", "thumb"), *_each_side("ankle", "heel", "foot_index", "ankle"),
    ),
    sigmas=tuple(map(_blazepose_sigma, _BLAZEPOSE33)),
    torso=("left_shoulder", "right_hip"),
    pcp_limbs=_PCP,
)  # fmt: skip

# Halpe full body (Fang et al., github.com/Fang-Haoshu/Halpe-FullBody), its first 26 points in their order; "head",
# "neck" and "hip" there are head_top, neck and pelvis here, as in MPII. Sigmas: its HalpeCOCOAPI, cocoeval.py.
HALPE26 = Skeleton(
    name="halpe26",
    names=(
        *_FACE_OF_COCO, *_BODY, "head_top", "neck", "pelvis", *_both("big_toe", "small_toe", "heel"),
    ),
    flip_pairs=sides(
        "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "big_toe", "small_toe", "heel"
    ),
    limbs=(
        *_HEAD_LIMBS, ("head_top", "neck"), ("neck", "pelvis"), ("neck", "left_shoulder"), ("neck", "right_shoulder"),
        ("pelvis", "left_hip"), ("pelvis", "right_hip"), *_PCP,
        *_each_side("ankle", "big_toe"), *_each_side("ankle", "small_toe"), *_each_side("ankle", "heel"),
    ),
    sigmas=(
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
        0.089, 0.089, 0.026, 0.026, 0.066, 0.079, 0.079, 0.079, 0.079, 0.079, 0.079,
    ),
    torso=("left_shoulder", "right_hip"),
    head=("neck", "head_top"),
    pcp_limbs=_PCP,
)  # fmt: skip

# A hand: the same order in MediaPipe, FreiHAND, OneHand10K and COCO-WholeBody, whose names these are. Sigmas: those of
# COCO-WholeBody's left hand (evaluation/myeval_wholebody.py), which are relative to the box of the hand.
_FINGERS = tuple(f"{finger}{i}" for finger in ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
                 for i in range(1, 5))  # fmt: skip
_HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021,
    0.032, 0.02, 0.019, 0.022, 0.031,
)  # fmt: skip
_HAND = ("hand_root", *_FINGERS)
_HAND_LIMBS = tuple(pair for i in range(0, 20, 4) for pair in _path("hand_root", *_FINGERS[i : i + 4]))

HAND21 = Skeleton(name="hand21", names=_HAND, flip_pairs=(), limbs=_HAND_LIMBS, sigmas=_HAND_SIGMAS)

# COCO-WholeBody (Jin et al. 2020, github.com/jin-s13/COCO-WholeBody): COCO's 17, six points of the feet, 68 of the face
# in the order of iBUG 300-W, and two hands. Sigmas: evaluation/myeval_wholebody.py.
_FACE = tuple(f"face_{i}" for i in range(68))
# each contour of the face, from one end to the other; a closed one returns to its first point
_CONTOURS = (
    range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36), (*range(36, 42), 36), (*range(42, 48), 42),
    (*range(48, 60), 48), (*range(60, 68), 60),
)  # fmt: skip
_MIRRORED = (
    *((i, 16 - i) for i in range(8)), *((17 + i, 26 - i) for i in range(5)), (31, 35), (32, 34), (36, 45), (37, 44),
    (38, 43), (39, 42), (40, 47), (41, 46), (48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63),
    (65, 67),
)  # fmt: skip
_FEET = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel"))

WHOLEBODY133 = Skeleton(
    name="wholebody133",
    names=(
        *_FACE_OF_COCO, *_BODY, *_FEET, *_FACE,
        *(f"left_{name}" for name in _HAND), *(f"right_{name}" for name in _HAND),
    ),
    flip_pairs=(
        *sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "big_toe", "small_toe", "heel"),
        *((_FACE[a], _FACE[b]) for a, b in _MIRRORED), *sides(*_HAND),
    ),
    limbs=(
        *_HEAD_LIMBS, *_BODY_LIMBS,
        *_each_side("ankle", "big_toe"), *_each_side("ankle", "small_toe"), *_each_side("ankle", "heel"),
        *(pair for contour in _CONTOURS for pair in _path(*(_FACE[i] for i in contour))),
        *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in _HAND_LIMBS),
    ),
    sigmas=(
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
        0.089, 0.089, 0.068, 0.066, 0.066, 0.092, 0.094, 0.094, 0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031,
        0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041, 0.045, 0.013, 0.012, 0.011, 0.011, 0.012,
        0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010, 0.017,
        0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034, 0.008, 0.008, 0.009, 0.008,
        0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.01,
        0.008, *_HAND_SIGMAS, *_HAND_SIGMAS,
    ),
    torso=("left_shoulder", "right_hip"),
    pcp_limbs=_PCP,
)  # fmt: skip
