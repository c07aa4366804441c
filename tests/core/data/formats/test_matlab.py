"""MATLAB files that are damaged: one line, also where SciPy's reader would end the process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from poseport.data.formats.matlab import read_mat
from poseport.files import own_process

scipy_io = pytest.importorskip("scipy.io")
CRASHES = ROOT / "tests" / "data" / "crash.mat"  # 420 bytes that the fuzzer found: an element is longer than the file


def test_a_file_that_crashes_the_reader_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"crash\.mat: not a MATLAB file that can be read"):
        read_mat(CRASHES, "RELEASE")


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    scipy_io.savemat(path, {"RELEASE": {"joints": np.arange(12.0).reshape(3, 4)}})
    np.testing.assert_array_equal(read_mat(path, "RELEASE")["joints"], np.arange(12.0).reshape(3, 4))
    with pytest.raises(ValueError, match="holds no variable 'annolist'"):
        read_mat(path, "annolist")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="not a MATLAB file that can be read"):
        read_mat(path, "RELEASE")


def test_a_process_that_ends_by_itself_is_no_fault(tmp_path: Path) -> None:
    assert own_process.fault("poseport.data.formats.matlab", str(tmp_path / "none.mat")) == ""
