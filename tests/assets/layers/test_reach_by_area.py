"""How near a service's users live to a library: whole Output Areas, by road, and in a straight line without roads."""

from __future__ import annotations

import pytest

from tests.river_town import CODE, river_town, select

RECORDS = """
    CREATE TABLE services.dataset (dataset VARCHAR, role VARCHAR, kind VARCHAR, period VARCHAR, sensitivity VARCHAR);
    INSERT INTO services.dataset VALUES ('care', 'service', 'stock', NULL, 'special');
    CREATE TABLE places.record_placed AS
    SELECT 'care' AS dataset, 'service' AS role, 1 AS weight, 'person ' || n AS subject, n AS uprn, 'f' AS file,
        n AS row_number, 'E06999009' AS authority_code, 'W' AS ward_code, 'M' AS msoa_code,
        -- Three in Output Area 1, four in 2, one on the island, one of whom no area is known.
        CASE WHEN n < 4 THEN 'OA1' WHEN n < 8 THEN 'OA2' WHEN n = 8 THEN 'OA3' END AS oa_code,
        DATE '2026-09-30' AS as_at, NULL::DATE AS event_date
    FROM range(1, 10) AS t(n);
"""


@pytest.mark.parametrize(
    ("with_roads", "wanted"),
    [
        # Over the bridge it takes longer than 20 minutes; half of the homes of Output Area 2 are within one minute.
        (True, ("walk", 8, 4, 4, 8, 4, 4)),
        # As the crow flies over the river both homes of Output Area 1 are near; the island is five kilometres away.
        (False, ("straight line", 8, 7, 7, 8, 7, 7)),
    ],
)
def test_users_near_a_library(with_roads: bool, wanted: tuple[object, ...]) -> None:
    with river_town(with_roads) as con:
        con.execute(RECORDS)
        select(con, "layers.reach_by_area")
        columns = "measured_by, measured, within_10_minutes, within_20_minutes"
        columns += ", contributors, contributors_10_minutes, contributors_20_minutes"
        found = con.execute(
            f"SELECT site_kind, {columns} FROM layers.reach_by_area WHERE area_code = '{CODE}'"
        ).fetchall()
        # A refuge has no catchment here.
        assert found == [("libraries", *wanted)]
