"""The connected phones: adb's state of each, and the choice of phones by a command line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress

from poseport.bench.phone.adb import ALLOW, NO_PHONE, Device, devices, sentence

_RESTART = "restart the phone (`adb -s {serial} reboot`)"
# every state in adb apart from `device`, a phone that is ready, and `no permissions`
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
    """Explain why a phone in this state cannot be used.

    Args:
        serial: Serial number of the phone.
        state: adb's state.

    Returns:
        The fault and its remedy in one line; None if the phone is ready.
    """
    if state == "device":
        return None
    known = _STATES.get(state.strip().lower())
    return f"{serial}: {known.format(serial=serial) if known else sentence(state, 'is')}"


def repeated(found: dict[str, str]) -> dict[str, str]:
    """Find phones that are connected both by USB and in the network, where they must count once.

    Two measurements at once on one phone would disturb each other.

    Args:
        found: The result of `adb.devices`.

    Returns:
        Connection in the network -> the other connection of the same phone.
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

    Returns:
        The phones.

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
    """Read the phone's own serial number from the name of its wireless debugging; None for other connections."""
    name = re.fullmatch(_WIRELESS, serial)
    return name[1] if name else None


def _phone(serial: str) -> str:
    """Query the serial number of a ready phone, however it is connected; the connection's name without an answer."""
    with suppress(ValueError):
        return Device(serial).shell("getprop", "ro.serialno").strip() or serial
    return serial
