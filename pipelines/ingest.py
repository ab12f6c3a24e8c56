"""From files to typed tables, with every row accounted for: read = kept + rejected, in rows and in weight.

Here belongs what a column means for a row: typing, cleaning, personal values dropped, keyed or banded *while the file
is read*, rows left out by rule, duplicates, and the record of each rejected row (file, row number, column, reason;
never its values). How files are written is `formats`; the rules for identifiers are `identifiers`; placing is `place`.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines import drift, extracts, gazetteer_files, identifiers
from pipelines.addressbase import NAMES
from pipelines.authority import (
    AsAtColumn,
    Authority,
    ColumnUse,
    Dataset,
    Files,
    RowRule,
    Source,
    SourceColumn,
    column_name,
    is_pattern,
    match_headers,
)
from pipelines.extracts import date_in_name, date_of
from pipelines.forgetting import FORGOTTEN, LeftOut, keyed_columns
from pipelines.formats import (
    GEOMETRY,
    FileRefused,
    HeaderNotFound,
    Rows,
    open_rows,
    to_grid_metres,
)
from pipelines.headers import alternatives, by_their_names, headers_needed, lacking
from pipelines.identifiers import Reading
from pipelines.pseudonyms import Pseudonyms
from pipelines.tables import Column, Table, quoted, text_literal

AGE_BANDS = ((18, "0 to 17"), (65, "18 to 64"), (75, "65 to 74"), (85, "75 to 84"))
OLDEST_BAND = "85 and over"

# A few repeated references are mistakes in an extract; more than this share of rows, and the column is no reference.
MOST_REPEATED_PERCENT = 5

SQL_TYPES = {
    "uprn": "BIGINT", "usrn": "BIGINT", "text": "VARCHAR", "postcode": "VARCHAR", "area_code": "VARCHAR",
    "metres": "DECIMAL(10, 2)", "degrees": "DECIMAL(10, 7)", "integer": "BIGINT", "decimal": "DECIMAL(18, 4)",
    "date": "DATE", "geometry": "BLOB",
}  # fmt: skip

REJECTED_COLUMNS = (
    Column("authority_code", "VARCHAR", "GSS code of the authority"),
    Column("of", "VARCHAR", "dataset or source that the row was meant for"),
    Column("file", "VARCHAR", "file, inside the authority or data folder"),
    Column("row_number", "BIGINT", "row of the file as a spreadsheet counts, the first row being 1"),
    Column("column_name", "VARCHAR", "column that gave the reason; empty where it is the whole row"),
    Column("reason", "VARCHAR", "why the row was rejected"),
    Column("weight", "BIGINT", "what the row would have counted; 0 where that cannot be read"),
)
FILE_COLUMNS = (
    Column("authority_code", "VARCHAR", "GSS code of the authority"),
    Column("of", "VARCHAR", "dataset or source that the file belongs to"),
    Column("file", "VARCHAR", "file, inside the authority or data folder"),
    Column(
        "status",
        "VARCHAR",
        "`read`; `refused` where the file cannot be used at all; `expired`, past the dataset's retention; `forgotten`; "
        "`missing` where it is gone, though what was read of it is in use; "
        "`superseded` by a later supply; or, of a file of many record types, the type that the row accounts for, "
        "such as `21 BLPU`, where its records are not rows of the table themselves but joined to these",
    ),
    Column("reason", "VARCHAR", "why a file was not read: what was wanted, what was found, what to do"),
    Column("sha256", "VARCHAR", "SHA-256 of the file"),
    Column("bytes", "BIGINT", "size of the file, bytes"),
    Column("encoding", "VARCHAR", "encoding or format that the file was read in"),
    Column("as_at", "DATE", "date that the extract describes, where it has one"),
    Column(
        "edition",
        "VARCHAR",
        "edition: as the description states it, else month and year in the file's name, else the name",
    ),
    Column("rows_read", "BIGINT", "rows in the file, the header not counted"),
    Column("rows_kept", "BIGINT", "rows kept"),
    Column("rows_rejected", "BIGINT", "rows rejected; read = kept + rejected"),
    Column("weight_read", "BIGINT", "what the rows read count for (records, homes, claimants, ...)"),
    Column("weight_kept", "BIGINT", "what the rows kept count for"),
    Column("weight_rejected", "BIGINT", "what the rows rejected count for"),
    Column(
        "columns_left_out",
        "VARCHAR",
        "headers in the file that the description does not name: they never enter",
    ),
)

FIXED = (
    Column("authority_code", "VARCHAR", "GSS code of the authority"),
    Column(
        "record_id",
        "VARCHAR",
        "the record: its reference (a keyed mark where personal), else file and row number",
    ),
    Column(
        "subject",
        "VARCHAR",
        "the person or household that the record is about, a keyed mark; empty where the extract names none",
    ),
    Column("file", "VARCHAR", "file that the record stands in"),
    Column("row_number", "BIGINT", "row of the file as a spreadsheet counts, the first row being 1"),
    Column("as_at", "DATE", "date that the extract describes"),
    Column("event_date", "DATE", "date of the event, for flows"),
    Column("weight", "BIGINT", "how many the record counts for (1 unless it is a tally)"),
    Column("uprn", "BIGINT", "UPRN as given, where well formed"),
    Column("uprn_issue", "VARCHAR", "what is wrong with the UPRN as given"),
    Column("uprn_form", "VARCHAR", "form of a damaged UPRN as given: digits as 9, letters as A"),
    Column("usrn", "BIGINT", "USRN as given, where well formed"),
    Column("address", "VARCHAR", "address lines as given, joined by commas"),
    Column("postcode", "VARCHAR", "postcode as given, in the form AB1 2CD"),
    Column("postcode_issue", "VARCHAR", "what is wrong with the postcode as given"),
    Column("easting", "DECIMAL(10, 2)", "easting as given, metres, EPSG:27700"),
    Column("northing", "DECIMAL(10, 2)", "northing as given, metres, EPSG:27700"),
    Column("coordinates_issue", "VARCHAR", "what is wrong with the coordinates as given"),
    Column("area_code", "VARCHAR", "GSS area code as given, where well formed"),
    Column("area_code_issue", "VARCHAR", "what is wrong with the area code as given"),
    Column("issues", "VARCHAR[]", "every issue of the row, each as `column: issue`"),
)


@dataclass(frozen=True)
class OutColumn:
    """One column of the table to be made, and the SQL over the text columns that makes it."""

    column: Column
    value: str
    issue: str = ""
    required: bool = False


@dataclass
class Feed:
    """What a file must deliver: text columns `t0`, `t1`, ..., each from one position in the file, or made from several.

    What a transform makes is all that is stored: the cells that it is made from stay in the reader.
    """

    positions: list[tuple[int, ...]] = field(default_factory=list)
    transforms: list[Callable[..., Any] | None] = field(default_factory=list)

    def add(self, *positions: int, transform: Callable[..., Any] | None = None) -> str:
        """Ask for a column; returns its name. A transform takes the row's cells at the positions."""
        if transform is None and positions in self.positions:
            i = self.positions.index(positions)
            if self.transforms[i] is None:
                return f"t{i}"
        self.positions.append(positions)
        self.transforms.append(transform)
        return f"t{len(self.positions) - 1}"

    def cells(self, columns: list[Any]) -> list[Any]:
        """The feed's columns from the file's columns."""
        return [
            columns[at[0]]
            if transform is None
            else [transform(*cells) for cells in zip(*(_as_list(columns[p]) for p in at), strict=True)]
            for at, transform in zip(self.positions, self.transforms, strict=True)
        ]


