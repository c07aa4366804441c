"""What is packed is read again, and a file that poseport did not write is refused in one line."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseport import records
from poseport.tflite import model_file
from poseport.tflite.card import ModelCard
from poseport.tflite.interpreter import Runner
from poseport.tflite.runner import load


def flatbuffer_of(path: Path) -> bytes:
    """The model without its tail."""
    data = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return data[: min(entry.header_offset for entry in archive.infolist())]


@pytest.fixture
def model(tiny_models: dict[str, Path]) -> tuple[bytes, ModelCard]:
    """The bare flatbuffer of a real file, and its card."""
    return flatbuffer_of(tiny_models["int8"]), model_file.read(tiny_models["int8"])[1]


def zipped(flatbuffer: bytes, *entries: tuple[str, bytes], compressed: bool = True) -> bytes:
    """A flatbuffer with a tail of these files."""
    out = io.BytesIO()
    out.write(flatbuffer)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def test_a_packed_card_comes_back_identical(model: tuple[bytes, ModelCard], tmp_path: Path) -> None:
    flatbuffer, card = model
    assert card.conversion.calibration is not None
    assert len(card.conversion.calibration.people) == 16
    path = tmp_path / "new" / "m.tflite"
    model_file.write(path, flatbuffer, card)
    data, back = model_file.read(path)
    assert back == card
    assert data == path.read_bytes() == model_file.pack(flatbuffer, card)
    assert data.startswith(flatbuffer)
    assert list(path.parent.iterdir()) == [path]


def test_the_same_model_gives_the_same_bytes_and_any_zip_tool_reads_them(
    model: tuple[bytes, ModelCard], tmp_path: Path
) -> None:
    packed = model_file.pack(*model)
    assert packed == model_file.pack(*model)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["poseport.json"]
        # Android maps the model: nothing in the tail may be compressed
        assert archive.getinfo("poseport.json").compress_type == zipfile.ZIP_STORED
        assert json.loads(archive.read("poseport.json"))["schema"] == 1


def test_interpreters_ignore_the_tail(model: tuple[bytes, ModelCard]) -> None:
    flatbuffer, card = model
    image = np.random.default_rng(0).integers(-128, 128, (1, 64, 64, 3)).astype(np.int8)
    bare = Runner(flatbuffer, "bare").invoke(image)
    packed = Runner(model_file.pack(flatbuffer, card), "packed").invoke(image)
    assert bare.std() > 0
    np.testing.assert_array_equal(bare, packed)


def lying(data: bytes) -> bytes:
    """The declared size of the bomb, in both places of the zip, made 100 bytes."""
    size = len(BOMB).to_bytes(4, "little")
    start = data.rindex(b"PK\x03\x04")
    assert data[start:].count(size) == 2
    return data[:start] + data[start:].replace(size, (100).to_bytes(4, "little"))


def damaged(data: bytes) -> bytes:
    """The compressed bytes of the card overwritten, its headers kept."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.infolist()[0]
    start = entry.header_offset + 30 + len(entry.filename)
    return data[:start] + b"\xff" * 40 + data[start + 40 :]


def schema_of(card: ModelCard, number: int) -> bytes:
    return records.dumps(card).replace('"schema": 1', f'"schema": {number}', 1).encode()


