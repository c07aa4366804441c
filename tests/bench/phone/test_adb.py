"""adb's faults as lines that say what to do, and which phones a command line means."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from commands import plug, run
from standin import StandIn

from poseport.bench.phone import adb


def test_no_phone_several_phones_and_one_that_does_not_trust(make: Callable[..., StandIn]) -> None:
    assert "no phone is connected; plug one in" in run("phone", "info", code=1)
    assert "no phone is connected; plug one in" in run("phone", "list")
    one, two = make("one"), make("two")
    assert "several phones are connected" in run("phone", "info", code=1)
    assert len(json.loads(run("phone", "info", "--serial", "all", "--json"))["phones"]) == 2
    assert "no such phone" in run("phone", "info", "--serial", "else", code=1)
    two.unplug()
    two.trusts = False
    serial = plug(two)
    assert "accept 'Allow USB debugging'" in run("phone", "info", "--serial", serial, code=1)
    assert f"{serial}: does not trust this computer" in run("phone", "list")
    assert "two" not in run("phone", "info", "--serial", f"127.0.0.1:{one.port}")


def test_without_adb_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt install adb" in run("phone", "list", code=1)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("error: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", "accept 'Allow USB debugging'"),
        ("error: device '1234' not found", "plug the cable in again"),
        ("no permissions; see [http://developer.android.com/tools/device.html]", "udev"),
        ("adb: error: failed to copy 'a' to 'b': remote No space left on device", "is full"),
        ("adb: failed to install a.apk: Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]", "is full"),
        ("Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: signatures do not match]", "adb uninstall org.poseport.demo"),
        ("mkdir: '/sdcard/Android/data/x': Permission denied", "start the app there once"),
        ("something\nelse altogether", "adb push failed (else altogether)"),
    ],
)
def test_what_adb_says_becomes_what_to_do(said: str, remedy: str) -> None:
    assert remedy in adb.sentence(said, "push")
