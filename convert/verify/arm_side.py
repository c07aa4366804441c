"""What runs on the other processor: a .tflite on stored input tensors. It needs NumPy and the runtime, nothing of ours.

python arm_side.py MODEL.tflite TENSORS.npy OUTPUTS.npy
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(model: str, tensors: str, outputs: str) -> None:
    """Write the raw outputs (n, ...) of the input tensors (n, H, W, 3)."""
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for tensor in np.load(tensors):
        interpreter.set_tensor(given["index"], tensor[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(wanted["index"])[0])
    np.save(outputs, np.stack(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
