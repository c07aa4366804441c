"""Folders and import names: the only place where one is mapped to the other."""

from setuptools import setup

setup(
    packages=[
        "poseport",
        "poseport.train",
        "poseport.convert",
        "poseport.bench",
        "poseport.bench.phone",
        "poseport.models",
    ],
    package_dir={
        "poseport": "core",
        "poseport.train": "train",
        "poseport.convert": "convert",
        "poseport.bench": "bench",
        "poseport.bench.phone": "bench/phone",
        "poseport.models": "models",
    },
    package_data={
        "poseport": ["py.typed"],
        "poseport.bench": ["report.html.jinja"],
        "poseport.models": ["*.tflite", "*/*.json", "*/*.h5", "*/*.csv"],
    },
)
