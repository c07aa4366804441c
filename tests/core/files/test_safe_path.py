"""Names that attack: none leads out of its folder, to a device, or to a file without an end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poseport.files import safe_path

HOSTILE = [
    "../../evil", "/etc/passwd", "..", ".", "", "a/../../b", "C:\\x", "..\\..\\x", "a\0b", "~/x", "new\nline",
    ".hidden", "x" * 5000, "con:aux", "\ud800",
]  # fmt: skip
CLIMBING = ["../x", "/etc/passwd", "a/../../b", "", "C:/x", "\\\\host\\x", "a\\..\\..\\b", "a\0", "~/x"]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_becomes_a_name_in_one_folder(text: str, tmp_path: Path) -> None:
    name = safe_path.file_name(text)
    path = tmp_path / name
    path.write_text("x")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert not name.startswith(".")
    assert len(name.encode()) <= safe_path.MAX_NAME


def test_a_harmless_name_stays_and_two_names_stay_two() -> None:
    for name in ("tiny.int8", "starter.int8-p95", "Pixel 8 (12ab)", "Modell ü+1"):
        assert safe_path.file_name(name) == name
    assert len({safe_path.file_name(text) for text in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../b", "", "C:/x", "\\\\host\\x", "a\\..\\..\\b", "a\0", "~/x"]
)
def test_a_name_that_leaves_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a relative name"):
        safe_path.inside(tmp_path, name)


def test_a_name_inside_the_folder_is_found(tmp_path: Path) -> None:
    assert safe_path.inside(tmp_path, "train2017/000..1.jpg") == tmp_path / "train2017" / "000..1.jpg"


def test_only_regular_files_of_a_bounded_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(bytes(101))
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(ValueError, match="not a regular file"):
            safe_path.check_regular(path, 100)
    with pytest.raises(ValueError, match="101 bytes; at most 100"):
        safe_path.check_regular(tmp_path / "large", 100)
    for missing in ("gone", "nul\0"):
        with pytest.raises(ValueError, match="cannot be read"):
            safe_path.check_regular(tmp_path / missing, 100)
    assert safe_path.check_regular(tmp_path / "large", 101).is_file()
    for path in (tmp_path / "fifo", Path("/dev/zero")):  # a FIFO does not block
        with pytest.raises(ValueError, match="not a regular file"):
            safe_path.read_file(path, 100)
    with pytest.raises(ValueError, match="101 bytes; at most 100"):
        safe_path.read_file(tmp_path / "large", 100)
    with pytest.raises(ValueError, match="bytes or more; at most 0"):
        safe_path.read_file(Path("/proc/self/status"), 0)  # says that it is empty
    for wrong, kind in ((tmp_path, IsADirectoryError), (tmp_path / "gone", FileNotFoundError)):
        with pytest.raises(kind):
            safe_path.read_file(wrong, 100)
    with pytest.raises(ValueError, match="cannot be read"):
        safe_path.read_file(tmp_path / "nul\0", 100)
    assert safe_path.read_file(tmp_path / "large", 101) == bytes(101)
