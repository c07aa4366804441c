"""`pip install .` alone: what needs no extra runs without it, and what needs one names it.

The libraries of all extras are hidden from a real process, as if they had never been installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from poseport import bundle
from poseport.command.errors import EXTRAS
from poseport.train import presets

HIDDEN = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {sorted(EXTRAS)}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Hidden())
from poseport.command.cli import main
main(sys.argv[1:])
"""


@dataclass(frozen=True)
class Places:
    people: Path
    photos: Path
    run: Path
    lsp: Path
    out: Path


@pytest.fixture
def places(drawn: Path, tmp_path: Path) -> Places:
    run = tmp_path / "run"
    run.mkdir()
    bundle.write_spec(run, presets.preset("mobile-hourglass").spec)
    (run / bundle.WEIGHTS).write_bytes(b"weights that nothing here can read")
    lsp = tmp_path / "lsp"
    (lsp / "images").mkdir(parents=True)
    (lsp / "joints.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    return Places(drawn, drawn.parent / "images", run, lsp, tmp_path / "out")


def light(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HIDDEN, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


NEEDS = {
    "train --preset mobile-hourglass --data {people} --out {out}": "train",
    "train --preset mobile-hourglass --data {people} --out {out} --dry-run": "train",
    "convert {run} --recipe float32 --out {out}.tflite": "convert",
    "convert {run} --recipe int8 --calib {people} --out {out}.tflite": "convert",
    "convert {run} --recipe int8-qat --data {people} --out {out}.tflite": "convert",
    "calibrate {run} --calib {people}": "convert",
    "compress prune {run} --sparsity 0.5 --data {people} --out {out}": "convert",
    "compress cluster {run} --clusters 16 --data {people} --out {out}": "convert",
    "compress narrow {run} --width 64 --out {out}": "convert",
    "data disagree {people} --teacher {run} --cache {out}.npz": "train",
    "data stats {people} --out {out}.png": "report",
    "data from-lsp {lsp} --out {out}": "data",
}


@pytest.mark.parametrize("line", list(NEEDS))
def test_a_command_that_needs_an_extra_names_it(line: str, places: Places) -> None:
    done = light(*line.format(**vars(places)).split())
    assert done.returncode == 1, done.stdout + done.stderr
    assert f'pip install "poseport[{NEEDS[line]}]"' in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert not places.out.exists()


def test_verify_against_a_bundle_names_its_extra(tiny_models: dict[str, Path], tiny_bundle: Path, drawn: Path) -> None:
    done = light("verify", tiny_models["int8"], "--bundle", tiny_bundle, "--data", drawn, "--count", 4)
    assert done.returncode == 1
    assert done.stderr == 'Error: this command needs Keras and TensorFlow: pip install "poseport[convert]"\n'


RUNS = (
    "models",
    "presets",
    "presets cpm",
    "data synth {out} --count 3",
    "data check {people}",
    "data stats {people}",
    "data pack {people} --out {out}",
    "data preview {people} --out {out}.png",
    "inspect starter",
    "doctor starter --data {people} --count 8",
    "verify starter --against starter --data {people} --count 4",
    "predict starter {photos} --frames 1",
    "bench accuracy starter --data {people} --keypoints body --out {out}",
    "bench latency starter --runs 20 --out {out}",
)


@pytest.mark.parametrize("line", RUNS)
def test_everything_else_runs_without_extras(line: str, places: Places) -> None:
    done = light(*line.format(**vars(places)).split(), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
