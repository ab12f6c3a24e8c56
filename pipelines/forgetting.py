"""What must not be in the restricted store any longer: extracts past their retention, and what was forgotten.

Here belong the register of what was forgotten (`restricted/forgotten.json`: marks under the pseudonym key, names and
SHA-256 of files, never a value), what of a dataset is therefore left out while its files are read (`LeftOut`), and
taking the same out of a former version that stays in use since a file was refused (`take_out`). Reading files is
`ingest`; the command that forgets and has everything made again is `commands.forget`. The files in the authority folder
are their owner's: nothing here touches them.
"""

from __future__ import annotations

import calendar
import datetime
import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from pipelines.authority import AsAtColumn, Dataset, column_name
from pipelines.pseudonyms import FORMER, Pseudonyms
from pipelines.tables import Column, Table, quoted, text_literal

FILE = "forgotten.json"
TODAY = "PLACES_TODAY"
FORGOTTEN = "forgotten"
REFERENCE = "record_reference"


class RegisterUnreadable(Exception):
    """The register of what was forgotten cannot be used, so that no run may begin; the message says why."""


class KeyLost(Exception):
    """A person was forgotten under a pseudonym key that is not at hand, so that no run may read the dataset."""


@dataclass(frozen=True)
class Entry:
    """One thing that was forgotten: a whole dataset, one extract (by name and SHA-256), or a person (by a mark).

    A person's `mark` is made from the mark in `column`, again under the key of the fingerprint `key`, so that it is not
    one that stands, or ever stood, in a table.
    """

    number: int
    what: Literal["dataset", "extract", "person"]
    dataset: str
    on: str
    by: str
    file: str = ""
    sha256: str = ""
    column: str = ""
    mark: str = ""
    key: str = ""


