"""`log.csv`: one row per epoch, and what follows from the rows alone: the best epoch and early stopping."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poseport import bundle
from poseport.records import write_whole

# scores without flip averaging, as a converted file is measured, and with it
PLAIN = ("OKS-AP", "OKS-AP50", "PCK@0.1/box", "PCK@0.2/torso")
SCORES = (*PLAIN, *(f"{name}+flip" for name in PLAIN))
COLUMNS = ("epoch", "loss", *SCORES, "learning_rate", "seconds")

Row = dict[str, float]


def due(epoch: int, every: int, epochs: int) -> bool:
    """Whether the network is scored after an epoch (from 0)."""
    return (epoch + 1) % every == 0 or epoch + 1 == epochs


def scored(row: Row) -> bool:
    """Whether an epoch was scored."""
    return math.isfinite(row["PCK@0.1/box"])


def rank(row: Row) -> tuple[float, float]:
    """The rank of an epoch: AP, then PCK for epochs of equal AP; both without flip averaging."""
    return row["OKS-AP"], row["PCK@0.1/box"]


def best_row(rows: Sequence[Row]) -> Row | None:
    """The first epoch of the highest rank; None while nothing is scored."""
    return max(filter(scored, rows), key=rank, default=None)


def is_best(row: Row, rows: Sequence[Row]) -> bool:
    """Whether an epoch's weights are to be kept; unscored epochs are only while nothing has been scored."""
    best = best_row(rows)
    if best is None or not scored(row):
        return best is None
    return rank(row) > rank(best)


def stalled(rows: Sequence[Row], patience: int, since: int = 0) -> bool:
    """Whether the last `patience` evaluations brought no improvement. since: first epochs that do not count."""
    best = best_row(rows)
    if not patience or best is None:
        return False
    return sum(scored(row) and row["epoch"] > max(best["epoch"], since) for row in rows) >= patience


def read_log(directory: Path) -> list[Row]:
    """Rows of `log.csv`; empty where there is none."""
    path = directory / bundle.LOG
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return [{name: float(row[name]) for name in COLUMNS} for row in csv.DictReader(file)]


def write_log(directory: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write `log.csv` whole."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        lines.append(",".join(str(int(row["epoch"])) if c == "epoch" else f"{row[c]:.8g}" for c in COLUMNS))
    write_whole(directory / bundle.LOG, ("\n".join(lines) + "\n").encode())
