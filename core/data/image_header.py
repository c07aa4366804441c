"""The size of a photo from its header, before a decoder takes memory for its pixels.

A PNG of 100 KB can say that it has 30,000 x 30,000 pixels, which are 2.7 GB once decoded. The formats are those that
OpenCV reads by a fixed signature and whose header is documented; files of other formats are refused.
"""

from __future__ import annotations

import os
import re
import struct
from io import BytesIO
from typing import BinaryIO

FORMATS = "JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, JPEG 2000 and PNM"
MAX_PIXELS = 150_000_000  # 450 MB as RGB; the largest sensors of phones have 200 million
PIXELS_OPTION = "POSEPORT_MAX_PIXELS"
# OpenCV counts the bytes of an image and warps it with 31 and 15 bits
_MOST_PIXELS = 700_000_000
MAX_SIDE = 32_766
_PNM = re.compile(rb"P[1-6](?:\s+|#[^\n]*\n)+(\d{1,10})(?:\s+|#[^\n]*\n)+(\d{1,10})[\s#]")
_TIFF_TYPES = {3: "H", 4: "I", 16: "Q"}


def stored_hw(file: BinaryIO) -> tuple[int, int] | None:
    """Height and width of an image as its file stores them, before any rotation (EXIF).

    Args:
        file: Opened for reading in binary mode; read from its beginning.

    Returns:
        Pixels, or None if the header is broken or of no known format (`FORMATS`).
    """
    file.seek(0)
    start = file.read(32)
    try:
        if start[:8] == b"\x89PNG\r\n\x1a\n":
            width, height = struct.unpack(">II", start[16:24])
        elif start[:2] == b"\xff\xd8":
            height, width = _jpeg(file)
        elif start[:4] == b"RIFF" and start[8:12] == b"WEBP":
            height, width = _webp(start)
        elif start[:2] == b"BM":
            height, width = _bmp(start)
        elif start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            height, width = _tiff(file, start)
        elif start[:4] == b"GIF8":
            width, height = struct.unpack("<HH", start[6:10])
        elif start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis", b"mif1"):
            height, width = _avif(file)
        elif start[:4] == b"\xff\x4f\xff\x51" or start[4:8] == b"jP  ":
            height, width = _jpeg_2000(file)
        elif start[:1] == b"P":
            height, width = _pnm(file)
        else:
            return None
    except (struct.error, IndexError, ValueError):
        return None
    return height, width


def check_pixels(h: int, w: int, name: object) -> None:
    """Check that a photo or frame of this size is decoded.

    Args:
        h: Height in pixels.
        w: Width in pixels.
        name: What the message calls the file.

    Raises:
        ValueError: if it has more than `MAX_PIXELS` pixels or what the environment variable `POSEPORT_MAX_PIXELS`
            says, or a side of more than `MAX_SIDE`.
    """
    given = os.environ.get(PIXELS_OPTION, "")
    if given and not (given.isascii() and given.isdigit() and 0 < int(given[:10]) <= _MOST_PIXELS and len(given) < 10):
        raise ValueError(f"{PIXELS_OPTION}={given[:40]}: expected a number of pixels from 1 to {_MOST_PIXELS}")
    limit = int(given or MAX_PIXELS)
    if max(h, w) > MAX_SIDE:
        raise ValueError(f"{name}: is {w}x{h} pixels; OpenCV cannot crop images with more than {MAX_SIDE} on a side")
    if h * w > limit:
        raise ValueError(
            f"{name}: is {w}x{h} = {h * w:,} pixels; at most {limit:,} are decoded (make it smaller, or set "
            f"{PIXELS_OPTION} up to {_MOST_PIXELS})"
        )


def check_bytes(raw: bytes, name: object) -> bool:
    """Check the size of an encoded image as `check_pixels`. False if its header cannot be read."""
    size = stored_hw(BytesIO(raw))
    if size is None:
        return False
    check_pixels(*size, name)
    return min(size) > 0


def _jpeg(file: BinaryIO) -> tuple[int, int]:
    file.seek(2)
    while True:
        mark, kind = struct.unpack(">BB", file.read(2))
        if mark != 0xFF:
            raise struct.error
        while kind == 0xFF:  # bytes that fill up
            kind = file.read(1)[0]
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:  # markers without a length
            continue
        length = struct.unpack(">H", file.read(2))[0]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # start of frame, not a table
            _, height, width = struct.unpack(">BHH", file.read(5))
            return height, width
        if kind in (0xD9, 0xDA) or length < 2:
            raise struct.error
        file.seek(length - 2, 1)


def _webp(start: bytes) -> tuple[int, int]:
    kind = start[12:16]
    if kind == b"VP8X":
        return (int.from_bytes(start[27:30], "little") + 1, int.from_bytes(start[24:27], "little") + 1)
    if kind == b"VP8L":
        bits = struct.unpack("<I", start[21:25])[0]
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    width, height = struct.unpack("<HH", start[26:30])
    return height & 0x3FFF, width & 0x3FFF


def _bmp(start: bytes) -> tuple[int, int]:
    if struct.unpack("<I", start[14:18])[0] == 12:  # OS/2
        width, height = struct.unpack("<HH", start[18:22])
    else:
        width, height = struct.unpack("<ii", start[18:26])
    return abs(height), abs(width)  # a negative height stores the rows from the top


def _tiff(file: BinaryIO, start: bytes) -> tuple[int, int]:
    """The first picture's size, or that of its tiles if these are larger."""
    order = "<" if start[:1] == b"I" else ">"
    big = b"+" in start[:4]
    offset, count, entry = ("Q", "Q", "HHQ8s") if big else ("I", "H", "HHI4s")
    file.seek(struct.unpack_from(order + offset, start, 8 if big else 4)[0])
    entries = struct.unpack(order + count, file.read(struct.calcsize(order + count)))[0]
    sizes = {256: 0, 257: 0, 322: 0, 323: 0}
    for _ in range(min(entries, 4096)):
        tag, kind, _, value = struct.unpack(order + entry, file.read(struct.calcsize(order + entry)))
        if tag in sizes:
            if kind not in _TIFF_TYPES:
                raise struct.error
            sizes[tag] = struct.unpack_from(order + _TIFF_TYPES[kind], value)[0]
    return max(sizes[257], sizes[323]), max(sizes[256], sizes[322])


def _avif(file: BinaryIO) -> tuple[int, int]:
    return _largest(file, rb"ispe\0{4}(.{8})")


def _jpeg_2000(file: BinaryIO) -> tuple[int, int]:
    return _largest(file, rb"\xff\x4f\xff\x51.{4}(.{8})")


def _largest(file: BinaryIO, header: bytes) -> tuple[int, int]:
    """The largest of the sizes behind a header, wherever it stands: no decoy in front of it hides the picture's own."""
    file.seek(0)
    sizes = [struct.unpack(">II", found.group(1)) for found in re.finditer(header, file.read(), re.DOTALL)]
    if not sizes:
        raise struct.error
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return height, width


def _pnm(file: BinaryIO) -> tuple[int, int]:
    file.seek(0)
    found = _PNM.match(file.read(4096))
    if found is None:
        raise struct.error
    return int(found.group(2)), int(found.group(1))
