"""A phone whose delegate answers wrongly is labelled before its speed is shown; one that rounds otherwise is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import bench, records, run
from standin import StandIn

from poseport.bench import results_folder
from poseport.bench.decide import gate as gates
from poseport.bench.decide.decision import LossBudget, Verdict
from poseport.bench.phone.results.agreement import arithmetic


def measured(phone: StandIn, model: Path, drawn: Path, out: Path) -> dict[str, Any]:
    phone.hardware = ("CPU", "GPU")
    (row,) = json.loads(bench(model, drawn, out, "--delegates", "gpu"))["results"]
    return row


def test_the_same_answers_agree(phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    row = measured(phone, tiny_models["float32"], drawn, tmp_path)
    assert row["labels"] == []
    assert row["agreement"] == {
        "people": 32, "arithmetic": "float16", "median_px": 0.0, "p90_px": 0.0, "oks": 1.0, "constant": 0,
        "not_finite": 0,
    }  # fmt: skip


def test_a_half_precision_answer_agrees(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    phone.answers = lambda output: output.astype(np.float16).astype(output.dtype)
    row = measured(phone, tiny_models["float32"], drawn, tmp_path)
    assert row["labels"] == []
    assert row["agreement"]["p90_px"] < 1


@pytest.mark.parametrize(
    ("answers", "label"),
    [
        (np.zeros_like, "wrong answers: the outputs of 32 of 32 people are one value everywhere"),
        (lambda output: output[:, :, ::-1].copy(), "wrong answers: a tenth of the keypoints is "),
        (lambda output: np.roll(output, 1, axis=-1), "wrong answers: a tenth of the keypoints is "),
    ],
    ids=["zeros", "mirrored", "channels moved"],
)
@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_wrong_answers_are_labelled(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, recipe: str,
    answers: Callable[[np.ndarray], np.ndarray], label: str,
) -> None:  # fmt: skip
    phone.answers = answers
    row = measured(phone, tiny_models[recipe], drawn, tmp_path)
    assert row["labels"][0].startswith(label)
    assert records(tmp_path)["latency"].environment.labels[0].startswith(label)


def test_answers_that_are_no_numbers_have_no_times(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    phone.answers = lambda output: np.full_like(output, np.nan)
    row = measured(phone, tiny_models["float32"], drawn, tmp_path)
    assert row["refused"] == "wrong"
    assert row["cannot"] == "wrong answers: outputs of 32 of 32 people are not numbers"
    assert not list(tmp_path.glob("*.json"))


def test_a_gate_does_not_compare_the_time_of_wrong_answers(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    phone.answers = lambda output: output[:, :, ::-1].copy()
    measured(phone, tiny_models["int8"], drawn, tmp_path)
    found = results_folder.load_all(tmp_path)
    decisions = gates.gate(found, found, LossBudget(slower=50.0, delegate="gpu"))
    assert [(d.what, d.verdict) for d in decisions] == [
        ("median time", Verdict.CANNOT_TELL), ("delegate", Verdict.BEYOND)
    ]  # fmt: skip
    assert "the time of a wrong answer means nothing (tiny.int8" in decisions[0].sentence
    assert "wrong answers: " in decisions[1].sentence


def test_whole_images_are_compared_too(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    bench(tiny_models["int8"], drawn, tmp_path, "--whole-images")
    agreement = records(tmp_path)["latency"].environment.agreement
    assert agreement is not None
    assert (agreement.people, agreement.label) == (32, "")
    assert agreement.p90_px == pytest.approx(0, abs=1e-6)
    assert "ran 100 % XNNPACK" in run("bench", "phone", tiny_models["int8"], "--data", drawn, "--runs", 20,
                                      "--out", tmp_path / "text")  # fmt: skip


def test_the_bound_follows_what_computes() -> None:
    assert arithmetic("CPU", {"float32": 10}) == "float32"
    assert arithmetic("GPU", {"float32": 10}) == "float16"
    assert arithmetic("CPU", {"float16": 10}) == "float16"
    assert arithmetic("CPU", {"int8 weights x float32": 10}) == "int8"
    assert arithmetic("GPU", {"int8": 9, "float32": 1}) == "int8"