class Register:
    """What was forgotten in one restricted store, as read when this was made; raises `RegisterUnreadable`."""

    def __init__(self, restricted: Path) -> None:
        self.path = restricted / FILE
        self._next, self.entries = 1, tuple[Entry, ...]()
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            self._next = int(stored["next"])
            self.entries = tuple(Entry(**entry) for entry in stored["forgotten"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RegisterUnreadable(
                f"{self.path}: wanted the register of what was forgotten; found a file that cannot be read "
                f"({type(error).__name__}). Bring it back from a backup: without it, what was forgotten would be read "
                "again"
            ) from None

    def add(self, entry: Entry) -> Entry:
        """Remember one more, on disk before this returns; returns it with its number."""
        entry = Entry(**{**asdict(entry), "number": self._next})
        self._store(self._next + 1, (*self.entries, entry))
        return entry

    def remove(self, number: int) -> Entry:
        """Take one off; raises KeyError where there is none of that number."""
        found = {entry.number: entry for entry in self.entries}[number]
        self._store(self._next, tuple(entry for entry in self.entries if entry is not found))
        return found

    def _store(self, following: int, entries: tuple[Entry, ...]) -> None:
        text = json.dumps({"next": following, "forgotten": [asdict(e) for e in entries]}, indent=1) + "\n"
        aside = self.path.with_name(f".{FILE}.{uuid.uuid4().hex}")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            aside.replace(self.path)
        finally:
            aside.unlink(missing_ok=True)
        self._next, self.entries = following, entries


@dataclass(frozen=True)
class LeftOut:
    """What of a dataset is not read.

    `keep_from` is the first day that is kept; `persons` are entries of its persons, each with what makes its marks.
    """

    dataset: Dataset
    keep_from: datetime.date | None = None
    whole: bool = False
    files: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()
    persons: tuple[tuple[Entry, Pseudonyms], ...] = field(default=())

    @property
    def expires_by_row(self) -> bool:
        """Whether each row has a date of its own that says until when it is kept: events, and dates in a column."""
        return self.dataset.kind == "flow" or isinstance(self.dataset.as_at, AsAtColumn)

    @property
    def expiry(self) -> str:
        """Why a row is not kept, as `row_rejected` gives it."""
        return f"past_retention: older than the {self.dataset.keep_months} months that the dataset is kept"

    def expired(self, as_at: datetime.date | None) -> str:
        """Why an extract of this date is not read; empty where it is."""
        if self.keep_from is None or self.expires_by_row or as_at is None or as_at >= self.keep_from:
            return ""
        return (
            f"past retention: it describes {as_at}, and the dataset is kept for {self.dataset.keep_months} months, now "
            f"since {self.keep_from}; delete the file in the authority folder too"
        )

    def forgotten(self, name: str, sha256: str) -> str:
        """Why a file of this name and content is not read; empty where it is."""
        if self.whole:
            return "forgotten: the whole dataset, by `places forget`"
        if name in self.files or sha256 in self.contents:
            return "forgotten: this extract, by `places forget`; the file itself is its owner's to delete"
        return ""

    def in_column(self, column: str) -> bool:
        """Whether somebody was forgotten by this column."""
        return any(entry.column == column for entry, _ in self.persons)

    def is_forgotten(self, column: str, value: str) -> bool:
        """Whether a value of a column is that of a person who was forgotten."""
        name = self.dataset.name
        return any(
            entry.column == column
            and entry.mark == key.forgotten(name, column, key.mark(name, column, value))
            for entry, key in self.persons
        )

    def is_forgotten_mark(self, column: str, mark: str) -> bool:
        """Whether a mark that stands in a column is that of a person who was forgotten."""
        return any(
            entry.column == column and entry.mark == key.forgotten(self.dataset.name, column, mark)
            for entry, key in self.persons
        )


def left_out(
    dataset: Dataset, register: Register, today: datetime.date, keys: Iterable[Pseudonyms] = ()
) -> LeftOut:
    """What of a dataset is not read on a day; raises `KeyLost` where no key is the one of a forgotten person's mark."""
    of_it = [entry for entry in register.entries if entry.dataset == dataset.name]
    by_fingerprint = {key.fingerprint: key for key in keys}
    persons = [entry for entry in of_it if entry.what == "person"]
    if unknown := sorted({entry.number for entry in persons if entry.key not in by_fingerprint}):
        numbers = ", ".join(map(str, unknown))
        raise KeyLost(
            f"{dataset.name}: persons were forgotten under another pseudonym key (number {numbers} of `places forget "
            f"--list`) and would be read again. Put that key, as a file *.key, into restricted/{FORMER}; or, where it "
            "is lost, take them off with `places forget --undo NUMBER`, and forget them anew after the next run"
        )
    return LeftOut(
        dataset,
        keep_from(today, dataset.keep_months) if dataset.keep_months else None,
        any(entry.what == "dataset" for entry in of_it),
        frozenset(entry.file for entry in of_it if entry.what == "extract"),
        frozenset(entry.sha256 for entry in of_it if entry.what == "extract" and entry.sha256),
        tuple((entry, by_fingerprint[entry.key]) for entry in persons),
    )


def day_of_run() -> datetime.date:
    """The day by which retention is reckoned: PLACES_TODAY (such as 2026-09-30), else today."""
    given = os.environ.get(TODAY, "").strip()
    try:
        return datetime.date.fromisoformat(given) if given else datetime.date.today()
    except ValueError:
        raise ValueError(f"{TODAY}: wanted a day such as 2026-09-30; found `{given}`") from None


def keep_from(today: datetime.date, months: int) -> datetime.date:
    """The day that many months before, the last of its month where that is shorter."""
    whole = today.year * 12 + today.month - 1 - months
    year, month = divmod(whole, 12)
    if year < 1:
        return datetime.date.min
    return datetime.date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))


def keyed_columns(dataset: Dataset) -> list[tuple[str, str, str]]:
    """The columns by which a person can be found: (name in the marks, column of the table, header)."""
    if dataset.is_open:
        return []
    named = [(use.name or column_name(h), h) for h, use in dataset.columns.items() if use.keep == "keyed"]
    found = [(name, name, header) for name, header in named]
    found += [(REFERENCE, "record_id", h) for h, use in dataset.columns.items() if use.role == REFERENCE]
    return found


# --- a former version that stays in use ------------------------------------------------------------------------------


