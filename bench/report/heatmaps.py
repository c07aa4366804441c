"""The heatmaps behind kept predictions: the two files of a pair asked again, about the few people that are shown."""

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
    """sha256 -> file of all .tflite files that are named, lie in a named folder, or come with the package.

    Raises ValueError for a path that does not exist.
    """
    files = [one.path for one in shipped.SHIPPED.values()]
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path}: does not exist; --models takes .tflite files, and folders that hold them")
        files += sorted(path.glob("*.tflite")) if path.is_dir() else [path]
    return {bundle.sha256(file): file for file in files}


def open_pair(pair: Pair, files: Mapping[str, Path]) -> tuple[list[PoseNetwork], str]:
    """The networks of a pair's files, or none; and what is to be said about it, in a sentence."""
    models = [side.model for side in (pair.base, pair.candidate)]
    if not any(isinstance(model.card.spec.output, HeatmapOutput) for model in models):
        return [], "Neither file has heatmaps."
    missing = [f"{model.name} (sha256 {model.sha256[:12]}…)" for model in models if model.sha256 not in files]
    if missing:
        return [], f"Heatmaps need the files themselves; not found: {', '.join(missing)}. Name them with --models."
    here = pair.base.environment.device == "host"
    note = "" if here else "Heatmaps were computed on the machine that wrote this page."
    return [load(files[model.sha256]) for model in models], note


def look(
    network: PoseNetwork, image: np.ndarray, box_xywh: np.ndarray, flip: bool, shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """The crop of a person, (H, W, 3) uint8 RGB, and its maps (h, w, K) that peak at about 1; None
    where it gives no heatmaps.

    image: (h, w, 3) uint8 RGB. box_xywh: (4,) in its pixels. flip: averaged with those of the mirrored crop.
    shown: (K,) bool; the maps of the others are NaN.
    """
    crops, _ = pose.crops(network.spec, image, box_xywh[None])
    if not isinstance(network.spec.output, HeatmapOutput):
        return crops[0], None
    outputs = network.outputs(crops)
    if flip:
        outputs = flip_average(network, crops, outputs)
    return crops[0], np.where(shown, pose.maps(network.spec, outputs)[0], np.nan)
