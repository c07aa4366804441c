"""A gate's decisions for a build server: JUnit XML, and lines that GitHub shows at a pull request."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from poseport.bench.decide.gate import Decision, Verdict


def junit(decisions: Sequence[Decision], candidate: str) -> bytes:
    """One test case a decision: beyond the budget is a failure, what cannot be told an error."""
    count = {v: str(sum(d.verdict is v for d in decisions)) for v in Verdict}
    suite = ElementTree.Element(
        "testsuite", name="poseport bench gate", tests=str(len(decisions)), failures=count[Verdict.BEYOND],
        errors=count[Verdict.CANNOT_TELL],
    )  # fmt: skip
    for d in decisions:
        case = ElementTree.SubElement(suite, "testcase", classname=candidate, name=f"{d.what}, {d.where}")
        if d.verdict is Verdict.WITHIN:
            ElementTree.SubElement(case, "system-out").text = d.sentence
        else:
            tag = "failure" if d.verdict is Verdict.BEYOND else "error"
            ElementTree.SubElement(case, tag, message=d.sentence)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n"


def workflow_lines(decisions: Sequence[Decision], candidate: str) -> str:
    """Workflow commands, one line a decision: an error, a warning for what cannot be told, or a notice."""
    level = {Verdict.WITHIN: "notice", Verdict.BEYOND: "error", Verdict.CANNOT_TELL: "warning"}
    # what has a meaning in such a line is written as GitHub asks for
    text = [d.sentence.replace("%", "%25").replace("\n", "%0A") for d in decisions]
    title = candidate.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return "\n".join(f"::{level[d.verdict]} title={title}::{t}" for d, t in zip(decisions, text, strict=True))
