"""How good each extract is, what is wrong in it, and which extracts are lacking: worked out by hand on four squares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.four_squares import FourSquares, Property, answer
from tests.small_authority import SIDE, SOUTH, WEST

OPEN = "title: T\nowner: Tax team\nsensitivity: open\n"
HEADER = ["REF", "UPRN", "PC"]
# August: three properties, of which one is retired (a warning) and one padded (read, no damage); one rounded UPRN that
# a postcode saves; one without a place, whose postcode is no postcode. Five records, four damaged identifiers.
AUGUST = [
    HEADER, ["a", 1, ""], ["b", "007", ""], ["c", 8, ""], ["d", "100023000000", "QX1 1AA"], ["e", 999, "QX1"],
    ["Total", "", ""],
]  # fmt: skip
SEPTEMBER = [HEADER, ["a", 1, ""], ["b", 7, ""], ["c", 1, ""], ["d", 2, "QX1 1AA"], ["e", "", ""]]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    ground = FourSquares(tmp_path_factory.mktemp("quality"))
    ground.properties(
        Property(1, 1, 100), Property(2, 1, 110), Property(7, 2, 100), Property(8, 3, 100, status=8, successor=2)
    )  # fmt: skip
    ground.postcodes(QX11AA=(WEST + 50, SOUTH + SIDE // 2))
    columns = "columns: {REF: record_reference, UPRN: uprn, PC: postcode}\n"
    total = "exclude: [{column: REF, equals: Total, because: a total row}]\n"
    one = [HEADER, ["a", 1, ""]]
    ground.dataset(
        "tax", OPEN + "cadence: monthly\ndue_days: 14\n" + columns + total,
        {"t_2026-08.csv": AUGUST, "t_2026-09.csv": SEPTEMBER},
    )  # fmt: skip
    # Two months are lacking between, one came a few days early, and the newest data are of 15 December.
    ground.dataset(
        "rents", OPEN + "cadence: monthly\ndue_days: 10\n" + columns,
        {"r_2026-04-30.csv": one, "r_2026-07-31.csv": one, "r_2026-08-28.csv": one},
    )  # fmt: skip
    ground.dataset("weekly", OPEN + "cadence: weekly\n" + columns, {"w_2026-12-01.csv": one})
    ground.dataset("unpromised", OPEN + columns, {"u_2026-12-15.csv": one})
    flow = "kind: flow\nperiod: quarter\ncolumns: {REF: record_reference, UPRN: uprn, ON: event_date}\n"
    events = [
        ["REF", "UPRN", "ON"],
        [1, 1, "2026-03-31"],
        [2, "x", "2026-04-01"],
        [3, 1, "2026-06-30"],
        [4, 1, "no"],
    ]
    ground.dataset("care", OPEN + "as_at: 2026-06-30\n" + flow, {"care.csv": events})
    ground.dataset("visits", OPEN + "cadence: monthly\n" + flow, {"visits.csv": events[:2]})
    with ground.made() as made:
        yield made


def test_each_extract_and_period_by_hand(con: duckdb.DuckDBPyConnection) -> None:
    columns = (
        "dataset, extract_of, period, extract_to::VARCHAR, is_newest, records, placed, precise, property"
    )
    columns += ", postcode, unplaced, rows_read, rows_rejected, damaged"
    wanted = "dataset IN ('tax', 'care')"
    assert answer(con, f"SELECT {columns} FROM layers.quality_by_extract WHERE {wanted} ORDER BY 1, 2") == [
        # A file of events holds several periods: what was rejected of it is of none.
        ("care", "2026 Q1", "2026 Q1", "2026-03-31", False, 1, 1, 1, 1, 0, 0, None, None, 0),
        ("care", "2026 Q2", "2026 Q2", "2026-06-30", True, 2, 1, 1, 1, 0, 1, None, None, 1),
        ("tax", "2026-08-31", "2026-08", "2026-08-31", False, 5, 4, 3, 3, 1, 1, 6, 1, 4),
        ("tax", "2026-09-30", "2026-09", "2026-09-30", True, 5, 4, 4, 4, 0, 1, 5, 0, 0),
    ]
    behind = (
        "SELECT contributors, contributors_precise, contributors_unplaced FROM layers.quality_by_extract "
    )
    # In September two records are at one address.
    assert answer(con, behind + "WHERE dataset = 'tax' ORDER BY extract_of") == [(5, 3, 1), (4, 3, 1)]


def test_extracts_add_up_to_the_accounts(con: duckdb.DuckDBPyConnection) -> None:
    parts = ("property", "building", "point", "postcode", "area", "unplaced")
    added = " AND ".join(f"sum(every.{part}) = any_value(account.rows_{part})" for part in parts)
    assert answer(
        con,
        f"SELECT dataset FROM layers.quality_by_extract AS every JOIN layers.accounting AS account USING (dataset) "
        f"GROUP BY dataset HAVING NOT (sum(records) = any_value(rows_kept) AND {added})",
    ) == []  # fmt: skip
    issues = "SELECT dataset, column_name, issue, CAST(sum(rows) AS BIGINT) FROM layers.issue_by_extract GROUP BY ALL"
    assert (
        answer(con, f"{issues} EXCEPT SELECT dataset, column_name, issue, rows FROM layers.data_issue") == []
    )


def test_what_is_wrong_in_each_extract(con: duckdb.DuckDBPyConnection) -> None:
    columns = "extract_of, concerns, column_name, issue, rows"
    found = answer(con, f"SELECT {columns} FROM layers.issue_by_extract WHERE dataset = 'tax' ORDER BY ALL")
    august, september = "2026-08-31", "2026-09-30"
    assert found == [
        (august, "identifier", "postcode", "postcode_blank", 3),
        (august, "identifier", "postcode", "postcode_partial", 1),
        (august, "identifier", "uprn", "uprn_historic", 1),
        (august, "identifier", "uprn", "uprn_padded", 1),
        (august, "identifier", "uprn", "uprn_rounded", 1),
        (august, "identifier", "uprn", "uprn_unknown", 1),
        (august, "other", "", "no_location", 1),
        (august, "row rejected", "REF", "excluded", 1),
        (september, "identifier", "postcode", "postcode_blank", 4),
        (september, "identifier", "uprn", "uprn_blank", 1),
        (september, "other", "", "no_location", 1),
    ]
    found = answer(con, f"SELECT {columns} FROM layers.issue_by_extract WHERE dataset = 'care' ORDER BY ALL")
    assert found == [
        ("", "row rejected", "ON", "date_malformed", 1),
        ("2026 Q2", "identifier", "uprn", "uprn_not_a_number", 1),
        ("2026 Q2", "other", "", "no_location", 1),
    ]
    fixer = "SELECT DISTINCT who_fixes FROM layers.data_issue WHERE issue = 'uprn_historic'"
    assert answer(con, fixer) == ["Tax team"], "the owner by its name"


def test_extracts_that_were_promised(con: duckdb.DuckDBPyConnection) -> None:
    """Held against 15 December, the newest date of all extracts, and not against the day of the run."""
    columns = "as_at::VARCHAR, due_on::VARCHAR, state"

    def of(dataset: str) -> list[tuple[object, ...]]:
        return answer(
            con, f"SELECT {columns} FROM layers.extract_due WHERE dataset = '{dataset}' ORDER BY as_at"
        )

    assert of("tax") == [
        ("2026-08-31", None, "came"),
        ("2026-09-30", None, "came"),
        # A month after a last day is the last day of the next.
        ("2026-10-31", "2026-11-14", "overdue"),
        ("2026-11-30", "2026-12-14", "overdue"),
        ("2026-12-31", "2027-01-14", "next"),
    ]
    assert of("rents") == [
        ("2026-04-30", None, "came"),
        ("2026-05-31", "2026-06-10", "missing"),
        ("2026-06-30", "2026-07-10", "missing"),
        ("2026-07-31", None, "came"),
        ("2026-08-28", None, "came"),
        ("2026-09-28", "2026-10-08", "overdue"),
        ("2026-10-28", "2026-11-07", "overdue"),
        ("2026-11-28", "2026-12-08", "overdue"),
        ("2026-12-28", "2027-01-07", "next"),
    ]
    # By when was not promised: awaited, never overdue.
    assert of("weekly") == [
        ("2026-12-01", None, "came"),
        ("2026-12-08", None, "awaited"),
        ("2026-12-15", None, "awaited"),
        ("2026-12-22", None, "next"),
    ]
    assert of("unpromised") == [("2026-12-15", None, "came")]
    assert of("visits") == [], "its events are dated, its file is not"


def test_without_datasets_they_are_there_and_empty(tmp_path: Path) -> None:
    with FourSquares(tmp_path).made() as con:
        for name in ("quality_by_extract", "issue_by_extract", "extract_due", "data_issue"):
            assert answer(con, f"SELECT count(*) FROM layers.{name}") == [0], name
