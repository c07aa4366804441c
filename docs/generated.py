"""MkDocs hook: pages that are made from the code when the site is built.

One page per command, from click's own help, and one page per module, from its docstrings. Neither is kept in the
repository, so neither can lag behind the code.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import poseport
from poseport.command.cli import main

PACKAGE = Path(inspect.getfile(poseport)).parent
# the shipped networks are files, and a command's module holds what its own page says
NOT_REFERENCE = re.compile(r"(models|command|__pycache__)/|(^|_|/)cli\.py$")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add both groups of pages to the navigation."""
    assert config.nav is not None
    config.nav.append({"Commands": ["commands/index.md", *(f"commands/{'-'.join(path)}.md" for path, _ in commands())]})
    rooms: dict[str, list[str]] = {}
    for module in modules():
        room = module.rpartition(".")[0]
        rooms.setdefault(room, []).append(f"api/{module}.md")
    config.nav.append({"Python": ["api/index.md", *({room: pages} for room, pages in rooms.items())]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Write the pages."""
    pages = {"commands/index.md": _command_index(), "api/index.md": _module_index()}
    pages |= {f"commands/{'-'.join(path)}.md": _command_page(path, command) for path, command in commands()}
    pages |= {f"api/{module}.md": f"# {module.removeprefix('poseport.')}\n\n::: {module}\n" for module in modules()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its full name, in the order of `poseport --help`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def modules() -> list[str]:
    """Every module of the reference: flat ones first, then folder by folder."""
    paths = [path.relative_to(PACKAGE) for folder in _folders(PACKAGE) for path in sorted(folder.glob("*.py"))]
    names = [path for path in paths if path.name != "__init__.py" and not NOT_REFERENCE.search(path.as_posix())]
    return [".".join(["poseport", *path.with_suffix("").parts]) for path in names]


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    for child in sorted(folder.iterdir()):
        if child.is_dir():  # pathlib's own walk does not follow links, as an editable installation has them
            yield from _folders(child)


class _Markdown(click.HelpFormatter):
    """Click's help as Markdown: sections become headings, options a table."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The usage line as code."""
        self.write(f"```console\n$ {prog} {args}\n```\n\n")

    def write_heading(self, heading: str) -> None:
        """A section."""
        self.write(f"## {heading}\n\n")

    def write_text(self, text: str) -> None:
        """Paragraphs; those that click must not rewrap, and examples, are code."""
        for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
            lines = paragraph.split("\n")
            if lines[0].strip() == "\b":
                lines = lines[1:]
                if not lines[0].startswith(("Example: ", "Examples:")):
                    self.write("```\n" + inspect.cleandoc("\n".join(lines)) + "\n```\n\n")
                    continue
            joined = " ".join(line.strip() for line in lines)
            prose, found, example = joined.partition("Example: ")
            if prose.strip():
                self.write(_escape(prose.strip()) + "\n\n")
            if found:
                self.write(f"```console\n$ {example}\n```\n\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """A table of options."""
        self.write("| option | what it does |\n| --- | --- |\n")
        for names, text in rows:
            self.write(
                f"| {'<br>'.join(f'`{name}`' for name in _cell(names).split(', -'))} | {_escape(_cell(text))} |\n"
            )
        self.write("\n")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _escape(text: str) -> str:
    """Prose of a help text: options become code, and what Markdown would take for links and tags is escaped."""
    parts = re.split(r"(`[^`]*`|(?<![\w-])--[a-z][a-z-]*)", text)
    return "".join(
        p if p.startswith("`") else f"`{p}`" if p.startswith("--") else re.sub(r"([\[\]<>*_])", r"\\\1", p)
        for p in parts
    )


def _command_page(path: tuple[str, ...], command: click.Command) -> str:
    parent: click.Context | None = None
    name = ("poseport", *path)
    for part in name[:-1]:
        parent = click.Context(click.Group(part), info_name=part, parent=parent)
    context = click.Context(command, info_name=name[-1], parent=parent)
    formatter = _Markdown(width=10_000, max_width=10_000)
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    command.format_epilog(context, formatter)  # the example of a command whose options are long; here it stands first
    command.format_options(context, formatter)
    return f"# {' '.join(name)}\n\n" + re.sub(r"\n{3,}", "\n\n", formatter.getvalue())


def _command_index() -> str:
    lines = ["# Commands", "", "Every command has `--help` with an example, `--quiet`, and `--json` for scripts.", ""]
    lines += ["| command | what it does |", "| --- | --- |"]
    for path, command in commands():
        text = command.get_short_help_str(120)
        lines.append(f"| [`{' '.join(path)}`]({'-'.join(path)}.md) | {_escape(_cell(text))} |")
    return "\n".join(lines) + "\n"


def _module_index() -> str:
    lines = ["# Python reference", "", "[`poseport.load`](../python.md) is all that most programs need.", ""]
    room: Any = None
    for module in modules():
        if module.rpartition(".")[0] != room:
            room = module.rpartition(".")[0]
            lines += ["", f"## {room}", "", "| module | what it holds |", "| --- | --- |"]
        path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
        text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
        lines.append(f"| [`{module.rpartition('.')[2]}`]({module}.md) | {_escape(_cell(text))} |")
    return "\n".join(lines) + "\n"
