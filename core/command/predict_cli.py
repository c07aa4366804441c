"""`poseport predict`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poseport.command.options import PATH, answer, guarded, output_options, progress

if TYPE_CHECKING:
    import numpy as np

    from poseport.command.sources import Picture
    from poseport.skeleton import Skeleton
    from poseport.tflite.runner import Pose

    # finds the people in a picture: their boxes (N, 4) and keypoints (N, K, 3)
    Find = Callable[[Picture], tuple[np.ndarray, np.ndarray]]


@click.command()
@click.argument("model_and_source", nargs=-1, required=True, metavar="[MODEL] SOURCE")
@click.option("--box", help="The person's box in pixels: x,y,width,height.")
@click.option(
    "--detections", type=PATH, help="COCO results file with the people's boxes. Photos must be named by image id."
)
@click.option("--detector", type=PATH, help="Person detector, a .tflite file with TFLite's usual four outputs.")
@click.option(
    "--threshold",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Ignore boxes of --detections or --detector that score below this.",
)
@click.option("--frames", type=click.IntRange(1), help="Stop after this many pictures.")
@click.option(
    "--out", type=PATH, help="Draw the skeletons: a .png or .jpg for a photo, a folder for a folder, a .mp4 for a film."
)
@click.option("--results", type=PATH, help="Write the keypoints as a COCO results file.")
@click.option(
    "--threads", default=2, show_default=True, type=click.IntRange(1), help="Number of threads of the interpreter."
)
@output_options
@guarded
def predict(
    model_and_source: tuple[str, ...],
    box: str | None,
    detections: Path | None,
    detector: Path | None,
    threshold: float,
    frames: int | None,
    out: Path | None,
    results: Path | None,
    threads: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Find keypoints in SOURCE: a photo, a folder of photos, a film, or the number of a camera.

    MODEL is a converted file or a name listed by `poseport models`; the default is `starter`. Without boxes, one
    person per picture is found: first in the whole picture, then again in a crop around the first result. In a film,
    the person is followed from frame to frame.

    Example: poseport predict starter photo.jpg --box 40,20,180,400 --out overlay.png
    """
    import itertools

    from poseport.command import sources
    from poseport.command.overlays import written
    from poseport.draw import skeleton_overlay
    from poseport.records import write_whole
    from poseport.tflite import shipped
    from poseport.tflite.runner import load

    if len(model_and_source) > 2:
        raise ValueError(f"{len(model_and_source)} arguments were given; expected [MODEL] SOURCE, that is, at most two")
    *named, source = model_and_source
    if not named and (source in shipped.SHIPPED or source.endswith(".tflite")):
        raise ValueError(
            f"{source}: a model was given, but nothing to run it on; add a photo, a folder, a film or a camera's number"
        )
    if sum(given is not None for given in (box, detections, detector)) > 1:
        raise ValueError("--box, --detections and --detector exclude each other; give one of them")
    pose, found = load(named[0] if named else shipped.STARTER, threads), []
    where = sources.find(source)
    find = _finder(pose, where.moving, box, detections, detector, threshold)
    total = min(frames or where.count, where.count)
    with written(where, out) as write, progress("predicting", total, hidden=quiet or as_json or total < 2) as advance:
        try:
            for picture in itertools.islice(where.pictures(), frames):
                boxes, keypoints = find(picture)
                found.append((picture.name, picture.index, boxes, keypoints))
                if out is not None:
                    write(picture, skeleton_overlay(picture.image, keypoints, pose.spec.skeleton))
                advance(1)
        except KeyboardInterrupt:
            if where.count:  # only a camera runs until Ctrl-C
                raise
    if results is not None:
        write_whole(results, json.dumps([entry for one in found for entry in _coco(*one)]).encode())
    names = pose.spec.skeleton.names
    data = [_plain(*one, names) for one in found]
    single = not where.moving and len(found) == 1
    lines = _table(found[0][3], pose.spec.skeleton) if single else [_line(*one) for one in found]
    answer({"source": source, "pictures": data}, "\n".join(lines), as_json=as_json, quiet=quiet)


