"""Records and phones that name files: nothing is written outside --out, and nothing outside the images is shown."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import cv2
import hostile
import numpy as np
import pytest

from poseport import records
from poseport.bench import results_folder
from poseport.bench.phone import parts
from poseport.bench.phone.adb import Device
from poseport.bench.phone.files import Sent
from poseport.bench.record import Result
from poseport.bench.report.report import write_report
from poseport.records import from_data


def record(data: Any) -> Result:
    return from_data(Result, {key: value for key, value in data.items() if key != "schema"}, "test")


@pytest.mark.parametrize("name", ["../../trav/evil", "/tmp/absname/evil", "..", "a\0b", "x" * 500])
def test_a_records_name_never_becomes_a_path(name: str, tmp_path: Path) -> None:
    data = hostile.data("int8", "accuracy")
    data["model"]["name"] = name
    path = results_folder.save(record(data), tmp_path / "deep" / "out")
    assert path.parent == tmp_path / "deep" / "out"
    assert path.is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["deep"]


@pytest.mark.parametrize("kind", ["fifo", "device", "large"])
def test_only_regular_records_are_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(bytes(1001))
        monkeypatch.setattr(records, "MAX_JSON_BYTES", 1000)
    with pytest.raises(ValueError, match=r"x\.json: (is not a regular file|has 1,001 bytes)"):
        results_folder.load_all(tmp_path)


def worst(file_name: str, folder: Path) -> list[Result]:
    """Records of two files whose one person fell, with the name of its image."""
    results = []
    for model, oks in (("float32", 0.9), ("int8", 0.1)):
        data = hostile.data(model, "accuracy")
        annotations = folder / "people.json"
        listed = annotations.read_bytes() if annotations.exists() else b""
        data["measured"]["data"] |= {
            "images_dir": str(folder), "file": "people.json", "sha256": hashlib.sha256(listed).hexdigest(),
        }  # fmt: skip
        for person in data["measured"]["people"]:
            person |= {"file_name": file_name, "oks": oks, "box_xywh": [1, 1, 30, 30]}
        results.append(record(data))
    return results


def test_a_report_shows_only_files_inside_the_images(tmp_path: Path) -> None:
    images, secret = tmp_path / "images", tmp_path / "private.png"
    images.mkdir()
    names = ["own.png", "private.png", "fifo.png", "zero.png"]
    (images / "people.json").write_text(json.dumps({"images": [{"file_name": name} for name in names]}))
    for path in (secret, images / "own.png", images / "unlisted.png"):
        cv2.imwrite(str(path), np.full((64, 64, 3), 200, np.uint8))
    os.mkfifo(images / "fifo.png")
    (images / "zero.png").symlink_to("/dev/zero")
    write_report(worst("own.png", images), tmp_path / "r.html")
    assert "data:image/jpeg" in (tmp_path / "r.html").read_text()
    for name in (str(secret), "../private.png", "/dev/zero", "fifo.png", "zero.png", "unlisted.png"):
        write_report(worst(name, images), tmp_path / "r.html")
        text = (tmp_path / "r.html").read_text()
        assert "data:image/jpeg" not in text
        assert "no picture" in text


def test_a_records_folder_is_opened_only_where_its_annotations_are(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "private.png"), np.full((64, 64, 3), 200, np.uint8))
    write_report(worst("private.png", tmp_path), tmp_path / "r.html")
    assert "data:image/jpeg" not in (tmp_path / "r.html").read_text()
    # somebody's own annotations, not those of the record
    (tmp_path / "people.json").write_text(json.dumps({"images": [{"file_name": "private.png"}]}))
    results = worst("private.png", tmp_path)
    (tmp_path / "people.json").write_text(json.dumps({"images": [{"file_name": "private.png"}], "info": 1}))
    write_report(results, tmp_path / "r.html")
    assert "data:image/jpeg" not in (tmp_path / "r.html").read_text()


def test_a_report_of_hostile_names_stays_text(tmp_path: Path) -> None:
    results = []
    for model in ("float32", "int8"):
        data = hostile.data(model, "accuracy")
        data["model"]["name"] = f"=cmd|' /C calc'!A0 <script>\n# H [x](http://y) {model}"
        results.append(record(data))
    for suffix in ("md", "csv", "html"):
        write_report(results, tmp_path / f"r.{suffix}")
    markdown = (tmp_path / "r.md").read_text()
    assert "<script" not in markdown
    assert "\n# H" not in markdown
    assert "[x](" not in markdown.replace("\\[x\\](", "")
    assert not any(line.startswith(("=", "+", "@")) for line in (tmp_path / "r.csv").read_text().splitlines())
    assert (tmp_path / "r.html").read_text().count("<script") == 1


class Fetched(Device):
    """A phone whose folder is a local one; only its answers are of interest."""

    def sizes(self, folder: str) -> dict[str, int]:
        """The files that it claims to have."""
        return {"0.json": 100, "0.bin": 3, "../1.json": 5, "٣.json": 5}

    def pull(self, remotes: Any, folder: Path, size: int) -> None:
        """Write what a hostile app would have written."""
        assert [remote.rpartition("/")[2] for remote in remotes] == ["0.json", "0.bin"]
        (folder / "0.json").write_text(json.dumps({"run": RUN}))
        (folder / "0.bin").write_bytes(b"abc")


RUN = ""


@pytest.mark.parametrize("run", ["/tmp/elsewhere", "../../escaped1", "..", "", "a" * 63, ["x"], "f" * 64])
def test_a_phones_answer_never_becomes_a_path(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "RUN", run)
    local = tmp_path / "out" / "phone"
    people = Sent(tmp_path / "people.bin", "tensors", "0" * 64, 3, 1)
    job = parts.Job(Fetched("serial"), tmp_path / "m.tflite", people, local, threading.Event())
    parts.fetch(job, local / "mine", "f" * 64)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    kept = [f"out/phone/{'f' * 16}/0.bin", f"out/phone/{'f' * 16}/0.json"]
    assert files == (kept if run == "f" * 64 else [])
