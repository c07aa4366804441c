"""Load people from COCO keypoint files.

A data set is an annotations file of COCO's form and a folder of images (`layout` finds it).
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from poseport import skeletons
from poseport.data import categories, coco_fields, wrong_labels
from poseport.data.coco_json import read
from poseport.data.layout import ImageFolder, find_annotations, locate
from poseport.data.people import People, Person
from poseport.skeleton import Skeleton


@dataclass
class _Reading:
    """State of one pass over the annotations.

    Attributes:
        entries: Image entries by id.
        folder: The folder of the images.
        order: Index in the file of each keypoint of the skeleton; None where the orders agree.
        count: Keypoints of a person.
        images: Those read so far, which people share.
        untrue_areas: Number of areas that were replaced.
    """

    entries: dict[int, dict[str, Any]]
    folder: ImageFolder
    order: np.ndarray | None
    count: int
    images: dict[int, coco_fields.Image] = field(default_factory=dict)
    untrue_areas: int = 0


def load(
    path: Path,
    images: Path | None = None,
    skeleton: Skeleton | None = None,
    *,
    category: str | None = None,
    strict: bool = True,
    more_skeletons: Sequence[Skeleton] = (),
) -> People:
    """Load every person of a COCO keypoint file, crowds and unlabelled people included.

    Args:
        path: An annotations file, or a folder that holds one.
        images: Folder of the images; None looks for it beside the file.
        skeleton: The keypoint set; None takes the built-in one whose names the file's category lists.
        category: Name or id of the category to read, where several have keypoints.
        strict: Whether a fault of one annotation is an error, and so is a set most of whose labels cannot be right.
            Otherwise the annotation is left out and listed in `People.problems`.
        more_skeletons: Where `skeleton` is None, keypoint sets that the file may have besides the built-in ones.

    Returns:
        The people.

    Raises:
        ValueError: If the file cannot be read; the message names the annotation, what was expected and a remedy.
    """
    annotations = find_annotations(path)
    known = [skeleton] if skeleton else [*more_skeletons, *skeletons.BUILT_IN.values()]
    try:
        data, digest = read(annotations)
        _check_sections(data)
        chosen, listed = categories.choose(data["categories"], category, known)
        entries, problems = _images(data["images"])
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(
            f"{annotations}: not a COCO keypoint file ({_reason(error)}); expected images, annotations and "
            "categories, one category with keypoints"
        ) from None
    skeleton, order = categories.match(annotations, chosen, known)
    folder = locate(annotations, images, [entry.get("file_name") for entry in entries.values()])
    reading = _Reading(entries, folder, order, len(skeleton))
    persons: list[Person] = []
    problems = [f"{annotations}: {problem}" for problem in problems]
    unusable, left_out = 0, Counter[str]()
    unlisted: Counter[Any] = Counter()
    for number, annotation in enumerate(data["annotations"]):
        try:
            if not isinstance(annotation, dict):
                raise ValueError(f"is {str(annotation)[:40]!r}; expected an object")
            its = annotation.get("category_id", chosen.id if chosen.alone else None)
            key = categories.key(its)
            if key != chosen.id:
                name = listed.get(key, f"category {its!r}, which is not listed")
                (unlisted if key not in listed and annotation.get("keypoints") else left_out)[name] += 1
                continue
            persons.append(_person(annotation, reading))
        except ValueError as error:
            which = annotation.get("id") if isinstance(annotation, dict) else f"number {number + 1}"
            problems.append(f"{annotations}: annotation {which}: {error}")
            unusable += 1
            if strict:
                break
    problems += [f"{annotations}: {problem}" for problem in _repeated(persons)]
    for name, count in unlisted.items():
        problems.append(f"{annotations}: {count} people are of {name}; the category with keypoints is {chosen.id}")
    if not persons and not problems:
        others = ", ".join(f"{count} of {name}" for name, count in left_out.items()) or "no annotation at all"
        problems.append(f"{annotations}: holds nobody of category {chosen.id} ({chosen.name}), but {others}")
    if strict and problems:
        raise ValueError(f"{problems[0]}; `poseport data check {path}` lists every fault")
    notes = []
    if reading.untrue_areas:
        notes.append(f"area 0 or 1 on {reading.untrue_areas} labelled people cannot be true; the box's is taken")
    people = People(
        path=annotations,
        sha256=digest,
        images_dir=folder.path,
        skeleton=skeleton,
        persons=tuple(persons),
        problems=tuple(problems),
        unusable=unusable,
        category_id=chosen.id if isinstance(chosen.id, int) else 1,
        left_out={f"annotations of {name}": count for name, count in left_out.items()},
        notes=tuple(notes),
    )
    if strict:
        wrong_labels.refuse(people)
    return people


def _check_sections(data: Any) -> None:
    for key in ("images", "annotations", "categories"):
        if not isinstance(data.get(key) if isinstance(data, dict) else None, list):
            raise ValueError(f"no list {key!r}")


def _images(listed: list[Any]) -> tuple[dict[int, dict[str, Any]], list[str]]:
    """Entries by id, and what makes them ambiguous, with which people would be cropped from the wrong photo."""
    entries: dict[int, dict[str, Any]] = {}
    by_name: dict[str, Any] = {}
    twice: list[str] = []
    same_name: list[str] = []
    for entry in listed:
        image_id = coco_fields.whole(entry["id"])
        if image_id is None:
            raise ValueError(f"image id {entry['id']!r}: ids must be whole numbers; number the images anew")
        name = entry.get("file_name")
        if image_id in entries:
            twice.append(f"image id {image_id} names {entries[image_id].get('file_name')} and {name}")
        entries.setdefault(image_id, entry)
        if isinstance(name, str):
            plain = posixpath.normpath(name.replace("\\", "/"))
            if plain in by_name and by_name[plain] != image_id:
                same_name.append(f"{name} has image id {by_name[plain]} and {image_id}")
            by_name.setdefault(plain, image_id)
    problems = []
    if twice:
        problems.append(f"image ids must differ, {_examples(twice)}; number the images of merged files anew")
    if same_name:
        problems.append(f"each image must be listed once, {_examples(same_name)}; keep one entry")
    return entries, problems


def _repeated(persons: list[Person]) -> list[str]:
    """Annotation ids that stand twice: results and corrections are matched to people by them."""
    first: dict[int, Person] = {}
    twice = []
    for person in persons:
        other = first.setdefault(person.annotation_id, person)
        if other is not person:
            twice.append(f"{person.annotation_id} stands on {other.image_path.name} and {person.image_path.name}")
    return [f"annotation ids must differ, {_examples(twice)}; number the annotations anew"] if twice else []


def _examples(found: list[str], shown: int = 3) -> str:
    return "; ".join(found[:shown]) + (f"; and {len(found) - shown} more" if len(found) > shown else "")


def _person(annotation: dict[str, Any], reading: _Reading) -> Person:
    """Check one annotation; the ValueError says what is wrong and what was expected."""
    image_id, annotation_id = coco_fields.whole(annotation.get("image_id")), coco_fields.whole(annotation.get("id"))
    if image_id is None or image_id not in reading.entries:
        raise ValueError(f"image_id {annotation.get('image_id')!r} is not among the images")
    if annotation_id is None:
        raise ValueError(f"id is {annotation.get('id')!r}; expected a whole number")
    if image_id not in reading.images:
        reading.images[image_id] = coco_fields.image(reading.entries[image_id], reading.folder)
    image = reading.images[image_id]
    keypoints = coco_fields.keypoints(annotation.get("keypoints"), reading.count)
    keypoints = keypoints if reading.order is None else keypoints[reading.order]
    labelled = bool((keypoints[:, 2] > 0).any())
    box = coco_fields.box(annotation.get("bbox"), *image.hw, labelled=labelled)
    area, untrue = coco_fields.area(annotation.get("area"), box, labelled=labelled)
    reading.untrue_areas += untrue
    return Person(
        image_id=image_id,
        annotation_id=annotation_id,
        image_path=image.path,
        image_hw=image.hw,
        box_xywh=box,
        keypoints=keypoints,
        area=area,
        crowd=coco_fields.flag(annotation.get("iscrowd"), "iscrowd"),
        photo_digest=image.photo_digest,
    )


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
