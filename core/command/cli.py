"""The `poseport` command. Each stage brings its own commands; they are imported when they are asked for."""

from __future__ import annotations

import logging
import os
from typing import Any

import click

from poseport import __version__
from poseport.command.options import Stages, answer, guarded, output_options

# name -> (module, attribute, one line for `poseport --help`), so that help imports no stage
STAGES = {
    "data": ("poseport.command.data_cli", "data", "Draw, convert, check, describe and pack sets of people."),
    "train": ("poseport.train.cli", "train", "Train a network on COCO-form people."),
    "prune": ("poseport.convert.compress.compress_cli", "prune", "Make weights zero, so that a file compresses."),
    "cluster": ("poseport.convert.compress.compress_cli", "cluster", "Make weights alike, so that a file compresses."),
    "narrow": ("poseport.convert.compress.compress_cli", "narrow", "Keep the channels that count: smaller and faster."),
    "convert": ("poseport.convert.cli", "convert", "Turn a trained bundle into a checked .tflite file."),
    "inspect": ("poseport.convert.doctor.inspect_cli", "inspect", "Say what a .tflite file truly is."),
    "verify": (
        "poseport.convert.verify.verify_cli",
        "verify",
        "Hold a .tflite file to the network that it comes from.",
    ),
    "calibrate": ("poseport.convert.calibrate_cli", "calibrate", "Say what calibration people settle, and what not."),
    "doctor": ("poseport.convert.doctor.inspect_cli", "doctor", "Say what is wrong with a .tflite file for a phone."),
    "bench": ("poseport.bench.cli", "bench", "Measure converted files: accuracy, latency, on phones, gate, report."),
    "phone": ("poseport.bench.phone.cli", "phone", "List phones, and say what they are."),
    "sideload": ("poseport.bench.phone.cli", "sideload", "Put a converted file on a phone and start the app with it."),
    "predict": ("poseport.command.predict_cli", "predict", "Find keypoints in photos, films or a camera's pictures."),
}


@click.group(
    cls=Stages,
    stages=STAGES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="poseport")
def main() -> None:
    """Take a pose network from a workstation to a phone.

    Train on people with keypoints, convert to int8, prove what that cost. A first look, and a first run without data:

    \b
      poseport predict photo.jpg --out overlay.png
      poseport data synth people --people 2000 --seed 0
      poseport train --preset mobile-hourglass --data people --out runs/first --epochs 5
      poseport convert runs/first --recipe int8 --calib people --out first.int8.tflite
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


@main.command()
@output_options
@guarded
def models(quiet: bool, as_json: bool) -> None:
    """List the networks that come with the package. Every command takes their names where it takes a .tflite file
    or a bundle: `poseport predict starter photo.jpg`, `poseport train --init starter`.

    Example: poseport models
    """
    from poseport import bundle
    from poseport.tflite import shipped

    rows: list[dict[str, Any]] = []
    for one in shipped.SHIPPED.values():
        card = bundle.read_model(one.path)[1]
        h, w = card.spec.input_hw
        rows.append(
            {
                "name": one.name, "what": one.what, "recipe": card.conversion.recipe, "input": [w, h],
                "skeleton": card.spec.skeleton.name, "bytes": one.path.stat().st_size, "file": str(one.path),
            }
        )  # fmt: skip
    lines = [f"{r['name']:<18}{r['bytes'] / 1e6:>6.2f} MB  {r['input'][0]}x{r['input'][1]}  {r['what']}" for r in rows]
    answer({"models": rows}, "\n".join(lines), as_json=as_json, quiet=quiet)
