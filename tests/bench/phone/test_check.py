"""What a phone says before anything is measured, and what follows from it, for several kinds of phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kinds
import pytest
from commands import run
from standin import StandIn

from poseport import __version__
from poseport.bench.phone import advice, app
from poseport.tflite import shipped

ROOT = Path(__file__).parents[3]


def check(*words: str) -> dict[str, Any]:
    (found,) = json.loads(run("phone", "check", *words, "--json"))["phones"]
    return dict(found)


def problems(found: dict[str, Any]) -> dict[str, str]:
    return {p["id"]: f"{p['what']}; {p['remedy']}" for p in found["advice"]["problems"]}


def test_a_healthy_phone_takes_the_exact_network_and_has_no_problem(phone: StandIn) -> None:
    kinds.healthy(phone)
    found = check()
    gpu = {"name": "Maker, Renderer (TM) 740", "opengl_es": "3.2", "opencl": "public"}
    told = {
        "api": 35, "low_ram": None, "page_bytes": 4096, "dot_products": True, "available_bytes": 3_100_000 * 1024,
        "thermal": "none", "battery_percent": 80, "battery_celsius": 31.5, "plugged": True, "battery_saver": False,
        "screen": "on", "developer_options": True, "usb_debugging": True, "stay_awake": True, "gpu": gpu,
    }  # fmt: skip
    assert {key: found[key] for key in told} == told
    advised = found["advice"]
    assert (advised["model"], advised["delegates"], advised["problems"]) == ("accurate", ["cpu", "gpu"], [])
    assert advised["needs"]["file_bytes"] == shipped.SHIPPED["accurate"].path.stat().st_size
    page = run("phone", "check")
    for line in (
        "app      0.1", f"toolkit  {__version__}", "ABIs     arm64-v8a", "API      35", "pages    4 KB",
        "now      available memory 3.2 GB, thermal status none",
        "battery  80 %, 31.5 °C, charging, battery saver off",
        "screen   on, stay awake on", "options  developer options on, USB debugging on",
        "GPU      Maker, Renderer (TM) 740, OpenGL ES 3.2, OpenCL found",
        f"model    accurate: {shipped.model('accurate').stat().st_size / 1e6:.2f} MB",
        "4.1 times the multiply-adds of starter",
        "next: poseport bench phone accurate --data people --delegates cpu,gpu",
        "problem  none in what the phone says",
    ):  # fmt: skip
        assert line in page
    assert run("phone", "check", "--quiet") == ""


def test_nothing_on_the_phone_is_changed(phone: StandIn) -> None:
    kinds.healthy(phone)
    phone.commands.clear()
    check()
    harmless = ("getprop", "getconf", "cat", "df", "ls", "pm path", "dumpsys", "settings get")
    assert [line for line in phone.commands if not line.startswith(harmless)] == []


def test_an_old_phone_that_says_little(make: Callable[..., StandIn]) -> None:
    kinds.old(make(app=False))
    found = check()
    silent = ("battery_percent", "battery_celsius", "plugged", "battery_saver", "developer_options", "usb_debugging",
              "stay_awake", "dot_products")  # fmt: skip
    assert {found[key] for key in silent} == {None}
    assert (found["api"], found["page_bytes"], found["low_ram"], found["thermal"]) == (27, 4096, True, "unknown")
    assert found["gpu"] == {"name": "unknown", "opengl_es": "3.1", "opencl": "missing"}
    assert found["advice"]["model"] == "tiny"
    (why, _) = found["advice"]["reasons"]
    assert "only 32-bit ABIs, has 1.9 GB of memory, is set up for little memory" in why
    assert list(problems(found)) == ["app"]
    assert "`make apk`, then `poseport phone install starter --apk" in problems(found)["app"]
    page = run("phone", "check")
    assert "app      not installed" in page
    assert "charge unknown, temperature unknown, charger unknown, battery saver unknown" in page


def test_a_phone_that_says_nothing_is_unknown_and_takes_the_default(phone: StandIn) -> None:
    phone.says |= {"cat /proc/meminfo": "", "cat /proc/cpuinfo": "", "df -k /sdcard": "", "dumpsys window": ""}
    phone.says["dumpsys package org.poseport.demo"] = ""
    found = check()
    assert found["gpu"] == {"name": "unknown", "opengl_es": "unknown", "opencl": "unknown"}
    assert (found["screen"], found["page_bytes"], found["api"], found["available_bytes"]) == (
        "unknown",
        None,
        None,
        None,
    )
    assert (found["phone"]["memory_bytes"], found["phone"]["free_bytes"]) == (None, None)
    assert (found["advice"]["model"], found["advice"]["delegates"]) == ("starter", ["cpu"])
    assert "does not say how much memory it has" in found["advice"]["reasons"][1]
    assert list(problems(found)) == ["app-version"]
    for page in (run("phone", "check"), run("phone", "info")):
        assert "memory   unknown" in page
        assert "free     unknown" in page
        assert "an unknown number of cores" in page


def test_every_trouble_is_a_line_with_its_remedy(phone: StandIn) -> None:
    kinds.troubled(phone)
    found = check()
    said = problems(found)
    assert list(said) == [
        "app-version", "page-size", "hot", "battery-saver", "battery", "screen", "memory", "storage",
    ]  # fmt: skip
    for name, part in {
        "app-version": f"version 0.0.9; this toolkit is {__version__}; `make apk`",
        "page-size": "pages of 16 KB, and the app's TFLite libraries are aligned to 4 KB",
        "hot": "thermal status severe (3 of 6), battery at 45.5 °C",
        "battery": "at 9 %",
        "screen": "is locked",
        "memory": "154 MB of memory are available; starter and the app take about",
        "storage": "30 MB of storage are free; starter and Android's own needs take 70 MB; free some space",
    }.items():
        assert part in said[name]
    assert found["gpu"]["opencl"] == "not public"
    assert found["advice"]["model"] == "starter"
    assert "this phone has 3.9 GB of memory, has cores without int8 dot products" in found["advice"]["reasons"][1]
    assert "problem  storage: 30 MB" in run("phone", "check")


def test_a_phone_on_which_the_app_cannot_run_takes_no_model(phone: StandIn) -> None:
    kinds.healthy(phone)
    phone.properties |= {
        "ro.build.version.sdk": "25",
        "ro.build.version.release": "7.1",
        "ro.product.cpu.abilist": "x86",
    }
    found = check()
    assert (found["advice"]["model"], found["advice"]["needs"], list(problems(found))) == (
        None,
        None,
        ["android", "abi"],
    )
    page = run("phone", "check")
    assert "model    none: the app does not run on this phone" in page
    assert "Android 7.1 (API 25); the app needs 8.0 (API 26)" in page
    assert "it runs x86; the app has libraries for arm64-v8a" in page


@pytest.mark.parametrize(
    ("command", "said", "key"),
    [
        ("dumpsys thermalservice", kinds.THERMAL.format(0, "false"), "thermal"),
        ("dumpsys battery", "  (UPDATES STOPPED -- use 'reset' to restart)\n" + kinds.BATTERY.format("true", 90, 300),
         "battery_percent"),
        ("dumpsys battery", kinds.BATTERY.format("true", 90, 0), "battery_celsius"),
        ("dumpsys battery", kinds.BATTERY.format("true", 90, 300).replace("present: tru", "present: fals"), "plugged"),
        (kinds.setting("low_power"), "null\n", "battery_saver"),
        ("dumpsys power", "  mWakefulness=Dreaming\n", "screen"),
    ],
)  # fmt: skip
def test_a_value_that_means_nothing_is_unknown(phone: StandIn, command: str, said: str, key: str) -> None:
    kinds.healthy(phone)
    phone.says[command] = said
    assert check()[key] in (None, "unknown")


@pytest.mark.parametrize("command", ["info", "check"])
def test_a_hostile_phone_commands_no_terminal(phone: StandIn, command: str) -> None:
    kinds.hostile(phone)
    for page in (run("phone", command), run("phone", command, "--json"), run("phone", "list")):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)
    page = run("phone", command)
    assert "stand-in a?]0;owned??2J?b a?]0;owned??2J?b (" in page
    assert "serial   a?]0;owned??2J?b" in page
    assert "app      a?]0;owned??2J?b" in page
    assert "memory   unknown" in page
    phone.says.clear()
    phone.says["getprop"] = ""
    assert "(" in run("phone", command)


def test_what_a_hostile_phone_says_is_no_good_value(phone: StandIn) -> None:
    kinds.hostile(phone)
    found = check()
    keys = ("api", "low_ram", "page_bytes", "available_bytes", "battery_percent", "battery_celsius", "plugged",
            "battery_saver", "stay_awake")  # fmt: skip
    assert {found[key] for key in keys} == {None}
    assert found["thermal"] == "unknown"
    assert list(problems(found)) == ["abi"]


def test_several_phones_and_one_that_leaves(make: Callable[..., StandIn]) -> None:
    one, two = make("one"), make("two")
    kinds.healthy(one)
    kinds.old(two)
    found = json.loads(run("phone", "check", "--serial", "all", "--json"))["phones"]
    assert [f["advice"]["model"] for f in found] in (["accurate", "tiny"], ["tiny", "accurate"])
    two.unplug()
    assert "127.0.0.1" in run("phone", "check", "--serial", f"127.0.0.1:{two.port}", code=1)


def test_the_values_of_the_app_are_those_of_its_project() -> None:
    lines = (ROOT / "android_demo" / "gradle.properties").read_text().splitlines()
    values = dict(line.removeprefix("poseport.").split("=", 1) for line in lines if line.startswith("poseport."))
    assert int(values["minSdk"]) == app.MIN_API
    assert tuple(values["abis"].split(",")) == app.ABIS
    assert values["tflite"] == "2.16.1", "app.PAGE_BYTES is the alignment of another library"
    assert re.sub(r"(\.0)+$", "", __version__) == values["versionName"], "phone check compares the two"
    assert {advice.SMALL, advice.LARGE, shipped.STARTER} <= set(shipped.SHIPPED)
