"""A user's ~/.keras/keras.json changes neither backend nor type nor layout of a network."""

import json
import os
import subprocess
import sys

BUILD = """
from poseport.train import presets
from poseport.train.networks import models
import keras
model = models.build(presets.preset("mobile-hourglass").spec, keras)
print(keras.backend.backend(), model.output_shape, {v.dtype for v in model.variables}, model.layers[1].compute_dtype)
"""


def test_a_users_keras_settings_change_nothing(tmp_path):
    hostile = {"floatx": "float16", "epsilon": 1e-7, "backend": "jax", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(hostile))
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", BUILD], env={**environment, "KERAS_HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "tensorflow (None, 48, 48, 17) {'float32'} float32"
