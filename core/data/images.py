"""Image files -> RGB arrays of the size that was annotated."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def read_image(path: Path, image_hw: tuple[int, int] | None = None) -> np.ndarray:
    """An image as (h, w, 3) uint8 RGB.

    image_hw: height and width that it must have. Where the file stores a rotation (EXIF), the reading
    that matches them is taken. Raises ValueError for a missing, broken or other-sized image.
    """
    return decode_image(read_bytes(path), path, image_hw)


def decode_image(raw: bytes, path: Path, image_hw: tuple[int, int] | None = None) -> np.ndarray:
    """`read_image` of bytes that are already in memory; path names them in errors."""
    if raw[4:8] == b"ftyp" and raw[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        raise ValueError(f"{path}: a HEIC photo, which OpenCV cannot read; convert it to JPEG")
    if raw[:2] == b"\xff\xd8" and b"\xff\xd9" not in raw[-4096:]:
        raise ValueError(f"{path}: the JPEG is cut off (no end marker); copy it again, or remove it")
    data = np.frombuffer(raw, np.uint8)
    try:
        image: Any = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
    except cv2.error:  # a header of absurd size
        image = None
    if image is None:
        raise ValueError(f"{path}: not an image that OpenCV can read; copy it again, or remove it")
    if image_hw is not None and image.shape[:2] != tuple(image_hw):
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        if image.shape[:2] != tuple(image_hw):
            raise ValueError(
                f"{path}: image is {image.shape[1]}x{image.shape[0]}, annotated as {image_hw[1]}x{image_hw[0]} "
                "(width x height); correct the annotation, or put the original image back"
            )
    return image


def orientation(raw: bytes) -> int:
    """EXIF orientation of a JPEG's bytes, 1 to 8: 1 as it is stored, 3 upside down, 6 and 8 on its side.

    1 also where the file has none, or is no JPEG.
    """
    at = raw[:65_536].find(b"Exif\0\0") + 6
    if raw[:2] != b"\xff\xd8" or at < 6 or raw[at : at + 2] not in (b"II", b"MM"):
        return 1
    order = "<" if raw[at : at + 2] == b"II" else ">"
    try:
        first = at + struct.unpack_from(f"{order}I", raw, at + 4)[0]
        for entry in range(struct.unpack_from(f"{order}H", raw, first)[0]):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", raw, first + 2 + 12 * entry)
            if tag == 0x0112:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def encode_image(image: np.ndarray, suffix: str, quality: int = 95) -> bytes:
    """An image (h, w, 3) uint8 RGB as the bytes of a file. suffix: of its format. quality: of a JPEG, 0 to 100."""
    options = [] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def picture_suffix(path: Path) -> str:
    """The suffix, in small letters, of a picture to be written; ValueError where it is none of a picture."""
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"{path}: a picture ends in .png or .jpg")
    return suffix


def stored_hw(path: Path) -> tuple[int, int]:
    """Height and width of an image as its file stores them, before any rotation (EXIF).

    Of JPEG and PNG only the header is read. Raises ValueError for a missing or broken image.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(24)
            if start[:8] == b"\x89PNG\r\n\x1a\n":
                width, height = struct.unpack(">II", start[16:24])
                return height, width
            if start[:2] == b"\xff\xd8":
                file.seek(2)
                while True:
                    marker, kind, length = struct.unpack(">BBH", file.read(4))
                    if marker != 0xFF:
                        raise struct.error
                    if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # start of frame, not a table
                        _, height, width = struct.unpack(">BHH", file.read(5))
                        return height, width
                    file.seek(length - 2, 1)
    except OSError as error:
        raise ValueError(f"{path}: image cannot be read ({error.strerror}); check the name and the folder") from None
    except struct.error:
        raise ValueError(f"{path}: the image's header is broken; copy it again, or remove it") from None
    height, width = read_image(path).shape[:2]
    return height, width


def shown_hw(path: Path) -> tuple[int, int]:
    """Height and width of an image as viewers show it, after the rotation (EXIF) that its file asks for."""
    h, w = stored_hw(path)
    with open(path, "rb") as file:
        turned = orientation(file.read(65_536)) >= 5
    return (w, h) if turned else (h, w)


def image_digest(path: Path) -> str:
    """`digest` of an image file."""
    return digest(read_bytes(path))


def digest(raw: bytes) -> str:
    """First 16 hex digits of the sha256 of an image's bytes: which picture, wherever it lies."""
    return hashlib.sha256(raw).hexdigest()[:16]


def read_bytes(path: Path) -> bytes:
    """The file itself; ValueError names it when it is missing or cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: image cannot be read ({error.strerror}); check the name and the folder") from None
