"""The `poseport` command. Each stage brings its own commands; they are imported when they are asked for."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from poseport import __version__
from poseport.options import PATH, Stages, answer, guarded, output_options

# name -> (module, attribute, one line for `poseport --help`), so that help imports no stage
STAGES = {
    "data": ("poseport.data_cli", "data", "Draw, convert, check, describe and pack sets of people."),
    "train": ("poseport.train.cli", "train", "Train a network on COCO-form people."),
    "convert": ("poseport.convert.cli", "convert", "Turn a trained bundle into a checked .tflite file."),
    "inspect": ("poseport.convert.cli", "inspect", "Say what a .tflite file truly is."),
    "verify": ("poseport.convert.verify_cli", "verify", "Hold a .tflite file to the network that it comes from."),
    "calibrate": ("poseport.convert.calibrate_cli", "calibrate", "Say what calibration people settle, and what not."),
    "doctor": ("poseport.convert.cli", "doctor", "Say what is wrong with a .tflite file for a phone."),
    "bench": ("poseport.bench.cli", "bench", "Measure converted files: accuracy, latency, gate, report."),
}


@click.group(
    cls=Stages,
    stages=STAGES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
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
    import numpy as np

    from poseport.draw import skeleton_overlay
    from poseport.images import encode_image, picture_suffix, read_image
    from poseport.records import write_whole
    from poseport.runner import load

    boxes = None if box is None else np.array([_box(box)])
    image = read_image(photo)
    pose = load(model, threads)
    keypoints = pose(image, boxes)
    names = pose.spec.skeleton.names
    if out is not None:
        drawn = skeleton_overlay(image, keypoints, pose.spec.skeleton)
        write_whole(out, encode_image(drawn, picture_suffix(out)))
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
