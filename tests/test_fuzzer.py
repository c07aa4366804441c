"""The short form of `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest

COUNT = 30
FEW = {"mat": 5}  # each is tried in a process of its own


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, fuzz.Attempt]:
    return fuzz.attempts(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize(
    "kind", ["tflite", "tail", "card", "bundle", "record", "coco", "detections", "yolo", "mat", "photo"]
)
def test_no_damaged_file_makes_a_traceback(kind: str, attempts: dict[str, fuzz.Attempt]) -> None:
    count = FEW.get(kind, COUNT)
    read = sum(fuzz.attack(kind, attempts[kind], seed) for seed in range(count))
    assert read < count


def test_damaged_weights_are_one_line(attempts: dict[str, fuzz.Attempt]) -> None:
    assert sum(fuzz.attack("h5", attempts["h5"], seed) for seed in range(2)) < 2


def test_every_kind_is_in_the_short_form_too(attempts: dict[str, fuzz.Attempt], tmp_path: Path) -> None:
    short = {"tflite", "tail", "card", "bundle", "record", "coco", "detections", "yolo", "mat", "photo", "h5"}
    assert set(attempts) == short
