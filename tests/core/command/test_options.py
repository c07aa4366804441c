"""Help with headings, lists on a command line, examples; faults as one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import cv2
import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.command.errors import guarded_as
from poseport.command.groups import Sections, section
from poseport.command.options import guarded, output_options
from poseport.command.parameters import Counts, Names


@click.command(cls=Sections)
@click.option("--plain", help="Has no heading.")
@section("First", click.option("--a", type=int), click.option("--b", is_flag=True, help="The second."))
@section("Last", click.option("--c"), output_options)
def command(**options):
    click.echo(sorted(options.items()))


def test_every_option_stands_once_under_its_heading_in_the_order_of_the_source():
    lines = CliRunner().invoke(command, ["--help"]).output.splitlines()
    shown = [line.split()[0] for line in lines if line.startswith(("  --", "  -")) or line.endswith(":")]
    assert shown == ["Options:", "--plain", "--help", "First:", "--a", "--b", "Last:", "--c", "--quiet", "--json"]


def test_options_with_a_heading_work_like_others():
    output = CliRunner().invoke(command, ["--a", "3", "--json"]).output
    assert "('a', 3)" in output
    assert "('as_json', True)" in output
    assert "('b', False)" in output


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


@click.command()
@click.option("--threads", type=Counts(), default="1")
@click.option("--delegates", type=Names("cpu", "gpu"), default="cpu")
@guarded
def listed(threads, delegates):
    """Lists.

    Example: poseport listed --threads 1,2,4 --delegates cpu,gpu and a line that is far longer than a terminal is
    wide
    """
    click.echo((threads, delegates))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "((1,), ('cpu',))"),
        (["--threads", "4, 1,4", "--delegates", "gpu,cpu"], "((4, 1), ('gpu', 'cpu'))"),
        (["--threads", "0"], "Error: --threads '0': expected counts such as 1,2,4"),
        (["--threads", ""], "'': expected counts"),
        (["--threads", "1,two"], "'1,two': expected counts"),
        (["--delegates", "cpu,npu"], "Error: --delegates 'npu' does not exist; choose from cpu, gpu"),
    ],
)
def test_lists_are_parsed_in_one_place(arguments, said):
    assert said in CliRunner().invoke(listed, arguments).output


def test_an_example_is_pasted_from_one_line():
    (line,) = [line for line in CliRunner().invoke(listed, ["--help"]).output.splitlines() if "Example" in line]
    assert line.endswith("than a terminal is wide")


def test_the_category_of_the_people_is_chosen_by_name_or_id(drawn: Path, tmp_path: Path) -> None:
    data = json.loads(drawn.read_text())
    data["categories"].append({**data["categories"][0], "id": 2, "name": "child"})
    for annotation in data["annotations"][:7]:
        annotation["category_id"] = 2
    (tmp_path / "two.json").write_text(json.dumps(data))
    command = ["data", "check", str(tmp_path / "two.json"), "--images", str(drawn.parent / "images"), "--json"]
    for name, people in (("child", 7), ("2", 7), ("Person", 53)):
        done = CliRunner().invoke(main, [*command, "--category", name])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["people"] == people
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 1
    assert "choose with --category" in refused.output


def test_a_name_that_the_console_lacks_is_no_error(drawn: Path, tmp_path: Path) -> None:
    """Windows consoles and redirected output use cp1252, which has no Cyrillic."""
    path = tmp_path / "Люди.json"
    path.write_bytes(drawn.read_bytes())
    code = "from poseport.command.cli import main; main()"
    command = [sys.executable, "-c", code, "data", "check", str(path), "--images", str(drawn.parent / "images")]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u041b\u044e\u0434\u0438.json: 60 people" in done.stdout
