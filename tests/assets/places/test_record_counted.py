"""What counts as one, by each rule that a description may state, and the years of its denominator, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from pipelines.authority import Disclosure
from pipelines.definition import definitions
from pipelines.drift import figures_that_differ
from pipelines.protect import select_sql
from tests.four_squares import FourSquares, Property, answer
from tests.river_town import select
from tests.small_authority import CODE, LSOAS, SIDE, SOUTH, WEST

LSOA1, LSOA2 = LSOAS
OPEN = "title: T\nowner: O\nsensitivity: open\n"
NAMED = "P: {is: personal, keep: keyed, identifies: %s}, UPRN: uprn"
PEOPLE = ("LSOA 2021 Code", "Total", "F65 and over", "M65 and over")


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    ground = FourSquares(tmp_path_factory.mktemp("counted"))
    ground.properties(*(Property(n, n) for n in (1, 2, 3, 4)))
    ground.postcodes(QX11AA=(WEST + 50, SOUTH + SIDE // 2))
    ground.source("population", "p_2025.csv", [PEOPLE, (LSOA1, 49, 1, 1), (LSOA2, 79, 1, 2)])
    ground.source("population", "p_2025_revised.csv", [PEOPLE, (LSOA1, 50, 1, 1), (LSOA2, 80, 1, 3)])
    ground.source("population", "people.csv", [PEOPLE, (LSOA1, 1, 1, 1), (LSOA2, 1, 1, 3)])
    # The nearest year of all, but of other areas in part: its sums would be too small.
    ground.source("population", "p_2026.csv", [PEOPLE, (LSOA1, 999, 9, 9), ("E01000001", 5, 1, 1)])
    ground.source("population", "p_2027.csv", [PEOPLE, (LSOA1, 60, 2, 2), (LSOA2, 100, 2, 4)])
    flow = OPEN + "as_at: 2026-12-31\nkind: flow\n"
    ground.dataset(
        "visits",
        flow + "period: month\ncounting: {one: person}\ncolumns: {" + NAMED % "person" + ", ON: event_date}\n",
        {
            "v.csv": [
                ["P", "UPRN", "ON"],
                ["Ann", 1, "2026-01-05"], ["Ann", 4, "2026-01-20"], ["Ann", 1, "2026-02-01"],
                ["Bob", 1, "2026-01-07"], ["Bob", 1, "2026-01-07"],
                ["", 2, "2026-01-08"], ["", 2, "2026-01-09"],
            ]
        },
    )  # fmt: skip
    stock = OPEN + "as_at: file_name\ncounting: {one: %s}\ncolumns: {%s, PC: postcode}\n"
    ground.dataset(
        "homes_let",
        stock % ("household", NAMED % "household"),
        {
            "h_2026-08.csv": [["P", "UPRN", "PC"], ["H1", 1, ""], ["H1", 1, ""]],
            "h_2026-09.csv": [["P", "UPRN", "PC"], ["H1", 1, ""], ["H1", 3, ""], ["H2", 1, ""]],
        },
    )
    ground.dataset(
        "meters",
        stock % ("address", "UPRN: uprn"),
        {"m_2026-09.csv": [["UPRN", "PC"], [1, ""], [1, ""], [2, ""], ["", "QX1 1AA"], ["", "QX1 1AA"]]},
    )
    ground.dataset(
        "cases",
        flow + "counting: {one: open_event, ended: ended_on, denominator: people_65_and_over}\n"
        "columns: {UPRN: uprn, ON: event_date, TO: {is: date, as: ended_on}}\n",
        {
            "c.csv": [
                ["UPRN", "ON", "TO"],
                [1, "2026-01-10", "2026-02-10"],  # over before the quarter is
                [1, "2026-02-01", "2026-03-31"],  # ends on its last day
                [2, "2026-02-15", "2026-08-15"],
                [4, "2026-03-01", ""],
                [4, "2026-11-01", ""],
            ]
        },
    )
    ground.dataset(
        "calls",
        OPEN + "as_at: 2026-08-10\nkind: flow\nperiod: month\ncolumns: {UPRN: uprn, ON: event_date}\n",
        {
            "c.csv": [
                ["UPRN", "ON"], [1, "2026-03-05"], [1, "1926-03-06"], [1, "2026-06-01"], [4, "2026-06-30"],
            ]
        },
    )  # fmt: skip
    ground.dataset(
        "works",
        OPEN + "kind: flow\nperiod: year\ncolumns: {UPRN: uprn, ON: event_date}\n",
        {"w.csv": [["UPRN", "ON"], [1, "2023-06-05"], [4, "2025-12-02"]]},
    )
    ground.dataset(
        "claims",
        OPEN + "as_at: 2026-09-30\ncolumns: {LSOA: area_code, N: weight}\n",
        {"c.csv": [["LSOA", "N"], [LSOA1, 7], [LSOA1, 1]]},
    )
    with ground.made("places") as made:
        made.execute("CREATE SCHEMA IF NOT EXISTS layers")
        for layer in ("area_profile", "demand_by_area"):
            select(made, f"layers.{layer}")
        yield made


def use(con: duckdb.DuckDBPyConnection, dataset: str) -> dict[str, tuple[int, ...]]:
    """Recorded use of each period: the authority, LSOA 1, LSOA 2."""
    found: dict[str, dict[str, int]] = {}
    for period, area, count in con.execute(
        "SELECT period, area_code, recorded_use FROM layers.demand_by_area WHERE dataset = ? ORDER BY period_start",
        [dataset],
    ).fetchall():
        found.setdefault(period, {})[area] = count
    return {period: tuple(by_area[area] for area in (CODE, *LSOAS)) for period, by_area in found.items()}


def test_person_counts_once_in_a_period_where_the_latest_record_is(con: duckdb.DuckDBPyConnection) -> None:
    """So that areas add up. Who is not named cannot be told apart from others, and counts each time."""
    found = use(con, "visits")
    assert {period: counts for period, counts in found.items() if any(counts)} == {
        "2026-01": (4, 3, 1), "2026-02": (1, 1, 0),
    }  # fmt: skip


def test_every_period_of_a_flow_to_the_last_date_of_the_data_has_its_row(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """What nothing was recorded in, too, between events and after the last; but not the years since a mistyped date."""
    columns = "period, period_end, is_complete, is_latest"
    assert answer(
        con, f"SELECT {columns} FROM places.counted_period WHERE dataset = 'calls' ORDER BY period_start"
    ) == [
        ("1926-03", date(1926, 3, 31), True, False),
        ("2026-03", date(2026, 3, 31), True, False),
        ("2026-04", date(2026, 4, 30), True, False),
        ("2026-05", date(2026, 5, 31), True, False),
        ("2026-06", date(2026, 6, 30), True, False),
        ("2026-07", date(2026, 7, 31), True, True),
        ("2026-08", date(2026, 8, 31), False, False),
    ]
    nothing = (0, 0, 0)
    assert use(con, "calls") == {
        "1926-03": (1, 1, 0), "2026-03": (1, 1, 0), "2026-04": nothing, "2026-05": nothing, "2026-06": (2, 1, 1),
        "2026-07": nothing, "2026-08": nothing,
    }  # fmt: skip


def test_without_a_date_of_the_data_a_flow_ends_with_its_last_event(con: duckdb.DuckDBPyConnection) -> None:
    assert use(con, "works") == {"2023": (1, 1, 0), "2024": (0, 0, 0), "2025": (1, 0, 1)}


def test_household_counts_once_in_each_snapshot(con: duckdb.DuckDBPyConnection) -> None:
    assert use(con, "homes_let") == {"2026-08": (1, 1, 0), "2026-09": (2, 1, 1)}


def test_address_counts_once_and_a_record_on_none_by_itself(con: duckdb.DuckDBPyConnection) -> None:
    assert use(con, "meters") == {"2026-09": (4, 4, 0)}


def test_events_that_are_open_at_the_end_of_each_period(con: duckdb.DuckDBPyConnection) -> None:
    """In quarters without a new event, too; one that ends on the last day is over."""
    assert use(con, "cases") == {
        "2026 Q1": (2, 1, 1), "2026 Q2": (2, 1, 1), "2026 Q3": (1, 0, 1), "2026 Q4": (2, 0, 2),
    }  # fmt: skip
    columns = "period, period_start, period_end, is_complete, is_latest"
    assert answer(con, f"SELECT {columns} FROM places.counted_period WHERE dataset = 'cases' ORDER BY 2")[
        2:
    ] == [
        ("2026 Q3", date(2026, 7, 1), date(2026, 9, 30), True, False),
        ("2026 Q4", date(2026, 10, 1), date(2026, 12, 31), True, True),
    ]


def test_tally_counts_by_its_weight(con: duckdb.DuckDBPyConnection) -> None:
    assert use(con, "claims") == {"2026-09": (8, 8, 0)}


def test_denominator_is_of_the_nearest_year_and_of_two_the_earlier(con: duckdb.DuckDBPyConnection) -> None:
    columns = "denominator, denominator_value, denominator_on, homes, people, people_65_and_over"
    wanted = {
        "cases": ("people_65_and_over", 4, "2025", 2, 100, 6),
        "visits": ("people", 80, "2025", 2, 100, 6),
        "meters": ("homes", 2, "homes as known at the latest run", 2, 100, 6),
    }
    for dataset, of_area in wanted.items():
        found = con.execute(
            f"SELECT DISTINCT {columns} FROM layers.demand_by_area WHERE dataset = ? AND area_code = ?",
            [dataset, LSOA2],
        ).fetchall()
        assert found == [of_area], dataset


def test_years_that_know_fewer_areas_are_left_out(con: duckdb.DuckDBPyConnection) -> None:
    found = answer(
        con,
        f"SELECT year, number FROM places.area_count WHERE counted = 'people' AND area_code = '{CODE}' ORDER BY 1",
    )
    # Of two files of one year the one whose name comes last counts; a file that names no year is of none.
    assert found == [(0, 2), (2025, 130), (2027, 160)]


def test_files_of_one_year_that_differ_are_told(con: duckdb.DuckDBPyConnection) -> None:
    (said,) = figures_that_differ(con)
    assert "p_2025.csv` and `" in said
    assert "p_2025_revised.csv` are both of 2025, and differ in 2 area(s)" in said


def test_rate_is_by_the_denominator(con: duckdb.DuckDBPyConnection) -> None:
    (definition,) = (one for one in definitions() if one.name == "demand_by_area")
    found = con.execute(
        f"SELECT rate, rate_per_1000_people FROM ({select_sql(definition, Disclosure(), with_held_back=False)}) "
        "WHERE dataset = 'cases' AND period = '2026 Q4' AND area_code = ?",
        [LSOA2],
    ).fetchall()
    assert found == [(Decimal("500.0"), Decimal("20.0"))]


def test_nobody_is_named(con: duckdb.DuckDBPyConnection) -> None:
    assert "Ann" not in str(con.execute("FROM places.record_counted").fetchall())
