"""Three libraries along a road closed in turn, and a refuge that is the only one: areas, deciles and sites by hand.

Metres along the road; on foot a metre takes three quarters of a second. Too far is more than 15 minutes, 900 seconds.

| home (homes there) | at | to A at 0 | to B at 1,000 | to C at 3,000 | LSOA |
|---|---:|---:|---:|---:|---|
| 1 (2) | 200 | 150 s | 600 s | 2,100 s | HERE, decile 1, 3 homes, 6 people |
| 2 (1) | 800 | 600 s | 150 s | 1,650 s | HERE |
| 3 (1) | 1,600 | 1,200 s | 450 s | 1,050 s | THERE, decile 10, 6 homes, 9 people |
| 4 (3) | 2,500 | 1,875 s | 1,125 s | 375 s | THERE |
| 5 (1) | cut off | | | | THERE |
| 6 (1) | not known where | | | | THERE |
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from assets.layers import closure_at_site, closure_by_area, closure_by_decile
from pipelines.authority import Disclosure
from pipelines.definition import definitions
from pipelines.protect import select_sql
from tests.river_town import make, select

CODE, HERE, THERE = "E06999009", "E01999901", "E01999902"
# place, homes there, LSOA, seconds to A, B, C
HOMES = (
    ("1", 2, HERE, (150, 600, 2100)), ("2", 1, HERE, (600, 150, 1650)), ("3", 1, THERE, (1200, 450, 1050)),
    ("4", 3, THERE, (1875, 1125, 375)), ("5", 1, THERE, ()), ("6", 1, THERE, None),
)  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute("CREATE SCHEMA sources; CREATE SCHEMA services; CREATE SCHEMA places; CREATE SCHEMA layers")

    def fill(table: str, columns: str, rows: list[Any]) -> None:
        con.execute(f"CREATE TABLE {table} ({columns})")
        con.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    fill("sources.authority", "authority_code VARCHAR", [(CODE,)])
    fill(
        "sources.deprivation",
        "lsoa_code VARCHAR, imd_decile INTEGER",
        [(HERE, 1), (THERE, 10), ("Elsewhere", 5)],
    )
    fill(
        "services.site_kind",
        "site_kind VARCHAR, sensitivity VARCHAR, mode VARCHAR, within_minutes BIGINT, capacity_of VARCHAR",
        [("libraries", "open", "walk", 15, "seats"), ("refuges", "special", "drive", 30, None)],
    )
    sites = [
        ("libraries", "A", "Alder Library"),
        ("libraries", "B", "Beech Library"),
        ("libraries", "C", "Cedar Library"),
    ]
    sites.append(("refuges", "R", "The only one"))
    fill("layers.site", "site_kind VARCHAR, site_id VARCHAR, name VARCHAR", sites)
    fill(
        "places.site", "site_kind VARCHAR, site_id VARCHAR, capacity DECIMAL(18, 4)", [("libraries", "A", 40)]
    )
    fill(
        "places.home",
        "authority_code VARCHAR, place VARCHAR, homes BIGINT, lsoa_code VARCHAR, msoa_code VARCHAR, ward_code VARCHAR",
        [(CODE, place, homes, lsoa, "M", "W") for place, homes, lsoa, _ in HOMES],
    )
    select(con, "places.home_area")
    fill("places.output_area", "oa_code VARCHAR, lsoa_code VARCHAR", [("1", HERE), ("2", THERE)])
    areas = [
        ("authority", CODE, 9, 15),
        ("lsoa", HERE, 3, 6),
        ("lsoa", THERE, 6, 9),
        ("ward", "W", 9, 15),
        ("msoa", "M", 9, 15),
    ]
    fill(
        "layers.area_profile",
        "area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, homes BIGINT, people BIGINT",
        [(kind, code, code.lower(), homes, people) for kind, code, homes, people in areas],
    )
    times: list[tuple[Any, ...]] = []
    for place, _, _, seconds in HOMES:
        ranked = sorted(zip(seconds or (), "ABC", strict=False))
        times += [
            (place, "walk", "libraries", nth, site, time) for nth, (time, site) in enumerate(ranked, start=1)
        ]
        if seconds == ():
            times += [
                (place, mode, kind, 1, None, None)
                for mode, kind in (("walk", "libraries"), ("drive", "refuges"))
            ]
    times += [("1", "drive", "refuges", 1, "R", 60), ("4", "walk", "refuges", 1, "R", 60)]
    fill(
        "layers.travel_time",
        "place VARCHAR, mode VARCHAR, site_kind VARCHAR, nth BIGINT, site_id VARCHAR, seconds DECIMAL(9, 1)",
        times,
    )
    for module in (closure_by_area, closure_by_decile, closure_at_site):
        make(con, module)
    with con:
        yield con


def row(con: duckdb.DuckDBPyConnection, closed: str, area: str, columns: str) -> tuple[Any, ...]:
    sql = f"SELECT {columns} FROM layers.closure_by_area WHERE closed_site = ? AND area_code = ?"
    ((*found,),) = con.execute(sql, [closed, area]).fetchall()
    return tuple(found)


def test_bands_before_and_after(con: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(
        f"homes_within_{m}_minutes_{when}" for m in (5, 10, 15, 20, 30) for when in ("before", "after")
    )
    # Home 2 goes from 150 to exactly 600 seconds, home 3 from 450 to 1,050.
    assert row(con, "B", CODE, columns) == (3, 2, 7, 6, 7, 6, 7, 7, 7, 7)
    columns = "homes, homes_measured, homes_moved, people_moved, homes_lost, people_lost, homes_gained"
    columns += ", homes_beyond_limit_before, homes_beyond_limit_after, homes_without_way_before"
    columns += ", homes_without_way_after"
    # Two people in home 2, one and a half in home 3.
    assert row(con, "B", CODE, columns) == (9, 8, 2, 4, 1, 2, 0, 1, 2, 1, 1)
    assert row(con, "C", CODE, columns) == (9, 8, 3, 5, 3, 5, 0, 1, 4, 1, 1)
    assert row(con, "A", CODE, columns) == (9, 8, 2, 4, 0, 0, 0, 1, 1, 1, 1)


def test_minutes_added_and_median(con: duckdb.DuckDBPyConnection) -> None:
    columns = "added_minutes, median_minutes_before, median_minutes_after"
    # Four of eight homes: the fourth takes 375 seconds, before and after.
    assert row(con, "B", CODE, columns) == (Decimal("8.8"), Decimal("6.3"), Decimal("6.3"))
    assert row(con, "A", HERE, columns) == (Decimal("7.5"), Decimal("2.5"), Decimal("10.0"))
    assert row(con, "C", THERE, columns) == (Decimal("12.5"), Decimal("6.3"), Decimal("18.8"))


def test_areas_that_keep_all_they_have_are_left_out(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT closed_site, list(area_code ORDER BY area_code) FROM layers.closure_by_area GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert dict(rows) == {
        "A": [HERE, CODE, "M", "W"], "B": [HERE, THERE, CODE, "M", "W"], "C": [THERE, CODE, "M", "W"],
        "R": [HERE, CODE, "M", "W"],
    }  # fmt: skip


def test_the_only_site_leaves_nobody_a_way(con: duckdb.DuckDBPyConnection) -> None:
    columns = "mode, homes_measured, homes_moved, homes_lost, added_minutes, homes_without_way_before"
    columns += ", homes_without_way_after, median_minutes_before, median_minutes_after"
    # By car, as people are expected to come to it: on foot does not count.
    assert row(con, "R", CODE, columns) == ("drive", 3, 2, 2, None, 1, 3, Decimal("1.0"), None)


def test_by_deprivation(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT decile, homes, homes_measured, homes_moved, homes_lost, homes_beyond_limit_before, "
        "homes_beyond_limit_after "
        "FROM layers.closure_by_decile WHERE closed_site = 'B' ORDER BY decile"
    ).fetchall()
    assert rows == [("1", 3, 3, 1, 0, 0, 0), ("10", 6, 5, 1, 1, 1, 2)]


def test_who_would_come_to_the_others(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT site_id, site_name, state, capacity, capacity_of, homes_before, homes_after, people_before, "
        "people_after "
        "FROM layers.closure_at_site WHERE closed_site = 'B' ORDER BY site_id"
    ).fetchall()
    assert rows == [
        ("A", "Alder Library", "open", Decimal(40), "seats", 2, 3, 4, 6),
        ("B", "Beech Library", "closed", None, "seats", 2, 0, 4, 0),
        ("C", "Cedar Library", "open", None, "seats", 3, 4, 5, 6),
    ]


@pytest.mark.parametrize("name", ["closure_by_area", "closure_by_decile", "closure_at_site"])
def test_what_is_not_open_never_leaves(con: duckdb.DuckDBPyConnection, name: str) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE services.dataset AS SELECT site_kind AS dataset, sensitivity FROM services.site_kind"
    )
    kinds = "SELECT DISTINCT site_kind FROM {} ORDER BY 1"
    assert con.execute(kinds.format(f"layers.{name}")).fetchall() == [("libraries",), ("refuges",)]
    shipped = next(one for one in definitions() if one.name == name)
    published = f"({select_sql(shipped, Disclosure(threshold=10, round_to=5))})"
    assert con.execute(kinds.format(published)).fetchall() == [("libraries",)]


def test_without_roads_there_is_nothing_to_say(con: duckdb.DuckDBPyConnection) -> None:
    with con.cursor() as other:
        other.execute("BEGIN; DELETE FROM layers.travel_time")
        for module in (closure_by_area, closure_by_decile, closure_at_site):
            assert module.make(other).num_rows == 0
        other.execute("ROLLBACK")
