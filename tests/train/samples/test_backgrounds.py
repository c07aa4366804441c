import numpy as np
import pytest

from poseport import crop
from poseport.data import coco
from poseport.train import presets
from poseport.train.samples.backgrounds import digest, find_photos, random_background

SPEC = presets.preset("mobile-hourglass").spec
CORNERS = np.array([[-0.5, -0.5], [191.5, -0.5], [191.5, 191.5], [-0.5, 191.5]])


def test_a_region_lies_inside_the_photo_and_beside_everybody(drawn):
    people = coco.load(drawn)
    photos = find_photos(None, people.persons, 0.1)
    assert sum(len(photo.boxes_xywh) for photo in photos) == len(people)
    rng = np.random.default_rng(0)
    found = [random_background(rng, SPEC, photos) for _ in range(300)]
    regions = [each for each in found if each is not None]
    assert len(regions) > 30
    for photo, matrix in regions:
        points = crop.move_points(CORNERS, crop.invert(matrix))
        low, high = points.min(axis=0), points.max(axis=0)
        h, w = photo.image_hw
        assert (low >= -0.5 - 1e-6).all()
        assert (high <= (w - 0.5 + 1e-6, h - 0.5 + 1e-6)).all()
        for x, y, wide, high_px in photo.boxes_xywh:
            box_low, box_high = np.array([x, y]) - 0.5, np.array([x + wide, y + high_px]) - 0.5
            assert ((high <= box_low + 1e-6) | (low >= box_high - 1e-6)).any()


def test_a_folder_of_photos(drawn):
    folder = drawn.parent / "images"
    photos = find_photos(folder, (), 0.1)
    assert [photo.path for photo in photos] == sorted(folder.iterdir())
    photo, matrix = random_background(np.random.default_rng(0), SPEC, photos)
    assert photo in photos
    assert matrix.shape == (2, 3)
    assert digest(photos) == digest(find_photos(folder, (), 0.2)) != digest(photos[1:])


def test_what_makes_no_sense_is_refused(drawn, tmp_path):
    assert find_photos(None, coco.load(drawn).persons, 0.0) == ()
    with pytest.raises(ValueError, match="holds no photo"):
        find_photos(tmp_path, (), 0.1)
    with pytest.raises(ValueError, match=r"--set augment\.background"):
        find_photos(drawn.parent, (), 0.0)
