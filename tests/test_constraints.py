"""constraints.txt: every package that `make` installs, with its version and the sha256 of its files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "constraints.txt").read_text()
PINS = re.findall(
    r"^([A-Za-z0-9._-]+)==(\S+)([^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", TEXT, re.MULTILINE
)


def test_every_line_is_a_pin_with_hashes_or_a_comment() -> None:
    rest = re.sub(
        r"^[A-Za-z0-9._-]+==\S+[^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", "", TEXT, flags=re.MULTILINE
    )
    assert all(line.strip().startswith("#") for line in rest.splitlines() if line.strip())
    assert len(PINS) > 70
    assert "://" not in TEXT  # no address of an index, which may be a mirror


def test_every_dependency_of_the_project_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for name in extras if name != "device" for one in extras[name])]
    names = {re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in wanted} - {"poseport"}
    assert names <= {name.lower() for name, *_ in PINS}


def test_make_installs_nothing_without_a_hash() -> None:
    installs = [line for line in (ROOT / "Makefile").read_text().splitlines() if "$(BIN)/python -m pip install" in line]
    assert installs
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)
