"""A float .tflite file as the network of a conversion, whoever made it.

Its weights become float32 whatever they are stored as, and the operations that int8 can hold are told from those that
it cannot: normalisation before the first convolution, and the decoding after the last one.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Literal, TypeVar

from poseport.convert.graph.float_graph import rewritten
from poseport.convert.recipes import Recipe
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import KeypointsOutput, PoseSpec
from poseport.tflite import model_file, sidecar
from poseport.tflite.card import ModelCard
from poseport.tflite.inspection import CONVOLUTIONS, Inspection, inspect_bytes, output_names
from poseport.tflite.runner import Network

Io = Literal["same", "int8"]
Spec = TypeVar("Spec", PoseSpec, DetectorSpec)

# what may stand between the image and the first convolution without being a part of the network
_NORMALISATION = ("CAST", "UNPACK", "SUB", "MUL", "DIV", "ADD", "QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True, eq=False)
class FloatFile(Generic[Spec]):
    """A network in float32, which the AI Edge Quantizer can quantize.

    Attributes:
        spec: The network's spec.
        flatbuffer: It, with every weight in float32.
        weights_sha256: Identifies the weights in cards.
        outside: Names of the output tensors of the operations that stay in float32: normalisation and decoding.
        ends: Types of the input and output tensors of an integer file; None: those that its recipe names.
    """

    spec: Spec
    flatbuffer: bytes
    weights_sha256: str
    outside: frozenset[str] = frozenset()
    ends: tuple[str, str] | None = None

    def ends_of(self, recipe: Recipe, kept: Collection[str] = ()) -> tuple[str, str]:
        """Types of the input and output tensors of the file that a recipe makes of it.

        Where the layers that write the output are kept in float32, so is the output: rounded to 8 bits, the peaks of
        heatmaps would lose what those layers are kept for. Layers kept in int16 do not change it, because the app
        cannot read an int16 output.

        Args:
            recipe: The recipe.
            kept: Names of the output tensors of the operations that it keeps from being int8.
        """
        if self.ends is not None:
            return self.ends
        if recipe.kept == "float32":
            written = {tensor.name for tensor in inspect_bytes(self.flatbuffer, self.spec.name).outputs}
            if written <= set(kept):
                return recipe.io, "float32"
        return recipe.io, recipe.io

    @property
    def body(self) -> Inspection:
        """The operations that can be int8."""
        inspection = inspect_bytes(self.flatbuffer, self.spec.name)
        return replace(inspection, ops=tuple(op for op in inspection.ops if op.name not in self.outside))


def read_card(path: Path, spec_file: Path | None = None) -> ModelCard:
    """The card of a .tflite file: the one inside it, or one made of its spec.

    Args:
        path: The file.
        spec_file: Its spec. None takes the card inside the file or the .json beside it.

    Raises:
        ValueError: If neither can be read, or the file is a cascade.
    """
    if spec_file is not None:
        return sidecar.card_from(spec_file, path, model_file.read_bytes(path))
    card = model_file.read(path)[1]
    if card.later:
        raise ValueError(f"{path}: is a cascade; convert the bundle that it was made from")
    return card


def read(path: Path, card: ModelCard, recipe: Recipe, io: Io = "same") -> FloatFile[PoseSpec]:
    """Read a float .tflite file; the arguments beside its path are those of `from_bytes`.

    Raises:
        ValueError: As `from_bytes`, and if its tensors are not those of the spec.
    """
    data = model_file.read_bytes(path)
    floats = from_bytes(data, str(path), card, recipe, io)
    Network(data, card, str(path))  # compares its tensors with the spec
    return floats


def from_bytes(data: bytes, name: str, card: ModelCard, recipe: Recipe, io: Io = "same") -> FloatFile[PoseSpec]:
    """Read a float .tflite file (float32, float16 or dynamic range).

    Args:
        data: The file.
        name: What error messages call it.
        card: Its card.
        recipe: What is to be made of it.
        io: "same" keeps the types of input and output; a recipe ...-floatio makes both float32. "int8" makes the input
            int8, and the output as well unless the network decodes its keypoints itself.

    Raises:
        ValueError: If the file is no sound network of one image, or computes in integers already.
    """
    inspection = inspect_bytes(data, name)
    if inspection.subgraphs != 1:
        raise ValueError(f"{name}: its graph has {inspection.subgraphs} parts (control flow); expected one")
    if strange := [op for op in inspection.ops if op.kind.startswith("CUSTOM:")]:
        raise ValueError(
            f"{name}: {strange[0].kind} (tensor {strange[0].name!r}) is no operation of TFLite; convert the network "
            "again with TFLite's own operations only"
        )
    if len(inspection.inputs) != 1:
        names = ", ".join(repr(tensor.name) for tensor in inspection.inputs)
        raise ValueError(f"{name}: has {len(inspection.inputs)} inputs ({names}); expected one, an image")
    outputs = _outputs(inspection, output_names(data, name), card.spec, name)
    ends = [*inspection.inputs, *(inspection.tensors[i] for i in outputs.values())]
    if open_ends := [t for t in ends if t.dynamic or t.shape[:1] != (1,)]:
        raise ValueError(
            f"{name}: tensor {open_ends[0].name!r} has shape {list(open_ends[0].shape)}, whose size is open; convert "
            "the network again with a fixed input and a batch of 1"
        )
    _refuse_integers(inspection, name)
    decodes = isinstance(card.spec.output, KeypointsOutput)
    types = _types(ends[0].dtype, ends[1].dtype, recipe, io, decodes)
    float_input = ends[0].dtype not in ("float32", types[0])  # the quantizer gives types to float tensors
    try:
        flatbuffer = rewritten(data, name, inspection, outputs, float_input)
    except (LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, struct.error) as error:
        raise ValueError(f"{name}: its graph is damaged ({type(error).__name__}); copy it again") from None
    outside = _outside(inspect_bytes(flatbuffer, name), decodes)
    return FloatFile(card.spec, flatbuffer, card.conversion.weights_sha256, outside, types)


def _outputs(inspection: Inspection, signed: Sequence[str], spec: PoseSpec, name: str) -> dict[str, int]:
    """Names and indices of the output tensors that a spec reads. signed: names of the file's outputs."""
    places = [next(i for i, one in enumerate(inspection.tensors) if one is out) for out in inspection.outputs]
    listed = ", ".join(f"{key!r} {list(tensor.shape)}" for key, tensor in zip(signed, inspection.outputs, strict=True))
    found = {}
    for wanted in spec.output_tensors:
        fitting = [
            i for i, key in zip(places, signed, strict=True) if wanted.name in ("", key, inspection.tensors[i].name)
        ]
        if wanted.name and not fitting:
            raise ValueError(
                f"{name}: no output tensor is called {wanted.name!r}; it has {listed}; correct the name in the spec"
            )
        if len(fitting) != 1:
            raise ValueError(
                f'{name}: has {len(places)} outputs ({listed}); the spec\'s output needs "tensor", the name of one'
            )
        found[wanted.name or (signed[0] if inspection.signatures else spec.output_name)] = fitting[0]
    return found


