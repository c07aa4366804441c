"""Folders and import names: the only place where one is mapped to the other."""

from setuptools import find_packages, setup

FOLDERS = {
    "poseport": "core",
    "poseport.train": "train",
    "poseport.convert": "convert",
    "poseport.bench": "bench",
    "poseport.models": "models",
    "poseport.web": "web_demo",
}

setup(
    packages=[*FOLDERS, *(f"{name}.{room}" for name, folder in FOLDERS.items() for room in find_packages(folder))],
    package_dir=FOLDERS,
    package_data={
        "poseport": ["py.typed"],
        "poseport.bench.report": ["report.html.jinja"],
        "poseport.web": ["page/*"],  # LiteRT.js is downloaded when it is first needed
        "poseport.models": ["*.tflite"],  # the Keras weights stay in the repository: 39 MB that only training needs
    },
)