def _as_list(column: Any) -> Any:
    return column.to_pylist() if isinstance(column, pa.Array) else column


@dataclass(frozen=True)
class Plan:
    """How one file becomes rows: its feed, its columns, the row's weight, and the reasons to reject a row, in order."""

    feed: Feed
    columns: list[OutColumn]
    weight: str
    rejections: list[
        tuple[str, str, str]
    ]  # (SQL condition over text and `_made` columns, column name, reason)
    left_out: list[str]
    as_at: datetime.date | None
    derive: Callable[[list[list[Any]]], list[list[Any]]] | None = None
    change: str = "NULL"  # what a row of changes does: insert, update or delete


@dataclass(frozen=True)
class Ingested:
    """What an ingest came to.

    `refused` holds (file, reason) of files that could not be used at all; `left_out` how many files were not read since
    they are past retention or forgotten; `rows_gone` how many rows were rejected for the same.
    """

    rows_read: int
    rows_kept: int
    rows_rejected: int
    files: int
    refused: tuple[tuple[str, str], ...]
    left_out: int = 0
    rows_gone: int = 0


# --- tables that an ingest fills -------------------------------------------------------------------------------------


def source_table(source: Source) -> Table:
    """The table of an open source."""
    columns = [Column("authority_code", "VARCHAR", "GSS code of the authority")]
    columns += [Column(name, SQL_TYPES[c.kind], c.meaning) for name, c in source.table.items()]
    columns.append(Column("file", "VARCHAR", "file that the row stands in"))
    return Table(
        "sources",
        source.name,
        source.meaning,
        tuple(columns),
        source.key,
        (),
        f"assets/sources/{source.name}.yaml",
    )


def dataset_table(dataset: Dataset) -> Table:
    """The table of a council's dataset or of its sites."""
    own = [
        Column(name, _own_type(use), _own_meaning(header, use)) for name, header, use in own_columns(dataset)
    ]
    meaning = f"{dataset.title}: one row per {dataset.counts}" + (
        " and extract" if dataset.kind == "stock" else ""
    )
    folder = "services" if dataset.group == "service" else "sites"
    return Table(
        "services", dataset.name, f"{meaning}. {dataset.purpose}".strip(), (*FIXED, *own), ("file", "row_number"),
        (), f"{folder}/{dataset.name}/dataset.yaml",
    )  # fmt: skip


def rejected_table(of: Table) -> Table:
    """The rows that were rejected on the way into a table."""
    meaning = (
        f"Rows rejected on the way into {of.full_name}, with file, row number and reason; never their values."
    )
    return Table(
        of.stage, f"{of.name}_rejected", meaning, REJECTED_COLUMNS, ("file", "row_number"), (), of.path
    )


def files_table(of: Table) -> Table:
    """The files that a table was read from."""
    meaning = f"Files read for {of.full_name}: rows and weight read = kept + rejected."
    return Table(of.stage, f"{of.name}_files", meaning, FILE_COLUMNS, ("file", "status"), (), of.path)


def own_columns(dataset: Dataset) -> list[tuple[str, str, ColumnUse]]:
    """The columns that are a dataset's own: (name, header, use), in the order of the description."""
    return [(use.name or column_name(h), h, use) for h, use in dataset.columns.items() if use.is_own]


def _own_type(use: ColumnUse) -> str:
    if use.role == "measure":
        return SQL_TYPES[use.type]
    return "DATE" if use.role == "date" else "VARCHAR"


def _own_meaning(header: str, use: ColumnUse) -> str:
    what = {
        "personal": f"keyed mark of `{header}`"
        if use.keep == "keyed"
        else f"age band from `{header}`, years",
        "measure": f"`{header}` as a number",
        "date": f"`{header}` as a date",
        "property_reference": f"`{header}`: the service's own reference of the property, not a UPRN",
    }
    return what.get(use.role, f"`{header}` as given")


# --- the ingest ------------------------------------------------------------------------------------------------------


def ingest_source(con: duckdb.DuckDBPyConnection, authority: Authority, source: Source) -> Ingested:
    """Read an open source's files into the temporary tables `kept`, `rejected` and `files` of a connection."""
    table = source_table(source)
    ingest = _Ingest(con, authority, source, table, dedupe=source.key)
    flat = authority.source_files(source)
    deliveries: list[gazetteer_files.Due] = []
    if source.name in gazetteer_files.RECORDS:
        gazetteer = next((one for one in authority.sources if one.name == "llpg"), source)
        flat, deliveries = gazetteer_files.deliveries(
            con, source, flat, authority.source_files(gazetteer), authority.shown
        )
    return ingest.run(flat, lambda path, rows: _plan_source(source, rows), deliveries)


def ingest_dataset(
    con: duckdb.DuckDBPyConnection, authority: Authority, dataset: Dataset, pseudonyms: Pseudonyms,
    out: LeftOut | None = None, today: datetime.date | None = None,
) -> Ingested:  # fmt: skip
    """Read a dataset's extracts into the temporary tables `kept`, `rejected` and `files` of a connection.

    `out` says what is past retention or forgotten: such files are not read, such rows rejected. Events of an extract
    without a date cannot lie after `today`. Where the authority is read up to a day, so are its extracts.
    """
    table = dataset_table(dataset)
    out = out or LeftOut(dataset)
    has_reference = any(use.role == "record_reference" for use in dataset.columns.values())
    dedupe: tuple[str, ...] = ()
    if has_reference and dataset.succession != "changes":
        dedupe = ("as_at", "record_id") if dataset.kind == "stock" else ("record_id",)
    chosen = extracts.choose(dataset, authority.dataset_files(dataset), authority.shown, authority.up_to)
    ingest = _Ingest(con, authority, dataset, table, dedupe, out, chosen)
    up_to = authority.up_to
    latest = min((day for day in (today, up_to) if day is not None), default=None)
    return ingest.run(
        list(chosen.used),
        lambda path, rows: _plan_dataset(
            dataset,
            authority.shown(path),
            path,
            rows,
            pseudonyms,
            out,
            up_to,
            latest,
            chosen.used[:1] == (path,),
        ),
    )


def _made(name: str) -> str:
    """SQL: the value of a column of the table to be made, read once."""
    return quoted(f"made {name}")


def _issue(name: str) -> str:
    """SQL: the issue of that value."""
    return quoted(f"issue {name}")


class RowsLost(Exception):
    """The rows kept and rejected do not add up to those that the reader counted: a fault of ours, never of the file."""


