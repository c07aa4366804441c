"""A network out of a .tflite file: what is rebuilt computes the same, can be trained, and is converted back."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from click.testing import CliRunner
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from poseport import bundle, pose
from poseport.architecture import ForeignArchitecture
from poseport.command.cli import main
from poseport.convert import recipes, to_tflite
from poseport.convert.engines import tf_keras_twin
from poseport.convert.request import Request
from poseport.data import batches, coco
from poseport.predict import predict
from poseport.records import write_json
from poseport.skeletons import COCO17, LSP14
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.tflite import model_file, runner, sidecar
from poseport.train import evaluate, fit, phase, record, request
from poseport.train.begin import imported_preset, importing, read_network
from poseport.train.networks import models
from poseport.train.request import SILENT, Start, TrainingData
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.sample import CropSource

SPEC = PoseSpec(
    "theirs",
    ForeignArchitecture(source="somebody, under some licence"),
    COCO17,
    (64, 64),
    HeatmapOutput(values="logits"),
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)
PEERS = Path(__file__).parents[4] / "shared" / "peers"
SPECS = Path(__file__).parents[3] / "docs" / "specs"
PEER_SPECS = Path(__file__).parents[2] / "data" / "peers"


def theirs() -> keras.Model:
    """A network with one of every operation that the reader knows, its heatmaps in the middle of other outputs."""
    layers = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input((64, 64, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(image)
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu6")(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.DepthwiseConv2D(3, 2, padding="valid", activation="relu")(x)
    across = layers.Conv2D(8, 1)(x)
    y = layers.MaxPooling2D(2)(across)
    y = layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.2))(y)
    gate = layers.GlobalAveragePooling2D()(y)
    gate = layers.Dense(8, activation="sigmoid")(layers.Dense(4, activation="relu")(gate))
    y = layers.Multiply()([y, layers.Reshape((1, 1, 8))(gate)])
    z = layers.Activation("hard_swish")(layers.AveragePooling2D(2, padding="same")(y))
    z = layers.UpSampling2D(2, interpolation="bilinear")(z)
    y = layers.Concatenate()([y, z])
    y = layers.Conv2DTranspose(8, 4, 2, padding="same")(y)
    y = layers.Add()([across, y])
    y = layers.BatchNormalization(moving_mean_initializer="ones", beta_initializer="ones")(y)
    maps = layers.Conv2D(17, 1, name="maps")(y)
    other = layers.Activation("sigmoid", name="other")(layers.Conv2D(2, 1)(y))
    return keras.Model(image, [maps, other])


def converted(network: keras.Model, float16: bool = False) -> bytes:
    """The network as a .tflite of a fixed batch of one."""
    function = tf.function(lambda image: network(image, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, *network.input_shape[1:]), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])
    if float16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    data: bytes = converter.convert()
    return data


def maps_of(file: Path) -> str:
    """Name of the file's output with one map per keypoint."""
    found = Interpreter(str(file)).get_output_details()
    return next(str(one["name"]) for one in found if one["shape"][-1] == 17)


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


def refused(arguments: list[str]) -> str:
    found = CliRunner().invoke(main, ["import", *arguments])
    assert found.exit_code == 1
    assert len(found.output.strip().splitlines()) == 1
    return found.output


def test_what_cannot_be_imported_is_one_line(file, tmp_path):
    out = ["--out", str(tmp_path / "out")]
    assert "has 2 outputs" in refused([str(file), *out])
    assert "no operation gives a tensor 'nothing'; near:" in refused([str(file), "--until", "nothing", *out])
    spec = tmp_path / "spec.json"
    until = ["--until", maps_of(file), "--spec", str(spec)]
    write_json(replace(SPEC, skeleton=LSP14), spec)
    assert "its output has 17 channels and the spec asks for 14" in refused([str(file), *until, *out])
    write_json(replace(SPEC, input_hw=(96, 96)), spec)
    assert "its input is (64, 64) and the spec says (96, 96)" in refused([str(file), *until, *out])
    write_json(replace(SPEC, output=HeatmapOutput(stride=8, values="logits")), spec)
    assert "output has shape [16, 16, 17] and the spec's heatmap [8, 8, 17]" in refused([str(file), *until, *out])
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    assert "exists already" in refused([str(file), "--until", maps_of(file), *out])


def test_an_unknown_operation_is_named_with_where_to_cut(tmp_path):
    image = keras.Input((64, 64, 3))
    maps = keras.layers.Conv2D(17, 3, 4, padding="same")(image)
    path = tmp_path / "m.tflite"
    path.write_bytes(converted(keras.Model(image, keras.ops.sin(maps))))
    with pytest.raises(ValueError, match=r"SIN \(tensor .* cannot be rebuilt: .*--until .*\[1, 16, 16, 17\]"):
        read_network.read(path.read_bytes(), "m.tflite")


def test_a_network_of_two_inputs_and_of_open_shape_are_refused(tmp_path):
    one, two = keras.Input((64, 64, 3)), keras.Input((64, 64, 3))
    model = keras.Model([one, two], keras.layers.Add()([one, two]))
    function = tf.function(lambda a, b: model([a, b]))
    specs = [tf.TensorSpec((1, 64, 64, 3), tf.float32)] * 2
    concrete = function.get_concrete_function(*specs)
    path = tmp_path / "two.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
    with pytest.raises(ValueError, match="has 2 inputs"):
        read_network.read(path.read_bytes(), "m.tflite")
    open_ = tf.function(lambda a: tf.nn.relu(a)).get_concrete_function(tf.TensorSpec((1, None, None, 3), tf.float32))
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([open_]).convert())
    with pytest.raises(ValueError, match=r"expected \(1, height, width, 3\), fixed"):
        read_network.read(path.read_bytes(), "m.tflite")


def test_damaged_bytes_never_raise_anything_else(file):
    """The reader after `flatbuffer.verify`: options, shapes and constants of a file with bytes changed at random."""
    data, name, random = file.read_bytes(), maps_of(file), np.random.default_rng(0)
    refusals = []
    for _ in range(300):
        changed = bytearray(data)
        for place in random.integers(len(data) - 3000, len(data), 3):
            changed[place] = random.integers(256)
        try:
            read_network.read(bytes(changed), "damaged.tflite", name)
        except ValueError as error:
            refusals.append(str(error))
    assert refusals
    assert not [one for one in refusals if "\n" in one]


PEER = pytest.mark.skipif(not PEERS.is_dir(), reason="others' networks are not here")
# file, spec and last tensor; the error is a share of the range
NETWORKS = [
    ("movenet_thunder_fp16", SPECS / "movenet_thunder_heatmaps.json", "kpt_heatmap_0/conv2d_5", 1e-4),
    # the file itself computes in 8 bits; its weights as real numbers give the same up to that
    ("movenet_lightning_int8_4", SPECS / "movenet_lightning_heatmaps.json", "kpt_heatmap_0/conv2d_5", 0.25),
    ("edvardhua_hourglass", PEER_SPECS / "edvardhua_hourglass.json", None, 1e-4),
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
