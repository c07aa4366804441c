"""Every command of `poseport`, for the tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from poseport.command.cli import main


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """(path, command), such as (("data", "check"), <Command check>)."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{' '.join(path)} lists {name}, which it does not have"
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


EVERY = dict(commands())


def parse(words: list[str]) -> None:
    """Parse a command line without running it; click.ClickException says what is wrong with it."""
    context, command = click.Context(main), main
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert name is not None
        assert found is not None
        context, command = click.Context(found, parent=context, info_name=name), found
    command.make_context(context.info_name, words, parent=context.parent)
