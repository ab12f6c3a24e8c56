"""The way to the nearest sites, reckoned by hand: over the one bridge, off the road, and none."""

from __future__ import annotations

from decimal import Decimal

from tests.river_town import river_town


def test_each_way_by_hand() -> None:
    with river_town() as con:
        found = con.execute(
            "SELECT place, seconds, metres, why_not FROM layers.travel_time "
            "WHERE mode = 'walk' AND site_kind = 'libraries' AND nth = 1 ORDER BY place"
        ).fetchall()
        assert found == [
            ("uprn 1", Decimal("2295.0"), 3060, None),
            ("uprn 2", Decimal("2107.5"), 2810, None),
            ("uprn 3", Decimal("45.0"), 60, None),
            ("uprn 4", None, None, "no way to a site"),
            ("uprn 5", Decimal("600.0"), 800, None),
        ]
        # There is one library: nobody has a second.
        further = "SELECT count(*) FROM layers.travel_time WHERE nth > 1"
        assert con.execute(further).fetchall() == [(0,)]
        # By car at 25 km/h, the way to and from the road is walked.
        driven = "SELECT seconds FROM layers.travel_time WHERE mode = 'drive' AND site_kind = 'libraries' "
        driven += "AND place = 'uprn 2'"
        assert con.execute(driven).fetchall() == [(Decimal("416.8"),)]  # 15 + 2790 / (25 / 3.6)


def test_without_roads_there_are_no_times() -> None:
    with river_town(with_roads=False) as con:
        assert con.execute("SELECT count(*) FROM layers.travel_time").fetchall() == [(0,)]
