"""`poseport spec`: specs of networks that other projects made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from poseport.command.groups import LazyGroup
from poseport.command.options import PATH, answer, guarded, output_options

COMMANDS = {"guess": ("poseport.command.spec_cli", "guess_command", "Propose a spec for a .tflite file.")}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def spec() -> None:
    """Write specs for .tflite files that other projects made; a spec stands beside its file as FILE.json."""


@click.command("guess")
@click.argument("file", type=PATH)
@click.option("--out", type=PATH, help="Write the spec here, such as FILE.json. Default: print it.")
@output_options
@guarded
def guess_command(file: Path, out: Path | None, quiet: bool, as_json: bool) -> None:
    """Propose a spec from a file's shapes, types and names, and say what it cannot know.

    Example: poseport spec guess posenet.tflite --out posenet.json
    """
    from poseport import skeletons
    from poseport.files.escape import terminal
    from poseport.records import SCHEMA, to_data, write_whole
    from poseport.tflite import guess, model_file

    if out is not None and out.exists():
        raise ValueError(f"{out}: exists; name another file with --out")
    found = guess.guess(model_file.read_bytes(file), file.stem)
    data: dict[str, Any] = {"schema": SCHEMA, **to_data(found.spec)}
    del data["refine"]
    if found.spec.skeleton.name in skeletons.BUILT_IN:
        data["skeleton"] = found.spec.skeleton.name
    text = "{\n" + ",\n".join(f' "{key}": {json.dumps(value)}' for key, value in data.items()) + "\n}\n"
    if out is not None:
        write_whole(out, text.encode())
    lines = ["", "not known from the file:", *(f"  {terminal(line)}" for line in found.unknown)]
    shown = f"wrote {out}" if out is not None else text.rstrip()
    answer({"spec": data, "unknown": list(found.unknown)}, "\n".join([shown, *lines]), as_json=as_json, quiet=quiet)
