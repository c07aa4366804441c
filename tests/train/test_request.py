"""A photo that is missing or damaged ends a training in one line, before the first epoch where that can be known."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from poseport.architecture import HourglassArchitecture
from poseport.command.cli import main
from poseport.command.options import load_sets
from poseport.data import coco
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train import dryrun, fit
from poseport.train.config import TrainConfig
from poseport.train.request import TrainingData

SETTINGS = TrainConfig(loss="softmax", epochs=1, batch=8, eval_every=1)


@pytest.fixture(scope="module")
def people(drawn):
    return coco.load(drawn)


@pytest.fixture(scope="module")
def spec(people):
    network = HourglassArchitecture(stacks=1, width=16, depth=1, block="separable")
    return PoseSpec("small", network, people.skeleton, (32, 32), HeatmapOutput(values="logits"))


def with_photo(people, path):
    """The people, one of whom is on another photo."""
    return replace(people, persons=(*people.persons[:-1], replace(people.persons[-1], image_path=path)))


def test_missing_photos_and_damaged_validation_photos_are_named_before_the_first_epoch(people, spec, tmp_path):
    missing, header = with_photo(people, tmp_path / "gone.jpg"), with_photo(people, tmp_path / "header.jpg")
    (tmp_path / "header.jpg").write_bytes(people.persons[0].image_path.read_bytes()[:30])
    for train, val, message in (
        (missing, None, r"gone\.jpg: image cannot be read"),
        (people, missing, r"gone\.jpg: image cannot be read"),
        (people, header, r"header\.jpg: "),
    ):
        with pytest.raises(ValueError, match=message):
            fit.fit(spec, SETTINGS, TrainingData(train, val), tmp_path / "run")
        with pytest.raises(ValueError, match=message):
            dryrun.dry_run(spec, SETTINGS, train, val)
    assert not (tmp_path / "run").exists()


def test_a_photo_that_is_cut_off_ends_training_with_its_name_alone(people, spec, tmp_path):
    """TensorFlow wraps the exception of a batch in one of its own; what comes out is the original."""
    photo = people.persons[-1].image_path.read_bytes()
    (tmp_path / "half.jpg").write_bytes(photo[: len(photo) // 2])
    cut = with_photo(people, tmp_path / "half.jpg")
    with pytest.raises(ValueError, match=r"half\.jpg: the JPEG is cut off") as caught:
        fit.fit(spec, replace(SETTINGS, batch=len(cut)), TrainingData(cut), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def train(drawn, tmp_path, *options, **environment):
    command = ["train", "--preset", "mobile-hourglass", "--input-size", "64", "--set", "architecture.depth=1"]
    command += ["--data", str(drawn), "--epochs", "1"]
    code = "from poseport.command.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *command, "--out", str(tmp_path / "run"), *options],
        env={**os.environ, **environment}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("options", [[], pytest.param(["--quiet"], marks=pytest.mark.slow)])
def test_the_command_prints_one_line(drawn, tmp_path, options):
    data = json.loads(drawn.read_text())
    images = tmp_path / "images"
    images.mkdir()
    for image in data["images"]:
        raw = (drawn.parent / "images" / image["file_name"]).read_bytes()
        (images / image["file_name"]).write_bytes(raw[: len(raw) // 2])
    (tmp_path / "people.json").write_text(json.dumps(data))
    done = train(tmp_path / "people.json", tmp_path, *options)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: ")] == done.stderr.splitlines()
    assert "the JPEG is cut off" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_training_of_two_sets_says_what_came_from_where(drawn, spec, tmp_path):
    data = json.loads(drawn.read_text())
    data["annotations"] = data["annotations"][:20]
    (tmp_path / "some.json").write_text(json.dumps(data))
    people = load_sets((drawn, tmp_path / "some.json"), (drawn.parent / "images",) * 2, "0.5,1")
    fit.fit(spec, SETTINGS, TrainingData(people), tmp_path / "run")
    used = json.loads((tmp_path / "run" / "train.json").read_text())["data"]
    kept = coco.load(drawn).for_training(SETTINGS.min_keypoints).persons
    some = coco.load(tmp_path / "some.json", drawn.parent / "images").for_training(SETTINGS.min_keypoints)
    every_second = [p for p in coco.load(drawn).persons[1::2] if any(p.annotation_id == k.annotation_id for k in kept)]
    assert [(s["file"], s["share"], s["people"]) for s in used["sources"]] == [
        (drawn.name, 0.5, len(every_second)),
        ("some.json", 1.0, len(some)),
    ]
    assert used["people"] == len(every_second) + len(some)


def test_a_dry_run_reads_the_teacher_too(drawn, tmp_path):
    command = ["train", "--preset", "mobile-hourglass", "--data", str(drawn), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(main, [*command, "--dry-run", "--teacher", str(tmp_path / "nowhere.tflite")])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "nowhere.tflite" in done.output
