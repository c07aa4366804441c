"""Write a gate's decisions as JUnit XML and as annotations of a GitHub workflow."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from poseport.bench.decide.decision import Decision, Verdict
from poseport.files import escape


def junit(decisions: Sequence[Decision], candidate: str) -> bytes:
    """Write decisions as JUnit XML, one test case per decision.

    Beyond the budget is a failure, and "cannot tell" is an error.

    Args:
        decisions: The gate's decisions.
        candidate: Name of the judged model.

    Returns:
        The XML.
    """
    count = {v: str(sum(decision.verdict is v for decision in decisions)) for v in Verdict}
    suite = ElementTree.Element(
        "testsuite", name="poseport bench gate", tests=str(len(decisions)), failures=count[Verdict.BEYOND],
        errors=count[Verdict.CANNOT_TELL],
    )  # fmt: skip
    for decision in decisions:
        name, sentence = escape.xml(f"{decision.what}, {decision.where}"), escape.xml(decision.sentence)
        case = ElementTree.SubElement(suite, "testcase", classname=escape.xml(candidate), name=name)
        if decision.verdict is Verdict.WITHIN:
            ElementTree.SubElement(case, "system-out").text = sentence
        else:
            tag = "failure" if decision.verdict is Verdict.BEYOND else "error"
            ElementTree.SubElement(case, tag, message=sentence)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n"


def workflow_lines(decisions: Sequence[Decision], candidate: str) -> str:
    """Write decisions as GitHub workflow commands, one line per decision.

    Args:
        decisions: The gate's decisions.
        candidate: Name of the judged model, the title of each annotation.

    Returns:
        The lines.
    """
    level = {Verdict.WITHIN: "notice", Verdict.BEYOND: "error", Verdict.CANNOT_TELL: "warning"}
    title = escape.github_property(candidate)
    return "\n".join(f"::{level[d.verdict]} title={title}::{escape.github_message(d.sentence)}" for d in decisions)
