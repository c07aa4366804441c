"""Folders and import names: the only place where one is mapped to the other."""

from setuptools import setup

setup(
    packages=["poseport", "poseport.train", "poseport.convert", "poseport.bench"],
    package_dir={
        "poseport": "core",
        "poseport.train": "train",
        "poseport.convert": "convert",
        "poseport.bench": "bench",
    },
    package_data={"poseport": ["py.typed"], "poseport.bench": ["report.html.jinja"]},
)
