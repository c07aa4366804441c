"""The sound of a film, copied into the drawn film by the program ffmpeg."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from poseport.command.pictures.sources import Source

SECONDS = 600


def copy_sound(source: Source, silent: Path, seconds: float, out: Path) -> str:
    """Join the pictures of a film without sound and the sound of its source, both as they are, not encoded again.

    A source without sound gives a film without sound.

    Args:
        source: The film that the sound is taken from.
        silent: The drawn film.
        seconds: Length of the drawn film, where the sound ends too.
        out: The file to write, .mp4; it may be left half-written if there is a reason.

    Returns:
        Why there is no sound; empty if `out` is written.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        return "the program ffmpeg, which copies the sound, is not on the PATH"
    # `file:` and absolute, so that no name is an option or an address; a film never names other places to read
    inputs = [["-protocol_whitelist", "file", "-i", f"file:{path.absolute()}"] for path in (silent, Path(source.name))]
    command = [
        program, "-nostdin", "-v", "error", *inputs[0], *inputs[1], "-map", "0:v:0", "-map", "1:a?", "-c", "copy",
        "-map_metadata", "-1", "-t", f"{seconds:.6f}", "-f", "mp4", "-y", f"file:{out.absolute()}",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"ffmpeg has not copied the sound within {SECONDS} seconds"
    except OSError as error:
        return f"{program} cannot be run ({error.strerror or os.strerror(error.errno or 0)})"
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        return f"ffmpeg cannot copy the sound into .mp4 ({lines[0][:200]})"
    return ""
