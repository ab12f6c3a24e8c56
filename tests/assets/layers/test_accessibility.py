"""Scores of a floating catchment and the leading site of each area, worked out by hand on one street."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assets.layers import accessibility
from tests.one_street import CODE, LSOAS, made, one_street


def test_scores_are_means_of_homes_and_the_leading_site_is_told() -> None:
    with one_street() as con:
        rows = made(accessibility, con).filter("site_kind = 'gp'").fetchall()
    # 2 and 4 appointments over 13.12 and 16.16 people, weighted: 0.1524 and 0.2475 to each.
    a, b = 2 / (4 + 6 + 2 * 0.68 + 8 * 0.22), 4 / (4 * 0.68 + 6 + 2 + 8 * 0.68)
    at = [a + 0.68 * b, a + b, 0.68 * a + b, 0.22 * a + 0.68 * b]
    one, two = (2 * at[0] + 3 * at[1]) / 5, (at[2] + 4 * at[3]) / 6
    unit = "appointments a day per 1,000 people"
    assert [row[3:] for row in rows] == [
        (True, "authority", CODE, "Both", 11, 11, 1, Decimal(f"{1000 * (5 * one + 6 * two) / 11:.3f}"),
         unit, "B", "gp B by name", Decimal("56.8")),
        (True, "lsoa", LSOAS[0], "One", 5, 5, 0, Decimal("368.281"), unit, "A", "gp A by name", Decimal("78.4")),
        (True, "lsoa", LSOAS[1], "Two", 6, 6, 1, Decimal("193.099"), unit, "B", "gp B by name", Decimal("92.1")),
    ]  # fmt: skip
    assert (round(1000 * one, 3), round(1000 * two, 3)) == (368.281, 193.099)


def test_sites_of_unknown_size_count_one_each_and_homes_stand_in_for_people() -> None:
    with one_street() as con:
        con.execute("UPDATE layers.area_profile SET people = NULL")
        rows = made(accessibility, con).filter("site_kind = 'park' AND area_type = 'lsoa'")
        found = rows.project("is_usual_mode, score, unit").fetchall()
    a, b = 1 / (2 + 3 + 0.68 + 4 * 0.22), 1 / (2 * 0.68 + 3 + 1 + 4 * 0.68)
    one, two = (2 * (a + 0.68 * b) + 3 * (a + b)) / 5, (0.68 * a + b + 4 * (0.22 * a + 0.68 * b)) / 6
    assert {(usual, unit) for usual, _, unit in found} == {(False, "sites per 10,000 homes")}
    assert [float(score) for _, score, _ in found] == pytest.approx([10_000 * one, 10_000 * two], abs=0.001)


def test_an_area_without_homes_has_no_score() -> None:
    with one_street() as con:
        con.execute("DELETE FROM places.home_area WHERE area_code = ?", [LSOAS[0]])
        rows = made(accessibility, con).filter(f"site_kind = 'gp' AND area_code = '{LSOAS[0]}'")
        assert rows.project("homes_measured, score, leading_site, leading_percent").fetchall() == [
            (0, None, None, None)
        ]


def test_without_roads_nothing_is_known() -> None:
    with one_street(with_road=False) as con:
        assert made(accessibility, con).fetchall() == []
