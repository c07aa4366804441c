"""Drawn people and a teacher that finds nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from poseport.data import coco
from poseport.train.begin import teacher
from poseport.train.begin.teacher import Teacher


@pytest.fixture(scope="module")
def people(drawn: Path) -> coco.People:
    return coco.load(drawn)


@pytest.fixture(scope="module")
def tiny(tiny_models: dict[str, Path]) -> Teacher:
    """Finds nobody, but always the same; believed all the same."""
    return teacher.load(tiny_models["float32"], threshold=1e-6)
