"""The tables of the delegates name real operations."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from poseport.convert.doctor.runtimes import OLDEST
from poseport.tflite import delegates


def test_every_operation_of_the_tables_exists() -> None:
    known = {name for name in vars(schema.BuiltinOperator) if not name.startswith("_")}
    for delegate in delegates.ALL:
        assert set(delegate.ops) <= known
        assert set(delegate.other_types) <= set(delegate.ops)
    assert set(OLDEST) <= known
    assert sum(len(versions) for versions in OLDEST.values()) > 400
