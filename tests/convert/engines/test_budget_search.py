"""The search for the layers that must not be int8, on a network whose bad layer is known."""

import keras
import pytest
from places import ROOT
from poisoned_network import labelled_by, poison, search

from poseport.bench.measure import checks
from poseport.convert import recipes, to_tflite
from poseport.convert.doctor.dataflow import read_graph
from poseport.convert.doctor.support_checks import check_support
from poseport.convert.engines import budget_search
from poseport.convert.request import Request
from poseport.data import coco
from poseport.tflite import model_file
from poseport.tflite.runner import load
from poseport.train.networks import models


def test_a_poisoned_layer_is_found_and_the_accuracy_comes_back(done, tune):
    conversion = done.card.conversion
    found = conversion.budget
    assert conversion.recipe == "mixed-float32"
    # the two layers between which the channel lies: either one quantizes it
    assert {cost.layer for cost in found.ranking[:2]} == set(conversion.kept) == {"stem_b_conv", "block0_dw"}
    assert found.ranking[1].moved > 4 * found.ranking[2].moved
    steps = {(step.recipe, step.kept): step.ap_drop for step in found.curve}
    assert steps["int8", 0] > 70
    assert steps["int8-p95", 0] > 70
    assert steps["mixed-float32", 1] > 70  # keeping one of the two alone changes nothing
    assert found.curve[-1].ap_drop <= 40  # what is left is the other layers of a random network
    assert found.curve[-1].kept == 2
    assert found.float32.ap == 1


@pytest.mark.slow
def test_a_poisoned_layer_of_a_trained_network_is_found(drawn, calib, tmp_path):
    """The shipped network with one bad channel: int8 finds nobody, with the bad layers in float32 it is as before."""
    spec, model = models.load(ROOT / "models/tiny", keras)
    directory = poison(spec, model, "feature_bn", "heatmaps", tmp_path / "poisoned")
    tune = labelled_by(directory, coco.load(drawn), tmp_path)
    found = search(directory, calib, tune, tmp_path / "mixed.tflite", max_ap_drop=10).card.conversion
    poisoned = {"feature_conv", "heatmaps"}
    assert {cost.layer for cost in found.budget.ranking[:2]} == poisoned <= set(found.kept)
    assert len(found.kept) <= 3  # the encoder's first depthwise convolution costs some by itself
    assert found.budget.ranking[1].moved > 3 * found.budget.ranking[2].moved
    first, *_, last = found.budget.curve
    assert first.ap_drop > 90
    assert last.ap_drop < 10
    assert last.kept_macs_share < 0.15


def test_the_file_is_what_its_card_says(done):
    assert "AI Edge Quantizer of litert-quantizer" in done.card.conversion.engine
    types = {op.name: op.dtype for op in done.inspection.ops if op.kind not in ("QUANTIZE", "DEQUANTIZE")}
    assert list(types.values()).count("float32") == len(done.card.conversion.kept)
    assert load(done.path).byte_exact
    step = done.card.conversion.budget.curve[-1]
    share = done.inspection.macs_by_dtype["float32"] / done.inspection.macs
    assert step.kept_macs_share == pytest.approx(share, abs=1e-4)
    assert not list(done.path.parent.glob("*.json"))  # the notes are gone


def test_nobody_calibrates_and_is_tuned_on(done, tune):
    conversion = done.card.conversion
    assert len(conversion.budget.tune.people) == 20
    assert not set(conversion.budget.tune.images_sha256) & set(conversion.calibration.images_sha256)
    with pytest.raises(ValueError, match=r"was calibrated or tuned on 20 of these images"):
        checks.refuse_overlap(load(done.path), tune.persons)


def test_one_set_serves_both_without_sharing_a_person(poisoned, tune, tmp_path):
    done = search(poisoned, tune, tune, tmp_path / "m.tflite", max_ap_drop=99)
    conversion = done.card.conversion
    assert conversion.recipe == "int8"  # all is allowed, so nothing is kept
    assert conversion.budget.ranking == ()
    assert not set(conversion.budget.tune.people) & set(conversion.calibration.people)


def test_layers_named_by_hand_are_in_sixteen_bits(poisoned, calib, done, tmp_path):
    kept = done.card.conversion.kept
    by_hand = to_tflite.convert(
        Request(
            poisoned, recipes.recipe("mixed-16x8"), tmp_path / "m.mixed-16x8.tflite", calib, calib_count=12, keep=kept
        )
    )
    assert by_hand.card.conversion.kept == kept
    wide = [op for op in by_hand.inspection.ops if op.dtype == "int8 weights x int16"]
    assert len(wide) == len(kept)
    assert by_hand.inspection.float_islands == ()
    # the app's own tests run such a file on TFLite 2.16.1, and are refused
    for runtime, refused in (((2, 16, 1), True), ((2, 18), False)):
        graph = read_graph(model_file.read(by_hand.path)[0], "m.tflite")
        assert ("runtime-types" in {one.id for one in check_support(graph, runtime)}) == refused


@pytest.mark.parametrize("most", [1, 2, 7, 36])
def test_the_fewest_is_found(most):
    for wanted in range(1, most + 1):
        asked = []

        def holds(n, wanted=wanted, asked=asked):
            asked.append(n)
            return n >= wanted

        assert budget_search._fewest(most, holds) == wanted
        assert len(asked) == len(set(asked)) <= 13
    assert budget_search._fewest(most, lambda n: False) is None
