"""Folders that tests name: the repository, and the real people and peers that may lie beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# read-only material for development; tests that need it skip where it is absent
SHARED = ROOT.parent / "shared"
