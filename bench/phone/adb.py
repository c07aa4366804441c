"""Phones through the `adb` program: one subprocess a call, and its faults as one line that says what to do.

Figures of the transfer are not of interest here, so nothing stays connected between calls.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SHELL_SECONDS = 60.0
_EXIT = "exit code "
# the slowest cable and card that are worth waiting for
LEAST_BYTES_PER_SECOND = 500_000
RESERVE_BYTES = 64 * 2**20

ALLOW = "unlock the phone and accept 'Allow USB debugging' on its screen"
NO_PHONE = (
    "no phone is connected; plug one in, switch on USB debugging in its developer options, and accept this computer on "
    "its screen (a phone in the network: `adb connect ADDRESS`)"
)
# what adb or the phone says -> what is the matter and what to do, the first that fits
_FAULTS = (
    (r"unauthori[sz]ed|authorizing|failed to authenticate", f"does not trust this computer yet; {ALLOW}"),
    (r"no permissions", "may not be opened by this user; install Debian's android-sdk-platform-tools-common (or udev "
     "rules for the phone) and plug it in again"),
    (r"INSTALL_FAILED_INSUFFICIENT_STORAGE|No space left|ENOSPC", "is full; free some space on it"),
    (r"INSTALL_FAILED_UPDATE_INCOMPATIBLE|INSTALL_FAILED_VERSION_DOWNGRADE", "has another build of the app; remove it "
     "with `adb uninstall org.poseport.demo`"),
    (r"INSTALL_FAILED_NO_MATCHING_ABIS", "has a processor that the APK was not built for; its ABIs are in `poseport "
     "phone info`"),
    (r"INSTALL_FAILED_OLDER_SDK", "has too old an Android for the app, which needs 8.0"),
    (r"INSTALL_FAILED_USER_RESTRICTED|INSTALL_FAILED_ABORTED", "refused the app; accept it on the screen (some makers "
     "want 'Install via USB' in the developer options)"),
    (r"Permission denied|not permitted", "does not let adb into the app's folder; start the app there once"),
    (r"device.*not found|no devices|offline|closed|protocol fault|EOF|reset by peer|couldn't read|connect failed|"
     r"broken pipe", "is not connected any more; plug the cable in again, with USB debugging on"),
)  # fmt: skip


@dataclass(frozen=True)
class Device:
    """A phone, by the serial number that adb knows it under."""

    serial: str

    def shell(self, *words: str, check: bool = True) -> str:
        """What a command on the phone prints; ValueError when it fails and `check`, or the phone goes away.

        Words are quoted. adb's own exit code is 0 also when the connection breaks, so the phone's is asked for.
        """
        done = _adb(("-s", self.serial, "shell", f"{shlex.join(words)} 2>&1; echo {_EXIT}$?"), SHELL_SECONDS)
        said, mark, code = done.stdout.rpartition(_EXIT)
        if not mark or not code.strip().isdigit():
            raise ValueError(f"{self.serial}: {_sentence(done.stderr or 'closed', f'shell {words[0]}')}")
        if check and int(code):
            raise ValueError(f"{self.serial}: {_sentence(done.stderr + said, f'shell {words[0]}')}")
        return said

    def sizes(self, folder: str) -> dict[str, int]:
        """Names and sizes in bytes of the files of a folder; none where there is no such folder."""
        rows = (line.split() for line in self.shell("ls", "-l", folder, check=False).splitlines())
        return {row[-1]: int(row[4]) for row in rows if len(row) >= 7 and row[0].startswith("-") and row[4].isdigit()}

    def free_bytes(self) -> int:
        """Bytes that are free on the phone's storage."""
        row = self.shell("df", "-k", "/sdcard").splitlines()[-1].split()
        if len(row) < 4 or not row[3].isdigit():
            raise ValueError(f"{self.serial}: df says {' '.join(row)!r}, expected kilobytes; is its storage there?")
        return int(row[3]) * 1024

    def make_room(self, size: int, what: str) -> None:
        """ValueError when the phone has not `size` free bytes, and as many again as Android wants for itself."""
        free = self.free_bytes()
        if free < size + RESERVE_BYTES:
            raise ValueError(
                f"{self.serial}: is full: {free / 1e6:.0f} MB are free, {what} and Android's own needs take "
                f"{(size + RESERVE_BYTES) / 1e6:.0f} MB; free some space on it"
            )

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the phone, whole or not at all. Raises ValueError when the phone is full or gone."""
        beside = f"{remote}.part"
        patience = SHELL_SECONDS + local.stat().st_size / LEAST_BYTES_PER_SECOND
        try:
            self._copy(("push", str(local), beside), patience)
            self.shell("mv", "-f", beside, remote)
        except ValueError:
            with suppress(ValueError):  # a phone that is not there any more overwrites it next time
                self.shell("rm", "-f", beside)
            raise

    def pull(self, remotes: Sequence[str], folder: Path, size: int) -> None:
        """Copy files of `size` bytes together into a local folder; what came before a fault stays there."""
        if shutil.disk_usage(folder).free < size:
            raise ValueError(f"{folder}: has no room for {size / 1e6:.0f} MB of the phone's outputs; free some")
        self._copy(("pull", *remotes, str(folder)), SHELL_SECONDS + size / LEAST_BYTES_PER_SECOND)

    def install(self, apk: Path) -> None:
        """Install an app or bring it up to date, with its data kept."""
        self._copy(("install", "-r", str(apk)), 300.0)

    def _copy(self, words: Sequence[str], seconds: float) -> None:
        done = _adb(("-s", self.serial, *words), seconds)
        if done.returncode:
            raise ValueError(f"{self.serial}: {_sentence(done.stderr + done.stdout, words[0])}")


def devices() -> dict[str, str]:
    """Serial number -> state as adb says it ("device" is ready), of every phone that is plugged in."""
    lines = _adb(("devices",), SHELL_SECONDS).stdout.splitlines()
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def choose(serials: Sequence[str]) -> list[Device]:
    """The phones of a command line: those named, all ("all"), or the only one.

    Raises ValueError when one is missing or not ready, or there are several and none was named.
    """
    found = devices()
    if not found:
        raise ValueError(NO_PHONE)
    if not serials and len(found) > 1:
        raise ValueError(f"several phones are connected ({', '.join(found)}); name one with --serial, or --serial all")
    chosen = list(found) if not serials or "all" in serials else list(dict.fromkeys(serials))
    for serial in chosen:
        if serial not in found:
            raise ValueError(f"{serial}: no such phone; there is {', '.join(found)}")
        if found[serial] != "device":
            raise ValueError(f"{serial}: {_sentence(found[serial], 'is')}")
    return [Device(serial) for serial in chosen]


def _adb(words: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            ["adb", *words], capture_output=True, text=True, errors="replace", timeout=seconds, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise ValueError(
            "the program adb is not installed; `apt install adb`, `brew install android-platform-tools`, or Google's "
            "platform-tools in PATH"
        ) from None
    except subprocess.TimeoutExpired:
        raise ValueError(
            f"adb gave no answer for {seconds:.0f} s to {words[-1][:60]!r}; pull the cable and plug it in again"
        ) from None
    if "cannot connect to daemon" in done.stderr:
        raise ValueError("adb's own server does not start; `adb kill-server` ends one of another version")
    return done


def _sentence(said: str, doing: str) -> str:
    """What is the matter, out of what adb printed while it was `doing` something."""
    for pattern, sentence in _FAULTS:
        if re.search(pattern, said, re.IGNORECASE):
            return sentence
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason given"]
    return f"adb {doing[:80]} failed ({lines[-1][:160]})"
