"""Memory of a command that trains: freed arrays are kept for the next step instead of given back to the system."""

from __future__ import annotations

import ctypes
import sys

# parameters of glibc's mallopt (malloc.h)
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_PAD = 64 << 20


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, from now to its end.

    To be called before TensorFlow is imported, whose threads choose where they allocate when they start. A step makes
    and frees hundreds of arrays of 10 to 100 MB. By default glibc asks the system for each and gives each back, and the
    system fills each with zeros, page by page: a third of the processor time of a step. Without glibc, nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return  # another C library
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)  # never
    mallopt(_TOP_PAD, _PAD)
    mallopt(_ARENA_MAX, 1)  # the other arenas hold at most 64 MB and are given back
