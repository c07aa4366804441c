"""Damaged files end in an answer or in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from small_files import NETWORKS, found


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Files with one thing wrong: bytes, a flipped bit, an offset, a cut, a copied piece, a hole."""
    rng = np.random.default_rng(seed)
    numbers = (0, 1, -1, 4, 2**16, len(data), 2**31 - 1, -(2**31))
    for _ in range(count):
        out, at = bytearray(data), int(rng.integers(len(data)))
        kind = rng.integers(6)
        if kind == 0:
            for place in rng.integers(len(out), size=rng.integers(1, 4)):
                out[place] = rng.integers(256)
        elif kind == 1:
            out[at] ^= 1 << rng.integers(8)
        elif kind == 2:
            at -= at % 4
            out[at : at + 4] = numbers[rng.integers(len(numbers))].to_bytes(4, "little", signed=True)
        elif kind == 3:
            out = out[:at]
        elif kind == 4:
            size = int(rng.integers(1, 64))
            out[at : at + size] = out[(start := int(rng.integers(len(out)))) : start + size]
        else:
            out[at : at + int(rng.integers(1, 200))] = bytes(int(rng.integers(1, 200)))
        yield bytes(out)


def survive(data: bytes) -> bool:
    """Read a damaged file: True for an answer that is JSON, False for a one-line ValueError."""
    try:
        findings = found(data, (2, 16))
    except ValueError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert message.startswith("x.tflite: ")
        assert "\n" not in message
        return False
    json.dumps([finding.numbers for finding in findings.values()], allow_nan=False)
    return True


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["int8", "norm", "mixed"])
def test_damaged_files_end_in_an_answer_or_one_line(name: str, files: Callable[[str], bytes]) -> None:
    ends = [survive(data) for data in mutations(files(name), 150, seed=0)]
    assert 15 < sum(ends) < 135  # both ways are taken


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", list(NETWORKS))
def test_many_damaged_files(name: str, files: Callable[[str], bytes]) -> None:
    assert len([survive(data) for data in mutations(files(name), 3000, seed=1)]) == 3000


def test_random_bytes_are_no_file() -> None:
    rng = np.random.default_rng(0)
    for size in (0, 7, 8, 64, 5000):
        for _ in range(20):
            body = rng.integers(256, size=size).astype(np.uint8).tobytes()
            assert not survive(body)
            assert not survive(body[:4] + b"TFL3" + body[8:])
