"""Whether the native libraries of an APK load on phones with memory pages of 16 KB.

usage: elf.py APK     an AAR, too

Google Play asks for that of apps that target Android 15 and later, since 2025-11-01. 64-bit libraries alone count: such
phones run no others.
"""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from pathlib import Path

from project import stop

PLAY_BYTES = 16384
MAX_BYTES = 256_000_000
PT_LOAD = 1


def is_wide(data: bytes) -> bool:
    """Whether an ELF file is 64-bit.

    Raises:
        ValueError: if it is no little-endian ELF file.
    """
    if data[:4] != b"\x7fELF":
        raise ValueError("is no ELF file")
    if len(data) < 6 or data[4] not in (1, 2) or data[5] != 1:
        raise ValueError("is no 32- or 64-bit little-endian ELF file")
    return data[4] == 2


def alignment(data: bytes) -> int:
    """The smallest alignment of the segments that are loaded (PT_LOAD), in bytes.

    Args:
        data: A little-endian ELF file, 32- or 64-bit. Nothing that it says about itself is trusted.

    Raises:
        ValueError: if it is no such file, or is damaged.
    """
    wide = is_wide(data)
    size, segment = (64, "<IIQQQQQQ") if wide else (52, "<IIIIIIII")
    if len(data) < size:
        raise ValueError(f"has {len(data)} bytes, expected a header of {size}")
    (start,) = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    entry, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    if entry != struct.calcsize(segment):
        raise ValueError(f"has program headers of {entry} bytes, expected {struct.calcsize(segment)}")
    if start + entry * count > len(data):
        raise ValueError(f"has {len(data)} bytes, and its {count} program headers begin at {start}")
    found = []
    for at in range(start, start + entry * count, entry):
        fields = struct.unpack_from(segment, data, at)
        if fields[0] != PT_LOAD:
            continue
        # 64-bit: type, flags, offset, address, physical, file size, size, alignment; 32-bit: the flags come late
        offset, address, stored = (fields[2], fields[3], fields[5]) if wide else (fields[1], fields[2], fields[4])
        step = max(fields[7], 1)
        if step & (step - 1) or (address - offset) % step:
            raise ValueError(f"has a segment at {offset} for address {address}, which is not aligned to {step} bytes")
        if offset + stored > len(data):
            raise ValueError(f"has {len(data)} bytes, and a segment of {stored} at {offset}")
        found.append(step)
    if not found:
        raise ValueError("has no segment that is loaded")
    return min(found)


def describe(archive: Path) -> str:
    """One line about the libraries of an APK or AAR.

    Args:
        archive: The file.

    Raises:
        ValueError: if it cannot be read, or one of its libraries is no ELF file or damaged.
    """
    wide = False
    narrow: dict[str, int] = {}
    try:
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.filename.endswith(".so"):
                    continue
                if info.file_size > MAX_BYTES:
                    raise ValueError(f"{info.filename} has {info.file_size} bytes, expected at most {MAX_BYTES}")
                data = opened.read(info)
                try:
                    step, is64 = alignment(data), is_wide(data)
                except ValueError as error:
                    raise ValueError(f"{info.filename} {error}") from None
                wide |= is64
                if is64 and step < PLAY_BYTES:
                    name = info.filename.rpartition("/")[2]
                    narrow[name] = min(step, narrow.get(name, step))
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{archive}: cannot be read ({error}); expected an APK or AAR") from None
    if not wide:
        return "no 64-bit libraries: sideload only, not for Play"
    if not narrow:
        return "16 KB ready"
    least = min(narrow.values())
    size = f"{least // 1024} KB" if least >= 1024 else f"{least} byte"
    return f"{size} segments ({', '.join(sorted(narrow))}): sideload only, not for Play"


if __name__ == "__main__":
    try:
        print(describe(Path(sys.argv[1])))
    except ValueError as wrong:
        stop(str(wrong))
