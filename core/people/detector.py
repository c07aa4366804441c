"""Boxes of the people in a picture, from poseport's own detector or from a public one with the usual four outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from poseport import pose
from poseport.people import centers
from poseport.tflite import file_tail, model_file, shipped
from poseport.tflite.card import DetectorCard
from poseport.tflite.interpreter import Runner, open_interpreter

PERSON = 0
# the score from which a box of a public detector counts
SSD_THRESHOLD = 0.5


class Detector(Protocol):
    """Finds the people in a picture.

    Attributes:
        path: the .tflite file.
        threshold: from which score on a box is somebody, 0 to 1.
    """

    path: Path
    threshold: float

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the people in an image.

        Args:
            image: (h, w, 3) uint8 RGB.

        Returns:
            Boxes (N, 4) float64 left, top, width, height in pixels, and scores (N,), best first.
        """


def load(path: str | Path, threads: int = 1, threshold: float | None = None) -> Detector:
    """Load a person detector.

    Args:
        path: a .tflite file, or the name of a detector that comes with the package.
        threads: number of threads of the interpreter.
        threshold: boxes with a lower score are dropped, 0 to 1; None takes the detector's own, which may be lower than
            its `threshold`, because a pose network looks at its boxes.

    Returns:
        The detector; call it with an image.

    Raises:
        ValueError: if the file cannot be loaded, or is not a detector.
    """
    file = shipped.model(str(path))
    if file_tail.has_card(model_file.read_bytes(file)):
        data, card = model_file.read_detector(file)
        if threshold is not None:
            card = replace(card, spec=replace(card.spec, threshold=threshold, look_from=None))
        return CenterDetector(data, card, file, threads)
    return SsdDetector(file, threads, SSD_THRESHOLD if threshold is None else threshold)


class CenterDetector:
    """A detector that `poseport convert` wrote; its codec is `poseport.people.centers`.

    Args:
        data: the bytes of the file.
        card: its card.
        path: the file, which error messages name.
        threads: number of threads of the interpreter.
        xnnpack: whether the XNNPACK delegate runs the operations that it supports.

    Attributes:
        path: the file.
        card: its card.
        spec: the card's spec.
        threshold: the spec's.
        runner: its interpreter.

    Raises:
        ValueError: if the file cannot be loaded, or has other tensors than its card says.
    """

    def __init__(self, data: bytes, card: DetectorCard, path: Path, threads: int = 1, *, xnnpack: bool = True):
        self.path, self.card, self.spec = path, card, card.spec
        self.threshold = card.spec.threshold
        self._looked_at = replace(card.spec, threshold=min(self.threshold, card.spec.look_from or self.threshold))
        self.runner = Runner(data, str(path), threads, xnnpack=xnnpack)
        found = tuple(self.runner.input["shape"].tolist()), tuple(self.runner.output["shape"].tolist())
        wanted = (1, *self.spec.input_hw, 3), (1, *self.spec.output_shape)
        if found != wanted:
            raise ValueError(
                f"{path}: its tensors are {found[0]} -> {found[1]}, its card says {wanted[0]} -> {wanted[1]}; "
                "convert it again"
            )

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Detector`."""
        picture, matrix = centers.letterbox(image, self.spec.input_hw)
        return centers.decode(self._looked_at, self.output(picture), matrix)

    def output(self, picture: np.ndarray) -> np.ndarray:
        """Run the network on one picture that `centers.letterbox` made.

        Args:
            picture: (H, W, 3) uint8 RGB.

        Returns:
            Its output, (*spec.output_shape) float32.
        """
        tensor = self.runner.quantize(pose.normalise(self.spec, picture[None]))
        return self.runner.dequantize(self.runner.invoke(tensor))[0]


class SsdDetector:
    """A public detector whose outputs are those of TFLite's detection post-processing (SSD, EfficientDet-Lite).

    Its outputs, in any order, are boxes (1, n, 4) top, left, bottom, right as shares of the picture, classes and scores
    (1, n), and their number (1,). The picture is stretched to the input, as in the training of these networks. A float
    input takes values from -1 to 1, a uint8 or int8 input takes the pixels.

    Args:
        path: the .tflite file.
        threads: number of threads of the interpreter.
        threshold: boxes with a lower score are dropped, 0 to 1.

    Raises:
        ValueError: if the file cannot be loaded, or is not such a detector.
    """

    def __init__(self, path: Path, threads: int = 1, threshold: float = SSD_THRESHOLD):
        self.path, self.threshold = Path(path), threshold
        data = model_file.read_bytes(self.path)
        self._interpreter, _ = open_interpreter(data, str(path), threads)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        shapes = [tuple(o["shape"].tolist()) for o in outputs]
        boxes = [o for o, shape in zip(outputs, shapes, strict=True) if len(shape) == 3 and shape[2] == 4]
        lists = [o for o, shape in zip(outputs, shapes, strict=True) if len(shape) == 2]
        if len(inputs) != 1 or inputs[0]["shape"].size != 4 or (len(outputs), len(boxes), len(lists)) != (4, 1, 2):
            raise ValueError(
                f"{path}: outputs {shapes} are not a detector's; expected boxes (1, n, 4), classes (1, n), "
                "scores (1, n) and their number (1,), as TFLite's detection post-processing gives them"
            )
        self._input, self._boxes, self._lists = inputs[0], boxes[0], lists

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Detector`."""
        (h, w), (in_h, in_w) = image.shape[:2], self._input["shape"][1:3]
        small = cv2.resize(image, (int(in_w), int(in_h)), interpolation=cv2.INTER_LINEAR)
        self._interpreter.set_tensor(self._input["index"], _as_input(small, self._input["dtype"])[None])
        self._interpreter.invoke()
        edges = np.clip(self._read(self._boxes), 0.0, 1.0) * np.array([h, w, h, w])
        classes, scores = sorted((self._read(output) for output in self._lists), key=_is_scores)
        top, left, bottom, right = edges.T
        boxes = np.stack([left, top, right - left, bottom - top], axis=-1)
        people = (np.rint(classes) == PERSON) & (scores >= self.threshold) & (boxes[:, 2:].min(axis=1) > 0)
        return boxes[people], scores[people]

    def _read(self, output: Any) -> np.ndarray:
        return np.asarray(self._interpreter.get_tensor(output["index"])[0], np.float64)


def _as_input(image: np.ndarray, dtype: Any) -> np.ndarray:
    if dtype == np.float32:
        return image.astype(np.float32) / 127.5 - 1
    return image if dtype == np.uint8 else (image ^ 0x80).view(np.int8)


def _is_scores(values: np.ndarray) -> bool:
    """Whether a list is that of the scores: classes are whole numbers, scores are not (unless they are all 0)."""
    return bool((values != np.rint(values)).any())
