"""The tail of a converted file: a zip behind the flatbuffer that holds the card and a cascade's later stages."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

from poseport.tflite import sidecar

CARD = "poseport.json"
# A card takes a few KB, and a few hundred with 10,000 calibration people. A larger one was not written by poseport.
MAX_CARD_BYTES = 8 * 2**20


def card_text(name: str, data: bytes) -> str:
    """Read the JSON text of the card.

    Args:
        name: what error messages call the file.
        data: its bytes.

    Returns:
        The text.

    Raises:
        ValueError: if the file is not TFLite, or its card is missing or cannot be read.
    """
    if data[4:8] != b"TFL3":
        raise ValueError(f"{name}: not a TFLite file (no TFL3 mark); expected the output of `poseport convert`")
    try:
        return member(name, data, CARD, MAX_CARD_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: its {CARD} cannot be read ({error}); convert it again") from None


def has_card(data: bytes) -> bool:
    """Whether a file has a card inside, readable or not.

    Args:
        data: the bytes of the file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return CARD in archive.namelist()
    except zipfile.BadZipFile:
        return False


def member(name: str, data: bytes, wanted: str, limit: int) -> bytes:
    """Read one file of the zip.

    Args:
        name: what error messages call the whole file.
        data: its bytes.
        wanted: name of the file in the zip.
        limit: the most bytes to unpack.

    Returns:
        Its bytes.

    Raises:
        ValueError: if it is missing, damaged, changed after it was written, or larger than the limit.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if names.count(wanted) != 1:
                raise ValueError(f"{name}: its tail holds {names[:5]}, expected one {wanted}; convert it with poseport")
            entry = entries[names.index(wanted)]
            if entry.file_size > limit:
                raise ValueError(f"{name}: its {wanted} unpacks to {entry.file_size} bytes; at most {limit} are read")
            with archive.open(entry) as file:
                content = file.read(limit + 1)
            begin = min(entry.header_offset for entry in entries)
            # a card that another tool appended comes without a digest
            if archive.comment not in (b"", hashlib.sha256(data[:begin]).hexdigest().encode()):
                raise ValueError(f"{name}: is damaged: not the bytes that were written; copy or convert it again")
            if len(content) > limit:
                raise ValueError(f"{name}: its {wanted} unpacks to more bytes than it says; copy the file again")
            return content
    except zipfile.BadZipFile as error:
        beside = sidecar.spec_path(Path(name)).name
        raise ValueError(
            f"{name}: carries no {wanted}: either it was not made by `poseport convert`, or the file is cut off "
            f"({error}); a file that others made needs its spec beside it as {beside} (see docs/foreign.md)"
        ) from None
    except (RuntimeError, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{name}: its {wanted} cannot be read ({error}); convert it again") from None
