"""Keypoints as a table: one row for each person and keypoint of each picture, as CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from poseport.command.pictures.result_files import Predicted
from poseport.records import write_whole
from poseport.skeleton import Skeleton

COLUMNS = ("file", "picture", "person", "keypoint", "x", "y", "score")
Row = tuple[str, int, int, str, float, float, float]


def check(path: Path) -> None:
    """Check that a table can be written under a name, before anything is predicted.

    Args:
        path: The file.

    Raises:
        ValueError: If its name ends neither in .csv nor in .parquet, or the package that writes Parquet is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise ValueError(f"{path}: a table is CSV or Parquet; give a name that ends in .csv or .parquet")
    if suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise ValueError(
                f"{path}: Parquet needs pyarrow; run `pip install pyarrow`, or give a name that ends in .csv"
            ) from None


def write(path: Path, pictures: Sequence[Predicted], skeleton: Skeleton) -> None:
    """Write the keypoints of pictures.

    Args:
        path: The file; its name ends in .csv or .parquet.
        pictures: The pictures.
        skeleton: The keypoints.

    Raises:
        ValueError: As `check`, or if the file cannot be written.
    """
    check(path)
    rows = list(_rows(pictures, skeleton))
    write_whole(path, _csv(rows) if path.suffix.lower() == ".csv" else _parquet(rows))


def _rows(pictures: Sequence[Predicted], skeleton: Skeleton) -> Iterator[Row]:
    for picture in pictures:
        found = picture.found
        numbers = range(1, len(found.scores) + 1) if found.ids is None else found.ids.tolist()
        for number, keypoints in zip(numbers, found.keypoints.tolist(), strict=True):
            for name, (x, y, score) in zip(skeleton.names, keypoints, strict=True):
                yield picture.name, picture.index, number, name, round(x, 3), round(y, 3), round(score, 5)


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([*row[:4], f"{row[4]:.3f}", f"{row[5]:.3f}", f"{row[6]:.5f}"] for row in rows)
    return text.getvalue().encode()


def _parquet(rows: Sequence[Row]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    name, number = pa.dictionary(pa.int32(), pa.string()), pa.float64()
    types = (name, pa.int64(), pa.int64(), name, number, number, number)
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    arrays = [pa.array(values, type=of) for values, of in zip(columns, types, strict=True)]
    out = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_arrays(arrays, names=list(COLUMNS)), out)
    return bytes(out.getvalue())
