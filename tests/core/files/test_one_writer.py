"""Two processes and one folder: the second is refused, and what the first leaves when it is killed is no obstacle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poseport.files.one_writer import one_writer, sweep
from poseport.files.safe_path import temporary

HOLD = (
    "import sys, time; from pathlib import Path; from poseport.files.one_writer import one_writer\n"
    "with one_writer(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that writes tmp_path/new/run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "new" / "run"), "\x1b[2J"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_in_one_line_until_the_first_is_killed(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    run = tmp_path / "new" / "run"
    link = tmp_path / "link"
    link.symlink_to(run.parent)
    for name in (run, link / "run", run.parent / ".." / "new" / "run"):
        with pytest.raises(
            ValueError, match=rf"is being written by another process \(process {holder.pid} since \d{{4}}-"
        ) as said:
            one_writer(name).__enter__()
        assert "\n" not in str(said.value)
        assert "\x1b" not in str(said.value)
    with one_writer(tmp_path / "new" / "other"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with one_writer(run), one_writer(run):  # a command may ask again for what it holds
        assert sorted(os.listdir(run.parent)) == [".run.lock"]
    assert not os.listdir(run.parent)


def test_nothing_is_left_of_a_folder_that_was_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a mistake"), one_writer(tmp_path / "a" / "b" / "c"):
        raise ValueError("a mistake")
    assert not os.listdir(tmp_path)


def test_what_killed_processes_left_is_removed_and_what_runs_is_kept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    run = tmp_path / "run"
    (run / "images").mkdir(parents=True)
    (run / f".previous.{dead.pid}.part").mkdir()
    stale = [run / f".log.csv.{dead.pid}.part", run / "images" / f".1.jpg.{dead.pid}.part"]
    kept = [run / f".log.csv.{os.getpid()}.part", run / ".hidden", run / "a.part", temporary(run / "x.mp4", ".mp4")]
    for path in (*stale, *kept):
        path.write_text("x")
    with one_writer(run):
        pass
    assert not any(path.exists() for path in stale)
    assert not (run / f".previous.{dead.pid}.part").exists()
    assert all(path.exists() for path in kept)
    other = tmp_path / f".film.mp4.{dead.pid}.part.mp4"
    mine = tmp_path / f".films.mp4.{dead.pid}.part.mp4"
    other.write_text("x"), mine.write_text("x")
    sweep(tmp_path, "film.mp4.")
    assert (other.exists(), mine.exists()) == (False, True)
