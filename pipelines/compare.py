"""What changed between two releases, told from their own files: rows, figures, columns, pages and documents.

Only published figures are read (the Parquet files, the catalogue and the checksums of each release), so that nothing
here is exact and all of it may be shown to any reader of either release. How a release is laid out is `release`; how
the answer is printed, beyond plain sentences, is the command's.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.protect import HIDDEN, PUBLISHED
from pipelines.release import ABOUT, CHECKSUMS, DATABASE, GEOPACKAGE
from pipelines.tables import quoted, text_literal

CATALOGUE = "catalogue.json"
# The same figures again in other forms, and what differs in any two releases.
NOT_COMPARED = {ABOUT, CHECKSUMS, DATABASE, GEOPACKAGE, CATALOGUE, "CATALOGUE.md"}
# How many of the most frequent differences a sentence names.
NAMED_DIFFERENCES = 3


@dataclass(frozen=True)
class FigureChange:
    """How one figure of a table changed over the rows that both releases have.

    `differences` are (new less old, in how many rows) where both are shown, by size of the difference; the other
    numbers are rows.
    """

    column: str
    differences: tuple[tuple[float, int], ...]
    newly_hidden: int
    newly_shown: int
    other_status: int

    @property
    def moved(self) -> int:
        """Rows in which the figure is shown in both releases, with another value."""
        return sum(rows for _, rows in self.differences)

    @property
    def changed(self) -> int:
        """Rows in which the figure or its status is not what it was."""
        return self.moved + self.newly_hidden + self.newly_shown + self.other_status


@dataclass(frozen=True)
class RowChange:
    """One row that differs: its table, what happened (`added`, `gone`, `changed`), its key, and each changed value.

    `values` are (column, old, new) as texts, None where there is none; for rows added or gone all columns.
    """

    table: str
    what: str
    key: tuple[tuple[str, str | None], ...]
    values: tuple[tuple[str, str | None, str | None], ...]


@dataclass(frozen=True)
class TableChange:
    """How one table changed. `what` is `added`, `gone`, `changed` or `same`.

    Where the two releases name the rows by another key, rows are compared as a whole (`by_key` is False): a changed
    row then counts as one gone and one added. `other_columns` are (column, rows) for what is no figure; `words` names
    what the catalogue now says in other words (`meaning`, `not_for`, a column).
    """

    table: str
    what: str
    meaning: str
    rows_before: int
    rows_after: int
    rows_added: int = 0
    rows_gone: int = 0
    rows_changed: int = 0
    columns_added: tuple[str, ...] = ()
    columns_gone: tuple[str, ...] = ()
    figures: tuple[FigureChange, ...] = ()
    other_columns: tuple[tuple[str, int], ...] = ()
    words: tuple[str, ...] = ()
    by_key: bool = True


@dataclass(frozen=True)
class Comparison:
    """What changed from one release to another: by table, pages and documents as (name, what), and the rule."""

    tables: tuple[TableChange, ...]
    pages: tuple[tuple[str, str], ...]
    documents: tuple[tuple[str, str], ...]
    rule_before: str
    rule_after: str

    def __bool__(self) -> bool:
        return (
            any(table.what != "same" for table in self.tables)
            or bool(self.pages or self.documents)
            or self.rule_before != self.rule_after
        )


def compare(old: Path | None, new: Path) -> Comparison:
    """What changed from the release in folder `old` to that in `new`; with None everything is new.

    Raises OSError, ValueError or `duckdb.Error` where a file of either is missing or cannot be read.
    """
    before, after = _described(old), _described(new)
    names = sorted(before["tables"].keys() | after["tables"].keys())
    with _looking() as con:
        tables = tuple(_table(con, name, old, new, before, after) for name in names)
    files = sorted(_files_changed(old, new).items())
    is_page = {name: name.startswith("maps/") or name == "index.html" for name, _ in files}
    return Comparison(
        tables,
        tuple((name, what) for name, what in files if is_page[name]),
        tuple((name, what) for name, what in files if not is_page[name]),
        str(before["rule"]),
        str(after["rule"]),
    )


def changed_rows(old: Path | None, new: Path, tables: Iterable[str] | None = None) -> Iterator[RowChange]:
    """Each row that differs, by table and key: published values of two releases, which may be shown.

    Raises as `compare` does. Shapes are told as `(shape)`.
    """
    before, after = _described(old), _described(new)
    names = sorted(before["tables"].keys() | after["tables"].keys())
    with _looking() as con:
        for name in names:
            if tables is None or name in tables:
                yield from _rows(con, name, old, new, before, after)


def in_words(comparison: Comparison) -> list[str]:
    """The comparison as lines that somebody who plans services understands."""
    lines: list[str] = []
    if comparison.rule_before and comparison.rule_before != comparison.rule_after:
        lines += [
            "The rule changed: figures under two rules can be set against each other, so think before you publish.",
            f"  it was: {comparison.rule_before}",
            f"  it is:  {comparison.rule_after}",
        ]
    for table in comparison.tables:
        if table.what != "same":
            lines += _table_in_words(table)
    same = [table.table for table in comparison.tables if table.what == "same"]
    if same:
        lines.append(f"Tables without any change: {', '.join(same)}")
    for title, files in (("Pages", comparison.pages), ("Documents", comparison.documents)):
        for what in ("added", "gone", "changed"):
            if named := [name for name, happened in files if happened == what]:
                lines.append(f"{title} {what}: {', '.join(named)}")
    return lines


def as_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain lists and mappings, for JSON."""
    tables = [
        {
            "table": table.table,
            "what": table.what,
            "rows_before": table.rows_before,
            "rows_after": table.rows_after,
            "rows_added": table.rows_added,
            "rows_gone": table.rows_gone,
            "rows_changed": table.rows_changed,
            "compared_by_key": table.by_key,
            "columns_added": list(table.columns_added),
            "columns_gone": list(table.columns_gone),
            "figures": [
                {
                    "column": figure.column,
                    "differences": [{"difference": size, "rows": rows} for size, rows in figure.differences],
                    "newly_hidden": figure.newly_hidden,
                    "newly_shown": figure.newly_shown,
                    "other_status": figure.other_status,
                }
                for figure in table.figures
            ],
            "other_columns": [{"column": column, "rows": rows} for column, rows in table.other_columns],
            "words_changed": list(table.words),
        }
        for table in comparison.tables
    ]
    files = {
        name: [{"name": file, "what": what} for file, what in pairs]
        for name, pairs in (("pages", comparison.pages), ("documents", comparison.documents))
    }
    return {
        "rule_before": comparison.rule_before,
        "rule_after": comparison.rule_after,
        "tables": tables,
        **files,
    }


