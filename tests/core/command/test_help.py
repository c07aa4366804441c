"""The help of every command: complete, in plain English, free of control characters, with an example to paste."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from command_list import EVERY, parse

from poseport.command.cli import main

OPTIONS = [
    pytest.param(option, id=f"{' '.join(path)} {option.opts[0]}")
    for path, command in EVERY.items()
    for option in command.params
    if isinstance(option, click.Option)
]
# phrases that came from another language's word order, and verbs for what networks and phones do not do
DIALECT = re.compile(
    r"^of\b|leave\b.{0,20}\baway\b|\bmend|\bof whom\b|\bthe like of\b|\bwhoever\b|\bis nothing that\b"
    r"|\b(people|person|photos?|scales?|threads?|weights|keypoints?|maps?|epochs?|times?) an? "
    r"(step|person|channel|photo|layer|picture|epoch|keypoint|stack|image)\b"
    r"|\b(believe|believed|eats?|sees|decides|looks?)\b|\bhow many of them\b|\bgo on\b|\bgoes on\b",
    re.IGNORECASE,
)


def help_of(path: tuple[str, ...], width: int) -> str:
    done = CliRunner().invoke(main, [*path, "--help"], terminal_width=width, max_content_width=width)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("path", list(EVERY), ids=" ".join)
def test_every_command_has_an_example_that_can_be_pasted(path: tuple[str, ...]) -> None:
    for width in (40, 110):
        text = help_of(path, width)
        assert not re.search(r"[^\n -~\u00a0-\uffff]", text), "a control character"
        (example,) = [line.strip() for line in text.splitlines() if "Example: " in line]
        line = example.removeprefix("Example: ")
        assert line.startswith(f"poseport {' '.join(path)}")
        parse(shlex.split(line)[1:])


@pytest.mark.parametrize("path", list(EVERY), ids=" ".join)
def test_every_command_is_quiet_or_prints_json(path: tuple[str, ...]) -> None:
    assert {"quiet", "as_json"} <= {option.name for option in EVERY[path].params}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_has_a_help_text_in_plain_english(option: click.Option) -> None:
    assert option.help
    assert re.match(r"[A-Z]", option.help), option.help
    assert option.help.endswith((".", ")", "…")), option.help
    assert not DIALECT.search(option.help), option.help


@pytest.mark.parametrize("path", list(EVERY), ids=" ".join)
def test_every_description_is_plain_english(path: tuple[str, ...]) -> None:
    text = " ".join((EVERY[path].help or "").split())
    assert re.match(r"[A-Z][a-z]+ ", text), text
    assert not DIALECT.search(text), text


@pytest.mark.parametrize("path", [(), ("data",), ("bench",), ("compress",), ("phone",)], ids=" ".join)
def test_groups_list_their_commands_in_the_order_of_the_work(path: tuple[str, ...]) -> None:
    text = help_of(path, 80)
    shown = [line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line.startswith("  ")]
    shown = [name for name in shown if (*path, name) in {key[: len(path) + 1] for key in EVERY}]
    assert shown == list(dict.fromkeys(key[len(path)] for key in EVERY if key[: len(path)] == path))
    assert not DIALECT.search(text)


def test_train_shows_the_options_that_people_use() -> None:
    options = [option for option in EVERY["train",].params if isinstance(option, click.Option)]
    assert len(options) <= 40


@pytest.mark.parametrize(
    ("flag", "commands"),
    [
        ("--count", ["data synth", "data preview", "calibrate", "doctor", "verify"]),
        ("--serial", ["phone info", "phone check", "phone install", "bench phone", "verify"]),
        ("--delegates", ["bench latency", "bench profile", "bench phone"]),
        ("--threshold", ["predict", "data disagree"]),
        ("--exclude", ["convert", "calibrate", "compress prune", "compress cluster"]),
    ],
)
def test_one_word_for_one_thing(flag: str, commands: list[str]) -> None:
    for name in commands:
        assert flag in [word for option in EVERY[tuple(name.split())].params for word in option.opts], name


def test_old_spellings_are_gone() -> None:
    old = {"--most", "--score", "--phone", "--delegate", "--processes", "--decode", "--min-score"}
    used = {word for command in EVERY.values() for option in command.params for word in option.opts}
    assert not old & used


def test_help_imports_no_stage_and_no_numpy() -> None:
    code = "import sys\nfrom poseport.command.cli import main\ntry:\n main(sys.argv[1:])\nexcept SystemExit:\n pass\n"
    code += "print(sorted(m for m in ('numpy', 'cv2', 'tensorflow', 'keras') if m in sys.modules))"
    for path in ([], ["train"], ["convert"], ["bench"], ["bench", "accuracy"], ["data", "preview"], ["presets"]):
        command = [sys.executable, "-c", code, *path, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.splitlines()[-1] == "[]", path
