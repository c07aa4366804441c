"""`poseport phone`."""

from __future__ import annotations

from pathlib import Path

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

HERE = "poseport.bench.phone.cli"
COMMANDS = {
    "list": (HERE, "list_phones", "List the connected phones."),
    "info": (HERE, "info", "Describe a phone: model, SoC, Android, memory, app."),
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
    rows = [
        row
        for p in phones
        for row in (
            p.name,
            f"  serial   {p.serial}",
            f"  SoC      {p.soc}, {p.cores} cores",
            f"  Android  {p.android}, {p.build}",
            f"  ABIs     {', '.join(p.abis)}",
            f"  memory   {p.memory_bytes / 1e9:.1f} GB",
            f"  free     {p.free_bytes / 1e9:.1f} GB",
            f"  app      {p.app or 'not installed'}",
        )
    ]
    answer({"phones": [to_data(p) for p in phones]}, escape.lines(rows), as_json=as_json, quiet=quiet)


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
