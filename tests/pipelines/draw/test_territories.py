"""Patches of ground as a page holds them: fewer points in fewer characters, and neighbours told apart."""

from __future__ import annotations

import itertools

import shapely

from pipelines.draw.areas import to_longitude_latitude
from pipelines.draw.territories import BESIDE_METRES, PALETTE, beside, colours_apart, drawn_small

WEST, SOUTH = 450_000, 250_000


def test_steps_lead_back_to_the_points_and_holes_stay() -> None:
    hole = shapely.box(WEST + 300, SOUTH + 300, WEST + 700, SOUTH + 700)
    left = shapely.box(WEST, SOUTH, WEST + 1000, SOUTH + 1000).difference(hole)
    right = shapely.box(WEST + 1000, SOUTH, WEST + 2000, SOUTH + 1000)
    of_left, of_right = drawn_small([left, right], 10)
    assert [len(part) for part in (*of_left, *of_right)] == [2, 1]
    points = []
    for ring in (of_left[0][0], of_right[0][0]):
        at = list(
            itertools.accumulate(
                zip(ring[::2], ring[1::2], strict=True), lambda a, b: (a[0] + b[0], a[1] + b[1])
            )
        )
        points.append({(x / 1e5, y / 1e5) for x, y in at})
        assert all(abs(step) < 3000 for step in ring[2:])
    shared = {tuple(point) for point in to_longitude_latitude(shapely.get_coordinates(right)).tolist()}
    assert points[1] == shared
    assert len(points[0] & points[1]) == 2
    assert drawn_small([], 10) == []


def test_near_patches_have_other_colours() -> None:
    side, gap = 1000, BESIDE_METRES / 2
    cells = [
        shapely.box(west, south, west + side, south + side)
        for west in (WEST + (side + gap) * x for x in range(4))
        for south in (SOUTH + (side + gap) * y for y in range(4))
    ]  # fmt: skip
    pairs = beside(cells)
    assert (0, 1) in pairs and (0, 4) in pairs and (0, 2) not in pairs
    colours = colours_apart(len(cells), pairs)
    assert all(colours[one] != colours[other] for one, other in pairs)
    assert len(set(colours)) == 4
    assert beside([]) == set() and colours_apart(0, set()) == []


def test_more_neighbours_than_colours_are_all_drawn() -> None:
    everybody = set(itertools.combinations(range(len(PALETTE) + 2), 2))
    colours = colours_apart(len(PALETTE) + 2, everybody)
    assert set(colours) == set(PALETTE) and len(colours) == len(PALETTE) + 2
