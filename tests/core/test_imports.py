"""Who may import whom, read from the files: core runs where no deep-learning framework is installed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRAMEWORKS = ("tensorflow", "keras", "tf_keras", "tensorflow_model_optimization", "jax", "torch", "ai_edge_quantizer")
STAGES = ("train", "convert", "bench", "web")
PHONE = ("convert", "verify/verify_cli.py", "bench")
# folder -> stages that it may import, apart from core and itself
ALLOWED = {"core": (), "bench": (), "train": (), "convert": ("train",), "web_demo": ("web", "convert")}


def imports(source: str) -> Iterator[tuple[str, int, bool]]:
    """Every imported module as (dotted name, line, whether inside a function), `import_module("...")` included."""

    def walk(node: ast.AST, lazy: bool) -> Iterator[tuple[str, int, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, child.lineno, lazy) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"line {child.lineno}: a relative import hides what is imported"
                assert child.module
                yield child.module, child.lineno, lazy
                yield from ((f"{child.module}.{alias.name}", child.lineno, lazy) for alias in child.names)
            elif isinstance(child, ast.Call) and child.args and isinstance(child.args[0], ast.Constant):
                called = child.func.attr if isinstance(child.func, ast.Attribute) else getattr(child.func, "id", "")
                if called in ("import_module", "__import__"):
                    yield str(child.args[0].value), child.lineno, lazy
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, lazy or function)

    yield from walk(ast.parse(source), False)


def is_part_of(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def forbidden(folder: str, file: str, source: str) -> list[str]:
    """What a file of a folder imports and must not: "file:line module"."""
    found = []
    for module, line, lazy in imports(source):
        framework = folder in ("core", "bench") and any(is_part_of(module, name) for name in FRAMEWORKS)
        stage = next((name for name in STAGES if is_part_of(module, f"poseport.{name}")), None)
        foreign = stage not in (None, folder, *ALLOWED[folder])
        # `verify --serial` asks the module that talks to phones; no other file imports a later stage
        outwards = (folder, file, stage) == PHONE
        if framework or (foreign and not (outwards and lazy)):
            found.append(f"{folder}/{file}:{line} {module}")
    return found


@pytest.mark.parametrize(
    ("folder", "least"), [("core", 19), ("train", 10), ("convert", 6), ("bench", 1), ("web_demo", 4)]
)
def test_folders_import_only_what_they_may(folder: str, least: int) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert len(files) >= least
    problems = []
    for path in files:
        problems += forbidden(folder, str(path.relative_to(ROOT / folder)), path.read_text())
    assert problems == []


@pytest.mark.parametrize(
    ("folder", "file", "source"),
    [
        ("core", "pose.py", "import tensorflow as tf"),
        ("core", "pose.py", "def f():\n    from keras.layers import Dense"),
        ("core", "pose.py", "if True:\n    import tf_keras"),
        ("core", "pose.py", "from poseport.train import models"),
        ("core", "pose.py", "def f():\n    from poseport import convert"),
        ("core", "pose.py", "import importlib\nimportlib.import_module('poseport.bench.decide.gate')"),
        ("core", "command/cli.py", "from poseport.bench import gate"),
        ("core", "command/cli.py", "def f():\n    import tensorflow"),
        ("bench", "gate.py", "from poseport.convert import inspect"),
        ("bench", "gate.py", "class A:\n    def f(self):\n        import jax.numpy"),
        ("train", "fit.py", "from poseport.convert import to_tflite"),
        ("train", "fit.py", "def f():\n    import poseport.bench.decide.gate"),
        ("convert", "graph.py", "from poseport.bench import gate"),
        ("convert", "verify/verify_cli.py", "from poseport.bench.phone import raw_outputs"),
        ("convert", "verify.py", "def f():\n    from poseport.bench.phone import raw_outputs"),
    ],
)
def test_a_forbidden_import_is_found(folder: str, file: str, source: str) -> None:
    assert len(forbidden(folder, file, source)) >= 1


@pytest.mark.parametrize(
    ("folder", "file", "source"),
    [
        ("core", "pose.py", "from poseport import heatmap\nimport numpy"),
        ("core", "pose.py", "import keras_not_that_one"),
        ("bench", "gate.py", "from poseport.bench import record\nfrom poseport import coco"),
        ("convert", "graph.py", "import tensorflow\nfrom poseport.train import models"),
        ("convert", "verify/verify_cli.py", "def f():\n    from poseport.bench.phone import raw_outputs"),
        ("train", "fit.py", "import keras\nfrom poseport.train import models"),
    ],
)
def test_an_allowed_import_is_not(folder: str, file: str, source: str) -> None:
    assert forbidden(folder, file, source) == []


def test_core_and_bench_run_without_a_framework() -> None:
    files = sorted((ROOT / "core").rglob("*.py"))
    modules = [".".join(["poseport", *path.relative_to(ROOT / "core").with_suffix("").parts]) for path in files]
    modules = [name for name in modules if not name.endswith("__init__")]
    assert "poseport.tflite.runner" in modules
    script = (
        f"import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(sorted(set({FRAMEWORKS!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_package_itself_imports_neither_numpy_nor_opencv() -> None:
    script = "import sys, poseport; print(sorted({'numpy', 'cv2', 'pycocotools'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
