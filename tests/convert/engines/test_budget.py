"""The search for the layers that must not be int8, on a network whose bad layer is known."""

from dataclasses import replace

import keras
import pytest
from places import ROOT

from poseport import bundle, records
from poseport.architecture import DeepPoseArchitecture
from poseport.bench import accuracy
from poseport.convert import recipes, to_tflite
from poseport.convert.doctor.dataflow import read_graph
from poseport.convert.doctor.support_checks import check_support
from poseport.convert.engines import ai_edge, budget_search
from poseport.convert.engines.candidates import SearchNotes
from poseport.convert.request import AccuracyBudget, Request
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.predict import predict
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, PoseSpec
from poseport.tflite import inspection, model_file
from poseport.tflite.runner import load
from poseport.train.networks import models
from poseport.train.progress.callbacks import save_weights

INT8 = recipes.recipe("int8")


def poison(spec, model, norm, reader, directory):
    """A bundle whose fourth channel behind `norm` is a thousand times as large, and taken back by the only
    convolution that reads it: the same function, but no range of 255 steps holds all channels.
    """
    gamma, beta, *moving = model.get_layer(norm).get_weights()
    kernel, *bias = model.get_layer(reader).get_weights()
    gamma[3], beta[3], kernel[:, :, 3] = 1000 * gamma[3], 1000 * beta[3], kernel[:, :, 3] / 1000
    model.get_layer(norm).set_weights([gamma, beta, *moving])
    model.get_layer(reader).set_weights([kernel, *bias])
    bundle.write_spec(directory, spec)
    save_weights(model, directory / bundle.WEIGHTS)
    return directory


def labelled_by(directory, people, folder, larger=1):
    """People labelled with what the network itself finds: its AP is 1, and each loss is int8's. They count as `larger`
    times their area.
    """
    model = load(to_tflite.convert(Request(directory, recipes.recipe("float32"), folder / "m.tflite")).path)
    found = predict(model, people.persons)
    found[..., 2] = 2
    pairs = zip(people.persons, found, strict=True)
    return replace(people, persons=tuple(replace(p, keypoints=k, area=larger * p.area) for p, k in pairs))


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """Random weights that tell people apart, with a bad channel between `stem_b` and `block0`."""
    keras.utils.set_random_seed(0)
    spec = PoseSpec("dp", DeepPoseArchitecture(width=0.25, dense_units=32), COCO17, (64, 64), CoordsOutput())
    model = models.build(spec, keras)
    kernel, bias = model.get_layer("coords").get_weights()
    # a fresh network fades from layer to layer: its last kernel makes up for it
    model.get_layer("coords").set_weights([3e6 * kernel, bias])
    gamma, beta, *moving = model.get_layer("stem_b_bn").get_weights()
    gamma[3] = beta[3] = 1
    model.get_layer("stem_b_bn").set_weights([gamma, beta, *moving])
    return poison(spec, model, "stem_b_bn", "block0_dw", tmp_path_factory.mktemp("poisoned") / "bundle")


@pytest.fixture(scope="module")
def calib(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("calib"), 30, seed=5))


@pytest.fixture(scope="module")
def tune(poisoned, drawn, tmp_path_factory):
    """Counted ten times as large as they are: in a crop of 64 pixels a step of int8 is no small part of an eye."""
    return labelled_by(poisoned, coco.load(drawn), tmp_path_factory.mktemp("float"), larger=100)


def search(poisoned, calib, tune, out, max_ap_drop=40.0, say=lambda line: None, recipe=INT8):
    budget = AccuracyBudget(max_ap_drop, tune, 20, say)
    return to_tflite.convert(Request(poisoned, recipe, out, calib, calib_count=12, budget=budget))


@pytest.fixture(scope="module")
def done(poisoned, calib, tune, tmp_path_factory):
    return search(poisoned, calib, tune, tmp_path_factory.mktemp("done") / "m.tflite")


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
    spec, model = models.load(ROOT / "models/starter", keras)
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
    with pytest.raises(ValueError, match=r"20 of these images settled its activation ranges or tuned it"):
        accuracy.refuse_overlap(load(done.path), tune.persons)


def test_one_set_serves_both_without_sharing_a_person(poisoned, tune, tmp_path):
    done = search(poisoned, tune, tune, tmp_path / "m.tflite", max_ap_drop=99)
    conversion = done.card.conversion
    assert conversion.recipe == "int8"  # all is allowed, so nothing is kept
    assert conversion.budget.ranking == ()
    assert not set(conversion.budget.tune.people) & set(conversion.calibration.people)


def test_an_interrupted_search_goes_on_and_ends_alike(done, poisoned, calib, tune, tmp_path):
    out, lines = tmp_path / "m.tflite", []

    def cut(line):
        lines.append(line)
        if len(lines) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(poisoned, calib, tune, out, say=cut)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite.search.json"]
    before = records.read_json(SearchNotes, budget_search.notes_path(out)).measured
    assert len(before) == 8
    again = search(poisoned, calib, tune, out, say=lines.append)
    assert again.card.conversion.kept == done.card.conversion.kept
    ours, theirs = again.card.conversion.budget, done.card.conversion.budget
    assert ours.ranking == theirs.ranking
    assert ours.float32 == before["float32"]  # to the millisecond: it was not measured again
    assert not budget_search.notes_path(out).exists()


def test_a_budget_that_nothing_holds_writes_nothing_and_keeps_what_was_measured(poisoned, calib, tune, tmp_path):
    out = tmp_path / "m.tflite"

    def cut(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(poisoned, calib, tune, out, say=cut)
    notes = records.read_json(SearchNotes, budget_search.notes_path(out))
    lost = replace(notes.measured["float32"], ap=0.5)
    layers = ai_edge.layers_of(inspection.inspect_bytes(tune_float(poisoned, tmp_path).read_bytes(), "m"))
    names = [f"only {layer.name}" for layer in layers]
    names += [f"{name} keeping 0" for name in ("int8", "int8-p95")]
    names += [f"mixed-float32 keeping {n}" for n in range(1, len(layers))]
    records.write_json(
        replace(notes, measured=notes.measured | dict.fromkeys(names, lost)), budget_search.notes_path(out)
    )
    with pytest.raises(ValueError, match=r"no mix of int8 and float32 loses at most 40 .*nothing was written.*50\.00"):
        search(poisoned, calib, tune, out)
    assert not out.exists()
    assert budget_search.notes_path(out).exists()


def tune_float(directory, folder):
    return to_tflite.convert(Request(directory, recipes.recipe("float32"), folder / "f.float32.tflite")).path


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


def test_a_budget_is_points_of_ap(tune):
    with pytest.raises(ValueError, match="in points of AP, 0 to 100, found -1"):
        AccuracyBudget(-1, tune)
