"""Records come back as they were written, under names that say what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from poseport.bench import results_folder
from poseport.bench.measure import latency
from poseport.bench.record import Accuracy, Latency, Result
from poseport.bench.report.report import write_report
from poseport.skeletons import COCO17

RECORDS = Path(__file__).parent.parent / "data" / "records"


@pytest.fixture(scope="module")
def both(scored: Callable[..., Result], tiny_models: dict[str, Path]) -> tuple[Result, Result]:
    return scored("int8"), latency.measure(tiny_models["int8"], 1, runs=10)


def test_a_folder_of_records_comes_back(both: tuple[Result, Result], tmp_path: Path) -> None:
    paths = [results_folder.save(one, tmp_path / "new") for one in both]
    assert all(path.is_file() for path in paths)
    assert sorted(results_folder.load_all(tmp_path / "new"), key=lambda r: r.measured.kind) == list(both)


def test_names_say_what_was_measured_and_how(both: tuple[Result, Result], scored: Callable[..., Result]) -> None:
    accuracy, timed = both
    assert isinstance(accuracy.measured, Accuracy)
    assert re.fullmatch(
        r"tiny\.int8\.accuracy\.person_keypoints\.17kp\.[0-9a-f]{6}\.json", results_folder.file_name(accuracy)
    )
    assert results_folder.file_name(timed) == "tiny.int8.latency.host.1t.json"
    assert ".12kp." in results_folder.file_name(scored("int8", only=COCO17.body))
    ways = [{"flip": True}, {"boxes": "detections d.json"}, {"boxes": "detections e.json"}, {}]
    names = {results_folder.file_name(replace(accuracy, measured=replace(accuracy.measured, **way))) for way in ways}
    assert len(names) == 4  # measured in another way, kept beside


def test_a_name_holds_nothing_that_leaves_the_folder(both: tuple[Result, Result], tmp_path: Path) -> None:
    timed = both[1]
    phone = replace(timed, environment=replace(timed.environment, device="Pixel 8 / ../../x"))
    assert results_folder.save(phone, tmp_path).parent == tmp_path
    assert len(list(tmp_path.iterdir())) == 1


def test_a_repeated_measurement_replaces_the_older(both: tuple[Result, Result], tmp_path: Path) -> None:
    timed = both[1]
    results_folder.save(timed, tmp_path)
    assert isinstance(timed.measured, Latency)
    newer = replace(timed, measured=replace(timed.measured, first_us=1.0))
    results_folder.save(newer, tmp_path)
    assert results_folder.load_all(tmp_path) == [newer]


def test_a_record_knows_file_and_place(both: tuple[Result, Result], tiny_models: dict[str, Path]) -> None:
    model, where = both[0].model, both[0].environment
    assert model.name == "tiny.int8"
    assert model.bytes == tiny_models["int8"].stat().st_size
    assert len(model.sha256) == 64
    assert model.card.conversion.recipe == "int8"
    assert where.device == "host"
    assert where.cores >= 1
    assert where.threads == 1
    assert where.runtime.partition(" ")[2]
    assert where.time.endswith("+00:00")


def test_no_results_say_how_to_get_some(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=r"holds no results; `poseport bench accuracy"):
            results_folder.load_all(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "schema 99 is newer"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"measured": {"kind": "taste"}}, "kind 'taste' is not one of accuracy, latency"),
    ],
)
def test_a_record_that_is_not_one_is_named(
    both: tuple[Result, Result], tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = results_folder.save(both[1], tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=message) as error:
        results_folder.load_all(tmp_path)
    assert path.name in str(error.value)


def test_a_file_cut_in_half_is_named(both: tuple[Result, Result], tmp_path: Path) -> None:
    path = results_folder.save(both[0], tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"17kp\.[0-9a-f]{6}\.json: not JSON"):
        results_folder.load_all(tmp_path)


def test_records_of_older_versions_still_open(tmp_path: Path) -> None:
    """As the first version of all wrote them: without what was added since."""
    old = results_folder.load_all(RECORDS)
    assert [r.measured.kind for r in old] == ["accuracy", "latency"] * 2
    for suffix in (".html", ".md", ".csv"):
        write_report(old, tmp_path / f"report{suffix}")
    text = (tmp_path / "report.md").read_text()
    for needed in ("tiny.int8 against tiny.float32", "No energy proxy for tiny.float32, tiny.int8", "not known"):
        assert needed in text
    assert [results_folder.save(one, tmp_path / "new").is_file() for one in old] == [True] * 4
    assert sorted(results_folder.load_all(tmp_path / "new"), key=repr) == sorted(old, key=repr)
