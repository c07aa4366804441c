"""JSON that a stranger may have written: its encoding, and bounds on its depth, integers and size."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MAX_JSON_BYTES = 2**30  # a record of 100,000 people takes 200 MB
MAX_DEPTH = 64
MAX_INT = 2**127 - 1  # ids of annotations can be longer than 64 bits, as UUIDs are
# makes one text of brackets out of JSON: braces become brackets, everything else goes
_FOLD = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(sorted(set(range(256)) - set(b"[]{}")))


def decode_json(raw: bytes) -> str:
    """The text of JSON in UTF-8, UTF-16 or UTF-32, with or without a byte order mark; ValueError if it is none."""
    return raw.decode(json.detect_encoding(raw), "surrogatepass")


def parse_json(text: str, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Parse JSON that a stranger may have written; every JSON file is read through this function.

    Args:
        text: One JSON value.
        object_pairs_hook: As in `json.loads`.

    Returns:
        Plain data, at most `MAX_DEPTH` lists and objects inside each other. Integers can be larger than 128 bits;
        `from_data` and `coco_fields.whole` refuse those.

    Raises:
        ValueError: if it is not JSON, or nested deeper.
    """
    brackets = text.encode("utf-8", "surrogatepass").translate(_FOLD, _OTHERS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    try:
        data = json.loads(text, object_pairs_hook=object_pairs_hook)
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} deep") from None
    # what remains is nested deeper, or stood in texts
    if brackets and _depth(data) > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    return data


def _depth(data: Any) -> int:
    deepest, waiting = 0, [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        deepest = max(deepest, depth)
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(child, depth + 1) for child in children if isinstance(child, dict | list)]
    return deepest