class _Ingest:
    """One run over the files of one description."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, authority: Authority, described: Source | Dataset, table: Table,
        dedupe: tuple[str, ...], out: LeftOut | None = None, chosen: extracts.Chosen | None = None,
    ) -> None:  # fmt: skip
        self.out = out
        self.chosen = chosen or extracts.Chosen(())
        self.first_unread: tuple[int, str] | None = None
        self.con, self.authority, self.described, self.table, self.dedupe = (
            con,
            authority,
            described,
            table,
            dedupe,
        )
        self.refused: list[tuple[str, str]] = []

    def run(
        self,
        paths: list[Path],
        plan: Callable[[Path, Rows], Plan],
        deliveries: list[gazetteer_files.Due] | None = None,
    ) -> Ingested:
        """Read the files, and the deliveries of which several files make one."""
        own = ", ".join(f"{quoted(c.name)} {c.type}" for c in self.table.columns)
        # No column of a dataset can be called so.
        reject = "_reject_column VARCHAR, _reject_reason VARCHAR, _of_weight BIGINT, _position BIGINT, "
        reject += "_change VARCHAR, _turn BIGINT"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE typed ({reject}, {own})")
        self._empty("rejected", REJECTED_COLUMNS)
        self._empty("files", FILE_COLUMNS)
        seen: dict[str, str] = {}
        for path, reason in self.chosen.superseded.items():
            if not self._left_out(path, self.authority.shown(path)):
                self._record_file(path, _sha256(path), status=extracts.SUPERSEDED, reason=reason)
        for turn, path in enumerate(paths):
            shown = self.authority.shown(path)
            sha256 = ""
            try:
                if self._left_out(path, shown):
                    continue
                sha256 = _sha256(path)
                # Twice no change at all is no mistake.
                if sha256 in seen and self._rows_read(seen[sha256]):
                    raise FileRefused(f"the same file as {seen[sha256]}: remove one")
                if path in self.chosen.refused:
                    raise FileRefused(self.chosen.refused[path])
                self._read(path, shown, sha256, turn, plan)
                seen[sha256] = shown
            except (FileRefused, OSError) as error:
                reason = str(error)
                if isinstance(error, OSError):
                    reason = f"wanted to read it; found {error.strerror or 'no way'}: is it open in another program?"
                self.con.execute("DELETE FROM typed WHERE file = ?", [shown])
                self.con.execute("DELETE FROM rejected WHERE file = ?", [shown])
                self.refused.append((shown, reason))
                as_at = date_in_name(path.stem) if self.out is not None else None
                self._record_file(path, sha256, status="refused", reason=reason, as_at=as_at)
                self.first_unread = self.first_unread or (turn, shown)
        taken = [self._take(due) for due in deliveries or []]
        got = self._settle()
        for shown in (name for names in taken for name in names):
            # What was rejected of other record types is no row of the table: it comes after the account of those.
            self.con.execute(
                "INSERT INTO rejected SELECT ?, ?, file, position, column_name, reason, 1 FROM delivery_parts "
                "WHERE file = ? ORDER BY position",
                [self.authority.code, self.table.name, shown],
            )
        self.con.execute("DROP TABLE IF EXISTS temp.delivery_parts")
        return got

    def _rows_read(self, shown: str) -> int:
        ((rows,),) = self.con.execute("SELECT max(rows_read) FROM files WHERE file = ?", [shown]).fetchall()
        return int(rows)

    def _take(self, due: gazetteer_files.Due) -> list[str]:
        """Put a delivery's rows, typed, into `typed`, with its account; returns its files as they are shown."""
        hashes: dict[Path, str] = {}
        try:
            for path in due.paths:
                hashes[path] = _sha256(path)
            delivery = due.read()
        except (FileRefused, OSError) as error:
            reason = str(error)
            if isinstance(error, OSError):
                reason = (
                    f"wanted to read it; found {error.strerror or 'no way'}: is it open in another program?"
                )
            for path in due.paths:
                self.refused.append((self.authority.shown(path), reason))
                self._record_file(path, hashes.get(path, ""), status="refused", reason=reason)
            return []
        self.con.execute("CREATE OR REPLACE TEMP TABLE delivery_files (file_no INTEGER, file VARCHAR)")
        if delivery.files:
            self.con.executemany(
                "INSERT INTO delivery_files VALUES (?, ?)",
                [(n, file.shown) for n, file in enumerate(delivery.files)],
            )
        self.con.execute(
            f"INSERT INTO typed WITH text AS (SELECT * FROM delivery JOIN delivery_files USING (file_no)), "
            f"made AS (SELECT *{self._typed_delivery()} FROM text) "
            f"SELECT {self._delivery_rejections()}, 1, position, NULL, 0, "
            f"{', '.join(self._delivery_columns())} FROM made"
        )
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE delivery_parts AS SELECT file, position, kind, column_name, reason "
            "FROM delivery_rejected JOIN delivery_files USING (file_no) WHERE kind <> ?",
            [due.kind],
        )
        self.con.execute(
            "INSERT INTO rejected SELECT ?, ?, file, position, column_name, reason, "
            "CASE WHEN reason = 'blank_row' THEN 0 ELSE 1 END "
            "FROM delivery_rejected JOIN delivery_files USING (file_no) WHERE kind = ? OR kind = ''",
            [self.authority.code, self.table.name, due.kind],
        )
        self.con.execute("DELETE FROM delivery_parts WHERE kind = ''")
        rejected = {
            (file, kind): count
            for file, kind, count in self.con.execute(
                "SELECT file, kind, count(*) FROM delivery_parts GROUP BY file, kind"
            ).fetchall()
        }
        for file in delivery.files:
            if file.superseded:
                self._record_file(
                    file.path,
                    hashes[file.path],
                    status="superseded",
                    file=file.shown,
                    reason=file.superseded,
                )
        for part in delivery.parts:
            file = delivery.files[part.file_no]
            lost = rejected.get((file.shown, part.kind), 0)
            counts = {"rows_read": part.rows_read}
            if part.kind:
                kept = part.rows_read - lost
                counts |= {"rows_kept": kept, "rows_rejected": lost}
                counts |= {"weight_kept": kept, "weight_rejected": lost}
            self._record_file(
                file.path, hashes[file.path], file=file.shown, encoding=file.encoding, reason=part.reason,
                status=f"{part.kind} {NAMES[part.kind]}" if part.kind else "read", **counts,
            )  # fmt: skip
        for name in ("delivery", "delivery_rejected", "delivery_files"):
            self.con.execute(f"DROP TABLE temp.{name}")
        return [file.shown for file in delivery.files]

    def _typed_delivery(self) -> str:
        made = self.con.execute("SELECT column_name FROM (DESCRIBE delivery)").fetchall()
        there = {name for (name,) in made}
        assert isinstance(self.described, Source)

        def read(name: str, column: SourceColumn) -> str:
            text = f"CAST({quoted(name)} AS VARCHAR)"
            return _read_as(column.kind, text, column.format).value if name in there else "NULL"

        return "".join(
            f", {read(name, column)} AS {_made(name)}" for name, column in self.described.table.items()
        )

    def _delivery_rejections(self) -> str:
        assert isinstance(self.described, Source)
        needed = [name for name, column in self.described.table.items() if column.required]
        whens = " ".join(f"WHEN {_made(name)} IS NULL THEN {text_literal(name)}" for name in needed)
        anything = " OR ".join(f"{_made(name)} IS NULL" for name in needed)
        reason = text_literal("required: the value is missing or malformed")
        return f"CASE {whens} END, CASE WHEN {anything} THEN {reason} END"

    def _delivery_columns(self) -> list[str]:
        assert isinstance(self.described, Source)
        values = {"authority_code": text_literal(self.authority.code), "file": "file"}
        values |= {name: _made(name) for name in self.described.table}
        return [f"CAST({values[c.name]} AS {c.type}) AS {quoted(c.name)}" for c in self.table.columns]

    def _left_out(self, path: Path, shown: str) -> bool:
        """Whether a file is not read, since it is past retention or forgotten; it is put on record then."""
        if self.out is None:
            return False
        # A state after changes is made of all files before it; which states are made is seen to there.
        as_at = None if self.out.dataset.succession == "changes" else date_of(self.out.dataset, path)
        if reason := self.out.expired(as_at):
            self._record_file(path, "", status="expired", reason=reason, as_at=as_at)
        elif self.out.whole or self.out.files or self.out.contents:
            sha256 = _sha256(path)
            if reason := self.out.forgotten(shown, sha256):
                self._record_file(path, sha256, status=FORGOTTEN, reason=reason)
        return bool(reason)

    def _empty(self, name: str, columns: tuple[Column, ...]) -> None:
        described = ", ".join(f"{quoted(c.name)} {c.type}" for c in columns)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({described})")

    def _record_file(self, path: Path, sha256: str, **facts: Any) -> None:
        values = {
            "authority_code": self.authority.code, "of": self.table.name, "file": self.authority.shown(path),
            "sha256": sha256, "bytes": path.stat().st_size,
            "edition": self.described.edition or edition(path.stem) or path.name, **facts,
        }  # fmt: skip
        known = {"BIGINT": 0, "VARCHAR": ""}
        row = [values.get(column.name, known.get(column.type)) for column in FILE_COLUMNS]
        self.con.execute(f"INSERT INTO files VALUES ({', '.join('?' * len(row))})", row)

    def _reject(self, shown: str, bad: list[tuple[int, str]], weight: int) -> None:
        """Put rows that could not even be split into fields on record; a blank one counts for nothing."""
        numbers, reasons = (
            pa.array([n for n, _ in bad], pa.int64()),
            pa.array([why for _, why in bad], pa.string()),
        )
        self.con.register("bad", pa.table({"n": numbers, "why": reasons}))
        self.con.execute(
            "INSERT INTO rejected SELECT ?, ?, ?, n, '', why, CASE WHEN why = 'blank_row' THEN 0 ELSE ? END FROM bad",
            [self.authority.code, self.table.name, shown, weight],
        )
        self.con.unregister("bad")

    def _read(
        self, path: Path, shown: str, sha256: str, turn: int, make_plan: Callable[[Path, Rows], Plan]
    ) -> None:
        described = self.described
        wanted = headers_needed(described)

        def is_header(headers: list[str]) -> bool:
            named = by_their_names(described, headers)
            return all(any(found) for found in alternatives(described, named, wanted))

        try:
            with open_rows(path, described, is_header) as rows:
                if not is_header(rows.headers):
                    raise HeaderNotFound([rows.headers])
                rows.headers = by_their_names(described, rows.headers)
                plan = make_plan(path, rows)
                loaded = self._load(shown, turn, rows, plan)
        except HeaderNotFound as error:
            raise FileRefused(lacking(described, error.looked_at, wanted)) from None
        self._reject(shown, rows.bad, 1 if plan.weight == "1" else 0)
        left_out = ", ".join(plan.left_out)
        self._record_file(
            path, sha256, status="read", encoding=rows.encoding, as_at=plan.as_at, columns_left_out=left_out,
            rows_read=loaded + len(rows.bad),
        )  # fmt: skip

    def _load(self, shown: str, turn: int, rows: Rows, plan: Plan) -> int:
        """Put a file's rows, typed, into `typed`; returns how many the reader gave."""
        kinds = [
            pa.binary() if rows.headers[at[0]] == GEOMETRY else pa.string() for at in plan.feed.positions
        ]
        extra = 2 if plan.derive else 0
        names = ["position", *(f"t{i}" for i in range(len(kinds))), *(f"d{i}" for i in range(extra))]
        schema = pa.schema(list(zip(names, [pa.int64(), *kinds, *[pa.string()] * extra], strict=True)))

        loaded = 0
        failure: BaseException | None = None

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal loaded, failure
            try:
                for numbers, columns in rows.chunks:
                    texts = plan.feed.cells(columns)
                    derived = plan.derive(texts) if plan.derive else []
                    arrays = [pa.array(numbers, pa.int64())]
                    for cells, kind in zip([*texts, *derived], schema.types[1:], strict=True):
                        arrays.append(cells if isinstance(cells, pa.Array) else pa.array(cells, kind))
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)
                    loaded += len(numbers)
            except GeneratorExit:
                raise
            except (
                BaseException
            ) as error:  # Ctrl-C too: DuckDB would wrap it, traceback and all, in an error of its own
                failure = error

        self.con.register("raw", pa.RecordBatchReader.from_batches(schema, batches()))
        try:
            missing = self.described.missing
            texts = [
                f"{name}"
                if kind == pa.binary()
                else f"{identifiers.missing_as_null(name, missing)} AS {name}"
                for name, kind in zip(names[1:], [*kinds, *[pa.string()] * extra], strict=True)
            ]
            whens = " ".join(
                f"WHEN {condition} THEN {text_literal(column)}" for condition, column, _ in plan.rejections
            )
            thens = " ".join(
                f"WHEN {condition} THEN {text_literal(reason)}" for condition, _, reason in plan.rejections
            )
            # In steps, so that a value that several conditions ask for is read once.
            made = [f", {out.issue} AS {_issue(out.column.name)}" for out in plan.columns if out.issue]
            made += [f", {out.value} AS {_made(out.column.name)}" for out in plan.columns]
            self.con.execute(
                f"INSERT INTO typed WITH text AS (SELECT position, {', '.join(texts) or '1'} FROM raw), "
                f"made AS (SELECT *{''.join(made)} FROM text) "
                f"SELECT {f'CASE {whens} END' if whens else 'NULL'}, {f'CASE {thens} END' if thens else 'NULL'}, "
                f"{plan.weight}, position, {plan.change}, {turn}, {', '.join(self._select(plan, shown))} FROM made"
            )
        finally:
            self.con.unregister("raw")
        if failure is not None:
            raise failure
        return loaded

    def _select(self, plan: Plan, shown: str) -> list[str]:
        issues = [
            f"{text_literal(out.column.name + ': ')} || {_issue(out.column.name)}"
            for out in plan.columns
            if out.issue
        ]
        values = {
            "authority_code": text_literal(self.authority.code),
            "file": text_literal(shown),
            "row_number": "position",
            "issues": f"list_filter([{', '.join(issues)}]::VARCHAR[], lambda i: i IS NOT NULL)"
            if issues
            else "[]::VARCHAR[]",
        }
        values |= {out.column.name: _made(out.column.name) for out in plan.columns}
        return [
            f"CAST({values.get(c.name, 'NULL')} AS {c.type}) AS {quoted(c.name)}" for c in self.table.columns
        ]

    def _refuse_if_no_key(self) -> None:
        """Refuse every file where so many rows repeat a key that it cannot be one: better nothing than a part."""
        repeated, rows = self.con.execute(
            "SELECT count(*) FILTER (starts_with(_reject_reason, 'duplicate')), count(*) FROM typed"
        ).fetchall()[0]
        if repeated * 100 <= rows * MOST_REPEATED_PERCENT:
            return
        key = ", ".join(self.dedupe)
        reason = f"{repeated:,} of {rows:,} rows repeat the key ({key}) of an earlier row, so it is no key"
        if isinstance(self.described, Source):
            reason += "; where two editions lie side by side, take the older one away"
        if isinstance(self.described, Dataset):
            header = next(h for h, use in self.described.columns.items() if use.role == "record_reference")
            reason += (
                f": `{header}` is not the reference of one record; in the description, mark what one record is "
                f"called by, or give `{header}` as a category (a person: `{{is: personal, keep: keyed}}`)"
            )
        for (file,) in self.con.execute(
            "SELECT file FROM files WHERE status = 'read' ORDER BY file"
        ).fetchall():
            self.refused.append((file, reason))
        self.con.execute(
            "UPDATE files SET status = 'refused', reason = ?, rows_read = 0 WHERE status = 'read'", [reason]
        )
        self.con.execute("DELETE FROM typed")
        self.con.execute("DELETE FROM rejected")

    def _refuse_for_others(self) -> None:
        """Refuse the files that cannot be used for what stands in others, and make of changes what they come to."""
        dataset = self.described
        if not isinstance(dataset, Dataset):
            return
        self._refuse_each(drift.refused_for_form(self.con, dataset))
        if dataset.kind == "flow":
            self._refuse_each(extracts.refused_for_date(self.con))
        if dataset.succession == "changes":
            self._refuse_each(extracts.refused_changes(self.con, self.first_unread))
            extracts.apply_changes(self.con, self.table, dataset, self.out.keep_from if self.out else None)
            self._record_states()
            return
        self._refuse_each(extracts.refused_for_others(self.con, self.table, dataset))
        if dataset.succession == "append" and dataset.corrections == "replace" and self.dedupe:
            extracts.replace_events(self.con)

    def _refuse_each(self, refusals: list[extracts.Refusal]) -> None:
        for one in refusals:
            ((turn,),) = self.con.execute(
                "SELECT min(_turn) FROM typed WHERE file = ?", [one.file]
            ).fetchall()
            self.first_unread = min(filter(None, (self.first_unread, (turn or 0, one.file))))
            self.con.execute("DELETE FROM typed WHERE file = ?", [one.file])
            self.con.execute("DELETE FROM rejected WHERE file = ?", [one.file])
            self.con.execute(
                "UPDATE files SET status = 'refused', reason = ?, rows_read = 0 WHERE file = ?",
                [one.reason, one.file],
            )
            self.refused.append((one.file, one.reason))

    def _record_states(self) -> None:
        """Put on record the rows that a state takes over from earlier files: they are read from these anew."""
        names = [column.name for column in FILE_COLUMNS]
        mark = text_literal(extracts.CARRIED)
        made = {
            "file": "carried.file", "as_at": "carried.as_at", "rows_read": "carried.rows", "columns_left_out": "''",
            **dict.fromkeys(("rows_kept", "rows_rejected"), "0"),
            **dict.fromkeys(("weight_read", "weight_kept", "weight_rejected"), "0"),
        }  # fmt: skip
        values = ", ".join(made.get(name, f"files.{quoted(name)}") for name in names)
        self.con.execute(
            f"INSERT INTO files SELECT {values} FROM (SELECT file, as_at, count(*) AS rows FROM typed "
            f"WHERE contains(file, {mark}) GROUP BY file, as_at) AS carried "
            f"JOIN files ON carried.file = files.file || {mark} || carried.as_at ORDER BY carried.file"
        )

    def _settle(self) -> Ingested:
        self._refuse_for_others()
        if self.dedupe:
            # The same key twice: the first row, in the order of files and rows, is kept.
            columns = ", ".join(quoted(name) for name in self.dedupe)
            self.con.execute(
                f"UPDATE typed SET _reject_column = {text_literal(', '.join(self.dedupe))}, "
                "_reject_reason = 'duplicate: an earlier row has the same key' "
                f"FROM (SELECT file, _position, row_number() OVER (PARTITION BY {columns} "
                "ORDER BY _turn, file, _position) AS nth FROM typed WHERE _reject_reason IS NULL) AS repeated "
                "WHERE typed.file = repeated.file AND typed._position = repeated._position AND nth > 1"
            )
            self._refuse_if_no_key()
        names = ", ".join(quoted(c.name) for c in self.table.columns)
        self.con.execute(
            f"CREATE OR REPLACE TEMP VIEW kept AS SELECT {names} FROM typed WHERE _reject_reason IS NULL"
        )
        self.con.execute(
            f"INSERT INTO rejected SELECT authority_code, {text_literal(self.table.name)}, file, _position, "
            "_reject_column, _reject_reason, coalesce(_of_weight, 0) FROM typed WHERE _reject_reason IS NOT NULL"
        )
        self.con.execute(
            "UPDATE files SET rows_kept = n, weight_kept = w FROM (SELECT file AS f, count(*) AS n, "
            "CAST(sum(_of_weight) AS BIGINT) AS w FROM typed WHERE _reject_reason IS NULL GROUP BY file) "
            "WHERE file = f AND status = 'read'"
        )
        self.con.execute(
            "UPDATE files SET rows_rejected = n, weight_rejected = w FROM (SELECT file AS f, count(*) AS n, "
            "CAST(sum(weight) AS BIGINT) AS w FROM rejected GROUP BY file) WHERE file = f AND status = 'read'"
        )
        self.con.execute("UPDATE files SET weight_read = weight_kept + weight_rejected")
        files, read, kept, lost, left_out, rows_gone = self.con.execute(
            "SELECT count(*) FILTER (status = 'read'), coalesce(sum(rows_read), 0), coalesce(sum(rows_kept), 0), "
            "count(*) FILTER (rows_read <> rows_kept + rows_rejected), "
            "count(*) FILTER (status IN ('expired', 'forgotten')), "
            "(SELECT count(*) FROM rejected WHERE reason = 'forgotten' OR starts_with(reason, 'past_retention')) "
            "FROM files"
        ).fetchall()[0]
        if lost:
            raise RowsLost(
                f"{self.table.full_name}: in {lost} file(s) the rows kept and rejected are not those read"
            )
        return Ingested(
            int(read), int(kept), int(read) - int(kept), files, tuple(self.refused), left_out, rows_gone
        )


