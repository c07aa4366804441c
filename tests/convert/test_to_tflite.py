"""Every recipe on real networks, and what cannot be converted: refused, nothing left behind."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from poseport import bundle, cascade, pose
from poseport.architecture import DeepPoseArchitecture, HourglassArchitecture
from poseport.convert import recipes, summary, to_tflite
from poseport.convert.request import Request
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.predict import predict
from poseport.skeletons import COCO17, LSP14
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.tflite import model_file
from poseport.tflite.runner import load
from poseport.train.networks import models
from poseport.train.progress.callbacks import save_weights
from poseport.train.samples import cascade_samples


def untrained(folder, spec):
    keras.utils.set_random_seed(0)
    bundle.write_spec(folder, spec)
    save_weights(models.build(spec, keras), folder / bundle.WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def photo_and_box():
    image, people = synth.scene(np.random.default_rng(4), (288, 384))
    return image, np.array([people[0].box_xywh])


@pytest.fixture(scope="module")
def calib(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("calib"), 20, seed=5))


SPECS = {
    "hourglass": PoseSpec("hg", HourglassArchitecture(stacks=2, width=16, depth=2), COCO17, (64, 64), HeatmapOutput()),
    "deeppose": PoseSpec("dp", DeepPoseArchitecture(width=0.25, dense_units=32), COCO17, (64, 64), CoordsOutput()),
}


@pytest.mark.parametrize("family", list(SPECS))
def test_int8_is_int8_in_every_family(family, calib, tmp_path):
    """One scale a channel, `pixel - 128` at the input, no float island, no MUL, one output, a signature."""
    run = untrained(tmp_path / "run", SPECS[family])
    done = to_tflite.convert(Request(run, recipes.recipe("int8"), tmp_path / "m.tflite", calib, calib_count=12))
    found = done.inspection
    assert found.macs_by_dtype == {"int8": found.macs}
    assert found.float_islands == ()
    assert "MUL" not in found.op_counts
    assert found.signatures == ("serving_default",)
    assert len(found.outputs) == 1
    assert found.inputs[0].zero_point == -128
    assert found.inputs[0].scale == pytest.approx(1 / 255, rel=1e-5)
    assert load(done.path).byte_exact
    assert [(t.shape[0], t.dynamic) for t in (*found.inputs, *found.outputs)] == [(1, False)] * 2
    assert done.card.conversion.weights_sha256 == bundle.sha256(run / bundle.WEIGHTS)
    assert len(done.card.conversion.calibration.people) == 12


def test_every_recipe_says_what_it_is(calib, tmp_path):
    wide = replace(SPECS["hourglass"], architecture=HourglassArchitecture(width=48, depth=2))
    run = untrained(tmp_path / "run", wide)
    sizes = {}
    plain = [recipe for recipe in recipes.RECIPES.values() if recipe.kept is None and not recipe.trained]
    for recipe in plain:
        done = to_tflite.convert(Request(run, recipe, tmp_path / f"{recipe.name}.tflite", calib, calib_count=8))
        sizes[recipe.name] = done.inspection.bytes
        assert model_file.read(done.path)[1].conversion.recipe == recipe.name
        io = {t.dtype for t in (*done.inspection.inputs, *done.inspection.outputs)}
        assert io == {recipe.io}
        assert (done.card.conversion.calibration is None) == (not recipe.full)
        if recipe.weights in ("float32", "float16"):
            assert done.parity.p99_px < 0.5
        types = done.inspection.macs_by_dtype
        assert ("int8 weights x float32" in types) == (recipe.name == "dynamic")
        assert ("int8 weights x int16" in types) == recipe.name.startswith("16x8")
        assert recipe.engine in done.card.conversion.engine
        assert ("litert-quantizer" in done.card.conversion.versions) == ("p95" in recipe.name)
        if recipe.full:
            most = max(op.weights.channels for op in done.inspection.ops if op.weights)
            assert (most == 1) == ("per-tensor" in recipe.name)
    assert sizes["int8"] < sizes["float16"] < sizes["float32"]
    assert not list(tmp_path.glob(".*"))


def test_a_dynamic_range_that_quantizes_nothing_is_refused(tiny_bundle, tmp_path):
    """TFLite leaves small weights in float without a word; the file would be float32 under another name."""
    with pytest.raises(ValueError, match="no weight is int8"):
        to_tflite.convert(Request(tiny_bundle, recipes.recipe("dynamic"), tmp_path / "d.tflite"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"calib": None}, r"needs people for its activation ranges; give --calib"),
        ({"count": 500}, r"20 people can calibrate, 500 were requested; give --calib-count 20"),
        ({"exclude": "calib"}, r"0 people can calibrate.*--exclude and --tune-on sets were left out"),
        ({"calib": "other skeleton"}, r"calibrate on people of the same keypoints"),
        ({"directory": "empty"}, r"holds no spec\.json, so it is not a bundle"),
        ({"out": "a file/m.tflite"}, r"cannot be written .*; choose another output"),
    ],
)
def test_what_cannot_be_converted_says_why_and_leaves_nothing(change, message, tiny_bundle, calib, tmp_path):
    (tmp_path / "a file").write_text("in the way")
    (tmp_path / "empty").mkdir()
    directory = tmp_path / change.get("directory", "") if "directory" in change else tiny_bundle
    out = tmp_path / change.get("out", "m.tflite")
    chosen = {None: None, "other skeleton": replace(calib, skeleton=LSP14)}.get(change.get("calib", 0), calib)
    exclude = calib if change.get("exclude") else None
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=message) as caught:
        to_tflite.convert(
            Request(directory, recipes.recipe("int8"), out, chosen, calib_count=change.get("count", 8), exclude=exclude)
        )
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_converted_cascade_is_the_keras_cascade(recipe, tiny_cascade, tiny_cascades, drawn):
    persons = coco.load(drawn).persons[:6]
    model = load(tiny_cascades[recipe])
    found = cascade.predict([model, *model.later], persons)[0]
    stages = cascade_samples.load_stages(tiny_cascade)
    # from the same estimates: where an untrained hourglass is torn between two peaks, int8 may choose the other
    estimates = predict(model, persons)
    wanted = cascade.refine(stages[1:], persons, estimates[None])[0]
    away = np.linalg.norm((found - wanted)[..., :2], axis=-1)
    moved = np.linalg.norm((wanted - estimates)[..., :2], axis=-1)
    assert np.percentile(away, 99) < (0.05 if recipe == "float32" else 0.5 * np.median(moved))
    if recipe == "float32":
        np.testing.assert_allclose(cascade.predict(stages, persons)[0], found, atol=0.1)


def test_a_cascade_is_counted_as_it_runs(tiny_cascade, calib, tmp_path):
    steps = []
    done = to_tflite.convert(
        Request(tiny_cascade, recipes.recipe("int8"), tmp_path / "c.tflite", calib, calib_count=4), steps.append
    )
    assert sum(steps) == (1 + 17) * (4 + 4)
    (later,) = done.later
    assert later.inspection.macs_by_dtype == {"int8": later.inspection.macs}
    assert later.parity.of == done.parity.of == 4 * 17
    assert summary.to_answer(done)["macs"] == done.inspection.macs + 17 * later.inspection.macs
    assert done.inspection.bytes == done.path.stat().st_size
    assert done.card == model_file.read(done.path)[1]
    assert len(later.card.conversion.calibration.people) == 4
    assert not list(tmp_path.glob(".*"))


def test_three_stages_are_one_file(tiny_cascade, photo_and_box, tmp_path):
    third = tmp_path / "third"
    bundle.write_spec(third, replace(bundle.read_spec(tiny_cascade), name="tiny-third"))
    shutil.copy(tiny_cascade / bundle.WEIGHTS, third)
    bundle.adopt(tiny_cascade, third)
    model = load(to_tflite.convert(Request(third, recipes.recipe("float32"), tmp_path / "three.tflite")).path)
    assert [network.spec.name for network in (model, *model.later)] == ["tiny", "tiny-refine", "tiny-third"]
    image, box = photo_and_box
    first, *later = cascade_samples.load_stages(third)
    crops, matrices = pose.crops(first.spec, image, box)
    keypoints = pose.decode(first.spec, first.outputs(crops), matrices)
    np.testing.assert_allclose(model(image, box), cascade.refine_image(later, image, box, keypoints), atol=0.1)
