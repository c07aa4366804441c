"""Draw the change of PCK per keypoint on a person."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.formatting import signed, span
from poseport.skeleton import Skeleton

_SIZE = 300, 330
# Offset of a keypoint from the middle, its height, and where its value is written. The person faces the viewer, so
# left keypoints are on the right.
_SIDED = {
    "eye": (16, 40, "above"), "ear": (34, 50, "beside"), "shoulder": (38, 106, "beside"),
    "elbow": (60, 154, "beside"), "wrist": (76, 196, "beside"), "hip": (22, 198, "low"),
    "knee": (28, 258, "beside"), "ankle": (32, 314, "beside"),
}  # fmt: skip
_MIDDLE = {
    "head_top": (0, 16, "beside"), "nose": (0, 56, "below"), "neck": (0, 88, "beside"), "thorax": (0, 106, "below"),
    "pelvis": (0, 198, "below"),
}  # fmt: skip


def drawing(changes: dict[str, Interval], skeleton: Skeleton, title: str) -> str:
    """Draw the change of each keypoint on a person.

    Args:
        changes: Keypoint -> change of its PCK in points of 100; NaN without labels.
        skeleton: The limbs to draw.
        title: Title for screen readers.

    Returns:
        An SVG element; empty if a labelled keypoint has no place on the drawing, or no keypoint has labels.
    """
    places = {name: place for name in changes if (place := _place(name)) and math.isfinite(changes[name].value)}
    if not places or len(places) < sum(math.isfinite(change.value) for change in changes.values()):
        return ""
    # without a head, the drawing is hard to recognise as a person
    head = f'<circle class="head" cx="{_SIZE[0] // 2}" cy="50" r="33"/>'
    parts = [
        head,
        *(
            f'<line x1="{places[a][0]}" y1="{places[a][1]}" x2="{places[b][0]}" y2="{places[b][1]}"/>'
            for a, b in skeleton.limbs
            if a in places and b in places
        ),
        *(_keypoint(name, place, changes[name]) for name, place in places.items()),
    ]
    width, height = _SIZE
    name = html.escape(title)
    return (
        f'<svg class="body" role="img" aria-label="{name}" viewBox="0 0 {width} {height}"><title>{name}</title>'
        f"{''.join(parts)}</svg>"
    )


def caption(changes: Sequence[Interval]) -> str:
    """Describe a drawing in words.

    Args:
        changes: The changes that it shows.

    Returns:
        The sentences.
    """
    shown = sum(one.low > 0 or one.high < 0 for one in changes)
    return (
        "Change of PCK in points; a larger circle is a larger change. Circles are filled where the 95 % interval of a "
        f"bootstrap over images excludes 0 ({shown} of {len(changes)}; of twenty keypoints without a change, one is "
        "filled by chance). The person faces you: its left is on your right."
    )


def _place(name: str) -> tuple[int, int, str] | None:
    """Centre of a keypoint (x, y), and the side on which its value is written; None for an unknown name."""
    side, _, part = name.partition("_")
    if side in ("left", "right") and part in _SIDED:
        x, y, where = _SIDED[part]
        return _SIZE[0] // 2 + (x if side == "left" else -x), y, where
    if name in _MIDDLE:
        x, y, where = _MIDDLE[name]
        return _SIZE[0] // 2 + x, y, where
    return None


def _keypoint(name: str, place: tuple[int, int, str], change: Interval) -> str:
    """Draw a circle with the change of a keypoint beside it."""
    x, y, where = place
    tone = "loss" if change.high < 0 else "gain" if change.low > 0 else "none"
    radius = 4 + min(abs(change.value), 8)
    out = -1 if x < _SIZE[0] // 2 else 1
    anchor = "middle" if where == "below" else "start" if out > 0 else "end"
    text_xy = {
        "beside": (x + out * (radius + 5), y + 4), "low": (x + out * (radius + 5), y + 20),
        "above": (x + out * 3, y - radius - 4), "below": (x, y + radius + 14),
    }[where]  # fmt: skip
    tooltip = f"{name.replace('_', ' ')}: {signed(change.value)} ({span(change)})"
    return (
        f'<g class="{tone}"><title>{html.escape(tooltip)}</title><circle cx="{x}" cy="{y}" r="{radius:.1f}"/>'
        f'<text x="{text_xy[0]:.0f}" y="{text_xy[1]:.0f}" text-anchor="{anchor}">{signed(change.value)}</text></g>'
    )
