"""Compare the first answers of a phone with this machine's, from the same crops and the same file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from poseport import pose
from poseport.bench.delegate_record import Agreement, Arithmetic
from poseport.bench.measure import accuracy
from poseport.bench.phone.files import Description, Hardware
from poseport.bench.phone.parts import PART
from poseport.bench.phone.results import predictions
from poseport.data.people import Person
from poseport.scoring import metrics
from poseport.tflite.runner import Pose

# a keypoint counts if this machine's score is at least this; unsure ones jump between maxima of nearly equal height
SURE = 0.3


def agreement(
    model: Pose, run: Description, folder: Path, persons: Sequence[Person], macs: dict[str, int]
) -> Agreement:
    """Compare the keypoints of the first people of a run.

    Args:
        model: The loaded file.
        run: What was measured.
        folder: Folder of the run.
        persons: The people whose crops were sent.
        macs: The file's multiply-adds by type.

    Returns:
        The agreement of at most 32 people.

    Raises:
        ValueError: if the part is damaged or missing, or an image cannot be read.
    """
    those = persons[:PART]
    theirs = predictions.first_outputs(model, run, folder, those)
    return compare(model, those, theirs, arithmetic(run.hardware, macs), decoded=run.mode == "images")


def compare(
    model: Pose, persons: Sequence[Person], theirs: np.ndarray, computed: Arithmetic, *, decoded: bool
) -> Agreement:
    """Compare answers of a phone for some people with this machine's.

    Args:
        model: The loaded file.
        persons: N people, with the boxes that were cropped.
        theirs: The phone's (N, K, 3) keypoints in image pixels, or its (N, *spec.output_shape) raw outputs.
        computed: Which bounds apply.
        decoded: Whether they are keypoints.

    Returns:
        The agreement.

    Raises:
        ValueError: if an image cannot be read.
    """
    spread = theirs.reshape(len(theirs), -1)
    finite = np.isfinite(spread).all(axis=1)
    if not finite.all():
        return Agreement(len(theirs), computed, None, None, None, not_finite=int((~finite).sum()))
    constant = int((np.ptp(spread, axis=1) == 0).sum())
    matrices = predictions.matrices(model, persons)
    own = accuracy.predict(model, persons)[0]
    found = theirs if decoded else pose.decode(model.spec, theirs, matrices)
    sure = own[..., 2] >= SURE
    if not sure.any():
        sure[:] = True
    zoom = np.sqrt(abs(np.linalg.det(matrices[:, :, :2])))  # input pixels per image pixel
    apart = (np.linalg.norm(found[..., :2] - own[..., :2], axis=-1) * zoom[:, None])[sure]
    labels = np.concatenate([own[..., :2], 2.0 * sure[..., None]], axis=-1)
    areas = np.array([max(person.area, 1.0) for person in persons])
    similar = float(np.nanmean(metrics.oks(found, labels, areas, np.array(model.spec.skeleton.sigmas))))
    median, p90 = (round(float(np.percentile(apart, percent)), 4) for percent in (50, 90))
    return Agreement(len(theirs), computed, median, p90, round(similar, 4), constant)


def arithmetic(hardware: Hardware, macs: dict[str, int]) -> Arithmetic:
    """Which bound applies: int8 rounding hides float16's, and GPUs and NPUs compute in float16 by default.

    Args:
        hardware: What ran the network.
        macs: The file's multiply-adds by type.
    """
    if any("int" in dtype for dtype in macs):
        return "int8"
    return "float32" if hardware == "CPU" and set(macs) <= {"float32"} else "float16"
