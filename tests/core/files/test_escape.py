"""Text from strangers stays text wherever it is shown."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree

import pytest

from poseport.files import escape

HOSTILE = [
    "a\n::error title=x::PWNED",
    "\x1b]0;title\x07",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "a|b",
    "\ud800\uffff",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_gets_one_line_without_control_characters(text: str) -> None:
    shown = escape.terminal(text)
    assert shown.isprintable() or "\uffff" in shown
    assert len(shown.splitlines()) == 1
    shown.encode()


def test_markdown_has_no_markup_of_the_text() -> None:
    assert escape.markdown("<b>&") == "&lt;b&gt;&amp;"
    assert escape.markdown("[x](http://y) | *z* `q`\n# H") == "\\[x\\](http://y) \\| \\*z\\* \\`q\\` \\# H"
    assert escape.markdown("tiny.int8 left_wrist 12.5") == "tiny.int8 left_wrist 12.5"


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-2", "@SUM(A1)", "  =x", "\t=x"])
def test_a_spreadsheet_gets_no_formula(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([escape.csv_cell(text), escape.csv_cell(-2.5)])
    [[shown, number]] = csv.reader(io.StringIO(out.getvalue()))
    assert shown.startswith("'")
    assert number == "-2.5"


@pytest.mark.parametrize("text", HOSTILE)
def test_xml_is_well_formed(text: str) -> None:
    element = ElementTree.Element("e", name=escape.xml(text))
    element.text = escape.xml(text)
    ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8"))


def test_a_workflow_command_stays_one_command() -> None:
    title, message = escape.github_property("a\n::error,b:c%"), escape.github_message("x\r\n::error::y %")
    line = f"::notice title={title}::{message}"
    assert line == "::notice title=a %3A%3Aerror%2Cb%3Ac%25::x ::error::y %25"
    assert len(line.splitlines()) == 1
