"""Each finding on a small real file that has it, and on none that has not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.convert.doctor import delegates
from poseport.convert.doctor.dataflow import read_graph
from poseport.convert.doctor.diagnosis import diagnose
from poseport.convert.doctor.finding import Finding
from poseport.convert.doctor.graph_checks import check_graph
from poseport.convert.doctor.runtimes import OLDEST, oldest_runtime, parse_runtime
from poseport.convert.doctor.support_checks import check_support, needed_runtime
from poseport.data import coco
from poseport.tflite import model_file
from poseport.tflite.interpreter import Runner


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, shape).astype(np.float32)


def conv(x: Any, filters: np.ndarray, stride: int = 1) -> Any:
    return tf.nn.conv2d(x, tf.constant(filters), stride, "SAME") + tf.constant(weights(filters.shape[-1], seed=9))


def convert(network: Callable[[Any], Any], shape: tuple[int | None, ...], recipe: str = "float32") -> bytes:
    """A function of one image as TFLite.

    recipe: float32; dynamic; int8, float where there is no int8 kernel; int8-tensor, one scale a weight tensor.
    """
    module = tf.Module()
    module.network = tf.function(network, input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.network.get_concrete_function()], module)
    if recipe != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.startswith("int8"):
        images = np.random.default_rng(1).random((8, 1, *shape[1:]), np.float32)
        images[0, 0, 0] = 1
        images[0, 0, 1] = 0
        converter.representative_dataset = lambda: ([image] for image in images)
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel = recipe == "int8-tensor"
    return bytes(converter.convert())


def dense(image: Any) -> Any:
    return tf.reshape(tf.nn.relu(conv(image, weights(3, 3, 3, 4), 2)), (1, 256)) @ tf.constant(weights(256, 6))


def mixed(image: Any) -> Any:
    pixels, score = conv(image, weights(3, 3, 3, 2)), conv(image, weights(3, 3, 3, 1, seed=3))
    return tf.concat([640 * tf.sigmoid(pixels), tf.sigmoid(score)], -1)


def norm_after_relu(image: Any) -> Any:
    x = tf.nn.relu(conv(image, weights(3, 3, 3, 8))) * tf.constant(weights(8)) + tf.constant(weights(8, seed=4))
    return conv(x, weights(1, 1, 8, 2))


def argmax(image: Any) -> Any:
    return tf.argmax(tf.reshape(conv(image, weights(3, 3, 3, 2)), (1, -1, 2)), 1)


def squeezed(image: Any) -> Any:
    return conv(image, weights(3, 3, 3, 8) * np.array([100, 1, 1, 1, 1, 1, 0, 0], np.float32))


NHWC = (1, 16, 16, 3)
NETWORKS: dict[str, tuple[Callable[[Any], Any], tuple[int | None, ...], str]] = {
    "float32": (dense, NHWC, "float32"),
    "int8": (dense, NHWC, "int8"),
    "dynamic": (dense, NHWC, "dynamic"),
    "mixed": (mixed, NHWC, "int8"),
    "open": (lambda x: conv(x, weights(3, 3, 3, 4)), (None, 16, 16, 3), "float32"),
    "island": (lambda x: conv(tf.sin(conv(x, weights(3, 3, 3, 8))), weights(3, 3, 8, 8)), NHWC, "int8"),
    "norm": (norm_after_relu, NHWC, "float32"),
    "nchw": (lambda x: conv(tf.transpose(x, (0, 2, 3, 1)), weights(3, 3, 3, 2)), (1, 3, 16, 16), "float32"),
    "argmax": (argmax, NHWC, "float32"),
    "squeezed": (squeezed, NHWC, "int8-tensor"),
}


@pytest.fixture(scope="module")
def files() -> Callable[[str], bytes]:
    made: dict[str, bytes] = {}

    def file(name: str) -> bytes:
        if name not in made:
            made[name] = convert(*NETWORKS[name])
        return made[name]

    return file


def found(data: bytes, runtime: tuple[int, ...] | None = None) -> dict[str, Finding]:
    graph = read_graph(data, "x.tflite")
    return {finding.id: finding for finding in check_graph(graph) + check_support(graph, runtime)}


def repacked(data: bytes, change: Callable[[Any], None]) -> bytes:
    """A file with something changed in its tables."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    change(model)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_nothing_is_found_where_nothing_is_wrong(name: str, files: Callable[[str], bytes]) -> None:
    assert found(files(name), (2, 16)) == {}