# --- plans -----------------------------------------------------------------------------------------------------------


def _read_as(kind: str, text: str, format: str = "") -> Reading:
    match kind:
        case "uprn":
            return identifiers.read_uprn(text)
        case "usrn":
            return identifiers.read_usrn(text)
        case "postcode":
            return identifiers.read_postcode(text)
        case "area_code":
            return identifiers.read_area_code(text)
        case "date":
            return identifiers.read_date(text, format)
        case "metres" | "degrees" | "integer" | "decimal":
            return identifiers.read_number(text, SQL_TYPES[kind])
        case _:
            return Reading(text, "")


def _plan_source(source: Source, rows: Rows) -> Plan:
    feed, columns = Feed(), []
    rejections = _rule_rejections(source, rows.headers, feed)
    found = match_headers(source.columns, rows.headers)
    for header, positions in found.items():
        if len(positions) > 1 and not is_pattern(header) and source.columns[header] != "ignore":
            raise FileRefused(f"wanted one column `{header}`; found {len(positions)}")
    constants: dict[str, str] = {}
    for name, described in source.table.items():
        readings: list[Reading] = []
        for header, column in source.columns.items():
            for position in found[header] if column == name else []:
                readings.append(_read_as(described.kind, feed.add(position), described.format))
                if is_pattern(header):
                    match = re.fullmatch(header[1:-1], rows.headers[position].strip(), re.IGNORECASE)
                    for group, text in match.groupdict().items() if match else ():
                        constants.setdefault(group, (text or "").lower())
                    break  # of several columns that fit one pattern, the publishers put the row's own first
        type_ = SQL_TYPES[described.kind]
        if not readings:
            continue
        if len(readings) > 1 and described.kind in {"integer", "decimal"}:
            value = " + ".join(f"({reading.value})" for reading in readings)
        else:
            value = (
                readings[0].value
                if len(readings) == 1
                else f"coalesce({', '.join(r.value for r in readings)})"
            )
        columns.append(OutColumn(Column(name, type_, described.meaning), value, readings[0].issue))
        if described.required:
            rejections.append((f"{_made(name)} IS NULL", name, "required: the value is missing or malformed"))
    for name, text in constants.items():
        if name in source.table and not any(out.column.name == name for out in columns):
            kind = source.table[name].kind
            columns.append(OutColumn(Column(name, SQL_TYPES[kind], ""), text_literal(text)))
    used = {position for positions in found.values() for position in positions}
    left_out = [
        h for i, h in enumerate(rows.headers) if i not in used and not h.startswith("@") and h.strip()
    ]
    return Plan(feed, columns, "1", rejections, left_out, None)


