"""Counts by area and period as arrays, with the range that each stands for."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest

from pipelines.authority import Disclosure
from pipelines.estimate.panel import read_panels, rounded, told

QUARTERS = (("2025 Q1", "2025-01-01", "2025-03-31"), ("2025 Q2", "2025-04-01", "2025-06-30"))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two areas and two quarters, exact and published: a shown count, an open one, a hidden one."""
    with duckdb.connect() as made:
        for schema, catalogue, rule in (
            ("layers", "services.dataset", "sources.authority"),
            ("published", "published.dataset", "published.disclosure_rule"),
        ):
            for name in {schema, *(table.partition(".")[0] for table in (catalogue, rule))}:
                made.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
            made.execute(f"CREATE TABLE {rule} AS SELECT 10 AS threshold, 5 AS round_to")
            made.execute(
                f"CREATE TABLE {catalogue} AS FROM (VALUES "
                "('bins', 'service', 'request', 'flow', 'quarter', 'open'), "
                "('care', 'service', 'event', 'flow', 'quarter', 'special'), "
                "('libraries', 'site', 'library', 'stock', NULL, 'open')) "
                "AS given (dataset, role, counts, kind, period, sensitivity)"
            )
            made.execute(
                f"CREATE TABLE {schema}.demand_by_area (authority_code VARCHAR, dataset VARCHAR, area_type VARCHAR, "
                "area_code VARCHAR, area_name VARCHAR, period VARCHAR, period_start DATE, period_end DATE, "
                "is_complete BOOLEAN, recorded_use BIGINT, denominator VARCHAR, denominator_value BIGINT)"
            )
            for dataset in ("bins", "care"):
                for area, counts in (("E01000001", (16, 4)), ("E01000002", (42, 0))):
                    for (label, start, end), count in zip(QUARTERS, counts, strict=True):
                        shown: int | None = count
                        if schema == "published" and dataset == "care":
                            shown = count // 5 * 5 + 5 * (count % 5 > 2) if count >= 10 else None
                        made.execute(
                            f"INSERT INTO {schema}.demand_by_area VALUES ('E06999001', ?, 'lsoa', ?, ?, ?, ?, ?, ?, ?, "
                            "'people', ?)",
                            [dataset, area, area, label, start, end, label < "2025 Q2", shown, 0 if count == 42 else 9],
                        )  # fmt: skip
        yield made


def test_exact_counts_are_what_they_are(con: duckdb.DuckDBPyConnection) -> None:
    bins, care = read_panels(con, "layers")
    assert (bins.dataset, care.dataset, care.area_type, care.counts) == ("bins", "care", "lsoa", "event")
    assert care.is_exact and care.low.tolist() == care.high.tolist() == [[16, 4], [42, 0]]
    assert care.shown.all()
    # A denominator of nought is none.
    assert np.isnan(care.exposure).tolist() == [[False, False], [True, False]]


def test_published_counts_are_ranges_and_those_of_open_datasets_are_not(
    con: duckdb.DuckDBPyConnection,
) -> None:
    bins, care = read_panels(con, "published")
    assert bins.is_exact and bins.figure.tolist() == [[16, 4], [42, 0]]
    assert not care.is_exact
    assert care.low.tolist() == [[13, 0], [38, 0]]
    assert care.high.tolist() == [[17, 9], [42, 9]]
    assert care.shown.tolist() == [[True, False], [True, False]]
    assert np.isnan(care.figure).tolist() == [[False, True], [False, True]]


def test_range_of_a_figure_is_what_the_rule_says() -> None:
    rule = Disclosure()
    counts = np.arange(10, 200)
    figures = np.array([rule.rounded(int(count)) for count in counts])
    low, high = told(figures, np.ones_like(figures, dtype=bool), rule.threshold, rule.round_to)
    assert [(int(a), int(b)) for a, b in zip(low, high, strict=True)] == [rule.told(int(f)) for f in figures]
    assert (low <= counts).all() and (counts <= high).all()
    assert rounded(counts.astype(float), 5).tolist() == figures.tolist()
    assert told(figures, np.zeros_like(figures, dtype=bool), 10, 5)[1].tolist() == [9] * len(figures)


def test_nothing_of_a_later_period_is_in_the_first_ones(con: duckdb.DuckDBPyConnection) -> None:
    care = read_panels(con, "layers")[1]
    first = care.until(1)
    assert [period.label for period in first.periods] == ["2025 Q1"]
    for array in (first.low, first.high, first.shown, first.figure, first.exposure):
        assert array.shape == (2, 1)
        assert array.base is None or array.base.shape == (2, 1)  # no way back to what was cut off
    assert [period.label for period in care.complete().periods] == ["2025 Q1"]
    with pytest.raises(ValueError, match="wanted 0 to 2 periods; found 3"):
        care.until(3)


def test_authority_without_services_has_no_panels(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DELETE FROM published.demand_by_area")
    assert read_panels(con, "published") == []
