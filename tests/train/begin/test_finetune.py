"""Weights of one network in another: by layer, and in the heads by keypoint."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from poseport import bundle
from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture
from poseport.skeletons import COCO17, LSP14
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.train.begin import finetune
from poseport.train.networks import models
from poseport.train.progress.callbacks import save_weights

HOURGLASS = PoseSpec("hg", HourglassArchitecture(stacks=2, width=16, depth=2), COCO17, (64, 64), HeatmapOutput())
DEEPPOSE = PoseSpec("dp", DeepPoseArchitecture(width=0.25, dense_units=8), COCO17, (64, 64), CoordsOutput())
SHARED = [name for name in LSP14.names if name in COCO17.names]
HEADS = {"hourglass": {"heatmaps_0", "heatmaps_1", "hg0_back_conv"}, "deeppose": {"coords"}}


@pytest.fixture(scope="module", params=[HOURGLASS, DEEPPOSE], ids=lambda spec: spec.family)
def source(request, tmp_path_factory):
    """A bundle with random weights, its spec and its network."""
    keras.utils.set_random_seed(1)
    model = models.build(request.param, keras)
    directory = tmp_path_factory.mktemp("source") / "bundle"
    bundle.write_spec(directory, request.param)
    save_weights(model, directory / bundle.WEIGHTS)
    return directory, request.param, model


def test_the_same_network_is_copied_whole(source):
    directory, spec, old = source
    keras.utils.set_random_seed(2)
    model = models.build(spec, keras)
    found = finetune.copy_weights(model, spec, directory)
    assert (found.copied, found.arrays, found.left) == (len(model.weights), len(model.weights), ())
    assert found.weights_sha256 == bundle.sha256(directory / bundle.WEIGHTS)
    for a, b in zip(model.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_pose_machine_with_its_background_maps_is_copied_whole(tmp_path):
    spec = PoseSpec("cpm", CpmArchitecture(stages=2, width=8), COCO17, (64, 64), HeatmapOutput())
    bundle.write_spec(tmp_path, spec)
    save_weights(models.build(spec, keras), tmp_path / bundle.WEIGHTS)
    model = models.build(spec, keras)
    assert model.get_layer("maps1").get_weights()[0].shape[-1] == len(COCO17) + 1
    found = finetune.copy_weights(model, spec, tmp_path)
    assert (found.copied, found.left) == (len(model.weights), ())
    finetune.freeze_trunk(model, spec)
    assert {layer.name for layer in model.layers if layer.trainable_weights} == {
        "maps1", "maps2", "stage2_maps_conv",
    }  # fmt: skip


def test_keypoints_that_share_a_name_keep_their_rows(source):
    directory, spec, old = source
    spec = replace(spec, skeleton=LSP14)
    keras.utils.set_random_seed(2)
    model = models.build(spec, keras)
    found = finetune.copy_weights(model, spec, directory)
    assert found.copied == found.arrays
    assert set(found.left) == HEADS[spec.family]
    head = "heatmaps_1" if spec.family == "hourglass" else "coords"
    per = 1 if spec.family == "hourglass" else 2
    images = np.random.default_rng(0).random((2, 64, 64, 3)).astype("float32")
    assert len(SHARED) == 12
    new_kernel, old_kernel = (m.get_layer(head).get_weights()[0] for m in (model, old))
    for name in SHARED:
        new_at, old_at = LSP14.index(name) * per, COCO17.index(name) * per
        np.testing.assert_array_equal(new_kernel[..., new_at : new_at + per], old_kernel[..., old_at : old_at + per])
    if spec.family == "hourglass":  # the first stack reads no keypoints, so shared maps are the same to the bit
        new_maps, old_maps = (m.predict_on_batch(images)[0] for m in (model, old))
        for name in SHARED:
            a, b = new_maps[..., LSP14.index(name)], old_maps[..., COCO17.index(name)]
            np.testing.assert_allclose(a, b, atol=1e-6)
        back = [m.get_layer("hg0_back_conv").get_weights()[0] for m in (model, old)]
        np.testing.assert_array_equal(
            back[0][..., LSP14.index("left_knee"), :], back[1][..., COCO17.index("left_knee"), :]
        )


def test_what_does_not_fit_is_left_and_named(source):
    directory, spec, _ = source
    wider = replace(spec.architecture, width=spec.architecture.width * 2)
    spec = replace(spec, architecture=wider)
    found = finetune.copy_weights(models.build(spec, keras), spec, directory)
    assert 0 < found.copied < found.arrays
    assert found.left
    assert f"{found.copied} of {found.arrays} arrays copied; new, wholly or in part: " in str(found)


def test_a_network_of_another_family_is_refused(source):
    directory, spec, _ = source
    other = DEEPPOSE if spec.family == "hourglass" else HOURGLASS
    with pytest.raises(ValueError, match=f"holds a {spec.family}, whose weights do not fit a {other.family}"):
        finetune.copy_weights(models.build(other, keras), other, directory)


def test_a_frozen_trunk_leaves_the_heads_to_learn(source):
    _, spec, _ = source
    model = models.build(spec, keras)
    finetune.freeze_trunk(model, spec)
    learning = {layer.name for layer in model.layers if layer.trainable_weights}
    assert learning == HEADS[spec.family] | ({"dense0"} if spec.family == "deeppose" else set())
    # batch normalisation of a frozen trunk uses and keeps its moving statistics
    before = [w for layer in model.layers if layer.name.endswith("bn") for w in layer.get_weights()]
    model(np.random.default_rng(0).random((4, 64, 64, 3)).astype("float32"), training=True)
    after = [w for layer in model.layers if layer.name.endswith("bn") for w in layer.get_weights()]
    assert before
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
