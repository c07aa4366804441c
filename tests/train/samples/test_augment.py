import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from poseport import crop, records
from poseport.data import coco
from poseport.train import overrides, presets
from poseport.train.record import read_record
from poseport.train.samples.augment import HEAVY, LEVELS, LIGHT, MEDIUM, AugmentConfig, find, random_box, random_matrix

SPEC = presets.preset("mobile-hourglass").spec
BOX = (10.0, 20.0, 100.0, 80.0)


@pytest.fixture(scope="module")
def person(drawn):
    return next(p for p in coco.load(drawn).persons if p.num_labelled == 17)


def test_nothing_to_augment_is_the_plain_crop(person):
    matrix, flipped = random_matrix(np.random.default_rng(0), SPEC, BOX, AugmentConfig())
    np.testing.assert_allclose(matrix, crop.crop_matrix(BOX, SPEC.input_hw, SPEC.padding))
    assert not flipped
    assert random_box(np.random.default_rng(0), SPEC.skeleton, person, AugmentConfig()) == person.box_xywh


def geometry(ranges, count=500):
    """Angles in degrees, scales and flips of random matrices."""
    plain = np.linalg.det(crop.crop_matrix(BOX, SPEC.input_hw, SPEC.padding)[:, :2])
    rng = np.random.default_rng(0)
    angles, scales, flips = [], [], []
    for _ in range(count):
        matrix, flipped = random_matrix(rng, SPEC, BOX, ranges)
        determinant = np.linalg.det(matrix[:, :2])
        assert (determinant < 0) == flipped
        flips.append(flipped)
        scales.append(np.sqrt(abs(determinant) / plain))
        angles.append(np.rad2deg(np.arctan2(matrix[1, 0], matrix[1, 1])))
    return np.array(angles), np.array(scales), np.array(flips)


def test_matrices_stay_in_their_ranges_and_fill_them():
    angles, scales, flips = geometry(AugmentConfig(rotation_deg=30, scale=0.25, shift=0.05, flip=0.5))
    assert -30 <= min(angles) < -28 < 28 < max(angles) <= 30
    assert 0.75 <= min(scales) < 0.77 < 1.23 < max(scales) <= 1.25
    assert 0.4 < np.mean(flips) < 0.6


def test_rotation_and_scale_exclude_each_other_where_table_1_says_so():
    angles, scales, _ = geometry(HEAVY)
    turned, scaled = np.abs(angles) > 1e-9, np.abs(scales - 1) > 1e-9
    assert (turned ^ scaled).all()
    assert 0.4 < turned.mean() < 0.6


def test_the_levels_are_table_1_of_the_paper():
    columns = {
        "blur_sigma": (2.0, 1.5, 1.0),
        "sharpen": (1.0, 0.5, 0.0),
        "lightness": (0.2, 0.15, 0.0),
        "hue": (30, 20, 15),
        "saturation": (30, 20, 15),
        "brightness": (30, 25, 20),
        "contrast": (0.25, 0.15, 0.10),
        "dropout": (0.10, 0.05, 0.03),
        "noise": (0.05, 0.03, 0.01),
        "scale": (0.25, 0.20, 0.15),
        "rotation_deg": (30, 25, 15),
        "flip": (0.5, 0.5, 0.5),
        "blur": (0.3, 0.3, 0.3),
    }
    for i, level in enumerate((HEAVY, MEDIUM, LIGHT)):
        assert {name: getattr(level, name) for name in columns} == {name: row[i] for name, row in columns.items()}
        assert level.exclusive
        other = set(f.name for f in fields(AugmentConfig)) - set(columns) - {"exclusive", "at_most"}
        assert all(getattr(level, name) == getattr(AugmentConfig(), name) for name in other)
    assert all(presets.preset(f"hourglass-{n}").train.augment is MEDIUM for n in (2, 4, 8))


