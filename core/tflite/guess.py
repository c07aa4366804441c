"""A first spec for a .tflite file of another project, from the shapes, types and names of its tensors.

Shapes tell the kind of output, the size and often the keypoints. They do not tell what the pixels must be, the order of
the keypoints, or who made the file: each of these is listed as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from poseport import skeletons
from poseport.architecture import ForeignArchitecture
from poseport.outputs.kinds import (
    CoordsOutput,
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    Layout,
    OffsetsOutput,
    Output,
    SimccOutput,
)
from poseport.skeleton import Skeleton
from poseport.spec import MAX_INPUT, MIN_INPUT, PoseSpec
from poseport.tflite.inspection import Inspection, TensorInfo, inspect_bytes, output_names

_BY_SIZE = {
    17: "coco17", 16: "mpii16", 14: "lsp14", 11: "flic11", 33: "blazepose33", 26: "halpe26", 133: "wholebody133",
    21: "hand21",
}  # fmt: skip
_BLAZEPOSE_NUMBERS = 5 * (33 + 6)
_HAND_NUMBERS = 3 * 21


@dataclass(frozen=True)
class Guess:
    """A proposed spec.

    Attributes:
        spec: what the file suggests.
        unknown: what it cannot tell, a sentence each.
    """

    spec: PoseSpec
    unknown: tuple[str, ...]


def guess(data: bytes, name: str) -> Guess:
    """Propose the spec of a file.

    Args:
        data: the file.
        name: of the network, for the spec.

    Raises:
        ValueError: if it is no TFLite file, if it does not take one image of fixed size, or if no output looks like
            keypoints.
    """
    found = inspect_bytes(data, name)
    hw = _input_hw(found, name)
    # names of the signature, as runtimes and people know them
    outputs = tuple(
        replace(tensor, name=called) for tensor, called in zip(found.outputs, output_names(data, name), strict=True)
    )
    output, keypoints = _output(outputs, hw, name)
    skeleton, unsure = _skeleton(keypoints)
    mean, std, pixels = _pixels(found.inputs[0])
    unknown = [
        *pixels,
        "channel_order: red, green, blue is assumed; if scores are low, try bgr",
        *unsure,
        *_unsure_output(output),
        "padding: 1.25 is assumed; take the crop that the network was trained on",
        "architecture.source: write who made the file, and its licence",
    ]
    unchecked = ", ".join(line.partition(":")[0] for line in unknown[:-1])
    source = ForeignArchitecture(source=f"UNKNOWN; guessed and not checked: {unchecked}")
    return Guess(PoseSpec(name, source, skeleton, hw, output, mean=mean, std=std), tuple(unknown))


def _input_hw(inspection: Inspection, name: str) -> tuple[int, int]:
    if len(inspection.inputs) != 1:
        raise ValueError(f"{name}: {len(inspection.inputs)} inputs; expected one, an image (1, height, width, 3)")
    shape = inspection.inputs[0].shape
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or not MIN_INPUT <= min(shape[1:3]) <= MAX_INPUT:
        first = " (its channels come first: convert it with channels last)" if shape[1:2] == (3,) else ""
        raise ValueError(f"{name}: its input is {shape}; expected an image (1, height, width, 3) of fixed size{first}")
    return shape[1], shape[2]


def _output(tensors: tuple[TensorInfo, ...], hw: tuple[int, int], name: str) -> tuple[Output, int]:
    """The kind of output, and the number of keypoints."""
    for find in (_simcc, _offsets, _landmarks, _points, _heatmaps):
        found = find(tensors, hw)
        if found is not None:
            return found
    listed = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in tensors)
    raise ValueError(
        f"{name}: no output looks like keypoints of an input of {hw[0]}x{hw[1]}: {listed}; write the spec by hand "
        "(docs/foreign.md)"
    )


def _named(tensors: tuple[TensorInfo, ...], tensor: TensorInfo) -> str:
    return tensor.name if len(tensors) > 1 else ""


def _simcc(tensors: tuple[TensorInfo, ...], hw: tuple[int, int]) -> tuple[Output, int] | None:
    """Two tables (1, K, X) and (1, K, Y) with as many bins per pixel on both axes."""
    h, w = hw
    tables = [t for t in tensors if len(t.shape) == 3 and t.shape[2] > 3]
    for x in tables:
        for y in tables:
            if x is not y and x.shape[1] == y.shape[1] and x.shape[2] * h == y.shape[2] * w:
                if h == w and ("y" in x.name[-3:] or "x" in y.name[-3:]):
                    continue  # of a square input only names tell the axes
                return SimccOutput(split_ratio=x.shape[2] / w, x=x.name, y=y.name), x.shape[1]
    return None


def _offsets(tensors: tuple[TensorInfo, ...], hw: tuple[int, int]) -> tuple[Output, int] | None:
    """Maps (1, h, w, K), and (1, h, w, 2K) beside them."""
    for maps in tensors:
        cells = _cells(maps, hw)
        if cells is None:
            continue
        layout, stride, k = cells
        for moves in tensors:
            other = _cells(moves, hw)
            if other == (layout, stride, 2 * k) and maps.shape[1:3] == moves.shape[1:3]:
                if "offset" not in moves.name.lower() and len(tensors) > 2:
                    continue
                return OffsetsOutput(stride=stride, heatmaps=maps.name, offsets=moves.name, layout=layout), k
    return None


def _cells(tensor: TensorInfo, hw: tuple[int, int]) -> tuple[Layout, int, int] | None:
    """Layout, stride and channels of a tensor of maps; None if its shape is not one of this input's."""
    if len(tensor.shape) != 4:
        return None
    _, a, b, c = tensor.shape
    layouts: tuple[tuple[Layout, tuple[int, int], int], ...] = (
        ("channels-last", (a, b), c),
        ("channels-first", (b, c), a),
    )
    for layout, size, channels in layouts:
        stride = _stride(hw, size)
        if stride and channels > 1:
            return layout, stride, channels
    return None


