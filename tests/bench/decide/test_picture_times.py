"""Groups by number of people, and a straight line only where there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poseport.bench.decide.picture_times import groups, line
from poseport.bench.record import Pictures


def made(boxes: list[int], base_us: float, each_us: float, noise_us: float, *, second: float = 1.0) -> Pictures:
    """Two processes of ten rounds over pictures with these numbers of boxes."""
    rng, count = np.random.default_rng(0), len(boxes)
    picture = [*range(count)] * 10
    of = np.array(boxes)[picture]
    odd = rng.normal(0, noise_us, count)[picture]
    times = [(base_us + each_us * of + odd + rng.normal(0, 10, len(of))) * factor for factor in (1.0, second)]
    looked = (*of.tolist(), *of.tolist())
    return Pictures(
        kind="pictures", input="p.json", detector="d.tflite", detector_sha256="", load_us=1.0, first_us=1.0, warmup=0,
        names=tuple(map(str, range(count))), picture=tuple(picture * 2), boxes=looked,
        people=tuple(max(n - 1, 0) for n in looked), detect_us=(5000.0,) * (20 * count),
        people_us=tuple(float(max(t, 0)) for t in np.concatenate(times)), before_bytes=None, peak_bytes=None,
        repeats=(10 * count, 10 * count),
    )  # fmt: skip


def test_a_straight_line_is_found() -> None:
    m = made([0, 1, 1, 2, 2, 3, 4, 5, 6, 8], 2000, 3000, 300)
    found = line(m)
    assert found is not None
    assert found.per_box_ms.low < 3.0 < found.per_box_ms.high
    assert found.per_box_ms.high - found.per_box_ms.low < 0.5
    assert found.start_ms == pytest.approx(7.0, abs=0.5)
    assert found.explained > 0.99


@pytest.mark.parametrize(
    "m",
    [
        made([0, 1, 2, 3, 4, 5, 6], 2000, 3000, 0),  # few pictures
        made([1, 1, 1, 1, 1, 2, 2, 2, 2, 2], 2000, 3000, 0),  # two numbers only
        made([3] * 10, 2000, 3000, 0),
        made([0, 1, 1, 2, 2, 3, 4, 5, 6, 8], 20000, 0, 500),  # further boxes cost nothing
        made([0, 1, 1, 2, 2, 3, 4, 5, 6, 8], 20000, 500, 3000),  # something else decides
        made([0, 1, 1, 2, 2, 3, 4, 5, 6, 8], 2000, 3000, 0, second=1.2),  # the processes disagree
    ],
)
def test_no_line_is_claimed_where_there_is_none(m: Pictures) -> None:
    assert line(m) is None


def test_groups_are_of_the_people_found() -> None:
    m = made([0, 1, 2, 2, 3], 1000, 1000, 0)
    found = groups(m)
    assert [(g.people, g.pictures, g.samples) for g in found] == [(0, 2, 40), (1, 2, 40), (2, 1, 20)]
    assert [round(g.p50_ms) for g in found] == [6, 8, 9]  # of no box and one, both 20 times
    assert found[0].boxes == 0.5
    assert all(g.detect_p50_ms == 5.0 for g in found)
    assert all(g.p90_ms is not None and g.p90_ms >= g.p50_ms for g in found)


def test_a_percentile_of_few_samples_is_not_given() -> None:
    m = made([1, 2], 1000, 1000, 0)
    few = replace(
        m, **{f: getattr(m, f)[:4] for f in ("picture", "boxes", "people", "detect_us", "people_us")}, repeats=(2, 2)
    )
    assert [g.p90_ms for g in groups(few)] == [None, None]


def test_processes_are_compared_on_the_same_pictures() -> None:
    m = made([0, 8], 1000, 5000, 0)
    assert m.is_steady
    # one process stopped after the first picture: it did not time less because it was faster
    end = 21
    cut = replace(
        m, **{f: getattr(m, f)[:end] for f in ("picture", "boxes", "people", "detect_us", "people_us")}, repeats=(20, 1)
    )
    assert cut.is_steady
    assert not made([0, 8], 1000, 5000, 0, second=1.3).is_steady
