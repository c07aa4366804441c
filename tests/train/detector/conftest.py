"""A small network with a way up to stride 8, and drawn people."""

from __future__ import annotations

import keras
import pytest

from poseport import bundle
from poseport.architecture import ImportedArchitecture
from poseport.data.drawn import synth
from poseport.nodes import ConvNode, JoinNode, ResizeNode
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.networks import models

NODES = (
    ConvNode((0,), 8, (3, 3), stride=(2, 2), activation="relu"),
    ConvNode((1,), 8, (3, 3), stride=(2, 2), activation="relu"),
    ConvNode((2,), 12, (3, 3), stride=(2, 2), activation="relu"), ConvNode((2,), 12, (1, 1)),
    ConvNode((3,), 12, (3, 3), stride=(2, 2), activation="relu"), ResizeNode((5,), "bilinear", (2, 2)),
    JoinNode((6, 3), "add"), ResizeNode((7,), "bilinear", (2, 2)), JoinNode((8, 4), "add"), ConvNode((9,), 17, (1, 1)),
)  # fmt: skip


@pytest.fixture(scope="session")
def pose_bundle(tmp_path_factory):
    """Bundle of an imported network: strides 2, 4, 8, 16 and up again to 4."""
    spec = PoseSpec(
        "small", ImportedArchitecture(source="me", nodes=NODES), COCO17, (64, 64), HeatmapOutput(values="logits")
    )
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("pose") / "small"
    bundle.write_spec(folder, spec)
    models.build(spec, keras).save_weights(folder / bundle.WEIGHTS)
    return folder


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """Annotations of eight drawn photos."""
    folder = tmp_path_factory.mktemp("people")
    return synth.write_people(folder, 8, seed=3)
