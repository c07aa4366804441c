"""adb's transport protocol as a device speaks it: connections, streams, `shell` and `sync`.

What a shell command answers and where files lie is the device's (`standin.StandIn`).
"""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from typing import Protocol

CNXN, OPEN, OKAY, CLSE, WRTE, AUTH = (
    int.from_bytes(name, "little") for name in (b"CNXN", b"OPEN", b"OKAY", b"CLSE", b"WRTE", b"AUTH")
)
PAYLOAD = 256 * 1024


class Device(Protocol):
    """What a connection asks of the device. trusts: whether this computer is allowed. received: told of every byte
    that arrives. take: an error where there is no room for so many bytes."""

    trusts: bool
    properties: dict[str, str]

    def shell(self, line: str) -> tuple[str, int]: ...
    def path(self, name: str) -> Path: ...
    def received(self, count: int) -> None: ...
    def take(self, count: int) -> OSError | None: ...


class Stream:
    """One open service; write waits until the other side has taken what came before."""

    def __init__(self, connection: Connection, local: int, remote: int):
        self.connection, self.local, self.remote = connection, local, remote
        self.data, self.open, self.ready, self.changed = b"", True, True, threading.Condition()

    def tell(self, **values: object) -> None:
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def receive(self, data: bytes) -> None:
        with self.changed:
            self.data += data
            self.changed.notify_all()

    def read(self, count: int) -> bytes:
        with self.changed:
            self.changed.wait_for(lambda: len(self.data) >= count or not self.open)
            if len(self.data) < count:
                raise EOFError
            found, self.data = self.data[:count], self.data[count:]
            return found

    def write(self, data: bytes) -> None:
        for i in range(0, len(data), PAYLOAD // 4):
            with self.changed:
                self.changed.wait_for(lambda: self.ready or not self.open)
                if not self.open:
                    raise EOFError
                self.ready = False
            self.connection.send(WRTE, self.local, self.remote, data[i : i + PAYLOAD // 4])


class Connection:
    """One adb server's connection."""

    def __init__(self, phone: Device, plug: socket.socket):
        self.phone, self.plug, self.streams, self.lock = phone, plug, {}, threading.Lock()

    def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        head = struct.pack("<6I", command, first, second, len(data), sum(data) & 0xFFFFFFFF, command ^ 0xFFFFFFFF)
        with self.lock:
            self.plug.sendall(head + data)

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.plug.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self) -> None:
        try:
            while True:
                command, first, second, count, _, _ = struct.unpack("<6I", self._receive(24))
                self._answer(command, first, second, self._receive(count))
        except (EOFError, OSError):
            pass
        for stream in list(self.streams.values()):
            stream.tell(open=False)

    def _answer(self, command: int, first: int, second: int, data: bytes) -> None:
        if not self.phone.trusts and (command == CNXN or (command == AUTH and first == 2)):
            self.send(AUTH, 1, 0, bytes(20))  # a token to sign; the signature is of no key that it knows
        elif command == CNXN:
            banner = "".join(f"{key}={value};" for key, value in self.phone.properties.items() if "product" in key)
            self.send(CNXN, 0x01000000, PAYLOAD, f"device::{banner}features=shell_v2".encode())
        elif command == OPEN:
            stream = Stream(self, len(self.streams) + 1, first)
            self.streams[stream.local] = stream
            self.send(OKAY, stream.local, stream.remote)
            threading.Thread(target=self._serve, args=(stream, data.rstrip(b"\0").decode()), daemon=True).start()
        elif command == OKAY and second in self.streams:
            self.streams[second].tell(ready=True)
        elif command == WRTE and second in self.streams:
            self.streams[second].receive(data)
            self.send(OKAY, second, first)
        elif command == CLSE and second in self.streams:
            self.streams[second].tell(open=False)

    def _serve(self, stream: Stream, service: str) -> None:
        try:
            kind, _, argument = service.partition(":")
            if kind.startswith("shell"):
                text, code = self.phone.shell(argument)
                for number, data in ((1, text.encode()), (3, bytes([code]))):
                    stream.write(struct.pack("<BI", number, len(data)) + data)
            elif kind == "sync":
                self._sync(stream)
            self.send(CLSE, stream.local, stream.remote)
        except (EOFError, OSError):
            pass

    def _sync(self, stream: Stream) -> None:
        while True:
            name, count = struct.unpack("<4sI", stream.read(8))
            argument = stream.read(count).decode() if name != b"QUIT" else ""
            try:
                if name == b"QUIT":
                    return
                if name == b"STAT":
                    path = self.phone.path(argument)
                    found = path.stat() if path.exists() else None
                    values = (found.st_mode, found.st_size, int(found.st_mtime)) if found else (0, 0, 0)
                    stream.write(struct.pack("<4s3I", b"STAT", *values))
                elif name == b"RECV":
                    data = self.phone.path(argument).read_bytes()
                    for i in range(0, len(data), 65536):
                        some = data[i : i + 65536]
                        stream.write(struct.pack("<4sI", b"DATA", len(some)) + some)
                    stream.write(struct.pack("<4sI", b"DONE", 0))
                elif name == b"SEND":
                    self._save(stream, self.phone.path(argument.rpartition(",")[0]))
                    stream.write(struct.pack("<4sI", b"OKAY", 0))
            except OSError as error:
                text = str(error.strerror).encode()
                stream.write(struct.pack("<4sI", b"FAIL", len(text)) + text)

    def _save(self, stream: Stream, path: Path) -> None:
        failure = None
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            while True:
                name, count = struct.unpack("<4sI", stream.read(8))
                if name == b"DONE":
                    break
                data = stream.read(count)
                self.phone.received(len(data))
                failure = failure or self.phone.take(len(data))
                if failure is None:
                    file.write(data)
        if failure:
            raise failure
