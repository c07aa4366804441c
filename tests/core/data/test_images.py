"""Image files: RGB, of the annotated size, the right way up, or an error that names the file."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from poseport.data.images import decode_image, encode_image, image_digest, orientation, read_image, shown_hw, stored_hw

HW = (48, 64)


def corners() -> np.ndarray:
    """(48, 64, 3) RGB: red top left, green top right, blue bottom left, white bottom right."""
    image = np.zeros((*HW, 3), np.uint8)
    image[:24, :32], image[:24, 32:] = (255, 0, 0), (0, 255, 0)
    image[24:, :32], image[24:, 32:] = (0, 0, 255), (255, 255, 255)
    return image


def jpeg(image: np.ndarray) -> bytes:
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert ok
    return data.tobytes()


def with_orientation(data: bytes, orientation: int) -> bytes:
    """The same JPEG with an EXIF segment that holds one tag, 0x0112."""
    ifd = struct.pack(">H HHIHH I", 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + b"MM\0*" + struct.pack(">I", 8) + ifd
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def quadrants(image: np.ndarray) -> list[list[int]]:
    """Colours in the middle of the quadrants, top left, top right, bottom left, bottom right; 0 or 1 a channel."""
    h, w = image.shape[:2]
    places = [(h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, w // 4), (3 * h // 4, 3 * w // 4)]
    return [(image[place] > 128).astype(int).tolist() for place in places]


RED, GREEN, BLUE, WHITE = [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]
UPRIGHT = [RED, GREEN, BLUE, WHITE]


def test_an_image_is_rgb_uint8(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), cv2.cvtColor(corners(), cv2.COLOR_RGB2BGR))
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, corners())
    np.testing.assert_array_equal(read_image(path, HW), corners())


def test_grey_and_transparent_images_have_three_channels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full(HW, 77, np.uint8))
    assert (read_image(tmp_path / "grey.png", HW) == 77).all()
    cv2.imwrite(str(tmp_path / "clear.png"), np.full((*HW, 4), 77, np.uint8))
    assert read_image(tmp_path / "clear.png", HW).shape == (*HW, 3)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (6, [BLUE, RED, WHITE, GREEN]),  # stored lying, shown turned by 90 degrees clockwise
        (8, [GREEN, WHITE, RED, BLUE]),  # and anticlockwise
    ],
)
def test_exif_rotation_is_taken_as_the_annotation_has_it(orientation: int, turned: list[list[int]]) -> None:
    raw = with_orientation(jpeg(corners()), orientation)
    as_shown = decode_image(raw, Path("a.jpg"), (64, 48))
    assert as_shown.shape == (64, 48, 3)
    assert quadrants(as_shown) == turned
    as_stored = decode_image(raw, Path("a.jpg"), (48, 64))
    assert as_stored.shape == (48, 64, 3)
    assert quadrants(as_stored) == UPRIGHT
    # without an annotation: as a viewer shows it
    assert quadrants(decode_image(raw, Path("a.jpg"))) == turned


def test_exif_without_rotation_changes_nothing() -> None:
    raw = with_orientation(jpeg(corners()), 1)
    assert quadrants(decode_image(raw, Path("a.jpg"), HW)) == UPRIGHT


def test_neither_reading_matching_is_an_error_that_names_both_sizes() -> None:
    raw = with_orientation(jpeg(corners()), 6)
    with pytest.raises(ValueError, match=r"a\.jpg: image is 64x48, annotated as 99x48 \(width x height\); correct"):
        decode_image(raw, Path("a.jpg"), (48, 99))
    with pytest.raises(ValueError, match=r"b\.jpg: image is 64x48, annotated as 48x64"):
        decode_image(jpeg(corners()), Path("b.jpg"), (64, 48))


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9, 0.99])
def test_a_jpeg_that_is_cut_off_is_refused(part: float, tmp_path: Path) -> None:
    # OpenCV itself fills the missing part with grey and says nothing
    noise = np.random.default_rng(0).integers(0, 256, (*HW, 3), np.uint8)
    raw = jpeg(noise)
    path = tmp_path / "cut.jpg"
    path.write_bytes(raw[: int(part * len(raw))])
    with pytest.raises(ValueError, match=r"cut\.jpg: the JPEG is cut off \(no end marker\); copy it again"):
        read_image(path, HW)


def test_a_thumbnails_end_marker_is_not_the_photos() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*HW, 3), np.uint8)
    thumbnail = b"Exif\0\0" + jpeg(corners()[::4, ::4])
    raw = jpeg(noise)
    raw = raw[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + raw[2:]
    assert decode_image(raw, Path("a.jpg"), HW).shape == (*HW, 3)
    for kept in (len(thumbnail) + 20, len(raw) // 2, len(raw) - 9):
        with pytest.raises(ValueError, match=r"a\.jpg: the JPEG is cut off"):
            decode_image(raw[:kept], Path("a.jpg"), HW)


def test_a_png_that_is_cut_off_is_refused() -> None:
    raw = cv2.imencode(".png", corners())[1].tobytes()
    with pytest.raises(ValueError, match=r"a\.png: the PNG is cut off"):
        decode_image(raw[: len(raw) // 2], Path("a.png"), HW)


def test_a_photo_with_a_film_behind_it_is_read() -> None:
    """Phones append the film of a motion photo to the JPEG."""
    film = np.random.default_rng(0).integers(0, 256, 50_000, np.uint8).tobytes()
    assert quadrants(decode_image(jpeg(corners()) + film, Path("a.jpg"), HW)) == UPRIGHT


def test_a_jpeg_with_a_few_bytes_behind_its_end_is_read() -> None:
    assert quadrants(decode_image(jpeg(corners()) + b"\0" * 16, Path("a.jpg"), HW)) == UPRIGHT


@pytest.mark.parametrize("raw", [b"", b"hello", b"\x89PNG\r\n\x1a\nIEND", b"\xff\xd8\xff\xd9"])
def test_what_is_not_an_image_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no.jpg"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"no\.jpg: not an image that OpenCV can read"):
        read_image(path)


def test_an_image_of_absurd_size_is_refused() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    with pytest.raises(ValueError, match=r"bomb\.png: "):
        decode_image(raw, Path("bomb.png"))


def test_a_missing_image_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"gone\.jpg: image cannot be read \(No such file .*; check the name and the folder"
    ):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(ValueError, match=r"image cannot be read \(Is a directory\)"):
        read_image(tmp_path)


def test_digest_is_of_the_file(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(jpeg(corners()))
    assert image_digest(tmp_path / "a.jpg") == image_digest(tmp_path / "b.jpg")
    assert image_digest(tmp_path / "a.jpg") == hashlib.sha256(jpeg(corners())).hexdigest()[:16]
    with pytest.raises(ValueError, match="cannot be read"):
        image_digest(tmp_path / "c.jpg")


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize(("value", "shown"), [(1, (48, 64)), (3, (48, 64)), (6, (64, 48)), (99, (48, 64))])
def test_the_orientation_of_a_jpeg(order: Literal["little", "big"], value: int, shown: object, tmp_path: Path) -> None:
    def number(n: int, size: int) -> bytes:
        return n.to_bytes(size, order)

    mark = b"II" if order == "little" else b"MM"
    entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(value, 2) + b"\0\0"
    exif = b"Exif\0\0" + mark + number(42, 2) + number(8, 4) + number(1, 2) + entry + number(0, 4)
    raw = encode_image(np.full((48, 64, 3), 90, np.uint8), ".jpg")
    path = tmp_path / "turned.jpg"
    path.write_bytes(raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + raw[2:])
    assert orientation(path.read_bytes()) == (value if value < 9 else 1)
    assert shown_hw(path) == shown == read_image(path).shape[:2]
    assert orientation(raw) == 1


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp"])
def test_the_stored_size_is_that_of_the_pixels(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"one{suffix}"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (37, 53, 3), np.uint8))
    assert stored_hw(path) == (37, 53) == read_image(path).shape[:2]


def test_the_stored_size_is_before_rotation(tmp_path: Path) -> None:
    """An EXIF block comes before the frame, and says that the picture lies on its side."""
    path = tmp_path / "one.jpg"
    cv2.imwrite(str(path), np.zeros((40, 60, 3), np.uint8))
    tiff = b"MM\x00*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\x00\x00" + tiff
    raw = path.read_bytes()
    path.write_bytes(raw[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + raw[2:])
    assert read_image(path).shape[:2] == (60, 40)
    assert stored_hw(path) == (40, 60)
