"""The folder of a run: one process at a time, and a run that was killed at its beginning goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from poseport import bundle
from poseport.architecture import HourglassArchitecture
from poseport.data import coco, pack
from poseport.data.people import People
from poseport.records import write_json
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train import fit, run_folder
from poseport.train.config import TrainConfig
from poseport.train.record import TrainRecord, new_record
from poseport.train.request import TrainingData

HOLD = (
    "import sys, time; from pathlib import Path; from poseport.files.one_writer import one_writer\n"
    "with one_writer(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture(scope="module")
def people(drawn: Path) -> People:
    return coco.load(drawn)


def spec_of(people: People, size: int = 64) -> PoseSpec:
    architecture = HourglassArchitecture(stacks=1, width=16, depth=2)
    return PoseSpec("small", architecture, people.skeleton, (size, size), HeatmapOutput())


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A folder that another process writes."""
    out = tmp_path / "held"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield out
    process.kill()
    process.wait()


def test_a_second_training_or_pack_is_refused(held: Path, people: People) -> None:
    with pytest.raises(ValueError, match=r"held: is being written by another process \(process \d+ since "):
        fit.fit(spec_of(people), TrainConfig("mse"), TrainingData(people), held)
    with pytest.raises(ValueError, match=r"held: is being written by another process \(process \d+ since "):
        pack.pack(people, held, 64)
    assert not held.exists()


@pytest.mark.parametrize("written", [(bundle.SPEC,), (bundle.TRAIN,)])
def test_a_run_killed_between_its_first_two_files_resumes(
    written: tuple[str, ...], people: People, tmp_path: Path
) -> None:
    spec, settings = spec_of(people), TrainConfig("mse")
    record = new_record(settings, people, None, None)
    for name, content in ((bundle.SPEC, spec), (bundle.TRAIN, record)):
        if name in written:
            write_json(content, tmp_path / name)
    with pytest.raises(ValueError, match="holds a run already; add --resume"):
        run_folder.check_folder(tmp_path, resume=False)
    run_folder.check_folder(tmp_path, resume=True)
    assert run_folder.resumed(tmp_path, spec, record, None) == record


def test_a_run_with_both_files_is_compared(people: People, tmp_path: Path) -> None:
    spec, record = spec_of(people), new_record(TrainConfig("mse"), people, None, None)
    write_json(spec, tmp_path / bundle.SPEC)
    write_json(record, tmp_path / bundle.TRAIN)
    assert isinstance(run_folder.resumed(tmp_path, spec, record, None), TrainRecord)
    with pytest.raises(ValueError, match="other settings or other people"):
        run_folder.resumed(tmp_path, replace(spec, padding=1.5), record, None)
