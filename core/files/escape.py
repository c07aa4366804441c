"""Escape text from untrusted sources: one function per place where it is shown.

Names of models, files and phones come from records and files that somebody else made. They must not become a line of
a log, a link of a page, a formula of a spreadsheet, or a command of a build server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# control characters of terminals, characters that reorder the text around them, and lone surrogates
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!])")


def terminal(text: str) -> str:
    """Make one line of plain text: control characters become `?`, line breaks and tabs a space.

    Args:
        text: any text.

    Returns:
        The line.
    """
    return _CONTROL.sub("?", re.sub(r"[\t\r\n\x0b\x0c\x85\u2028\u2029]+", " ", text))


def lines(texts: Iterable[str]) -> str:
    """Lines of plain text: each stays one line, whatever names it holds."""
    return "\n".join(map(terminal, texts))


def markdown(text: str) -> str:
    """Escape text for Markdown, so that it starts no markup, HTML, link or table cell.

    Args:
        text: any text.

    Returns:
        One line of Markdown.
    """
    plain = terminal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _MARKDOWN.sub(r"\\\1", plain)
    # words with underscores need no escape, and are easier to read without
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", escaped)


def csv_cell(value: object) -> object:
    """Make a cell of a CSV table; text that a spreadsheet would take for a formula gets an apostrophe in front.

    Args:
        value: text, or a value of another type.

    Returns:
        The escaped text; other values are returned unchanged.
    """
    if not isinstance(value, str):
        return value
    text = terminal(value)
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def xml(text: str) -> str:
    """Remove characters that XML forbids, which XML libraries write although they escape markup.

    Args:
        text: any text.

    Returns:
        One line, in which markup is not escaped yet.
    """
    return re.sub("[\ufffe\uffff]", "?", terminal(text))


def github_message(text: str) -> str:
    """Escape the message of a GitHub workflow command (`::error::message`).

    Args:
        text: any text.

    Returns:
        The escaped line.
    """
    return terminal(text).replace("%", "%25")


def github_property(text: str) -> str:
    """Escape a property of a GitHub workflow command (`::error title=property::`).

    Args:
        text: any text.

    Returns:
        The escaped line.
    """
    return github_message(text).replace(":", "%3A").replace(",", "%2C")
