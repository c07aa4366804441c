"""Make a 64-bit library that was built for Android loadable by glibc; for tests on a workstation, never packed.

Symbol-version tables are dropped (glibc has no version "LIBC"), and the imports whose binary interface differs get a
capital first letter: shim.c defines those.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

RENAMED = {
    "sysconf", "fprintf", "vfprintf", "fputc", "fwrite", "fflush", "fileno", "dlsym", "malloc", "calloc", "memalign",
}  # fmt: skip
LOAD, DYNAMIC = 1, 2
# <elf.h>: DT_HASH, DT_STRTAB, DT_SYMTAB; DT_VERSYM, DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM
HASH, STRINGS, SYMBOLS = 4, 5, 6
VERSIONS = {0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF}
IGNORED = 0x6FFFFDF0


def patch(data: bytearray) -> bytearray:
    """The library, changed in place."""
    (headers,), (count,) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<H", data, 56)
    segments = [struct.unpack_from("<IIQQQQQQ", data, headers + 56 * i) for i in range(count)]
    loaded = [(address, offset, size) for kind, _, offset, address, _, size, *_ in segments if kind == LOAD]

    def place(address: int) -> int:
        return next(offset + address - first for first, offset, size in loaded if first <= address < first + size)

    tags: dict[int, int] = {}
    _, _, begin, _, _, size, *_ = next(segment for segment in segments if segment[0] == DYNAMIC)
    for at in range(begin, begin + size, 16):
        tag, value = struct.unpack_from("<QQ", data, at)
        tags.setdefault(tag, value)
        if tag in VERSIONS:
            struct.pack_into("<Q", data, at, IGNORED)
    strings, symbols = place(tags[STRINGS]), place(tags[SYMBOLS])
    (count,) = struct.unpack_from("<I", data, place(tags[HASH]) + 4)
    for i in range(count):
        name, _, _, section = struct.unpack_from("<IBBH", data, symbols + 24 * i)
        at = strings + name
        if section == 0 and bytes(data[at : data.index(0, at)]).decode() in RENAMED:
            data[at] -= 32  # to upper case; the next symbol of the same string finds it renamed
    return data


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_bytes(patch(bytearray(source.read_bytes())))
