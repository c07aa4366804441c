import math

from poseport.train.callbacks import COLUMNS, is_best, read_log, write_log


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


def test_the_best_epoch_is_by_ap_then_pck():
    rows = [row(1, 0.0, 0.10), row(2, 0.0, 0.30)]
    assert is_best(row(3, 0.0, 0.31), rows)
    assert not is_best(row(3, 0.0, 0.30), rows)
    assert is_best(row(3, 0.01, 0.05), rows)


def test_unscored_epochs_are_kept_only_until_one_is_scored():
    assert is_best(row(2), [row(1)])
    assert not is_best(row(3), [row(1), row(2, 0.1, 0.2)])
    assert is_best(row(3, 0.0, 0.0), [row(1), row(2)])
