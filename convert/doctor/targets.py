"""The runtimes that `doctor --runtime` knows by name, as versions of the table in `poseport.convert.doctor.runtimes`.

A LiteRT release counts its own versions. What it loads is the list of kernels that it registers, and that list is
compared with the table: LiteRT 1.4.1 registers exactly what TFLite 2.19 had (and version 4 of
DYNAMIC_UPDATE_SLICE besides), LiteRT 2.2.0 exactly what the table knows. `tests/convert/doctor/read_litert.py` makes
the comparison again from a checkout of LiteRT.
"""

from __future__ import annotations

from dataclasses import dataclass

from poseport.convert.doctor.runtimes import LATEST, parse_version


@dataclass(frozen=True)
class Target:
    """A runtime that apps contain or call.

    Attributes:
        name: What the runtime is called on the command line.
        version: The newest TFLite version whose operations it loads without exception.
        source: Where that was read.
        date: Date of the source; of the assumption, where nobody states it.
    """

    name: str
    version: tuple[int, ...]
    source: str
    date: str

    @property
    def text(self) -> str:
        """The runtime and where its operations were read, in one line."""
        return f"{self.name} loads what TFLite {'.'.join(map(str, self.version))} has ({self.source}, {self.date})"


_TABLE = "runtime_version.cc of google-ai-edge/LiteRT, commit f6745779"
_REGISTRATIONS = "tflite/core/kernels/register.cc of google-ai-edge/LiteRT"
TARGETS = {
    target.name: target
    for target in (
        Target("tflite-2.16", (2, 16), f"{_TABLE}; the app of `make apk` contains TFLite 2.16.1", "2026-08-21"),
        Target("litert-1.4", (2, 19), f"{_REGISTRATIONS}, tag v1.4.1", "2025-11-19"),
        Target("litert-2.3", LATEST, f"{_REGISTRATIONS}, commit f6745779 between 2.2.0 and 2.3.0", "2026-08-21"),
        Target(
            "play-services", (2, 16), "assumed: Google updates it on each phone and states no version", "2026-11-28"
        ),
    )
}


def find_target(text: str) -> Target:
    """Find the runtime that `--runtime` names.

    Args:
        text: The name of a target, or a TFLite version such as `2.16`.

    Returns:
        The runtime.

    Raises:
        ValueError: If it is neither.
    """
    if text in TARGETS:
        return TARGETS[text]
    try:
        version = parse_version(text)
    except ValueError:
        known = ", ".join(TARGETS)
        raise ValueError(f"--runtime {text!r}: expected {known}, or a TFLite version such as 2.16") from None
    return Target(f"tflite-{'.'.join(map(str, version))}", version, _TABLE, "2026-08-21")