def _hold_to_one_meaning(dataset: Dataset, headers: list[str], found: dict[str, list[int]]) -> None:
    """Refuse a file in which a header of the description, or of the file, could mean two things."""
    meant: dict[int, str] = {}
    for header, positions in found.items():
        use = dataset.columns[header]
        may_be_many = use.role in {"address_line", "ignore"} or (use.role == "personal" and not use.is_own)
        if len(positions) > 1 and not may_be_many and not (use.role == "weight" and is_pattern(header)):
            names = " and ".join(f"`{headers[p].strip()}`" for p in positions)
            raise FileRefused(f"wanted one column `{header}`; found {names}: say which it is")
        for position in positions if use.role != "ignore" else ():
            other = meant.setdefault(position, header)
            if other != header:
                raise FileRefused(
                    f"`{headers[position].strip()}` is meant by both `{other}` and `{header}`: say which it is"
                )


def _plan_dataset(
    dataset: Dataset, shown: str, path: Path, rows: Rows, pseudonyms: Pseudonyms, out: LeftOut,
    up_to: datetime.date | None = None, latest: datetime.date | None = None, is_first: bool = True,
) -> Plan:  # fmt: skip
    """The plan of one extract.

    Rows later than `up_to` are left out; where the extract has no date, no event can be later than `latest`.
    """
    found = match_headers(dataset.columns, rows.headers)
    _hold_to_one_meaning(dataset, rows.headers, found)
    feed, columns = Feed(), []
    rule_rejections = _rule_rejections(dataset, rows.headers, feed)
    rejections: list[tuple[str, str, str]] = []
    at: dict[str, list[tuple[str, int, ColumnUse]]] = {}
    for header, use in dataset.columns.items():
        for position in found[header]:
            at.setdefault(use.role, []).append((header, position, use))

    def text_of(role: str) -> str | None:
        return feed.add(at[role][0][1]) if role in at else None

    def add(name: str, reading: Reading) -> None:
        column = next(c for c in FIXED if c.name == name)
        columns.append(OutColumn(column, reading.value, reading.issue))

    file_date = date_of(dataset, path)
    as_at_sql = f"DATE '{file_date}'" if file_date else "NULL"
    age_at = (0, "")
    if isinstance(dataset.as_at, AsAtColumn):
        header = dataset.as_at.column
        age_at = (match_headers({header: None}, rows.headers)[header][0], _stated_format(dataset, header))
        as_at_sql = identifiers.read_date(feed.add(age_at[0]), age_at[1]).value
        rejections.append((f"{_made('as_at')} IS NULL", header, "date_malformed: no date of the extract"))
    if up_to is not None:
        if file_date is not None and file_date > up_to:
            as_at_sql, file_date = f"DATE '{up_to}'", up_to
        day = "event_date" if dataset.kind == "flow" else "as_at"
        later = f"{extracts.LATER}: later than the day up to which this was made"
        rejections.append((f"{_made(day)} > DATE '{up_to}'", day, later))
    add("as_at", Reading(as_at_sql, ""))

    address = ""
    if "address_line" in at:
        lines = [
            f"nullif(trim(replace({feed.add(p)}, '|', ','), ', '), '')" for _, p, _ in at["address_line"]
        ]
        address = f"nullif(concat_ws(', ', {', '.join(lines)}), '')"
        add("address", Reading(address, ""))
    for role in ("uprn", "usrn", "postcode", "area_code"):
        text = text_of(role)
        if text is not None:
            reading = _read_as(role, text)
            if role == "postcode" and address:
                # A postcode at the end of the address serves where the column has none that can be read.
                reading = Reading(
                    f"coalesce({reading.value}, {identifiers.postcode_within(address)})", reading.issue
                )
            add(role, reading)
            if role == "uprn":
                form = f"CASE WHEN ({reading.issue}) IS NOT NULL THEN {identifiers.form_of(text)} END"
                add("uprn_form", Reading(form, ""))
            if role != "usrn":
                columns.append(OutColumn(next(c for c in FIXED if c.name == f"{role}_issue"), _issue(role)))
    if "postcode" not in at and address:
        add("postcode", Reading(identifiers.postcode_within(address), ""))
    derive = None
    if "easting" in at or "longitude" in at:
        if "easting" in at:
            pair = (feed.add(at["easting"][0][1]), feed.add(at["northing"][0][1]))
        else:
            derive = _grid_from_degrees(feed, at["longitude"][0][1], at["latitude"][0][1], dataset)
            pair = ("d0", "d1")
        easting, northing, issue = identifiers.read_coordinate(*pair)
        add("easting", Reading(easting, ""))
        add("northing", Reading(northing, issue))
        columns.append(OutColumn(next(c for c in FIXED if c.name == "coordinates_issue"), _issue("northing")))

    if "record_reference" in at:
        header, position, _ = at["record_reference"][0]
        mark = None
        if not dataset.is_open:
            mark = _keyed(pseudonyms, dataset, "record_reference")
        text = feed.add(position, transform=mark)
        add("record_id", Reading(text, ""))
        rejections.append((f"{text} IS NULL", header, "required: the record has no reference"))
    else:
        add("record_id", Reading(f"{text_literal(shown + '#')} || position", ""))

    if "event_date" in at:
        header, position, use = at["event_date"][0]
        if not isinstance(dataset.as_at, AsAtColumn):
            age_at = (position, use.format)
        reading = identifiers.read_date(feed.add(position), use.format)
        add("event_date", reading)
        if dataset.kind == "flow":
            no_date = "date_malformed: the event has no date that can be read"
            rejections.append((f"{_made('event_date')} IS NULL", header, no_date))
            # A mistyped year would otherwise be the latest period of all.
            run_on = f"DATE '{latest}'" if latest else "NULL"
            last = f"coalesce({_made('as_at')}, {run_on})"
            rejections.append((f"{_made('event_date')} > {last}", header, AFTER_EXTRACT))
    for name, header, use in own_columns(dataset):
        for position in found[header]:
            own = _own(dataset, name, position, use, feed, pseudonyms, file_date, age_at)
            columns.append(own)
            if use.identifies:
                add("subject", Reading(own.value, ""))
    weight = "1"
    if "weight" in at:
        texts = [feed.add(position) for _, position, _ in at["weight"]]
        parts = [identifiers.read_number(text, "BIGINT").value for text in texts]
        header = ", ".join(dict.fromkeys(header for header, _, _ in at["weight"]))
        blank = " AND ".join(f"{text} IS NULL" for text in texts)
        fits = [f"({part}) BETWEEN 0 AND {LARGEST_WEIGHT}" for part in parts]
        malformed = " OR ".join(
            f"({t} IS NOT NULL AND NOT coalesce({fit}, false))" for t, fit in zip(texts, fits, strict=True)
        )
        rejections.append((blank, header, "withheld: the publisher gives no number"))
        rejections.append((malformed, header, "number_malformed: wanted a whole number, 0 or more"))
        weight = " + ".join(
            f"CASE WHEN {fit} THEN {part} ELSE 0 END" for part, fit in zip(parts, fits, strict=True)
        )
    add("weight", Reading(weight, ""))
    change = "NULL"
    if dataset.succession == "changes":
        change = _change(dataset, at, feed, rejections, is_first)
    rejections += _required(dataset)
    rejections = [*rule_rejections, *_totals_and_notes(dataset, at, feed), *rejections]
    rejections = [*_gone(out, found, feed), *rejections]
    used = {position for positions in found.values() for position in positions}
    left_out = [
        h.strip() for i, h in enumerate(rows.headers) if i not in used and not h.startswith("@") and h.strip()
    ]
    return Plan(feed, columns, weight, rejections, left_out, file_date, derive, change)


