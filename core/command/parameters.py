"""Types of options and arguments: names of shipped networks, lists, and choices that are imported late."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click


class ShippedPath(click.ParamType):
    """A path, or the name of a network that comes with the package (see `poseport models`).

    Args:
        kind: "model", a converted file, or "bundle", a trained network's folder.
    """

    def __init__(self, kind: str):
        self.name = kind

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Path:
        """Find the path of a shipped network's name; other paths are returned unchanged."""
        from poseport.tflite import shipped

        try:
            return (shipped.bundle if self.name == "bundle" else shipped.model)(str(value))
        except ValueError as error:
            raise click.ClickException(str(error)) from None


class Counts(click.ParamType):
    """Counts such as `1,2,4`, each once, in their order."""

    name = "counts"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        """Parse the counts."""
        words = [word.strip() for word in str(value).split(",")]
        if not all(word.isdecimal() and int(word) for word in words):
            raise click.ClickException(f"{_flag(param)} {value!r}: expected counts such as 1,2,4")
        return tuple(dict.fromkeys(map(int, words)))


class Names(click.ParamType):
    """Some of several names, comma-separated, each once, in their order."""

    name = "names"

    def __init__(self, *names: str):
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, ...]:
        """Parse the names; an error lists those that exist, nearest first."""
        words = [word.strip() for word in str(value).split(",")]
        unknown = [word for word in words if word not in self.names]
        if unknown:
            raise click.ClickException(_unknown(param, unknown[0], self.names))
        return tuple(dict.fromkeys(words))


class LazyChoice(click.Choice[str]):
    """One of several names that are looked up when the option is given, so that `--help` imports no stage.

    Args:
        names: Returns the names.
    """

    def __init__(self, names: Callable[[], Iterable[str]]):
        self._names = names
        self.case_sensitive = True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """All names."""
        return tuple(self._names())

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Show NAME in the help, because a list of names would import the stage."""
        return "NAME"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """Check the name; an error lists those that exist, nearest first."""
        if value not in self.choices:
            raise click.ClickException(_unknown(param, str(value), self.choices))
        return str(value)


def nearest_first(word: str, known: Iterable[str]) -> list[str]:
    """Sort known words by their likeness to a misspelt one.

    Args:
        word: The misspelt word.
        known: The known words.

    Returns:
        The known words, the most similar first.
    """
    return sorted(known, key=lambda name: -difflib.SequenceMatcher(None, word, name).ratio())


def _unknown(param: click.Parameter | None, word: str, known: Iterable[str]) -> str:
    return f"{_flag(param)} {word!r} does not exist; choose from {', '.join(nearest_first(word, known))}"


def _flag(param: click.Parameter | None) -> str:
    return param.opts[0] if param else "value"
