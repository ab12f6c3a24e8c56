"""Homes by the minutes to their nearest library, by area, counted by hand; and speeds as the roads have them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest

from pipelines.authority import Disclosure
from pipelines.definition import definitions
from pipelines.protect import select_sql
from tests.river_town import CODE, EAST, ISLAND, WEST, river_town, select


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with river_town() as made:
        select(made, "layers.travel_by_area")
        select(made, "layers.travel_speed")
        yield made


def test_homes_by_minutes(con: duckdb.DuckDBPyConnection) -> None:
    columns = (
        "homes, homes_measured, homes_without_way, homes_far_from_road, homes_across_water, median_minutes"
    )
    columns += (
        ", homes_within_5_minutes, homes_within_10_minutes, homes_within_30_minutes, homes_beyond_limit"
    )
    found = {
        row[0]: row[1:]
        for row in con.execute(
            f"SELECT area_code, {columns} FROM layers.travel_by_area WHERE site_kind = 'libraries' AND mode = 'walk'"
        ).fetchall()
    }
    # Of five, the third takes 2,107.5 seconds.
    assert found[CODE] == (5, 5, 1, 1, 0, Decimal("35.1"), 1, 2, 2, 3)
    assert found[WEST] == (2, 2, 0, 0, 0, Decimal("35.1"), 0, 0, 0, 2)
    # Exactly ten minutes is within ten.
    assert found[EAST] == (2, 2, 0, 1, 0, Decimal("0.8"), 1, 2, 2, 0)
    # Half of those on the island reach nothing: there is no median.
    assert found[ISLAND] == (1, 1, 1, 0, 0, None, 0, 0, 0, 1)
    assert found["W"] == found["M"] == found[CODE]


def test_what_is_not_open_never_leaves(con: duckdb.DuckDBPyConnection) -> None:
    kinds = "SELECT DISTINCT site_kind FROM {} ORDER BY 1"
    assert con.execute(kinds.format("layers.travel_by_area")).fetchall() == [("libraries",), ("refuges",)]
    con.execute(
        "CREATE OR REPLACE TABLE services.dataset AS SELECT site_kind AS dataset, sensitivity FROM services.site_kind"
    )
    shipped = next(one for one in definitions() if one.name == "travel_by_area")
    published = f"({select_sql(shipped, Disclosure(threshold=10, round_to=5))})"
    assert con.execute(kinds.format(published)).fetchall() == [("libraries",)]


def test_speeds_are_those_of_the_roads(con: duckdb.DuckDBPyConnection) -> None:
    columns = "kind, mode, links, kilometres, links_shut, links_one_way, slowest_kmh, fastest_kmh"
    # 370 + 1200 + 35 + 1200 + 355 + 100 metres.
    length = Decimal("3.260")
    assert con.execute(f"SELECT {columns} FROM layers.travel_speed ORDER BY mode").fetchall() == [
        ("Local Road", mode, 6, length, 0, 0, kmh, kmh)
        for mode, kmh in (("cycle", Decimal(16)), ("drive", Decimal(25)), ("walk", Decimal("4.8")))
    ]