def test_mixed_ranges(files: Callable[[str], bytes]) -> None:
    finding = found(files("mixed"))["mixed-ranges"]
    assert finding.severity == "error"
    # a sigmoid's scale is 1/256; beside pixels up to about 640 its 256 steps become less than one
    assert finding.numbers["levels"] == pytest.approx(256 * (1 / 256) / (640 / 255), rel=0.3)


def test_open_shapes(files: Callable[[str], bytes]) -> None:
    finding = found(files("open"))["dynamic-shape"]
    assert (finding.severity, finding.numbers["tensors"]) == ("error", 2)
    assert any("open shape" in reason for reason in found(files("open"))["gpu"].numbers["reasons"])


def test_float_islands(files: Callable[[str], bytes]) -> None:
    finding = found(files("island"))["float-island"]
    assert finding.numbers == {"operations": 1, "macs": 0, "macs_share": 0.0, "casts": 2}
    assert finding.severity == "note"  # it holds no multiply-adds
    assert "SIN 1" in finding.evidence
    assert "float-island" not in found(files("dynamic"))  # float all through is no island


def test_a_batch_normalisation_that_did_not_fold(files: Callable[[str], bytes]) -> None:
    finding = found(files("norm"))["unfolded-norm"]
    assert (finding.numbers["operations"], finding.numbers["values"]) == (2, 2 * 16 * 16 * 8)
    assert "MUL 1" in finding.evidence


def test_transposes(files: Callable[[str], bytes]) -> None:
    assert found(files("nchw"))["transpose"].numbers == {"operations": 1, "values": 16 * 16 * 3}


def test_64_bit_integers(files: Callable[[str], bytes]) -> None:
    finding = found(files("argmax"))["int64"]
    assert finding.numbers["operations"] == 1
    assert "ARG_MAX" in finding.evidence


def test_delegates_say_what_they_leave(files: Callable[[str], bytes]) -> None:
    by_id = found(files("argmax"))
    assert by_id["gpu"].numbers["reasons"] == ["ARG_MAX: operation"]
    assert by_id["nnapi"].numbers["reasons"] == ["ARG_MAX: type int64"]
    assert by_id["xnnpack"].numbers["reasons"] == ["ARG_MAX: operation"]
    assert by_id["gpu"].numbers["outside_macs_share"] == 0.0
    dense = found(files("dynamic"))["nnapi"].numbers
    # 256 x 6 of 8 x 8 x 4 x 27 + 256 x 6 multiply-adds
    assert dense["refused_macs_share"] == pytest.approx(1536 / (1536 + 6912), abs=1e-4)
    assert dense["reasons"] == ["FULLY_CONNECTED: version 12 of at most 5"]


def test_pieces_are_as_tflite_cuts_them(files: Callable[[str], bytes]) -> None:
    graph = read_graph(files("island"), "island")
    kinds = [op.kind for op in graph.inspection.ops]
    assert kinds == ["CONV_2D", "DEQUANTIZE", "SIN", "QUANTIZE", "CONV_2D"]
    taken = [kind != "SIN" for kind in kinds]
    assert delegates.pieces(graph.inspection, taken, graph.constant) == [[0, 1], [3, 4]]
    # the delegate takes one piece by default: half of the convolutions stay behind
    without_sin = replace(delegates.GPU, ops={k: v for k, v in delegates.GPU.ops.items() if k != "SIN"})
    assert without_sin.refusal(graph.inspection.ops[2], graph.inspection, graph.constant) == "operation"
    assert delegates.GPU.refusal(graph.inspection.ops[2], graph.inspection, graph.constant) is None


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_xnnpack_takes_as_many_pieces_as_the_table_says(recipe: str, tiny_models: dict[str, Path]) -> None:
    data, _ = model_file.read(tiny_models[recipe])
    graph = read_graph(data, recipe)
    taken = [delegates.XNNPACK.refusal(op, graph.inspection, graph.constant) is None for op in graph.inspection.ops]
    assert not all(taken)  # RESIZE_NEAREST_NEIGHBOR
    details = Runner(data, recipe).interpreter._get_ops_details()
    made = sum(op["op_name"] == "DELEGATE" for op in details)
    assert made == len(delegates.pieces(graph.inspection, taken, graph.constant))


def test_every_operation_of_the_tables_exists() -> None:
    known = {name for name in vars(schema.BuiltinOperator) if not name.startswith("_")}
    for delegate in delegates.ALL:
        assert set(delegate.ops) <= known
        assert set(delegate.other_types) <= set(delegate.ops)
    assert set(OLDEST) <= known
    assert sum(len(versions) for versions in OLDEST.values()) > 400


