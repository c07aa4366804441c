"""How a command reports a failure: one line on the terminal, and an exit code."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from poseport.command.outputs import check_paths
from poseport.files import escape

F = TypeVar("F", bound=Callable[..., Any])

# a module that may be missing -> the extra of the package that installs it, and the library's name
EXTRAS = {
    "tensorflow": ("train", "Keras and TensorFlow"),
    "keras": ("train", "Keras and TensorFlow"),
    "h5py": ("train", "h5py"),
    "tensorflow_model_optimization": ("convert", "TensorFlow Model Optimization"),
    "tf_keras": ("convert", "tf_keras"),
    "litert_quantizer": ("convert", "the AI Edge Quantizer"),
    "scipy": ("data", "SciPy"),
    "matplotlib": ("report", "matplotlib"),
    "jinja2": ("report", "Jinja2"),
    "jax": ("jax", "JAX"),
    "tensorboard": ("tensorboard", "TensorBoard"),
}
# what native code raises when a file is damaged
_NATIVE = (RuntimeError, OverflowError, IndexError, KeyError, EOFError)
_NATIVE_MODULES = ("cv2", "struct", "zlib", "zipfile")


def guarded_as(exit_code: int) -> Callable[[F], F]:
    """Make a decorator that turns the exceptions of a command into one line and an exit code.

    `ValueError` is a user's mistake and is printed as it is. A missing library, too little memory and what native
    code raises for a damaged file are explained. Any other exception is a bug and keeps its traceback. With
    `POSEPORT_DEBUG=1` every exception keeps it. Ctrl-C exits with 130.

    The example at the end of the command's docstring stays on one line, however narrow the terminal, so that it can
    be pasted. Before the command runs, `outputs.check_paths` compares what it writes with what it reads.

    Args:
        exit_code: Exit code of a failure.

    Returns:
        The decorator.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                context = click.get_current_context(silent=True)
                if context is not None:  # None where another program calls the function itself
                    check_paths(context)
                return command(*args, **kwargs)
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except Exception as error:
                line = explain(error, command.__module__)
                if line is None or debugging():
                    raise
                failure = click.ClickException(line)
                failure.exit_code = exit_code  # type: ignore[misc]
                raise failure from None
            except KeyboardInterrupt:
                click.echo("\ninterrupted; no half-written file is left", err=True)
                sys.exit(130)

        run.__doc__ = _with_example(command.__doc__)
        return run  # type: ignore[return-value]

    return decorate


guarded = guarded_as(1)


def debugging() -> bool:
    """Whether the user wants tracebacks instead of one line: `POSEPORT_DEBUG` is set."""
    return bool(os.environ.get("POSEPORT_DEBUG"))


def explain(error: Exception, module: str) -> str | None:
    """Explain an exception in one line for a user.

    Args:
        error: The exception.
        module: Name of the module that defines the command; a command that converts needs the `convert` extra.

    Returns:
        The line; None for an exception that only a bug of poseport's raises.
    """
    why = escape.terminal(" ".join(str(error).split()))
    if isinstance(error, ValueError):
        return why
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = error.name.partition(".")[0]
        if name not in EXTRAS and name == os.environ.get("KERAS_BACKEND"):
            return f"KERAS_BACKEND={name} needs the Python module {name}; install it, or set it to tensorflow or jax"
        if name not in EXTRAS:
            return f"the Python module {name} is missing; install poseport again"
        extra, library = EXTRAS[name]
        if extra == "train" and module.startswith("poseport.convert"):
            extra = "convert"  # which contains `train`
        return f'this command needs {library}: pip install "poseport[{extra}]"'
    if isinstance(error, MemoryError | ImportError):  # a library that fails to load, mostly for lack of memory too
        return (
            f"{why or 'an allocation failed'}; if memory is short, close other programs or use fewer people, "
            "otherwise install poseport again"
        )
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else why or repr(error)
    if isinstance(error, _NATIVE) or type(error).__module__.partition(".")[0] in _NATIVE_MODULES:
        return (
            f"{type(error).__name__}: {why or 'no reason given'}; an input file may be damaged "
            "(POSEPORT_DEBUG=1 shows where this happened)"
        )
    return None


def _with_example(docstring: str | None) -> str:
    text, mark, example = inspect.cleandoc(docstring or "").partition("\nExample: ")
    return text.rstrip() + (f"\n\n\b{mark}{' '.join(example.split())}" if mark else "")
