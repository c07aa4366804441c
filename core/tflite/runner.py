"""Load and run converted models, for the commands and, as `poseport.load`, for scripts.

pose = poseport.load("m.int8.tflite")
keypoints = pose(image_rgb)         # everyone in the picture
keypoints = pose(image_rgb, boxes)  # the people in these boxes
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poseport import cascade, pose
from poseport.outputs.tensors import join
from poseport.tflite import file_tail, model_file, shipped, sidecar
from poseport.tflite.card import ModelCard
from poseport.tflite.interpreter import Runner, from_steps

if TYPE_CHECKING:
    from poseport.people.everyone import Everyone, Found


class Network:
    """One network of a converted model: its card and its interpreter.

    Args:
        data: its flatbuffer, with or without a tail.
        card: its card.
        name: what error messages call it.
        threads: as in `Runner`.
        xnnpack: as in `Runner`.

    Raises:
        ValueError: if the file cannot be loaded, or if its tensors are not those that the card describes.
    """

    def __init__(self, data: bytes, card: ModelCard, name: str, threads: int = 1, *, xnnpack: bool = True):
        self.card, self.spec = card, card.spec
        names = [tensor.name for tensor in self.spec.output_tensors]
        self._open = lambda count: Runner(data, name, count, xnnpack=xnnpack, outputs=names)
        self.runner = self._open(threads)
        _check_shapes(name, card, self.runner)
        dtype = self.runner.input["dtype"]
        scale, zero_point = self.runner.input["quantization"]
        # the scale is 1/255 up to float rounding, and pixel 0 is the lowest value: bytes are copied, not computed
        self.byte_exact = bool(
            self.spec.byte_exact
            and np.issubdtype(dtype, np.integer)
            and np.iinfo(dtype).bits == 8
            and zero_point == np.iinfo(dtype).min
            and abs(scale * 255 - 1) < 1e-5
        )

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """Run the network on crops.

        Args:
            crops: (N, H, W, 3) uint8 RGB.

        Returns:
            Raw outputs, (N, *spec.output_shape) float32.
        """
        return self.infer(self.prepare(crops))

    def prepare(self, crops: np.ndarray) -> np.ndarray:
        """Turn crops into input tensors.

        Args:
            crops: (N, H, W, 3) uint8 RGB.

        Returns:
            (N, H, W, 3) of the input's own type.
        """
        if self.byte_exact:
            return crops if self.runner.input["dtype"] == np.uint8 else (crops ^ 0x80).view(np.int8)
        return self.runner.quantize(pose.normalise(self.spec, crops))

    def infer(self, tensors: np.ndarray) -> np.ndarray:
        """Run input tensors.

        Args:
            tensors: (N, H, W, 3) that `prepare` made.

        Returns:
            Raw outputs, (N, *spec.output_shape) float32.
        """
        if len(tensors) < 2 or self.runner.threads < 2:
            return self.read([self.runner.invoke_all(tensor[None]) for tensor in tensors])
        # crops side by side, each in one thread, keep the cores busier than several threads in the layers of one crop
        runners = self._single
        shares = [range(i, len(tensors), len(runners)) for i in range(len(runners))]
        raw: list[list[np.ndarray]] = [[] for _ in tensors]

        def work(runner: Runner, share: range) -> None:
            for i in share:
                raw[i] = runner.invoke_all(tensors[i][None])

        with ThreadPoolExecutor(len(runners)) as pool:
            list(pool.map(work, runners, shares))
        return self.read(raw)

    @cached_property
    def _single(self) -> list[Runner]:
        """Interpreters with one thread each, one for every thread; opened with the first batch."""
        return [self._open(1) for _ in range(self.runner.threads)]

    def read(self, raw: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """Join the output tensors of several invocations.

        Args:
            raw: per invocation, the output tensors in the spec's order and in their own types.

        Returns:
            Raw outputs, (N, *spec.output_shape) float32, of the N crops.
        """
        each = (np.concatenate(arrays) for arrays in zip(*raw, strict=True))
        quantized = [output["quantization"] for output in self.runner.outputs]
        return join(self.spec, [from_steps(array, *how) for array, how in zip(each, quantized, strict=True)])


class Pose(Network):
    """A converted model that maps an image to the keypoints of the people in it; made by `load`.

    Attributes:
        path: the file.
        detector: path or name of the person detector, which is opened when it is first needed.
        later: the networks that refine its keypoints, in order; empty unless the file is a cascade.
    """

    def __init__(self, path: Path, threads: int = 1, *, xnnpack: bool = True, detector: str | Path = shipped.PERSON):
        self.path, self.detector = Path(path), detector
        (data, card), *later = model_file.read_stages(self.path)
        super().__init__(data, card, str(self.path), threads, xnnpack=xnnpack)
        named = ((f"{self.path}: {model_file.stage_file(i)}", *stage) for i, stage in enumerate(later, 2))
        self.later = tuple(Network(data, card, name, threads, xnnpack=xnnpack) for name, data, card in named)

    def __call__(self, image: np.ndarray, boxes_xywh: np.ndarray | None = None) -> np.ndarray:
        """Predict the keypoints of people in an image.

        Args:
            image: (h, w, 3) uint8 RGB.
            boxes_xywh: (N, 4) left, top, width, height in image pixels, one box per person; None finds the people,
                as `find` does.

        Returns:
            (N, K, 3) float64: x, y in image pixels and a score in [0, 1].

        Raises:
            ValueError: if the image has another type or shape, or if a box has no area.
        """
        if boxes_xywh is None:
            return self.find(image).keypoints
        _check_image(image)
        boxes = np.asarray(boxes_xywh, float).reshape(-1, 4)
        if not len(boxes):
            return np.zeros((0, len(self.spec.skeleton), 3))
        crops, matrices = pose.crops(self.spec, image, boxes)
        keypoints = pose.decode(self.spec, self.outputs(crops), matrices)
        return cascade.refine_image(self.later, image, boxes, keypoints)

    def find(self, image: np.ndarray) -> Found:
        """Find the people in an image: their keypoints, boxes and scores.

        Args:
            image: (h, w, 3) uint8 RGB.

        Returns:
            At most `poseport.people.everyone.MOST_PEOPLE` people, best first.

        Raises:
            ValueError: if the image has another type or shape, or if the detector cannot be opened.
        """
        _check_image(image)
        return self._everyone(image)

    @cached_property
    def _everyone(self) -> Everyone:
        from poseport.people import detector
        from poseport.people.everyone import Everyone, least_score

        detect = detector.load(self.detector, self.runner.threads)
        return Everyone(self, self.spec.skeleton, detect, unsure=least_score(self.spec))


def load(path: str | Path, threads: int = 1, *, xnnpack: bool = True, detector: str | Path = shipped.PERSON) -> Pose:
    """Load a converted model.

    Args:
        path: a .tflite file, or the name of a network that comes with the package (`poseport models` lists them).
        threads: number of threads of the interpreter.
        xnnpack: whether the XNNPACK delegate runs the operations that it supports.
        detector: path or name of the person detector that finds people where no boxes are given.

    Returns:
        The model; call it with an image, and with boxes if they are known.

    Raises:
        ValueError: if the file is not a model that can be run.
    """
    return Pose(shipped.model(str(path)), threads, xnnpack=xnnpack, detector=detector)


def _check_image(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.dtype} {image.shape}, expected uint8 (height, width, 3) in RGB")


def _check_shapes(name: str, card: ModelCard, runner: Runner) -> None:
    """Refuse a file whose tensors differ from those in its own card or in the spec beside it."""
    source, remedy = file_tail.CARD, "convert it again"
    if card.spec.family == "foreign":
        source, remedy = sidecar.spec_path(Path(name)).name, "correct the spec"
        if any(size < 0 for size in runner.input["shape_signature"].tolist()[1:]):
            remedy = f"the file leaves its input's size open: convert it with an input of {(1, *card.spec.input_hw, 3)}"
    tensors = card.spec.output_tensors
    input_shape, wanted_input = tuple(runner.input["shape"].tolist()), (1, *card.spec.input_hw, 3)
    for tensor, output in zip(tensors, runner.outputs, strict=True):
        shape, wanted = tuple(output["shape"].tolist()), (1, *tensor.shape)
        if input_shape == wanted_input and _same_order(shape, wanted):
            continue
        other = (shape[0], *shape[2:], shape[1]) if tensor.layout == "channels-last" else (*shape[::3], *shape[1:3])
        if card.spec.family == "foreign" and len(shape) == 4 and _same_order(other, wanted):
            first = tensor.layout == "channels-last"
            remedy = f'its channels come {"first" if first else "last"}: the spec\'s output needs "layout": ' + (
                '"channels-first"' if first else '"channels-last"'
            )
        which = f"{tensor.name}: " if tensor.name else ""
        raise ValueError(
            f"{name}: {which}its tensors are {input_shape} -> {shape}, its {source} says {wanted_input} -> {wanted}; "
            f"{remedy}"
        )


def _same_order(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether values in the shape `found` lie in the order of `wanted`.

    Axes of length 1 do not matter. A flat list of numbers can be a table of keypoints, but not a heatmap.
    """
    axes, needed = ([n for n in shape if n != 1] for shape in (found, wanted))
    return axes == needed or (len(needed) < 3 and axes == [math.prod(needed)])
