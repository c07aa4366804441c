"""Stand-in phones and the adb server that they are connected to."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import adb, plug
from standin import StandIn

from poseport.bench.phone import run


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of an adb server of these tests' own, with keys of its own."""
    if shutil.which("adb") is None:
        pytest.skip("adb is not installed; `apt install adb`")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"ANDROID_ADB_SERVER_PORT": str(port), "HOME": str(tmp_path_factory.mktemp("home"))}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        adb("start-server")
    yield environment
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        adb("kill-server")


@pytest.fixture
def make(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., StandIn]]:
    """Makes stand-ins and plugs them in; asking a phone how far it is costs these tests no waiting."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(run, "POLL_SECONDS", 0.05)
    phones = []

    def one(serial: str = "one", **options: bool) -> StandIn:
        phones.append(StandIn(tmp_path / f"phone-{serial}", serial, **options))
        plug(phones[-1])
        return phones[-1]

    yield one
    for phone in phones:
        adb("disconnect", f"127.0.0.1:{phone.port}")
        phone.close()


@pytest.fixture
def phone(make: Callable[..., StandIn]) -> StandIn:
    """One stand-in."""
    return make()
