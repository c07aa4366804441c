"""Trained networks that come with the package: .tflite files and bundles; `poseport.tflite.shipped` names them."""
