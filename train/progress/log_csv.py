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
    """Whether the network is scored after an epoch.

    Args:
        epoch: Number of the epoch, from 0.
        every: Epochs between evaluations.
        epochs: Number of epochs; the last one is always scored.
    """
    return (epoch + 1) % every == 0 or epoch + 1 == epochs


def scored(row: Row) -> bool:
    """Whether an epoch was scored.

    Args:
        row: The epoch's row.
    """
    return math.isfinite(row["PCK@0.1/box"])


def rank(row: Row) -> tuple[float, float]:
    """Rank an epoch by AP, and epochs of equal AP by PCK; both without flip averaging.

    Args:
        row: The row of a scored epoch.

    Returns:
        AP and PCK, 0 to 1; a larger tuple is better.
    """
    return row["OKS-AP"], row["PCK@0.1/box"]


def best_row(rows: Sequence[Row]) -> Row | None:
    """Find the first epoch of the highest rank.

    Args:
        rows: Rows of the log.

    Returns:
        Its row; None if no epoch was scored.
    """
    return max(filter(scored, rows), key=rank, default=None)


def is_best(row: Row, rows: Sequence[Row]) -> bool:
    """Whether an epoch's weights are to be kept; an unscored epoch's are while nothing has been scored.

    Args:
        row: The epoch's row.
        rows: Rows of the epochs before.
    """
    best = best_row(rows)
    if best is None or not scored(row):
        return best is None
    return rank(row) > rank(best)


def stalled(rows: Sequence[Row], patience: int, since: int = 0) -> bool:
    """Whether the last `patience` evaluations brought no improvement.

    Args:
        rows: Rows of the log.
        patience: Number of evaluations; 0 is never stalled.
        since: Number of first epochs that do not count.
    """
    best = best_row(rows)
    if not patience or best is None:
        return False
    return sum(scored(row) and row["epoch"] > max(best["epoch"], since) for row in rows) >= patience


def read_log(directory: Path) -> list[Row]:
    """Read the rows of `log.csv`.

    Args:
        directory: The run's folder.

    Returns:
        A dict per epoch, column name -> value; [] if there is no log.
    """
    path = directory / bundle.LOG
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return [{name: float(row[name]) for name in COLUMNS} for row in csv.DictReader(file)]


def write_log(directory: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write `log.csv`, whole or not at all.

    Args:
        directory: The run's folder.
        rows: The rows, each with all `COLUMNS`.
    """
    lines = [",".join(COLUMNS)]
    for row in rows:
        lines.append(",".join(str(int(row["epoch"])) if c == "epoch" else f"{row[c]:.8g}" for c in COLUMNS))
    write_whole(directory / bundle.LOG, ("\n".join(lines) + "\n").encode())
