"""A drawn picture of two people and one of nobody, and what Python finds in them with the shipped detector.

`python tests/android/write_people.py FOLDER` writes them into FOLDER/detector: the detector, `two.rgb`, `nobody.rgb`,
and `people.json` with their size, the detector's boxes and scores, and the people that `poseport.load(...).find` finds.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data.drawn import synth
from poseport.people import detector, track
from poseport.people.follow import Follower
from poseport.tflite import runner

SHIPPED = Path(__file__).parents[2] / "models"
DETECTOR, MODEL = "person.int8.tflite", "starter.mixed-float32.tflite"
# As wide as the detector's input, so that no pixel is interpolated: OpenCV fuses sums that the app does not, and one
# level in one value of 300,000 can move an int8 output by a whole step. Golden vectors hold the crops.
HW = (240, 320)


def main(folder: Path) -> None:
    """The pictures and what is found in them."""
    folder.mkdir(exist_ok=True)
    shutil.copy(SHIPPED / DETECTOR, folder)
    pose, detect = runner.load(SHIPPED / MODEL), detector.load(SHIPPED / DETECTOR)
    rng = np.random.default_rng(3)
    drawn = (synth.scene(rng, HW)[0] for _ in range(500))
    two = next(image for image in drawn if _is_sure_of_two(pose.find(image)) and _is_sure_of_one(pose, image))
    level = np.linspace(40, 200, HW[1]).astype(np.uint8)
    nobody = np.repeat(np.tile(level, (HW[0], 1))[..., None], 3, axis=2)
    assert len(pose.find(nobody).scores) == 0
    cases: dict[str, Any] = {"model": MODEL, "height": HW[0], "width": HW[1]}
    for name, image in (("two", two), ("nobody", nobody)):
        (folder / f"{name}.rgb").write_bytes(image.tobytes())
        found, (boxes, scores) = pose.find(image), detect(image)
        cases[name] = {
            "boxes_xywh": boxes.tolist(), "scores": scores.tolist(), "keypoints": found.keypoints.tolist(),
            "found_xywh": found.boxes.tolist(), "found_scores": found.scores.tolist(),
        }  # fmt: skip
    (folder / "people.json").write_text(json.dumps(cases, allow_nan=False))


def _is_sure_of_two(found: Any) -> bool:
    return len(found.scores) == 2 and bool(found.scores.min() > 0.3)


def _is_sure_of_one(pose: Any, image: np.ndarray) -> bool:
    """Whether somebody is found without a detector, in the whole picture and then closer."""
    looks = pose(image, track.whole(HW)[None]), Follower(pose)(image)
    return all(int((look[0, :, 2] > 0.3).sum()) >= 5 for look in looks)


if __name__ == "__main__":
    main(Path(sys.argv[1]) / "detector")
