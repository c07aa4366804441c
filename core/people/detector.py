"""Person boxes from a .tflite detector with the usual four outputs: boxes, classes, scores and their number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseport.tflite import model_file
from poseport.tflite.interpreter import open_interpreter

PERSON = 0


class Detector:
    """A detector whose outputs are those of TFLite's detection post-processing (SSD, EfficientDet-Lite).

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

    def __init__(self, path: Path, threads: int = 1, threshold: float = 0.5):
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
        """Find the people in an image.

        Args:
            image: (h, w, 3) uint8 RGB.

        Returns:
            Boxes (N, 4) float64 left, top, width, height in pixels, and scores (N,).
        """
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
