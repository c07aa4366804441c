"""`poseport import`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from poseport.command.options import PATH, answer, guarded, output_options


@click.command("import")
@click.argument("source", type=PATH)
@click.option("--spec", "spec_file", type=PATH, help="The file's spec. Default: the .json beside it.")
@click.option("--until", help="Name of the tensor to end with, or a part that only its name has. Default: the output.")
@click.option("--out", required=True, type=PATH, help="Folder to write; becomes a bundle.")
@output_options
@guarded
def import_(source: Path, spec_file: Path | None, until: str | None, out: Path, quiet: bool, as_json: bool) -> None:
    """Make a bundle from a network that others trained: SOURCE is a .tflite file (float32, float16, dynamic or int8), a
    .keras or .h5 file, or the folder of a SavedModel. The bundle can be trained further, converted and verified like
    any other. If an operation cannot be rebuilt, the message names it and where to cut the graph before it. Code inside
    a file never runs.

    Example: poseport import thunder.tflite --spec spec.json --until kpt_heatmap_0/conv2d_5 --out runs/thunder
    """
    from poseport.tflite import sidecar

    spec = sidecar.read_spec(spec_file or sidecar.spec_path(source))

    from poseport.tflite.quiet import quiet as silenced

    os.environ["KERAS_BACKEND"] = "tensorflow"  # TensorFlow reads what Keras and it saved, whichever backend trains
    with silenced():
        from poseport.train.begin import importing

        written, parameters = importing.import_network(source, spec, out, until)
    h, w = written.input_hw
    found = {"bundle": str(out), "name": written.name, "input": [w, h], "parameters": parameters}
    text = (
        f"{out}: {written.name}, {parameters:,} parameters, {w}x{h}, {written.output.kind} {list(written.output_shape)}"
    )
    answer(found, text, as_json=as_json, quiet=quiet)
