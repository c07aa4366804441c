"""Commands about a file read people whose keypoints are the file's own, without --skeleton."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.skeleton import Skeleton
from poseport.tflite import model_file


@pytest.fixture
def own(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> tuple[str, str, str]:
    """A file with keypoints that nobody else has, people who are labelled with them, and the people's photos."""
    flatbuffer, card = model_file.read(tiny_models["float32"])
    numbered = tuple(f"part {i}" for i in range(17))
    skeleton = Skeleton("parts", numbered, (), (("part 0", "part 1"),), (0.1,) * 17)
    path = tmp_path / "own.tflite"
    tail = flatbuffer.index(b"PK\x03\x04")
    model_file.write(path, flatbuffer[:tail], replace(card, spec=replace(card.spec, skeleton=skeleton)))
    data = json.loads(drawn.read_text())
    data["categories"][0]["keypoints"] = list(numbered)
    (tmp_path / "people.json").write_text(json.dumps(data))
    return str(path), str(tmp_path / "people.json"), str(drawn.parent / "images")


@pytest.mark.parametrize(
    "command", [["doctor", "--count", "8"], ["bench", "latency", "--runs", "20", "--seconds", "1"]]
)
def test_no_skeleton_has_to_be_named(own: tuple[str, str, str], tmp_path: Path, command: list[str]) -> None:
    file, people, images = own
    out = ["--out", str(tmp_path / "results")] if command[0] == "bench" else []
    words = [*command[:2], file] if command[0] == "bench" else [command[0], file]
    rest = command[2:] if command[0] == "bench" else command[1:]
    done = CliRunner().invoke(main, [*words, *rest, "--data", people, "--images", images, *out, "--json"])
    assert done.stdout.startswith("{"), done.output
    assert "skeleton" not in done.stderr


def test_files_without_a_card_have_no_keypoints(own: tuple[str, str, str], tmp_path: Path) -> None:
    (tmp_path / "bare.tflite").write_bytes(b"text")
    assert [s.name for s in model_file.skeletons_of([tmp_path / "bare.tflite", Path(own[0])])] == ["parts"]
