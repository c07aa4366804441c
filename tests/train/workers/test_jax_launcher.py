"""Worker processes: one that fails stops all and is named, and they end with their launcher."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poseport.train.workers import jax_launcher


def failing(*lines):
    """A worker that does not train."""
    code = "import os, signal, sys, time\nfrom poseport.train.workers import jax_launcher as launch\n"
    code += "me = os.environ[launch.INDEX]\n"
    return [sys.executable, "-c", code + "\n".join(lines)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["if me == '1': os.kill(os.getpid(), 9)", "time.sleep(60)"], "worker 1 was lost"),
        (["if me == '0': sys.exit(launch.LOST_ANOTHER)", "os.kill(os.getpid(), 9)"], "worker 1 was lost"),
        (["if me == '0': sys.exit('Error: no such people')", "time.sleep(60)"], "^no such people$"),
        (["if me == '1': sys.exit('Error: photo.jpg is cut off')", "sys.exit(75)"], "^worker 1: photo.jpg is cut off"),
        (["if me == '0': os.kill(os.getpid(), signal.SIGABRT)", "time.sleep(60)"], "worker 1 no longer answers"),
        (["if me == '1': raise KeyError('bug')", "time.sleep(60)"], "worker 1 failed with exit code 1"),
    ],
)
def test_one_that_fails_stops_all_and_is_named(lines, message, tmp_path, monkeypatch):
    monkeypatch.setattr(jax_launcher, "_GRACE_S", 0.5)
    with pytest.raises(ValueError, match=message):
        jax_launcher.launch(failing(*lines), 2, tmp_path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_whoever_launched_them(how, tmp_path):
    """Ctrl-C lets them say what is kept; kill -9 of the launcher closes the pipe that they listen to."""
    lines = [
        "launch.end_with_launcher()",
        f"try: open(f'{tmp_path}/{{me}}-{{os.getpid()}}', 'w').close(); time.sleep(60)",
        "except KeyboardInterrupt: sys.exit('interrupted: 3 whole epochs are kept')",
    ]
    code = "import signal, sys\nfrom pathlib import Path\nfrom poseport.train.workers import jax_launcher as launch\n"
    code += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored where tests run in the background
    code += "launch.launch(sys.argv[1:], 2, Path('run'))"
    process = subprocess.Popen([sys.executable, "-c", code, *failing(*lines)], stderr=subprocess.PIPE, text=True)
    while len(list(tmp_path.iterdir())) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(how)
    text = process.communicate()[1]
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert text == ("interrupted: 3 whole epochs are kept\n" if how == signal.SIGINT else "")
    for pid in [int(path.name.split("-")[1]) for path in tmp_path.iterdir()]:
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            time.sleep(0.05)


def test_the_command_starts_its_workers_and_says_what_one_worker_would(drawn, tmp_path):
    arguments = ["train", "--preset", "nonesuch", "--data", str(drawn), "--out", str(tmp_path / "run")]
    command = [sys.executable, "-c", "from poseport.command.cli import main; main()", *arguments]
    said = [
        subprocess.run([*command, *more], env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True)
        for more in ([], ["--workers", "2"])
    ]
    assert [done.returncode for done in said] == [1, 1]
    assert said[0].stderr == said[1].stderr
    assert said[0].stderr.startswith("Error: --preset 'nonesuch' does not exist; choose from ")
