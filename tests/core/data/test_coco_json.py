"""COCO files as files: what is written is what is read, and a set of COCO's size fits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from poseport.data import coco, coco_json
from poseport.skeletons import COCO17, LSP14


def test_written_and_read_back(tmp_path: Path) -> None:
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "b.jpg").touch()
    keypoints = np.zeros((14, 3))
    keypoints[:3] = [[1.256, 2, 1], [3, 4.5, 2], [-2, 50, 2]]
    coco_json.write(
        tmp_path / "people.json",
        LSP14,
        [coco_json.image(3, "a/b.jpg", (48, 64), photo_digest="0123456789abcdef")],
        [coco_json.annotation(9, 3, keypoints, (1.5, 2, 30, 40), 500.5, head_box=[1, 2, 3, 4])],
        "two people",
    )
    people = coco.load(tmp_path)
    (person,) = people.persons
    assert people.skeleton is LSP14
    assert person.keypoints[:3].tolist() == [[1.26, 2, 1], [3, 4.5, 2], [-2, 50, 2]]
    assert (person.image_id, person.annotation_id, person.image_hw) == (3, 9, (48, 64))
    assert person.box_xywh == (1.5, 2, 30, 40)
    assert person.area == 500.5
    assert person.digest() == "0123456789abcdef"
    data = json.loads((tmp_path / "people.json").read_text())
    assert data["annotations"][0]["head_box"] == [1, 2, 3, 4]
    assert data["annotations"][0]["num_keypoints"] == 3
    assert data["categories"][0]["skeleton"][0] == [10, 11]  # left shoulder to elbow; COCO counts from 1


def test_nothing_is_written_of_what_json_cannot_hold(tmp_path: Path) -> None:
    keypoints = np.full((17, 3), np.nan)
    keypoints[:, 2] = 2
    with pytest.raises(ValueError, match="not JSON compliant"):
        coco_json.write(tmp_path / "a.json", COCO17, [], [coco_json.annotation(1, 1, keypoints, (0, 0, 1, 1), 1)], "")
    assert not list(tmp_path.iterdir())


def test_only_what_is_needed_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": [{"id": 1, "coco_url": "x"}], "annotations": [{"segmentation": [[1, 2]]}]}))
    data, _ = coco_json.read(path)
    assert data == {"images": [{"id": 1}], "annotations": [{}]}


def test_a_field_with_two_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"annotations": [{"id": 1, "image_id": 4, "image_id": 4, "image_id": 9}]}')
    with pytest.raises(ValueError, match="an entry has two values of 'image_id', 4 and 9"):
        coco_json.read(path)
    path.write_text('{"annotations": [{"id": 1, "image_id": 4, "image_id": 4, "score": 1, "score": 2}]}')
    assert coco_json.read(path)[0] == {"annotations": [{"id": 1, "image_id": 4}]}


def draw_coco(path: Path, images: int = 64_115, people: int = 262_465, usable: int = 149_813) -> None:
    """Annotations as many and as long as those of COCO's training set, outlines and addresses included."""
    rng = np.random.default_rng(0)
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.names)}
    with open(path, "w") as file:
        file.write(f'{{"categories": [{json.dumps(category)}], "images": [\n')
        for i in range(images):
            url = f"http://images.cocodataset.org/train2017/{i:012d}.jpg"
            image = {"license": 3, "coco_url": url, "flickr_url": f"http://farm9.staticflickr.com/8186/{i:024x}_z.jpg"}
            image |= {"id": i, "file_name": f"{i:012d}.jpg", "height": 480, "width": 640, "date_captured": "2013-11-14"}
            file.write(("," if i else "") + json.dumps(image))
        file.write('], "annotations": [\n')
        for i in range(people):
            labelled = int(rng.integers(5, 18) if i < usable else rng.integers(0, 5))
            points = np.zeros((17, 3), int)
            points[:labelled] = np.column_stack(
                [rng.integers((10, 20), (110, 221), (labelled, 2)), rng.integers(1, 3, labelled)]
            )
            outline = rng.uniform(0, 640, int(rng.integers(20, 110))).round(2).tolist()
            person = coco_json.annotation(900_000 + i, i % images, points, (10.5, 20.25, 99.75, 201.5), 9123.4567)
            file.write(("," if i else "") + json.dumps({"segmentation": [outline], **person}))
        file.write("]}")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory of one process is read from Linux")
def test_a_set_of_cocos_size_takes_seconds_and_less_than_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "person_keypoints_train2017.json"
    draw_coco(path)
    assert path.stat().st_size > 220e6  # COCO's own has 238 MB
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / f"{0:012d}.jpg").touch()
    # VmHWM: what getrusage calls the peak includes that of the process before it became this one
    code = (
        "import re, sys, time; from pathlib import Path; from poseport.data import coco, stats\n"
        "began = time.process_time(); people = coco.load(Path(sys.argv[1])); seconds = time.process_time() - began\n"
        "kept = len(people.for_training()); stats.stats(people)\n"
        "peak = int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]) / 1024\n"
        "print(len(people), kept, seconds, peak)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    count, kept, seconds, peak_mib = map(float, done.stdout.split())
    print(f"{path.stat().st_size / 1e6:.0f} MB: {seconds:.1f} s of processor time, {peak_mib:.0f} MiB at most")
    assert (count, kept) == (262_465, 149_813)
    assert peak_mib < 1024
    assert seconds < 60
