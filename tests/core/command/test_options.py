"""Options that several commands share, and names that a console lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from poseport.command.cli import main


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
