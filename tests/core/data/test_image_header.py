"""Photos whose header promises more than a machine holds: refused before they are decoded."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from poseport.data import image_header
from poseport.data.images import MAX_PHOTO_BYTES, decode_image, read_image, stored_hw

SUFFIXES = [".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif", ".jp2", ".ppm"]
# where each format writes width and height, and how
SIZES = {
    ".png": (16, ">II"), ".bmp": (18, "<ii"), ".gif": (6, "<HH"),
    ".jp2": (None, ">II"), ".jpg": (None, ">HH"), ".tiff": (None, "<HH"), ".avif": (None, ">II"),
}  # fmt: skip


def encoded(suffix: str) -> bytearray:
    image = np.random.default_rng(0).integers(0, 255, (37, 53, 3), np.uint8)
    return bytearray(cv2.imencode(suffix, image)[1].tobytes())


def png_of_zeros(side: int) -> bytes:
    """The 109 KB PNG with one bit per pixel that ended the process."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_header_gives_the_size_of_every_format(suffix: str) -> None:
    assert image_header.stored_hw(io.BytesIO(encoded(suffix))) == (37, 53)
    for end in range(40):  # cut off anywhere: no size or the right one
        assert image_header.stored_hw(io.BytesIO(encoded(suffix)[:end])) in (None, (37, 53))


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s not in (".webp", ".ppm")])
def test_a_header_of_absurd_size_is_refused_with_the_number(suffix: str) -> None:
    raw, (at, form) = encoded(suffix), SIZES[suffix]
    huge = 32_000
    if suffix == ".jpg":
        at, size = raw.index(b"\xff\xc0") + 5, (37, 53)
    elif suffix == ".jp2":
        at, size = raw.index(b"\xff\x4f\xff\x51") + 8, (53, 37)
    else:
        size = (53, 37)
    if suffix == ".tiff":
        first = struct.unpack_from("<I", raw, 4)[0]
        for entry in range(struct.unpack_from("<H", raw, first)[0]):
            if struct.unpack_from("<H", raw, first + 2 + 12 * entry)[0] in (256, 257):
                struct.pack_into("<HI", raw, first + 4 + 12 * entry, 4, 1)
                struct.pack_into("<I", raw, first + 10 + 12 * entry, huge)
    else:
        assert at is not None
        assert struct.unpack_from(form, raw, at) == size
        struct.pack_into(form, raw, at, huge, huge)
    with pytest.raises(ValueError, match=r"x: is 32000x32000 = 1,024,000,000 pixels; at most 150,000,000 are decoded"):
        decode_image(bytes(raw), Path("x"))


def test_webp_and_pnm_of_absurd_size() -> None:
    canvas = b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + (16_382).to_bytes(3, "little") * 2
    with pytest.raises(ValueError, match="x: is 16383x16383 = "):
        decode_image(canvas, Path("x"))
    with pytest.raises(ValueError, match="x: is 20000x20000 = "):
        decode_image(b"P6 # a comment\n20000\n20000 255\n" + bytes(64), Path("x"))
    with pytest.raises(ValueError, match="x: is 40000x1 pixels; OpenCV cannot crop images with more than 32766 on a"):
        decode_image(b"P6 40000 1 255\n" + bytes(120_000), Path("x"))


def test_the_png_that_ended_the_process_is_one_line_and_an_option_raises_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = png_of_zeros(13_000)
    assert len(raw) < 30_000
    with pytest.raises(ValueError, match=r"169,000,000 pixels; .* set POSEPORT_MAX_PIXELS up to 700000000\)"):
        decode_image(raw, Path("bomb.png"))
    small = png_of_zeros(200)
    monkeypatch.setenv("POSEPORT_MAX_PIXELS", "39999")
    with pytest.raises(ValueError, match="40,000 pixels; at most 39,999"):
        decode_image(small, Path("bomb.png"))
    monkeypatch.setenv("POSEPORT_MAX_PIXELS", "40000")
    assert decode_image(small, Path("bomb.png")).shape == (200, 200, 3)
    for wrong in ("many", "-1", "1e9", "800000000", "9" * 5000):
        monkeypatch.setenv("POSEPORT_MAX_PIXELS", wrong)
        with pytest.raises(ValueError, match="expected a number of pixels from 1 to"):
            decode_image(small, Path("bomb.png"))


@pytest.mark.parametrize("raw", [b"#?RADIANCE\n", b"Pf\n9 9\n-1.0\n", b"P7\nWIDTH 9\n", b"\x59\xa6\x6a\x95" + bytes(4)])
def test_formats_without_a_known_header_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an image that OpenCV can read \(JPEG, PNG"):
        decode_image(raw, Path("x.png"))


def test_only_regular_files_of_a_bounded_size_are_read_as_photos(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with open(tmp_path / "long.png", "wb") as file:
        file.truncate(MAX_PHOTO_BYTES + 1)
    for name, said in (("fifo", "is not a regular file"), ("zero", "is not a regular file"), ("long", "at most 536,")):
        for reader in (read_image, stored_hw):
            with pytest.raises(ValueError, match=said):
                reader(tmp_path / f"{name}.png")
