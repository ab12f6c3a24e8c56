"""Which records are placed otherwise since the gazetteer changed: told while that edition stays, and of nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from pipelines.re_placed import TABLE, rows, told
from pipelines.run import opened, plan
from tests.small_authority import HOMES
from tests.small_run import Small

EXTRACT = "services/council_tax/council_tax_2026-09.csv"


class Placed:
    """Records and their places, given by hand, and the table made of them again and again."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        for statement in (
            "CREATE SCHEMA places", "CREATE SCHEMA services",
            "CREATE TABLE services.dataset (dataset VARCHAR, kind VARCHAR)",
            "INSERT INTO services.dataset VALUES ('tax', 'stock'), ('calls', 'flow')",
            "CREATE TABLE services.property_reference (dataset VARCHAR, file VARCHAR, row_number BIGINT, "
            "column_name VARCHAR, reference VARCHAR)",
            "CREATE TABLE services.record (dataset VARCHAR, file VARCHAR, row_number BIGINT, uprn BIGINT, usrn BIGINT, "
            "address VARCHAR, postcode VARCHAR, easting DECIMAL(10, 2), northing DECIMAL(10, 2), area_code VARCHAR)",
            "CREATE TABLE places.record_placed (authority_code VARCHAR, dataset VARCHAR, record_id VARCHAR, "
            "subject VARCHAR, file VARCHAR, row_number BIGINT, as_at DATE, location_key VARCHAR, precision VARCHAR, "
            "uprn BIGINT, easting DECIMAL(10, 2), northing DECIMAL(10, 2), ward_code VARCHAR)",
        ):  # fmt: skip
            con.execute(statement)

    def put(self, *records: tuple[str, str, int, str, str, int | None]) -> None:
        """All records there are: dataset, reference, month, address as given, precision and UPRN of the place."""
        self.con.execute("DELETE FROM services.record")
        self.con.execute("DELETE FROM places.record_placed")
        for n, (dataset, reference, month, address, precision, uprn) in enumerate(records):
            self.con.execute(
                "INSERT INTO services.record VALUES (?, ?, ?, NULL, NULL, ?, NULL, NULL, NULL, NULL)",
                [dataset, f"x_{month}", n, address],
            )
            self.con.execute(
                "INSERT INTO places.record_placed VALUES ('E', ?, ?, NULL, ?, ?, make_date(2026, ?, 1), 'address', "
                "?, ?, NULL, NULL, 'W')",
                [dataset, reference, f"x_{month}", n, month, precision, uprn],
            )

    def make(self, edition: str) -> list[tuple[Any, ...]]:
        """The records re-placed, after the table was made for an edition; a second time changes nothing."""
        found = []
        for _ in range(2):
            self.con.execute(f"CREATE OR REPLACE TABLE places.re_placed AS {rows(self.con, edition)}")
            found.append(
                self.con.execute("SELECT * FROM places.re_placed ORDER BY dataset, record_id").fetchall()
            )
        assert found[0] == found[1]
        types = "SELECT data_type FROM duckdb_columns() WHERE table_name = 're_placed' ORDER BY column_index"
        assert [kind for (kind,) in self.con.execute(types).fetchall()] == [
            c.type.replace(" ", "") for c in TABLE.columns
        ]
        return self.con.execute(
            "SELECT dataset, record_id, uprn_before, precision_before, uprn, precision FROM places.re_placed "
            "WHERE is_re_placed ORDER BY ALL"
        ).fetchall()


@pytest.fixture
def placed() -> Iterator[Placed]:
    with duckdb.connect() as con:
        yield Placed(con)


def test_told_while_the_edition_stays_and_not_longer(placed: Placed) -> None:
    placed.put(("tax", "a", 8, "1 High St", "postcode", None), ("tax", "b", 8, "2 High St", "property", 2))
    assert placed.make("one") == [], "nothing was there before"
    placed.put(("tax", "a", 8, "1 High St", "property", 1), ("tax", "b", 8, "2 High St", "property", 2))
    assert placed.make("two") == [("tax", "a", None, "postcode", 1, "property")]
    assert told(placed.con) == [
        "re_placed: of 2 records of tax that are given as before, 1 are placed otherwise since the gazetteer, open "
        "data, a rule or a decision changed: 1 more precisely, 0 less, 0 as precisely elsewhere"
    ]
    assert placed.make("three") == []
    assert told(placed.con) == []


