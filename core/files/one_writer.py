"""One writer per folder: a lock that the operating system takes back when a process ends, however it ends."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from poseport.files import escape

try:
    import fcntl
except ImportError:  # no such locks on this system
    fcntl = None  # type: ignore[assignment]

_held: set[Path] = set()
_PART = re.compile(r"\.(\d+)\.part(?:\.|$)")


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Keep other processes from writing a folder, and remove what killed ones left half-written in it.

    The lock is a file beside the folder, `.NAME.lock`, because a new folder must not exist before it is whole. It holds
    the process id, start and command of its holder. A process that holds the lock already may ask for it again.

    Args:
        folder: The folder that is going to be written; it need not exist.

    Raises:
        ValueError: if another process writes it; names that process.
    """
    folder = Path(folder).absolute().resolve()
    if fcntl is None or folder in _held:
        yield
        return
    made = [parent for parent in folder.parents if not parent.exists()]
    descriptor, lock = _lock(folder)
    _held.add(folder)
    try:
        for place in (folder, *([p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else [])):
            sweep(place)
        yield
    finally:
        _held.discard(folder)
        if descriptor is not None:
            lock.unlink(missing_ok=True)
            os.close(descriptor)
        with suppress(OSError):
            for parent in made:  # those that nothing was written into
                parent.rmdir()


def _lock(folder: Path) -> tuple[int | None, Path]:
    """Descriptor and path of the lock; no descriptor where the file system has no locks."""
    lock = folder.parent / f".{folder.name}.lock"
    with suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError:
            return None, lock  # whoever writes the folder says what is wrong with it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == lock.stat().st_ino:
                break
        except BlockingIOError:
            holder = escape.terminal(os.pread(descriptor, 1000, 0).decode(errors="replace")).strip()
            os.close(descriptor)
            raise ValueError(
                f"{folder}: is being written by another process ({holder or 'just started'}); wait until it has ended, "
                "or name another folder"
            ) from None
        except FileNotFoundError:  # its holder ended between the two calls
            pass
        except OSError:
            os.close(descriptor)
            return None, lock
        os.close(descriptor)
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:400]
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} since {started}: {command}\n".encode(errors="replace"), 0)
    return descriptor, lock


def sweep(folder: Path, name: str = "") -> None:
    """Remove what `safe_path.temporary` named and a process that no longer runs left.

    Args:
        folder: Where they lie.
        name: Only temporary files of this name; all if empty.
    """
    for path in folder.glob(".*") if folder.is_dir() else ():
        found = _PART.search(path.name)
        if found is None or not path.name.startswith(f".{name}") or _runs(int(found[1][:9])):
            continue
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
