"""Every command that a document, the README or the Makefile shows can be parsed by `poseport` as it is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/core/command"))
from command_list import parse  # noqa: E402

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("android_demo/*.md")])


def shown(text: str) -> list[str]:
    """The lines of code blocks that call poseport, with their continuations; not those with `…` or `[…]` in them."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    calls = [line.strip().removeprefix("$ ") for line in lines]
    return [line for line in calls if line.startswith("poseport ") and not re.search(r"…|\[", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    for line in shown(page.read_text(encoding="utf-8")):
        words = shlex.split(line, comments=True)[1:]
        words = words[: words.index("|")] if "|" in words else words
        if words not in (["--help"], ["--version"]) and words[-1] != "--help":
            try:
                parse(words)
            except Exception as error:
                raise AssertionError(f"{line}\n{error}") from error


def test_the_commands_of_the_makefile_exist_with_their_options() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    command = ["make", "-n", "-o", "install", "demo", "starter", "tiny", "accurate"]
    command += ["DATA=data.json", "COCO=coco.json", "ENCODERS=encoders"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    text = done.stdout.replace("\\\n", " ")
    lines = re.findall(r"[\w./]*/poseport ((?:data|import|train|convert|bench) [^;|\n]*)", text)
    assert len(lines) >= 10
    for line in lines:
        parse(shlex.split(line.replace("$recipe", "int8")))
