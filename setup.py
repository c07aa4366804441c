"""Folders and import names: the only place where one is mapped to the other."""

from setuptools import setup

setup(
    packages=["poseport", "poseport.train", "poseport.convert", "poseport.bench", "poseport.models"],
    package_dir={
        "poseport": "core",
        "poseport.train": "train",
        "poseport.convert": "convert",
        "poseport.bench": "bench",
        "poseport.models": "models",
    },
    package_data={
        "poseport": ["py.typed"],
        "poseport.bench": ["report.html.jinja"],
        "poseport.models": ["*.tflite", "*/*.json", "*/*.h5", "*/*.csv"],
    },
)
