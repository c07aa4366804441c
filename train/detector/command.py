"""`poseport train --preset person-detector`: what the command does for a detector."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from poseport.command.options import answer, load_people, load_sets, progress

PRESET = "person-detector"
_INPUT = 256
# the options of `poseport train` that a detector has
_TAKEN = {
    "preset", "data", "data_images", "data_share", "val", "val_images", "out", "epochs", "batch", "seed", "resume",
    "learning_rate", "init", "teacher", "input_size", "data_processes", "eval_every", "quiet", "as_json", "skeleton",
}  # fmt: skip


def train_detector(options: dict[str, Any]) -> None:
    """Train a person detector by the options of `poseport train`.

    Args:
        options: The options by name.

    Raises:
        ValueError: If an option does not apply, or the training cannot begin.
    """
    for name, value in options.items():
        if name not in _TAKEN and value not in (None, False, 0, ()):
            flag = "--set" if name == "settings" else "--" + name.replace("_", "-")
            raise ValueError(f"{flag} does not apply to the preset {PRESET}; remove it")
    if options["init"] is None:
        raise ValueError(
            f"the preset {PRESET} begins from a pose network; give --init, such as models/starter of a checkout"
        )

    from poseport.tflite.quiet import quiet

    with quiet():
        from dataclasses import fields, replace

        from poseport.people import detector
        from poseport.train.detector import fit, teaching
        from poseport.train.detector import record as records

    people = load_sets(options["data"], options["data_images"], options["data_share"], options["skeleton"])
    val = load_people(options["val"], options["val_images"], options["skeleton"]) if options["val"] else None
    given = {f.name: options[f.name] for f in fields(records.DetectorTraining) if options.get(f.name) is not None}
    settings = replace(records.DetectorTraining(), **given)
    silent = options["quiet"] or options["as_json"]
    teacher_file: Path | None = options["teacher"]
    teacher = detector.load(teacher_file, 2, teaching.UNSURE) if teacher_file is not None else None
    distinct = len({p.image_path for p in people.persons})
    with progress("running the teacher", distinct, hidden=silent or teacher is None) as advance:
        photos = teaching.photos_of(people, teacher, advance)
    out: Path = options["out"]
    record = records.new_record(settings, people, val, options["init"], teacher_file)
    data = fit.DetectorData(photos, val, options["data_processes"])
    hw = _input_hw(options["init"], options["input_size"])
    try:
        record = fit.fit(
            data, options["init"], hw, record, out,
            resume=options["resume"], echo=(lambda line: None) if silent else click.echo,
        )  # fmt: skip
    except KeyboardInterrupt:
        click.echo(f"\ninterrupted: whole epochs are kept in {out}; the same command with --resume continues", err=True)
        sys.exit(130)
    best = record.best
    text = f"{out}: {record.epochs_done} epochs, {record.parameters:,} parameters, {len(photos)} photos"
    if best is not None:
        text += f"; best epoch {int(best['epoch'])}: AP50 {best['AP50']:.3f}, recall {best['recall']:.3f}"
    answered = {"bundle": str(out), "epochs": record.epochs_done, "parameters": record.parameters, "best": best}
    answer(answered, text, as_json=options["as_json"], quiet=options["quiet"])


def _input_hw(init: Path, side: int | None) -> tuple[int, int]:
    """The size that was asked for; otherwise a detector keeps its own, and a new one takes `_INPUT`."""
    from poseport import bundle

    if side is None and bundle.is_detector(init):
        return bundle.read_detector_spec(init).input_hw
    return (side or _INPUT,) * 2
