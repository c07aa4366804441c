"""The phones that are connected: adb's state of each, and which of them a command line means."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress

from poseport.bench.phone.adb import ALLOW, NO_PHONE, Device, devices, sentence

_RESTART = "restart the phone (`adb -s {serial} reboot`)"
# every state that adb has apart from `device`, which is a phone that is ready, and `no permissions`
_STATES = {
    "offline": "does not answer adb; plug the cable in again (in the network: `adb disconnect {serial}`, then `adb "
    "connect`; an emulator: restart it)",
    "unauthorized": f"does not trust this computer yet; {ALLOW}",
    "authorizing": f"does not trust this computer yet; {ALLOW}",
    "connecting": "is still being connected; wait some seconds and run the command again",
    "recovery": f"is in recovery mode, where no app runs; {_RESTART}",
    "rescue": f"is in rescue mode, where no app runs; {_RESTART}",
    "sideload": f"waits for a system update (sideload), where no app runs; {_RESTART}",
    "bootloader": "is in the bootloader, where no app runs; restart the phone (`fastboot reboot`)",
    "host": "is another computer that runs adb, not a phone; name a phone with --serial",
    "detached": "was given up by this adb; run `adb -s {serial} attach`",
}
# how adb calls a phone in the network: an address and port, or the name of its wireless debugging, which holds the
# phone's serial number
_ADDRESS, _WIRELESS = r".+:\d+", r"adb-(.+)-[^-]+\._adb-tls-\w+\._tcp\.?"


def fault(serial: str, state: str) -> str | None:
    """Why a phone in this state cannot be used and what to do, in one line; None if it is ready."""
    if state == "device":
        return None
    known = _STATES.get(state.strip().lower())
    return f"{serial}: {known.format(serial=serial) if known else sentence(state, 'is')}"


def repeated(found: dict[str, str]) -> dict[str, str]:
    """Connections in the network to phones that are connected already -> the other connection.

    A phone that is connected by USB and by Wi-Fi is one phone: two measurements at once would disturb each other.

    Args:
        found: What `adb.devices` returned.
    """
    ready = [serial for serial, state in found.items() if state == "device"]
    if len(found) < 2:
        return {}
    first: dict[str, str] = {}
    for serial in sorted(ready, key=_in_network):  # USB first
        first.setdefault(_phone(serial), serial)
    again = {}
    for serial, state in found.items():
        other = first.get(_phone(serial) if state == "device" else _wireless(serial) or serial, serial)
        if _in_network(serial) and other != serial:
            again[serial] = other
    return again


def choose(serials: Sequence[str]) -> list[Device]:
    """Select the phones of a command line. A phone that is connected twice is taken once, by USB if possible.

    Args:
        serials: Serial numbers, or `all`; empty for that of the environment variable ANDROID_SERIAL or, without it, for
            the only connected phone.

    Raises:
        ValueError: If a phone is missing or not ready, or several are connected and none was named.
    """
    found = devices()
    if not found:
        raise ValueError(NO_PHONE)
    of_environment = os.environ.get("ANDROID_SERIAL")
    origin = ""
    if not serials and of_environment:
        serials, origin = [of_environment], " (of the environment variable ANDROID_SERIAL)"
    again = repeated(found) if len(serials) != 1 or "all" in serials else {}
    phones = [serial for serial in found if serial not in again]
    if not serials and len(phones) > 1:
        short = {serial: found[serial].partition(" (")[0] for serial in phones}  # adb explains some states at length
        listed = ", ".join(serial if short[serial] == "device" else f"{serial} ({short[serial]})" for serial in phones)
        raise ValueError(f"several phones are connected ({listed}); name one with --serial, or --serial all")
    chosen = phones if not serials or "all" in serials else list(serials)
    for serial in chosen:
        if serial not in found:
            raise ValueError(f"{serial}{origin}: no such phone; there is {', '.join(found)}")
        reason = fault(serial, found[serial])
        if reason:
            raise ValueError(reason)
    return [Device(serial) for serial in dict.fromkeys(again.get(serial, serial) for serial in chosen)]


def _in_network(serial: str) -> bool:
    return bool(re.fullmatch(_ADDRESS, serial) or _wireless(serial))


def _wireless(serial: str) -> str | None:
    """The phone's own serial number in the name of its wireless debugging; None for any other connection."""
    name = re.fullmatch(_WIRELESS, serial)
    return name[1] if name else None


def _phone(serial: str) -> str:
    """What a phone that is ready calls itself, however it is connected; the connection's name if it does not answer."""
    with suppress(ValueError):
        return Device(serial).shell("getprop", "ro.serialno").strip() or serial
    return serial
