"""Run a .tflite on stored input tensors on another processor. It needs NumPy and the runtime, but not poseport.

python arm_worker.py MODEL.tflite TENSORS.npy OUTPUTS.npy
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(model: str, tensors: str, outputs: str) -> None:
    """Run a file and write its raw outputs.

    Args:
        model: The .tflite file.
        tensors: .npy file of the input tensors, (n, H, W, 3).
        outputs: .npy file to write, (n, ...).
    """
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    results = []
    for tensor in np.load(tensors):
        interpreter.set_tensor(image["index"], tensor[None])
        interpreter.invoke()
        results.append(interpreter.get_tensor(output["index"])[0])
    np.save(outputs, np.stack(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
