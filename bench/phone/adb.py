"""Use phones through the `adb` program: one subprocess per call, and each fault as one line with its remedy.

Transfer speed is not measured, so no connection is kept between calls.
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
# a transfer that is slower than this times out
LEAST_BYTES_PER_SECOND = 500_000
RESERVE_BYTES = 64 * 2**20

ALLOW = "unlock the phone and accept 'Allow USB debugging' on its screen"
NO_PHONE = (
    "no phone is connected; plug one in, switch on USB debugging in its developer options, and accept this computer on "
    "its screen (a phone in the network: `adb connect ADDRESS`)"
)
# pattern in the output of adb or the phone -> the fault and its remedy; the first match counts
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
    """A phone.

    Attributes:
        serial: Its serial number in adb.
    """

    serial: str

    def shell(self, *words: str, check: bool = True) -> str:
        """Run a command on the phone.

        adb exits with 0 even if the connection breaks, so the phone prints the command's exit code.

        Args:
            words: The command and its arguments; they are quoted.
            check: Treat a non-zero exit code as an error.

        Returns:
            The output of the command, stdout and stderr together.

        Raises:
            ValueError: if the command fails and `check` is set, or the phone disconnects.
        """
        process = _adb(("-s", self.serial, "shell", f"{shlex.join(words)} 2>&1; echo {_EXIT}$?"), SHELL_SECONDS)
        output, mark, code = process.stdout.rpartition(_EXIT)
        if not mark or not code.strip().isdigit():
            raise ValueError(f"{self.serial}: {sentence(process.stderr or 'closed', f'shell {words[0]}')}")
        if check and int(code):
            raise ValueError(f"{self.serial}: {sentence(process.stderr + output, f'shell {words[0]}')}")
        return output

    def sizes(self, folder: str) -> dict[str, int]:
        """List the files in a folder.

        Args:
            folder: Path on the phone.

        Returns:
            Name -> size in bytes; empty if the folder does not exist.

        Raises:
            ValueError: if the phone disconnects.
        """
        rows = (line.split() for line in self.shell("ls", "-l", folder, check=False).splitlines())
        return {row[-1]: int(row[4]) for row in rows if len(row) >= 7 and row[0].startswith("-") and row[4].isdigit()}

    def free_bytes(self) -> int | None:
        """Free bytes on the phone's storage; None if the phone does not report them.

        Raises:
            ValueError: if the phone disconnects.
        """
        rows = self.shell("df", "-k", "/sdcard", check=False).splitlines()
        free = rows[-1].split()[3:4] if rows else []
        return int(free[0]) * 1024 if free and re.fullmatch("[0-9]{1,15}", free[0]) else None

    def make_room(self, size: int, what: str) -> None:
        """Check that `size` bytes are free, plus a reserve for Android.

        Args:
            size: Bytes needed.
            what: What needs them, for the message.

        Raises:
            ValueError: if the phone has less free space, or does not report it.
        """
        free = self.free_bytes()
        if free is None:
            raise ValueError(f"{self.serial}: does not say how much of /sdcard is free; is its storage there?")
        if free < size + RESERVE_BYTES:
            raise ValueError(
                f"{self.serial}: is full: {free / 1e6:.0f} MB are free, {what} and Android's own needs take "
                f"{(size + RESERVE_BYTES) / 1e6:.0f} MB; free some space on it"
            )

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the phone, whole or not at all.

        Args:
            local: The file.
            remote: Path on the phone.

        Raises:
            ValueError: if the phone is full or disconnected.
        """
        beside = f"{remote}.part"
        patience = SHELL_SECONDS + local.stat().st_size / LEAST_BYTES_PER_SECOND
        try:
            self._copy(("push", str(local), beside), patience)
            self.shell("mv", "-f", beside, remote)
        except ValueError:
            with suppress(ValueError):  # if the phone is gone, the next push overwrites the partial file
                self.shell("rm", "-f", beside)
            raise

    def pull(self, remotes: Sequence[str], folder: Path, size: int) -> None:
        """Copy files from the phone into a local folder; files that arrived before an error stay there.

        Args:
            remotes: Paths on the phone.
            folder: The local folder.
            size: Size of all files together, in bytes.

        Raises:
            ValueError: if the local disk is full or the phone disconnects.
        """
        if shutil.disk_usage(folder).free < size:
            raise ValueError(f"{folder}: has no room for {size / 1e6:.0f} MB of the phone's outputs; free some")
        self._copy(("pull", *remotes, str(folder)), SHELL_SECONDS + size / LEAST_BYTES_PER_SECOND)

    def install(self, apk: Path) -> None:
        """Install or update an app; its data is kept.

        Args:
            apk: The app's file.

        Raises:
            ValueError: if the phone refuses the app.
        """
        self._copy(("install", "-r", str(apk)), 300.0)

    def _copy(self, words: Sequence[str], seconds: float) -> None:
        process = _adb(("-s", self.serial, *words), seconds)
        if process.returncode:
            raise ValueError(f"{self.serial}: {sentence(process.stderr + process.stdout, words[0])}")


def devices() -> dict[str, str]:
    """List the connected phones.

    Returns:
        Serial number -> adb's state, `device` for a phone that is ready.

    Raises:
        ValueError: if adb fails.
    """
    process = _adb(("devices",), SHELL_SECONDS)
    if process.returncode:
        reason = _last_line(process.stderr)
        raise ValueError(f"adb cannot list the phones ({reason}); run `adb kill-server`, then this command again")
    return dict(line.split("\t", 1) for line in process.stdout.splitlines() if "\t" in line)


def _adb(words: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    try:
        process = subprocess.run(
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
    if "cannot connect to daemon" in process.stderr:
        raise ValueError("adb's own server does not start; `adb kill-server` ends one of another version")
    return process


def sentence(output: str, doing: str) -> str:
    """Describe a fault in one line.

    Args:
        output: The output of adb or the phone.
        doing: What adb was doing, such as `push`.

    Returns:
        The fault and its remedy.
    """
    for pattern, remedy in _FAULTS:
        if re.search(pattern, output, re.IGNORECASE):
            return remedy
    return f"adb {doing[:80]} failed ({_last_line(output)})"


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no reason given"]
    return lines[-1][:160]
