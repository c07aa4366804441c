"""What a search has measured is kept, whether it is interrupted or fails."""

from dataclasses import replace

import pytest
from poisoned_network import search

from poseport import records
from poseport.convert import recipes, to_tflite
from poseport.convert.engines import tuning_people
from poseport.convert.engines.candidates import SearchNotes
from poseport.convert.engines.file_layers import layers_of
from poseport.convert.request import Request
from poseport.tflite import inspection


def test_an_interrupted_search_goes_on_and_ends_alike(done, poisoned, calib, tune, tmp_path):
    out, lines = tmp_path / "m.tflite", []

    def cut(line):
        lines.append(line)
        if len(lines) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(poisoned, calib, tune, out, say=cut)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite.search.json"]
    before = records.read_json(SearchNotes, tuning_people.notes_path(out)).measured
    assert len(before) == 8
    again = search(poisoned, calib, tune, out, say=lines.append)
    assert again.card.conversion.kept == done.card.conversion.kept
    ours, theirs = again.card.conversion.budget, done.card.conversion.budget
    assert ours.ranking == theirs.ranking
    assert ours.float32 == before["float32"]  # to the millisecond: it was not measured again
    assert not tuning_people.notes_path(out).exists()


def test_a_budget_that_nothing_holds_writes_nothing_and_keeps_what_was_measured(poisoned, calib, tune, tmp_path):
    out = tmp_path / "m.tflite"

    def cut(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(poisoned, calib, tune, out, say=cut)
    notes = records.read_json(SearchNotes, tuning_people.notes_path(out))
    lost = replace(notes.measured["float32"], ap=0.5)
    layers = layers_of(inspection.inspect_bytes(tune_float(poisoned, tmp_path).read_bytes(), "m"))
    names = [f"only {layer.name}" for layer in layers]
    names += [f"{name} keeping 0" for name in ("int8", "int8-p95")]
    names += [f"mixed-float32 keeping {n}" for n in range(1, len(layers))]
    records.write_json(
        replace(notes, measured=notes.measured | dict.fromkeys(names, lost)), tuning_people.notes_path(out)
    )
    with pytest.raises(ValueError, match=r"no mix of int8 and float32 loses at most 40 .*nothing was written.*50\.00"):
        search(poisoned, calib, tune, out)
    assert not out.exists()
    assert tuning_people.notes_path(out).exists()


def tune_float(directory, folder):
    return to_tflite.convert(Request(directory, recipes.recipe("float32"), folder / "f.float32.tflite")).path
