"""Camera frames of a drawn person, and where Python finds the keypoints in them, for the app's tests.

`python tests/android/write_frames.py FOLDER` writes FOLDER/frames.json and frames.bin: a person as cameras of three
sizes, held in four ways, deliver it, for a network of maps and one of coordinates. Each looks at the whole picture and
closer at who was found.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from poseport.data.drawn import synth
from poseport.people import track
from poseport.people.follow import Follower
from poseport.tflite import runner

sys.path.insert(0, str(Path(__file__).parents[1]))
from write_golden import frame_rgb

MODELS = Path(__file__).parents[2] / "models"
NETWORKS = ("tiny.float32.tflite", "deeppose.float32.tflite")
SIZES_HW = ((640, 480), (320, 240), (176, 144))


def planes(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 of even sides as a camera delivers it: luma, then u and v of half the size (BT.601)."""
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = [(blue - luma) / 1.772 + 128, (red - luma) / 1.402 + 128]
    h, w = luma.shape
    halves = [one.reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3)) for one in chroma]
    return np.concatenate([np.clip(np.rint(one), 0, 255).astype(np.uint8).ravel() for one in (luma, *halves)])


def main(folder: Path) -> None:
    """All frames in one file, what is found in them in the other."""
    drawn = synth.scene(np.random.default_rng(4), (640, 480), 1)[0]
    networks = {name: runner.load(MODELS / name) for name in NETWORKS}
    cases, data = [], bytearray()
    for hw in SIZES_HW:
        person = cv2.resize(drawn, hw[::-1], interpolation=cv2.INTER_AREA)
        for mirrored in (False, True):
            upright = person[:, ::-1] if mirrored else person
            for degrees in (0, 90, 180, 270):
                # what the sensor saw is what stands upright when it is turned clockwise
                sensor = planes(np.rot90(person, degrees // 90))
                rows, columns = hw if degrees % 180 == 0 else hw[::-1]
                seen = np.rot90(frame_rgb(sensor, (rows, columns)), -degrees // 90)
                seen = np.ascontiguousarray(seen[:, ::-1] if mirrored else seen)
                assert np.abs(seen.astype(int) - upright).mean() < 8  # the person stands
                for name, network in networks.items():
                    follower = Follower(network)
                    follower(seen)
                    # a hundredth of a pixel is other rounding in a twentieth of all values: both take the same boxes
                    boxes = np.round([track.whole(hw), follower.box], 1)
                    found = network(seen, boxes)
                    cases.append(
                        {
                            "model": name, "rows": rows, "columns": columns, "degrees": degrees, "mirrored": mirrored,
                            "offset": len(data), "boxes_xywh": boxes.tolist(), "keypoints": found.tolist(),
                        }
                    )  # fmt: skip
                data += sensor.tobytes()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "frames.bin").write_bytes(data)
    (folder / "frames.json").write_text(json.dumps({"schema": 1, "cases": cases}, allow_nan=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
