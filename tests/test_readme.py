"""The README's commands, run one after the other as they stand there, with less of everything."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
LESS = {
    r"synth (\w+) --count \d+": r"synth \1 --count 48",
    r"--epochs \d+": "--epochs 1 --batch 16",
    r"--input-size \d+": "--input-size 64",
    r"--calib-count \d+": "--calib-count 12",
    r"bench latency": "bench latency --runs 20",
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_four_steps_run_as_they_stand(tmp_path):
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("poseport ")]
    assert len(lines) >= 10
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for line in lines:
        for pattern, less in LESS.items():
            line = re.sub(pattern, less, line)
        done = subprocess.run(
            shlex.split(line), cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PATH": path}
        )
        # an untrained network may well be beyond its budget, or too few people to tell
        allowed = (0, 1, 2) if line.startswith("poseport bench gate") else (0,)
        assert done.returncode in allowed, f"{line}\n{done.stdout}{done.stderr}"
        assert done.stderr == "", f"{line}\n{done.stderr}"
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "overlay.png").stat().st_size > 1000
    for code in blocks("python"):
        shutil.copy(tmp_path / "unseen/images/000000000001.jpg", tmp_path / "photo.jpg")
        (tmp_path / "overlay.png").unlink()
        ending = "\nassert keypoints.shape[1:] == (17, 3)\n"
        subprocess.run([sys.executable, "-c", code + ending], cwd=tmp_path, check=True)
        assert (tmp_path / "overlay.png").stat().st_size > 1000


def test_files_and_make_targets_that_the_readme_names_exist():
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (README.parent / target).exists(), target
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"`?make (\w+)`?", text):
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name