def test_compared_from_one_extract_to_the_next_where_the_same_is_given(placed: Placed) -> None:
    """The gazetteer and the month's extract come together; of the extracts before the latest nothing is told."""
    placed.put(
        ("tax", "a", 8, "1 High St", "property", 1), ("tax", "b", 8, "2 High St", "property", 2),
        ("tax", "c", 8, "3 High St", "property", 3), ("calls", "e", 7, "4 High St", "property", 4),
    )  # fmt: skip
    placed.make("one")
    placed.put(
        ("tax", "a", 8, "1 High St", "building", 9), ("tax", "b", 8, "2 High St", "property", 2),
        ("tax", "a", 9, "1 High St", "building", 9), ("tax", "b", 9, "7 Low Rd", "property", 7),
        ("tax", "d", 9, "3 High St", "property", 8),
        ("calls", "e", 7, "4 High St", "property", 5), ("calls", "f", 8, "4 High St", "property", 5),
    )  # fmt: skip
    assert placed.make("two") == [
        ("calls", "e", 4, "property", 5, "property"), ("tax", "a", 1, "property", 9, "building"),
    ]  # fmt: skip
    found = (
        "SELECT record_id FROM places.re_placed WHERE dataset = 'tax' AND edition_before IS NULL ORDER BY 1"
    )
    assert placed.con.execute(found).fetchall() == [("b",), ("d",)], "given otherwise, and new"


def test_who_is_gone_is_not_remembered(placed: Placed) -> None:
    """Forgotten, past retention or no longer in the extract: no row of it stays, and none comes back."""
    both = (("tax", "a", 8, "1 High St", "property", 1), ("tax", "b", 8, "2 High St", "property", 2))
    placed.put(*both)
    placed.make("one")
    placed.put(both[1])
    placed.make("one")
    assert placed.con.execute("SELECT record_id FROM places.re_placed").fetchall() == [("b",)]
    placed.put(("tax", "a", 8, "1 High St", "property", 9), both[1])
    assert placed.make("two") == []


def test_another_gazetteer_is_another_edition_and_another_extract_is_none(own: Small) -> None:
    def ask() -> tuple[str, list[Any]]:
        with opened(own.authority, own.output) as at:
            for step in plan(at.authority):
                if step.table.stage in {"sources", "services", "places"}:
                    step.make(at)
            found = "SELECT DISTINCT edition FROM places.re_placed"
            anew = "SELECT uprn_before, precision_before, precision FROM places.re_placed WHERE is_re_placed"
            ((edition,),) = at.con.execute(found).fetchall()
            return edition, at.con.execute(anew).fetchall()

    with opened(own.authority, own.output) as at:
        ((before,),) = at.con.execute("SELECT DISTINCT edition FROM places.re_placed").fetchall()
    extract = own.folder / EXTRACT
    (own.folder / EXTRACT.replace("09", "10")).write_text(extract.read_text("utf-8"), "utf-8")
    assert ask() == (before, [])
    for path in (own.folder / "sources").rglob("*.csv"):
        lines = path.read_text("utf-8").splitlines(True)
        path.write_text("".join(line for line in lines if str(HOMES[3].uprn) not in line), "utf-8")
    after, anew = ask()
    assert after != before
    assert anew == [(HOMES[3].uprn, "property", "postcode")]


def test_nothing_published_stands_on_it(small: Small) -> None:
    """It depends on what an earlier run left: an earlier month made again in another folder would not be the same."""
    steps = {step.name: step.table.depends_on for step in plan(small.authority)}
    above, waiting = set[str](), ["maps.release"]
    while waiting:
        new = set(steps[waiting.pop()]) - above
        above |= new
        waiting += new
    assert "places.record_placed" in above
    assert TABLE.full_name not in above
