"""What changed between two releases: counted by hand on small ones, and on one of the real layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from pipelines.compare import TableChange, as_data, changed_rows, compare, in_words
from tests.pipelines.test_release import Borough

RULE = "Counts of 0 to 9 are hidden."
DEMAND = "SELECT * FROM (VALUES {}) AS t(dataset, area, use, use_status, homes)"
BEFORE = (
    ("tax", "E1", 20, "published", 100),
    ("tax", "E2", 35, "published", 100),
    ("tax", "E3", 10, "published", 100),
    ("tax", "E4", None, "hidden", 100),
    ("tax", "E5", 50, "published", 100),
    ("tax", "E6", None, "hidden", 100),
    ("tax", "E7", 15, "published", 100),
)
AFTER = (
    ("tax", "E1", 25, "published", 100),  # 5 more
    ("tax", "E2", 30, "published", 100),  # 5 fewer
    ("tax", "E3", None, "hidden", 100),
    ("tax", "E4", 10, "published", 100),
    ("tax", "E5", 70, "published", 101),  # 20 more, and one more home
    ("tax", "E6", None, "hidden", 100),
    ("tax", "E8", 15, "published", 100),  # new; E7 is gone
)


def demand(rows: Sequence[tuple[object, ...]]) -> str:
    texts = [", ".join("NULL" if value is None else repr(value) for value in row) for row in rows]
    return DEMAND.format(", ".join(f"({text})" for text in texts))


def release(folder: Path, tables: dict[str, str], files: dict[str, str] | None = None, **other: str) -> Path:
    """A folder as a release is laid out, of tables by name as SQL; the key is the first two columns."""
    (folder / "parquet").mkdir(parents=True)
    described = []
    with duckdb.connect() as con:
        for name, sql in tables.items():
            con.execute(f"COPY ({sql}) TO '{folder / 'parquet' / f'{name}.parquet'}' (FORMAT parquet)")
            columns = [row[0] for row in con.execute(f"DESCRIBE {sql}").fetchall()]
            (rows,) = con.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0]
            described.append(
                {
                    "name": name,
                    "meaning": other.get("meaning", "Use."),
                    "key": other.get("key", ",".join(columns[:2])).split(","),
                    "rows": rows,
                    "columns": [{"name": column, "type": "", "meaning": column} for column in columns],
                }
            )
    catalogue = {"rule": other.get("rule", RULE), "tables": described}
    (folder / "catalogue.json").write_text(json.dumps(catalogue), "utf-8")
    sums = {"catalogue.json": "0", "maps/demand.html": "1", "index.html": "1", **(files or {})}
    lines = [f"{sha}  {name}\n" for name, sha in sums.items()]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")
    return folder


def changed(old: Path, new: Path) -> dict[str, TableChange]:
    return {table.table: table for table in compare(old, new).tables}


def test_figures_that_one_can_count_by_hand(tmp_path: Path) -> None:
    old = release(tmp_path / "old", {"demand": demand(BEFORE)})
    new = release(tmp_path / "new", {"demand": demand(AFTER)})
    found = compare(old, new)
    (table,) = found.tables
    assert (table.what, table.rows_before, table.rows_after) == ("changed", 7, 7)
    assert (table.rows_added, table.rows_gone, table.rows_changed) == (1, 1, 5)
    (figure,) = table.figures
    assert figure.column == "use"
    assert figure.differences == ((-5.0, 1), (5.0, 1), (20.0, 1))
    assert (figure.newly_hidden, figure.newly_shown, figure.other_status) == (1, 1, 0)
    assert table.other_columns == (("homes", 1),)
    assert in_words(found) == [
        "demand (7 rows): 1 added, 1 gone, 5 changed",
        "  use: 2 higher (1 by 5, 1 by 20); 1 lower by 5; 1 newly hidden; 1 newly shown",
        "  homes: changed in 1 row",
    ]
    rows = {row.key[1][1]: row for row in changed_rows(old, new)}
    assert set(rows) == {"E1", "E2", "E3", "E4", "E5", "E7", "E8"}
    assert rows["E5"].values == (("use", "50", "70"), ("homes", "100", "101"))
    assert rows["E3"].values == (("use", "10", None), ("use_status", "published", "hidden"))
    assert (rows["E7"].what, rows["E8"].what) == ("gone", "added")
    assert rows["E8"].values[0] == ("use", None, "15")


def test_backwards_is_the_other_way_round(tmp_path: Path) -> None:
    old = release(tmp_path / "old", {"demand": demand(AFTER)})
    new = release(tmp_path / "new", {"demand": demand(BEFORE)})
    (figure,) = changed(old, new)["demand"].figures
    assert figure.differences == ((-20.0, 1), (-5.0, 1), (5.0, 1))


def test_nothing_changed_is_false_and_names_every_table(tmp_path: Path) -> None:
    tables = {"demand": demand(BEFORE), "area": "SELECT 'E1' AS area, 1 AS homes"}
    old, new = (release(tmp_path / name, tables) for name in ("old", "new"))
    found = compare(old, new)
    assert not found
    assert in_words(found) == ["Tables without any change: area, demand"]
    assert list(changed_rows(old, new)) == []


def test_tables_columns_pages_and_documents_that_come_and_go(tmp_path: Path) -> None:
    old = release(
        tmp_path / "old",
        {"demand": demand(BEFORE), "sites": "SELECT 1 AS a, 2 AS b"},
        {"notes.md": "1", "maps/sites.html": "1"},
    )
    more = f"SELECT * EXCLUDE (homes), 3 AS people FROM ({demand(BEFORE)})"
    new = release(tmp_path / "new", {"demand": more, "roads": "SELECT 1 AS a, 2 AS b"}, {"index.html": "2"})
    found = compare(old, new)
    assert in_words(found) == [
        "demand (7 rows): the same rows",
        "  new column: people",
        "  gone column: homes",
        "roads: the table is new (1 row)",
        "sites: the table is gone (1 row)",
        "Pages gone: maps/sites.html",
        "Pages changed: index.html",
        "Documents gone: notes.md",
    ]
    assert [(row.table, row.what) for row in changed_rows(old, new)] == [
        ("roads", "added"),
        ("sites", "gone"),
    ]


def test_another_key_compares_whole_rows(tmp_path: Path) -> None:
    old = release(tmp_path / "old", {"demand": demand(BEFORE)})
    new = release(tmp_path / "new", {"demand": demand(AFTER)}, key="area,dataset")
    table = changed(old, new)["demand"]
    assert (table.by_key, table.rows_added, table.rows_gone, table.rows_changed) == (False, 6, 6, 0)
    assert {row.what for row in changed_rows(old, new)} == {"added", "gone"}


def test_another_rule_and_other_words_are_told(tmp_path: Path) -> None:
    old = release(tmp_path / "old", {"demand": demand(BEFORE)})
    new = release(tmp_path / "new", {"demand": demand(BEFORE)}, rule="Counts of 0 to 4.", meaning="Need.")
    found = compare(old, new)
    assert found
    told = "\n".join(in_words(found))
    assert "it was: Counts of 0 to 9 are hidden.\n  it is:  Counts of 0 to 4." in told
    assert "described in other words: meaning" in told


def test_against_nothing_everything_is_new(tmp_path: Path) -> None:
    new = release(tmp_path / "new", {"demand": demand(BEFORE)})
    assert in_words(compare(None, new))[0] == "demand: the table is new (7 rows)"
    assert len(list(changed_rows(None, new))) == 7


def test_as_data_is_json_with_the_same_numbers(tmp_path: Path) -> None:
    old = release(tmp_path / "old", {"demand": demand(BEFORE)})
    new = release(tmp_path / "new", {"demand": demand(AFTER)})
    data = json.loads(json.dumps(as_data(compare(old, new))))
    assert data["tables"][0]["figures"] == [
        {
            "column": "use",
            "differences": [{"difference": d, "rows": 1} for d in (-5.0, 5.0, 20.0)],
            "newly_hidden": 1,
            "newly_shown": 1,
            "other_status": 0,
        }
    ]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    old = release(tmp_path / "old", {"demand": demand(BEFORE)})
    new = release(tmp_path / "new", {"demand": demand(BEFORE)})
    (new / "parquet" / "demand.parquet").unlink()
    with pytest.raises(duckdb.IOException):
        compare(old, new)


def test_real_releases_with_shapes(tmp_path: Path) -> None:
    with duckdb.connect(config={"threads": "1"}) as con:
        borough = Borough(con, tmp_path / "published")
        first = borough.release()
        con.execute("UPDATE wkb SET geometry_wkb = (SELECT geometry_wkb FROM wkb WHERE area_code = 'road')")
        con.execute("UPDATE layers.road SET geometry_wkb = NULL")
        borough.change(40)
        second = borough.release()
        tables = changed(first.path, second.path)
        told = {row.table: row for row in changed_rows(first.path, second.path)}
    for path in tmp_path.rglob("*"):  # what is read-only, pytest could not take away
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    (figure,) = (one for one in tables["demand_by_area"].figures if one.column == "recorded_use")
    assert figure.differences == ((37.0, 1),)
    assert tables["area"].what == "same"
    assert ("geometry", "(shape)", None) in told["road"].values
