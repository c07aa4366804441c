"""Names with control characters, newlines and markup, as the commands print them: each stays inside its line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.data.drawn import synth
from poseport.tflite import model_file, shipped

BAD = "a\x1b]0;owned\x07\n::error title=x::PWNED\r\u202eb\x9b2J"


def printed(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    output = done.output
    assert not [c for c in output if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"]
    assert not any(line.lstrip().startswith("::") for line in output.splitlines())
    return output


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth.write_people(tmp_path_factory.mktemp("text") / "set", 2, seed=5)


@pytest.mark.parametrize("command", ["check", "stats"])
def test_annotations_that_name_their_photos_so(command: str, people: Path, tmp_path: Path) -> None:
    data: Any = json.loads(people.read_text())
    data["images"][0]["file_name"] = BAD
    path = people.with_name("bad.json")
    path.write_text(json.dumps(data))
    assert "PWNED" in printed("data", command, path)


def test_a_card_that_is_called_so(people: Path, tmp_path: Path) -> None:
    data, card = model_file.read(shipped.model("deeppose"))
    path = tmp_path / "bad.tflite"
    named = dataclasses.replace(card, spec=dataclasses.replace(card.spec, name=BAD))
    model_file.write(path, data[: data.index(b"PK\x03\x04")], named)
    assert "PWNED" in printed("inspect", path)
    printed("doctor", path)
    printed("bench", "accuracy", path, "--data", people, "--keypoints", "body", "--out", tmp_path / "out")


def test_a_photo_and_a_folder_that_are_called_so(people: Path, tmp_path: Path) -> None:
    photo = next((people.parent / "images").iterdir())
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (BAD.replace("/", "") + ".jpg", "b.jpg"):
        (folder / name).write_bytes(photo.read_bytes())
    assert "PWNED" in printed("predict", "deeppose", folder)
    (folder / (BAD + ".jpg")).write_text("no photo")
    assert "PWNED" in printed("predict", "deeppose", folder)
    assert "PWNED" in printed("predict", "deeppose", tmp_path / BAD)
