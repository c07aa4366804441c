"""Converted sets are written as one COCO folder: nothing is overwritten, and no image is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from matlab_files import joints, lsp_source, mpii_mat, mpii_release, photos

from poseport.data import coco
from poseport.data.formats import coco_folder, mpii_flic_lsp
from poseport.data.images import read_image


def test_two_sources_become_one_set(tmp_path: Path) -> None:
    lsp_source(tmp_path / "lsp_dataset", joints(2, lambda k, i: 0).transpose(1, 0, 2), 4)
    lsp_source(tmp_path / "lspet_dataset", joints(3, lambda k, i: 1), 5)
    folders = [tmp_path / name / "images" for name in ("lsp_dataset", "lspet_dataset")]
    sets = [(mpii_flic_lsp.lsp(folder.parent / "joints.mat", folder), folder) for folder in folders]
    (train,) = coco_folder.write(sets, tmp_path / "out")
    people = coco.load(train.path)
    assert people.images_dir == tmp_path.resolve()
    assert [str(p.image_path.relative_to(tmp_path.resolve())) for p in people.persons[1:3]] == [
        "lsp_dataset/images/im0002.jpg",
        "lspet_dataset/images/im00001.jpg",
    ]
    assert len({p.annotation_id for p in people.persons}) == 5
    for person in people.persons:
        read_image(person.image_path, person.image_hw)


def test_images_that_are_missing_broken_or_elsewhere(tmp_path: Path) -> None:
    images, out = tmp_path / "images", tmp_path / "out"
    photos(images, "a.jpg")
    found = mpii_flic_lsp.mpii(mpii_mat(tmp_path, mpii_release()))
    with pytest.raises(
        ValueError, match=r"b\.jpg: image cannot be read \(No such file .*; check the name and the folder"
    ):
        coco_folder.write([(found, images)], out)
    (images / "b.jpg").write_bytes((images / "a.jpg").read_bytes()[:30])
    with pytest.raises(ValueError, match=r"b\.jpg: the image's header is broken"):
        coco_folder.write([(found, images)], out)
    assert not out.exists()
    release = mpii_release()
    release["annolist"]["image"][0, 1] = {"name": "../b.jpg"}
    with pytest.raises(ValueError, match=r"file_name '\.\./b\.jpg' leaves the image folder"):
        coco_folder.write([(mpii_flic_lsp.mpii(mpii_mat(tmp_path, release)), images)], out)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    images, out = photos(tmp_path / "images", "a.jpg", "b.jpg"), tmp_path / "out"
    found = mpii_flic_lsp.mpii(mpii_mat(tmp_path, mpii_release()))
    (out / "images").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"out/images: exists already and is not .*; remove it or choose"):
        coco_folder.write([(found, images)], out)
    (out / "images").rmdir()
    coco_folder.write([(found, images)], out)
    with pytest.raises(ValueError, match="exists already; remove it or choose another --out"):
        coco_folder.write([(found, images)], out)
    coco_folder.write([(found, images)], tmp_path)  # beside the images: no link is needed
    assert not (tmp_path / "images").is_symlink()
