"""Flatbuffers with tails of a test's own, right ones and wrong ones."""

from __future__ import annotations

import io
import zipfile

from poseport.tflite import file_tail


def zipped(flatbuffer: bytes, *entries: tuple[str, bytes], compressed: bool = True) -> bytes:
    """A flatbuffer with a tail of these files."""
    out = io.BytesIO()
    out.write(flatbuffer)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


BOMB = b" " * (2 * file_tail.MAX_CARD_BYTES + 0x1234)
