"""Describe a .tflite file (`poseport inspect`) and find what is wrong with it for a phone (`poseport doctor`)."""