BOMB = b" " * (2 * model_file.MAX_CARD_BYTES + 0x1234)
Spoil = Callable[[bytes, ModelCard], bytes]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "empty": (lambda f, c: b"", "not a TFLite file"),
    "text": (lambda f, c: b"a long enough text", "not a TFLite file"),
    "only a zip": (lambda f, c: zipped(b"", (model_file.CARD, records.dumps(c).encode())), "not a TFLite file"),
    "no card": (lambda f, c: f, "carries no poseport.json: either it was not made by .*, or .* is cut off"),
    "cut in half": (lambda f, c: model_file.pack(f, c)[: len(f) // 2], "carries no poseport.json: .*cut off"),
    "cut in the tail": (lambda f, c: model_file.pack(f, c)[:-90], "carries no poseport.json: .*cut off"),
    "cut by a few bytes": (lambda f, c: model_file.pack(f, c)[:-30], "is damaged: not the bytes that were written"),
    "one bit changed": (
        lambda f, c: model_file.pack(f, c).replace(f, f[:-1] + bytes([f[-1] ^ 1])),
        "is damaged: not the bytes that were written",
    ),
    "newer schema": (lambda f, c: zipped(f, (model_file.CARD, schema_of(c, 2))), "schema 2 is newer than 1.*upgrade"),
    "foreign tail": (
        lambda f, c: zipped(f, ("labels.txt", b"person\n")),
        r"its tail holds \['labels.txt'\], expected one poseport.json; convert it with poseport",
    ),
    "two cards": (
        lambda f, c: model_file.pack(model_file.pack(f, c), c),
        r"its tail holds \['poseport.json', 'poseport.json'\], expected one",
    ),
    "not JSON": (lambda f, c: zipped(f, (model_file.CARD, b"{")), "poseport.json: not JSON"),
    "not UTF-8": (lambda f, c: zipped(f, (model_file.CARD, b"\xff\xfe\xfd")), "poseport.json cannot be read"),
    "unknown key": (
        lambda f, c: zipped(f, (model_file.CARD, records.dumps(c).replace('"std"', '"stdev"').encode())),
        "unknown key 'stdev'; PoseSpec has name, architecture",
    ),
    "bomb": (
        lambda f, c: zipped(f, (model_file.CARD, BOMB)),
        f"its poseport.json unpacks to {len(BOMB)} bytes; at most {model_file.MAX_CARD_BYTES} are read",
    ),
    "bomb that lies": (
        lambda f, c: lying(zipped(f, (model_file.CARD, BOMB))),
        "cut off|cannot be read|more bytes than it says|not JSON",
    ),
    "damaged": (
        lambda f, c: damaged(zipped(f, (model_file.CARD, records.dumps(c).encode()))),
        "cannot be read|cut off",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILT.values(), ids=SPOILT)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_not_ours_is_one_line_that_names_the_file(
    spoil: Spoil, message: str, model: tuple[bytes, ModelCard], tmp_path: Path
) -> None:
    path = tmp_path / "spoilt.tflite"
    path.write_bytes(spoil(*model))
    with pytest.raises(ValueError, match=message) as caught:
        model_file.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_says_whether_it_has_a_spec(model: tuple[bytes, ModelCard], tmp_path: Path) -> None:
    flatbuffer, card = model
    path = tmp_path / "m.tflite"
    assert model_file.has_spec(path, model_file.pack(flatbuffer, card))
    assert model_file.has_spec(path, zipped(flatbuffer, (model_file.CARD, b"{")))
    assert not model_file.has_spec(path, flatbuffer)
    assert not model_file.has_spec(path, zipped(flatbuffer, ("labels.txt", b"person\n")))
    path.with_suffix(".json").write_text("{}")
    assert model_file.has_spec(path, flatbuffer)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.tflite: cannot be read \(No such file .*; expected a \.tflite"):
        model_file.read(tmp_path / "gone.tflite")
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory\)"):
        model_file.read(tmp_path)


def test_an_output_that_cannot_be_written_is_named(model: tuple[bytes, ModelCard], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"m\.tflite: cannot be written"):
        model_file.write(tmp_path / "file" / "m.tflite", *model)


# --- cascades


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
        lambda f, c, s: zipped(f, (model_file.CARD, card_bytes(c))),
        r"its tail holds \['poseport.json'\], expected one stage2\.tflite",
    ),
    "the later stage twice": (
        lambda f, c, s: zipped(f, (model_file.CARD, card_bytes(c)), ("stage2.tflite", s), ("stage2.tflite", s)),
        r"expected one stage2\.tflite",
    ),
    "another later stage": (
        lambda f, c, s: zipped(f, (model_file.CARD, card_bytes(c)), ("stage2.tflite", model_file.pack(f, c))),
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
        lambda f, c, s: zipped(f, (model_file.CARD, card_bytes(c)), ("stage2.tflite", BOMB)),
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
