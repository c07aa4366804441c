"""One line for every mistake of a user, and nothing left behind."""

import io
import json
import shutil
import zipfile

import pytest
from command_line import run

from poseport import bundle
from poseport.skeletons import LSP14

MISTAKES = {
    "a preset that refines, and nothing to refine": (
        ["train", "--preset", "mobile-deeppose-refine", "--data", "{set}", "--out", "{out}"],
        "name it with --refine DIR",
    ),
    "a preset that does not exist": (
        ["train", "--preset", "hourglas", "--data", "{set}", "--out", "{out}"],
        "'hourglas' does not exist; choose from hourglass-",
    ),
    "a recipe that does not exist": (
        ["convert", "{bundle}", "--recipe", "int4", "--out", "{out}"],
        "'int4' does not exist; choose from int8, ",
    ),
    "a head that it has not": (
        ["convert", "{bundle}", "--recipe", "float32", "--head", "coords", "--out", "{out}"],
        "has heatmap (as trained) or keypoints (decoded inside)",
    ),
    "calibration people of an empty folder": (
        ["calibrate", "{bundle}", "--calib", "{empty}"],
        "holds no *.json",
    ),
    "calibration people who are judged too": (
        ["calibrate", "{bundle}", "--calib", "{set}", "--exclude", "{set}"],
        "60 of 60 people are on photos of",
    ),
    "calibration people of another skeleton": (
        ["calibrate", "{bundle}", "--calib", "{lsp}"],
        "calibrate on people of the same keypoints",
    ),
    "a calibration photo that cannot be read": (
        ["calibrate", "{bundle}", "--calib", "{cut}", "--count", "60"],
        "the JPEG is cut off",
    ),
    "a file held to nothing": (["verify", "{model}", "--data", "{set}"], "name what to compare with"),
    "a file held to another's bundle": (
        ["verify", "{model}", "--bundle", "{other}", "--data", "{set}"],
        "was converted from other weights",
    ),
    "an Arm processor that is not there": (
        ["verify", "{model}", "--against", "{model}", "--data", "{set}", "--arm", "{empty}"],
        "run `make arm-parity`",
    ),
    "no such annotations": (["data", "check", "{out}/none.json"], "does not exist"),
    "a folder without annotations": (["data", "check", "{empty}"], "holds no *.json"),
    "JSON that is not COCO": (["data", "check", "{notcoco}"], "not a COCO keypoint file"),
    "nobody left to train on": (
        ["train", "--preset", "cpm", "--set", "train.min_keypoints=18", "--data", "{set}", "--out", "{out}"],
        "none of 60 people has 18 labelled keypoints",
    ),
    "a schedule without its epochs": (
        ["train", "--preset", "mobile-hourglass", "--schedule", "step", "--data", "{set}", "--out", "{out}"],
        "expected at least one from 1 to 60, rising (--set train.drop_at=EPOCHS)",
    ),
    "epochs that are none": (
        ["train", "--preset", "hourglass-2", "--set", "train.drop_at=70;90", "--data", "{set}", "--out", "{out}"],
        "drop_at[0]: '70;90' is not a int",
    ),
    "an option of another network": (
        ["train", "--preset", "deeppose", "--set", "architecture.stacks=2", "--data", "{set}", "--out", "{out}"],
        "--set architecture.stacks: preset deeppose has no such setting; nearest first: architecture.trunk",
    ),
    "a frozen trunk of nobody": (
        ["train", "--preset", "mobile-hourglass", "--freeze-epochs", "2", "--data", "{set}", "--out", "{out}"],
        "name their bundle with --init",
    ),
    "weights of a folder that is no bundle": (
        ["train", "--preset", "mobile-hourglass", "--init", "{empty}", "--data", "{set}", "--out", "{out}"],
        "not a bundle",
    ),
    "pictures of nobody": (
        ["train", "--preset", "mobile-hourglass", "--pictures", "2", "--data", "{set}", "--out", "{out}"],
        "name them with --val",
    ),
    "a skeleton that is none": (["data", "check", "{set}", "--skeleton", "coco18"], "neither built in (coco17"),
    "another skeleton": (["data", "check", "{set}", "--skeleton", "lsp14"], "but skeleton 'lsp14' has"),
    "a bundle that is none": (["convert", "{empty}", "--recipe", "float32", "--out", "{out}"], "not a bundle"),
    "a .tflite without a spec": (["bench", "latency", "{bare}", "--out", "{out}"], "carries no poseport.json"),
    "a .tflite cut in half": (["inspect", "{half}"], "its flatbuffer is damaged"),
    "a .tflite of a newer schema": (["inspect", "{newer}"], "schema 2 is newer than 1"),
    "not a .tflite": (["predict", "{notcoco}", "{photo}"], "not a TFLite file"),
    "a model without a photo": (["predict", "starter"], "add a photo, a folder, a film or a camera's number"),
    "a model file without a photo": (["predict", "{model}"], "a model was given, but nothing to run it on"),
    "no photo": (["predict", "{model}", "{out}/none.jpg"], "image cannot be read"),
    "a box that is none": (["predict", "{model}", "{photo}", "--box", "1,2,3"], "expected x,y,width,height"),
    "a box without area": (["predict", "{model}", "{photo}", "--box", "1,2,0,5"], "has no area"),
    "an unwritable picture": (["predict", "{model}", "{photo}", "--out", "{notcoco}/x.png"], "cannot be written"),
    "a picture of another kind": (["predict", "{model}", "{photo}", "--out", "{out}.bmp"], "ends in .png or .jpg"),
    "calibrated on the same people": (
        ["bench", "accuracy", "{model}", "--data", "{calibration}", "--out", "{out}"],
        "was calibrated or tuned on 15 of these images",
    ),
    "an unknown keypoint": (
        ["bench", "accuracy", "{model}", "--data", "{set}", "--keypoints", "nose,tail", "--out", "{out}"],
        "unknown keypoint 'tail'",
    ),
    "threads that are none": (["bench", "latency", "{model}", "--threads", "two", "--out", "{out}"], "expected counts"),
    "no results": (["bench", "report", "{empty}", "--out", "{out}.html"], "holds no results"),
}  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory, drawn, tiny_bundle, tiny_models, photo):
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "empty").mkdir()
    (folder / "notcoco.json").write_text('{"images": []}')
    data = tiny_models["int8"].read_bytes()
    flatbuffer = data[: data.index(b"PK\x03\x04")]
    (folder / "bare.tflite").write_bytes(flatbuffer)
    (folder / "half.tflite").write_bytes(data[: len(data) // 2])
    patched = io.BytesIO(flatbuffer)
    patched.seek(0, io.SEEK_END)
    with zipfile.ZipFile(patched, "a") as archive, zipfile.ZipFile(tiny_models["int8"]) as old:
        archive.writestr("poseport.json", old.read("poseport.json").replace(b'"schema": 1', b'"schema": 2'))
    (folder / "newer.tflite").write_bytes(patched.getvalue())
    shutil.copytree(drawn.parent, folder / "cut")
    victim = sorted((folder / "cut/images").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:700])
    lsp = json.loads(drawn.read_text())
    lsp["categories"][0]["keypoints"] = list(LSP14.names)
    for annotation in lsp["annotations"]:
        annotation["keypoints"] = annotation["keypoints"][: 3 * len(LSP14)]
    (folder / "lsp").mkdir()
    (folder / "lsp/people.json").write_text(json.dumps(lsp))
    (folder / "lsp/images").symlink_to(drawn.parent / "images")
    shutil.copytree(tiny_bundle, folder / "other")
    (folder / "other" / bundle.WEIGHTS).write_bytes(b"another")
    return {
        "cut": folder / "cut", "lsp": folder / "lsp", "other": folder / "other",
        "set": drawn, "out": folder / "out", "bundle": tiny_bundle, "empty": folder / "empty",
        "notcoco": folder / "notcoco.json", "bare": folder / "bare.tflite", "half": folder / "half.tflite",
        "newer": folder / "newer.tflite", "photo": photo, "model": tiny_models["int8"],
        "calibration": tiny_models["int8"].parent / "calibration",
    }  # fmt: skip


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_mistake_is_one_line_and_leaves_nothing(mistake, places):
    arguments, message = MISTAKES[mistake]
    output = run(*(a.format(**places) for a in arguments), code=1)
    assert message in output
    assert output.startswith("Error: ")
    assert len(output.strip().splitlines()) == 1
    assert not places["out"].exists()
    assert not list(places["out"].parent.glob("out*"))


def test_a_calibration_set_that_overlaps_is_refused_at_conversion_too(places, tiny_bundle, tmp_path):
    arguments = ("convert", tiny_bundle, "--recipe", "int8", "--calib", places["set"], "--calib-count", 8)
    output = run(*arguments, "--exclude", places["set"], "--out", tmp_path / "m.tflite", code=1)
    assert "0 people can calibrate" in output
    assert not list(tmp_path.iterdir())
