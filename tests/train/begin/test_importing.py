"""A network out of a .tflite file: what is rebuilt computes the same, can be trained, and is converted back."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from click.testing import CliRunner
from their_network import SPEC, converted, maps_of, theirs

from poseport import bundle, pose
from poseport.command.cli import main
from poseport.convert import recipes, to_tflite
from poseport.convert.engines import tf_keras_twin
from poseport.convert.request import Request
from poseport.data import batches, coco
from poseport.predict import predict
from poseport.records import write_json
from poseport.skeletons import COCO17, LSP14
from poseport.spec import PoseSpec
from poseport.tflite import model_file, runner, sidecar
from poseport.train import evaluate, fit, phase, record, request
from poseport.train.begin import imported_preset, importing
from poseport.train.networks import models
from poseport.train.request import SILENT, Start, TrainingData
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.sample import CropSource

PEERS = Path(__file__).parents[4] / "shared" / "peers"
SPECS = Path(__file__).parents[3] / "docs" / "specs"


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "float16"])
def file(request, tmp_path_factory):
    """The network's file, its spec beside it."""
    path = tmp_path_factory.mktemp("theirs") / "theirs.tflite"
    path.write_bytes(converted(theirs(), request.param))
    write_json(SPEC, sidecar.spec_path(path))
    return path


@pytest.fixture(scope="module")
def imported(file, tmp_path_factory):
    """The bundle that the command makes of it."""
    out = tmp_path_factory.mktemp("imported") / "bundle"
    found = CliRunner().invoke(main, ["import", str(file), "--until", maps_of(file), "--out", str(out)])
    assert found.exit_code == 0, found.output
    return out


