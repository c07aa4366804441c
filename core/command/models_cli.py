"""`poseport models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from poseport.command.options import answer, guarded, output_options

if TYPE_CHECKING:
    from poseport.tflite.card import DetectorCard, ModelCard


@click.command()
@output_options
@guarded
def models(quiet: bool, as_json: bool) -> None:
    """List the networks that come with the package. Their names work wherever a command takes a .tflite file:
    `poseport predict starter photo.jpg`, `poseport bench latency starter`.

    Example: poseport models
    """
    from poseport.tflite import model_file, shipped

    rows: list[dict[str, Any]] = []
    for network in shipped.SHIPPED.values():
        card: ModelCard | DetectorCard
        if network.detector:
            card, skeleton = model_file.read_detector(network.path)[1], None
        else:
            card = model_file.read(network.path)[1]
            skeleton = card.spec.skeleton.name
        h, w = card.spec.input_hw
        rows.append(
            {
                "name": network.name, "what": network.what, "recipe": card.conversion.recipe, "input": [w, h],
                "skeleton": skeleton, "bytes": network.path.stat().st_size, "file": str(network.path),
            }
        )  # fmt: skip
    lines = [f"{r['name']:<18}{r['bytes'] / 1e6:>6.2f} MB  {r['input'][0]}x{r['input'][1]}  {r['what']}" for r in rows]
    answer({"models": rows}, "\n".join(lines), as_json=as_json, quiet=quiet)
