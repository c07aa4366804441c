"""Writes the page: checks that a browser can run the file, adds a decoder if needed, and fills a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from poseport.convert.recipes import RECIPES
from poseport.files.json_text import parse_json
from poseport.records import to_data, write_whole
from poseport.tflite import model_file
from poseport.tflite.card import ModelCard
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.quiet import quiet
from poseport.tflite.runner import Network
from poseport.web import litert_js

MODEL = "model.json"
# the page decodes these itself, by a line of arithmetic; others get the decoder of `--head keypoints` inside the file
_PAGE_DECODES = ("keypoints", "coords")
_SOURCES = ("index.html", "style.css", "icon.svg", "app.js", "network.js", "drawing.js", "pose.js")
_NOTICES = ("NOTICE.txt", "LICENSE.txt")
_SPEC = ("name", "skeleton", "input_hw", "output", "padding", "mean", "std", "channel_order")


def write(model: Path, out: Path) -> dict[str, Any]:
    """Write the page of a converted file.

    Args:
        model: The .tflite file.
        out: The folder. It may exist if it is empty or holds a page of before, which is replaced.

    Returns:
        The contents of `model.json`.

    Raises:
        ValueError: If a browser cannot run the file, if LiteRT.js cannot be downloaded, or if the folder holds
            anything else.
    """
    data, card, added = runnable(model)
    _refuse_others(out)
    litert = litert_js.files()
    about = describe(data, card, decoder_added=added)
    contents = {name: (litert_js.PAGE / name).read_bytes() for name in (*_SOURCES, *_NOTICES)}
    contents |= {f"litert/{name}": content for name, content in litert.items()}
    contents[about["file"]] = data
    contents[MODEL] = (json.dumps(about, indent=1, allow_nan=False) + "\n").encode()  # last: it says that all is there
    (out / "litert").mkdir(parents=True, exist_ok=True)
    (out / MODEL).unlink(missing_ok=True)
    for name, content in contents.items():
        write_whole(out / name, content)
    return about


def runnable(model: Path) -> tuple[bytes, ModelCard, bool]:
    """Read a file that a browser can run.

    Args:
        model: The .tflite file.

    Returns:
        Its bytes, its card, and whether a decoder was added to it. Without one the bytes are those of the file.

    Raises:
        ValueError: If the file is damaged, no pose network, a cascade, or takes or gives integers; the message says
            how to convert it instead.
    """
    data, card = model_file.read(model)
    spec, recipe = card.spec, card.conversion.recipe
    if card.later or spec.refine is not None:
        raise ValueError(f"{model}: is a cascade, and the page runs one network; convert its first stage alone")
    ends = inspect_bytes(data, str(model))
    integers = [tensor.dtype for tensor in (*ends.inputs, *ends.outputs) if tensor.dtype != "float32"]
    if integers:
        wanted = f"{recipe}-floatio" if f"{recipe}-floatio" in RECIPES else "int8-floatio"
        options = "float input and output" if spec.family == "foreign" else f"--recipe {wanted} --head keypoints"
        raise ValueError(
            f"{model}: takes or gives {integers[0]}, and LiteRT.js takes float32 only; convert it again with {options}"
        )
    Network(data, card, str(model))  # its tensors are those that the card describes
    if spec.output.kind in _PAGE_DECODES and len(ends.outputs) == 1:
        return data, card, False
    try:
        with quiet():
            from poseport.convert.graph.decoder_head import append_decoder
    except ModuleNotFoundError:
        raise ValueError(
            f"{model}: gives {spec.output.kind}, which the page does not decode; convert it again with"
            ' --head keypoints, or pip install "poseport[convert]", so that `poseport web` adds the decoder itself'
        ) from None
    flatbuffer, decoded = append_decoder(data, card)
    return model_file.pack(flatbuffer, decoded), decoded, True


def describe(data: bytes, card: ModelCard, *, decoder_added: bool) -> dict[str, Any]:
    """Make the contents of `model.json`: what the page needs of the card, and the digest of the file."""
    spec = to_data(card.spec)
    return {
        "written_by": "poseport web",
        "file": "model.tflite",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "recipe": card.conversion.recipe,
        "decoder_added": decoder_added,
        "spec": {key: spec[key] for key in _SPEC},
    }


def is_page(folder: Path) -> bool:
    """Whether a folder holds a page that `write` wrote."""
    try:
        return bool(parse_json((folder / MODEL).read_text(encoding="utf-8"))["written_by"] == "poseport web")
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _refuse_others(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: is a file; expected a folder to write the page into")
    if out.is_dir() and any(out.iterdir()) and not is_page(out):
        raise ValueError(f"{out}: holds other files; choose a new folder or one that `poseport web` wrote")
