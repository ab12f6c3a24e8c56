"""Services that meet over time, counted by hand on a few properties: events by period, and the snapshot of its end."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from pipelines.tables import tables_of

# Dataset, date of the extract, date of the event, property, how precisely it is placed.
RECORDS = [
    ("calls", None, "2025-11-03", 1, "property"), ("calls", None, "2025-11-20", 1, "property"),
    ("calls", None, "2025-12-31", 2, "property"), ("calls", None, "2026-01-01", 3, "property"),
    ("calls", None, "2026-02-01", 9, "building"),  # no one property
    ("calls", None, "2026-08-15", 4, "property"),  # the data go to the end of August: the quarter is not over
    ("care", "2026-06-30", "2026-01-10", 3, "property"), ("care", "2026-06-30", "2026-05-05", 5, "property"),
    ("tax", "2025-12-31", None, 1, "property"), ("tax", "2025-12-31", None, 2, "property"),
    ("tax", "2026-01-31", None, 2, "property"), ("tax", "2026-01-31", None, 3, "property"),
    ("tax", "2026-04-01", None, 9, "property"),
    ("rent", "2026-01-31", None, 2, "property"), ("tally", "2026-01-31", None, None, "area"),
    ("year", None, "2024-03-01", 3, "property"), ("year", "2026-06-30", "2025-12-30", 1, "property"),
]  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    made = next(one for one in tables_of("layers") if one.name == "overlap_in_period")
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA places; CREATE SCHEMA layers; CREATE SCHEMA services")
        con.execute(
            "CREATE TABLE layers.area_profile AS SELECT 'A' AS authority_code, 'authority' AS area_type, "
            "'A' AS area_code, 'Place' AS area_name UNION ALL SELECT 'A', 'lsoa', 'L', 'Small'"
        )
        con.execute(
            "CREATE TABLE services.dataset AS SELECT * FROM (VALUES ('calls', 'flow', 'quarter'), "
            "('care', 'flow', 'quarter'), ('tax', 'stock', 'quarter'), ('year', 'flow', 'year'), "
            "('rent', 'stock', 'quarter'), ('tally', 'stock', 'quarter')) AS t(dataset, kind, period)"
        )
        con.execute(
            "CREATE TABLE places.record_placed (dataset VARCHAR, as_at DATE, event_date DATE, uprn BIGINT, "
            "precision VARCHAR, role VARCHAR DEFAULT 'service')"
        )
        con.executemany("INSERT INTO places.record_placed VALUES (?, ?, ?, ?, ?, 'service')", RECORDS)
        con.execute(f"CREATE TABLE layers.overlap_in_period AS {made.sql}")
        yield con


def counts(con: duckdb.DuckDBPyConnection, a: str, b: str) -> dict[str, tuple[int | None, ...]]:
    found = con.execute(
        "SELECT period, properties_a, properties_b, properties_both FROM layers.overlap_in_period "
        "WHERE dataset_a = ? AND dataset_b = ? ORDER BY period_start, period_end",
        [a, b],
    ).fetchall()
    return {period: tuple(numbers) for period, *numbers in found}


def test_a_property_counts_once_a_period_beside_the_snapshot_of_its_end(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """The first quarter's end is the first snapshot; the second's latest is of January, the third's of April."""
    assert counts(con, "calls", "tax") == {
        "2025 Q4": (2, 2, 2), "2026 Q1": (1, 2, 1), "2026 Q2": (0, 1, 0),
    }  # fmt: skip


def test_two_services_of_events_meet_by_events_of_the_same_period(con: duckdb.DuckDBPyConnection) -> None:
    # Before its first event nothing is known of care.
    assert counts(con, "calls", "care") == {
        "2025 Q4": (2, None, None),
        "2026 Q1": (1, 1, 1),
        "2026 Q2": (0, 1, 0),
    }


def test_periods_of_either_length(con: duckdb.DuckDBPyConnection) -> None:
    """The years 2024 and 2025 of the one, the quarters of the other; the data of the one go to the midst of 2026."""
    found = counts(con, "calls", "year")
    assert found == {
        "2024": (None, 1, None), "2025": (2, 1, 1), "2025 Q4": (2, 1, 1), "2026 Q1": (1, 0, 0), "2026 Q2": (0, 0, 0),
    }  # fmt: skip
    assert counts(con, "tax", "year") == {"2024": (None, 1, None), "2025": (2, 1, 1)}


def test_two_snapshots_have_no_period(con: duckdb.DuckDBPyConnection) -> None:
    pairs = con.execute(
        "SELECT DISTINCT dataset_a, dataset_b FROM layers.overlap_in_period ORDER BY ALL"
    ).fetchall()
    assert ("care", "tax") in pairs and ("care", "rent") in pairs and ("rent", "tax") not in pairs
    # What is known of areas alone is at no property.
    assert not any("tally" in pair for pair in pairs)
    assert con.execute(
        "SELECT DISTINCT area_type, area_code, area_name FROM layers.overlap_in_period"
    ).fetchall() == [("authority", "A", "Place")]
