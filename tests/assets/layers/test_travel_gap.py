"""Homes that are too far, by deprivation, counted by hand; and service users by the same times."""

from __future__ import annotations

from tests.river_town import river_town, select


def test_homes_too_far_by_deprivation() -> None:
    with river_town() as con:
        select(con, "layers.travel_gap")
        columns = "group_name, homes, homes_measured, homes_without_way, homes_beyond_5_minutes"
        columns += ", homes_beyond_10_minutes, homes_beyond_30_minutes, homes_beyond_limit"
        columns += ", is_usual_mode, within_minutes"
        by = "SELECT {} FROM layers.travel_gap WHERE site_kind = 'libraries' AND mode = '{}' "
        by += "ORDER BY breakdown, group_name"
        assert con.execute(by.format(columns, "walk")).fetchall() == [
            ("all", 5, 5, 1, 4, 3, 3, 3, True, 15),
            ("1", 2, 2, 0, 2, 2, 2, 2, True, 15),
            ("10", 2, 2, 0, 1, 0, 0, 0, True, 15),
            ("not known", 1, 1, 1, 1, 1, 1, 1, True, 15),
        ]
        # By car over the bridge in some seven minutes: only the island is left.
        driven = con.execute(by.format("group_name, homes_beyond_limit, is_usual_mode", "drive")).fetchall()
        assert driven == [("all", 1, False), ("1", 0, False), ("10", 0, False), ("not known", 1, False)]


def test_without_roads_there_are_no_gaps() -> None:
    with river_town(with_roads=False) as con:
        select(con, "layers.travel_gap")
        assert con.execute("SELECT count(*) FROM layers.travel_gap").fetchall() == [(0,)]
