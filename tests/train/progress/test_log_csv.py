import math

import pytest

from poseport.train.progress.log_csv import COLUMNS, best_row, due, is_best, read_log, stalled, write_log


def row(epoch, ap=math.nan, pck=math.nan):
    values = dict.fromkeys(COLUMNS, 0.5)
    return values | {"epoch": epoch, "OKS-AP": ap, "PCK@0.1/box": pck}


def test_the_log_comes_back_as_it_was_written(tmp_path):
    rows = [row(1, 0.25, 0.125), row(2)]
    write_log(tmp_path, rows)
    back = read_log(tmp_path)
    assert back[0] == rows[0]
    assert math.isnan(back[1]["OKS-AP"])
    assert read_log(tmp_path / "nowhere") == []


def test_scores_stand_in_the_log_without_and_with_flip_averaging():
    assert {"OKS-AP", "OKS-AP+flip", "PCK@0.1/box", "PCK@0.1/box+flip"} <= set(COLUMNS)


def test_the_best_epoch_is_by_ap_then_pck():
    rows = [row(1, 0.0, 0.10), row(2, 0.0, 0.30)]
    assert is_best(row(3, 0.0, 0.31), rows)
    assert not is_best(row(3, 0.0, 0.30), rows)
    assert is_best(row(3, 0.01, 0.05), rows)
    assert best_row(rows) == rows[1]


def test_unscored_epochs_are_kept_only_until_one_is_scored():
    assert is_best(row(2), [row(1)])
    assert not is_best(row(3), [row(1), row(2, 0.1, 0.2)])
    assert is_best(row(3, 0.0, 0.0), [row(1), row(2)])


def test_the_last_epoch_is_always_looked_at():
    assert [epoch for epoch in range(7) if due(epoch, every=3, epochs=7)] == [2, 5, 6]


@pytest.mark.parametrize(
    ("scores", "patience", "since", "expected"),
    [
        ([0.1, 0.2, 0.1], 2, 0, False),
        ([0.1, 0.2, 0.1, 0.2], 2, 0, True),  # as good is not better
        ([0.1, 0.2, 0.1, math.nan], 2, 0, False),  # an epoch that is not scored is no evidence
        ([0.1, 0.2, 0.1, 0.1], 0, 0, False),
        ([0.3, 0.1, 0.1, 0.2], 2, 3, False),  # only one score since epoch 3
        ([0.3, 0.1, 0.1, 0.2, 0.2], 2, 3, True),
        ([math.nan] * 4, 1, 0, False),
    ],
)
def test_training_stalls_after_patience_scores_without_a_better(scores, patience, since, expected):
    rows = [row(i + 1, ap, ap) for i, ap in enumerate(scores)]
    assert stalled(rows, patience, since) is expected