def _totals_and_notes(
    dataset: Dataset, at: dict[str, list[tuple[str, int, ColumnUse]]], feed: Feed
) -> Iterator[tuple[str, str, str]]:
    """The rejections of rows that are no records: totals, by the word in the reference, the area code or the column
    that stands first; notes, by a sentence there and nothing in any other column that is used.
    """
    used = {position: (header, use) for of in at.values() for header, position, use in of}
    others = [f"t{i}" for i, positions in enumerate(feed.positions) if positions != (0,)]
    naming = [(header, position) for role in NAMING for header, position, _ in at.get(role, [])]
    first, role = (used[0][0], used[0][1].role) if 0 in used else ("", "")
    if role not in {"", "address_line", "text", *NAMING}:
        naming.append((first, 0))
    for header, position in naming:
        yield f"{feed.add(position, transform=drift.is_total)} IS NOT NULL", header, "total_row"
    if len(set(used) - {0}) > 1 and others:
        blank = " AND ".join(f"{text} IS NULL" for text in others)
        yield f"({feed.add(0, transform=drift.is_note)} IS NOT NULL AND {blank})", first, "note_row"


# What names the thing that a row is about.
NAMING = ("record_reference", "area_code")
AFTER_EXTRACT = "date_after_extract: the event is dated after the extract that tells of it"


