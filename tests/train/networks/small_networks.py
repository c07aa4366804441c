"""Specs of small networks of every family."""

from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture, MobileNetArchitecture
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec


def hourglass(**architecture):
    return PoseSpec("test", HourglassArchitecture(**architecture), COCO17, (64, 64), HeatmapOutput())


def cpm(stages, block, stride=4, values="gaussian"):
    architecture = CpmArchitecture(stages=stages, width=16, block=block)
    return PoseSpec("test", architecture, COCO17, (64, 64), HeatmapOutput(stride=stride, values=values))


def deeppose(trunk, score="none", size=64):
    architecture = DeepPoseArchitecture(trunk=trunk, width=0.125, dense_units=32, dropout=0.5)
    return PoseSpec("test", architecture, COCO17, (size, size), CoordsOutput(score=score))


def on_mobilenet(output=None, size=64, **architecture):
    architecture = MobileNetArchitecture(multiplier=0.25, width=16, **architecture)
    return PoseSpec("test", architecture, COCO17, (size, size), output or HeatmapOutput(values="logits"))
