"""Read image files as RGB arrays of the annotated size, and write them."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseport.data import image_header
from poseport.files import safe_path

# what OpenCV prints about damaged files is raised here as an error
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_FATAL)

_PNG = b"\x89PNG\r\n\x1a\n"
MAX_PHOTO_BYTES = 512 * 2**20


def read_image(path: Path, image_hw: tuple[int, int] | None = None) -> np.ndarray:
    """Read an image file.

    Args:
        path: The file.
        image_hw: Height and width that it must have, in pixels; None takes any. If the file has a rotation (EXIF), it
            is applied or not so that they match.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        ValueError: If the image is missing, broken or of another size.
    """
    return decode_image(read_bytes(path), path, image_hw)


def decode_image(raw: bytes, path: Path, image_hw: tuple[int, int] | None = None) -> np.ndarray:
    """Decode the bytes of an image file.

    Args:
        raw: The bytes.
        path: The file, for messages.
        image_hw: As in `read_image`.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        ValueError: If the image is broken or of another size.
    """
    if raw[4:8] == b"ftyp" and raw[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        raise ValueError(f"{path}: a HEIC photo, which OpenCV cannot read; convert it to JPEG")
    if raw[:2] == b"\xff\xd8" and _is_cut_off(raw):
        raise ValueError(f"{path}: the JPEG is cut off (no end marker); copy it again, or remove it")
    if raw[:8] == _PNG and b"IEND" not in raw:
        raise ValueError(f"{path}: the PNG is cut off (no end marker); copy it again, or remove it")
    data = np.frombuffer(raw, np.uint8)
    known = image_header.check_bytes(raw, path)
    try:
        image: Any = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if known else None
    except cv2.error:  # a header of absurd size
        image = None
    if image is None:
        raise ValueError(
            f"{path}: not an image that OpenCV can read ({image_header.FORMATS}); copy it again, or remove it"
        )
    if image_hw is not None and image.shape[:2] != tuple(image_hw):
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        if image.shape[:2] != tuple(image_hw):
            raise ValueError(
                f"{path}: image is {image.shape[1]}x{image.shape[0]}, annotated as {image_hw[1]}x{image_hw[0]} "
                "(width x height); correct the annotation, or put the original image back"
            )
    return image


def _is_cut_off(raw: bytes) -> bool:
    """Whether a JPEG ends before its picture does, which some versions of OpenCV show as grey.

    The thumbnail in the header has an end marker too, and phones append films to photos.
    """
    at = 2
    while at + 2 <= len(raw) and raw[at] == 0xFF:
        kind = raw[at + 1]
        if kind == 0xDA:  # the picture begins
            return raw.find(b"\xff\xd9", at) < 0
        if kind == 0xD9:  # it holds none
            return False
        if kind == 0xFF:  # filling
            at += 1
        elif kind == 1 or 0xD0 <= kind <= 0xD7:  # markers without a length
            at += 2
        else:
            at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return at + 2 > len(raw)


def orientation(raw: bytes) -> int:
    """Read the EXIF orientation of a JPEG.

    Args:
        raw: The bytes of the file, or its first 64 KB.

    Returns:
        1 to 8: 1 as it is stored, 3 upside down, 6 and 8 on its side. 1 also without an orientation.
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
    """Encode an image as the bytes of a file.

    Args:
        image: (h, w, 3) uint8 RGB.
        suffix: Suffix of the format, such as .png.
        quality: Quality of a JPEG, 0 to 100.

    Returns:
        The bytes.
    """
    options = [] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def picture_suffix(path: Path) -> str:
    """Check the suffix of a picture to be written.

    Args:
        path: The picture.

    Returns:
        The suffix in small letters.

    Raises:
        ValueError: If it is not .png, .jpg or .jpeg.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"{path}: a picture ends in .png or .jpg")
    return suffix


def stored_hw(path: Path) -> tuple[int, int]:
    """Read the size of an image as its file stores it, before any rotation (EXIF).

    Only the header is read.

    Args:
        path: The file.

    Returns:
        Height and width in pixels.

    Raises:
        ValueError: If the image is missing or broken.
    """
    try:
        with safe_path.open_regular(path, MAX_PHOTO_BYTES) as file:
            size = image_header.stored_hw(file)
    except OSError as error:
        raise ValueError(f"{path}: image cannot be read ({error.strerror}); check the name and the folder") from None
    if size is None:
        raise ValueError(f"{path}: the image's header is broken; copy it again, or remove it")
    return size


def shown_hw(path: Path) -> tuple[int, int]:
    """Read the size of an image as viewers show it, after the rotation (EXIF) in its file.

    Args:
        path: The file.

    Returns:
        Height and width in pixels.

    Raises:
        ValueError: If the image is missing or broken.
    """
    h, w = stored_hw(path)
    with safe_path.open_regular(path, MAX_PHOTO_BYTES) as file:
        turned = orientation(file.read(65_536)) >= 5
    return (w, h) if turned else (h, w)


def image_digest(path: Path) -> str:
    """Compute the `digest` of an image file.

    Args:
        path: The file.

    Raises:
        ValueError: If it cannot be read.
    """
    return digest(read_bytes(path))


def digest(raw: bytes) -> str:
    """Identify an image by its bytes, wherever the file is.

    Args:
        raw: The bytes of the file.

    Returns:
        The first 16 hex digits of their sha256.
    """
    return hashlib.sha256(raw).hexdigest()[:16]


def read_bytes(path: Path) -> bytes:
    """Read the bytes of an image file.

    Args:
        path: The file.

    Raises:
        ValueError: If it is missing or cannot be read; the message names it.
    """
    try:
        return safe_path.read_file(path, MAX_PHOTO_BYTES)
    except OSError as error:
        raise ValueError(f"{path}: image cannot be read ({error.strerror}); check the name and the folder") from None
