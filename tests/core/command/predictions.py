"""`poseport predict` on files of a test's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner, Result

from poseport.command.cli import main


def predict(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", "starter", *map(str, arguments)])


def write_film(path: Path, frames: int = 30) -> Path:
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 25.0, (96, 64))
    for i in range(frames):
        film.write(np.random.default_rng(i).integers(0, 255, (64, 96, 3), np.uint8))
    film.release()
    return path