def test_weights_that_do_nothing(files: Callable[[str], bytes]) -> None:
    finding = found(files("squeezed"))["dead-weights"]
    assert (finding.numbers["filters"], finding.numbers["zero"], finding.numbers["squeezed"]) == (8, 2, 5)
    assert finding.severity == "warning"


def test_a_runtime_that_is_too_old(files: Callable[[str], bytes]) -> None:
    finding = found(files("dynamic"), (2, 16))["runtime"]
    assert finding.severity == "error"
    assert finding.numbers == {"operations": ["FULLY_CONNECTED version 12 (TFLite 2.17)"], "needed": "2.17"}
    assert "runtime" not in found(files("dynamic"), (2, 17))
    assert oldest_runtime("FULLY_CONNECTED", 11) == (2, 15)
    assert oldest_runtime("BROADCAST_TO", 1) is None
    assert parse_runtime("2.16.1") > parse_runtime("2.16")
    for wrong in ("2", "two", "2.16.1.0", ""):
        with pytest.raises(ValueError, match="expected a TFLite version"):
            parse_runtime(wrong)


@pytest.mark.parametrize("name", ["float32", "int8", "dynamic", "mixed", "norm", "argmax"])
def test_the_oldest_runtime_is_the_one_that_the_converter_noted(name: str, files: Callable[[str], bytes]) -> None:
    graph = read_graph(files(name), name).inspection
    noted = tuple(int(part) for part in graph.min_runtime.split("."))
    needed = needed_runtime(graph)
    assert needed is not None
    assert (*needed, 0, 0)[:3] == noted