def _finder(
    pose: Pose, moving: bool, box: str | None, detections: Path | None, detector: Path | None, threshold: float
) -> Find:
    """The function that finds people, chosen by the options."""
    import numpy as np

    from poseport.people.detector import Detector
    from poseport.people.follow import Follower

    if box is not None:
        fixed = np.array([_box(box)])
        return lambda picture: (fixed, pose(picture.image, fixed))
    if detections is not None:
        by_id = _read_boxes(detections, threshold)

        def listed(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
            if not moving and not Path(picture.name).stem.isdigit():
                raise ValueError(
                    f"{picture.name}: --detections needs photos that are named by image id, like 000000000123.jpg"
                )
            boxes = by_id.get(_image_id(picture.name, picture.index), np.zeros((0, 4)))
            return boxes, pose(picture.image, boxes)

        return listed
    if detector is not None:
        detect = Detector(detector, threshold=threshold)

        def detected(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
            boxes, _ = detect(picture.image)
            return boxes, pose(picture.image, boxes)

        return detected
    follower = Follower(pose)

    def followed(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        current = follower if moving else Follower(pose)
        keypoints = current(picture.image)
        assert current.box is not None
        return current.box[None], keypoints

    return followed


def _read_boxes(path: Path, threshold: float) -> dict[int, np.ndarray]:
    """Image id -> boxes (n, 4) of a COCO results file that score at least the threshold."""
    import numpy as np

    from poseport.data.coco_json import read_boxes

    found: dict[int, list[tuple[float, ...]]] = {}
    for image_id, box, score in read_boxes(path):
        if score >= threshold and min(box[2:]) > 0:
            found.setdefault(image_id, []).append(box)
    return {image_id: np.array(boxes) for image_id, boxes in found.items()}


def _image_id(name: str, index: int) -> int:
    """COCO's photos are named by their id; frames of a film, and other photos, are numbered from 0."""
    stem = Path(name).stem
    return int(stem) if stem.isdigit() else index


def _coco(name: str, index: int, boxes: np.ndarray, keypoints: np.ndarray) -> list[dict[str, Any]]:
    return [
        {
            "image_id": _image_id(name, index), "category_id": 1, "file_name": name, "bbox": box.round(2).tolist(),
            "keypoints": points.round(3).ravel().tolist(), "score": round(float(points[:, 2].mean()), 5),
        }
        for box, points in zip(boxes, keypoints, strict=True)
    ]  # fmt: skip


def _plain(name: str, index: int, boxes: np.ndarray, keypoints: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    people = [
        {"box": box.tolist(), "keypoints": {key: p.tolist() for key, p in zip(names, points, strict=True)}}
        for box, points in zip(boxes, keypoints, strict=True)
    ]
    return {"name": name, "index": index, "people": people}


def _table(keypoints: np.ndarray, skeleton: Skeleton) -> list[str]:
    """All keypoints of the people in one photo."""
    lines = [f"{'keypoint':<16}{'x px':>9}{'y px':>9}   score"] if len(keypoints) else ["no person was found"]
    for number, person in enumerate(keypoints, 1):
        lines += [f"person {number}"] if len(keypoints) > 1 else []
        for name, (x, y, score) in zip(skeleton.names, person, strict=True):
            lines.append(f"{name:<16}{x:9.1f}{y:9.1f}   {score:.2f}")
    return lines


def _line(name: str, index: int, boxes: np.ndarray, keypoints: np.ndarray) -> str:
    """One line for one of many pictures."""
    scores = ", ".join(f"{points[:, 2].mean():.2f}" for points in keypoints)
    count = f"{len(keypoints)} {'person' if len(keypoints) == 1 else 'people'}"
    return f"{name} {index}: {count}" + (f", mean score {scores}" if scores else "")


def _box(text: str) -> list[float]:
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise ValueError(f"--box {text!r}: expected x,y,width,height in pixels, for example 40,20,180,400")
    return values
