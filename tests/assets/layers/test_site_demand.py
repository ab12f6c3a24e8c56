"""What each site has to bear, worked out by hand on one street."""

from __future__ import annotations

from decimal import Decimal

from assets.layers import site_demand
from tests.one_street import made, one_street


def test_capacity_stands_beside_homes_people_and_users() -> None:
    with one_street() as con:
        rows = made(site_demand, con).fetchall()
    # Huff, A for each home in turn: 98 of 102, 8 of 12, 2 of 102, 1 / 1650^2 against 2 / 750^2; of 4, 6, 2 and 8
    # people 8.63.
    takes = "appointments_a_day"
    assert [row[1:] for row in rows] == [
        ("gp", "walk", True, "A", "gp A by name", takes, Decimal(2), 5, 10, 10, 9, 9, Decimal(5), Decimal("4.3")),
        ("gp", "walk", True, "B", "gp B by name", takes, Decimal(4), 5, 10, 10, 11, None, Decimal("2.5"),
         Decimal("2.8")),
        # Alike but for the time: 49 of 50, 4 of 5, 1 of 26, 1 of 5.84; of 4, 6, 2, 8 people 10.17.
        ("park", "walk", False, "A", "park A by name", None, None, 5, 10, 10, 10, None, None, None),
        ("park", "walk", False, "B", "park B by name", None, None, 5, 10, 10, 10, None, None, None),
    ]  # fmt: skip


def test_where_people_are_not_known_homes_are_counted_alone() -> None:
    with one_street() as con:
        con.execute("UPDATE layers.area_profile SET people = NULL")
        rows = (
            made(site_demand, con).project("site_id, homes_nearest, people_nearest, people_huff").fetchall()
        )
        scarce = made(site_demand, con).project("people_per_capacity, huff_per_capacity").fetchall()
    assert rows == [("A", 5, None, None), ("B", 5, None, None)] * 2
    assert set(scarce) == {(None, None)}


def test_without_roads_nothing_is_known() -> None:
    with one_street(with_road=False) as con:
        assert made(site_demand, con).fetchall() == []
