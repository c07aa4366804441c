"""Requests for a budget or for layers by hand that do not go together."""

import pytest
from poisoned_network import INT8

from poseport.convert import recipes, to_tflite
from poseport.convert.request import AccuracyBudget, Request
from poseport.data import coco


@pytest.mark.parametrize(
    ("recipe", "change", "message"),
    [
        ("int8", {"keep": ["stem_b_conv"]}, "recipe int8 keeps no layer from being int8; take mixed-float32"),
        ("mixed-float32", {}, "needs layers that are not int8; name them with --keep"),
        ("mixed-float32", {"keep": ["stem"]}, "there is no layer 'stem' to keep; there are stem_conv, stem_b_dw"),
        ("float16", {"budget": 1.0}, "--max-ap-drop takes recipe int8, mixed-float32 or mixed-16x8, not float16"),
        ("int8", {"budget": 1.0, "out": "m.int8.tflite"}, "leave the recipe out of --out"),
        ("float32", {"out": "m.int8.tflite"}, "its name says int8, the file would be float32; rename --out"),
    ],
)
def test_what_does_not_go_together_says_so(recipe, change, message, poisoned, calib, tune, tmp_path):
    budget = AccuracyBudget(change["budget"], tune) if "budget" in change else None
    with pytest.raises(ValueError, match=message) as caught:
        to_tflite.convert(
            Request(
                poisoned,
                recipes.recipe(recipe),
                tmp_path / change.get("out", "m.tflite"),
                calib,
                calib_count=8,
                keep=change.get("keep", ()),
                budget=budget,
            )
        )
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_cascade_has_no_budget(tiny_cascade, calib, tune, tmp_path):
    with pytest.raises(ValueError, match="is a cascade, whose layers are not chosen one by one"):
        to_tflite.convert(
            Request(tiny_cascade, INT8, tmp_path / "m.tflite", calib, calib_count=8, budget=AccuracyBudget(1, tune))
        )


def test_a_budget_is_points_of_ap(tune):
    with pytest.raises(ValueError, match="in points of AP, 0 to 100, found -1"):
        AccuracyBudget(-1, tune)


def test_a_network_that_scores_nothing_has_no_budget(poisoned, calib, drawn, tmp_path):
    budget = AccuracyBudget(1, coco.load(drawn))  # with their true labels, of which it knows nothing
    with pytest.raises(ValueError, match=r"1 points of AP cannot be measured, .* itself scores 0\.\d+ on these"):
        to_tflite.convert(Request(poisoned, INT8, tmp_path / "m.tflite", calib, calib_count=8, budget=budget))
    assert not list(tmp_path.iterdir())
