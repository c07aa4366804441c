"""Processes make the batches that threads make, in memory that is used again, and none outlives a run."""

import os
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
import pytest

from poseport.data import coco
from poseport.train import overrides, presets
from poseport.train.samples.ahead import Ahead
from poseport.train.samples.augment import HEAVY
from poseport.train.samples.crop_batches import CropBatches
from poseport.train.samples.processes import Processes
from poseport.train.samples.sample import CropSource
from poseport.train.samples.training_batches import TrainingBatches

PRESET = overrides.customise(presets.preset("mobile-hourglass"), {"input_size": 64})


@pytest.fixture(scope="module")
def source(drawn):
    return CropSource(PRESET.spec, coco.load(drawn).for_training().persons, replace(HEAVY, occlude=0.5), seed=3)


def ids(processes):
    """Process ids of those that have been started."""
    return [child._process.pid for child in processes._children]


def runs(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def made(maker, count=1):
    processes = Processes(maker, count)
    with closing(processes):
        yield processes


def test_the_batches_are_those_of_threads_and_a_teacher_sees_the_same_crops(source):
    def mix(crops, targets):
        targets += crops.mean(axis=(1, 2, 3))[:, None, None, None]

    with (
        closing(TrainingBatches(source, 8, epochs=2, mix=mix)) as threads,
        closing(TrainingBatches(source, 8, epochs=2, mix=mix, processes=2)) as processes,
    ):
        for i in (0, 1, 9, 3):
            for mine, theirs in zip(processes[i], threads[i], strict=True):
                np.testing.assert_array_equal(mine, theirs)
        started = ids(processes.ahead._processes)
        assert all(map(runs, started))
    assert started
    assert not any(map(runs, started))


def test_memory_is_used_again_only_when_nobody_needs_it(source):
    maker = CropBatches(source, 4)
    wanted = [[array.empty() for array in maker.arrays] for _ in range(12)]
    for i, arrays in enumerate(wanted):
        maker.fill(i, *arrays)
    with made(maker) as processes:
        # more than there is shared memory for, and of each only a view of one array
        held = [processes.make(i)[1][1:] for i in range(12)]
        for mine, (_, targets) in zip(held, wanted, strict=True):
            np.testing.assert_array_equal(mine, targets[1:])
        places = {mine.ctypes.data for mine in held}
        assert len(places) == 12
        kept = held[0].copy()
        first = held.pop(0)
        held.clear()
        again = [processes.make(i)[1][1:] for i in range(6)]
        assert {mine.ctypes.data for mine in again} <= places - {first.ctypes.data}
        np.testing.assert_array_equal(first, kept)


def test_a_damaged_photo_is_named_and_the_process_goes_on(source, tmp_path):
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"no photo")
    persons = [*source.persons[:4], replace(source.persons[4], image_path=damaged)]
    with closing(Ahead(CropBatches(replace(source, persons=persons), 1), 5, tuple, processes=1)) as ahead:
        at = [i for i in range(5) if not _readable(ahead, i, damaged)]
        assert len(at) == 1
        assert len(ids(ahead._processes)) == 1


def _readable(ahead, index, damaged):
    try:
        ahead[index]
    except ValueError as error:
        return str(damaged) not in str(error)
    return True


def test_a_lost_process_is_said(source):
    with made(CropBatches(source, 4)) as processes:
        processes.make(0)
        os.kill(ids(processes)[0], signal.SIGKILL)
        with pytest.raises(ValueError, match=r"was lost \(signal 9.*fewer --data-processes"):
            processes.make(1)


def test_no_file_in_the_users_folder_is_taken_for_a_module(source, tmp_path, monkeypatch):
    (tmp_path / "queue.py").write_text("raise SystemExit('a file of the user')")
    monkeypatch.chdir(tmp_path)
    with made(CropBatches(source, 4)) as processes:
        assert processes.make(0)[0].shape == (4, 64, 64, 3)


_PARENT = """
import sys, time
from pathlib import Path
from poseport.data import coco
from poseport.train import presets
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.crop_batches import CropBatches
from poseport.train.samples.processes import Processes
from poseport.train.samples.sample import CropSource

source = CropSource(presets.preset("mobile-hourglass").spec, coco.load(Path(sys.argv[1])).persons, AugmentConfig())
processes = Processes(CropBatches(source, 4), 1)
processes.make(0)
print("made", flush=True)
time.sleep(600)
"""


def test_they_end_with_a_command_that_was_killed(drawn):
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(drawn)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "made\n"
        parent.kill()
        # its process has the same standard output, which ends when both have ended
        parent.communicate(timeout=20)
