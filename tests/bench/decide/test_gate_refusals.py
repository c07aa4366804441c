"""What a gate must not pass: baselines that score nothing, and records that are damaged or hostile."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile
import pytest
from click.testing import CliRunner

from poseport.bench.cli import bench

ASK = ["--baseline", "tiny.float32", "--candidate", "tiny.int8"]


def ask(folder: Path, *options: str) -> tuple[int, str]:
    """Exit code and output of the gate."""
    ran = CliRunner().invoke(bench, ["gate", str(folder), *ASK, "--resamples", "100", *options])
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    return ran.exit_code, ran.output


def pair(change: Callable[[Any], None], kind: str = "accuracy") -> list[Any]:
    """The records of both files, changed alike."""
    both = [hostile.data(model, kind) for model in ("float32", "int8")]
    for record in both:
        change(record)
    return both


def nobody_matched(record: Any) -> None:
    found = record["measured"]["detections"]
    found["matched"] = [0] * len(found["matched"])
    record["measured"]["metrics"]["OKS-AP"] = 0.0


def nobody_labelled(record: Any) -> None:
    measured = record["measured"]
    measured["detections"]["ground_truths"] = [0] * len(measured["detections"]["ground_truths"])
    for person in measured["people"]:
        person["errors_px"] = [None] * len(person["errors_px"])
    measured["metrics"] = dict.fromkeys(measured["metrics"])


def all_far(record: Any) -> None:
    for person in record["measured"]["people"]:
        person["errors_px"] = [None if error is None else 1e6 for error in person["errors_px"]]


def no_time(record: Any) -> None:
    record["measured"]["invoke_us"] = [0.0] * len(record["measured"]["invoke_us"])


@pytest.mark.parametrize(
    ("change", "kind", "option", "reason"),
    [
        (nobody_matched, "accuracy", "--max-ap-drop", "the baseline's AP is 0"),
        (nobody_labelled, "accuracy", "--max-ap-drop", "there is no AP"),
        (all_far, "accuracy", "--max-pck-drop", "the baseline's PCK@0.1/box is 0"),
        (nobody_labelled, "accuracy", "--max-pck-drop", "there is no PCK@0.1/box"),
        (no_time, "latency", "--max-slowdown", "some of the times are 0"),
    ],
)
def test_a_baseline_that_scores_nothing_cannot_tell(
    change: Callable[[Any], None], kind: str, option: str, reason: str, tmp_path: Path
) -> None:
    folder = hostile.write(tmp_path / "results", *pair(change, kind))
    code, output = ask(folder, option, "1", "--junit", str(tmp_path / "j.xml"))
    assert code == 2
    assert reason in output
    assert output.splitlines()[-1].startswith("cannot tell")
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("errors") == "1"
    code, output = ask(folder, option, "1", "--json")
    [decision] = json.loads(output)["decisions"]
    assert code == 2
    assert (decision["verdict"], decision["change"], decision["interval"]) == ("cannot_tell", None, None)
    assert reason in decision["reason"]


def test_a_budget_that_a_network_without_a_hit_would_hold_cannot_tell(tmp_path: Path) -> None:
    folder = hostile.write(tmp_path, *pair(lambda record: None))
    code, output = ask(folder, "--max-ap-drop", "100")
    assert code == 2
    assert "is no more than the budget of 100" in output or "AP is 0" in output


def damage(**fields: Any) -> Callable[[Any], None]:
    def change(record: Any) -> None:
        record["measured"]["detections"].update(fields)

    return change


def other_image(record: Any) -> None:
    record["measured"]["people"][0]["image_id"] = 10**9


@pytest.mark.parametrize(
    "change",
    [
        damage(matched=[2**70]),
        damage(image=[10**9]),
        damage(image=[-1]),
        damage(ground_truths=[2**62]),
        damage(score=[]),
        other_image,
        lambda record: record["measured"].update(people=[]),
        lambda record: record["measured"].update(keypoints=[]),
        lambda record: record["measured"]["data"].update(people=0),
        lambda record: record["measured"]["people"][0].update(errors_px=[1.0]),
        lambda record: record["measured"]["people"][0].update(keypoints=[1.0]),
        lambda record: record.pop("model"),
    ],
)
def test_a_damaged_record_is_one_line_and_never_beyond(change: Callable[[Any], None], tmp_path: Path) -> None:
    code, output = ask(hostile.write(tmp_path, *pair(change)), "--max-ap-drop", "1")
    assert code == 2
    assert len(output.strip().splitlines()) == 1
    assert "0.json" in output


def test_a_record_without_metrics_is_judged_by_its_predictions(tmp_path: Path) -> None:
    folder = hostile.write(tmp_path, *pair(lambda record: record["measured"].update(metrics={}, by_keypoint={})))
    assert ask(folder, "--max-ap-drop", "1")[0] in (0, 1, 2)


def test_names_of_a_record_are_no_commands(tmp_path: Path) -> None:
    def rename(record: Any) -> None:
        record["measured"]["data"]["file"] = "p\n::error title=x::PWNED\x1b[31m\x00.json"

    folder = hostile.write(tmp_path / "results", *pair(rename))
    _, output = ask(folder, "--max-ap-drop", "1", "--github", "--junit", str(tmp_path / "j.xml"))
    assert "\x1b" not in output
    commands = [line for line in output.splitlines() if line.startswith("::")]
    assert len(commands) == 1
    assert "title=tiny.int8::" in commands[0]
    ElementTree.parse(tmp_path / "j.xml")


def test_the_gate_needs_neither_opencv_nor_an_interpreter(tmp_path: Path) -> None:
    """It runs where only NumPy and click are installed: on a build server."""
    script = """
import sys
for name in ("cv2", "ai_edge_litert", "tflite_runtime", "pycocotools", "tensorflow", "keras", "matplotlib"):
    sys.modules[name] = None
from poseport.bench.decide import bootstrap, ci_output, gate
from poseport.bench import results_folder
from poseport.bench.decide_cli import gate as command
command()
"""
    options = [str(hostile.RECORDS), *ASK, "--max-ap-drop", "1", "--resamples", "100"]
    ran = subprocess.run([sys.executable, "-c", script, *options], capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.returncode == 2
    assert "AP" in ran.stdout
