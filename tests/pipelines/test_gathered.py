"""The tables that gather all sources and datasets, generated from the descriptions alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.authority import load_authority
from pipelines.gathered import RECORD_COLUMNS, gathered_tables
from pipelines.tables import tables_read
from tests.four_squares import FourSquares, Property, answer
from tests.small_authority import CODE

OPEN = "title: {}\nowner: O'Hara & Sons; --\nsensitivity: open\n"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> FourSquares:
    """Two services and a kind of site; one named like a word of SQL."""
    ground = FourSquares(tmp_path_factory.mktemp("gathered"))
    ground.properties(Property(1, 1), Property(2, 2))
    ground.dataset(
        "order",
        OPEN.format("Orders")
        + "as_at: file_name\ncolumns: {UPRN: uprn, KIND: {is: category, values: [A]}}\n",
        {
            "o_2026-08.csv": [["UPRN", "KIND"], [1, "A"]],
            "o_2026-09.csv": [["UPRN", "KIND"], ["x", "B"], ["y", "A"], [1]],
        },
    )
    ground.dataset(
        "events",
        OPEN.format("Events") + "kind: flow\ncolumns: {ON: event_date, N: weight}\n",
        {"e.csv": [["ON", "N"], ["2026-01-15", 3], ["2026-03-04", ""], ["2026-02-03", 4]]},
    )
    site = OPEN.format("Libraries") + "as_at: 2026-09-30\ncolumns: {UPRN: uprn, Name: {is: text, as: name}}\n"
    ground.dataset("libraries", site, {"l.csv": [["UPRN", "Name"], [2, "West"]]}, group="sites")
    nameless = OPEN.format("Schools") + "as_at: 2026-09-30\ncolumns: {UPRN: uprn}\n"
    ground.dataset("schools", nameless, {}, group="sites")
    return ground


@pytest.fixture(scope="module")
def con(ground: FourSquares) -> object:
    with ground.made("services") as made:
        yield made


def test_record_gathers_what_can_place_it(con: duckdb.DuckDBPyConnection) -> None:
    columns = "dataset, role, file, row_number, as_at, event_date, weight, uprn, uprn_issue"
    first = date(2026, 8, 31)
    second = date(2026, 9, 30)
    assert answer(con, f"SELECT {columns} FROM services.record ORDER BY dataset, file, row_number") == [
        ("events", "service", "services/events/e.csv", 2, None, date(2026, 1, 15), 3, None, None),
        ("events", "service", "services/events/e.csv", 4, None, date(2026, 2, 3), 4, None, None),
        ("libraries", "site", "sites/libraries/l.csv", 2, second, None, 1, 2, None),
        ("order", "service", "services/order/o_2026-08.csv", 2, first, None, 1, 1, None),
        ("order", "service", "services/order/o_2026-09.csv", 2, second, None, 1, None, "uprn_not_a_number"),
        ("order", "service", "services/order/o_2026-09.csv", 3, second, None, 1, None, "uprn_not_a_number"),
    ]
    names = [row[0] for row in con.execute("DESCRIBE services.record").fetchall()]
    assert names == [column.name for column in RECORD_COLUMNS]
    assert "kind" not in names, "what else a record says stays in its dataset's own table"


def test_catalogue_of_datasets(con: duckdb.DuckDBPyConnection) -> None:
    columns = "dataset, role, title, owner, kind, first_as_at, last_as_at, files, withheld_rows"
    owner = "O'Hara & Sons; --"
    day = date(2026, 9, 30)
    assert answer(con, f"SELECT {columns} FROM services.dataset ORDER BY dataset") == [
        # Of events that carry the only dates, their months: the day of a single event is nobody else's business.
        ("events", "service", "Events", owner, "flow", date(2026, 1, 1), date(2026, 2, 28), 1, 1),
        ("libraries", "site", "Libraries", owner, "stock", day, day, 1, 0),
        ("order", "service", "Orders", owner, "stock", date(2026, 8, 31), day, 2, 0),
        ("schools", "site", "Schools", owner, "stock", None, None, 0, 0),
    ]


def test_rejected_rows_and_files(con: duckdb.DuckDBPyConnection) -> None:
    assert answer(con, 'SELECT "of", row_number, reason FROM services.row_rejected ORDER BY ALL') == [
        ("events", 3, "withheld: the publisher gives no number"),
        ("order", 4, "wrong_width: 1 fields where the header has 2"),
    ]
    assert answer(
        con, 'SELECT "of", status, rows_read, rows_kept FROM services.file_read ORDER BY "of", file'
    ) == [
        ("events", "read", 3, 2),
        ("libraries", "read", 1, 1),
        ("order", "read", 1, 1),
        ("order", "read", 3, 2),
    ]
    assert answer(con, 'SELECT DISTINCT "of" FROM sources.file_read ORDER BY 1') == [
        "area_boundary",
        "llpg",
        "os_open_uprn",
    ]


def test_issues_of_values(con: duckdb.DuckDBPyConnection) -> None:
    assert answer(con, "SELECT * FROM services.value_issue ORDER BY ALL") == [
        ("order", "2026-09-30", "kind", "category_unknown", 1),
        ("order", "2026-09-30", "uprn", "uprn_not_a_number", 2),
    ]


def test_names_of_sites(con: duckdb.DuckDBPyConnection) -> None:
    assert answer(con, "SELECT dataset, row_number, name FROM services.site_name") == [
        ("libraries", 2, "West")
    ]


def test_tenures_are_those_that_a_description_lists(tmp_path: Path) -> None:
    """Listed in a category of that name: whatever else stands there may be anything, and is not passed on."""
    ground = FourSquares(tmp_path)
    extract = [["R", "T"], [1, "Owner's"], [2, " owner's "], [3, "Ann Smith"], [4, ""]]
    listed = 'columns: {R: record_reference, T: {is: category, as: %s, values: ["Owner\'s", Rented]}}\n'
    undated = OPEN.format("T") + "as_at: 2026-09-30\n"
    ground.dataset("let", undated + listed % "tenure", {"t.csv": extract})
    ground.dataset("care", undated + listed % "accommodation", {"t.csv": extract[:2]})
    ground.dataset("other", undated + listed % "kind", {"t.csv": extract})
    ground.dataset("loose", undated + "columns: {Tenure: {is: category}}\n", {"t.csv": [["Tenure"], ["any"]]})
    ground.dataset("sited", undated + listed % "tenure", {"t.csv": extract}, group="sites")
    groups = ["Owner's", "Rented", "another value", "not known"]
    with ground.made("services") as con:
        found = answer(con, "SELECT dataset, tenure FROM services.tenure ORDER BY ALL")
        assert found == [(dataset, group) for dataset in ("care", "let") for group in groups]
        found = answer(con, "SELECT DISTINCT tenure, tenure_group FROM services.tenure ORDER BY ALL")
        assert found == [
            ("Owner's", "not known"), ("Rented", "not known"),  # no word of the code list
            ("another value", "not known"), ("not known", "not known"),
        ]  # fmt: skip
        found = answer(con, "SELECT dataset, row_number, tenure FROM services.record_tenure ORDER BY ALL")
        assert found == [
            ("care", 2, "Owner's"),
            ("let", 2, "Owner's"), ("let", 3, "Owner's"), ("let", 4, "another value"), ("let", 5, "not known"),
        ]  # fmt: skip


def test_authority_and_its_rule(con: duckdb.DuckDBPyConnection) -> None:
    assert answer(con, "SELECT * FROM sources.authority") == [(CODE, "Smallbridge", 2021, 10, 5)]


def test_catalogue_of_sources_in_use(con: duckdb.DuckDBPyConnection) -> None:
    found = answer(
        con, "SELECT source, epoch, files, rows, authority_code FROM sources.source ORDER BY source"
    )
    assert ("os_open_uprn", "October 2026", 1, 2, CODE) in found
    assert [row[0] for row in found] == ["area_boundary", "llpg", "os_open_uprn"]


def test_every_issue_kind_is_there(con: duckdb.DuckDBPyConnection) -> None:
    from pipelines.identifiers import ISSUES

    found = answer(con, "SELECT issue, severity, meaning, who_fixes, how_to_fix FROM services.issue_kind")
    assert {row[0]: row[1:] for row in found} == {
        name: (issue.severity, issue.meaning, issue.who_fixes, issue.how_to_fix)
        for name, issue in ISSUES.items()
    }


def test_each_states_what_it_reads(ground: FourSquares) -> None:
    """A gathered table reads the tables of its datasets, or those that a dataset's step makes beside them."""
    for table in gathered_tables(load_authority(ground.folder)):
        assert table.sql is not None
        for name in tables_read(table.sql):
            made_by = name.removesuffix("_files").removesuffix("_rejected")
            assert name in table.depends_on or made_by in table.depends_on, f"{table.full_name} reads {name}"
        assert len(table.columns) == len({column.name for column in table.columns})


def test_authority_without_datasets_has_them_all_empty(tmp_path: Path) -> None:
    with FourSquares(tmp_path).made("services") as con:
        for name in (
            "record",
            "dataset",
            "file_read",
            "row_rejected",
            "value_issue",
            "site_name",
            "tenure",
            "record_tenure",
            "record_age",
            "event_end",
        ):
            assert answer(con, f"SELECT count(*) FROM services.{name}") == [0], name
        types = {row[0]: row[1] for row in con.execute("DESCRIBE services.record").fetchall()}
        assert types["easting"] == "DECIMAL(10,2)"
        assert types["as_at"] == "DATE"
