"""Where tables live: Parquet files written once, and a small pointer to the current one of each table.

Only this module knows how a table is stored. A file is named by its content and never changed; a table's pointer
(`current.json`) is replaced in one step after the file is safely on disk. A run that is killed leaves every former
table whole, and the same inputs give the same bytes. Tables that tell of each other (a dataset, its rejected rows, its
files) are written together: all move on or none does, whenever the run is killed. DuckDB is the engine: an in-memory
connection sees each table as the view `stage.table`: there is no database file to lock. What tables mean is `tables`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.tables import STAGES, Column, Table, quoted, text_literal

POINTER = "current.json"
MUST_GO = "former_versions_must_go"
# Pointers that are to be moved together: written before the first is, gone after the last.
MOVING = ".moving-"


@dataclass(frozen=True)
class Written:
    """What a write left: rows, the Parquet file, its SHA-256, its columns with their types, whether anything is new."""

    rows: int
    path: Path
    sha256: str
    columns: tuple[Column, ...]
    changed: bool


class KeyNotUnique(Exception):
    """A table's key is not unique or has gaps; says in how many rows, never which values."""


class Warehouse:
    """The tables below one folder (`output/restricted/warehouse`).

    Memory and threads come from the arguments, else from PLACES_MEMORY_LIMIT (default 4GB) and PLACES_THREADS
    (default 2). DuckDB's spill files stay inside the restricted folder.
    """

    def __init__(self, root: Path, memory_limit: str | None = None, threads: int | None = None) -> None:
        self.root = root.resolve()
        self.memory_limit = memory_limit or os.environ.get("PLACES_MEMORY_LIMIT", "4GB")
        self.threads = threads or int(os.environ.get("PLACES_THREADS", "2"))

    @contextlib.contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """An in-memory connection with a schema a stage and a view a table; closed at the end."""
        spill = self.root.parent / "spill"
        spill.mkdir(parents=True, exist_ok=True)
        con = duckdb.connect(
            config={
                "memory_limit": self.memory_limit,
                "threads": self.threads,
                "temp_directory": str(spill),
                # No council firewall lets these through, and nothing here needs them.
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        try:
            con.execute("SET enable_progress_bar = false")
            self.attach_views(con)
            yield con
        finally:
            con.close()

    def attach_views(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make or renew the view of each existing table on a connection."""
        for stage in STAGES:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {stage}")
            for name in self.names(stage):
                self.view(con, stage, name)

    def view(self, con: duckdb.DuckDBPyConnection, stage: str, name: str, where: str = "") -> None:
        """Make or renew the view of one existing table; `where` (SQL) limits which rows it shows."""
        path = self.read_path(stage, name)
        con.execute(
            f"CREATE OR REPLACE VIEW {stage}.{quoted(name)} AS SELECT * FROM read_parquet({text_literal(str(path))})"
            + (f" WHERE {where}" if where else "")
        )

    def names(self, stage: str) -> list[str]:
        """The names of the stage's existing tables, sorted."""
        found = sorted(pointer.parent.name for pointer in (self.root / stage).glob(f"*/{POINTER}"))
        return [name for name in found if self.facts(stage, name) is not None]

    def facts(self, stage: str, name: str) -> dict[str, Any] | None:
        """What the table's pointer says (file, rows, columns, key, meaning, path), or None where there is no table.

        A pointer that cannot be read, or whose file somebody has deleted, is as good as none: the next run makes anew.
        """
        folder = self.root / stage / name
        try:
            facts: dict[str, Any] = json.loads((folder / POINTER).read_text(encoding="utf-8"))
            return facts if (folder / facts["file"]).is_file() else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def read_path(self, stage: str, name: str) -> Path | None:
        """The current Parquet file of a table, or None."""
        facts = self.facts(stage, name)
        return None if facts is None else self.root / stage / name / facts["file"]

    def write(
        self,
        con: duckdb.DuckDBPyConnection,
        table: Table,
        select_sql: str,
        made: Mapping[str, Any] | None = None,
    ) -> Written:
        """Store the result of a SELECT as the table's current version, in the order of its key.

        The columns must be those that the table describes, in that order. `made` is what its pointer is to say of how
        it was made (see `lineage`). Raises `KeyNotUnique` when two rows share a key or a key is NULL, ValueError when
        the columns differ; in both cases the former version stays current.
        """
        (written,) = self.write_together(con, [(table, select_sql)], made)
        return written

    def write_together(
        self, con: duckdb.DuckDBPyConnection, tables: Sequence[tuple[Table, str]],
        made: Mapping[str, Any] | None = None,
    ) -> list[Written]:  # fmt: skip
        """Store the results of several SELECTs so that all become current or none does.

        Every file is on disk before the first pointer moves; where the run is killed between two pointers, the next
        run moves the rest (`finish_moves`). Raises as `write` does; then all former versions stay current.
        """
        stored = [(table, *self._store(con, table, select_sql)) for table, select_sql in tables]
        moves: dict[str, dict[str, Any]] = {}
        written = []
        for table, final, sha256, columns in stored:
            rows = con.execute(f"SELECT count(*) FROM read_parquet({text_literal(str(final))})").fetchall()[
                0
            ][0]
            former = self.facts(table.stage, table.name)
            facts = {**_pointer(table, final, rows, columns, former), **(made or {})}
            if facts != former:
                moves[f"{table.stage}/{table.name}"] = facts
            is_changed = former is None or former["file"] != final.name
            written.append(Written(rows, final, sha256, columns, is_changed))
        if len(moves) > 1:
            together = self.root / f"{MOVING}{uuid.uuid4().hex}.json"
            replace_text(together, json.dumps(moves, ensure_ascii=False))
            self._move(moves)
            together.unlink()
        else:
            self._move(moves)
        for table, *_ in stored:
            self.view(con, table.stage, table.name)
        return written

    def _move(self, moves: Mapping[str, Mapping[str, Any]]) -> None:
        for place, facts in moves.items():
            replace_text(self.root / place / POINTER, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")

    def clear_leavings(self) -> int:
        """Finish or remove what killed runs left half-done; returns how much that was.

        Only under the run lock, and before anything is written or swept. Older versions of tables are the sweep's.
        """
        gone = self.finish_moves()
        for left in self.root.glob("*/*/.*"):
            left.unlink(missing_ok=True)
            gone += 1
        return gone

    def finish_moves(self) -> int:
        """Move the pointers that a killed run had begun to move together; returns how many such moves there were.

        Only under the run lock, and before anything else is written or swept.
        """
        begun = sorted(self.root.glob(f"{MOVING}*.json"))
        for path in begun:
            self._move(json.loads(path.read_text(encoding="utf-8")))
            path.unlink()
        for aside in self.root.glob(f".{MOVING}*"):  # not whole: nothing had moved
            aside.unlink()
        return len(begun)

    def _store(
        self, con: duckdb.DuckDBPyConnection, table: Table, select_sql: str
    ) -> tuple[Path, str, tuple[Column, ...]]:
        """Write and check a table's Parquet file; returns its path, SHA-256 and columns. No pointer moves."""
        folder = self.root / table.stage / table.name
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".writing-{uuid.uuid4().hex}.parquet"
        try:
            order = ", ".join(quoted(name) for name in table.key)
            con.execute(
                f"COPY (SELECT * FROM ({select_sql}) ORDER BY {order}) "
                f"TO {text_literal(str(aside))} (FORMAT parquet, COMPRESSION zstd)"
            )
            columns = self._check(con, table, aside)
            _flush(aside)
            with aside.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            final = folder / f"{sha256[:20]}.parquet"
            if final.exists():
                aside.unlink()
            else:
                aside.replace(final)
        finally:
            aside.unlink(missing_ok=True)
        return final, sha256, columns

    def _check(self, con: duckdb.DuckDBPyConnection, table: Table, path: Path) -> tuple[Column, ...]:
        read = f"read_parquet({text_literal(str(path))})"
        found = con.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()
        wanted = [column.name for column in table.columns]
        if [row[0] for row in found] != wanted:
            raise ValueError(
                f"{table.full_name}: wanted the columns {', '.join(wanted)}; found {', '.join(row[0] for row in found)}"
            )
        key = ", ".join(quoted(name) for name in table.key)
        gaps = " OR ".join(f"{quoted(name)} IS NULL" for name in table.key)
        repeated, empty = con.execute(
            f"SELECT (SELECT count(*) FROM (SELECT 1 FROM {read} GROUP BY {key} HAVING count(*) > 1)), "
            f"(SELECT count(*) FROM {read} WHERE {gaps})"
        ).fetchall()[0]
        if repeated or empty:
            raise KeyNotUnique(
                f"{table.full_name}: the key ({', '.join(table.key)}) must be unique and complete; "
                f"found {repeated} repeated key(s) and {empty} row(s) without one"
            )
        return tuple(
            Column(column.name, row[1], column.meaning)
            for column, row in zip(table.columns, found, strict=True)
        )

    def drop(self, stage: str, name: str) -> None:
        """Take a table away (its dataset has left the authority folder); its files go at the next sweep."""
        (self.root / stage / name / POINTER).unlink(missing_ok=True)

    def drop_all_but(self, names: Container[str]) -> None:
        """Take away every table whose full name (`stage.name`) is not among the names."""
        for stage in STAGES:
            for name in self.names(stage):
                if f"{stage}.{name}" not in names:
                    self.drop(stage, name)

    def former_versions_must_go(self) -> None:
        """Have the next sweep delete every table's former version too: something in one is to be nowhere any longer."""
        self.root.mkdir(parents=True, exist_ok=True)
        replace_text(self.root / MUST_GO, "")

    def versions_that_must_go(self) -> list[Path]:
        """Of the files that a sweep had to delete, those still there (on Windows, while somebody reads them)."""
        if not (self.root / MUST_GO).exists():
            return []
        current = {self.read_path(stage, name) for stage in STAGES for name in self.names(stage)}
        return sorted(path for path in self.root.glob("*/*/*.parquet") if path not in current)

    def _forget_former(self) -> None:
        for stage in STAGES:
            for name in self.names(stage):
                facts = self.facts(stage, name) or {}
                if facts["former"] not in (None, facts["file"]):
                    pointer = self.root / stage / name / POINTER
                    replace_text(
                        pointer, json.dumps({**facts, "former": None}, ensure_ascii=False, indent=1) + "\n"
                    )

    def sweep(self) -> int:
        """Delete files that no pointer names (older versions, leavings of killed runs); returns how many.

        The former version of a table is kept, so that who reads it can finish, unless `former_versions_must_go`.
        """
        must_go, gone, left = (self.root / MUST_GO).exists(), 0, 0
        if must_go:
            self._forget_former()
        for stage in STAGES:
            for folder in (path for path in (self.root / stage).glob("*") if path.is_dir()):
                facts = self.facts(stage, folder.name)
                keep = {POINTER, facts["file"], facts["former"]} if facts else set()
                for path in folder.iterdir():
                    if path.name not in keep:
                        # On Windows somebody may be reading it; next time.
                        try:
                            path.unlink()
                            gone += 1
                        except PermissionError:
                            left += 1
                if not facts:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
        if must_go and not left:
            (self.root / MUST_GO).unlink()
        return gone

    def write_database(self, path: Path) -> None:
        """Write a DuckDB file that holds only views over the current files, with every meaning as a comment."""
        for left in path.parent.glob(".writing-*.duckdb*"):  # by a run that was killed
            left.unlink(missing_ok=True)
        aside = path.with_name(f".writing-{uuid.uuid4().hex}.duckdb")
        try:
            with duckdb.connect(str(aside)) as con:
                con.execute("BEGIN")  # one flush, not one a comment
                self.attach_views(con)
                for stage in STAGES:
                    for name in self.names(stage):
                        comment(con, "VIEW", f"{stage}.{quoted(name)}", self.facts(stage, name) or {})
                con.execute("COMMIT")
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def _pointer(
    table: Table, final: Path, rows: int, columns: tuple[Column, ...], former: dict[str, Any] | None
) -> dict[str, Any]:
    """What the table's pointer is to say."""
    facts = {
        "file": final.name,
        "rows": rows,
        "meaning": table.meaning,
        "key": list(table.key),
        "path": table.path,
        "columns": [[column.name, column.type, column.meaning] for column in columns],
        # Kept so that a reader who opened the former file a moment ago can finish.
        "former": None,
    }
    if former is not None:
        facts["former"] = former["former"] if former["file"] == final.name else former["file"]
    return facts


def comment(con: duckdb.DuckDBPyConnection, what: str, name: str, facts: dict[str, Any]) -> None:
    """Put a table's meaning and its columns' meanings on it as SQL comments; `what` is VIEW or TABLE."""
    con.execute(f"COMMENT ON {what} {name} IS {text_literal(facts['meaning'])}")
    for column, _, meaning in facts["columns"]:
        con.execute(f"COMMENT ON COLUMN {name}.{quoted(column)} IS {text_literal(meaning)}")


def replace_text(path: Path, text: str) -> None:
    """Replace a small text file in one step: a reader sees the old text or the new, never a part."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with aside.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
