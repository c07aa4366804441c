"""The sound of a film in the drawn film: the same packets, and no longer than the pictures."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from poseport.command.pictures import overlays, sources

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not installed")
FRAMES, RATE = 30, 25.0


def ffmpeg(*arguments: object) -> str:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def film(path: Path, codec: str = "aac", seconds: float = FRAMES / RATE, tracks: int = 1) -> Path:
    """A film with a tone."""
    silent = path.with_name("silent.avi")
    out = cv2.VideoWriter(str(silent), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (64, 48))
    for i in range(FRAMES):
        out.write(np.full((48, 64, 3), 8 * i, np.uint8))
    out.release()
    tones = [
        a for n in range(tracks) for a in ("-f", "lavfi", "-i", f"sine=frequency={440 + 100 * n}:duration={seconds}")
    ]
    maps = [a for n in range(tracks) for a in ("-map", f"{n + 1}:a")]
    ffmpeg("-i", silent, *tones, "-map", "0:v", *maps, "-c:v", "copy", "-c:a", codec, path)
    silent.unlink()
    return path


def drawn(source: Path, out: Path, frames: int = FRAMES) -> list[str]:
    """Draw a film; what was said about its sound."""
    said: list[str] = []
    where = sources.find(str(source))
    with overlays.written(where, out, said.append) as write:
        for picture, _ in zip(where.pictures(), range(frames), strict=False):
            write(picture, picture.image)
    reader = cv2.VideoCapture(str(out))
    assert sum(reader.read()[0] for _ in range(frames + 1)) == frames
    assert not list(out.parent.glob(".*"))
    return said


def packets(path: Path) -> str:
    return ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-")


def has_sound(path: Path) -> bool:
    told = subprocess.run(["ffmpeg", "-nostdin", "-i", str(path)], capture_output=True, text=True).stderr
    assert "Video:" in told
    return "Audio:" in told


@needs_ffmpeg
@pytest.mark.parametrize("tracks", [1, 2])
def test_the_sound_is_copied_packet_by_packet(tmp_path: Path, tracks: int) -> None:
    source = film(tmp_path / "-i talk: 50%.mov", tracks=tracks)  # a name that ffmpeg could take for an option
    assert drawn(source, tmp_path / "o.mp4") == []
    said = packets(tmp_path / "o.mp4")
    assert said == packets(source)
    assert len(said.splitlines()) == tracks


@needs_ffmpeg
def test_the_sound_ends_with_the_pictures(tmp_path: Path) -> None:
    source = film(tmp_path / "long.mp4", seconds=8.0)
    assert drawn(source, tmp_path / "o.mp4", frames=15) == []
    assert has_sound(tmp_path / "o.mp4")
    told = subprocess.run(["ffmpeg", "-nostdin", "-i", str(tmp_path / "o.mp4")], capture_output=True, text=True).stderr
    length = re.search(r"Duration: 00:00:(\d+\.\d+)", told)
    assert length is not None
    assert 15 / RATE <= float(length[1]) < 15 / RATE + 0.1


@needs_ffmpeg
def test_a_film_without_sound_stays_without_and_nothing_is_said(tmp_path: Path) -> None:
    source = film(tmp_path / "f.mp4")
    ffmpeg("-i", source, "-map", "0:v", "-c", "copy", tmp_path / "mute.mp4")
    assert drawn(tmp_path / "mute.mp4", tmp_path / "o.mp4") == []
    assert not has_sound(tmp_path / "o.mp4")


@needs_ffmpeg
def test_sound_that_mp4_cannot_hold_is_one_line_and_the_film_is_whole(tmp_path: Path) -> None:
    source = film(tmp_path / "f.avi", codec="wmav2")
    [said] = drawn(source, tmp_path / "o.mp4")
    assert said.startswith("ffmpeg cannot copy the sound into .mp4 (")
    assert "\n" not in said
    assert not has_sound(tmp_path / "o.mp4")


def test_without_ffmpeg_the_film_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "f.avi"
    out = cv2.VideoWriter(str(source), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (64, 48))
    for i in range(FRAMES):
        out.write(np.full((48, 64, 3), 8 * i, np.uint8))
    out.release()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    [said] = drawn(source, tmp_path / "o.mp4")
    assert said == "the program ffmpeg, which copies the sound, is not on the PATH"