def test_operations_that_are_not_tflites_own(files: Callable[[str], bytes]) -> None:
    def custom(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "FlexErf\n\x1b[31m"

    finding = found(repacked(files("float32"), custom))["custom-op"]
    assert finding.severity == "error"
    assert finding.numbers["kinds"] == ["CUSTOM:FlexErf??[31m"]  # a name cannot drive the terminal

    def newer(model: Any) -> None:
        model.operatorCodes[0].version = 99

    assert found(repacked(files("float32"), newer), (2, 16))["unknown-version"].severity == "warning"

    def twice(model: Any) -> None:
        model.subgraphs.append(model.subgraphs[0])

    assert found(repacked(files("float32"), twice))["control-flow"].numbers == {"graphs": 2}


@pytest.fixture(scope="module")
def sick(tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a card whose first keypoint's filter is zero, whose second hardly moves, and half of whose inner
    channels are dead.
    """
    first = weights(4, 4, 3, 8)
    heads = weights(1, 1, 8, 17) * np.array([0, 0.03, *[1] * 15], np.float32)

    def network(image: Any) -> Any:
        x = tf.nn.conv2d(image, tf.constant(first), 4, "SAME") - tf.constant(np.repeat([100.0, 0.0], 4), tf.float32)
        return tf.nn.conv2d(tf.nn.relu(x), tf.constant(heads), 1, "SAME")

    _, card = model_file.read(tiny_models["int8"])
    path = tmp_path_factory.mktemp("sick") / "sick.tflite"
    model_file.write(path, convert(network, (1, 64, 64, 3), "int8"), card)
    return path


def test_what_shows_on_people_only(sick: Path, drawn: Path) -> None:
    people = coco.load(drawn)
    done: list[int] = []
    by_id = {f.id: f for f in diagnose(sick, people, count=16, progress=done.append).findings}
    assert sum(done) == 16
    names = people.skeleton.names
    assert by_id["few-levels"].numbers["keypoints"][:2] == [names[0], names[1]]
    assert by_id["few-levels"].severity == "error"
    lost = by_id["silent-keypoint"]
    assert names[0] in [*lost.numbers["silent"], *lost.numbers["stuck"]]
    assert lost.numbers["people"] == 16
    assert by_id["dead-channels"].numbers == {"channels": 4, "layers": by_id["dead-channels"].numbers["layers"],
                                              "worst_share": 0.5}  # fmt: skip
    assert by_id["dead-weights"].numbers["zero"] == 1
    with pytest.raises(ValueError, match="5 people are too few to judge a file"):
        diagnose(sick, replace(people, persons=people.for_training().persons[:5]))


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_file_of_ours(recipe: str, tiny_models: dict[str, Path], drawn: Path) -> None:
    diagnosis = diagnose(tiny_models[recipe], coco.load(drawn), count=12, runtime=(2, 16))
    assert diagnosis.card is not None
    assert diagnosis.unchecked == {}
    # random weights find nobody; nothing else may be wrong
    assert {f.id for f in diagnosis.findings if f.severity != "note"} <= {"few-levels", "silent-keypoint"}
    unfed = diagnose(tiny_models[recipe])
    assert set(unfed.unchecked.values()) == {"give --data"}
    assert unfed.count("error") == 0


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["doctor", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_command(files: Callable[[str], bytes], sick: Path, drawn: Path, tmp_path: Path) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(files("dynamic"))
    code, text = run(path)
    assert code == 0
    assert "warning no-spec: carries no poseport.json" in text
    assert "not checked: dead-channels, the file has no spec" in text
    code, text = run(path, "--runtime", "2.16", "--json")
    assert code == 1
    answer = json.loads(text)
    assert answer["errors"] == 1
    assert answer["runtime"] == "2.17"
    assert [f["id"] for f in answer["findings"]] == ["runtime", "gpu", "no-spec", "nnapi"]
    assert run(path, "--runtime", "2.16", "--quiet") == (1, "")
    code, text = run(sick, "--data", drawn, "--count", 8)
    assert code == 1
    assert "error   silent-keypoint: " in text
    code, text = run(path, "--runtime", "new")
    assert code == 1
    assert text.startswith("Error: --runtime 'new': expected")
    path.write_bytes(files("dynamic")[:1000])
    code, text = run(path)
    assert code == 1
    assert "its flatbuffer is damaged" in text
    assert len(text.strip().splitlines()) == 1


# --- damaged files


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Files with one thing wrong: bytes, a flipped bit, an offset, a cut, a copied piece, a hole."""
    rng = np.random.default_rng(seed)
    numbers = (0, 1, -1, 4, 2**16, len(data), 2**31 - 1, -(2**31))
    for _ in range(count):
        out, at = bytearray(data), int(rng.integers(len(data)))
        kind = rng.integers(6)
        if kind == 0:
            for place in rng.integers(len(out), size=rng.integers(1, 4)):
                out[place] = rng.integers(256)
        elif kind == 1:
            out[at] ^= 1 << rng.integers(8)
        elif kind == 2:
            at -= at % 4
            out[at : at + 4] = numbers[rng.integers(len(numbers))].to_bytes(4, "little", signed=True)
        elif kind == 3:
            out = out[:at]
        elif kind == 4:
            size = int(rng.integers(1, 64))
            out[at : at + size] = out[(start := int(rng.integers(len(out)))) : start + size]
        else:
            out[at : at + int(rng.integers(1, 200))] = bytes(int(rng.integers(1, 200)))
        yield bytes(out)


def survive(data: bytes) -> bool:
    """Read a damaged file: True for an answer that is JSON, False for a one-line ValueError."""
    try:
        findings = found(data, (2, 16))
    except ValueError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert message.startswith("x.tflite: ")
        assert "\n" not in message
        return False
    json.dumps([finding.numbers for finding in findings.values()], allow_nan=False)
    return True


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["int8", "norm", "mixed"])
def test_damaged_files_end_in_an_answer_or_one_line(name: str, files: Callable[[str], bytes]) -> None:
    ends = [survive(data) for data in mutations(files(name), 150, seed=0)]
    assert 15 < sum(ends) < 135  # both ways are taken


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", list(NETWORKS))
def test_many_damaged_files(name: str, files: Callable[[str], bytes]) -> None:
    assert len([survive(data) for data in mutations(files(name), 3000, seed=1)]) == 3000


def test_random_bytes_are_no_file() -> None:
    rng = np.random.default_rng(0)
    for size in (0, 7, 8, 64, 5000):
        for _ in range(20):
            body = rng.integers(256, size=size).astype(np.uint8).tobytes()
            assert not survive(body)
            assert not survive(body[:4] + b"TFL3" + body[8:])


PEERS = Path(os.environ.get("POSEPORT_PEERS", "peers"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("movenet_lightning_int8_4.tflite", {"gpu", "no-spec", "dead-weights", "float-island", "nnapi", "xnnpack"}),
        ("movenet_thunder_fp16.tflite", {"gpu", "no-spec", "nnapi", "xnnpack"}),
        ("edvardhua_hourglass.tflite", {"no-spec"}),
    ],
)
def test_public_models(name: str, expected: set[str]) -> None:
    if not (PEERS / name).is_file():
        pytest.skip(f"{name} is not in the folder POSEPORT_PEERS")
    diagnosis = diagnose(PEERS / name, runtime=(2, 16))
    assert {finding.id for finding in diagnosis.findings} == expected
    assert diagnosis.count("error") == 0
