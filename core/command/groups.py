"""How commands are grouped: groups that import a command when it is called, and help with headings."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class LazyGroup(click.Group):
    """A group that imports a command only when it is called, so that `--help` needs no stage and no NumPy.

    Args:
        lazy: Command name -> (module, attribute, one line for the help), in the order in which people use them.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str, str]], **more: Any):
        super().__init__(*args, **more)
        self.lazy = lazy

    def list_commands(self, context: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(self.lazy)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command, imported now; None for a name that does not exist."""
        if name not in self.lazy:
            return None
        module, attribute, _ = self.lazy[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self.lazy.items()])


class Sections(click.Command):
    """A command with many options, which its help lists under the headings given by `section`."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the options; those without a heading come first."""
        rows: dict[str, list[tuple[str, str]]] = {"Options": []}
        for option in self.get_params(context):
            record = option.get_help_record(context)
            if record is not None:
                rows.setdefault(getattr(option, "section", "Options"), []).append(record)
        for title, records in rows.items():
            with formatter.section(title):
                formatter.write_dl(records)


def section(title: str, *options: Callable[[F], F]) -> Callable[[F], F]:
    """Put several `click.option`s under one heading of a command of class `Sections`.

    Args:
        title: The heading.
        options: The options, in the order in which the help lists them.

    Returns:
        A decorator for the command.
    """

    def add(command: F) -> F:
        known = len(getattr(command, "__click_params__", []))
        for option in reversed(options):
            command = option(command)
        for added in command.__click_params__[known:]:  # type: ignore[attr-defined]
            added.section = title
        return command

    return add
