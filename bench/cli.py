"""`poseport bench`."""

from __future__ import annotations

import click

from poseport.command.groups import LazyGroup

COMMANDS = {
    "all": ("poseport.bench.all_cli", "everything", "Measure accuracy and latency, and write a report, in one go."),
    "accuracy": ("poseport.bench.measure_cli", "accuracy", "Score models on annotated people."),
    "boxes": ("poseport.bench.boxes_cli", "boxes", "Score person detectors on annotated people."),
    "rescore": ("poseport.bench.measure_cli", "rescore", "Score saved predictions again, without running a network."),
    "latency": ("poseport.bench.time_cli", "latency", "Time models on this machine."),
    "profile": ("poseport.bench.time_cli", "profile", "Time every operation of a model on this machine."),
    "phone": ("poseport.bench.phone.measure_cli", "bench_phone", "Measure models on Android phones."),
    "gate": ("poseport.bench.decide_cli", "gate", "Accept or reject a candidate against a budget."),
    "report": ("poseport.bench.decide_cli", "report", "Write a page of plots and tables from saved results."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def bench() -> None:
    """Measure converted files and decide on them. Results are JSON records in a folder; gate and report read
    only these.
    """
