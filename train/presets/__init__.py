"""Presets: named pairs of a network and a training recipe.

A new preset is a function in `papers` or `mobile`, and its call in the tuple below it. `poseport presets` then lists
it, and `tests/train/test_presets.py` holds its number of parameters to the network that is built.
"""

from __future__ import annotations

from poseport.train.presets import mobile, papers
from poseport.train.presets.preset import Preset as Preset

PRESETS = {preset.spec.name: preset for preset in (*mobile.PRESETS, *papers.PRESETS)}


def preset(name: str) -> Preset:
    """Look up a preset.

    Args:
        name: Its name.

    Raises:
        ValueError: If it does not exist; the message lists those that do.
    """
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} does not exist; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
