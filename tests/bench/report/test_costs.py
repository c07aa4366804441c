"""What a file costs: time, memory, bytes, energy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poseport.bench.record import Latency, Result
from poseport.bench.report import costs
from poseport.bench.report.grouping import Timed
from poseport.bench.report.page import gather


def test_energy_is_the_multiply_adds_by_type() -> None:
    assert costs.microjoules({"int8": 1_000_000}) == pytest.approx(0.3)
    assert costs.microjoules({"int8": 10**6, "float32": 2 * 10**6}) == pytest.approx(0.3 + 9.2)
    assert costs.microjoules({}) is None
    assert costs.microjoules({"int4": 1}) is None


def test_memory_of_a_phone_is_that_of_the_app(records: list[Result]) -> None:
    timed = records[2].measured
    assert isinstance(timed, Latency)
    assert timed.peak_bytes is not None
    assert timed.before_bytes is not None
    for before, wanted in ((timed.before_bytes, timed.peak_bytes - timed.before_bytes), (None, timed.peak_bytes)):
        one = Timed(records[2].model, records[2].environment, replace(timed, before_bytes=before))
        assert costs.memory_bytes(one) == wanted


def test_every_cost_is_a_column_and_a_plot(records: list[Result]) -> None:
    found = gather(records, pictures=True, photos=False)
    [table] = found.glance
    assert table.header[3:] == ("p90 ms, 1 thread", "Memory MB", "File MB", "Energy proxy µJ")
    assert [row[0] for row in table.rows] == ["tiny.float32", "tiny.int8"]
    energy = [float(row[-1]) for row in table.rows]
    assert energy[0] == pytest.approx(energy[1] * 4.6 / 0.3, rel=0.01)
    assert [len(plots) for plots in found.pareto.values()] == [4]
    other = [replace(r, environment=replace(r.environment, delegate="none")) for r in records[2:]]
    header = gather([*records, *other], pictures=False, photos=False).glance[0].header
    assert {"p90 ms, 1 thread, host XNNPACK", "p90 ms, 1 thread, host none"} <= set(header)