def take_out(
    con: duckdb.DuckDBPyConnection, table: Table, rejected: Table, files: Table, out: LeftOut
) -> bool:
    """The stored version of a dataset's table without what must not be in it, its accounts mended.

    Makes the temporary tables `former_kept`, `former_rejected` and `former_files`. Returns whether the version must be
    written anew from them: something had to go, or it has other columns than the table has now.
    """
    for name, of in (("former_kept", table), ("former_rejected", rejected), ("former_files", files)):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {_as_described(con, of)}")
    whole = [
        (file, status)
        for file, sha256, as_at in con.execute(
            "SELECT file, sha256, as_at FROM former_files WHERE status = 'read' ORDER BY file"
        ).fetchall()
        for status in [_status(out, file, sha256, as_at)]
        if status
    ]
    conditions = []
    if out.keep_from is not None and out.expires_by_row:
        day = "event_date" if out.dataset.kind == "flow" else "as_at"
        conditions.append((f"{day} < DATE '{out.keep_from}'", day, out.expiry))
    for name, column, header in keyed_columns(out.dataset):
        if out.in_column(name):
            marks = con.execute(
                f"SELECT DISTINCT {quoted(column)} FROM former_kept WHERE {quoted(column)} IS NOT NULL"
            ).fetchall()
            gone = [mark for (mark,) in marks if out.is_forgotten_mark(name, mark)]
            if gone:
                conditions.append((f"{quoted(column)} IN ({_listed(gone)})", header, FORGOTTEN))
    changed = bool(whole) or _columns(con, table) != [column.name for column in table.columns]
    for name in ("former_kept", "former_rejected"):
        con.execute(f"DELETE FROM {name} WHERE file IN ({_listed(file for file, _ in whole)})")
    for file, status in whole:
        con.execute(
            "UPDATE former_files SET status = ?, reason = ?, rows_read = 0, rows_kept = 0, rows_rejected = 0, "
            "weight_read = 0, weight_kept = 0, weight_rejected = 0 WHERE file = ? AND status = 'read'",
            [status, f"{status} while a file was refused", file],
        )
    for condition, header, reason in conditions:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE gone AS SELECT file, count(*) AS n, CAST(sum(weight) AS BIGINT) AS w "
            f"FROM former_kept WHERE {condition} GROUP BY file"
        )
        changed = changed or con.execute("SELECT count(*) FROM gone").fetchall() != [(0,)]
        con.execute(
            f"INSERT INTO former_rejected SELECT authority_code, {text_literal(table.name)}, file, row_number, "
            f"{text_literal(header)}, {text_literal(reason)}, weight FROM former_kept WHERE {condition}"
        )
        con.execute(f"DELETE FROM former_kept WHERE {condition}")
        con.execute(
            "UPDATE former_files SET rows_kept = rows_kept - n, rows_rejected = rows_rejected + n, "
            "weight_kept = weight_kept - w, weight_rejected = weight_rejected + w FROM gone "
            "WHERE former_files.file = gone.file AND status = 'read'"
        )
        con.execute("DROP TABLE gone")
    return changed


def _status(out: LeftOut, file: str, sha256: str, as_at: datetime.date | None) -> str:
    if out.forgotten(file, sha256):
        return FORGOTTEN
    return "expired" if out.expired(as_at) else ""


def _columns(con: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """The columns of the stored table, in order; none where there is no such table."""
    found = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
        [table.stage, table.name],
    ).fetchall()
    return [name for (name,) in found]


def _as_described(con: duckdb.DuckDBPyConnection, table: Table) -> str:
    """A SELECT of the stored table with the columns that it has now; no row where there is no such table."""
    stored = _columns(con, table)

    def value(column: Column) -> str:
        name = quoted(column.name)
        return f"CAST({name if column.name in stored else 'NULL'} AS {column.type}) AS {name}"

    values = ", ".join(value(column) for column in table.columns)
    return f"SELECT {values} " + (f"FROM {table.stage}.{quoted(table.name)}" if stored else "WHERE false")


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(map(text_literal, texts)) or "NULL"
