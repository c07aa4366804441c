"""Coordinates relative to the input: known values and the round trip."""

from __future__ import annotations

import numpy as np

from poseport import coords

HW = (100, 224)


def test_centre_and_edges_by_hand() -> None:
    # pixel centres at integers: the input covers [-0.5, 223.5] x [-0.5, 99.5]
    points = np.array([[111.5, 49.5], [-0.5, -0.5], [223.5, 99.5], [167.5, 24.5]])
    out = coords.encode(points, HW)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, [[0, 0], [-0.5, -0.5], [0.5, 0.5], [0.25, -0.25]], atol=1e-7)
    np.testing.assert_allclose(coords.decode(np.array([[0.25, -0.25]]), HW), [[167.5, 24.5]])


def test_round_trip_of_any_shape() -> None:
    points = np.random.default_rng(0).uniform(-50, 300, (4, 17, 2))
    back = coords.decode(coords.encode(points, HW), HW)
    assert back.dtype == np.float64
    assert back.shape == points.shape
    assert np.abs(back - points).max() < 1e-4


def test_arguments_are_not_modified() -> None:
    points = np.ones((3, 2))
    values = coords.encode(points, HW)
    kept = values.copy()
    coords.decode(values, HW)
    np.testing.assert_array_equal(points, 1.0)
    np.testing.assert_array_equal(values, kept)
