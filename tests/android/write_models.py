"""Converted models of every family and recipe with random weights, and those that are shipped, and what Python finds
with them in a drawn picture.

`python tests/android/write_models.py FOLDER` writes NAME.tflite and beside it NAME.json: the boxes, the keypoints that
`poseport.load` finds, and of the first network one input tensor with the raw output that belongs to it.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from poseport import bundle
from poseport.architecture import (
    Architecture,
    CpmArchitecture,
    DeepPoseArchitecture,
    ForeignArchitecture,
    HourglassArchitecture,
    MobileNetArchitecture,
)
from poseport.convert import to_tflite
from poseport.convert.recipes import RECIPES, recipe
from poseport.convert.request import QatTraining, Request
from poseport.data import coco, images
from poseport.data.drawn import synth
from poseport.skeleton import Skeleton, rearrange
from poseport.skeletons import COCO17, LSP14, MPII16
from poseport.spec import CoordsOutput, Decode, HeatmapOutput, OffsetsOutput, PoseSpec, Refine, SimccOutput
from poseport.tflite import model_file, runner
from poseport.tflite.card import Conversion, ModelCard
from poseport.train import run_folder
from poseport.train.config import TrainConfig
from poseport.train.networks import models
from poseport.train.record import DataUsed, TrainRecord

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_tflite import tflite

HOURGLASS = HourglassArchitecture(stacks=1, width=48, depth=2)
SMALL = DeepPoseArchitecture(width=0.25, dense_units=16)
VECTORS = MobileNetArchitecture(multiplier=0.25, blocks=14, dense_units=16)
# Maps of random weights are flat: what `dark` makes of them moves by a pixel for the last bit of a float. A centre of
# mass does not (every decoder is compared through the golden vectors).
MASS = Decode(method="centroid")
KEPT = ("stem_conv", "heatmaps_0")  # of the hourglass in mixed recipes
SHIPPED = Path(__file__).parents[2] / "models"
# name -> network, keypoints, output, recipes; the first one in all recipes, because a recipe knows nothing of families
NETWORKS: dict[str, tuple[Architecture, Skeleton, HeatmapOutput | CoordsOutput | SimccOutput, tuple[str, ...]]] = {
    "hourglass": (HOURGLASS, COCO17, HeatmapOutput(values="logits", decode=MASS), tuple(RECIPES)),
    "cpm": (
        CpmArchitecture(stages=2, width=16),
        MPII16,
        HeatmapOutput(stride=8, decode=MASS),
        ("float32", "int8"),
    ),
    "coords": (SMALL, LSP14, CoordsOutput(), ("float32", "int8")),
    "visibility": (SMALL, LSP14, CoordsOutput(score="visibility"), ("int8",)),
    "vectors": (VECTORS, LSP14, SimccOutput(values="logits"), ("int8",)),
}

# outputs of other projects: name -> output, size of the input
OTHERS: dict[str, tuple[OffsetsOutput | SimccOutput, tuple[int, int]]] = {
    "simcc": (SimccOutput(), (64, 48)),
    "posenet": (OffsetsOutput(stride=16, layout="channels-first"), (65, 97)),
}


def write_bundle(folder: Path, spec: PoseSpec, seed: int) -> Path:
    """A bundle with random weights that answers differently for different pictures."""
    keras.utils.set_random_seed(seed)
    model = models.build(spec, keras)
    if isinstance(spec.output, CoordsOutput):  # from where a fresh head starts, every answer would be the middle
        kernel, bias = model.get_layer("coords").get_weights()
        model.get_layer("coords").set_weights([20 * kernel, bias])
    record = TrainRecord(TrainConfig("softmax", batch=8), DataUsed("drawn", "0", 0), None, {}, 0)
    run_folder.write_bundle(folder, spec, model, record)
    return folder


def write_expected(path: Path, image: np.ndarray, boxes: np.ndarray) -> None:
    """What Python makes of a picture with a converted file."""
    model = runner.load(path)
    tensor = model.prepare(np.stack([image[: model.spec.input_hw[0], : model.spec.input_hw[1]]]))
    outputs = model.runner.invoke_all(tensor)
    raw = b"".join(output.tobytes() for output in outputs)
    found = {
        "schema": 1, "boxes_xywh": boxes.tolist(), "keypoints": model(image, boxes).tolist(),
        "input": base64.b64encode(tensor.tobytes()).decode(), "output": base64.b64encode(raw).decode(),
        "type": outputs[0].dtype.name,
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(found, allow_nan=False))


def renamed(people: coco.People, skeleton: Skeleton) -> coco.People:
    """The same people with the keypoints of another set."""
    persons = (replace(p, keypoints=rearrange(p.keypoints, people.skeleton, skeleton)) for p in people.persons)
    return replace(people, skeleton=skeleton, persons=tuple(persons))


def main(folder: Path) -> None:
    """All models, what is expected of them, and the picture: `picture.rgb`, its size in `picture.json`."""
    people = coco.load(synth.write_people(folder / "people", 24, seed=1))
    person = people.persons[0]
    image = images.read_image(person.image_path)
    (folder / "picture.rgb").write_bytes(image.tobytes())
    (folder / "picture.json").write_text(json.dumps({"height": image.shape[0], "width": image.shape[1]}))
    boxes = np.array([person.box_xywh, (0, 0, image.shape[1], image.shape[0]), (-20, 31.5, 150, 90)], float)
    bundles = {}
    for seed, (name, (architecture, skeleton, output, recipes)) in enumerate(NETWORKS.items()):
        spec = PoseSpec(name, architecture, skeleton, (64, 64), output)
        bundles[name] = write_bundle(folder / "bundles" / name, spec, seed), recipes
    refine = PoseSpec("cascade", SMALL, COCO17, (32, 32), CoordsOutput(), padding=1.0, refine=Refine(1.5))
    cascade = write_bundle(folder / "bundles" / "cascade", refine, 9)
    bundle.adopt(bundles["hourglass"][0], cascade)
    bundles["cascade"] = cascade, ("float32", "int8")
    for name, (directory, recipes) in bundles.items():
        calibration = renamed(people, bundle.read_spec(directory).skeleton)
        for one in recipes:
            made = recipe(one)
            path = folder / f"{name}.{one}.tflite"
            keep, training = KEPT if made.kept else (), QatTraining(people, epochs=1) if made.trained else None
            to_tflite.convert(Request(directory, made, path, calibration, calib_count=16, keep=keep, training=training))
            write_expected(path, image, boxes)
    for name in ("hourglass", "coords"):
        calibration = renamed(people, bundle.read_spec(bundles[name][0]).skeleton)
        for one in ("float32", "int8"):
            path = folder / f"{name}-keypoints.{one}.tflite"
            to_tflite.convert(
                Request(bundles[name][0], recipe(one), path, calibration, calib_count=16, head="keypoints")
            )
            write_expected(path, image, boxes)
    for name, (output, hw) in OTHERS.items():
        spec = PoseSpec(name, ForeignArchitecture(source="the tests"), LSP14, hw, output)
        shapes = {tensor.name: tensor.shape for tensor in spec.output_tensors}
        path = folder / f"{name}.float32.tflite"
        card = ModelCard(spec, Conversion("float32", "the tests", "0" * 64, versions={}))
        model_file.write(path, tflite(shapes, hw), card)
        write_expected(path, image, boxes)
    for path in SHIPPED.glob("*.tflite"):
        if not model_file.is_detector(path.read_bytes()):
            write_expected(Path(shutil.copy(path, folder)), image, boxes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
