"""A converted model as a user runs it, on real files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import poseport
from poseport import cascade, pose
from poseport.data import coco
from poseport.data.images import read_image
from poseport.skeletons import LSP14
from poseport.tflite import model_file
from poseport.tflite.runner import Pose, _same_order, load

BOTH = pytest.mark.parametrize("recipe", ["float32", "int8"])


@pytest.fixture(scope="module")
def photo(drawn: Path) -> tuple[np.ndarray, np.ndarray]:
    """An image with several people, and boxes (3, 4): two people and a part of the image."""
    people = coco.load(drawn)
    ids = [p.image_id for p in people.persons]
    person = next(p for p in people.persons if ids.count(p.image_id) > 1)
    boxes = [p.box_xywh for p in people.persons if p.image_id == person.image_id][:2]
    return read_image(person.image_path), np.array([*boxes, (20.5, 30.0, 200.0, 120.25)])


def test_poseport_load_is_the_runners(tiny_models: dict[str, Path]) -> None:
    assert poseport.load is load
    model = poseport.load(str(tiny_models["float32"]))
    assert model.spec.name == "tiny"
    assert model.card.conversion.recipe == "float32"
    assert not hasattr(poseport, "lode")


@BOTH
def test_keypoints_are_those_of_the_steps_by_hand(
    recipe: str, tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]
) -> None:
    image, boxes = photo
    model = load(tiny_models[recipe])
    expected = []
    for box in boxes:
        crop, matrix = pose.preprocess(model.spec, image, box)
        tensor = model.runner.quantize(pose.normalise(model.spec, crop[None]))
        raw = model.runner.dequantize(model.runner.invoke(tensor))
        expected.append(pose.decode(model.spec, raw, matrix[None])[0])
    found = model(image, boxes)
    assert found.shape == (3, 17, 3)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.stack(expected))
    assert np.isfinite(found).all()
    assert found[..., 2].min() > 0
    assert found[..., 2].max() <= 1


@BOTH
def test_three_boxes_are_three_calls(
    recipe: str, tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]
) -> None:
    image, boxes = photo
    model = load(tiny_models[recipe])
    together = model(image, boxes)
    assert np.abs(together[0] - together[1]).max() > 1
    alone = np.concatenate([model(image, box[None]) for box in boxes])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(load(tiny_models[recipe], threads=2)(image, boxes[::-1])[::-1], together)


def test_bytes_are_copied_where_that_is_exact(tiny_models: dict[str, Path]) -> None:
    model = load(tiny_models["int8"])
    assert model.byte_exact
    assert not load(tiny_models["float32"]).byte_exact
    every = np.arange(256, dtype=np.uint8).repeat(48).reshape(1, 64, 64, 3)
    crops = np.concatenate([every, np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)])
    fast = model.prepare(crops)
    generic = model.runner.quantize(pose.normalise(model.spec, crops))
    assert fast.dtype == generic.dtype == np.int8
    np.testing.assert_array_equal(fast, generic)
    np.testing.assert_array_equal(fast.astype(int), crops.astype(int) - 128)
    assert crops[0, 0, 0, 0] == 0


def test_another_mean_is_not_copied_bytes(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    data, card = model_file.read(tiny_models["int8"])
    spec = replace(card.spec, mean=(1.0, 2.0, 3.0))
    model_file.write(tmp_path / "m.tflite", data[: data.rindex(b"PK\x03\x04")], replace(card, spec=spec))
    model = load(tmp_path / "m.tflite")
    assert not model.byte_exact
    crops = np.full((1, 64, 64, 3), 50, np.uint8)
    assert model.prepare(crops)[0, 0, 0].tolist() == [49 - 128, 48 - 128, 47 - 128]


def test_int8_is_near_its_float_model(tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]) -> None:
    image, boxes = photo
    outputs = []
    for recipe in ("float32", "int8"):
        model = load(tiny_models[recipe])
        crops = np.stack([pose.preprocess(model.spec, image, box)[0] for box in boxes])
        outputs.append(model.infer(model.prepare(crops)))
    assert outputs[0].shape == (3, 16, 16, 17)
    spread = outputs[0].std()
    assert np.abs(outputs[0] - outputs[1]).mean() < 0.2 * spread


def test_no_boxes_are_no_people(tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]) -> None:
    model = load(tiny_models["int8"])
    for none in (np.zeros((0, 4)), []):
        assert model(photo[0], none).shape == (0, 17, 3)  # type: ignore[arg-type]


def test_an_image_turned_from_bgr_in_place_is_read(
    tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]
) -> None:
    image, boxes = photo
    model = load(tiny_models["int8"])
    bgr = np.ascontiguousarray(image[..., ::-1])
    np.testing.assert_array_equal(model(bgr[..., ::-1], boxes), model(image, boxes))
    assert np.abs(model(bgr, boxes) - model(image, boxes)).max() > 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda i: i.astype(np.float32), "image is float32 .*, expected uint8"),
        (lambda i: i[..., 0], r"image is uint8 \(288, 384\), expected uint8 \(height, width, 3\) in RGB"),
        (lambda i: np.concatenate([i, i[..., :1]], -1), r"image is uint8 \(288, 384, 4\)"),
        (lambda i: i[None], r"image is uint8 \(1, 288, 384, 3\)"),
    ],
)
def test_another_form_of_image_is_refused(
    spoil: Callable[[Any], Any], message: str, tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]
) -> None:
    image, boxes = photo
    with pytest.raises(ValueError, match=message):
        load(tiny_models["int8"])(spoil(image), boxes)


def test_a_box_without_area_is_refused(tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="has no area"):
        load(tiny_models["int8"])(photo[0], np.array([[5, 5, 0, 10]]))


@pytest.mark.parametrize("changes", [{"input_hw": (128, 128)}, {"input_hw": (64, 128)}, {"keypoints": 14}])
def test_a_card_that_disagrees_with_its_tensors_is_refused(
    changes: dict[str, Any], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    data, card = model_file.read(tiny_models["int8"])
    if "keypoints" in changes:
        changes = {"skeleton": LSP14}
    path = tmp_path / "other.tflite"
    model_file.write(path, data[: data.rindex(b"PK\x03\x04")], replace(card, spec=replace(card.spec, **changes)))
    with pytest.raises(ValueError, match=r"other\.tflite: its tensors are \(1, 64, 64, 3\) -> .*; convert it again"):
        load(path)


def test_arguments_are_not_modified(tiny_models: dict[str, Path], photo: tuple[np.ndarray, np.ndarray]) -> None:
    image, boxes = photo[0].copy(), photo[1].copy()
    for path in tiny_models.values():
        Pose(path)(image, boxes)
    np.testing.assert_array_equal(image, photo[0])
    np.testing.assert_array_equal(boxes, photo[1])


@BOTH
def test_a_cascade_is_its_networks_one_after_the_other(
    recipe: str,
    tiny_cascades: dict[str, Path],
    tiny_models: dict[str, Path],
    photo: tuple[np.ndarray, np.ndarray],
) -> None:
    image, boxes = photo
    model = load(tiny_cascades[recipe])
    assert [network.spec.name for network in (model, *model.later)] == ["tiny", "tiny-refine"]
    found = model(image, boxes)
    assert found.shape == (3, 17, 3)
    [later] = model.later
    for n, box in enumerate(boxes):
        crop, matrix = pose.preprocess(model.spec, image, box)
        before = pose.decode(model.spec, model.infer(model.prepare(crop[None])), matrix[None])
        for k, square in enumerate(cascade.windows(later.spec, box[None], before)[0]):
            crop, matrix = pose.preprocess(later.spec, image, square)
            answer = pose.decode(later.spec, later.infer(later.prepare(crop[None])), matrix[None])[0, k]
            np.testing.assert_array_equal(found[n, k], [*answer[:2], before[0, k, 2]])
    if recipe == "float32":  # where calibration is none, the first stage is the network of `tiny_models`
        moved = np.linalg.norm(found[..., :2] - load(tiny_models[recipe])(image, boxes)[..., :2], axis=-1)
        assert 0.5 < np.median(moved) < 40
    assert model(image, np.zeros((0, 4))).shape == (0, 17, 3)


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ((1, 16, 12, 17), (1, 16, 12, 17), True),
        ((1, 17, 16, 12), (1, 16, 12, 17), False),  # channels first
        ((1, 12, 16, 17), (1, 16, 12, 17), False),  # width before height
        ((1, 16 * 12 * 17), (1, 16, 12, 17), False),  # which of the two it is cannot be known
        ((1, 16, 12, 1), (1, 16, 12, 1), True),  # one keypoint
        ((1, 1, 17, 3), (1, 17, 3), True),  # MoveNet
        ((1, 51), (1, 17, 3), True),
        ((1, 34), (1, 17, 2), True),
        ((1, 3, 17), (1, 17, 3), False),
        ((1, 2, 17), (1, 17, 2), False),
    ],
)
def test_outputs_are_compared_by_the_order_of_their_values(
    found: tuple[int, ...], wanted: tuple[int, ...], same: bool
) -> None:
    assert _same_order(found, wanted) is same