def _change(
    dataset: Dataset, at: dict[str, list[tuple[str, int, ColumnUse]]], feed: Feed,
    rejections: list[tuple[str, str, str]], is_first: bool,
) -> str:  # fmt: skip
    """What each row of a change file does, as SQL; of the first file, which may be a plain extract, each is new."""
    if "change" not in at:
        if is_first:
            return "'insert'"
        header = next(h for h, use in dataset.columns.items() if use.role == "change")
        raise FileRefused(
            f"wanted the column `{header}`, which says what each row does; only the first file, the whole extract with "
            "which the changes begin, may be without"
        )
    ((header, position, use),) = at["change"]
    text = feed.add(position)
    whens = ""
    for what, words in (("insert", use.insert), ("update", use.update), ("delete", use.delete)):
        among = ", ".join(text_literal(word.strip().upper()) for word in words)
        whens += f" WHEN upper({text}) IN ({among}) THEN '{what}'" if words else ""
    change = f"CASE{whens} END"
    unknown = "change_unknown: wanted one of the words for insert, update and delete"
    rejections.append((f"({change}) IS NULL", header, unknown))
    return change


def _gone(out: LeftOut, found: dict[str, list[int]], feed: Feed) -> Iterator[tuple[str, str, str]]:
    """The rejections of rows of forgotten persons, and of rows past retention by their own date."""
    value = _valued(out.dataset.missing)
    for column, _, header in keyed_columns(out.dataset):
        if not out.in_column(column):
            continue

        def test(cell: Any, column: str = column) -> str | None:
            text = value(cell)
            return "yes" if text is not None and out.is_forgotten(column, text) else None

        for position in found[header]:
            yield f"{feed.add(position, transform=test)} IS NOT NULL", header, FORGOTTEN
    if out.keep_from is not None and out.expires_by_row:
        day = "event_date" if out.dataset.kind == "flow" else "as_at"
        yield f"{_made(day)} < DATE '{out.keep_from}'", day, out.expiry


LARGEST_WEIGHT = 1_000_000_000_000  # sums of these stay whole numbers that DuckDB can hold
PLACED_IN = {
    "address_line": "address",
    "longitude": "easting",
    "latitude": "northing",
    "record_reference": "record_id",
}