def _stride(hw: tuple[int, int], size: tuple[int, int]) -> int:
    """Input pixels per cell for maps of `size`, a power of two if one fits; 0 if none does."""
    for stride in sorted(range(1, 129), key=lambda n: (n & (n - 1) != 0, n)):
        down = hw[0] // stride, hw[1] // stride
        up = -(-hw[0] // stride), -(-hw[1] // stride)
        if size in (down, up):
            return stride
    return 0


def _landmarks(tensors: tuple[TensorInfo, ...], hw: tuple[int, int]) -> tuple[Output, int] | None:
    """MediaPipe's lists: 39 points of five numbers, or 21 of three."""
    del hw
    for tensor in tensors:
        numbers = [size for size in tensor.shape if size != 1]
        if numbers in ([_BLAZEPOSE_NUMBERS], [39, 5]):
            return LandmarksOutput(tensor=_named(tensors, tensor), auxiliary=6), 33
        if numbers in ([_HAND_NUMBERS], [21, 3]) and len(tensors) > 1:
            return LandmarksOutput(tensor=_named(tensors, tensor), score="none"), 21
    return None


def _points(tensors: tuple[TensorInfo, ...], hw: tuple[int, int]) -> tuple[Output, int] | None:
    """A table (1, K, 3) or (1, K, 2)."""
    del hw
    for tensor in tensors:
        numbers = [size for size in tensor.shape if size != 1]
        if len(numbers) == 2 and numbers[1] == 3:
            return KeypointsOutput(order="yxs", tensor=_named(tensors, tensor)), numbers[0]
        if len(numbers) == 2 and numbers[1] == 2:
            return CoordsOutput(tensor=_named(tensors, tensor)), numbers[0]
    return None


def _heatmaps(tensors: tuple[TensorInfo, ...], hw: tuple[int, int]) -> tuple[Output, int] | None:
    """The largest tensor of maps, and of several the last: networks in stages give one per stage."""
    found: tuple[int, TensorInfo, tuple[Layout, int, int]] | None = None
    for tensor in tensors:
        cells = _cells(tensor, hw)
        if cells is not None and (found is None or cells[1] <= found[0]):
            found = cells[1], tensor, cells
    if found is None:
        return None
    stride, tensor, (layout, _, keypoints) = found
    return HeatmapOutput(stride=stride, tensor=_named(tensors, tensor), layout=layout), keypoints


def _skeleton(keypoints: int) -> tuple[Skeleton, list[str]]:
    known = _BY_SIZE.get(keypoints)
    if known is not None:
        unsure = f"skeleton: {keypoints} keypoints are taken for {known}; compare names and order with the network's"
        return skeletons.BUILT_IN[known], [unsure]
    names = tuple(f"keypoint_{i}" for i in range(keypoints))
    blank = Skeleton(f"unknown{keypoints}", names, (), (), (0.1,) * keypoints)
    return blank, [f"skeleton: {keypoints} keypoints are no set that is built in; write names, flip_pairs and limbs"]


def _pixels(image: TensorInfo) -> tuple[tuple[float, float, float], tuple[float, float, float], list[str]]:
    """mean, std, and what is unknown about them."""
    if image.dtype in ("uint8", "int32") and not image.scale:
        return (0.0,) * 3, (1.0,) * 3, []
    if image.scale:
        zero = image.zero_point or 0
        low, high = ((-128 if image.dtype == "int8" else 0) - zero) * image.scale, 255 * image.scale
        if abs(image.scale * 255 - 1) < 0.02 and abs(low) < 0.02:
            return (0.0,) * 3, (255.0,) * 3, []
        why = f"mean and std: the input's range is {low:.3g} to {low + high:.3g}, taken for pixels 0 to 255"
        std = 1 / image.scale
        return (-low * std,) * 3, (std,) * 3, [why]
    return (
        (0.0,) * 3,
        (255.0,) * 3,
        ["mean and std: pixels 0 to 1 are assumed; -1 to 1 is mean and std 127.5, unchanged pixels mean 0 and std 1"],
    )


def _unsure_output(output: Output) -> list[str]:
    match output:
        case HeatmapOutput():
            return ["output: gaussian maps of sigma 1.5 are assumed; for logits that a softmax turns into maps, "
                    'write "values": "logits"']  # fmt: skip
        case OffsetsOutput():
            return ["output: PoseNet's offsets are assumed (y before x, in pixels, from cells at multiples of the "
                    "stride); MoveNet's are yx-pairs, offset_px the stride, origin_px -0.5"]  # fmt: skip
        case KeypointsOutput():
            return ["output: y, x, score from 0 to 1 are assumed, as MoveNet has it; another order is xys"]
        case CoordsOutput():
            return ["output: x and y from the centre, -0.5 to 0.5, are assumed"]
        case _:
            return []
