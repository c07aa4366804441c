"""Photos to predict on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in sorted((drawn.parent / "images").iterdir())[:3]:
        shutil.copy(photo, folder)
    return folder
