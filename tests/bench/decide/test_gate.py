"""Three answers, each from a case that was built for it, as decisions and as exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from poseport.bench import results_folder
from poseport.bench.cli import bench
from poseport.bench.decide.bootstrap import ap_difference
from poseport.bench.decide.decision import LossBudget, Verdict
from poseport.bench.decide.gate import gate, of_model, overall
from poseport.bench.decide.time_intervals import median_change
from poseport.bench.record import Accuracy, Latency, Result
from poseport.skeletons import COCO17


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
        results_folder.save(record, folder)
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
    [decision] = gate(records[:1], records[1:], LossBudget(ap=budget))
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
    decisions = gate([scored("float32")], [scored("int8")], LossBudget(ap=0.0, pck=0.0))
    assert [d.what for d in decisions] == ["AP", "PCK@0.1/box"]
    assert overall(decisions) is Verdict.WITHIN


def test_the_answer_as_json(records: list[Result], tmp_path: Path) -> None:
    code, output = ask(records, tmp_path, 0.2, "--json")
    assert code == 1
    found = json.loads(output)
    assert found["verdict"] == "beyond"
    [d] = found["decisions"]
    assert (d["what"], d["people"], d["budget"]) == ("AP", 60, 0.2)
    assert d["interval"][0] < d["change"] < d["interval"][1]


def test_every_common_set_is_judged_and_the_worst_answer_counts(scored: Callable[..., Result]) -> None:
    base = [scored("float32"), scored("float32", only=COCO17.body)]
    candidate = [scored("int8"), scored("int8", own=0.2, seed=1, only=COCO17.body)]
    decisions = gate(base, candidate, LossBudget(ap=5.0))
    assert [d.verdict for d in decisions] == [Verdict.WITHIN, Verdict.BEYOND]
    assert decisions[1].where.endswith(", 12 keypoints")
    assert overall(decisions) is Verdict.BEYOND


def test_an_unknown_name_lists_the_known_ones(records: list[Result], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no result of 'm\.int8'; there are results of tiny\.float32, tiny\.int8"):
        of_model(records, "m.int8")
    for record in records:
        results_folder.save(record, tmp_path)
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
        gate([base], [replace(candidate, measured=elsewhere)], LossBudget(ap=1.0))


def test_a_budget_below_nothing_is_refused(records: list[Result], tmp_path: Path) -> None:
    code, output = ask(records, tmp_path, -1.0)
    assert code != 0
    assert "max-ap-drop" in output


def test_no_budget_at_all_is_refused(records: list[Result], tmp_path: Path) -> None:
    results_folder.save(records[0], tmp_path)
    names = ["--baseline", "tiny.float32", "--candidate", "tiny.float32"]
    ran = CliRunner().invoke(bench, ["gate", str(tmp_path), *names])
    assert ran.exit_code == 2
    assert "add --max-ap-drop" in ran.output


def timing(record: Result, us: np.ndarray) -> Result:
    return replace(record, measured=Latency("latency", "one drawn person", 0, 0, 0, tuple(us.tolist())))


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, Verdict.WITHIN), (1.2, Verdict.BEYOND), (1.1, Verdict.CANNOT_TELL)]
)
def test_a_slower_candidate_is_found_out(records: list[Result], factor: float, verdict: Verdict) -> None:
    base, candidate = (
        timing(r, 1000 * f * np.random.default_rng(seed).lognormal(0, 0.1, 800))
        for seed, (r, f) in enumerate(zip(records, (1.0, factor), strict=True))
    )
    [decision] = gate([base], [candidate], LossBudget(slower=10.0))
    assert decision.verdict is verdict
    assert decision.difference.value == pytest.approx(100 * (factor - 1), abs=2)
    with pytest.raises(ValueError, match="never timed on the same machine"):
        gate([base], records[1:], LossBudget(slower=10.0))


def test_the_interval_of_a_slowdown_covers_the_truth(records: list[Result]) -> None:
    """Of 95 % intervals for nothing at all, hardly one in ten may miss it, with spells of slowness too."""
    missed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)

        def times(rng: np.random.Generator = rng) -> Latency:
            spells = np.repeat(rng.choice([1.0, 1.3], 64, p=[0.8, 0.2]), 16)
            found = timing(records[0], 1000 * spells * rng.lognormal(0, 0.05, 1024)).measured
            assert isinstance(found, Latency)
            return found

        d = median_change(times(), times(), resamples=300)
        missed += not d.low <= 0 <= d.high
    assert missed <= 5


def test_processes_that_disagree_tell_less(records: list[Result]) -> None:
    """Two processes of one file, one of them a fifth slower for its whole life: no interval is narrower than that."""
    rng = np.random.default_rng(0)
    steady = timing(records[0], 1000 * rng.lognormal(0, 0.01, 800))
    torn = timing(records[1], np.repeat([1000, 1200], 400) * rng.lognormal(0, 0.01, 800))
    assert isinstance(torn.measured, Latency)
    torn = replace(torn, measured=replace(torn.measured, repeats=(400, 400)))
    [decision] = gate([steady], [torn], LossBudget(slower=15.0))
    assert decision.verdict is Verdict.CANNOT_TELL
    assert decision.difference.low == pytest.approx(0, abs=1)
    assert decision.difference.high == pytest.approx(20, abs=1)
    assert "time both again on a quiet machine" in decision.sentence


def test_a_kept_record_is_a_baseline(records: list[Result], loss: float, tmp_path: Path) -> None:
    """As in a user's repository: last month's record in a file, today's results in a folder, by the same name."""
    kept = results_folder.save(records[0], tmp_path / "kept")
    today = replace(records[1], model=replace(records[1].model, name="tiny.float32"))
    results_folder.save(today, tmp_path / "today")
    for baseline in (kept, kept.parent):
        names = ["--baseline", str(baseline), "--candidate", "tiny.float32", "--max-ap-drop", "40"]
        ran = CliRunner().invoke(bench, ["gate", str(tmp_path / "today"), *names])
        assert ran.exit_code == 0, ran.output
        assert f"AP {-loss:+.2f} points" in ran.output


def test_a_build_server_reads_the_decisions(records: list[Result], tmp_path: Path) -> None:
    code, output = ask(
        records, tmp_path / "results", 0.2, "--max-pck-drop", "40", "--junit", str(tmp_path / "j.xml"), "--github"
    )
    assert code == 1
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "beyond the budget" in (failure.get("message") or "")
    error, notice = [line for line in output.splitlines() if line.startswith("::")]
    assert error.startswith("::error title=tiny.int8::")
    assert "95 %25 interval" in error
    assert notice.startswith("::notice title=tiny.int8::")
