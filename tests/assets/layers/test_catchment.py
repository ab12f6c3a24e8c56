"""Ground and homes of each site and band of time, worked out by hand on one street."""

from __future__ import annotations

import pytest
import shapely

from assets.layers import catchment
from tests.one_street import LENGTH, MIDDLE, WEST, made, one_street


def test_ground_is_parted_where_sites_are_equally_near_and_where_time_is_up() -> None:
    with one_street() as con:
        rows = made(catchment, con).filter("site_kind = 'gp'").fetchall()
    assert [row[2:8] for row in rows] == [
        ("walk", "", None, "0-5", 6, pytest.approx(28)),
        ("walk", "", None, "10-15", 4, pytest.approx(4)),
        ("walk", "", None, "5-10", 0, pytest.approx(16)),
        ("walk", "A", "gp A by name", "nearest", 5, pytest.approx(16)),
        ("walk", "B", "gp B by name", "nearest", 5, pytest.approx(32)),
    ]
    shapes = [shapely.from_wkb(bytes(row[8])) for row in rows]
    assert {shape.geom_type for shape in shapes} == {"MultiPolygon"}
    assert shapely.coverage_is_valid(shapes[:3]) and shapely.coverage_is_valid(shapes[3:])
    whole = shapely.box(WEST, MIDDLE - 100, WEST + LENGTH, MIDDLE + 100)
    for cover in (shapes[:3], shapes[3:]):
        assert shapely.equals(shapely.coverage_union_all(cover), whole)
    assert shapes[3].bounds[2] == shapes[4].bounds[0] == WEST + 800


def test_homes_far_from_the_road_are_in_their_band_though_it_has_no_ground() -> None:
    with one_street() as con:
        con.execute("UPDATE layers.travel_time SET seconds = 1700 WHERE place = 'uprn 4'")
        rows = made(catchment, con).filter("site_kind = 'gp' AND site_id = ''").fetchall()
    assert [(band, homes, float(hectares), wkb is None) for *_, band, homes, hectares, wkb in rows] == [
        ("0-5", 6, 28, False), ("10-15", 0, 4, False), ("20-30", 4, 0, True), ("5-10", 0, 16, False),
    ]  # fmt: skip


def test_without_roads_there_is_no_ground() -> None:
    with one_street(with_road=False) as con:
        assert made(catchment, con).fetchall() == []
