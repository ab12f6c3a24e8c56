"""Where homes, postcodes and sites meet the road: on their own bank, far off, on an island."""

from __future__ import annotations

from tests.river_town import E, N, river_town


def test_each_place_by_hand() -> None:
    with river_town() as con:
        found = {
            place: row
            for place, *row in con.execute(
                "SELECT place, split_part(link_id, '/', 1), round(fraction, 6), metres_off, access_seconds, is_far, "
                "is_across_water, moved_for_water, easting, northing FROM layers.snapped WHERE mode = 'walk'"
            ).fetchall()
        }
    assert found["uprn 1"] == ["west", round(100 / 370, 6), 0, 0, False, False, False, E + 100, N + 100]
    # The road over the water is nearer: 15 m against 20.
    assert found["uprn 2"] == ["up", 0, 20, 15, False, False, True, E + 370, N + 100]
    assert found["uprn 4"] == ["island", 0.5, 0, 0, False, False, False, E + 5050, N]
    assert found["uprn 5"] == ["east", 1, 800, 600, True, False, False, E + 760, N + 100]
    assert found["QX1 1AA"] == ["west", round(100 / 370, 6), 40, 30, False, False, False, E + 100, N + 100]
    assert found["refuges x"][:4] == ["east", round(295 / 355, 6), 10, 7.5]
    assert len(found) == 5 + 1 + 2


def test_without_roads_nothing_is_on_one() -> None:
    with river_town(with_roads=False) as con:
        assert con.execute("SELECT count(*) FROM layers.snapped").fetchall() == [(0,)]
