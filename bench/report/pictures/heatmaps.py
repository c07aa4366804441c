"""Compute the heatmaps of the people in a report again, with the two files of a pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from poseport import bundle, pose
from poseport.bench.report.grouping import Pair
from poseport.predict import PoseNetwork, flip_average
from poseport.spec import HeatmapOutput
from poseport.tflite import shipped
from poseport.tflite.runner import load


def find_files(paths: Iterable[Path]) -> dict[str, Path]:
    """Find the .tflite files that are named, lie in a named folder, or come with the package.

    Args:
        paths: Files and folders.

    Returns:
        sha256 -> file.

    Raises:
        ValueError: if a path does not exist.
    """
    files = [network.path for network in shipped.SHIPPED.values() if not network.detector]
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path}: does not exist; --models takes .tflite files, and folders that hold them")
        files += sorted(path.glob("*.tflite")) if path.is_dir() else [path]
    return {bundle.sha256(file): file for file in files}


def open_pair(pair: Pair, files: Mapping[str, Path]) -> tuple[list[PoseNetwork], str]:
    """Load the two files of a pair if at least one has heatmaps.

    Args:
        pair: The files.
        files: sha256 -> file.

    Returns:
        The networks, or none, and a sentence for the page (empty if nothing needs saying).

    Raises:
        ValueError: if a file cannot be loaded.
    """
    models = [side.model for side in (pair.base, pair.candidate)]
    if not any(isinstance(model.card.spec.output, HeatmapOutput) for model in models):
        return [], "Neither file has heatmaps."
    missing = [f"{model.name} (sha256 {model.sha256[:12]}…)" for model in models if model.sha256 not in files]
    if missing:
        return [], f"Heatmaps need the files themselves; not found: {', '.join(missing)}. Name them with --models."
    on_host = pair.base.environment.device == "host"
    note = "" if on_host else "Heatmaps were computed on the machine that wrote this page."
    return [load(files[model.sha256]) for model in models], note


def look(
    network: PoseNetwork, image: np.ndarray, box_xywh: np.ndarray, flip: bool, shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Compute the heatmaps of a person.

    Args:
        network: The network.
        image: (h, w, 3) uint8 RGB.
        box_xywh: (4,) box in pixels of the image.
        flip: Average the maps with those of the mirrored crop.
        shown: (K,) bool; the maps of the other keypoints are NaN.

    Returns:
        The crop (H, W, 3) uint8 RGB, and its maps (h, w, K) that peak at about 1, or None without heatmaps.
    """
    crops, _ = pose.crops(network.spec, image, box_xywh[None])
    if not isinstance(network.spec.output, HeatmapOutput):
        return crops[0], None
    outputs = network.outputs(crops)
    if flip:
        outputs = flip_average(network, crops, outputs)
    return crops[0], np.where(shown, pose.maps(network.spec, outputs)[0], np.nan)
