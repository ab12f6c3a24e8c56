"""The ways of OpenStreetMap, cut where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from pipelines.travel.osm import cut


def ways(*lines: Sequence[tuple[float, float]]) -> Any:
    """Ways as an array of lines."""
    return np.array([shapely.LineString(points) for points in lines], object)


def pieces(*lines: Sequence[tuple[float, float]]) -> list[tuple[int, Sequence[tuple[float, ...]]]]:
    """Of which way, and through which points, each piece goes."""
    found, of = cut(ways(*lines))
    return [(way, list(piece.coords)) for way, piece in zip(of.tolist(), found, strict=True)]


def test_ways_are_cut_where_they_share_a_point() -> None:
    main, side = [(0, 0), (50, 0), (100, 0), (150, 0)], [(50, 0), (50, 40)]
    assert pieces(main, side) == [
        (0, [(0, 0), (50, 0)]),
        (0, [(50, 0), (100, 0), (150, 0)]),
        (1, [(50, 0), (50, 40)]),
    ]


def test_both_are_cut_at_a_crossing_that_they_share() -> None:
    assert pieces([(0, 0), (50, 0), (100, 0)], [(50, -9), (50, 0), (50, 9)]) == [
        (0, [(0, 0), (50, 0)]),
        (0, [(50, 0), (100, 0)]),
        (1, [(50, -9), (50, 0)]),
        (1, [(50, 0), (50, 9)]),
    ]


def test_a_bridge_shares_no_point_and_is_not_cut() -> None:
    over, under = [(0, 0), (100, 0)], [(50, -9), (50, 9)]
    assert pieces(over, under) == [(0, over), (1, under)]


def test_a_closed_way_is_cut_where_roads_come_in() -> None:
    ring = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    assert pieces(ring) == [(0, ring)]
    assert pieces(ring, [(10, 10), (90, 90)]) == [
        (0, [(0, 0), (10, 0), (10, 10)]),
        (0, [(10, 10), (0, 10), (0, 0)]),
        (1, [(10, 10), (90, 90)]),
    ]


def test_a_way_that_meets_itself_is_cut_there() -> None:
    lasso = [(0, 0), (50, 0), (60, 10), (70, 0), (50, 0)]
    assert pieces(lasso) == [(0, [(0, 0), (50, 0)]), (0, [(50, 0), (60, 10), (70, 0), (50, 0)])]


def test_a_point_given_twice_running_is_no_junction() -> None:
    assert pieces([(0, 0), (5, 0), (5, 0), (9, 0)]) == [(0, [(0, 0), (5, 0), (9, 0)])]
    assert pieces([(0, 0), (9, 0), (9, 0)]) == [(0, [(0, 0), (9, 0)])]
    assert pieces([(3, 3), (3, 3)]) == [(0, [(3, 3), (3, 3)])]


def test_points_to_the_millimetre() -> None:
    assert len(pieces([(0, 0), (50, 0), (100, 0)], [(50.0004, 0), (50, 9)])) == 3
    assert len(pieces([(0, 0), (50, 0), (100, 0)], [(50.002, 0), (50, 9)])) == 2


def test_no_ways() -> None:
    found, of = cut(np.zeros(0, object))
    assert (len(found), len(of)) == (0, 0)


def test_every_metre_is_kept() -> None:
    rng = np.random.default_rng(3)
    lines = [[(float(x), float(y)) for x, y in rng.integers(0, 6, (8, 2)) * 10] for _ in range(60)]
    given = ways(*lines)
    found, of = cut(given)
    assert np.allclose(np.bincount(of, weights=shapely.length(found)), shapely.length(given))
    inner = {tuple(point) for piece in found for point in piece.coords[1:-1]}
    ends = {tuple(piece.coords[i]) for piece in found for i in (0, -1)}
    assert not inner & ends
