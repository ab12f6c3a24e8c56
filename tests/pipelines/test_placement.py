"""What placing came to, in words: against the run before, and what is said of a column that was not believed."""

from __future__ import annotations

import duckdb

from pipelines.placement import Placement, columns_not_believed, placement_rows, read_placement

NOW = Placement(
    {
        "tax": {("uprn", "property"): 900, ("address", "property"): 60, ("address", "building"): 40},
        "care": {("none", "none"): 1, ("postcode", "postcode"): 3},
    }
)


def test_first_run_has_nothing_to_be_set_against() -> None:
    assert placement_rows(NOW, None) == [
        ("Placed", "by", "at", "records", "%"),
        ("care", "postcode", "postcode", "3", "75.0"),
        ("care", "none", "none", "1", "25.0"),
        ("tax", "uprn", "property", "900", "90.0"),
        ("tax", "address", "property", "60", "6.0"),
        ("tax", "address", "building", "40", "4.0"),
    ]


def test_change_is_in_points_and_a_way_that_is_gone_is_told() -> None:
    before = Placement(
        {"tax": {("uprn", "property"): 940, ("area_code", "area"): 60}, "gone": {("none", "none"): 5}}
    )
    rows = placement_rows(NOW, before)
    assert rows[0][-1] == "points against the run before"
    assert [row[-1] for row in rows[1:3]] == ["new", "new"]
    assert rows[3:] == [
        ("tax", "uprn", "property", "900", "90.0", "-4.0"),
        ("tax", "address", "property", "60", "6.0", "+6.0"),
        ("tax", "address", "building", "40", "4.0", "+4.0"),
        ("tax", "area code", "area", "0", "0.0", "-6.0"),
    ]
    assert [row[-1] for row in placement_rows(NOW, NOW)[1:]] == ["+0.0"] * 5


def test_placement_is_read_from_the_records() -> None:
    with duckdb.connect() as con:
        assert read_placement(con) is None and columns_not_believed(con) == []
        con.execute("CREATE SCHEMA places")
        con.execute(
            "CREATE VIEW places.record_placed AS SELECT * FROM (VALUES ('a', 'uprn', 'property'), "
            "('a', 'uprn', 'property'), ('b', 'none', 'none')) AS t(dataset, location_key, precision)"
        )
        assert read_placement(con) == Placement({"a": {("uprn", "property"): 2}, "b": {("none", "none"): 1}})


def test_column_that_was_not_believed_is_told_with_the_reason() -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA places")
        con.execute(
            "CREATE VIEW places.uprn_column AS SELECT * FROM (VALUES "
            "('services/a/a.csv', 1926, 3, 0, 0, 'hardly any known', false), "
            "('services/b/b.csv', 50, 40, 30, 1, 'other postcodes', false), "
            "('services/c/c.csv', 0, 0, 0, 0, 'blank', false), ('services/d/d.csv', 50, 49, 0, 0, 'known', true)) "
            "AS t(file, distinct_values, known, compared, agreeing, why, believed)"
        )
        first, second = columns_not_believed(con)
    assert first.startswith(
        "services/a/a.csv: its UPRN column was not believed, since hardly any of its numbers is in the gazetteer "
        "(of 1,926 different numbers 3 are known)."
    )
    assert "`is: property_reference`" in first
    assert (
        "(of 50 different numbers 40 are known, and of 30 of these whose postcode can be compared 1 have"
        in second
    )
