"""The `poseport` command. The commands of each stage are imported when they are called."""

from __future__ import annotations

import io
import logging
import os
import sys

import click

from poseport import __version__
from poseport.command.groups import LazyGroup

# name -> (module, attribute, one line for `poseport --help`), so that help imports no stage
COMMANDS = {
    "predict": ("poseport.command.predict_cli", "predict", "Find keypoints in photos, films or a camera's pictures."),
    "models": ("poseport.command.models_cli", "models", "List the networks that come with the package."),
    "data": ("poseport.command.data_cli", "data", "Make, convert, check and describe sets of people."),
    "spec": ("poseport.command.spec_cli", "spec", "Propose a spec for a network that others made."),
    "presets": ("poseport.train.presets_cli", "presets", "List the networks that can be trained, and their settings."),
    "train": ("poseport.train.cli", "train", "Train a network on people with keypoints."),
    "import": ("poseport.train.begin.import_cli", "import_", "Make a bundle from a network that others trained."),
    "compress": ("poseport.convert.compress.compress_cli", "compress", "Prune, cluster or narrow a trained network."),
    "calibrate": ("poseport.convert.calibrate_cli", "calibrate", "Check whether calibration people are enough."),
    "convert": ("poseport.convert.cli", "convert", "Convert a trained bundle to a checked .tflite file."),
    "inspect": (
        "poseport.convert.doctor.inspect_cli",
        "inspect",
        "Describe a .tflite file and its operations.",
    ),
    "doctor": ("poseport.convert.doctor.inspect_cli", "doctor", "List what is wrong with a .tflite file for a phone."),
    "verify": ("poseport.convert.verify.verify_cli", "verify", "Compare a .tflite file with the network it came from."),
    "bench": ("poseport.bench.cli", "bench", "Measure files: accuracy, latency, phones, gate, report."),
    "web": ("poseport.web.cli", "web", "Write a page that runs a file in the browser of a phone or a laptop."),
    "phone": ("poseport.bench.phone.cli", "phone", "List phones, describe them, and put a model on one."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    epilog="With POSEPORT_DEBUG=1 in the environment, an error shows its traceback.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="poseport")
def main() -> None:
    """Take a pose network from a workstation to a phone: train it, convert it to int8, and measure what that cost.

    Try a network that comes with the package, or train one on drawn people:

    \b
      poseport predict photo.jpg --out overlay.png
      poseport data synth people --count 2000 --seed 0
      poseport train --preset mobile-hourglass --data people --out runs/first --epochs 5
      poseport convert runs/first --recipe int8 --calib people --out first.int8.tflite
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):  # letters that a console's encoding lacks are shown as numbers
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
