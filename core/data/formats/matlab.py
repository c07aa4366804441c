"""Read MATLAB files with SciPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from poseport.files import own_process


def find_mat(source: Path, pattern: str) -> Path:
    """Find the .mat file: the path itself, or the only one of that name in a folder.

    Args:
        source: The file or the folder.
        pattern: Pattern of the name.

    Returns:
        The file.

    Raises:
        ValueError: If there is none, or more than one.
    """
    if source.is_file():
        return source
    found = sorted(source.glob(pattern))
    if len(found) != 1:
        raise ValueError(f"{source}: {len(found)} files are called {pattern}; give the .mat file or its folder")
    return found[0]


def read_mat(path: Path, variable: str) -> Any:
    """Read a variable of a MATLAB file: structs as dicts, arrays of structs as lists, what is empty as an empty array.

    Args:
        path: The file.
        variable: Name of the variable.

    Returns:
        The value.

    Raises:
        ValueError: If SciPy is not installed, the file is broken, or it has no such variable.
    """
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ValueError('reading .mat files needs SciPy: pip install "poseport[data]"') from None
    if how := own_process.fault("poseport.data.formats.matlab", str(path.absolute())):
        raise ValueError(f"{path}: not a MATLAB file that can be read (SciPy {how}); download it again")
    try:
        content = loadmat(path, simplify_cells=True, variable_names=[variable])
    except Exception as error:  # a broken file trips the parser anywhere: struct, zlib, index and type errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: not a MATLAB file that can be read ({reason}); download it again") from None
    if variable not in content:
        raise ValueError(f"{path}: holds no variable {variable!r}; is it the file of another data set?")
    return content[variable]


def structs(value: Any) -> list[dict[str, Any]]:
    """List an array of structs, which SciPy gives as a dict if it holds one and as an empty array if it holds none.

    Args:
        value: The array as SciPy gives it.

    Returns:
        The structs.

    Raises:
        TypeError: If the value is something else.
    """
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return value
    if np.size(value) == 0:
        return []
    raise TypeError(f"found {type(value).__name__} where structs are")


def is_empty(struct: dict[str, Any], *names: str) -> bool:
    """Whether a struct lacks one of some fields, or has it empty.

    Args:
        struct: The struct.
        names: Names of the fields.
    """
    return any(name not in struct or (np.size(struct[name]) == 0) for name in names)


def _try(path: Path) -> None:
    """Read every variable of a file, in a process that may crash on it: SciPy's reader is partly in C."""
    from scipy.io import loadmat

    loadmat(path, simplify_cells=True)


if __name__ == "__main__":
    own_process.main(_try)
