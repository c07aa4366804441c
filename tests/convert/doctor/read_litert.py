"""Reads the tables of the doctor again: `python tests/convert/doctor/read_litert.py CHECKOUT [TAG ...]`.

CHECKOUT is a clone of google-ai-edge/LiteRT with its tags, so not a shallow one. The first lines are `_TABLE` of
convert/doctor/runtimes.py for the newest commit. Then comes one line per tag: the TFLite version whose operations it
registers, and what differs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping

from poseport.convert.doctor.runtimes import OLDEST

REGISTRATIONS = "tflite/core/kernels/register.cc"
VERSIONS = "tflite/converter/tools/versioning/runtime_version.cc"
Oldest = Mapping[str, tuple[tuple[int, ...] | None, ...]]


def registered(source: str) -> dict[str, int]:
    """Operation -> the newest version that the text of register.cc registers."""
    calls = re.findall(r"AddBuiltin\(\s*BuiltinOperator_(\w+),(.*?)\);", re.sub(r"/\*.*?\*/", "", source), re.DOTALL)
    return {name: int(([None, *re.findall(r",\s*(\d+)", rest)])[-1] or 1) for name, rest in calls}


def oldest(source: str) -> dict[str, dict[int, str]]:
    """Operation -> version -> the oldest runtime, in the text of runtime_version.cc."""
    found: dict[str, dict[int, str]] = {}
    for name, version, runtime in re.findall(r'\{\{BuiltinOperator_(\w+), (\d+)\},\s*"([\d.]+)"\}', source):
        found.setdefault(name, {})[int(version)] = runtime
    return found


def differences(kernels: Mapping[str, int], version: tuple[int, ...], table: Oldest = OLDEST) -> dict[str, int]:
    """Operations of which another version is registered than the newest one of a TFLite version -> that version."""
    newest = {
        name: max((i for i, runtime in enumerate(table[name], 1) if runtime and runtime[:2] <= version), default=0)
        for name in kernels
        if name in table
    }
    return {name: kernels[name] for name, last in newest.items() if kernels[name] != last}


def _show(checkout: str, commit: str, path: str) -> str:
    command = ["git", "-C", checkout, "show", f"{commit}:{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        sys.exit(f"{checkout}: git cannot show {commit}:{path} ({why}); expected a clone of LiteRT with its tags")
    return done.stdout


def main(checkout: str, *tags: str) -> None:
    """Print the table, and what each tag equals."""
    for name, versions in sorted(oldest(_show(checkout, "HEAD", VERSIONS)).items()):
        words = [re.sub(r"\.0$", "", versions.get(i, "-")) for i in range(1, max(versions) + 1)]
        print(name, *words)
    candidates = sorted({runtime[:2] for row in OLDEST.values() for runtime in row if runtime})
    for tag in tags or ("v1.4.1", "v2.2.0", "HEAD"):
        kernels = registered(_show(checkout, tag, REGISTRATIONS))
        best = min(reversed(candidates), key=lambda version: len(differences(kernels, version)))
        print(f"{tag}: TFLite {best[0]}.{best[1]}, {differences(kernels, best) or 'no difference'}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} CHECKOUT [TAG ...]")
    main(*sys.argv[1:])
