"""JSON of strangers: depth, brackets in texts, encodings."""

import json

import pytest

from poseport.files.json_text import MAX_DEPTH, decode_json, parse_json


def test_depth_is_bounded_and_brackets_in_texts_are_not_nesting() -> None:
    text = "[{" * 500 + "]" * 3
    assert parse_json(json.dumps({"name": text})) == {"name": text}
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for deep in ("[" * 65 + "]" * 65, "[" * 100_000 + "]" * 100_000, '{"a":' * 65 + "1" + "}" * 65):
        with pytest.raises(ValueError, match="nested more than 64 deep"):
            parse_json(deep)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_encoding_of_json_is_read(encoding: str) -> None:
    assert json.loads(decode_json('{"name": "Zoë"}'.encode(encoding)).lstrip("\ufeff")) == {"name": "Zoë"}
