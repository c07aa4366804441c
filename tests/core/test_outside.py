"""Files and names from outside, as the code itself treats them: found by walking through every module.

A field of a record, card, spec or answer of a phone must not become a path on its own; JSON is parsed in one place; and
files are read through `safe_path`, which opens regular files of a bounded size only.
"""

from __future__ import annotations

import ast
import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poseport.bench.phone.handset import Phone
from poseport.bench.record import Result
from poseport.tflite.card import ModelCard

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("core", "train", "convert", "bench")
JOINS = {"Path", "PurePath", "open", "joinpath", "with_name", "with_stem"}
# module and code -> why it is no path from outside
KNOWN = {
    ("core/tflite/shipped.py", "_folder() / self.file"): "a list in the code",
    ("bench/phone/parts.py", "self.local / description.identity(self.model.read_bytes())[:16]"): "a sha256",
    (
        "bench/report/pictures/measured_photos.py",
        "Path(data.images_dir)",
    ): "opened only beside the annotations of the record",
    ("bench/results_folder.py", "Path(m.data.file)"): "its stem becomes one word of letters and digits",
}
# modules that read files on their own, and why
READS = {
    "bench/measure/describe.py": "the kernel's description of the processor",
    "bench/measure/timing.py": "the kernel's description of the process",
    "bench/phone/parts.py": "the model that the user named, read before through model_file",
    "bench/phone/run.py": "the model that the user named, read before through model_file",
    "convert/summary.py": "the file that was just written",
    "core/bundle.py": "digest of a weights file, in pieces",
    "core/data/drawn/synth.py": "the annotations that were just written",
    "bench/phone/files.py": "its own packed people",
    "train/progress/log_csv.py": "the log that training writes",
    "train/workers/jax_launcher.py": "output of its own workers",
    "train/workers/strategy.py": "output of its own workers",
    "core/records.py": "opened to write",
    "core/files/safe_path.py": "the one that checks",
}


def strings(cls: Any, known: set[Any]) -> Iterator[str]:
    """Names of the text fields of a dataclass, and of those inside it."""
    if dataclasses.is_dataclass(cls) and cls not in known:
        known.add(cls)
        for name, hint in typing.get_type_hints(cls).items():
            if hint is str:
                yield name
            for inner in (
                hint,
                *typing.get_args(hint),
                *(a for h in typing.get_args(hint) for a in typing.get_args(h)),
            ):
                yield from strings(inner, known)


OWNERS = {"model", "spec", "skeleton", "stage", "phone", "card", "category", "entry", "refine"}
FIELDS = {name for cls in (Result, ModelCard, Phone) for name in strings(cls, set())} | {"serial"}


def outside(node: ast.AST) -> bool:
    """Whether an expression holds a text field from outside that `safe_path` did not make safe."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called.startswith(("safe_path.", "escape.")) or called in ("len", "_word", "stage_file"):
            return False
    if isinstance(node, ast.Attribute) and node.attr in FIELDS:
        # a path and an open file have a `name` too
        return node.attr != "name" or ast.unparse(node.value).rpartition(".")[2] in OWNERS
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in FIELDS:
        return True
    return any(outside(child) for child in ast.iter_child_nodes(node))


def joins(tree: ast.AST) -> Iterator[ast.expr]:
    """Expressions that make a path out of such a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and outside(node.right):
            yield node
        called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and called in JOINS and any(map(outside, node.args)):
            yield node


def modules() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def test_the_walk_finds_what_it_is_for() -> None:
    assert {"name", "file_name", "images_dir", "device"} <= FIELDS
    for bad in ("a / person.file_name", "Path(data['images_dir'])", "out / f'{r.model.name}.json'", "open(x.file)"):
        assert list(joins(ast.parse(bad)))
    for good in ("safe_path.inside(a, person.file_name)", "out / safe_path.file_name(r.model.name)", "n / len(m.name)"):
        assert not list(joins(ast.parse(good)))


def test_no_field_from_outside_becomes_a_path() -> None:
    found = []
    for path in modules():
        for node in joins(ast.parse(path.read_text())):
            where = str(path.relative_to(ROOT)), ast.unparse(node)
            if where not in KNOWN:
                found.append(f"{where[0]}:{node.lineno}: {where[1]}")
    assert not found, "\n".join(found)


def test_json_is_parsed_in_one_place() -> None:
    found = [path for path in modules() if any(text in path.read_text() for text in ("json.loads(", "json.load("))]
    assert [str(path.relative_to(ROOT)) for path in found] == ["core/files/json_text.py"]


@pytest.mark.parametrize("call", ["read_bytes", "read_text", "open", "loadtxt", "imread"])
def test_files_are_read_through_the_one_function(call: str) -> None:
    found = []
    for path in modules():
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != call:
                continue
            checked = ast.unparse(node.func) in ("model_file.read_bytes", "archive.open", "os.open", "_open")
            own = isinstance(node.func, ast.Name) and call == "read_bytes"
            if name not in READS and not checked and not own:
                found.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert not found, "\n".join(found)
