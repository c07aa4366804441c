"""A student, the settings of a teacher, and one person to be taught on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poseport.architecture import HourglassArchitecture
from poseport.data import coco
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.config import TeacherConfig

SPEC = PoseSpec("s", HourglassArchitecture(width=16, depth=2), COCO17, (64, 64), HeatmapOutput(values="logits"))
CONFIG = TeacherConfig("t.tflite", "0" * 64)


def one_person(people: coco.People, keypoints: np.ndarray) -> coco.People:
    person = replace(people.persons[0], box_xywh=(0.0, 0.0, 50.0, 100.0), keypoints=keypoints)
    return replace(people, persons=(person,))
