"""The commands of `poseport data` that read other label formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poseport.command.options import PATH, F, answer, guarded, output_options, progress

if TYPE_CHECKING:
    from poseport.data.formats.coco_folder import ConvertedSet


def conversion_options(command: F) -> F:
    """Add `--images` and `--out`, which the commands that read another format share.

    Args:
        command: The function of the command.

    Returns:
        The function with the options.
    """
    command = click.option("--images", type=PATH, help="Folder of the photos. Default: images/ beside the .mat file.")(
        command
    )
    text = "Folder for person_keypoints_train.json, person_keypoints_test.json and a link to the photos."
    return click.option("--out", required=True, type=PATH, help=text)(command)


@click.command("from-mpii")
@click.argument("source", type=PATH)
@conversion_options
@output_options
@guarded
def from_mpii(source: Path, images: Path | None, out: Path, quiet: bool, as_json: bool) -> None:
    """Convert MPII Human Pose to COCO form. SOURCE is mpii_human_pose_v1_u12_1.mat or its folder. Only a training
    file is written, because the labels of the test people are not public. The photos stay where they are.

    Example: poseport data from-mpii mpii_human_pose_v1_u12_2 --images mpii/images --out mpii
    """
    from poseport.data import layout
    from poseport.data.formats import matlab, mpii_flic_lsp

    mat = matlab.find_mat(source, "mpii_human_pose_v1*.mat")
    convert([(mpii_flic_lsp.mpii(mat), layout.find_images(mat, images))], out, quiet=quiet, as_json=as_json)


@click.command("from-flic")
@click.argument("source", type=PATH)
@conversion_options
@output_options
@guarded
def from_flic(source: Path, images: Path | None, out: Path, quiet: bool, as_json: bool) -> None:
    """Convert FLIC to COCO form. SOURCE is examples.mat or its folder. The photos stay where they are.

    Example: poseport data from-flic FLIC --out flic
    """
    from poseport.data import layout
    from poseport.data.formats import matlab, mpii_flic_lsp

    mat = matlab.find_mat(source, "examples.mat")
    convert([(mpii_flic_lsp.flic(mat), layout.find_images(mat, images))], out, quiet=quiet, as_json=as_json)


@click.command("from-lsp")
@click.argument("sources", type=PATH, nargs=-1, required=True)
@conversion_options
@output_options
@guarded
def from_lsp(sources: tuple[Path, ...], images: Path | None, out: Path, quiet: bool, as_json: bool) -> None:
    """Convert Leeds Sports Pose, its extension LSPET, or both as one set, to COCO form. SOURCES are joints.mat files
    or their folders. The first 1,000 people of LSP and all of LSPET become the training set, the other people of LSP
    the test set. The photos stay where they are.

    Example: poseport data from-lsp lsp_dataset lspet_dataset --out lsp
    """
    from poseport.data import layout
    from poseport.data.formats import matlab, mpii_flic_lsp

    if images is not None and len(sources) > 1:
        raise ValueError(
            "--images works with one source only; with several, the photos must be in images/ beside each .mat file"
        )
    sets = []
    for source in sources:
        mat = matlab.find_mat(source, "joints.mat")
        folder = layout.find_images(mat, images)
        sets.append((mpii_flic_lsp.lsp(mat, folder), folder))
    convert(sets, out, quiet=quiet, as_json=as_json)


def convert(sets: Sequence[tuple[ConvertedSet, Path]], out: Path, *, quiet: bool, as_json: bool) -> None:
    """Write sets that were read from another format, and print what was written.

    Args:
        sets: People and the folder of their images.
        out: The folder to write.
        quiet: The value of `--quiet`.
        as_json: The value of `--json`.

    Raises:
        ValueError: If an image is missing or broken, or the set exists already.
    """
    from poseport.data.formats import coco_folder

    count = sum(len({s.file_name for s in found.people}) for found, _ in sets)
    with progress("reading images", count, hidden=quiet or as_json) as advance:
        written = coco_folder.write(sets, out, advance)
    lines = [f"{w.split}: {w.people} people in {w.images} images, {w.path}" for w in written]
    left_out = {reason: sum(found.left_out[reason] for found, _ in sets) for reason in sets[0][0].left_out}
    lines += [f"left out: {count} {reason}" for reason, count in left_out.items() if count]
    splits = {w.split: {"annotations": str(w.path), "people": w.people, "images": w.images} for w in written}
    answer({"splits": splits, "left_out": left_out}, "\n".join(lines), as_json=as_json, quiet=quiet)
