"""COCO keypoint JSON -> people.

A data set is an annotations file of COCO's form and a folder of images. COCO as it is downloaded
works (`annotations/person_keypoints_val2017.json` finds `val2017/`), and so does a file with
`images/` beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poseport import skeleton as skeletons
from poseport.data import coco_fields
from poseport.data.coco_json import read
from poseport.data.people import People, Person
from poseport.skeleton import Skeleton


def find_annotations(path: Path) -> Path:
    """The annotations file itself, or the only one in a folder; ValueError says what is there."""
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise ValueError(f"{path}: does not exist; expected a COCO annotations file or a folder that holds one")
    found = sorted(path.glob("*.json")) or sorted(path.glob("annotations/*keypoints*.json"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise ValueError(f"{path}: holds no *.json; expected a COCO annotations file such as person_keypoints.json")
    raise ValueError(f"{path}: holds {len(found)} files, {', '.join(f.name for f in found)}; name the one to use")


def find_images(annotations: Path, images: Path | None = None) -> Path:
    """Folder of the images of an annotations file; ValueError lists the places that were tried."""
    if images is not None:
        tried = [Path(images)]
    else:
        split = annotations.stem.rpartition("_")[2]
        parents = (annotations.parent, annotations.parent.parent)
        tried = [p / name for p in parents for name in (split, "images")]
        tried = [tried[1], tried[0], tried[2], tried[3]]
    for folder in tried:
        if folder.is_dir():
            return folder
    raise ValueError(
        f"{annotations}: no folder of images; tried {', '.join(map(str, tried))}; name it with --images (of --calib "
        "--calib-images, and so on)"
    )


def load(path: Path, images: Path | None = None, skeleton: Skeleton | None = None, *, strict: bool = True) -> People:
    """Every person of a COCO keypoint file, crowds and unlabelled people included.

    path: an annotations file or a folder that holds one. images: folder of images (see `find_images`).
    skeleton: the keypoint set; None takes the built-in one whose names the file's category lists.
    strict: a person that cannot be used is an error; otherwise it is left out and listed in `problems`.
    Raises ValueError that names the file and the annotation, what was expected and how to mend it.
    """
    annotations = find_annotations(path)
    try:
        data, digest = read(annotations)
        entries, category = _sections(data)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{annotations}: not a COCO keypoint file ({_word(error)}); expected images, annotations and "
            "categories, one category with keypoints"
        ) from None
    folder = find_images(annotations, images).resolve()
    skeleton = _match(annotations, category, skeleton)
    persons: list[Person] = []
    problems: list[str] = []
    seen: dict[int, coco_fields.Image] = {}
    for annotation in data["annotations"]:
        if not isinstance(annotation, dict) or annotation.get("category_id") != category["id"]:
            continue
        try:
            persons.append(_person(annotation, entries, seen, folder, skeleton))
        except ValueError as error:
            problem = f"{annotations}: annotation {annotation.get('id')}: {error}"
            if strict:
                raise ValueError(f"{problem}; `poseport data check {annotations}` lists every fault") from None
            problems.append(problem)
    return People(annotations, digest, folder, skeleton, tuple(persons), tuple(problems))


def _sections(data: Any) -> tuple[dict[int, dict[str, Any]], dict[str, Any]]:
    """Image entries by id, and the category that has keypoints."""
    for key in ("images", "annotations", "categories"):
        if not isinstance(data.get(key) if isinstance(data, dict) else None, list):
            raise ValueError(f"no list {key!r}")
    entries = {entry["id"]: entry for entry in data["images"]}
    categories = [c for c in data["categories"] if isinstance(c, dict) and isinstance(c.get("keypoints"), list)]
    if len(categories) != 1:
        raise ValueError(f"{len(categories)} categories have keypoints")
    return entries, {"id": categories[0]["id"], "keypoints": categories[0]["keypoints"]}


def _match(path: Path, category: dict[str, Any], skeleton: Skeleton | None) -> Skeleton:
    names = tuple(category["keypoints"])
    if skeleton is None:
        for known in skeletons.BUILT_IN.values():
            if known.names == names:
                return known
        raise ValueError(
            f"{path}: its {len(names)} keypoints ({', '.join(map(str, names))}) are no built-in skeleton; "
            "give --skeleton FILE.json"
        )
    if skeleton.names != names:
        raise ValueError(
            f"{path}: has the keypoints {', '.join(map(str, names))}, but skeleton {skeleton.name!r} has "
            f"{', '.join(skeleton.names)}"
        )
    return skeleton


def _person(
    annotation: dict[str, Any],
    entries: dict[int, dict[str, Any]],
    images: dict[int, coco_fields.Image],
    folder: Path,
    skeleton: Skeleton,
) -> Person:
    """One annotation, checked; ValueError says what is wrong and what was expected.

    images: those seen so far; people of one image share them.
    """
    image_id, annotation_id = annotation.get("image_id"), annotation.get("id")
    entry = entries.get(image_id) if isinstance(image_id, int) else None
    if not isinstance(image_id, int) or entry is None:
        raise ValueError(f"image_id {image_id!r} is not among the images")
    if not isinstance(annotation_id, int):
        raise ValueError(f"id is {annotation_id!r}; expected a whole number")
    if image_id not in images:
        images[image_id] = coco_fields.image(entry, folder)
    path, (h, w), photo_digest = images[image_id]
    keypoints = coco_fields.keypoints(annotation.get("keypoints"), len(skeleton))
    crowd = bool(annotation.get("iscrowd", 0))
    return Person(
        image_id=image_id,
        annotation_id=annotation_id,
        image_path=path,
        image_hw=images[image_id].hw,
        box_xywh=coco_fields.box(annotation.get("bbox"), h, w, cropped=bool((keypoints[:, 2] > 0).any())),
        keypoints=keypoints,
        area=coco_fields.area(annotation),
        crowd=crowd,
        photo_digest=photo_digest,
    )


def _word(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
