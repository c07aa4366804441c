import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.data import coco
from poseport.train import presets
from poseport.train.samples import preview


def test_a_sheet_shows_crops_beside_their_targets(drawn, tmp_path):
    command = ["data", "preview", str(drawn), "--out", str(tmp_path / "a.png"), "--augment", "heavy", "--count", "5"]
    result = CliRunner().invoke(main, [*command, "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert answer["crops"] == 5
    assert answer["augment"]["noise"] == 0.05
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image.shape == (2 * 192, 4 * 2 * 192, 3)
    assert (image[192:, 2 * 192 :] == 0).all()  # five crops in two rows
    assert CliRunner().invoke(main, [*command[:-4], "--out", str(tmp_path / "b.png")]).exit_code == 0
    again = [*command[:3], "--out", str(tmp_path / "c.png"), *command[5:]]
    assert CliRunner().invoke(main, again).exit_code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "c.png").read_bytes()


def test_coordinates_have_no_heatmaps_and_a_wrong_ending_is_refused(drawn, tmp_path):
    people, preset = coco.load(drawn), presets.preset("mobile-deeppose")
    assert preview.write_sheet(tmp_path / "a.jpg", preset.spec, preset.train, people, 2, seed=0) == 2
    assert cv2.imread(str(tmp_path / "a.jpg")).shape == (192, 2 * 192, 3)
    assert preview.write_sheet(tmp_path / "a.png", preset.spec, preset.train, people, 10_000, seed=0) == len(
        people.for_training()
    )
    with pytest.raises(ValueError, match=r"ends in \.png or \.jpg"):
        preview.write_sheet(tmp_path / "a.gif", preset.spec, preset.train, people, 2, seed=0)
    assert not list(tmp_path.glob("*.gif"))


def test_the_sheets_of_two_seeds_differ(drawn, tmp_path):
    people, preset = coco.load(drawn), presets.preset("mobile-hourglass")
    for seed in (0, 1):
        preview.write_sheet(tmp_path / f"{seed}.png", preset.spec, preset.train, people, 2, seed)
    a, b = (cv2.imread(str(tmp_path / f"{seed}.png")) for seed in (0, 1))
    assert not np.array_equal(a, b)
