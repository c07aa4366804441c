"""The bundle: the folder that a training run writes and that a conversion reads.

It holds `spec.json`, `model.weights.h5` (of the best epoch), `train.json` and `log.csv`, and beside them
`last.weights.h5` (of the last epoch, with the optimizer's state) and `curves.png`. `resume/` exists during training
only; `pictures/` and `tensorboard/` exist if they were requested.

A cascade is one folder: the bundle of a later stage holds the bundle that it refines as `previous/`, and in
`refine.json` the errors that it was trained on. `poseport.tflite.model_file` defines the file of a conversion.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from poseport import pose
from poseport.files.json_text import MAX_JSON_BYTES, decode_json, parse_json
from poseport.files.safe_path import read_file, temporary
from poseport.people.detector_spec import DetectorSpec
from poseport.records import read_json, write_json
from poseport.spec import KeypointsOutput, PoseSpec

SPEC = "spec.json"
WEIGHTS = "model.weights.h5"
LAST_WEIGHTS = "last.weights.h5"
RESUME = "resume"
LOG = "log.csv"
TRAIN = "train.json"
CURVES = "curves.png"
PICTURES = "pictures"
EVENTS = "tensorboard"
PREVIOUS = "previous"
REFINE = "refine.json"
MAX_STAGES = 8


def write_spec(directory: Path, spec: PoseSpec | DetectorSpec) -> None:
    """Write the spec of a new bundle, and create its folder if necessary.

    Args:
        directory: the bundle.
        spec: its spec.

    Raises:
        ValueError: if the folder cannot be written.
    """
    write_json(spec, Path(directory) / SPEC)


def read_spec(directory: Path) -> PoseSpec:
    """Read the spec of a bundle.

    Args:
        directory: the bundle.

    Returns:
        The spec.

    Raises:
        ValueError: if the folder is not a bundle (the message names the missing file), if the spec cannot be
            trained, or if it crops or normalises in another way than the training did.
    """
    directory = Path(directory)
    _check_files(directory)
    if is_detector(directory):
        raise ValueError(f"{directory}: is a person detector; expected a pose network")
    spec = read_json(PoseSpec, directory / SPEC)
    if isinstance(spec.output, KeypointsOutput):
        raise ValueError(
            f"{directory / SPEC}: its output is {spec.output.kind}, which a network gets when it is converted "
            "(--head keypoints); expected the output that it was trained with"
        )
    trained = _preprocessing(directory)
    if trained is not None and trained != pose.fingerprint(spec):
        raise ValueError(
            f"{directory / SPEC}: crops or normalises in another way than the training did (its {TRAIN} says "
            f"{trained}, this is {pose.fingerprint(spec)}); restore input_hw, padding, mean, std and channel_order, or "
            "train again"
        )
    return spec


def is_detector(directory: Path) -> bool:
    """Whether a folder holds the spec of a person detector; False if its spec cannot be read.

    Args:
        directory: the bundle.
    """
    try:
        spec = parse_json(decode_json(read_file(Path(directory) / SPEC, MAX_JSON_BYTES)))
    except (OSError, ValueError):
        return False
    return isinstance(spec, dict) and spec.get("kind") == "detector"


def read_detector_spec(directory: Path) -> DetectorSpec:
    """Read the spec of a person detector's bundle.

    Args:
        directory: the bundle.

    Returns:
        The spec.

    Raises:
        ValueError: if the folder is not a bundle, or the bundle of a pose network.
    """
    directory = Path(directory)
    _check_files(directory)
    if not is_detector(directory):
        raise ValueError(f"{directory}: is a pose network; expected a person detector")
    return read_json(DetectorSpec, directory / SPEC)


def _check_files(directory: Path) -> None:
    for name in (SPEC, WEIGHTS):
        if not (directory / name).is_file():
            raise ValueError(
                f"{directory}: holds no {name}, so it is not a bundle; expected the folder that "
                "`poseport train` or `poseport import` wrote"
            )


def _preprocessing(directory: Path) -> str | None:
    """The fingerprint (`pose.fingerprint`) in the training record; None if there is no record or no fingerprint."""
    try:
        recorded = parse_json(decode_json(read_file(directory / TRAIN, MAX_JSON_BYTES))).get("preprocessing")
    except (OSError, ValueError, AttributeError):
        return None
    return recorded if isinstance(recorded, str) else None


def stages(directory: Path) -> list[Path]:
    """List the bundles of a cascade in the order in which they run; an ordinary bundle is a list of one.

    Args:
        directory: the bundle of the last stage.

    Returns:
        The folders.

    Raises:
        ValueError: if one of the folders is not a bundle, or if two of them have different keypoints.
    """
    folders = [Path(directory)]
    spec = read_spec(folders[0])
    while (last := read_spec(folders[0])).refine is not None:
        folders.insert(0, folders[0] / PREVIOUS)
        if len(folders) > MAX_STAGES:
            raise ValueError(f"{directory}: more than {MAX_STAGES} stages inside each other; expected a cascade")
        if read_spec(folders[0]).skeleton.names != spec.skeleton.names:
            raise ValueError(f"{folders[0]}: has other keypoints than {last.name}, which refines them; train it again")
    return folders


def adopt(previous: Path, directory: Path) -> None:
    """Copy a bundle, with all bundles that it refines, into the bundle that refines it; completely or not at all.

    A copy that exists already, as in a resumed run, is only checked.

    Args:
        previous: the bundle that is refined.
        directory: the bundle that refines it.

    Raises:
        ValueError: if the existing copy has other weights, or if copying fails.
    """
    inside = Path(directory) / PREVIOUS
    if inside.exists():
        theirs, ours = ([sha256(stage / WEIGHTS) for stage in stages(place)] for place in (previous, inside))
        if theirs != ours:
            raise ValueError(f"{directory}: refines another bundle than {previous}; give that one, or another --out")
        return
    stages(previous)
    copied = {SPEC, WEIGHTS, TRAIN, LOG, REFINE, PREVIOUS}  # the rest serves only to train it further
    beside = temporary(inside)
    shutil.rmtree(beside, ignore_errors=True)
    try:
        shutil.copytree(previous, beside, ignore=lambda folder, names: set(names) - copied)
        os.replace(beside, inside)
    except OSError as error:
        raise ValueError(f"{directory}: {previous} cannot be copied into it ({error}); choose another output") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sha256(path: Path) -> str:
    """Compute the sha256 of a file.

    Args:
        path: the file.

    Returns:
        64 hex digits.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(path: Path) -> str:
    """Compute the sha256 of the weights in a bundle, or of a .tflite file.

    Args:
        path: the bundle or the file.

    Returns:
        64 hex digits.
    """
    return sha256(path if path.suffix == ".tflite" else path / WEIGHTS)
