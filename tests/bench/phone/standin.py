"""A stand-in phone: speaks adb's transport protocol on loopback, so that the real `adb` connects to it.

A few shell commands are answered in Python; `am start` of the benchmark measures with `standin_app`. Every fault of a
real phone is a switch. Its figures are no phone's, and its `ro.product.name` says so.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from standin_app import measure
from transport import Connection

PACKAGE = "org.poseport.demo"


class StandIn:
    """A phone whose files lie under `root`. port: where adb connects to.

    trusts: whether this computer is allowed. locked: the lock screen shows. asleep: the screen is off. space: bytes
    that are free. unplug_after: bytes received until the cable is out. on_part: number of a part -> what happens once
    it is written. hardware: what delegates it has. says: command line -> another answer. took: (operations, pieces)
    that its delegate takes of a network, all in one piece if None. logs: whether the log is kept. complains: what its
    runtime logs as an error. answers: what becomes of its raw outputs. commands, sent: what it was told, and the files
    that arrived.
    """

    def __init__(self, root: Path, serial: str, *, app: bool = True):
        self.root, self.trusts, self.locked, self.asleep, self.space = root, True, False, False, 10**10
        self.unplug_after: int | None = None
        self.on_part: dict[int, Callable[[], None]] = {}
        self.hardware = ("CPU",)
        self.took: tuple[int, int] | None = None
        self.logs, self.complains = True, ""
        self.answers: Callable[[np.ndarray], np.ndarray] = lambda output: output
        self.old = False
        self.refuses: tuple[str, str] | None = None
        self.says: dict[str, str] = {}
        self.commands: list[str] = []
        self.sent: list[str] = []
        self.log: list[tuple[float, str]] = []  # time, and the line from its process on
        self.pid, self.generation = 0, 0
        self.plugged = True
        self.connections: list[Connection] = []
        self.properties = {
            "ro.product.name": "standin", "ro.product.model": "Stand-in", "ro.product.device": "standin",
            "ro.product.manufacturer": "poseport", "ro.serialno": serial, "ro.soc.manufacturer": "none",
            "ro.soc.model": "a workstation", "ro.build.version.release": "0", "ro.build.fingerprint": "standin/tests",
            "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a",
        }  # fmt: skip
        root.mkdir(parents=True)
        if app:
            self._install(b"an app")
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plug, _ = self.server.accept()
            except OSError:
                return
            if not self.plugged:
                plug.close()
                continue
            connection = Connection(self, plug)
            self.connections.append(connection)
            threading.Thread(target=connection.serve, daemon=True).start()

    def close(self) -> None:
        self.generation += 1
        self.unplug()
        self.server.close()

    # faults

    def unplug(self) -> None:
        self.plugged = False
        for connection in self.connections:
            with suppress(OSError):
                connection.plug.shutdown(socket.SHUT_RDWR)
            connection.plug.close()
        self.connections.clear()

    def kill(self) -> None:
        self.pid, self.generation = 0, self.generation + 1

    def fill(self) -> None:
        self.space = 0

    def lock(self) -> None:
        self.locked = True

    def received(self, count: int) -> None:
        if self.unplug_after is not None:
            self.unplug_after -= count
            if self.unplug_after < 0:
                self.unplug_after = None
                self.unplug()

    def take(self, count: int) -> OSError | None:
        self.space -= count
        return OSError(28, "No space left on device") if self.space < 0 else None

    # files and commands

    def path(self, name: str) -> Path:
        path = (self.root / name.lstrip("/")).resolve()
        assert path.is_relative_to(self.root.resolve()), name
        return path

    def runs(self) -> list[Path]:
        return sorted(self.path(f"/sdcard/Android/data/{PACKAGE}/files/runs").glob("*"))

    def shell(self, line: str) -> tuple[str, int]:
        line, _, ending = line.partition("; echo ")
        line = line.removesuffix(" 2>&1")
        self.commands.append(line)
        words = shlex.split(line)
        answer = getattr(self, f"_do_{words[0]}", self._do_unknown)
        text, code = (self.says[line], 0) if line in self.says else answer(*words[1:])
        return (f"{text}{ending.replace('$?', str(code))}\n", 0) if ending else (text, code)

    def _do_unknown(self, *words: str) -> tuple[str, int]:
        return "inaccessible or not found\n", 127

    def _do_getprop(self, *names: str) -> tuple[str, int]:
        if names:
            return f"{self.properties.get(names[0], '')}\n", 0
        return "".join(f"[{key}]: [{value}]\n" for key, value in self.properties.items()), 0

    def _do_cat(self, name: str, *_: str) -> tuple[str, int]:
        known = {"/proc/meminfo": "MemTotal:        8000000 kB\n", "/proc/cpuinfo": "processor\t: 0\nprocessor\t: 1\n"}
        return known.get(name, "one process\n"), 0

    def _do_df(self, *_: str) -> tuple[str, int]:
        free = self.space // 1024
        return (
            f"Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/fuse 99999999 1 {free} 1% /storage/emulated\n",
            0,
        )

    def _do_ls(self, flags: str, name: str, *_: str) -> tuple[str, int]:
        if flags == "-d":
            return f"ls: {name}: Permission denied\n", 1
        folder = self.path(name)
        if not folder.is_dir():
            return "", 1
        rows = [
            f"-rw-rw---- 1 u0_a1 ext_data_rw {p.stat().st_size} 2026-01-01 00:00 {p.name}" for p in folder.iterdir()
        ]
        return "total 1\n" + "\n".join(rows) + "\n", 0

    def _do_mkdir(self, _: str, name: str) -> tuple[str, int]:
        self.path(name).mkdir(parents=True, exist_ok=True)
        return "", 0

    def _do_mv(self, _: str, source: str, target: str) -> tuple[str, int]:
        self.path(source).replace(self.path(target))
        self.sent.append(Path(target).name)
        return "", 0

    def _do_rm(self, flags: str, *names: str) -> tuple[str, int]:
        for name in names:
            if flags == "-rf":
                shutil.rmtree(self.path(name), ignore_errors=True)
            self.path(name).unlink(missing_ok=True)
        return "", 0

    def _do_date(self, _: str) -> tuple[str, int]:
        return f"{time.time():.9f}\n", 0

    def _do_pm(self, what: str, *names: str) -> tuple[str, int]:
        if what == "install":
            if self.space < 0:
                return "Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]\n", 1
            self._install(self.path(names[-1]).read_bytes())
            return "Success\n", 0
        return ("package:/data/app/base.apk\n", 0) if self.path("/data/app/base.apk").exists() else ("", 1)

    def _install(self, data: bytes) -> None:
        self.path("/data/app").mkdir(parents=True, exist_ok=True)
        self.path("/data/app/base.apk").write_bytes(data)

    def _do_sha256sum(self, name: str) -> tuple[str, int]:
        return f"{hashlib.sha256(self.path(name).read_bytes()).hexdigest()}  {name}\n", 0

    def _do_dumpsys(self, what: str, *_: str) -> tuple[str, int]:
        said = {
            "package": "    versionName=1.0\n",
            "window": f"  mDreamingLockscreen={str(self.locked).lower()}\n",
            "power": f"  mWakefulness={'Asleep' if self.asleep else 'Awake'}\n",
        }
        return (said[what], 0) if what in said else (f"Can't find service: {what}\n", 0)

    def _do_input(self, *_: str) -> tuple[str, int]:
        self.asleep = False
        return "", 0

    def _do_wm(self, *_: str) -> tuple[str, int]:
        return "", 0

    def _do_pidof(self, _: str) -> tuple[str, int]:
        return (f"{self.pid}\n", 0) if self.pid else ("", 1)

    def _do_logcat(self, *words: str) -> tuple[str, int]:
        since = float(words[words.index("-T") + 1])
        tags = [word.partition(":")[0] for word in words[words.index("-s") + 1 :]]
        lines = [f"01-01 00:00:00.000 {text}\n" for at, text in self.log if at >= since]
        return "--------- beginning of main\n" + "".join(
            line for line in lines if line.split()[5].rstrip(":") in tags
        ), 0

    def _do_am(self, what: str, *words: str) -> tuple[str, int]:
        if what == "force-stop" or "-S" in words:
            self.kill()
        if what == "start":
            activity = words[words.index("-n") + 1]
            if not self.path("/data/app/base.apk").exists():
                return f"Error: Activity class {{{activity}}} does not exist.\n", 0
            self.pid = self.pid or 4000 + self.generation
            if activity.endswith("BenchmarkActivity"):
                arguments = (words[-1], self.generation)
                threading.Thread(target=self._bench, args=arguments, daemon=True).start()
        return "", 0

    # the app

    def note(self, tag: str, level: str, text: str, pid: int = 0) -> None:
        """Write a line into the log, of the app's process unless another is given."""
        pid = pid or self.pid
        self.log.append((time.time(), f"{pid:>5} {pid + 7:>5} {level} {tag:<8}: {text}"))

    def _bench(self, run_id: str, generation: int) -> None:
        def say(what: str) -> None:
            if self.generation == generation:
                self.note("poseport", "I", f"{run_id}: {what}")

        folder = self.path(f"/sdcard/Android/data/{PACKAGE}/files/runs/{run_id}")
        say("begins")
        try:
            measure(self, folder, say, lambda: self.generation == generation)
        except InterruptedError:
            return
        except (OSError, ValueError) as error:
            say(f"failed: {error}")
        else:
            say("done")
