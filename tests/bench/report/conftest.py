"""A page out of real records."""

from __future__ import annotations

import pytest
from html_page import Read, read

from poseport.bench.record import Result
from poseport.bench.report.report import write_report


@pytest.fixture(scope="module")
def page(records: list[Result], tmp_path_factory: pytest.TempPathFactory) -> Read:
    out = tmp_path_factory.mktemp("report") / "report.html"
    write_report(records, out)
    return read(out)
