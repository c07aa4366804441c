"""MPII, FLIC and LSP files, written here as MATLAB wrote the originals, become people in COCO form."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matlab_files import EMPTY, joints, lsp_source, mpii_mat, mpii_release, photos, structs
from places import SHARED
from scipy.io import savemat

from poseport.data import coco
from poseport.data.formats import coco_folder, matlab, mpii_flic_lsp
from poseport.data.images import read_image
from poseport.skeletons import COCO17, FLIC11, LSP14, MPII16

REAL = SHARED / "data" / "lspet"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"real people are not part of the repository: no {REAL}")


def test_mpii(tmp_path: Path) -> None:
    images = photos(tmp_path / "images", "a.jpg", "b.jpg")  # c and d show nobody with labels, and are not asked for
    found = mpii_flic_lsp.mpii(mpii_mat(tmp_path, mpii_release()))
    assert found.left_out == {"without labels": 2, "in neither split": 0}
    out = tmp_path / "coco"
    (written,) = coco_folder.write([(found, images)], out)
    assert (written.split, written.people, written.images) == ("train", 3, 2)
    people = coco.load(out)
    assert people.skeleton is MPII16
    assert people.images_dir == images.resolve()
    assert [p.image_path.name for p in people.persons] == ["a.jpg", "a.jpg", "b.jpg"]
    first, boxless, third = people.persons
    # MATLAB counts from 1
    assert first.keypoints[:10, 0].tolist() == [100 + 4 * i for i in range(10)]
    assert first.keypoints[:10, 1].tolist() == [50 + 9 * i for i in range(10)]
    assert first.keypoints[:, 2].tolist() == [2, 1, 1, 2, 2, 2, 2, 2, 2, 2] + 6 * [0]
    assert not first.keypoints[10:].any()
    # 200 px x scale around the centre, 15 px x scale lower
    assert first.box_xywh == pytest.approx((130 - 90, 120 + 13.5 - 90, 180, 180))
    assert boxless.keypoints[15].tolist() == [10, 20, 1]
    assert (np.array(boxless.box_xywh[:2]) < (10, 20)).all()
    assert third.box_xywh[2] == pytest.approx(100)
    annotation = json.loads(written.path.read_text())["annotations"][0]
    assert annotation["head_box"] == [120, 40, 20, 30]
    # the area is that of a person around the points, not that of the square
    assert first.area == pytest.approx(0.53 * (36 * 1.25) * (81 * 1.25), rel=0.01)


def test_one_image_with_one_person_with_one_point(tmp_path: Path) -> None:
    """SciPy gives a struct array of one as the struct itself."""
    photos(tmp_path / "images", "a.jpg")
    one = structs({"annopoints": {"point": structs({"x": 3, "y": 5, "id": 7, "is_visible": 1})}})
    path = mpii_mat(tmp_path, {"annolist": structs({"image": {"name": "a.jpg"}, "annorect": one}), "img_train": 1})
    coco_folder.write([(mpii_flic_lsp.mpii(path), tmp_path / "images")], tmp_path / "out")
    assert coco.load(tmp_path / "out").persons[0].keypoints[7].tolist() == [2, 4, 2]


def flic_example(name: str, train: int, test: int, shift: float = 0) -> dict[str, Any]:
    coords = np.full((2, 29), np.nan)
    for k, column in enumerate([0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16]):
        coords[:, column] = 101 + 5 * k + shift, 61 + 3 * k
    return {
        "poselet_hit_idx": np.array([[1, 2]]), "moviename": "some-film", "coords": coords, "filepath": name,
        "imgdims": np.array([[240, 320, 3]]), "currframe": 71, "torsobox": np.array([[91.0, 61.0, 151.0, 131.0]]),
        "istrain": train, "istest": test,
    }  # fmt: skip


def test_flic(tmp_path: Path) -> None:
    images = photos(tmp_path / "images", "a.jpg", "b.jpg")
    other = flic_example("a.jpg", 1, 0, shift=40)
    other["coords"][:, 2] = np.nan
    mat = tmp_path / "examples.mat"
    savemat(
        mat,
        {
            "examples": structs(
                flic_example("a.jpg", 1, 0), other, flic_example("b.jpg", 0, 1), flic_example("c.jpg", 0, 0)
            )
        },
    )
    found = mpii_flic_lsp.flic(matlab.find_mat(tmp_path, "examples.mat"))
    assert found.left_out["in neither split"] == 1
    train, test = coco_folder.write([(found, images)], tmp_path / "out")
    assert (train.split, train.people, train.images) == ("train", 2, 1)
    assert (test.split, test.people, test.images) == ("test", 1, 1)
    people = coco.load(train.path)
    assert people.skeleton is FLIC11
    first, second = people.persons
    assert first.keypoints.tolist() == [[100 + 5 * k, 60 + 3 * k, 2] for k in range(11)]
    assert second.keypoints[2].tolist() == [0, 0, 0]
    assert second.num_labelled == 10
    # 2.2 x 70 px, in the middle of the torso and three tenths down
    assert first.box_xywh == pytest.approx((120 - 77, 0.7 * 60 + 0.3 * 130 - 77, 154, 154))
    assert json.loads(train.path.read_text())["annotations"][0]["torso_box"] == [90, 60, 60, 70]


def test_lsp_one_means_hidden(tmp_path: Path) -> None:
    array = joints(3, lambda k, i: int(k == i)).transpose(1, 0, 2)
    mat = lsp_source(tmp_path, array, 4)
    found = mpii_flic_lsp.lsp(mat, tmp_path / "images")
    (train,) = coco_folder.write([(found, tmp_path / "images")], tmp_path / "out")
    people = coco.load(train.path)
    assert people.skeleton is LSP14
    for i, person in enumerate(people.persons):
        assert person.image_path.name == f"im{i + 1:04d}.jpg"
        assert person.keypoints[:, :2].tolist() == [[40 + 10 * k + i, 30 + 8 * k + i] for k in range(14)]
        assert person.keypoints[:, 2].tolist() == [1 if k == i else 2 for k in range(14)]


def test_lspet_one_means_labelled(tmp_path: Path) -> None:
    array = joints(4, lambda k, i: int(k > i))
    array[:, :2] = np.where(array[:, 2:] > 0, array[:, :2], -51.0)  # what the original holds there
    mat = lsp_source(tmp_path, array, 5, "png")
    found = mpii_flic_lsp.lsp(mat, tmp_path / "images")
    (train,) = coco_folder.write([(found, tmp_path / "images")], tmp_path / "out")
    for i, person in enumerate(coco.load(train.path).persons):
        assert person.keypoints[:, 2].tolist() == [2 if k > i else 0 for k in range(14)]
        assert not person.keypoints[: i + 1].any()
        x, y, w, h = person.box_xywh
        assert x < person.keypoints[i + 1, 0] < person.keypoints[13, 0] < x + w
        assert y < person.keypoints[i + 1, 1] < person.keypoints[13, 1] < y + h


def test_the_first_thousand_of_lsp_train(tmp_path: Path) -> None:
    array = np.tile(joints(1, lambda k, i: 0).transpose(1, 0, 2), (1, 1, 1003))
    photo = photos(tmp_path, "one.jpg") / "one.jpg"
    (tmp_path / "images").mkdir()
    for i in range(1003):
        (tmp_path / "images" / f"im{i + 1:04d}.jpg").symlink_to(photo)
    savemat(tmp_path / "joints.mat", {"joints": array})
    found = mpii_flic_lsp.lsp(tmp_path / "joints.mat", tmp_path / "images")
    assert [s.split for s in found.people] == ["train"] * 1000 + ["test"] * 3
    assert found.people[1000].file_name == "im1001.jpg"


def test_images_whose_numbers_have_gaps_go_by_order_when_none_is_missing(tmp_path: Path) -> None:
    mat = lsp_source(tmp_path, joints(2, lambda k, i: 1), 5, "png", first=7)
    assert [s.file_name for s in mpii_flic_lsp.lsp(mat, tmp_path / "images").people] == ["im00007.png", "im00008.png"]


@needs_real
def test_real_lspet_through_its_original_form(tmp_path: Path) -> None:
    """The 14 original joints of real people, written as joints.mat: the body comes back as the 17-point file has it."""
    data = json.loads((REAL / "person_keypoints_val.json").read_text())
    chosen = data["annotations"][:60]
    original = np.array([annotation["lsp14"] for annotation in chosen], float).reshape(-1, 14, 3)
    names = {image["id"]: image["file_name"] for image in data["images"]}
    (tmp_path / "images").mkdir()
    for i, annotation in enumerate(chosen):
        (tmp_path / "images" / f"im{i + 1:05d}.jpg").symlink_to(REAL / "images" / names[annotation["image_id"]])
    savemat(tmp_path / "joints.mat", {"joints": original.transpose(1, 2, 0) + np.array([1, 1, 0])[:, None]})
    found = mpii_flic_lsp.lsp(tmp_path / "joints.mat", tmp_path / "images")
    coco_folder.write([(found, tmp_path / "images")], tmp_path / "out")
    persons = coco.load(tmp_path / "out").persons
    assert len(persons) == 60
    for person, annotation in zip(persons, chosen, strict=True):
        wanted = np.array(annotation["keypoints"], float).reshape(17, 3)
        for name in COCO17.body:
            np.testing.assert_allclose(person.keypoints[LSP14.index(name)], wanted[COCO17.index(name)], atol=0.006)
        read_image(person.image_path, person.image_hw)


def broken(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        release = mpii_release()
        change(release)
        return mpii_flic_lsp.mpii(mpii_mat(folder, release))

    return read


def lsp_of(array: np.ndarray) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        (folder / "images").mkdir()
        savemat(folder / "joints.mat", {"joints": array})
        return mpii_flic_lsp.lsp(folder / "joints.mat", folder / "images")

    return read


def bytes_of(data: bytes) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        (folder / "examples.mat").write_bytes(data)
        return mpii_flic_lsp.flic(folder / "examples.mat")

    return read


def flic_of(**changes: Any) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        example = {k: v for k, v in {**flic_example("a.jpg", 1, 0), **changes}.items() if v is not None}
        savemat(folder / "examples.mat", {"examples": structs(flic_example("a.jpg", 1, 0), example)})
        return mpii_flic_lsp.flic(folder / "examples.mat")

    return read


def bad_point(release: dict[str, Any]) -> None:
    release["annolist"]["annorect"][0, 1] = structs({"annopoints": {"point": structs({"x": 1, "y": 2, "id": 16})}})


FAULTS = {
    "no matlab file": (bytes_of(b"hello" * 200), "examples.mat: not a MATLAB file that can be read"),
    "empty file": (bytes_of(b""), "not a MATLAB file that can be read"),
    "hdf5 of MATLAB 7.3": (
        bytes_of(b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<HH", 0x0200, 0x4D49) + bytes(400)),
        "not a MATLAB file that can be read .*HDF",
    ),
    "another set": (lambda f: mpii_flic_lsp.flic(mpii_mat(f, mpii_release())), "holds no variable 'examples'"),
    "no annolist": (broken(lambda r: r.pop("annolist")), "RELEASE: no field 'annolist'; expected the fields of"),
    "too few img_train": (broken(lambda r: r.update(img_train=[1, 1])), "RELEASE: zip.*; expected"),
    "a point that is none": (broken(bad_point), "entry 2: a point has id 16, expected 0 to 15"),
    "numbers where structs are": (
        broken(lambda r: r.update(annolist=np.eye(3))),
        "found ndarray where structs are",
    ),
    "flic without coords": (flic_of(coords=EMPTY), r"entry 2: .*; expected coords \(2, 29\)"),
    "flic with too few coords": (flic_of(coords=np.zeros((2, 11))), r"entry 2: index 12 .*; expected coords \(2, 29\)"),
    "flic without a torso": (flic_of(torsobox=EMPTY), "entry 2: not enough values to unpack"),
    "lsp of another shape": (lsp_of(np.zeros((2, 14, 5))), r"joints is \(2, 14, 5\); expected \(3, 14, N\) of LSP or"),
    "lsp with other flags": (lsp_of(np.full((3, 14, 5), 7.0)), "third number of a joint is 7 to 7; expected 0 or 1"),
    "lsp without images": (lsp_of(np.ones((14, 3, 5))), "image 1 of the 5 people of .*joints.mat is missing"),
    "nothing in the folder": (
        lambda f: matlab.find_mat(f, "joints.mat"),
        "0 files are called joints.mat; give the",
    ),
}


@pytest.mark.parametrize(("read", "message"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_is_not_what_it_should_be_is_one_line(
    read: Callable[[Path], Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)
