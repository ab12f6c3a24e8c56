"""Who is missing, counted by hand on four squares: by fifth of deprivation, by tenure, and by homes that are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.four_squares import FourSquares, Property, answer
from tests.small_authority import CODE, LSOAS, SIDE, SOUTH, WEST

LSOA1, LSOA2 = LSOAS
OPEN = "title: T\nowner: O\nsensitivity: open\n"
# Homes: two in square 1, one in 2 (LSOA 1, the most deprived tenth); one in 3, one in 4 (LSOA 2, the ninth tenth).
HOMES = [
    Property(1, 1, 100), Property(2, 1, 110), Property(3, 2, 100), Property(4, 3, 100), Property(5, 4, 10),
    Property(6, 4, 50, class_code="PP"), Property(7, 4, 60, class_code="CR"),
]  # fmt: skip
MOST, LEAST, NOT_KNOWN = "1, most deprived", "5, least deprived", "not known"
NAME_IN_THE_WRONG_COLUMN = "ANN CANARY"


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    ground = FourSquares(tmp_path_factory.mktemp("missing"))
    ground.properties(*HOMES)
    ground.postcodes(QX11AA=(WEST + 50, SOUTH + SIDE // 2), QX44AA=(WEST + 3 * SIDE + 50, SOUTH + SIDE // 2))
    imd = "Index of Multiple Deprivation (IMD)"
    header = ("LSOA code (2021)", f"{imd} Score", f"{imd} Rank", f"{imd} Decile")
    ground.source("deprivation", "d.csv", [header, (LSOA1, "12.5", 100, 1), (LSOA2, 3, 30_000, 9)])
    columns = "columns: {UPRN: uprn, PC: postcode, T: {is: category, as: tenure, values: [Owned, Rented]}}\n"
    ground.dataset(
        "homes_let",
        OPEN + "as_at: file_name\n" + columns,
        {
            "h_2026-08.csv": [["UPRN", "PC", "T"], [3, "", "Owned"], [3, "", "Owned"]],
            "h_2026-09.csv": [
                ["UPRN", "PC", "T"],
                [1, "", "Owned"], [1, "", "owned"], [2, "", "Rented"], ["", "QX1 1AA", "Rented"],  # in LSOA 1
                [5, "", ""], [6, "", "Rented"], [7, "", NAME_IN_THE_WRONG_COLUMN],  # LSOA 2: a home, a building, a shop
                ["", "QX9 9ZZ", "Rented"], ["", "", "Rented"],  # nowhere
            ],
        },
    )  # fmt: skip
    tally = OPEN + "as_at: 2026-09-30\ncounts: claimant\ncolumns: {LSOA: area_code, N: weight}\n"
    ground.dataset(
        "claims", tally, {"c.csv": [["LSOA", "N"], [LSOA1, 7], [LSOA2, 5], ["E01000001", 2], [CODE, 4]]}
    )
    flow = OPEN + "kind: flow\ncolumns: {UPRN: uprn, ON: event_date, T: {is: category, as: tenure}}\n"
    ground.dataset(
        "visits", flow,
        {"v.csv": [["UPRN", "ON", "T"], [3, "2026-01-01", "any"], [3, "2026-02-01", ""], [4, "2026-05-01", ""]]},
    )  # fmt: skip
    ground.dataset("libraries", OPEN + "as_at: 2026-09-30\ncolumns: {UPRN: uprn}\n",
                   {"l.csv": [["UPRN"], [1]]}, group="sites")  # fmt: skip
    with ground.made() as made:
        yield made


def rows(con: duckdb.DuckDBPyConnection, dataset: str, breakdown: str) -> dict[str, tuple[int | None, ...]]:
    """Records, precise, coarse, unplaced, homes and homes known, by group; groups without any of them left out."""
    counts = "records, records_precise, records_coarse, records_unplaced, homes, homes_known"
    found = con.execute(
        f"SELECT group_name, {counts} FROM layers.who_is_missing WHERE dataset = ? AND breakdown = ?",
        [dataset, breakdown],
    ).fetchall()
    return {group: tuple(values) for group, *values in found if any(values)}


def test_all_records_of_the_latest_extract(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "homes_let", "all records") == {"all": (9, 6, 1, 2, 5, 3)}


def test_by_fifth_the_unplaced_have_none(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "homes_let", "deprivation fifth") == {
        MOST: (4, 3, 1, None, 3, 2),
        LEAST: (3, 3, 0, None, 2, 1),
        NOT_KNOWN: (2, 0, 0, 2, 0, None),
    }


def test_by_tenure_with_or_without_a_place(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "homes_let", "tenure") == {
        "Owned": (2, 2, 0, 0, None, None),
        "Rented": (5, 2, 1, 2, None, None),
        "another value": (1, 1, 0, 0, None, None),
        NOT_KNOWN: (1, 1, 0, 0, None, None),
    }


def test_a_value_that_no_description_allows_goes_no_further(con: duckdb.DuckDBPyConnection) -> None:
    """It may be anything, a name too."""
    for table in ("layers.who_is_missing", "services.tenure", "services.record_tenure"):
        assert NAME_IN_THE_WRONG_COLUMN not in str(con.execute(f"FROM {table}").fetchall()), table
    # And a category that lists no values is no breakdown.
    assert rows(con, "visits", "tenure") == {}


def test_a_tally_counts_what_it_counts(con: duckdb.DuckDBPyConnection) -> None:
    """The authority's own code names no LSOA, so its four are placed and their fifth is not known."""
    assert rows(con, "claims", "all records") == {"all": (18, 0, 16, 2, 5, 0)}
    assert rows(con, "claims", "deprivation fifth") == {
        MOST: (7, 0, 7, None, 3, 0),
        LEAST: (5, 0, 5, None, 2, 0),
        NOT_KNOWN: (6, 0, 4, 2, 0, None),
    }


