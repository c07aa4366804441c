"""A person detector on a phone, alone and before a pose network: times like a host's, and boxes like this machine's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standin_app
from commands import bench, records, run
from standin import StandIn

from poseport.bench.detector_record import DetectorTimes
from poseport.bench.measure import pictures
from poseport.bench.measure.timing import open_detector
from poseport.bench.phone.files import Description
from poseport.bench.phone.results import whole_pictures
from poseport.bench.record import BoxAgreement, Pictures
from poseport.bench.report import report
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.data.images import read_image
from poseport.records import read_json
from poseport.tflite import runner, shipped

PERSON = shipped.model("person")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations of people in some ten drawn pictures."""
    return synth.write_people(tmp_path_factory.mktemp("few"), 16, seed=0)


def rows(*words: Any) -> list[dict[str, Any]]:
    return json.loads(bench(*words))["results"]


def test_a_detector_alone(phone: StandIn, few: Path, tmp_path: Path) -> None:
    (row,) = rows(PERSON, few, tmp_path, "--threads", 1)
    assert (row["model"], row["delegate"], row["labels"]) == ("person.int8", "CPU", [])
    assert (row["p50_ms"], row["whole_p50_ms"], row["first_ms"]) == (4, 6, 4.5)
    (file,) = row["files"]
    kept = read_json(DetectorTimes, tmp_path / file)
    assert file.startswith("detectors/person.int8.latency.stand-in-poseport-Stand-in-")
    assert len(kept.latency.prepare_us) == len(kept.latency.invoke_us) == len(kept.latency.decode_us) == 20
    assert (kept.latency.input, kept.latency.warmup) == ("person_keypoints.json", 10)
    assert kept.latency.peak_bytes == 80 * 2**20
    where = kept.environment
    assert (where.stand_in, where.xnnpack, where.agreement) == (True, True, None)
    assert where.ran is not None
    assert where.ran.complete
    compared = where.boxes
    assert compared is not None
    assert (compared.pictures, compared.arithmetic, compared.missing, compared.extra) == (9, "int8", 0, 0)
    assert compared.boxes > 5
    assert compared.overlap == 1
    assert phone.sent.count("images.bin") == 1
    assert not phone.runs()
    assert not (tmp_path / "phone").exists()


