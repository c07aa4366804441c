"""The `poseport` command. Each stage brings its own commands; they are imported when they are asked for."""

from __future__ import annotations

import importlib
import logging
import os
from pathlib import Path
from typing import Any

import click

from poseport import __version__
from poseport.options import (
    PATH,
    answer,
    guarded,
    output_options,
    progress,
    skeleton_option,
)

# name -> (module, attribute, one line for `poseport --help`), so that help imports no stage
STAGES = {
    "train": ("poseport.train.cli", "train", "Train a network on COCO-form people."),
    "convert": ("poseport.convert.cli", "convert", "Turn a trained bundle into a checked .tflite file."),
    "inspect": ("poseport.convert.cli", "inspect", "Say what a .tflite file truly is."),
    "bench": ("poseport.bench.cli", "bench", "Measure converted files: accuracy, latency, gate, report."),
}


class Stages(click.Group):
    """A group whose heavier commands live in the stages' own modules."""

    def list_commands(self, context: click.Context) -> list[str]:
        """In the order of the work, not of the alphabet."""
        return ["data", *STAGES, "predict"]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a stage's command."""
        if name in STAGES:
            module, attribute, _ = STAGES[name]
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        return super().get_command(context, name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        own = {name: command.get_short_help_str(80) for name, command in self.commands.items()}
        rows = [(name, own[name] if name in own else STAGES[name][2]) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Stages, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="poseport")
def main() -> None:
    """Take a pose network from a workstation to a phone.

    Train on people with keypoints, convert to int8, prove what that cost. A first run without any data:

    \b
      poseport data synth people --people 2000 --seed 0
      poseport train --preset mobile-hourglass --data people --out runs/first --epochs 5
      poseport convert runs/first --recipe int8 --calib people --out first.int8.tflite
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


@main.group()
def data() -> None:
    """Draw people, check a set of them, or look at what training makes of it."""


@data.command()
@click.argument("directory", type=PATH)
@click.option("--people", default=2000, show_default=True, type=click.IntRange(1), help="How many people to draw.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, other people.")
@click.option("--overwrite", is_flag=True, help="Replace a set that is there.")
@output_options
@guarded
def synth(directory: Path, people: int, seed: int, overwrite: bool, quiet: bool, as_json: bool) -> None:
    """Draw people whose keypoints are exactly known, as a COCO-form set: DIRECTORY/images and
    DIRECTORY/person_keypoints.json. The same seed gives the same files.

    Example: poseport data synth people --people 2000 --seed 0
    """
    from poseport.synth import write_people

    with progress("drawing", people, hidden=quiet or as_json) as advance:
        before = 0

        def done(count: int) -> None:
            nonlocal before
            advance(count - before)
            before = count

        path = write_people(directory, people, seed, progress=done, overwrite=overwrite)
    answer(
        {"annotations": str(path), "people": people, "seed": seed},
        f"{people} people drawn, {path}",
        as_json=as_json,
        quiet=quiet,
    )


@data.command()
@click.argument("path", type=PATH)
@click.option("--images", type=PATH, help="Folder of the images.")
@skeleton_option
@click.option("--min-keypoints", default=5, show_default=True, help="Fewest labels of a person to train on.")
@output_options
@guarded
def check(
    path: Path, images: Path | None, skeleton: str | None, min_keypoints: int, quiet: bool, as_json: bool
) -> None:
    """Say what is wrong with a set of people, file by file, and count what training would keep. PATH is an
    annotations file or a folder that holds one. Exit code 1 when anything is wrong.

    Example: poseport data check coco/annotations/person_keypoints_val2017.json
    """
    from poseport import check as checks
    from poseport import coco
    from poseport import skeleton as skeletons

    people = coco.load(path, images, skeletons.find(skeleton) if skeleton else None, strict=False)
    count = len({p.image_path for p in people.persons})
    with progress("reading images", count, hidden=quiet or as_json) as advance:
        found = checks.check(people, min_keypoints, advance)
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)
    if found.problems:
        raise click.exceptions.Exit(1)


@data.command()
@click.argument("path", type=PATH)
@click.option("--out", required=True, type=PATH, help="Picture to write, .png or .jpg.")
@click.option("--preset", default="mobile-hourglass", show_default=True, help="Whose crops and targets.")
@click.option("--augment", help="none, light, medium, heavy, or a .json file of ranges. Default: the preset's.")
@click.option("--background", type=float, help="Share of crops that show no person.")
@click.option("--count", default=12, show_default=True, type=click.IntRange(1), help="How many crops.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, other crops.")
@click.option("--images", type=PATH, help="Folder of the images.")
@skeleton_option
@output_options
@guarded
def preview(path: Path, out: Path, images: Path | None, skeleton: str | None, **options: Any) -> None:
    """Show what a network would be trained on: a sheet of augmented crops with their skeletons, each beside its
    target heatmaps. Left limbs are orange, right limbs blue. PATH is an annotations file or a folder that holds one.

    Example: poseport data preview people --out sheet.png --augment heavy
    """
    from poseport.options import load_people
    from poseport.records import to_data
    from poseport.train import presets
    from poseport.train.preview import write_sheet

    people = load_people(path, images, skeleton)
    chosen = presets.with_skeleton(presets.preset(options["preset"]), people.skeleton)
    chosen = presets.customise(chosen, {name: options[name] for name in ("augment", "background")})
    count = write_sheet(out, chosen, people, options["count"], options["seed"])
    answer(
        {"picture": str(out), "crops": count, "augment": to_data(chosen.train.augment)},
        f"{count} crops, {out}",
        as_json=options["as_json"],
        quiet=options["quiet"],
    )


@main.command()
@click.argument("model", type=PATH)
@click.argument("photo", type=PATH)
@click.option("--box", help="The person's box, x,y,width,height in pixels. Default: the whole photo.")
@click.option("--out", type=PATH, help="Picture to write, the photo with its skeleton.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1))
@output_options
@guarded
def predict(
    model: Path, photo: Path, box: str | None, out: Path | None, threads: int, quiet: bool, as_json: bool
) -> None:
    """Find the keypoints of one person in PHOTO with a converted MODEL.

    Example: poseport predict m.int8.tflite photo.jpg --box 40,20,180,400 --out overlay.png
    """
    import cv2
    import numpy as np

    from poseport.draw import skeleton_overlay
    from poseport.images import read_image
    from poseport.records import write_whole
    from poseport.runner import load

    boxes = None if box is None else np.array([_box(box)])
    image = read_image(photo)
    pose = load(model, threads)
    keypoints = pose(image, boxes)
    names = pose.spec.skeleton.names
    if out is not None:
        drawn = skeleton_overlay(image, keypoints, pose.spec.skeleton)
        suffix = out.suffix.lower()
        if suffix not in (".png", ".jpg", ".jpeg"):
            raise ValueError(f"{out}: a picture ends in .png or .jpg")
        write_whole(out, cv2.imencode(suffix, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1].tobytes())
    lines = [f"{'keypoint':<16}{'x px':>9}{'y px':>9}   score"]
    for name, (x, y, score) in zip(names, keypoints[0], strict=True):
        lines.append(f"{name:<16}{x:9.1f}{y:9.1f}   {score:.2f}")
    found = {name: [float(v) for v in values] for name, values in zip(names, keypoints[0], strict=True)}
    answer({"photo": str(photo), "keypoints": found}, "\n".join(lines), as_json=as_json, quiet=quiet)


def _box(text: str) -> list[float]:
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise ValueError(f"--box {text!r}: expected x,y,width,height in pixels, for example 40,20,180,400")
    return values
