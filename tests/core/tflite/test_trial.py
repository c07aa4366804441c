"""Files that end the process of whoever runs them cost one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mutants
import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.data.drawn import synth
from poseport.tflite import shipped, trial


@pytest.fixture(scope="module")
def aborting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutants.aborts(tmp_path_factory.mktemp("aborting") / "bad.tflite")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth.write_people(tmp_path_factory.mktemp("few"), 8, seed=5)


def test_a_file_that_aborts_is_found_by_running_it_elsewhere(aborting: Path) -> None:
    with pytest.raises(ValueError, match=r"bad\.tflite: the TFLite interpreter crashes on it \(SIG[A-Z]+\)"):
        trial.check(aborting)
    trial.check(shipped.model("deeppose"))
    # without the trial the process ends
    code = "import sys; from pathlib import Path; from poseport.tflite import trial; trial.run(Path(sys.argv[1]))"
    assert subprocess.run([sys.executable, "-c", code, str(aborting)], capture_output=True).returncode < 0


def test_predict_and_doctor_say_it_in_one_line(aborting: Path, people: Path) -> None:
    done = CliRunner().invoke(main, ["predict", str(aborting), str(next((people.parent / "images").iterdir()))])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "crashes on it" in done.output
    done = CliRunner().invoke(main, ["doctor", str(aborting), "--data", str(people)])
    assert done.exit_code == 1
    assert "does-not-load: the TFLite interpreter crashes on it" in done.output


def test_the_bench_keeps_the_results_of_the_other_files(aborting: Path, people: Path, tmp_path: Path) -> None:
    failing = mutants.fails(tmp_path / "failing.tflite")
    out, files = tmp_path / "out", [str(aborting), str(failing), "deeppose"]
    arguments = ["bench", "accuracy", *files, "--data", str(people), "--keypoints", "body", "--out", str(out)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert len(list(out.glob("*.json"))) == 1
    last = done.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert "bad.tflite: the TFLite interpreter crashes on it" in last
    assert "failing.tflite: " in last
    done = CliRunner().invoke(main, ["bench", "latency", str(aborting), "deeppose", "--runs", "20", "--out", str(out)])
    assert done.exit_code == 1
    assert len(list(out.glob("*.json"))) == 2