def test_half_a_body_is_the_half_above_the_hips_or_below(person):
    ranges = AugmentConfig(half_body=1.0)
    rng = np.random.default_rng(0)
    lower = np.array([name.endswith(("hip", "knee", "ankle")) for name in SPEC.skeleton.names])
    points = person.keypoints[:, :2]
    seen = set()
    for _ in range(20):
        x, y, w, h = random_box(rng, SPEC.skeleton, person, ranges)
        inside = ((points >= (x, y)) & (points <= (x + w, y + h))).all(axis=1)
        assert inside[lower].all() or inside[~lower].all()
        seen.add(bool(inside[lower].all()))
    assert seen == {True, False}
    few = person.keypoints.copy()
    few[8:] = 0  # eight labels are too few
    assert random_box(rng, SPEC.skeleton, replace(person, keypoints=few), ranges) == person.box_xywh
    line = person.keypoints.copy()
    line[lower, 0] = 50.0  # a box around points on a line still has an area
    for _ in range(10):
        assert min(random_box(rng, SPEC.skeleton, replace(person, keypoints=line), ranges)[2:]) > 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("rotation_deg", 200), ("scale", 1.0), ("flip", 1.5), ("noise", -0.1), ("hue", float("nan"))],
)
def test_what_is_out_of_range_is_named(field, value):
    with pytest.raises(ValueError, match=f"augmentation: .*{field} {value}"):
        AugmentConfig(**{field: value})
    with pytest.raises(ValueError, match="at_most -1"):
        AugmentConfig(at_most=-1)


def test_levels_are_found_by_name_and_ranges_in_a_file(tmp_path):
    assert find("heavy") is HEAVY
    assert find("none") == AugmentConfig()
    records.write_json(replace(LIGHT, half_body=0.3), tmp_path / "mine.json")
    assert find(str(tmp_path / "mine.json")) == replace(LIGHT, half_body=0.3)
    with pytest.raises(ValueError, match=f"choose {', '.join(LEVELS)}"):
        find("extreme")
    (tmp_path / "wrong.json").write_text('{"schema": 1, "rotate": 3}')
    with pytest.raises(ValueError, match=r"wrong\.json: unknown key 'rotate'"):
        find(str(tmp_path / "wrong.json"))


def test_files_with_removed_fields_can_be_read_if_they_are_zero(tmp_path):
    """Bundles of earlier versions list them; their training is resumed, and fine-tuned, as before."""
    old = {**records.to_data(HEAVY), "box_jitter": 0.0, "solarize": 0.0, "posterize": 0, "equalize": 0.0}
    assert records.from_data(AugmentConfig, old, "old") == HEAVY
    with pytest.raises(ValueError, match=r"^old: solarize 0\.3 is no longer supported; only 0\.0 can be read"):
        records.from_data(AugmentConfig, {**old, "solarize": 0.3}, "old")
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"schema": 1, **old}))
    assert find(str(path)) == HEAVY
    record = json.loads((Path(__file__).parents[3] / "models" / "starter" / "train.json").read_text())
    record["train"]["augment"] |= AugmentConfig.REMOVED
    (tmp_path / "train.json").write_text(json.dumps(record))
    assert read_record(tmp_path).train.augment.sharpen == record["train"]["augment"]["sharpen"]


def test_a_level_is_a_starting_point_for_single_fields():
    settings = ("augment.rotation_deg=3", "augment.background=0.1")
    found = overrides.customise(presets.preset("mobile-hourglass"), {"augment": "light"}, settings).train.augment
    assert found == replace(LIGHT, rotation_deg=3.0, background=0.1)
    with pytest.raises(ValueError, match="nobody is there"):
        overrides.customise(presets.preset("mobile-deeppose"), {}, ["augment.background=0.1"])


def test_augmentation_ranges_are_checked():
    with pytest.raises(ValueError, match="rotation_deg 200"):
        AugmentConfig(rotation_deg=200)
