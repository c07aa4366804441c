"""MPII, FLIC and LSP files as MATLAB wrote the originals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import savemat

EMPTY = np.zeros((0, 0))


def structs(*items: dict[str, Any]) -> np.ndarray:
    """A MATLAB struct array (1, n); a field that an item lacks is []."""
    names = list(dict.fromkeys(name for item in items for name in item))
    array = np.empty((1, len(items)), dtype=[(name, object) for name in names])
    for i, item in enumerate(items):
        for name in names:
            array[name][0, i] = item.get(name, EMPTY)
    return array


def photos(folder: Path, *names: str, hw: tuple[int, int] = (240, 320)) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((*hw, 3), 120, np.uint8))
    return folder


def mpii_points(**visible: Any) -> dict[str, Any]:
    """Points 0 to 9; `is_visible` of those named p0, p1 …; 8 and 9 (neck, head top) have none in the original."""
    items = []
    for i in range(10):
        item: dict[str, Any] = {"x": 101.0 + 4 * i, "y": 51.0 + 9 * i, "id": i}
        if i < 8:
            item["is_visible"] = visible.get(f"p{i}", 1)
        items.append(item)
    return {"point": structs(*items)}


def mpii_release() -> dict[str, Any]:
    whole = {
        "x1": 121, "y1": 41, "x2": 141, "y2": 71, "annopoints": mpii_points(p1=0, p2="0", p3="1", p4=EMPTY),
        "scale": 0.9, "objpos": {"x": 131, "y": 121},
    }  # fmt: skip
    boxless = {"annopoints": {"point": structs({"x": 11, "y": 21, "id": 15, "is_visible": 0})}}
    unlabelled = {"scale": 1.5, "objpos": {"x": 60, "y": 60}}
    return {
        "annolist": structs(
            {"image": {"name": "a.jpg"}, "annorect": structs(whole, unlabelled, boxless), "frame_sec": 4},
            {"image": {"name": "b.jpg"}, "annorect": structs({**whole, "scale": 0.5})},
            {"image": {"name": "c.jpg"}, "annorect": EMPTY, "vididx": 3},
            {"image": {"name": "d.jpg"}, "annorect": structs(unlabelled)},
        ),
        "img_train": np.array([[1, 1, 1, 0]], np.uint8),
        "version": "12",
    }


def mpii_mat(folder: Path, release: Any) -> Path:
    path = folder / "mpii_human_pose_v1_u12_1.mat"
    savemat(path, {"RELEASE": release})
    return path


def joints(count: int, third: Callable[[int, int], int]) -> np.ndarray:
    """(14, 3, N), as LSPET has it: x, y from 1, and the third number."""
    array = np.zeros((14, 3, count))
    for i in range(count):
        for k in range(14):
            array[k, :, i] = 41 + 10 * k + i, 31 + 8 * k + i, third(k, i)
    return array


def lsp_source(folder: Path, array: np.ndarray, digits: int, suffix: str = "jpg", first: int = 1) -> Path:
    photos(folder / "images", *(f"im{i + first:0{digits}d}.{suffix}" for i in range(array.shape[2])))
    savemat(folder / "joints.mat", {"joints": array})
    return folder / "joints.mat"
