"""Each finding in a graph on a small real file that has it, and on none that has not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from small_files import found


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_nothing_is_found_where_nothing_is_wrong(name: str, files: Callable[[str], bytes]) -> None:
    assert found(files(name), (2, 16)) == {}


def test_mixed_ranges(files: Callable[[str], bytes]) -> None:
    finding = found(files("mixed"))["mixed-ranges"]
    assert finding.severity == "error"
    # a sigmoid's scale is 1/256; beside pixels up to about 640 its 256 steps become less than one
    assert finding.numbers["levels"] == pytest.approx(256 * (1 / 256) / (640 / 255), rel=0.3)


def test_open_shapes(files: Callable[[str], bytes]) -> None:
    finding = found(files("open"))["dynamic-shape"]
    assert (finding.severity, finding.numbers["tensors"]) == ("error", 2)
    assert any("open shape" in reason for reason in found(files("open"))["gpu"].numbers["reasons"])


def test_float_islands(files: Callable[[str], bytes]) -> None:
    finding = found(files("island"))["float-island"]
    assert finding.numbers == {"operations": 1, "macs": 0, "macs_share": 0.0, "casts": 2}
    assert finding.severity == "note"  # it holds no multiply-adds
    assert "SIN 1" in finding.evidence
    assert "float-island" not in found(files("dynamic"))  # float all through is no island


def test_a_batch_normalisation_that_did_not_fold(files: Callable[[str], bytes]) -> None:
    finding = found(files("norm"))["unfolded-norm"]
    assert (finding.numbers["operations"], finding.numbers["values"]) == (2, 2 * 16 * 16 * 8)
    assert "MUL 1" in finding.evidence


def test_transposes(files: Callable[[str], bytes]) -> None:
    assert found(files("nchw"))["transpose"].numbers == {"operations": 1, "values": 16 * 16 * 3}


def test_64_bit_integers(files: Callable[[str], bytes]) -> None:
    finding = found(files("argmax"))["int64"]
    assert finding.numbers["operations"] == 1
    assert "ARG_MAX" in finding.evidence


def test_weights_that_do_nothing(files: Callable[[str], bytes]) -> None:
    finding = found(files("squeezed"))["dead-weights"]
    assert (finding.numbers["filters"], finding.numbers["zero"], finding.numbers["squeezed"]) == (8, 2, 5)
    assert finding.severity == "warning"
