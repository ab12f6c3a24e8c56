"""From files to typed tables, with every row accounted for: read = kept + rejected, in rows and in weight.

Here belong the tables that are filled from files, carrying out the plan of each file, duplicates, and the account: the
record of each file, and of each rejected row (file, row number, column, reason; never its values). What each column of
a file means for a row is its plan (`reading_plan`); how files are written is `formats`; how extracts follow each other
is `extracts`; placing is `assets/places`.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines import drift, extracts, gazetteer_files, identifiers
from pipelines.addressbase import NAMES
from pipelines.authority import Authority, ColumnUse, Dataset, Source, SourceColumn
from pipelines.extracts import date_in_name, date_of
from pipelines.forgetting import FORGOTTEN, LeftOut
from pipelines.formats import GEOMETRY, FileRefused, HeaderNotFound, Rows, open_rows
from pipelines.headers import alternatives, by_their_names, headers_needed, lacking
from pipelines.pseudonyms import Pseudonyms
from pipelines.reading_plan import (
    FIXED,
    SQL_TYPES,
    Plan,
    issue_of,
    own_columns,
    own_type,
    plan_dataset,
    plan_source,
    read_as,
    value_of,
)
from pipelines.tables import Column, Table, quoted, text_literal

# A few repeated references are mistakes in an extract; more than this share of rows, and the column is no reference.
MOST_REPEATED_PERCENT = 5

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
        Column(name, own_type(use), _own_meaning(header, use)) for name, header, use in own_columns(dataset)
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
    return ingest.run(flat, lambda path, rows: plan_source(source, rows), deliveries)


def ingest_dataset(
    con: duckdb.DuckDBPyConnection, authority: Authority, dataset: Dataset, pseudonyms: Pseudonyms,
    out: LeftOut | None = None, today: datetime.date | None = None, held: Mapping[str, str] | None = None,
) -> Ingested:  # fmt: skip
    """Read a dataset's extracts into the temporary tables `kept`, `rejected` and `files` of a connection.

    `out` says what is past retention or forgotten: such files are not read, such rows rejected. Events of an extract
    without a date cannot lie after `today`. Where the authority is read up to a day, so are its extracts. `held` are
    files (as shown) that are refused although they can be read, and why; without a reason they are passed over.
    """
    table = dataset_table(dataset)
    out = out or LeftOut(dataset)
    has_reference = any(use.role == "record_reference" for use in dataset.columns.values())
    dedupe: tuple[str, ...] = ()
    if has_reference and dataset.succession != "changes":
        dedupe = ("as_at", "record_id") if dataset.kind == "stock" else ("record_id",)
    chosen = extracts.choose(dataset, authority.dataset_files(dataset), authority.shown, authority.up_to)
    if held:
        chosen = chosen.without(held, authority.shown)
    ingest = _Ingest(con, authority, dataset, table, dedupe, out, chosen)
    up_to = authority.up_to
    latest = min((day for day in (today, up_to) if day is not None), default=None)
    return ingest.run(
        list(chosen.used),
        lambda path, rows: plan_dataset(
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
        seen: dict[tuple[str, datetime.date | None], str] = {}
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
                content = (sha256, self._date_alone(path))
                # Twice no change at all is no mistake.
                if content in seen and self._rows_read(seen[content]):
                    raise FileRefused(f"the same file as {seen[content]}: remove one")
                if path in self.chosen.refused:
                    raise FileRefused(self.chosen.refused[path])
                self._read(path, shown, sha256, turn, plan)
                seen[content] = shown
            except (FileRefused, OSError) as error:
                reason = str(error)
                if isinstance(error, OSError):
                    reason = f"wanted to read it; found {error.strerror or 'no way'}: is it open in another program?"
                    sha256 = ""  # what it holds is not known, so that it is tried again as it is
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

    def _date_alone(self, path: Path) -> datetime.date | None:
        """The date of a snapshot: where nothing has changed, that of another date holds the same, to the byte."""
        if isinstance(self.described, Dataset) and extracts.stands_alone(self.described):
            return date_of(self.described, path)
        return None

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
                hashes = {}  # so that it is tried again as it is
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
            return read_as(column.kind, text, column.format).value if name in there else "NULL"

        return "".join(
            f", {read(name, column)} AS {value_of(name)}" for name, column in self.described.table.items()
        )

    def _delivery_rejections(self) -> str:
        assert isinstance(self.described, Source)
        needed = [name for name, column in self.described.table.items() if column.required]
        whens = " ".join(f"WHEN {value_of(name)} IS NULL THEN {text_literal(name)}" for name in needed)
        anything = " OR ".join(f"{value_of(name)} IS NULL" for name in needed)
        reason = text_literal("required: the value is missing or malformed")
        return f"CASE {whens} END, CASE WHEN {anything} THEN {reason} END"

    def _delivery_columns(self) -> list[str]:
        assert isinstance(self.described, Source)
        values = {"authority_code": text_literal(self.authority.code), "file": "file"}
        values |= {name: value_of(name) for name in self.described.table}
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
            made = [f", {out.issue} AS {issue_of(out.column.name)}" for out in plan.columns if out.issue]
            made += [f", {out.value} AS {value_of(out.column.name)}" for out in plan.columns]
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
            f"{text_literal(out.column.name + ': ')} || {issue_of(out.column.name)}"
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
        values |= {out.column.name: value_of(out.column.name) for out in plan.columns}
        return [
            f"CAST({values.get(c.name, 'NULL')} AS {c.type}) AS {quoted(c.name)}" for c in self.table.columns
        ]

    def _refuse_if_no_key(self) -> None:
        """Refuse every file where so many rows repeat a key that it cannot be one: better nothing than a part.

        Of snapshots dated by their names, every file of the date.
        """
        alone = isinstance(self.described, Dataset) and extracts.stands_alone(self.described)
        found = self.con.execute(
            "SELECT as_at, count(*) FILTER (starts_with(_reject_reason, 'duplicate')), count(*) FROM typed "
            "GROUP BY as_at ORDER BY as_at"
            if alone
            else "SELECT NULL, count(*) FILTER (starts_with(_reject_reason, 'duplicate')), count(*) FROM typed"
        ).fetchall()
        for as_at, repeated, rows in found:
            if repeated * 100 > rows * MOST_REPEATED_PERCENT:
                self._refuse_for_key(as_at, repeated, rows)

    def _refuse_for_key(self, as_at: datetime.date | None, repeated: int, rows: int) -> None:
        """Refuse every file that was read, or those of a date, since so many of their rows repeat a key."""
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
        found = self.con.execute(
            "SELECT file FROM files WHERE status = 'read' AND (? IS NULL OR as_at = ?) ORDER BY file",
            [as_at, as_at],
        ).fetchall()
        self.refused += [(file, reason) for (file,) in found]
        self.con.execute(
            "UPDATE files SET status = 'refused', reason = ?, rows_read = 0 "
            "WHERE status = 'read' AND (? IS NULL OR as_at = ?)",
            [reason, as_at, as_at],
        )
        if as_at is None:
            self.con.execute("DELETE FROM typed")
            self.con.execute("DELETE FROM rejected")
        for (file,) in found:
            self.con.execute("DELETE FROM typed WHERE file = ?", [file])
            self.con.execute("DELETE FROM rejected WHERE file = ?", [file])

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


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
