"""Merge several sets of people into one set to train or calibrate on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from poseport.data.people import People, Person, Source
from poseport.skeleton import Skeleton, rearrange

_LARGEST_SHARE = 1000


def merge(sets: Sequence[People], shares: Sequence[float] = (), skeleton: Skeleton | None = None) -> People:
    """Merge several sets, with keypoints matched by name.

    A keypoint that one set lacks is unlabelled on its people. Image and annotation ids of the second set get a leading
    1, of the third a leading 2 and so on, so that they stay apart.

    Args:
        sets: The sets.
        shares: How often the people of each set appear per epoch. 2 takes everybody twice; 0.5 takes every second one,
            always the same. Empty: once.
        skeleton: Keypoints of the result; None takes those of the first set.

    Returns:
        The merged set.

    Raises:
        ValueError: If the number of shares is not that of the sets, a share is not above 0, or a set has no keypoint
            of the skeleton or, with its share, nobody.
    """
    shares = tuple(shares) or (1.0,) * len(sets)
    if len(shares) != len(sets) or not all(0 < share <= _LARGEST_SHARE for share in shares):
        numbers = ",".join(f"{share:g}" for share in shares)
        raise ValueError(
            f"shares {numbers} for {len(sets)} sets; expected a number above 0 for each, such as 2,1, and at most "
            f"{_LARGEST_SHARE}"
        )
    skeleton = skeleton or sets[0].skeleton
    for people in sets:
        if not set(skeleton.names) & set(people.skeleton.names):
            names = ", ".join(people.skeleton.names)
            raise ValueError(f"{people.path}: its keypoints ({names}) are not those of skeleton {skeleton.name!r}")
    if len(sets) == 1 and shares == (1.0,) and sets[0].skeleton.names == skeleton.names:
        return sets[0]
    lowest = min((min(p.image_id, p.annotation_id) for people in sets for p in people.persons), default=0)
    highest = max((max(abs(p.image_id), abs(p.annotation_id)) for people in sets for p in people.persons), default=0)
    step = 10 ** (len(str(highest)) + (lowest < 0))
    persons: list[Person] = []
    sources: list[Source] = []
    for number, (people, share) in enumerate(zip(sets, shares, strict=True)):
        ids = set()
        for i, person in enumerate(people.persons):
            times = int((i + 1) * share + 1e-9) - int(i * share + 1e-9)
            if times:
                moved = _moved(person, people.skeleton, skeleton, number * step)
                persons += [moved] * times
                ids.add(moved.image_id)
        if not ids:
            raise ValueError(f"{people.path}: share {share:g} of its {len(people)} people is nobody; raise it")
        sources.append(Source(people.path, people.sha256, share, frozenset(ids)))
    digest = hashlib.sha256("\n".join(f"{s.sha256} {s.share:g}" for s in sources).encode()).hexdigest()
    return replace(
        sets[0],
        path=Path(" + ".join(s.path.name for s in sources)),
        sha256=digest,
        skeleton=skeleton,
        persons=tuple(persons),
        sources=tuple(sources),
    )


def parse_shares(text: str | None) -> tuple[float, ...]:
    """Parse the shares of a command line, such as `2,1`.

    Args:
        text: The shares; None or "" for none.

    Returns:
        The numbers.

    Raises:
        ValueError: If they are not numbers.
    """
    try:
        return tuple(float(word) for word in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(f"shares {text!r}: expected numbers such as 2,1, one for each set") from None


def _moved(person: Person, own: Skeleton, skeleton: Skeleton, offset: int) -> Person:
    same = own.names == skeleton.names
    return replace(
        person,
        image_id=person.image_id + offset,
        annotation_id=person.annotation_id + offset,
        keypoints=person.keypoints if same else rearrange(person.keypoints, own, skeleton),
    )
