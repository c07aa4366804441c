"""The reader of libraries says what Google Play will say, on made files and on TFLite's own, and trusts no offset."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from poseport.bench.phone import app

DEMO = Path(__file__).parents[2] / "android_demo"
sys.path.insert(0, str(DEMO / "tools"))

import elf  # noqa: E402
import project  # noqa: E402

ONLY_SIDELOAD = "sideload only, not for Play"
PT_NOTE = 4


def made(*steps: int, wide: bool = True) -> bytes:
    """An ELF file with a note and one loaded segment of 16 bytes for each alignment."""
    header, entry = (64, 56) if wide else (52, 32)
    count = len(steps) + 1
    kinds = [(PT_NOTE, 4), *((elf.PT_LOAD, step) for step in steps)]
    begin = header + entry * count
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    machine = 183 if wide else 40
    fixed = (3, machine, 1, 0, header, 0, 0, header, entry, count, 0, 0, 0)
    data = ident + struct.pack("<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH", *fixed)
    for i, (kind, step) in enumerate(kinds):
        offset = begin + 16 * i
        address = offset + i * 65536
        if wide:
            data += struct.pack("<IIQQQQQQ", kind, 5, offset, address, address, 16, 16, step)
        else:
            data += struct.pack("<IIIIIIII", kind, offset, address, address, 16, 16, 5, step)
    return data + bytes(16 * count)


def packed(folder: Path, **libraries: bytes) -> Path:
    """An APK of libraries: `arm64_one=...` becomes lib/arm64/libone.so."""
    with zipfile.ZipFile(folder / "made.apk", "w") as archive:
        archive.writestr("classes.dex", "is no library")
        for place, data in libraries.items():
            abi, name = place.split("_")
            archive.writestr(f"lib/{abi}/lib{name}.so", data)
    return folder / "made.apk"


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("steps", "least"),
    [((4096,), 4096), ((16384,) * 3, 16384), ((65536, 4096), 4096), ((16384, 65536), 16384), ((0,), 1)],
)
def test_the_smallest_alignment_of_what_is_loaded_is_read(wide: bool, steps: tuple[int, ...], least: int) -> None:
    data = made(*steps, wide=wide)
    assert elf.is_wide(data) is wide
    assert elf.alignment(data) == least


def test_the_line_names_the_64_bit_libraries_that_play_refuses(tmp_path: Path) -> None:
    small, large, narrow = made(4096), made(16384, 16384), made(4096, wide=False)
    assert elf.describe(packed(tmp_path, arm64_a=large, x64_a=made(65536), arm_a=narrow)) == "16 KB ready"
    found = elf.describe(packed(tmp_path, arm64_b=small, x64_b=small, arm64_a=large, x64_c=made(16384, 8192)))
    assert found == f"4 KB segments (libb.so, libc.so): {ONLY_SIDELOAD}"
    assert elf.describe(packed(tmp_path, arm64_a=made(1))) == f"1 byte segments (liba.so): {ONLY_SIDELOAD}"
    for nothing in ({}, {"arm_a": made(16384, wide=False)}):
        assert elf.describe(packed(tmp_path, **nothing)) == f"no 64-bit libraries: {ONLY_SIDELOAD}"


def changed(at: int, form: str, value: int) -> bytes:
    data = bytearray(made(16384, 16384))
    struct.pack_into(form, data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is no ELF file"),
        (b"MZ" + bytes(100), "is no ELF file"),
        (b"\x7fELF", "32- or 64-bit little-endian"),
        (changed(4, "<B", 3), "32- or 64-bit little-endian"),
        (changed(5, "<B", 2), "32- or 64-bit little-endian"),  # big-endian
        (made(16384)[:50], "has 50 bytes, expected a header of 64"),
        (changed(54, "<H", 32), "program headers of 32 bytes, expected 56"),
        (changed(32, "<Q", 2**63), "3 program headers begin at 9223372036854775808"),
        (changed(56, "<H", 65535), "65535 program headers begin at 64"),
        (changed(56, "<H", 1), "no segment that is loaded"),
        (changed(64 + 56 + 48, "<Q", 16383), "not aligned to 16383 bytes"),
        (changed(64 + 56 + 16, "<Q", 1), "not aligned to 16384 bytes"),
        (changed(64 + 56 + 32, "<Q", 2**60), "a segment of 1152921504606846976 at"),
    ],
)
def test_a_damaged_library_is_one_line_that_names_it(
    data: bytes, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = packed(tmp_path, arm64_good=made(16384), arm64_bad=data)
    with pytest.raises(ValueError, match=rf"^lib/arm64/libbad\.so .*{what}"):
        elf.describe(archive)
    done = subprocess.run(
        [sys.executable, DEMO / "tools" / "elf.py", archive], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert what in done.stderr


def test_no_damage_of_bytes_is_more_than_a_line() -> None:
    """Every byte of the headers to several values, every length, and random ones."""
    for wide in (False, True):
        whole, draw = made(16384, 4096, wide=wide), random.Random(0)
        files = [whole[:n] for n in range(len(whole))]
        files += [whole[:at] + bytes([value]) + whole[at + 1 :] for at in range(len(whole)) for value in (0, 127, 255)]
        for _ in range(2000):
            data = bytearray(whole)
            for _ in range(draw.randint(1, 8)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            files.append(bytes(data))
        refused = 0
        for data in files:
            try:
                assert elf.alignment(data) >= 1
            except ValueError:
                refused += 1
        assert 0 < refused < len(files)


def test_what_is_no_apk_or_too_large_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.apk"
    for content in (b"", b"PK\x03\x04 and no more"):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.apk: cannot be read .*expected an APK or AAR"):
            elf.describe(broken)
    with pytest.raises(ValueError, match=r"none\.apk: cannot be read"):
        elf.describe(tmp_path / "none.apk")
    archive = packed(tmp_path, arm64_a=made(16384))
    data = bytearray(archive.read_bytes())
    data[data.index(b"\x7fELF") + 20] ^= 255  # the checksum of the zip finds it
    broken.write_bytes(data)
    with pytest.raises(ValueError, match=r"broken\.apk: cannot be read"):
        elf.describe(broken)
    monkeypatch.setattr(elf, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match=r"liba\.so has \d+ bytes, expected at most 100"):
        elf.describe(archive)


def test_the_libraries_of_tflite_are_what_the_toolkit_says_of_them() -> None:
    """`poseport phone check` holds their alignment as a value, because an installed package has no APK."""
    version = project.values()["tflite"]
    found = [project.JARS / f"{name}-{version}.aar" for name in ("tensorflow-lite", "tensorflow-lite-gpu")]
    if not all(path.is_file() for path in found):
        pytest.skip("TFLite's libraries are not fetched: make apk")
    for path in found:
        with zipfile.ZipFile(path) as archive:
            libraries = [archive.read(name) for name in archive.namelist() if name.endswith(".so")]
        assert sorted(map(elf.is_wide, libraries)) == [False, False, True, True]
        assert {elf.alignment(data) for data in libraries} == {app.PAGE_BYTES}
        assert elf.describe(path).startswith("4 KB segments (libtensorflowlite_")
