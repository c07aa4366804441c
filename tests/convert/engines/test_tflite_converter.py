"""What TFLiteConverter refuses is one line."""

import pytest
import tensorflow as tf

from poseport.architecture import DeepPoseArchitecture
from poseport.convert.engines import tflite_converter
from poseport.convert.graph import frozen_graph
from poseport.convert.recipes import recipe
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, PoseSpec


@pytest.mark.parametrize("name", ["float32", "dynamic"])
def test_an_operation_that_tflite_lacks_is_one_line_and_not_a_dump(name):
    spec = PoseSpec("odd", DeepPoseArchitecture(width=0.25, dense_units=32), COCO17, (32, 32), CoordsOutput())
    network = frozen_graph.freeze(spec, None, lambda image: tf.linalg.svd(image[..., 0], compute_uv=False))
    with pytest.raises(ValueError, match=f"^TFLiteConverter cannot make {name} of odd: .") as caught:
        tflite_converter.convert(network, recipe(name))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
