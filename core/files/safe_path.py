"""Names and files from untrusted sources: a name stays inside a folder, and only regular files are read.

Records, answers of a phone and annotations name files. Joined to a folder as they stand, such names could lead out of
it (`../..`, `/etc/passwd`), to a device that never ends (`/dev/zero`), or to a FIFO that blocks for ever.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

MAX_NAME = 160
# characters that end a path component or a name on some system, and characters that no terminal shows
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\:*?"<>|]+')


def file_name(text: str) -> str:
    """Turn any text into the name of a file in one folder.

    Text that is a safe name already stays as it is. Other text has its unsafe characters replaced and gets a digest of
    the whole text, so that two different texts keep different names.

    Args:
        text: A model's or phone's name, for example.

    Returns:
        A name without separators, control characters and leading dots, of at most 160 characters.
    """
    name = _UNSAFE.sub("-", text).strip(" ").lstrip(".").rstrip(" .")
    if name == text and 0 < len(name.encode(errors="replace")) <= MAX_NAME:
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    short = name.encode(errors="ignore")[: MAX_NAME - 9].decode(errors="ignore")
    return f"{short or 'unnamed'}-{digest}"


def inside(folder: Path, name: str) -> Path:
    """Find the file of a relative name, in a folder or below it.

    Args:
        folder: Where the file must lie.
        name: Its name, with `/` between folders.

    Returns:
        The path, which need not exist.

    Raises:
        ValueError: if the name is empty, absolute, climbs out of the folder, or holds control characters.
    """
    parts = re.split(r"[/\\]", name)
    if not name or name[0] in "/\\~" or ".." in parts or re.search(r"[\x00-\x1f]|^[A-Za-z]:", name):
        raise ValueError(f"{name!r:.80}: does not name a file inside {folder}; expected a relative name without '..'")
    return Path(folder) / name


def check_regular(path: Path, max_bytes: int) -> Path:
    """Check that a path is a regular file of a bounded size before it is opened.

    Args:
        path: The file; links are followed.
        max_bytes: The largest size that is read.

    Returns:
        The path.

    Raises:
        ValueError: if it does not exist, is a folder, device, FIFO or socket, or is larger.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path}: cannot be read ({reason})") from None
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path}: is not a regular file; expected a file, not a folder, device or pipe")
    if status.st_size > max_bytes:
        raise ValueError(f"{path}: has {status.st_size:,} bytes; at most {max_bytes:,} are read")
    return Path(path)


def read_file(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file of a bounded size; opened by `open_regular`.

    Args:
        path: The file; links are followed.
        max_bytes: The largest size that is read.

    Raises:
        OSError, ValueError: as `open_regular`.
    """
    with open_regular(path, max_bytes) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"{path}: has {len(data):,} bytes or more; at most {max_bytes:,} are read")
    return data


def open_regular(path: Path, max_bytes: int) -> BinaryIO:
    """Open a regular file of a bounded size for reading.

    What was opened is checked, not the name, so that no other file can take its place in between. A FIFO without a
    writer does not block.

    Args:
        path: The file; links are followed.
        max_bytes: The largest size.

    Raises:
        OSError: if it does not exist, is a folder, or may not be read.
        ValueError: if it is a device, FIFO or socket, or is larger.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a name with a zero byte
        raise ValueError(f"{str(path)!r:.200}: cannot be read ({error})") from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path}: is not a regular file; expected a file, not a device or pipe")
        if status.st_size > max_bytes:
            raise ValueError(f"{path}: has {status.st_size:,} bytes; at most {max_bytes:,} are read")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def temporary(path: Path, suffix: str = "") -> Path:
    """Name what is written before it gets its own name.

    Args:
        path: The file or folder that is going to exist.
        suffix: Last part of the name, for libraries that require one.

    Returns:
        `.NAME.PID.part` beside it; `one_writer.sweep` removes those of processes that were killed.
    """
    return path.with_name(f".{path.name}.{os.getpid()}.part{suffix}")
