"""Bundles: what is written is read again, and any other folder is refused in one line."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from poseport import bundle
from poseport.skeletons import LSP14
from poseport.spec import PoseSpec


def test_a_spec_is_read_from_its_bundle(tiny_bundle: Path) -> None:
    spec = bundle.read_spec(tiny_bundle)
    assert isinstance(spec, PoseSpec)
    assert spec.name == "tiny"
    assert spec.input_hw == (64, 64)


def test_a_folder_that_is_no_bundle_says_what_is_missing(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no spec\.json, so it is not a bundle; expected the folder"):
        bundle.read_spec(tmp_path)
    bundle.write_spec(tmp_path, bundle.read_spec(tiny_bundle))
    with pytest.raises(ValueError, match=r"holds no model\.weights\.h5, so it is not a bundle"):
        bundle.read_spec(tmp_path)
    (tmp_path / bundle.WEIGHTS).write_bytes(b"")
    assert bundle.read_spec(tmp_path) == bundle.read_spec(tiny_bundle)


def test_an_unknown_key_in_a_spec_is_named_with_the_file(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle.write_spec(tmp_path, replace(bundle.read_spec(tiny_bundle), name="mine"))
    (tmp_path / bundle.WEIGHTS).write_bytes(b"")
    spec = tmp_path / bundle.SPEC
    spec.write_text(spec.read_text().replace('"padding"', '"paddings"'))
    with pytest.raises(ValueError, match=r"spec\.json: unknown key 'paddings'; PoseSpec has .*padding"):
        bundle.read_spec(tmp_path)


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert bundle.sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_the_bundles_of_a_cascade_lie_inside_each_other(tiny_bundle: Path, tiny_cascade: Path, tmp_path: Path) -> None:
    assert bundle.stages(tiny_bundle) == [tiny_bundle]
    assert bundle.stages(tiny_cascade) == [tiny_cascade / "previous", tiny_cascade]
    assert bundle.sha256(tiny_cascade / "previous" / bundle.WEIGHTS) == bundle.sha256(tiny_bundle / bundle.WEIGHTS)
    third = tmp_path / "third"
    bundle.write_spec(third, bundle.read_spec(tiny_cascade))
    (third / bundle.WEIGHTS).write_bytes(b"")
    with pytest.raises(ValueError, match=r"third/previous: holds no spec\.json"):
        bundle.stages(third)
    (tmp_path / "source").mkdir()
    shutil.copytree(tiny_cascade, tmp_path / "source", dirs_exist_ok=True)
    (tmp_path / "source" / bundle.LAST_WEIGHTS).write_bytes(b"large")
    bundle.adopt(tmp_path / "source", third)
    assert bundle.stages(third) == [third / "previous" / "previous", third / "previous", third]
    assert sorted(p.name for p in (third / "previous").iterdir()) == [bundle.WEIGHTS, "previous", bundle.SPEC]
    bundle.adopt(tmp_path / "source", third)  # what is there already stays
    with pytest.raises(ValueError, match=r"refines another bundle than .*; give that one, or another --out"):
        bundle.adopt(tiny_bundle, third)
    spec = bundle.read_spec(tiny_bundle)
    bundle.write_spec(third / "previous" / "previous", replace(spec, skeleton=LSP14))
    with pytest.raises(ValueError, match="has other keypoints than tiny-refine"):
        bundle.stages(third)
