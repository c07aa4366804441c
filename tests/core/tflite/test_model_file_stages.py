"""A cascade is one file of ordinary ones, and a damaged one is refused in one line."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from zip_tails import BOMB, zipped

from poseport import records
from poseport.tflite import file_tail, model_file
from poseport.tflite.card import ModelCard
from poseport.tflite.runner import load


def test_a_cascade_is_one_file_of_ordinary_ones(tiny_cascades: dict[str, Path], tiny_models: dict[str, Path]) -> None:
    for recipe, path in tiny_cascades.items():
        (data, card), (inner, later) = model_file.read_stages(path)
        assert data == path.read_bytes()
        assert (card.spec.name, later.spec.name) == ("tiny", "tiny-refine")
        assert (later.conversion.recipe, later.later) == (recipe, ())
        assert [(s.name, s.sha256) for s in card.later] == [("tiny-refine", hashlib.sha256(inner).hexdigest())]
        assert card.weights_sha256 == (card.conversion.weights_sha256, later.conversion.weights_sha256)
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert [(e.filename, e.compress_type) for e in archive.infolist()] == [
                ("poseport.json", zipfile.ZIP_STORED),
                ("stage2.tflite", zipfile.ZIP_STORED),
            ]
            assert archive.read("stage2.tflite") == inner
    assert len(model_file.read_stages(tiny_models["int8"])) == 1


def stage_bytes(path: Path) -> tuple[bytes, ModelCard, bytes]:
    """Flatbuffer and card of the first stage, and the file of the second."""
    (data, card), (inner, _) = model_file.read_stages(path)
    return data[: data.index(b"PK\x03\x04", data.index(b"TFL3"))], card, inner


def one_byte_other(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def card_bytes(card: ModelCard) -> bytes:
    return records.dumps(card).encode()


SPOILT_CASCADES: dict[str, tuple[Callable[[bytes, ModelCard, bytes], bytes], str]] = {
    "a byte of the later stage turned over": (
        lambda f, c, s: one_byte_other(model_file.pack(f, c, [s]), len(f) + len(card_bytes(c)) + 5000),
        r"carries no stage2\.tflite: .*Bad CRC",
    ),
    "the later stage missing": (
        lambda f, c, s: zipped(f, (file_tail.CARD, card_bytes(c))),
        r"its tail holds \['poseport.json'\], expected one stage2\.tflite",
    ),
    "the later stage twice": (
        lambda f, c, s: zipped(f, (file_tail.CARD, card_bytes(c)), ("stage2.tflite", s), ("stage2.tflite", s)),
        r"expected one stage2\.tflite",
    ),
    "another later stage": (
        lambda f, c, s: zipped(f, (file_tail.CARD, card_bytes(c)), ("stage2.tflite", model_file.pack(f, c))),
        r"stage2\.tflite is not the one that poseport\.json lists; convert it again",
    ),
    "a first stage in a later one's place": (
        lambda f, c, s: model_file.pack(f, c, [model_file.pack(f, replace(c, later=()))]),
        r"stage2\.tflite does not refine the keypoints of tiny; convert it again",
    ),
    "cut off inside its tail, where a whole later stage ends": (
        lambda f, c, s: model_file.pack(f, c, [s])[: model_file.pack(f, c, [s]).index(s) + len(s)],
        r"is damaged: not the bytes that were written",
    ),
    "only a later stage": (lambda f, c, s: s, r"is a later stage without the first"),
    "cut off inside the later stage": (
        lambda f, c, s: model_file.pack(f, c, [s])[: model_file.pack(f, c, [s]).index(s) + len(s) // 2],
        "carries no poseport.json: .*cut off",
    ),
    "a later stage that unpacks to more than the file": (
        lambda f, c, s: zipped(f, (file_tail.CARD, card_bytes(c)), ("stage2.tflite", BOMB)),
        r"its stage2\.tflite unpacks to \d+ bytes; at most \d+ are read",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILT_CASCADES.values(), ids=SPOILT_CASCADES)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_damaged_cascade_is_one_line_that_names_the_file(
    spoil: Callable[[bytes, ModelCard, bytes], bytes], message: str, tiny_cascades: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "spoilt.tflite"
    path.write_bytes(spoil(*stage_bytes(tiny_cascades["int8"])))
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
