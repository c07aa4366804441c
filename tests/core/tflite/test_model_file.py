"""What is packed is read again, and a file that poseport did not write is refused in one line."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from zip_tails import BOMB, zipped

from poseport import records
from poseport.tflite import file_tail, model_file
from poseport.tflite.card import ModelCard
from poseport.tflite.interpreter import Runner


def flatbuffer_of(path: Path) -> bytes:
    """The model without its tail."""
    data = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return data[: min(entry.header_offset for entry in archive.infolist())]


@pytest.fixture
def model(tiny_models: dict[str, Path]) -> tuple[bytes, ModelCard]:
    """The bare flatbuffer of a real file, and its card."""
    return flatbuffer_of(tiny_models["int8"]), model_file.read(tiny_models["int8"])[1]


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


Spoil = Callable[[bytes, ModelCard], bytes]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "empty": (lambda f, c: b"", "not a TFLite file"),
    "text": (lambda f, c: b"a long enough text", "not a TFLite file"),
    "only a zip": (lambda f, c: zipped(b"", (file_tail.CARD, records.dumps(c).encode())), "not a TFLite file"),
    "no card": (lambda f, c: f, "carries no poseport.json: either it was not made by .*, or .* is cut off"),
    "cut in half": (lambda f, c: model_file.pack(f, c)[: len(f) // 2], "carries no poseport.json: .*cut off"),
    "cut in the tail": (lambda f, c: model_file.pack(f, c)[:-90], "carries no poseport.json: .*cut off"),
    "cut by a few bytes": (lambda f, c: model_file.pack(f, c)[:-30], "is damaged: not the bytes that were written"),
    "one bit changed": (
        lambda f, c: model_file.pack(f, c).replace(f, f[:-1] + bytes([f[-1] ^ 1])),
        "is damaged: not the bytes that were written",
    ),
    "newer schema": (lambda f, c: zipped(f, (file_tail.CARD, schema_of(c, 2))), "schema 2 is newer than 1.*upgrade"),
    "foreign tail": (
        lambda f, c: zipped(f, ("labels.txt", b"person\n")),
        r"its tail holds \['labels.txt'\], expected one poseport.json; convert it with poseport",
    ),
    "two cards": (
        lambda f, c: model_file.pack(model_file.pack(f, c), c),
        r"its tail holds \['poseport.json', 'poseport.json'\], expected one",
    ),
    "not JSON": (lambda f, c: zipped(f, (file_tail.CARD, b"{")), "poseport.json: not JSON"),
    "not UTF-8": (lambda f, c: zipped(f, (file_tail.CARD, b"\xff\xfe\xfd")), "poseport.json cannot be read"),
    "unknown key": (
        lambda f, c: zipped(f, (file_tail.CARD, records.dumps(c).replace('"std"', '"stdev"').encode())),
        "unknown key 'stdev'; PoseSpec has name, architecture",
    ),
    "bomb": (
        lambda f, c: zipped(f, (file_tail.CARD, BOMB)),
        f"its poseport.json unpacks to {len(BOMB)} bytes; at most {file_tail.MAX_CARD_BYTES} are read",
    ),
    "bomb that lies": (
        lambda f, c: lying(zipped(f, (file_tail.CARD, BOMB))),
        "cut off|cannot be read|more bytes than it says|not JSON",
    ),
    "damaged": (
        lambda f, c: damaged(zipped(f, (file_tail.CARD, records.dumps(c).encode()))),
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
    assert model_file.has_spec(path, zipped(flatbuffer, (file_tail.CARD, b"{")))
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
