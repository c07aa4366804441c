"""Damaged and hostile files of every kind that is read: each ends in an answer or in one line, never in a traceback.

`make fuzz` runs it for minutes (python tests/fuzz.py --minutes 5 --seed 0 [--kind photo]), `make test` a short form. A
failure names kind and seed; the same seed makes the same file again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from places import ROOT

from poseport import bundle
from poseport.bench import results_folder
from poseport.bench.decide import gate
from poseport.bench.decide.decision import LossBudget
from poseport.bench.report.report import write_report
from poseport.command.errors import explain
from poseport.data import check, coco, detections, images
from poseport.data.drawn import synth
from poseport.data.formats import matlab, yolo_reader
from poseport.tflite import file_tail, inspection, memory, model_file, shipped, trial
from poseport.tflite.format import flatbuffer

RECORDS = Path(__file__).parent / "data" / "records"
VALUES: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**63, 2**70, 10**400, 0.5, -1e308, 1e308, float("nan"), float("inf"), "", "x", "../x",
    "/etc/passwd", "\0", "\x1b[2J\n::error::", "\ud800", [], [[]], [1] * 99, {}, {"kind": "heatmap"}, "x" * 5000,
]  # fmt: skip


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """Bytes with one to eight faults: flipped, overwritten, cut out, doubled, cut off."""
    data = bytearray(raw)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at, length = rng.randrange(len(data) or 1), rng.choice([1, 2, 4, 4, 8, 64])
        kind = rng.choice(["flip", "set", "extreme", "cut", "double", "end"])
        if kind == "flip" and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == "set":
            data[at : at + length] = rng.randbytes(length)
        elif kind == "extreme":
            data[at : at + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80"])
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + length]
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def changed(raw: bytes, rng: random.Random) -> bytes:
    """JSON with one to three values changed, keys removed or added, or, sometimes, its bytes damaged."""
    if rng.random() < 0.2:
        return damaged(raw, rng)
    data = json.loads(raw)
    for _ in range(rng.choice([1, 1, 3])):
        place, key = data, rng.choice(sorted(data))
        while isinstance(place[key], dict | list) and place[key] and rng.random() < 0.85:
            place = place[key]
            key = rng.choice(sorted(place)) if isinstance(place, dict) else rng.randrange(len(place))
        if rng.random() < 0.15:
            del place[key]
        elif isinstance(place, dict) and rng.random() < 0.1:
            place["more"] = rng.choice(VALUES)
        else:
            place[key] = rng.choice(VALUES)
        if not data:
            break
    return json.dumps(data).encode()


Attempt = Callable[[random.Random], None]


def networks(folder: Path) -> dict[str, Attempt]:
    """Flatbuffers, tails and cards of a shipped network, and the spec of a foreign one."""
    raw = shipped.model("deeppose").read_bytes()
    flat, (_, card) = raw[: raw.index(b"PK\x03\x04")], model_file.read(shipped.model("deeppose"))
    path = folder / "m.tflite"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        path.with_suffix(".json").unlink(missing_ok=True)
        inspection.inspect_bytes(data, "m")
        memory.check(data, "m")
        model_file.read_stages(path)

    def flatbuffers(rng: random.Random) -> None:
        data = model_file.pack(damaged(flat, rng), card)
        flatbuffer.verify(data, "m")
        read(data)
        if rng.random() < 0.2:  # it costs a process
            trial.check(path)

    def cards(rng: random.Random) -> None:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "poseport.json").write_bytes(changed(file_tail.member("m", raw, file_tail.CARD, 2**23), rng))
            archive = shutil.make_archive(str(folder / "card"), "zip", place)
        read(flat + Path(archive).read_bytes())

    return {"tflite": flatbuffers, "card": cards, "tail": lambda rng: read(flat + damaged(raw[len(flat) :], rng))}


def bundles(folder: Path) -> dict[str, Attempt]:
    """The spec and record of a run."""
    place = shutil.copytree(ROOT / "models" / "deeppose", folder / "bundle")
    files = {name: (place / name).read_bytes() for name in (bundle.SPEC, bundle.TRAIN)}

    def read(rng: random.Random) -> None:
        name = rng.choice(list(files))
        for other, raw in files.items():
            (place / other).write_bytes(changed(raw, rng) if other == name else raw)
        bundle.stages(place)

    return {"bundle": read}


def weights(folder: Path) -> dict[str, Attempt]:
    """Weights of a run, which Keras reads."""
    place = shutil.copytree(ROOT / "models" / "deeppose", folder / "weights")
    raw = (place / bundle.WEIGHTS).read_bytes()

    def read(rng: random.Random) -> None:
        import keras

        from poseport.train.networks import models

        near = damaged(raw[:4096], rng) + raw[4096:] if rng.random() < 0.5 else damaged(raw, rng)
        (place / bundle.WEIGHTS).write_bytes(near)
        models.load(place, keras)

    return {"h5": read}


def records(folder: Path) -> dict[str, Attempt]:
    """Records of a bench, up to a report and a gate."""
    raws = [path.read_bytes() for path in sorted(RECORDS.glob("*.json"))]

    def read(rng: random.Random) -> None:
        place = folder / "records"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        victim = rng.randrange(len(raws))
        for number, raw in enumerate(raws):
            (place / f"{number}.json").write_bytes(changed(raw, rng) if number == victim else raw)
        results = results_folder.load_all(place)
        for suffix in ("md", "csv"):
            write_report(results, folder / f"r.{suffix}", images=False)
        names = sorted({result.model.name for result in results})
        gate.gate(
            gate.of_model(results, names[0]),
            gate.of_model(results, names[-1]),
            LossBudget(1.0, 1.0, 10.0),
            resamples=100,
        )

    return {"record": read}


def people(folder: Path) -> dict[str, Attempt]:
    """Annotations of COCO, results of a detector, labels of YOLO, and a MATLAB file."""
    path = synth.write_people(folder / "coco", 3, seed=1)
    raw = path.read_bytes()
    boxes = json.dumps(
        {"all": [{"image_id": i, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5} for i in range(3)]}
    )
    yolo = folder / "yolo"
    (yolo / "images").mkdir(parents=True)
    shutil.copy(next((path.parent / "images").iterdir()), yolo / "images" / "a.jpg")
    (yolo / "labels").mkdir()
    names = {
        yolo / "data.yaml": b"path: .\ntrain: images\nval: images\nkpt_shape: [17, 3]\nnames: {0: person}\n",
        yolo / "labels" / "a.txt": ("0 0.5 0.5 0.9 0.9 " + "0.5 0.4 2 " * 17).encode(),
    }

    def annotations(rng: random.Random) -> None:
        mutant = path.with_name("mutant.json")
        mutant.write_bytes(changed(raw, rng))
        check.check(coco.load(mutant, strict=False)).text()

    def results(rng: random.Random) -> None:
        mutant = folder / "boxes.json"
        text = changed(boxes.encode(), rng)
        mutant.write_bytes(text[8:-1] if rng.random() < 0.9 else text)
        detections.read_boxes(mutant)

    def labels(rng: random.Random) -> None:
        victim = rng.choice(list(names))
        for file, content in names.items():
            file.write_bytes(damaged(content, rng) if file == victim else content)
        yolo_reader.read(yolo)

    return {"coco": annotations, "detections": results, "yolo": labels, "mat": _matlab(folder)}


def _matlab(folder: Path) -> Attempt:
    from scipy.io import savemat

    path = folder / "x.mat"
    savemat(path, {"RELEASE": {"joints": np.arange(12.0).reshape(3, 4), "names": ["a", "b"]}})
    raw = path.read_bytes()

    def read(rng: random.Random) -> None:
        path.write_bytes(damaged(raw, rng))
        matlab.read_mat(path, "RELEASE")

    return read


def photos(folder: Path) -> dict[str, Attempt]:
    """Photos of every format."""
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    raws = [
        cv2.imencode(s, image)[1].tobytes() for s in (".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif", ".jp2", ".ppm")
    ]

    def read(rng: random.Random) -> None:
        path = folder / "x.jpg"
        raw = rng.choice(raws)
        path.write_bytes(damaged(raw[:64], rng) + raw[64:] if rng.random() < 0.6 else damaged(raw, rng))
        images.read_image(path)
        images.shown_hw(path)

    return {"photo": read}


MAKERS = (networks, bundles, weights, records, people, photos)


def attempts(folder: Path) -> dict[str, Attempt]:
    """Every kind of file -> what makes one damaged file and reads it."""
    return {kind: attempt for make in MAKERS for kind, attempt in make(folder).items()}


def attack(kind: str, attempt: Attempt, seed: int) -> bool:
    """Make and read one file. True if it was read, False if it was refused in one line; raises for a traceback."""
    try:
        attempt(random.Random(f"{kind} {seed}"))
    except Exception as error:
        line = explain(error, "poseport.bench")
        if line is None or "\n" in line or "\x1b" in line:
            raise AssertionError(f"--kind {kind} --seed {seed}: {type(error).__name__}: {error}") from error
        return False
    return True


def main() -> int:
    """Run until the time is over; the exit code is 1 if a file made a traceback."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=5.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--kind")
    given = options.parse_args()
    failures, counts = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        known = attempts(Path(folder))
        wanted = {given.kind: known[given.kind]} if given.kind else known
        each = 60 * given.minutes / len(wanted)
        for kind, attempt in wanted.items():
            counts[kind], seed, end = [0, 0], given.seed, time.monotonic() + each
            while time.monotonic() < end:
                try:
                    counts[kind][attack(kind, attempt, seed)] += 1
                except AssertionError as error:
                    failures += 1
                    print(error, file=sys.stderr)
                seed += 1
            print(f"{kind:<12}{counts[kind][0]:>7} refused in one line{counts[kind][1]:>7} read", flush=True)
    print(f"{failures} tracebacks")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
