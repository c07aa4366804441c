"""Networks as Keras and TensorFlow save them, as a float .tflite of one image: the one form that is imported.

Code that such a file brings never runs: a Lambda layer, a class that is not Keras's own and an operation that reaches
outside of the graph are found before anything is loaded, and refused.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.lite.python.convert_phase import ConverterError
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from poseport.files import json_text
from poseport.files.safe_path import read_file
from poseport.spec import PoseSpec
from poseport.tflite.model_file import MAX_MODEL_BYTES
from poseport.tflite.quiet import quiet

# A configuration of the largest networks has about 1 MB.
_MAX_CONFIG_BYTES = 64 * 2**20
# classes of a configuration that stand for Python code
_CODE = (
    "Lambda", "TFOpLambda", "SlicingOpLambda", "function", "__lambda__", "__typespec__", "TFSMLayer",
    "TorchModuleWrapper", "JaxLayer", "FlaxLayer",
)  # fmt: skip
# layers that read a file of a vocabulary when they are loaded
_FILES = ("StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization")
# what a Keras configuration may hold beside layers: values, and the models themselves
_VALUES = (
    "__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__ellipsis__", "slice", "Functional", "DTypePolicy",
    "Policy", "TensorShape",
)  # fmt: skip
# operations of TensorFlow that reach outside of their graph
_REACHING = (
    "ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "EagerPyFunc", "PyFuncStateless", "PrintV2", "RemoteCall",
    "LoadAndRemapMatrix", "DebugIdentityV2", "DebugIdentityV3", "WriteGraphSummary", "CreateSummaryFileWriter",
)  # fmt: skip
_ELSEWHERE = "convert it to .tflite where it was made, and import that"


def is_saved(source: Path) -> bool:
    """Whether a path is a .keras or .h5 file, or a folder, which must be a SavedModel."""
    return source.suffix in (".keras", ".h5", ".hdf5") or source.is_dir()


def digest(source: Path) -> str:
    """sha256 of a file, or of all files of a SavedModel in the order of their names."""
    found = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]:
        data = read_file(path, MAX_MODEL_BYTES)
        found.update(hashlib.sha256(data).digest() if source.is_dir() else data)
    return found.hexdigest()


def to_tflite(source: Path, spec: PoseSpec) -> bytes:
    """Convert a saved network to a float32 flatbuffer with a batch of one and the size of the spec.

    Args:
        source: A .keras or .h5 file of Keras 3 or tf.keras, or the folder of a SavedModel.
        spec: The network's spec, whose input_hw takes the place of sizes that the network leaves open.

    Raises:
        ValueError: If the source cannot be read, brings code of its own, or is no network of one image.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"{source}: is converted with KERAS_BACKEND=tensorflow, found {keras.backend.backend()}")
    signature = tf.TensorSpec((1, *spec.input_hw, 3), tf.float32, name="image")
    call = _saved_model(source, signature) if source.is_dir() else _keras_model(source, signature)
    try:
        with quiet():
            frozen = convert_variables_to_constants_v2(tf.function(call).get_concrete_function(signature))
            return bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())
    except (ConverterError, ValueError, TypeError, RuntimeError, tf.errors.OpError) as error:
        h, w = spec.input_hw
        operation = re.search(r"'tf\.(\w+)' op", str(error))  # the converter's own words are about its compiler
        why = f"TFLite has no operation {operation[1]}" if operation else _line(error)
        raise ValueError(f"{source}: cannot become a .tflite with an input of {h}x{w}x3: {why}") from None


def _keras_model(source: Path, image: tf.TensorSpec) -> Callable[[Any], Any]:
    """Inference by the model in a .keras or .h5 file. image: what it is to take."""
    for module, name in _classes(_config(source)):
        _refuse_code(source, module, name)
    try:
        with quiet():
            model = keras.saving.load_model(source, compile=False, safe_mode=True)
    except Exception as error:  # the parts of a file from anywhere raise whatever they raise
        raise ValueError(f"{source}: Keras {keras.__version__} cannot load it ({_line(error)}); {_ELSEWHERE}") from None
    try:
        inputs = {tensor.name: tensor for tensor in model.inputs}
    except AttributeError:  # a Sequential of layers that never saw an input
        raise ValueError(f"{source}: was saved before it was built; call it with an image, save it again") from None
    _check_input(source, inputs, image)
    return lambda pixels: model(pixels, training=False)


