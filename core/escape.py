"""Text from strangers, written so that it stays text: one function per place where it is shown.

Names of models, files and phones come from records and files that somebody else made. They must not become a line of
a log, a link of a page, a formula of a spreadsheet, or a command of a build server.
"""

from __future__ import annotations

import re

# characters that a terminal obeys, characters that reorder the text around them, and lone surrogates
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!])")


def terminal(text: str) -> str:
    """One line of plain text: control characters become `?`, line breaks and tabs a space."""
    return _CONTROL.sub("?", re.sub(r"[\t\r\n\x0b\x0c\x85\u2028\u2029]+", " ", text))


def markdown(text: str) -> str:
    """Text inside Markdown: no markup, HTML, link or table cell begins in it."""
    plain = terminal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _MARKDOWN.sub(r"\\\1", plain)
    # words with underscores need no escape, and are easier to read without
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", escaped)


def csv_cell(value: object) -> object:
    """A cell of a CSV table: text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if not isinstance(value, str):
        return value
    text = terminal(value)
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def xml(text: str) -> str:
    """Text for an XML library, which escapes markup but writes characters that XML forbids."""
    return re.sub("[\ufffe\uffff]", "?", terminal(text))


def github_message(text: str) -> str:
    """The message of a GitHub workflow command (`::error::message`)."""
    return terminal(text).replace("%", "%25")


def github_property(text: str) -> str:
    """A property of a GitHub workflow command (`::error title=property::`)."""
    return github_message(text).replace(":", "%3A").replace(",", "%2C")
