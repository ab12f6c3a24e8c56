"""What became of records since the month before, worked out by hand on four squares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.four_squares import FourSquares, Property, answer
from tests.small_authority import CODE, SIDE, SOUTH, WARDS, WEST

WARD1, WARD2 = WARDS
TAX = "title: T\nowner: O\nsensitivity: open\ncounts: account\n"
HEADER = ["REF", "UPRN", "PC"]
AUGUST = [HEADER, ["a", 1, ""], ["b", 2, ""], ["c", 3, ""], ["d", 4, ""], ["e", "", "QX1 1AA"]]
# a stays; b moves to ward 2; c is gone; d is known less precisely, e more; f is new.
SEPTEMBER = [HEADER, ["a", 1, ""], ["b", 5, ""], ["d", "", "QX1 1AA"], ["e", 1, ""], ["f", 6, ""]]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    ground = FourSquares(tmp_path_factory.mktemp("changes"))
    ground.properties(
        Property(1, 1, 100), Property(2, 1, 110), Property(3, 2, 100), Property(4, 3, 100), Property(5, 4, 10),
        Property(6, 4, 20),
    )  # fmt: skip
    ground.postcodes(QX11AA=(WEST + 50, SOUTH + SIDE // 2))
    columns = "columns: {REF: record_reference, UPRN: uprn, PC: postcode}\n"
    files = {"t_2026-07.csv": [HEADER, ["z", 1, ""]], "t_2026-08.csv": AUGUST, "t_2026-09-30.csv": SEPTEMBER,
             "t_2026-09-01.csv": [HEADER, ["a", 6, ""]]}  # fmt: skip
    ground.dataset("tax", TAX + columns, files)
    ground.dataset("same", TAX + columns, {"s_2026-08.csv": AUGUST, "s_2026-09.csv": [*AUGUST, []]})
    ground.dataset("once", TAX + columns, {"o_2026-09.csv": AUGUST})
    ground.dataset(
        "unnamed",
        TAX + "columns: {UPRN: uprn}\n",
        {"u_2026-08.csv": [["UPRN"], [1]], "u_2026-09.csv": [["UPRN"], [2]]},
    )
    with ground.made() as made:
        yield made


def test_each_record_that_is_not_as_it_was_has_a_row(con: duckdb.DuckDBPyConnection) -> None:
    columns = "dataset, record_id, change, precision_before, precision, uprn_before, uprn"
    assert answer(con, f"SELECT {columns} FROM layers.record_change ORDER BY 1, 2") == [
        ("tax", "b", "moved", "property", "property", 2, 5),
        ("tax", "c", "gone", "property", None, 3, None),
        ("tax", "d", "re_placed", "property", "postcode", 4, None),
        ("tax", "e", "re_placed", "postcode", "property", None, 1),
        ("tax", "f", "appeared", None, "property", None, 6),
    ]
    days = "SELECT DISTINCT as_at_before::VARCHAR, as_at::VARCHAR FROM layers.record_change"
    assert answer(con, days) == [("2026-08-31", "2026-09-30")]


def test_counts_by_ward_and_in_all(con: duckdb.DuckDBPyConnection) -> None:
    columns = "area_code, records_before, gone, stayed, appeared, records_now, moved, re_placed"
    found = f"SELECT {columns} FROM layers.change_since_last WHERE dataset = 'tax' ORDER BY 1"
    assert answer(con, found) == [
        (WARD1, 5, 2, 3, 0, 3, 0, 2), (WARD2, 0, 0, 0, 2, 2, 1, 0), (CODE, 5, 1, 4, 1, 5, 1, 2),
    ]  # fmt: skip


def test_where_nothing_changed_it_says_so_and_where_nothing_can_be_told_nothing(
    con: duckdb.DuckDBPyConnection,
) -> None:
    found = (
        "SELECT stayed, appeared, gone FROM layers.change_since_last WHERE dataset = 'same' AND area_code = ?"
    )
    assert con.execute(found, [CODE]).fetchall() == [(5, 0, 0)]
    assert answer(con, "SELECT DISTINCT dataset FROM layers.change_since_last ORDER BY 1") == ["same", "tax"]


def test_counts_are_those_of_recorded_use(con: duckdb.DuckDBPyConnection) -> None:
    wrong = """
        SELECT changed.dataset, changed.area_code FROM layers.change_since_last AS changed
        JOIN layers.demand_by_area AS demand USING (dataset, area_type, area_code)
        WHERE (demand.period = changed.period AND demand.recorded_use <> records_now)
            OR (demand.period = changed.period_before AND demand.recorded_use <> records_before)
    """
    assert answer(con, wrong) == []


def test_nothing_to_compare(tmp_path: Path) -> None:
    with FourSquares(tmp_path).made() as con:
        assert answer(con, "SELECT count(*) FROM layers.change_since_last") == [0]