def test_whole_pictures_by_number_of_people(phone: StandIn, few: Path, tmp_path: Path) -> None:
    usual, row = rows("tiny", few, tmp_path, "--detector", "person")
    assert usual["metrics"]["OKS-AP"] is not None
    assert row["detector"] == "person.int8.tflite"
    assert sum(group["samples"] for group in row["by_people"]) == 20
    assert row["labels"] == []
    assert row["agreement"]["p90_px"] == pytest.approx(0, abs=1e-6)
    assert row["boxes_agreement"]["overlap"] == 1
    result = records(tmp_path)["pictures"]
    measured = result.measured
    assert isinstance(measured, Pictures)
    (file,) = row["files"]
    assert file.endswith(".1t.CPU.person-int8.json")
    # the pictures of a host, in its order, and the people whom it finds in them
    paths = pictures.spread(coco.load(few))
    assert measured.names == tuple(path.name for path in paths)
    assert measured.picture == tuple(i % len(paths) for i in range(20))
    model = runner.load("tiny")
    assert measured.people[:5] == tuple(len(model.find(read_image(path)).scores) for path in paths[:5])
    assert measured.repeats == (20,)
    assert min(measured.detect_us) > 0
    report.write_report([result], tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    assert "Whole pictures of person_keypoints.json with person.int8.tflite, on stand-in" in text
    assert "0 missing, 0 others" in text
    assert report.write_report([result], tmp_path / "r.csv") is None
    assert "wrong answers,0" in (tmp_path / "r.csv").read_text()


def test_pictures_are_sent_once_for_detector_and_chain(phone: StandIn, few: Path, tmp_path: Path) -> None:
    said = run("bench", "phone", "tiny", "person", "--detector", "person", "--data", few, "--runs", 20, "--out",
               tmp_path)  # fmt: skip
    assert phone.sent.count("images.bin") == phone.sent.count("tensors.bin") == 1
    assert sum(name.endswith(".tflite") for name in phone.sent) == 3  # both on the tensors' and the pictures' side
    assert "with letterbox and decoding 6.00 ms  (20 runs)" in said
    assert "with person.int8.tflite, 20 whole pictures" in said
    assert "1 person" in said
    assert said.count("load ") == 3


@pytest.mark.parametrize(
    ("answers", "label"),
    [
        (np.zeros_like, "are missing, and there are "),
        (lambda output: np.full_like(output, np.nan), "are missing, and there are 0 others"),
        (lambda output: output[:, ::-1].copy(), "are missing, and there are "),
    ],
    ids=["zeros", "no numbers", "mirrored"],
)
def test_wrong_boxes_are_labelled(
    phone: StandIn, few: Path, tmp_path: Path, answers: Callable[[np.ndarray], np.ndarray], label: str
) -> None:
    phone.answers, phone.hardware = answers, ("CPU", "GPU")
    (row,) = rows(PERSON, few, tmp_path, "--delegates", "gpu")
    assert row["labels"][0].startswith("wrong answers: of ")
    assert label in row["labels"][0]


def test_a_label_stands_before_the_times(phone: StandIn, few: Path, tmp_path: Path) -> None:
    phone.answers = lambda output: np.full_like(output, np.nan)
    text = run("bench", "phone", "person", "--data", few, "--runs", 20, "--out", tmp_path)
    assert 0 < text.index("WRONG ANSWERS: OF ") < text.index("p50 ")


def test_an_older_app_knows_no_detectors(
    phone: StandIn, tiny_models: dict[str, Path], few: Path, tmp_path: Path
) -> None:
    phone.old = True
    said = bench(tiny_models["int8"], few, tmp_path, "--detector", "person", code=1)
    assert "the app on it is too old for person detectors; `make apk` builds today's, --apk FILE installs it" in said
    assert "The same command continues from what is here: 0 of 9 pictures" in said
    assert set(records(tmp_path)) == {"accuracy", "latency"}  # what it knows was measured
    phone.old = False
    bench(tiny_models["int8"], few, tmp_path, "--detector", "person")
    assert set(records(tmp_path)) == {"accuracy", "latency", "pictures"}


def test_a_chain_goes_on_after_a_cut(
    phone: StandIn, tiny_cascades: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    words = (tiny_cascades["int8"], drawn, tmp_path, "--detector", "person", "--whole-images")
    phone.on_part[0] = lambda: phone.on_part.update({0: phone.kill})
    assert "from what is here: 32 of 36 pictures" in bench(*words, code=1)
    bench(*words)
    assert set(records(tmp_path)) == {"accuracy", "latency", "pictures"}


def test_what_means_nothing_is_refused(phone: StandIn, few: Path, tmp_path: Path) -> None:
    def said(*words: Any) -> str:
        return run("bench", "phone", *words, "--data", few, "--runs", 20, "--out", tmp_path, code=1)

    assert "is a pose network; expected a person detector" in said("tiny", "--detector", "starter")
    assert "--detector: all MODELS are person detectors" in said("person", "--detector", "person")
    assert "--minutes: only pose networks" in said("person", "--minutes", 1)
    public = tmp_path / "public.tflite"
    public.write_bytes(b"\0\0\0\0TFL3" + bytes(64))
    assert "the app runs person detectors that `poseport convert` wrote" in said("tiny", "--detector", public)
    assert not phone.sent


def test_kernels_that_round_otherwise_agree(drawn: Path, tmp_path: Path) -> None:
    shown = list({p.image_path: p for p in coco.load(drawn).persons}.values())[:32]
    own, other = (open_detector(PERSON, 1, xnnpack=xnnpack) for xnnpack in (True, False))
    found = [np.column_stack(other(read_image(p.image_path))).ravel().tolist() for p in shown]
    (tmp_path / "0.json").write_text(json.dumps({"schema": 1, "boxes_xywhs": found}))
    described = Description("m.tflite", "detector", "CPU", 1, len(shown), 1, 20)
    compared = whole_pictures.compare_boxes(own, "CPU", described, tmp_path, shown)
    assert compared.label == ""
    assert compared.boxes > 10
    assert compared.overlap is not None
    assert compared.overlap < 1  # they do round otherwise


def test_bounds_of_boxes() -> None:
    def label(arithmetic: Any, boxes: int, missing: int, extra: int, overlap: float | None) -> str:
        return BoxAgreement(32, arithmetic, boxes, missing, extra, overlap).label

    assert not label("int8", 0, 0, 0, None)
    assert not label("int8", 100, 10, 10, 0.8)
    assert "11 are missing" in label("int8", 100, 11, 0, 0.9)
    assert "11 others (limit 10 for int8)" in label("int8", 100, 0, 11, 0.9)
    assert "overlaps this machine's by 0.79 or less (limit 0.8" in label("int8", 100, 0, 0, 0.79)
    assert label("float32", 100, 0, 0, 0.98)
    assert not label("float32", 5, 1, 0, 1.0)  # one alone says nothing
    assert label("float32", 1, 1, 0, None)


def test_results_that_contradict_themselves_are_a_line(
    phone: StandIn, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = standin_app.Pictures.time
    monkeypatch.setattr(
        standin_app.Pictures, "time", lambda self, repeat: {**time(self, repeat), "found": [99] * repeat}
    )
    said = bench("tiny", few, tmp_path, "--detector", "person", code=1)
    assert "people: more were found than there were boxes" in said
    monkeypatch.setattr(standin_app.Pictures, "look", lambda self, some: {"boxes_xywhs": [[]]})
    said = bench(PERSON, few, tmp_path / "alone", code=1)
    assert "0.json: 1 pictures, expected 9; remove it, and it is measured again" in said