# Reading a release ---------------------------------


@contextlib.contextmanager
def _looking() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": "1"}) as con:
        # Shapes as the bytes that they are: bytes are compared, and no projection is looked up.
        con.execute("SET enable_geoparquet_conversion = false")
        yield con


def _described(folder: Path | None) -> dict[str, Any]:
    """Tables by name and the rule, as the catalogue of a release says; nothing without a release."""
    if folder is None:
        return {"tables": {}, "rule": ""}
    catalogue = json.loads((folder / CATALOGUE).read_text(encoding="utf-8"))
    return {"tables": {table["name"]: table for table in catalogue["tables"]}, "rule": catalogue["rule"]}


def _files_changed(old: Path | None, new: Path) -> dict[str, str]:
    """Pages and documents that are not the same in both, by name: `added`, `gone` or `changed`."""
    before, after = _checksums(old), _checksums(new)
    changed = {}
    for name in before.keys() | after.keys():
        if name in NOT_COMPARED or name.startswith("parquet/") or before.get(name) == after.get(name):
            continue
        changed[name] = "added" if name not in before else "gone" if name not in after else "changed"
    return changed


def _checksums(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    return {name: sha for sha, _, name in (line.partition("  ") for line in lines)}


def _read(folder: Path, name: str) -> str:
    return f"read_parquet({text_literal(str(folder / 'parquet' / f'{name}.parquet'))})"


def _columns(con: duckdb.DuckDBPyConnection, read: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}


@dataclass(frozen=True)
class _Pair:
    """One table in both releases: how to read each, the columns of both, and the key where it is the same."""

    before: str
    after: str
    columns_before: dict[str, str]
    columns_after: dict[str, str]
    key: tuple[str, ...]

    @property
    def shared(self) -> list[str]:
        return [name for name in self.columns_after if name in self.columns_before]

    @property
    def values(self) -> list[str]:
        return [name for name in self.shared if name not in self.key]

    @property
    def joined(self) -> str:
        on = " AND ".join(f"old.{quoted(name)} IS NOT DISTINCT FROM new.{quoted(name)}" for name in self.key)
        return f"{self.before} AS old JOIN {self.after} AS new ON {on}"

    def only_in(self, one: str, other: str) -> str:
        """The rows of one release whose key (or, without one, whose every shared column) the other lacks."""
        if self.key:
            on = " AND ".join(
                f"one.{quoted(name)} IS NOT DISTINCT FROM other.{quoted(name)}" for name in self.key
            )
            return f"SELECT * FROM {one} AS one WHERE NOT EXISTS (FROM {other} AS other WHERE {on})"
        names = ", ".join(quoted(name) for name in self.shared)
        return f"SELECT {names} FROM {one} EXCEPT ALL SELECT {names} FROM {other}"

    @property
    def differs(self) -> str:
        tests = [f"old.{quoted(name)} IS DISTINCT FROM new.{quoted(name)}" for name in self.values]
        return " OR ".join(tests) or "false"


def _pair(con: duckdb.DuckDBPyConnection, name: str, old: Path, new: Path, before: Any, after: Any) -> _Pair:
    read_before, read_after = _read(old, name), _read(new, name)
    key = tuple(before["tables"][name]["key"])
    same_key = key == tuple(after["tables"][name]["key"])
    columns_before, columns_after = _columns(con, read_before), _columns(con, read_after)
    return _Pair(read_before, read_after, columns_before, columns_after, key if same_key else ())


def _table(
    con: duckdb.DuckDBPyConnection, name: str, old: Path | None, new: Path, before: Any, after: Any
) -> TableChange:
    was, now = before["tables"].get(name), after["tables"].get(name)
    meaning = str((now or was)["meaning"])
    if was is None or now is None or old is None:
        rows = int((now or was)["rows"])
        if was is None:
            return TableChange(name, "added", meaning, 0, rows, rows_added=rows)
        return TableChange(name, "gone", meaning, rows, 0, rows_gone=rows)
    pair = _pair(con, name, old, new, before, after)
    counted = [_count(con, f"SELECT * FROM {read}") for read in (pair.before, pair.after)]
    added = _count(con, pair.only_in(pair.after, pair.before))
    gone = _count(con, pair.only_in(pair.before, pair.after))
    changed, figures, others = 0, [], []
    if pair.key:
        changed = _count(con, f"SELECT 1 FROM {pair.joined} WHERE {pair.differs}")
    if changed:
        told = {f"{column}_status" for column in pair.values if f"{column}_status" in pair.values}
        for column in pair.values:
            if f"{column}_status" in told:
                figure = _figure(con, pair, column)
                figures += [figure] if figure.changed else []
            elif column not in told:
                column_sql = quoted(column)
                test = f"old.{column_sql} IS DISTINCT FROM new.{column_sql}"
                rows = _count(con, f"SELECT 1 FROM {pair.joined} WHERE {test}")
                others += [(column, rows)] if rows else []
    columns_added = tuple(name for name in pair.columns_after if name not in pair.columns_before)
    columns_gone = tuple(name for name in pair.columns_before if name not in pair.columns_after)
    words = _words(was, now)
    is_same = not (added or gone or changed or columns_added or columns_gone or words)
    return TableChange(
        name, "same" if is_same else "changed", meaning, counted[0], counted[1], added, gone, changed,
        columns_added, columns_gone, tuple(figures), tuple(others), words, bool(pair.key),
    )  # fmt: skip


def _words(was: Any, now: Any) -> tuple[str, ...]:
    """What the two catalogues say of a table in different words: parts of its description, then columns."""
    parts = [
        name for name in was if name not in ("name", "rows", "key", "columns") and was[name] != now.get(name)
    ]
    columns_before = {column["name"]: column["meaning"] for column in was["columns"]}
    columns = [
        column["name"]
        for column in now["columns"]
        if columns_before.get(column["name"], column["meaning"]) != column["meaning"]
    ]
    return (*parts, *columns)


def _count(con: duckdb.DuckDBPyConnection, select: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM ({select})").fetchall()[0][0])


def _figure(con: duckdb.DuckDBPyConnection, pair: _Pair, column: str) -> FigureChange:
    value, status = quoted(column), quoted(f"{column}_status")
    shown = f"old.{status} = '{PUBLISHED}' AND new.{status} = '{PUBLISHED}'"
    difference = f"CAST(new.{value} AS DOUBLE) - CAST(old.{value} AS DOUBLE)"
    moved = con.execute(
        f"SELECT round({difference}, 6) AS difference, count(*) FROM {pair.joined} "
        f"WHERE {shown} AND old.{value} IS DISTINCT FROM new.{value} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    went = Counter(
        {
            (str(before), str(after)): rows
            for before, after, rows in con.execute(
                f"SELECT old.{status}, new.{status}, count(*) FROM {pair.joined} "
                f"WHERE old.{status} IS DISTINCT FROM new.{status} GROUP BY ALL"
            ).fetchall()
        }
    )
    hidden, seen = went.pop((PUBLISHED, HIDDEN), 0), went.pop((HIDDEN, PUBLISHED), 0)
    return FigureChange(
        column, tuple((float(size), int(rows)) for size, rows in moved), hidden, seen, went.total()
    )


def _rows(
    con: duckdb.DuckDBPyConnection, name: str, old: Path | None, new: Path, before: Any, after: Any
) -> Iterator[RowChange]:
    was, now = before["tables"].get(name), after["tables"].get(name)
    if was is None or now is None or old is None:
        folder = new if was is None else old
        if folder is None:
            return
        key = tuple((now or was)["key"])
        read = _read(folder, name)
        yield from _whole_rows(con, name, "added" if was is None else "gone", f"SELECT * FROM {read}", key)
        return
    pair = _pair(con, name, old, new, before, after)
    yield from _whole_rows(con, name, "gone", pair.only_in(pair.before, pair.after), pair.key)
    yield from _whole_rows(con, name, "added", pair.only_in(pair.after, pair.before), pair.key)
    if not pair.key or not pair.values:
        return
    asked = [_text(f"new.{quoted(column)}", pair.columns_after[column]) for column in pair.key]
    for column in pair.values:
        asked += [
            f"old.{quoted(column)} IS DISTINCT FROM new.{quoted(column)}",
            _text(f"old.{quoted(column)}", pair.columns_before[column]),
            _text(f"new.{quoted(column)}", pair.columns_after[column]),
        ]
    order = ", ".join(f"new.{quoted(column)}" for column in pair.key)
    result = con.execute(
        f"SELECT {', '.join(asked)} FROM {pair.joined} WHERE {pair.differs} ORDER BY {order}"
    )
    for row in result.fetchall():
        key_values, rest = row[: len(pair.key)], row[len(pair.key) :]
        values = [
            (column, rest[3 * i + 1], rest[3 * i + 2]) for i, column in enumerate(pair.values) if rest[3 * i]
        ]
        yield RowChange(name, "changed", tuple(zip(pair.key, key_values, strict=True)), tuple(values))


def _whole_rows(
    con: duckdb.DuckDBPyConnection, name: str, what: str, select: str, key: Sequence[str]
) -> Iterator[RowChange]:
    types = _columns(con, f"({select})")
    texts = ", ".join(_text(quoted(column), kind) for column, kind in types.items())
    order = ", ".join(quoted(column) for column in key) or "ALL"
    for row in con.execute(f"SELECT {texts} FROM ({select}) ORDER BY {order}").fetchall():
        values = dict(zip(types, row, strict=True))
        kept = tuple((column, values.pop(column)) for column in key if column in values)
        told = [
            (column, value, None) if what == "gone" else (column, None, value)
            for column, value in values.items()
        ]
        yield RowChange(name, what, kept, tuple(told))


def _text(column: str, kind: str) -> str:
    if kind == "BLOB":
        return f"CASE WHEN {column} IS NOT NULL THEN '(shape)' END"
    return f"CAST({column} AS VARCHAR)"


# In words ---------------------------------


def _table_in_words(table: TableChange) -> list[str]:
    if table.what in ("added", "gone"):
        rows = table.rows_after if table.what == "added" else table.rows_before
        return [
            f"{table.table}: the table is {'new' if table.what == 'added' else 'gone'} ({_rows_of(rows)})"
        ]
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (table.rows_added, "added"),
            (table.rows_gone, "gone"),
            (table.rows_changed, "changed"),
        )
        if number
    ]
    size = _rows_of(table.rows_after)
    if table.rows_before != table.rows_after:
        size += f", was {table.rows_before:,}"
    lines = [f"{table.table} ({size}): {', '.join(parts) or 'the same rows'}"]
    if not table.by_key:
        lines.append("  its rows go by another key now: a row that changed counts as one gone and one added")
    for columns, word in ((table.columns_added, "new"), (table.columns_gone, "gone")):
        if columns:
            lines.append(f"  {word} column{'s' if len(columns) > 1 else ''}: {', '.join(columns)}")
    lines += [f"  {_figure_in_words(figure)}" for figure in table.figures]
    lines += [f"  {column}: changed in {_rows_of(rows)}" for column, rows in table.other_columns]
    if table.words:
        lines.append(f"  described in other words: {', '.join(table.words)}")
    return lines


def _rows_of(number: int) -> str:
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def _figure_in_words(figure: FigureChange) -> str:
    parts = []
    for sign, word in ((1, "higher"), (-1, "lower")):
        sizes = [(abs(size), rows) for size, rows in figure.differences if size * sign > 0]
        if sizes:
            often = sorted(sizes, key=lambda pair: (-pair[1], pair[0]))
            total = f"{sum(rows for _, rows in sizes):,} {word}"
            if len(often) == 1:
                parts.append(f"{total} by {_number(often[0][0])}")
                continue
            named = ", ".join(f"{rows:,} by {_number(size)}" for size, rows in often[:NAMED_DIFFERENCES])
            if len(often) > NAMED_DIFFERENCES:
                named += f", others by up to {_number(max(size for size, _ in often))}"
            parts.append(f"{total} ({named})")
    if figure.newly_hidden:
        parts.append(f"{figure.newly_hidden:,} newly hidden")
    if figure.newly_shown:
        parts.append(f"{figure.newly_shown:,} newly shown")
    if figure.other_status:
        parts.append(f"{figure.other_status:,} with another status")
    return f"{figure.column}: {'; '.join(parts)}"


def _number(value: float) -> str:
    return f"{value:,.6f}".rstrip("0").rstrip(".")
