"""Strict JSON for frozen dataclasses: everything that is written can be read, and no key is ignored.

Supported field types: str, bool, int, float, `Literal`, `X | None`, `tuple[X, ...]`, `dict[str, X]`, dataclasses, and
unions of dataclasses that differ in a `kind: Literal[...]` field. A dataclass may name fields of its earlier versions
in a class variable `REMOVED`, with the one value of each that can still be read. Fields that it names in a class
variable `ADDED` came later: they are written only where they differ from their default, so that files stay readable
for earlier versions, and the same byte for byte.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
import sys
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from poseport.files.json_text import MAX_INT, MAX_JSON_BYTES, parse_json
from poseport.files.safe_path import read_file, temporary

T = TypeVar("T")
SCHEMA = 1


def to_data(record: Any) -> Any:
    """Convert a record to plain dicts, lists, strings and numbers.

    Args:
        record: a dataclass, or a value inside one.

    Returns:
        The plain value.
    """
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        added = getattr(record, "ADDED", ())
        values = ((f, getattr(record, f.name)) for f in dataclasses.fields(record))
        return {f.name: to_data(value) for f, value in values if f.name not in added or value != f.default}
    if isinstance(record, dict):
        return {key: to_data(value) for key, value in record.items()}
    if isinstance(record, tuple | list):
        return [to_data(value) for value in record]
    return record


def from_data(cls: type[T], data: Any, where: str) -> T:
    """Make a record from plain data.

    Args:
        cls: the dataclass.
        data: plain dicts, lists, strings and numbers.
        where: name of the file or of the part of it; every error message begins with it.

    Returns:
        The record.

    Raises:
        ValueError: if a key is unknown or missing (the message lists the known ones), if a value has another type, or
            if the dataclass refuses it.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{where}: expected an object with the keys of {cls.__name__}, found {_short(data)}")
    hints = _hints(cls)  # type: ignore[arg-type]
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    removed: dict[str, Any] = getattr(cls, "REMOVED", {})
    for key, neutral in removed.items():
        if key in data and data[key] != neutral:
            raise ValueError(f"{where}: {key} {_short(data[key])} is no longer supported; only {neutral} can be read")
    unknown = [key for key in data if key not in known and key not in removed]
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; {cls.__name__} has {', '.join(known)}")
    values = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in data:
            values[field.name] = _value(hints[field.name], data[field.name], f"{where}: {field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{where}: key {field.name!r} is missing; {cls.__name__} has {', '.join(known)}")
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def dumps(record: Any) -> str:
    """Write a record as JSON text, with the schema number first.

    Args:
        record: a dataclass.

    Returns:
        The text, with a line break at the end.
    """
    return json.dumps({"schema": SCHEMA, **to_data(record)}, indent=1, allow_nan=False) + "\n"


def loads(cls: type[T], text: str, where: str) -> T:
    """Read a record from JSON text that `dumps` wrote.

    Args:
        cls: the dataclass.
        text: JSON with a schema number.
        where: name of the file; every error message begins with it.

    Returns:
        The record.

    Raises:
        ValueError: if the text is not JSON, has no schema number or a newer one than this version reads, or as
            `from_data`.
    """
    try:
        data = parse_json(text)
    except ValueError as error:
        raise ValueError(f"{where}: not JSON ({error})") from None
    if not isinstance(data, dict) or type(data.get("schema")) is not int:
        raise ValueError(f'{where}: no schema number; expected an object with "schema": {SCHEMA}')
    schema = data.pop("schema")
    if schema > SCHEMA:
        newest = f"{SCHEMA}, which this poseport reads; upgrade poseport"
        raise ValueError(f"{where}: schema {schema} is newer than {newest}")
    if schema < 1:
        raise ValueError(f"{where}: schema {schema} does not exist; expected 1 to {SCHEMA}")
    return from_data(cls, data, where)


def read_json(cls: type[T], path: Path) -> T:
    """Read a record from a JSON file.

    Args:
        cls: the dataclass.
        path: the file.

    Returns:
        The record.

    Raises:
        ValueError: if the file cannot be read, or as `loads`; the message names the file.
    """
    try:
        text = read_file(Path(path), MAX_JSON_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as text ({_reason(error)})") from None
    return loads(cls, text, str(path))


def write_json(record: Any, path: Path) -> None:
    """Write a record to a JSON file, completely or not at all.

    Args:
        record: a dataclass.
        path: the file.

    Raises:
        ValueError: if the file cannot be written.
    """
    write_whole(Path(path), dumps(record).encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes to a file completely or not at all: to a temporary file beside it, which is then renamed.

    Args:
        path: the file; missing folders are created.
        data: the bytes.

    Raises:
        ValueError: if the file cannot be written.
    """
    beside = temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be written ({_reason(error)}); choose another output") from None
    finally:
        beside.unlink(missing_ok=True) if beside.parent.is_dir() else None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


# evaluating the annotations of a class takes longer than reading one record of it
_hints = functools.cache(typing.get_type_hints)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _value(hint: Any, data: Any, where: str) -> Any:
    if type(data) is hint and (hint is str or (hint is float and math.isfinite(data))):
        return data  # most values of a record
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(args, data, where)
    if origin is Literal:
        if data in args:
            return data
        raise ValueError(f"{where}: {_short(data)} is not one of {', '.join(map(str, args))}")
    if origin is tuple and isinstance(data, list | tuple):
        if len(args) == 2 and args[1] is Ellipsis:
            if _all_numbers(args[0], data):
                return tuple(data)
            return tuple(_value(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
        if len(args) == len(data):
            return tuple(_value(a, item, f"{where}[{i}]") for i, (a, item) in enumerate(zip(args, data, strict=True)))
        raise ValueError(f"{where}: {len(data)} values, expected {len(args)}")
    if origin is dict and isinstance(data, dict):
        return {str(key): _value(args[1], item, f"{where}[{key!r}]") for key, item in data.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_data(hint, data, where)
    if hint is float and isinstance(data, int | float) and not isinstance(data, bool):
        if abs(data) <= sys.float_info.max:  # false for NaN too
            return float(data)
        raise ValueError(f"{where}: {_short(data)} is not a finite number")
    if hint in (str, int, bool) and type(data) is hint:
        if hint is int and abs(data) > MAX_INT:
            raise ValueError(f"{where}: {_short(data)} is not an integer of 128 bits")
        return data
    raise ValueError(f"{where}: {_short(data)} is not a {getattr(hint, '__name__', hint)}")


def _all_numbers(hint: Any, data: list[Any] | tuple[Any, ...]) -> bool:
    """Whether every item is a number as it should be: records hold many thousands of them."""
    kinds = set(map(type, data))
    if hint is int:
        return kinds <= {int} and max(map(abs, data), default=0) <= MAX_INT
    allowed = {float} if hint is float else {float, type(None)} if hint == (float | None) else set()
    return kinds <= allowed and all(map(math.isfinite, (value for value in data if value is not None)))


def _union(args: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in args:
        return None
    members = [a for a in args if a is not type(None)]
    if len(members) == 1:
        return _value(members[0], data, where)
    by_kind = {typing.get_args(_hints(m)["kind"])[0]: m for m in members}
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in by_kind:
        raise ValueError(f"{where}: kind {_short(kind)} is not one of {', '.join(by_kind)}")
    return from_data(by_kind[kind], data, where)