def test_of_dated_events_all_count(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "visits", "all records") == {"all": (3, 3, 0, 0, 5, 2)}


def test_every_group_has_a_row_whether_it_has_records_or_not(con: duckdb.DuckDBPyConnection) -> None:
    """An absent row would tell that there are none. Sites are no records of people, and are not here."""
    found = answer(
        con, "SELECT dataset, breakdown, count(*) FROM layers.who_is_missing GROUP BY ALL ORDER BY ALL"
    )
    assert found == [
        (dataset, breakdown, groups)
        for dataset, breakdowns in (
            ("claims", (("all records", 1), ("deprivation decile", 2), ("deprivation fifth", 6))),
            (
                "homes_let",
                (("all records", 1), ("deprivation decile", 2), ("deprivation fifth", 6), ("tenure", 4)),
            ),
            ("visits", (("all records", 1), ("deprivation decile", 2), ("deprivation fifth", 6))),
        )
        for breakdown, groups in breakdowns
    ]


def test_behind_the_records_stand_people_or_addresses(con: duckdb.DuckDBPyConnection) -> None:
    """Two records of one home are of one household; a tally is of as many as it says."""
    counts = "contributors, contributors_precise, contributors_coarse, contributors_unplaced"
    found = answer(
        con,
        f"SELECT dataset, {counts} FROM layers.who_is_missing WHERE breakdown = 'all records' ORDER BY dataset",
    )
    assert found == [("claims", 18, 0, 16, 2), ("homes_let", 8, 5, 1, 2), ("visits", 2, 2, 0, 0)]


def test_deciles_are_halves_of_fifths(con: duckdb.DuckDBPyConnection) -> None:
    """Those of the authority's own LSOAs; what has none is in the fifths as not known, and no second time here."""
    counts = "records, records_precise, records_coarse"
    halves = answer(
        con,
        f"SELECT dataset, deprivation_fifth, {counts} FROM layers.who_is_missing "
        "WHERE breakdown = 'deprivation decile' ORDER BY ALL",
    )
    fifths = answer(
        con,
        f"SELECT dataset, group_name, {counts} FROM layers.who_is_missing WHERE breakdown = 'deprivation fifth' "
        "AND (dataset, group_name) IN (SELECT (dataset, deprivation_fifth) FROM layers.who_is_missing) ORDER BY ALL",
    )
    assert halves == fifths and len(halves) == 6 and sum(row[2] for row in halves) > 0
    none = "records_unplaced IS NOT NULL OR homes IS NOT NULL OR homes_known IS NOT NULL"
    assert answer(
        con, f"SELECT count(*) FROM layers.who_is_missing WHERE deprivation_fifth <> '' AND ({none})"
    ) == [0]


def test_parts_add_up(con: duckdb.DuckDBPyConnection) -> None:
    lost = answer(
        con,
        """
        SELECT count(*) FROM layers.who_is_missing
        WHERE records <> records_precise + records_coarse + coalesce(records_unplaced, 0)
        """,
    )
    assert lost == [0]
    sums = answer(
        con,
        """
        SELECT DISTINCT dataset FROM layers.who_is_missing
        WHERE breakdown <> 'deprivation decile'
        GROUP BY dataset, breakdown HAVING sum(records) <> (
            SELECT sum(records) FROM layers.who_is_missing AS whole
            WHERE whole.dataset = who_is_missing.dataset AND whole.breakdown = 'all records'
        )
        """,
    )
    assert sums == []


def test_where_homes_are_not_known_one_by_one_no_service_is_said_to_know_them(tmp_path: Path) -> None:
    """No gazetteer, but a tally of homes: there is a number of homes, and none of homes known."""
    ground = FourSquares(tmp_path)
    tally = OPEN + "as_at: 2026-09-30\ncounts: home\ncolumns: {LSOA: area_code, N: weight}\n"
    ground.dataset("bands", tally, {"b.csv": [["LSOA", "N"], [LSOA1, 20], [LSOA2, 30]]})
    with ground.made() as con:
        # Nor is any fifth known without the deprivation of the areas.
        assert rows(con, "bands", "deprivation fifth") == {NOT_KNOWN: (50, 0, 50, 0, 50, None)}
        assert rows(con, "bands", "all records") == {"all": (50, 0, 50, 0, 50, None)}
