"""What a phone is."""

from __future__ import annotations

import json

from commands import run
from standin import StandIn


def test_list_and_info_say_what_there_is(phone: StandIn) -> None:
    serial = f"127.0.0.1:{phone.port}"
    assert run("phone", "list") == f"{serial}  ready\n"
    (found,) = json.loads(run("phone", "info", "--json"))["phones"]
    assert found["model"] == "Stand-in"
    assert found["abis"] == ["arm64-v8a", "armeabi-v7a"]
    assert found["memory_bytes"] == 8_000_000 * 1024
    assert found["free_bytes"] == phone.space // 1024 * 1024
    assert found["cores"] == 2
    assert found["app"] == "1.0"
    assert found["stand_in"] is True
