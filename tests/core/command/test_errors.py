"""Faults as one line."""

import click
import cv2
import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.command.errors import explain, guarded_as
from poseport.command.options import guarded


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ValueError("m.json: a\nb"), "Error: m.json: a b\n"),
        (MemoryError("3 GiB"), "Error: 3 GiB; if memory is short, close other programs"),
        (MemoryError(), "Error: an allocation failed; if memory is short"),
        (ImportError("libx.so: failed to map segment"), "Error: libx.so: failed to map segment; if memory is short"),
        (OSError(28, "No space left on device", "a.mp4"), "Error: a.mp4: No space left on device\n"),
        (cv2.error("bad\narray"), "Error: error: bad array; an input file may be damaged"),
        (KeyError("images"), "Error: KeyError: 'images'; an input file may be damaged"),
        (RuntimeError("tensor 3"), "POSEPORT_DEBUG=1 shows where this happened"),
    ],
)
def test_what_a_user_or_a_machine_cannot_do_is_one_line(fault, said):
    @click.command()
    @guarded
    def fails():
        raise fault

    done = CliRunner().invoke(fails)
    assert done.exit_code == 1
    assert said in done.output
    assert done.output.count("\n") == 1


def test_a_backend_that_is_not_installed_or_does_not_exist_is_named(monkeypatch, drawn, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    said = explain(ModuleNotFoundError("No module named 'torch'", name="torch"), "poseport.train.cli")
    assert said == "KERAS_BACKEND=torch needs the Python module torch; install it, or set it to tensorflow or jax"
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    words = ["train", "--preset", "mobile-hourglass", "--data", str(drawn), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(main, words)
    assert done.output == "Error: KERAS_BACKEND=theano: nothing trains by that name; set it to tensorflow or jax\n"


@click.command()
@guarded
def broken():
    raise RuntimeError("tensor 3 has no data")


@click.command()
@guarded
def buggy():
    raise TypeError("a bug of ours")


@click.command()
@guarded_as(2)
def gate():
    raise ValueError("no record")


def test_debug_shows_where_it_happened_and_a_bug_always_does(monkeypatch):
    assert CliRunner().invoke(broken).output.startswith("Error: RuntimeError: tensor 3 has no data; an input file may")
    assert isinstance(CliRunner().invoke(buggy).exception, TypeError)
    monkeypatch.setenv("POSEPORT_DEBUG", "1")
    assert isinstance(CliRunner().invoke(broken).exception, RuntimeError)


def test_a_command_chooses_the_exit_code_of_its_own_failures():
    done = CliRunner().invoke(gate)
    assert (done.exit_code, done.output) == (2, "Error: no record\n")
