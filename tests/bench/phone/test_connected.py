"""Which phones a command line means: states of adb, one phone that is connected twice, and ANDROID_SERIAL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run
from standin import StandIn

from poseport.bench.phone import connected

WIRELESS = "adb-R5CT30ABCDE-x1y2z3 (2)._adb-tls-connect._tcp"


def fake_adb(folder: Path, monkeypatch: pytest.MonkeyPatch, listed: str, code: int = 0, error: str = "") -> None:
    """A program `adb` that lists phones; each calls itself by what follows `#` in its line."""
    names = "\n".join(
        f'[ "$2" = "{line.partition(chr(9))[0]}" ] && echo "{line.partition("#")[2]}"' for line in listed.splitlines()
    )
    lines = re.sub("#.*", "", listed)
    (folder / "adb").write_text(
        f'#!/bin/sh\nif [ "$1" = devices ]; then\ncat <<"END"\nList of devices attached\n{lines}\nEND\n'
        f'echo "{error}" >&2; exit {code}\nfi\n{names}\necho "exit code 0"\n'
    )
    (folder / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        ("offline", "plug the cable in again"),
        ("unauthorized", "accept 'Allow USB debugging'"),
        ("authorizing", "accept 'Allow USB debugging'"),
        ("no permissions (missing udev rules?); see [http://x]", "udev rules"),
        ("connecting", "wait some seconds"),
        ("recovery", "adb -s Q1 reboot"),
        ("rescue", "adb -s Q1 reboot"),
        ("sideload", "adb -s Q1 reboot"),
        ("bootloader", "fastboot reboot"),
        ("host", "not a phone"),
        ("detached", "adb -s Q1 attach"),
        ("something new", "adb is failed (something new)"),
    ],
)
def test_each_state_of_adb_is_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, remedy: str
) -> None:
    fake_adb(tmp_path, monkeypatch, f"Q1\t{state}")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    listed = run("phone", "list")
    assert listed.startswith("Q1: ")
    assert listed.count("\n") == 1
    assert remedy in listed
    for words in ((), ("--serial", "Q1"), ("--serial", "all")):
        assert run("phone", "info", *words, code=1) == f"Error: {listed}"


def test_an_adb_that_fails_is_not_the_absence_of_phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_adb(tmp_path, monkeypatch, "", 1, "error: protocol fault (couldn't read status): Connection reset by peer")
    line = run("phone", "list", code=1)
    assert "protocol fault" in line
    assert "run `adb kill-server`" in line


@pytest.mark.parametrize(
    ("listed", "serials", "chosen"),
    [
        ("R5\tdevice#R5\n192.168.1.20:5555\tdevice#R5", [], ["R5"]),
        ("192.168.1.20:5555\tdevice#R5\nR5\tdevice#R5", ["all"], ["R5"]),
        ("R5\tdevice#R5\n192.168.1.20:5555\tdevice#R5", ["192.168.1.20:5555"], ["192.168.1.20:5555"]),
        ("R5\tdevice#R5\n192.168.1.20:5555\tdevice#R5", ["192.168.1.20:5555", "R5"], ["R5"]),
        ("R5\tdevice#R5\n192.168.1.20:5555\tdevice#Q7", ["all"], ["R5", "192.168.1.20:5555"]),
        (f"R5CT30ABCDE\tdevice#R5CT30ABCDE\n{WIRELESS}\toffline#", [], ["R5CT30ABCDE"]),
        (f"10.0.0.7:5555\tdevice#R5CT30ABCDE\n{WIRELESS}\tdevice#R5CT30ABCDE", ["all"], ["10.0.0.7:5555"]),
        ("emulator-5554\tdevice#E\nemulator-5556\tdevice#E", ["all"], ["emulator-5554", "emulator-5556"]),
        ("a\tdevice#\n10.0.0.7:5555\tdevice#", ["all"], ["a", "10.0.0.7:5555"]),
    ],
)
def test_a_phone_that_is_connected_twice_is_one_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, serials: list[str], chosen: list[str]
) -> None:
    fake_adb(tmp_path, monkeypatch, listed)
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    assert [device.serial for device in connected.choose(serials)] == chosen


def test_android_serial_is_the_default_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_adb(tmp_path, monkeypatch, "R5\tdevice#R5\nQ7\tdevice#Q7\nQ8\toffline#")
    monkeypatch.setenv("ANDROID_SERIAL", "Q7")
    assert [device.serial for device in connected.choose([])] == ["Q7"]
    assert [device.serial for device in connected.choose(["R5"])] == ["R5"]
    monkeypatch.setenv("ANDROID_SERIAL", "Q9")
    with pytest.raises(ValueError, match=r"^Q9 \(of the environment variable ANDROID_SERIAL\): no such phone; .*R5"):
        connected.choose([])
    monkeypatch.setenv("ANDROID_SERIAL", "Q8")
    with pytest.raises(ValueError, match=r"^Q8: does not answer adb"):
        connected.choose([])


def test_stand_ins_of_one_serial_number_are_one_phone(make: Callable[..., StandIn]) -> None:
    first, second = make("one"), make("two")
    assert len(connected.choose(["all"])) == 2
    second.properties["ro.serialno"] = "one"
    serials = [f"127.0.0.1:{phone.port}" for phone in (first, second)]
    (chosen,) = connected.choose(["all"])
    assert chosen == connected.choose([])[0]
    serials.remove(chosen.serial)
    rows = json.loads(run("phone", "list", "--json"))["phones"]
    assert {row["serial"]: row["same_as"] for row in rows} == {chosen.serial: None, serials[0]: chosen.serial}
    assert f"{serials[0]}  ready, the same phone as {chosen.serial}" in run("phone", "list")
