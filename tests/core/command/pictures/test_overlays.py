"""Films are whole or not there: on a full disk too, and what a killed run left is removed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

WRITE = """
import resource, sys
from pathlib import Path
import numpy as np
from poseport.command.pictures import overlays
from poseport.command.pictures.sources import Picture, Source
limit, frames, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
try:
    with overlays.written(Source("film.avi", rate=25.0), out) as write:
        for i in range(frames):
            write(Picture("film.avi", i, noise), np.roll(noise, 7 * i, axis=0))
except ValueError as error:
    print(error)
    sys.exit(1)
"""


def written(limit: int, frames: int, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WRITE, str(limit), str(frames), str(out)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("limit", [1000, 200_000])
def test_a_film_that_the_disk_has_no_room_for_is_one_line_and_no_file(limit: int, tmp_path: Path) -> None:
    done = written(limit, 60, tmp_path / "o.mp4")
    assert done.returncode == 1
    assert "o.mp4: only 0 of 60 frames could be written; if the disk is full" in done.stdout
    assert not done.stderr
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("frames", [1, 2, 40])
def test_a_film_with_room_is_whole_and_stale_parts_go(frames: int, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".o.mp4.{dead.pid}.part.mp4").write_bytes(b"half")
    assert written(resource.RLIM_INFINITY, frames, tmp_path / "o.mp4").returncode == 0
    assert os.listdir(tmp_path) == ["o.mp4"]
    film = cv2.VideoCapture(str(tmp_path / "o.mp4"))
    assert sum(film.read()[0] for _ in range(frames + 1)) == frames