def _required(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """The rejections of rows that lack a value which the description says every row must have."""
    for header, use in dataset.columns.items():
        if use.required:
            name = (use.name or column_name(header)) if use.is_own else PLACED_IN.get(use.role, use.role)
            yield f"{_made(name)} IS NULL", header, "required: the value is missing or malformed"


def _stated_format(dataset: Dataset, header: str) -> str:
    """The form of a column's dates, where the description states it."""
    folded = header.strip().casefold()
    return next((use.format for h, use in dataset.columns.items() if h.strip().casefold() == folded), "")


def _own(
    dataset: Dataset, name: str, position: int, use: ColumnUse, feed: Feed, pseudonyms: Pseudonyms,
    file_date: datetime.date | None, age_at: tuple[int, str],
) -> OutColumn:  # fmt: skip
    column = Column(name, _own_type(use), "")
    if use.role == "personal":
        if use.keep == "keyed":
            return OutColumn(column, feed.add(position, transform=_keyed(pseudonyms, dataset, name)))
        if file_date is not None:
            return OutColumn(column, feed.add(position, transform=_banded(use.format, file_date)))
        # No one date of the file: the age is that at the row's own date of the extract, else at the event.
        at, at_format = age_at
        return OutColumn(column, feed.add(position, at, transform=_banded(use.format, None, at_format)))
    text = feed.add(position)
    if use.role == "date":
        reading = identifiers.read_date(text, use.format)
    elif use.role == "measure" and use.type != "text":
        reading = identifiers.read_number(text, SQL_TYPES[use.type])
    elif use.values:
        known = ", ".join(text_literal(value.strip().upper()) for value in use.values)
        reading = Reading(
            text,
            f"CASE WHEN {text} IS NOT NULL AND upper({text}) NOT IN ({known}) THEN 'category_unknown' END",
        )
    else:
        reading = Reading(text, "")
    return OutColumn(column, reading.value, reading.issue)


def _rule_rejections(described: Files, headers: list[str], feed: Feed) -> list[tuple[str, str, str]]:
    # What people's records hold is looked at in the reader; the tables of an open source may be looked at in SQL.
    is_open = not isinstance(described, Dataset) or described.is_open
    rejections = []
    for rule in [*described.exclude, *([described.keep_only] if described.keep_only else [])]:
        positions = match_headers({rule.column: None}, headers)[rule.column]
        if not positions:
            raise FileRefused(
                f"wanted the column `{rule.column}`, which a rule of the description needs; it is missing"
            )
        if is_open:
            test = f"coalesce({_test(rule, feed.add(positions[0]))}, false)"
        else:
            test = f"{feed.add(positions[0], transform=_tester(rule, described.missing))} IS NOT NULL"
        condition = f"NOT ({test})" if rule is described.keep_only else test
        rejections.append((condition, rule.column, f"excluded: {rule.because}"))
    return rejections


def _test(rule: RowRule, text: str) -> str:
    if rule.blank:
        return f"{text} IS NULL"
    if rule.matches:
        return f"regexp_matches({text}, {text_literal(rule.matches)}, 'i')"
    return f"upper({text}) IN ({', '.join(text_literal(value.strip().upper()) for value in rule.equals)})"


def _tester(rule: RowRule, missing: tuple[str, ...]) -> Callable[[Any], str | None]:
    """The same test of a cell: a mark where it holds, None where not."""
    value = _valued(missing)
    matches = re.compile(rule.matches, re.IGNORECASE)
    equals = {text.strip().upper() for text in rule.equals}

    def test(cell: Any) -> str | None:
        text = value(cell)
        if rule.blank or text is None:
            holds = rule.blank and text is None
        else:
            holds = bool(matches.search(text)) if rule.matches else text.upper() in equals
        return "holds" if holds else None

    return test


def _valued(missing: tuple[str, ...]) -> Callable[[Any], str | None]:
    """A cell's text without spaces round it; None where it is one of the ways of writing "no value"."""
    none = {*identifiers.MISSING, *(word.strip().upper() for word in missing)}

    def value(cell: Any) -> str | None:
        text = str(cell or "").strip(identifiers.SPACES)
        return None if text.upper() in none else text

    return value


def _keyed(pseudonyms: Pseudonyms, dataset: Dataset, column: str) -> Callable[[Any], Any]:
    value = _valued(dataset.missing)

    def mark(cell: Any) -> Any:
        text = value(cell)
        return None if text is None else pseudonyms.mark(dataset.name, column, text)

    return mark


def _banded(format: str, at: datetime.date | None, at_format: str = "") -> Callable[..., str | None]:
    """A transform of a date of birth (and of the date of reference beside it, where the file has no one date)."""
    # The same few thousand dates come again and again.
    read = functools.lru_cache(maxsize=100_000)(_date)

    def band(born: Any, reference: Any = None) -> str | None:
        then = at or read(str(reference or "").strip(), at_format)
        return _band(read(str(born or "").strip(), format), then)

    return band


def age_band(text: Any, at: datetime.date | None, format: str = "") -> str | None:
    """The age band of somebody born on a date at another; None where a date cannot be read or makes no sense."""
    return _band(_date(str(text or "").strip(), format), at)


def _band(born: datetime.date | None, at: datetime.date | None) -> str | None:
    if born is None or at is None:
        return None
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    if not 0 <= years <= 120:
        return None
    return next((band for limit, band in AGE_BANDS if years < limit), OLDEST_BAND)


def _date(text: str, format: str) -> datetime.date | None:
    """A date in one of the forms in which one is tried; without a stated form what follows the date is dropped."""
    for pattern in identifiers.date_formats(format):
        try:
            return datetime.datetime.strptime(text if format else text[:10], pattern).date()
        except ValueError:
            continue
    return None


MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def edition(stem: str) -> str:
    """The edition that a publisher's file name tells: `October 2026`, or `2024`; empty where it tells none."""
    dated = date_in_name(stem)
    if dated is not None:
        return f"{MONTHS[dated.month - 1]} {dated.year}"
    for name in re.findall(r"[A-Za-z]{3,9}(?=[_ -]*(?:19|20)\d\d)", stem):
        year = re.search(name + r"[_ -]*((?:19|20)\d\d)", stem)
        month = next((m for m in MONTHS if m.lower().startswith(name.lower())), "")
        if month and year:
            return f"{month} {year.group(1)}"
    years = re.findall(r"(?<!\d)((?:19|20)\d\d)(?!\d)", stem)
    return years[-1] if years else ""


def _grid_from_degrees(
    feed: Feed, longitude: int, latitude: int, dataset: Dataset
) -> Callable[[list[list[Any]]], list[list[Any]]]:
    lon, lat = (int(feed.add(position)[1:]) for position in (longitude, latitude))
    value = _valued(dataset.missing)

    def number(cell: Any) -> float | str | None:
        text = value(cell)
        if text is None:
            return None
        return (
            float(text)
            if re.fullmatch(identifiers.DECIMAL_NUMBER, text, re.IGNORECASE | re.ASCII)
            else "malformed"
        )

    def derive(texts: list[list[Any]]) -> list[list[Any]]:
        cells = zip(_as_list(texts[lon]), _as_list(texts[lat]), strict=True)
        pairs = [(number(a), number(b)) for a, b in cells]
        good = [i for i, (a, b) in enumerate(pairs) if isinstance(a, float) and isinstance(b, float)]
        eastings, northings = to_grid_metres([pairs[i][0] for i in good], [pairs[i][1] for i in good])
        out: list[list[Any]] = [[None] * len(pairs), [None] * len(pairs)]
        for i, (a, b) in enumerate(pairs):
            if a is not None or b is not None:
                out[0][i] = out[1][i] = "malformed"
        for i, easting, northing in zip(good, eastings, northings, strict=True):
            # Not a number: outside Great Britain. The zero is read as such further on.
            out[0][i], out[1][i] = (f"{easting:.2f}", f"{northing:.2f}") if easting == easting else ("0", "0")
        return out

    return derive


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
