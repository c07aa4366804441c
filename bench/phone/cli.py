"""`poseport phone`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poseport.command.groups import LazyGroup
from poseport.command.options import (
    MODEL,
    PATH,
    F,
    answer,
    guarded,
    output_options,
)
from poseport.files import escape

if TYPE_CHECKING:
    from poseport.bench.phone.advice import Advice
    from poseport.bench.phone.check import Facts
    from poseport.bench.phone.handset import Phone

HERE = "poseport.bench.phone.cli"
COMMANDS = {
    "list": (HERE, "list_phones", "List the connected phones."),
    "info": (HERE, "info", "Describe a phone: model, SoC, Android, memory, app."),
    "check": (HERE, "check", "Say what a phone can do, which model it should take, and what stands in the way."),
    "install": (HERE, "install", "Install the app and a model, and open the app with it."),
}


def phone_options(command: F) -> F:
    """Add `--serial` and `--apk`.

    Args:
        command: The function of the command.

    Returns:
        The function with the options.
    """
    text = "The app's file, installed if the phone has no app or another version; `make apk` builds it."
    command = click.option("--apk", type=PATH, help=text)(command)
    return serial_option(command)


def serial_option(command: F) -> F:
    """Add `--serial`, which names phones.

    Args:
        command: The function of the command.

    Returns:
        The function with the option.
    """
    text = (
        "Serial number of a phone (see `poseport phone list`), or `all`; may be repeated. Default: $ANDROID_SERIAL, or "
        "the only phone."
    )
    return click.option("--serial", "serials", multiple=True, help=text)(command)


@click.group(cls=LazyGroup, lazy=COMMANDS)
def phone() -> None:
    """Work with Android phones that are connected by adb, the Android debug bridge."""


@click.command("list")
@output_options
@guarded
def list_phones(quiet: bool, as_json: bool) -> None:
    """List the connected phones, and say why one cannot be used.

    Example: poseport phone list --json
    """
    from poseport.bench.phone import adb, connected

    states = adb.devices()
    again = connected.repeated(states)
    lines = []
    for serial, state in states.items():
        same = f", the same phone as {again[serial]}" if serial in again else ""
        lines.append(connected.fault(serial, state) or f"{serial}  ready{same}")
    text = escape.lines(lines) or adb.NO_PHONE
    phones = [{"serial": serial, "state": state, "same_as": again.get(serial)} for serial, state in states.items()]
    answer({"phones": phones}, text, as_json=as_json, quiet=quiet)


@click.command()
@serial_option
@output_options
@guarded
def info(serials: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Describe a phone: model, SoC, Android version, ABIs, memory, free space, and the installed app.

    Example: poseport phone info --serial all
    """
    from poseport.bench.phone import connected, handset
    from poseport.records import to_data

    phones = [handset.look(device) for device in connected.choose(serials)]
    rows = [row for phone in phones for row in _properties(phone)]
    answer({"phones": [to_data(p) for p in phones]}, escape.lines(rows), as_json=as_json, quiet=quiet)


@click.command()
@serial_option
@output_options
@guarded
def check(serials: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Say what a phone can do before anything is measured: its properties, memory, heat, battery, screen, GPU and app,
    which shipped model it should take, and what stands in the way. Nothing on the phone is changed. The exit code is 0
    if the phone answers, whatever is found.

    Example: poseport phone check --serial all
    """
    from poseport.bench.phone import advice, connected
    from poseport.bench.phone.check import ask
    from poseport.records import to_data

    found = [(facts, advice.advise(facts)) for facts in map(ask, connected.choose(serials))]
    rows = [row for facts, advised in found for row in (*_properties(facts.phone), *_state(facts), *_advice(advised))]
    phones = [{**to_data(facts), "advice": to_data(advised)} for facts, advised in found]
    answer({"phones": phones}, escape.lines(rows), as_json=as_json, quiet=quiet)


def _properties(p: Phone) -> list[str]:
    """What `info` and `check` show of a phone."""
    return [
        p.name,
        f"  serial   {p.serial}",
        f"  SoC      {p.soc}, {p.cores or 'an unknown number of'} cores",
        f"  Android  {p.android}, {p.build}",
        f"  ABIs     {', '.join(p.abis) or 'unknown'}",
        f"  memory   {_size(p.memory_bytes)}",
        f"  free     {_size(p.free_bytes)}",
        f"  app      {p.app or 'not installed'}",
    ]


def _state(facts: Facts) -> list[str]:
    """What `check` shows besides."""
    from poseport import __version__

    def switch(value: bool | None) -> str:
        return {None: "unknown", True: "on", False: "off"}[value]

    percent, celsius, pages = facts.battery_percent, facts.battery_celsius, facts.page_bytes
    power = {None: "charger unknown", True: "charging", False: "not charging"}[facts.plugged]
    gpu = facts.gpu
    opencl = {"not public": "found, but not listed for apps", "public": "found", "missing": "not found"}
    dots = {None: "unknown", True: "on every core", False: "not on every core"}[facts.dot_products]
    return [
        f"  toolkit  {__version__}",
        f"  API      {facts.api or 'unknown'}",
        f"  pages    {pages // 1024} KB" if pages else "  pages    unknown",
        f"  int8     dot products {dots}",
        f"  now      available memory {_size(facts.available_bytes)}, thermal status {facts.thermal}",
        f"  battery  {'charge unknown' if percent is None else f'{percent} %'}, "
        f"{'temperature unknown' if celsius is None else f'{celsius:.1f} °C'}, {power}, "
        f"battery saver {switch(facts.battery_saver)}",
        f"  screen   {facts.screen}, stay awake {switch(facts.stay_awake)}",
        f"  options  developer options {switch(facts.developer_options)}, USB debugging {switch(facts.usb_debugging)}",
        f"  GPU      {gpu.name}, OpenGL ES {gpu.opengl_es}, OpenCL {opencl.get(gpu.opencl, 'unknown')}",
    ]


def _advice(advised: Advice) -> list[str]:
    """The end of the page: the model, and the problems."""
    lines = [f"  model    none: {advised.reasons[0]}"]
    if advised.needs is not None:
        n = advised.needs
        lines = [
            f"  model    {advised.model}: {n.file_bytes / 1e6:.2f} MB, {n.activation_bytes / 1e6:.1f} MB of "
            f"activations (estimated), {n.macs / 1e6:.0f} M multiply-adds per crop",
            *(f"    why: {reason}" for reason in advised.reasons),
            f"    next: poseport bench phone {advised.model} --data people --delegates {','.join(advised.delegates)}",
        ]
    for problem in advised.problems:
        lines += [f"  problem  {problem.id}: {problem.what}", f"    fix: {problem.remedy}"]
    return lines if advised.problems else [*lines, "  problem  none in what the phone says"]


def _size(size: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@click.command()
@click.argument("model", type=MODEL)
@phone_options
@output_options
@guarded
def install(model: Path, serials: tuple[str, ...], apk: Path | None, quiet: bool, as_json: bool) -> None:
    """Copy a converted MODEL to a phone and open the app with it. With --apk, the app is installed first if needed.

    Example: poseport phone install starter --apk android_demo/build/poseport-demo.apk
    """
    from poseport.bench.phone import app, connected

    installations = []
    for device in connected.choose(serials):
        newly_installed = app.provide(device, apk)
        name = app.sideload(device, model)
        installations.append({"serial": device.serial, "model": name, "installed": newly_installed})
    text = "\n".join(
        f"{f['serial']}: {'app installed; ' if f['installed'] else ''}shows {f['model']}" for f in installations
    )
    answer({"phones": installations}, text, as_json=as_json, quiet=quiet)
