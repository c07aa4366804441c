"""Three answers, each from a case that was built for it, as decisions and as exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from poseport.bench import result
from poseport.bench.cli import bench
from poseport.bench.gate import Verdict, gate, overall
from poseport.bench.result import Accuracy, Result
from poseport.bench.statistics import ap_difference
from poseport.skeleton import COCO17


@pytest.fixture(scope="module")
def records(scored: Callable[..., Result]) -> list[Result]:
    return [scored("float32"), scored("int8", own=0.03, seed=1)]


@pytest.fixture(scope="module")
def loss(records: list[Result]) -> float:
    """Points of AP that the candidate lost."""
    base, candidate = (r.measured for r in records)
    assert isinstance(base, Accuracy)
    assert isinstance(candidate, Accuracy)
    return -100 * ap_difference(base, candidate).value


def ask(records: list[Result], folder: Path, budget: float, *more: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    for record in records:
        result.save(record, folder)
    names = ("--baseline", "tiny.float32", "--candidate", "tiny.int8")
    ran = CliRunner().invoke(bench, ["gate", str(folder), *names, "--max-ap-drop", str(budget), *more])
    return ran.exit_code, ran.output


@pytest.mark.parametrize(
    ("budget", "verdict", "word"),
    [(40.0, Verdict.WITHIN, "within"), (0.2, Verdict.BEYOND, "beyond"), (None, Verdict.CANNOT_TELL, "cannot tell")],
)
def test_three_answers(
    records: list[Result], loss: float, tmp_path: Path, budget: float | None, verdict: Verdict, word: str
) -> None:
    assert 2 < loss < 30
    # a budget beside what was lost, closer than these people can tell
    budget = loss + 0.5 if budget is None else budget
    [decision] = gate(records, "tiny.float32", "tiny.int8", budget)
    assert decision.verdict is verdict
    assert word in decision.sentence
    assert decision.difference.value == pytest.approx(-loss)
    code, output = ask(records, tmp_path, budget)
    assert code == int(verdict)
    assert word in output.splitlines()[-1]
    if verdict is Verdict.CANNOT_TELL:
        half = (decision.difference.high - decision.difference.low) / 2
        assert decision.needed == pytest.approx(60 * (half / 0.5) ** 2, rel=0.05)
        assert decision.needed > 60
        assert f"{decision.needed:,} people would decide" in output
    else:
        assert decision.needed is None


def test_an_identical_candidate_is_within_a_budget_of_nothing(scored: Callable[..., Result]) -> None:
    [decision] = gate([scored("float32"), scored("int8")], "tiny.float32", "tiny.int8", 0.0)
    assert decision.verdict is Verdict.WITHIN


def test_the_answer_as_json(records: list[Result], tmp_path: Path) -> None:
    code, output = ask(records, tmp_path, 0.2, "--json")
    assert code == 1
    found = json.loads(output)
    assert found["verdict"] == "beyond"
    assert found["data"][0]["people"] == 60
    assert found["data"][0]["interval"][0] < found["data"][0]["ap_change"] < found["data"][0]["interval"][1]


def test_every_common_set_is_judged_and_the_worst_answer_counts(scored: Callable[..., Result]) -> None:
    records = [scored("float32"), scored("int8"), scored("float32", only=COCO17.body)]
    records.append(scored("int8", own=0.2, seed=1, only=COCO17.body))
    decisions = gate(records, "tiny.float32", "tiny.int8", 5.0)
    assert [d.verdict for d in decisions] == [Verdict.WITHIN, Verdict.BEYOND]
    assert decisions[1].data.endswith(", 12 keypoints")
    assert overall(decisions) is Verdict.BEYOND


def test_an_unknown_name_lists_the_known_ones(records: list[Result], tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"no accuracy result of 'm\.int8'; there are results of tiny\.float32, tiny\.int8"
    ):
        gate(records, "tiny.float32", "m.int8", 1.0)
    for record in records:
        result.save(record, tmp_path)
    names = ["--baseline", "nobody", "--candidate", "tiny.int8", "--max-ap-drop", "1"]
    ran = CliRunner().invoke(bench, ["gate", str(tmp_path), *names])
    assert ran.exit_code == 2  # 1 would say that it is beyond the budget
    assert "tiny.float32, tiny.int8" in ran.output
    assert len(ran.output.strip().splitlines()) == 1


def test_no_common_people_is_an_error(records: list[Result]) -> None:
    base, candidate = records
    assert isinstance(candidate.measured, Accuracy)
    elsewhere = replace(candidate.measured, data=replace(candidate.measured.data, sha256="f" * 64))
    with pytest.raises(ValueError, match="never measured on the same people"):
        gate([base, replace(candidate, measured=elsewhere)], "tiny.float32", "tiny.int8", 1.0)


def test_a_budget_below_nothing_is_refused(records: list[Result], tmp_path: Path) -> None:
    code, output = ask(records, tmp_path, -1.0)
    assert code != 0
    assert "max-ap-drop" in output