def own_tensor(file: Path, name: str, image: np.ndarray) -> np.ndarray:
    """What the file itself computes in a tensor, as real numbers."""
    interpreter = Interpreter(
        str(file),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    wanted = interpreter.get_input_details()[0]
    interpreter.set_tensor(wanted["index"], image.astype(wanted["dtype"]))
    interpreter.invoke()
    details = interpreter.get_tensor_details()
    named = [one for one in details if one["name"] == name] or [one for one in details if name in one["name"]]
    (tensor,) = [one for one in named if one["shape"][:1] == 1]  # not the weights, which share its name
    values, (scale, zero) = interpreter.get_tensor(tensor["index"]).astype(np.float32), tensor["quantization"]
    return (values - zero) * scale if scale else values


def pixels(people: coco.People, spec: PoseSpec, count: int = 1) -> np.ndarray:
    return next(batches.batches(spec, people.persons, count)).crops


def prepared(spec: PoseSpec, settings, init: Path, persons) -> phase.Phase:
    """The network as it is before its first step."""
    source = CropSource(spec, persons, settings.augment)
    made = phase.prepare(spec, settings, source, phase.PhaseStart(init=init))
    made.data.close()
    return made


def test_the_rebuilt_network_computes_what_the_file_does(file, imported, drawn):
    spec, model = models.load(imported, keras)
    crops = pixels(coco.load(drawn), spec)
    wanted = own_tensor(file, maps_of(file), crops.astype(np.float32))
    got = evaluate.predict_outputs(model, pose.normalise(spec, crops))
    assert np.abs(got - wanted).max() < 1e-4 * np.ptp(wanted)
    twin = tf_keras_twin.twin(spec, model)
    assert np.abs(evaluate.predict_outputs(twin, pose.normalise(spec, crops)) - wanted).max() < 1e-4 * np.ptp(wanted)


def test_the_bundle_says_where_it_came_from(file, imported):
    spec, made = bundle.read_spec(imported), record.read_record(imported)
    assert spec.architecture.source == SPEC.architecture.source
    # the head of the graph; a float16 file holds 1 / 127.5 in four digits
    assert (*spec.mean, *spec.std) == pytest.approx((127.5,) * 6, rel=1e-4)
    assert made.initial.bundle == file.name
    assert made.initial.weights_sha256 == bundle.sha256(file)
    assert made.initial.copied == made.initial.arrays
    assert made.preprocessing == pose.fingerprint(spec)


def test_it_is_trained_further_and_converted_back(imported, drawn, tmp_path):
    people = coco.load(drawn)
    chosen = imported_preset.chosen(None, imported)
    assert chosen.spec.byte_exact
    settings = replace(chosen.train, epochs=1, batch=30, warmup=0.0, augment=AugmentConfig())
    made = fit.fit(chosen.spec, settings, TrainingData(people), tmp_path / "run", start=Start(init=imported))
    assert made.initial.copied == made.initial.arrays
    asked = Request(tmp_path / "run", recipes.recipe("float32"), tmp_path / "m.tflite", people, calib_count=8)
    result = to_tflite.convert(asked)
    spec, model = models.load(tmp_path / "run", keras)
    wanted = predict(evaluate.KerasNetwork(spec, model), people.persons[:8])
    got = predict(runner.load(result.path), people.persons[:8])
    assert np.abs(got[..., :2] - wanted[..., :2]).max() < 0.01
    assert model_file.read(result.path)[1].spec == chosen.spec


def test_other_pixels_change_nothing_but_the_border(imported, drawn):
    """Before any step, the network whose pixels run from 0 to 1 is the one whose pixels run from -1 to 1."""
    spec, model = models.load(imported, keras)
    chosen = imported_preset.chosen(None, imported)
    part = prepared(chosen.spec, replace(chosen.train, batch=4), imported, coco.load(drawn).persons)
    crops = pixels(coco.load(drawn), spec)
    probe = [keras.Model(m.input, m.get_layer("conv1").output) for m in (model, part.model)]
    old, new = (p.predict_on_batch(pose.normalise(s, crops)) for p, s in zip(probe, (spec, chosen.spec), strict=True))
    assert np.abs(old - new)[:, :-1, :-1].max() < 1e-4 * np.ptp(old)


def test_another_skeleton_gets_a_new_head(imported, drawn):
    chosen = imported_preset.chosen(None, imported)
    spec = replace(chosen.spec, skeleton=LSP14)
    people = coco.load(drawn)
    points = np.zeros((14, 3))
    persons = tuple(replace(p, keypoints=points) for p in people.persons)
    part = prepared(spec, replace(chosen.train, batch=4), imported, persons)
    assert part.initial.left == ("heatmaps",)
    old = models.load(imported, keras)[1].get_layer("heatmaps").get_weights()[0]
    new = part.model.get_layer("heatmaps").get_weights()[0]
    i, j = LSP14.index("left_knee"), COCO17.index("left_knee")
    assert np.array_equal(new[..., i], old[..., j])


def test_the_first_layers_can_be_held(imported, drawn):
    chosen = imported_preset.chosen(None, imported)
    settings, people = replace(chosen.train, batch=4, freeze_first=3), coco.load(drawn)
    part = prepared(chosen.spec, settings, imported, people.persons)
    weighted = [layer for layer in part.model.layers if layer.weights]
    assert [bool(layer.trainable_weights) for layer in weighted[:4]] == [False, False, False, True]
    with pytest.raises(ValueError, match="freeze_first 99: the network has"):
        prepared(chosen.spec, replace(settings, freeze_first=99), imported, people.persons)
    with pytest.raises(ValueError, match=r"train\.freeze_first keeps weights that the training begins from"):
        request.check(chosen.spec, settings, TrainingData(people), Start(), SILENT)


PEER = pytest.mark.skipif(not PEERS.is_dir(), reason="others' networks are not here")
# file, spec and last tensor; the error is a share of the range
NETWORKS = [
    ("movenet_thunder_fp16", SPECS / "movenet_thunder_heatmaps.json", "kpt_heatmap_0/conv2d_5", 1e-4),
    # the file itself computes in 8 bits; its weights as real numbers give the same up to that
    ("movenet_lightning_int8_4", SPECS / "movenet_lightning_heatmaps.json", "kpt_heatmap_0/conv2d_5", 0.25),
    ("edvardhua_hourglass", SPECS / "edvardhua_hourglass.json", None, 1e-4),
]


@PEER
@pytest.mark.parametrize(("name", "spec", "until", "error"), NETWORKS, ids=[one[0] for one in NETWORKS])
def test_a_peer_is_rebuilt(drawn, tmp_path, name, spec, until, error):
    file = PEERS / f"{name}.tflite"
    importing.import_network(file, sidecar.read_spec(spec), tmp_path / "out", until)
    read, model = models.load(tmp_path / "out", keras)
    crops = pixels(coco.load(drawn), read)
    given = crops[..., ::-1] if read.channel_order == "bgr" else crops
    wanted = own_tensor(file, until or Interpreter(str(file)).get_output_details()[0]["name"], given)
    got = evaluate.predict_outputs(model, pose.normalise(read, crops))
    assert np.abs(got - wanted).max() < error * np.ptp(wanted)
    assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > 0.9


@PEER
@pytest.mark.slow
@pytest.mark.parametrize(("name", "spec", "until", "error"), NETWORKS, ids=[one[0] for one in NETWORKS])
def test_a_peer_is_trained_and_converted_back(drawn, tmp_path, name, spec, until, error):
    importing.import_network(PEERS / f"{name}.tflite", sidecar.read_spec(spec), tmp_path / "out", until)
    chosen = imported_preset.chosen(None, tmp_path / "out")
    people, count = coco.load(drawn), len(chosen.spec.skeleton)
    persons = tuple(replace(one, keypoints=one.keypoints[:count]) for one in people.persons[:4])
    labelled = replace(people, persons=persons, skeleton=chosen.spec.skeleton)
    settings = replace(chosen.train, epochs=1, batch=2, warmup=0.0, augment=AugmentConfig())
    fit.fit(chosen.spec, settings, TrainingData(labelled), tmp_path / "run", start=Start(init=tmp_path / "out"))
    asked = Request(tmp_path / "run", recipes.recipe("float32"), tmp_path / "m.tflite", labelled, calib_count=4)
    trained = evaluate.KerasNetwork(*models.load(tmp_path / "run", keras))
    wanted, got = (predict(one, persons) for one in (trained, runner.load(to_tflite.convert(asked).path)))
    assert np.abs(got[..., :2] - wanted[..., :2]).max() < 0.01