def _types(given: str, returned: str, recipe: Recipe, io: Io, decodes: bool) -> tuple[str, str]:
    """Types of the input and output tensors of the file that is made, from those of the file."""
    if recipe.name.endswith("-floatio"):
        return "float32", returned
    return (given, returned) if io == "same" else ("int8", returned if decodes else "int8")


def _refuse_integers(inspection: Inspection, name: str) -> None:
    """Refuse a file whose convolutions compute in integers, or that has none."""
    layers = [op for op in inspection.ops if op.kind in CONVOLUTIONS]
    if not layers:
        raise ValueError(f"{name}: holds no convolution and no dense layer; expected a network")
    whole = [op for op in layers if inspection.tensors[op.outputs[0]].dtype != "float32"]
    if whole:
        dtype = inspection.tensors[whole[0].outputs[0]].dtype
        raise ValueError(
            f"{name}: is quantized already: {len(whole)} of its {len(layers)} convolutions and dense layers compute in "
            f"{dtype}; give the float file that it was made from, or make a bundle of it with `poseport import`"
        )


def _outside(inspection: Inspection, decodes: bool) -> frozenset[str]:
    """Names of the operations that do not belong to the convolutional part.

    Args:
        inspection: The float32 file.
        decodes: Whether the network gives keypoints: then what follows its last convolutions is a decoder, whose
            square roots and positions int8 makes useless.
    """
    image = {i for i, tensor in enumerate(inspection.tensors) if tensor is inspection.inputs[0]}
    outside = set()
    for op in inspection.ops:
        if op.kind in _NORMALISATION and any(i in image for i in op.inputs):
            image.update(op.outputs)
            outside.add(op.name)
    if decodes:
        needed: set[int] = set()  # tensors on which a convolution depends
        for op in reversed(inspection.ops):
            if op.kind in CONVOLUTIONS or needed & set(op.outputs):
                needed.update(i for i in op.inputs if i >= 0)
            else:
                outside.add(op.name)
    return frozenset(outside)