def _check_input(source: Path, inputs: Mapping[str, Any], image: tf.TensorSpec) -> None:
    """Refuse a network that does not take one image of the spec's size. inputs: name -> what has a shape and a type."""
    if len(inputs) != 1:
        raise ValueError(f"{source}: has {len(inputs)} inputs ({', '.join(sorted(inputs))}); expected one, an image")
    ((name, found),) = inputs.items()
    shape, dtype = tf.TensorShape(found.shape), tf.as_dtype(found.dtype)
    if not shape.is_compatible_with(image.shape) or not (dtype.is_floating or dtype.is_integer):
        raise ValueError(
            f"{source}: its input {name!r} takes {dtype.name} {shape}, the spec's image is {image.shape}; correct "
            "input_hw, or save the network with such an input"
        )


def _refuse_code(source: Path, module: str, name: str) -> None:
    """Refuse a class of a configuration that is Python code of the file's makers."""
    ours = module.split(".")[0] in ("keras", "tf_keras", "builtins", "")
    if name in _FILES:
        raise ValueError(f"{source}: its layer {name} reads words from files, which no pose network does; {_ELSEWHERE}")
    if name in _CODE:
        raise ValueError(
            f"{source}: holds a {name}, which runs code out of the file; poseport never does: {_ELSEWHERE}"
        )
    known = name in _VALUES or any(
        hasattr(part, name)
        for part in (keras.layers, keras.models, keras.initializers, keras.regularizers, keras.constraints, keras.ops)
    )
    # operations carry the module of their class, such as keras.src.ops.numpy
    if not ours or not (known or module.startswith("keras.src.ops.") or module == "builtins"):
        raise ValueError(f"{source}: its layer {name.split('>')[-1]} is not one of Keras's own; {_ELSEWHERE}")


def _config(source: Path) -> Any:
    """The configuration of a model, as plain data."""
    try:
        if source.suffix == ".keras":
            with zipfile.ZipFile(source) as archive, archive.open("config.json") as file:
                raw = file.read(_MAX_CONFIG_BYTES + 1)
        else:
            with h5py.File(source, "r") as weights:
                raw = weights.attrs["model_config"]
        if len(raw) > _MAX_CONFIG_BYTES:
            raise ValueError(f"its configuration has more than {_MAX_CONFIG_BYTES} bytes")
        return json_text.parse_json(json_text.decode_json(raw) if isinstance(raw, bytes) else raw)
    except (OSError, KeyError, ValueError, RecursionError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{source}: cannot be read as a saved Keras model ({_line(error)}); expected the file that model.save wrote"
        ) from None


def _classes(config: Any) -> Iterator[tuple[str, str]]:
    """Module ("" if it is not named) and name of every class in a configuration."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("class_name"), str):
                yield str(part.get("module") or ""), part["class_name"]
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _saved_model(source: Path, image: tf.TensorSpec) -> Callable[[Any], Any]:
    """The only signature of a SavedModel, or the one for serving. image: what it is to take."""
    file = source / "saved_model.pb"
    try:
        message = SavedModel.FromString(read_file(file, MAX_MODEL_BYTES))
    except Exception as error:  # OSError, or protobuf's own
        raise ValueError(f"{source}: is no SavedModel ({_line(error)}); expected the folder of model.export") from None
    for meta in message.meta_graphs:
        graphs = [meta.graph_def.node, *(function.node_def for function in meta.graph_def.library.function)]
        reaching = sorted({node.op for nodes in graphs for node in nodes} & set(_REACHING))
        if reaching:
            raise ValueError(
                f"{source}: its graph holds {reaching[0]}, which reaches outside of the network; poseport never runs "
                f"that: {_ELSEWHERE}"
            )
    try:
        with quiet():
            loaded = tf.saved_model.load(str(source))
        signatures = dict(loaded.signatures)
    except Exception as error:
        raise ValueError(f"{source}: TensorFlow cannot load it ({_line(error)}); {_ELSEWHERE}") from None
    name = "serving_default" if len(signatures) != 1 else next(iter(signatures))
    if name not in signatures:
        there = f"{len(signatures)} signatures ({', '.join(sorted(signatures))})" if signatures else "no signature"
        raise ValueError(f"{source}: has {there}, none of which is {name!r}; save it with model.export")
    inputs = signatures[name].structured_input_signature[1]
    _check_input(source, inputs, image)
    ((key, wanted),) = inputs.items()
    # through `loaded`, with which its variables would be lost
    return lambda pixels: loaded.signatures[name](**{key: tf.cast(pixels, wanted.dtype)})


def _line(error: Exception) -> str:
    """The beginning of a message, in one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
