"""Is an APK what it should be: signatures, manifest, byte code, alignment, what is stored.

usage: verify.py APK
"""

from __future__ import annotations

import re
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import elf
from project import run, stop, values

MAX_BYTES = 18_000_000  # 7 MB without models; `accurate` and the person detector are 9 MB


def check(apk: Path) -> None:
    """Exit with what is wrong, if anything is."""
    known = values()
    signed = run("apksigner", "verify", "--verbose", apk)
    for scheme in ("v2", "v3"):
        _need(
            f"Verified using {scheme} scheme (APK Signature Scheme {scheme}): true" in signed, f"no {scheme} signature"
        )
    badging = run("aapt2", "dump", "badging", apk)
    package = known["applicationId"]
    _need(f"package: name='{package}' versionCode='{known['versionCode']}'" in badging, "another package or version")
    _need(re.search(rf"^(minSdkVersion|sdkVersion):'{known['minSdk']}'", badging, re.M), "another minSdk")
    _need(f"targetSdkVersion:'{known['targetSdk']}'" in badging, "another targetSdk")
    _need(f"launchable-activity: name='{package}.MainActivity'" in badging, "MainActivity is not launched")
    asked = set(re.findall(r"uses-permission: name='([^']+)'", badging))
    _need(asked == {"android.permission.CAMERA"}, f"asks for {sorted(asked)}, expected the camera alone")
    _check_dex(apk, package)
    _check_zip(apk, known["abis"].split(","))


def _check_dex(apk: Path, package: str) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(apk) as archive:
        dex = run("dexdump", "-d", archive.extract("classes.dex", folder))
    for name in (
        f"{package}.MainActivity",
        f"{package}.BenchmarkActivity",
        "org.tensorflow.lite.NativeInterpreterWrapper",
    ):
        _need(f"L{name.replace('.', '/')};" in dex, f"no class {name}")
    left = re.search("LambdaMetafactory|StringConcatFactory|ObjectMethods", dex)
    _need(not left, f"{left and left[0]} is left in the byte code, which a phone lacks")


def _check_zip(apk: Path, abis: list[str]) -> None:
    _need(apk.stat().st_size <= MAX_BYTES, f"{apk.stat().st_size} bytes, expected at most {MAX_BYTES}")
    run("zipalign", "-c", "4", apk)
    try:
        elf.describe(apk)
    except ValueError as error:
        _need(False, str(error))
    with zipfile.ZipFile(apk) as archive, open(apk, "rb") as file:
        for abi in abis:
            for library in ("libtensorflowlite_jni.so", "libtensorflowlite_gpu_jni.so"):
                _need(f"lib/{abi}/{library}" in archive.namelist(), f"no {library} for {abi}")
        for entry in archive.infolist():
            # Android unpacks them; stored ones would be mapped where they lie and need an alignment there as well
            packed = not entry.filename.endswith(".so") or entry.compress_type == zipfile.ZIP_DEFLATED
            _need(packed, f"{entry.filename} is not compressed")
            if entry.filename.endswith((".tflite", ".arsc")):
                file.seek(entry.header_offset + 26)
                at = entry.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
                _need(
                    entry.compress_type == zipfile.ZIP_STORED and at % 4 == 0, f"{entry.filename} is not stored aligned"
                )


def _need(holds: object, what: str) -> None:
    if not holds:
        stop(f"the APK is not right: {what}")


if __name__ == "__main__":
    check(Path(sys.argv[1]))
    print("as it should be")
