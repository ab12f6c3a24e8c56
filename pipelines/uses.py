"""Purpose limits: a table that uses records sees the datasets whose stated uses allow it, and no others.

Here belongs which datasets a table leaves out and why, the check that no table passes on what another was allowed to
see (`hold_to_uses`), and the limited view of the warehouse in which such a table is made (`limited`): whatever its SQL
says, the other records are not there. What a table uses records for stands in its own file (`tables`), what a dataset
may be used for in its description (`authority`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping

import duckdb

from pipelines.authority import Authority, Dataset
from pipelines.tables import IMPERSONAL, STAGES, Table, TableFileError, quoted, text_literal
from pipelines.warehouse import Warehouse

# The columns of a table that name datasets. `of` does so in the stage `services` alone: in `sources` it names sources.
NAMES_DATASETS = ("dataset", "dataset_a", "dataset_b")


class UseRefused(Exception):
    """A table reads a dataset by name whose stated uses do not allow it; the message says which and why."""


def reason(table: Table, dataset: Dataset) -> str:
    """Why a table leaves a dataset out, in a sentence."""
    if table.use == IMPERSONAL:
        return f"{table.full_name} leaves out {dataset.name}: it uses open data and sites only"
    return (
        f"{table.full_name} leaves out {dataset.name}: its `uses` ({', '.join(dataset.uses) or 'none'}) do not include "
        f"{table.use}; its purpose is: {dataset.purpose}"
    )


def left_out(table: Table, tables: Mapping[str, Table], authority: Authority) -> tuple[Dataset, ...]:
    """The datasets that a table would be made from but for their stated uses; none for a table without a use."""
    if not table.use:
        return ()
    above = _above(table, tables)
    return tuple(d for d in authority.datasets if f"services.{d.name}" in above and not d.allows(table.use))


def hold_to_uses(tables: Iterable[Table], datasets: Iterable[Dataset]) -> None:
    """Raise `TableFileError` where a table could see through another what its own use does not allow.

    That is where it reads, at whatever distance, a table of another use, or records through a table that no longer
    says which dataset they are of.
    """
    by_name = {table.full_name: table for table in tables}
    of_records = {f"services.{dataset.name}" for dataset in datasets}

    def tells_of_records(table: Table) -> bool:
        # What `places` makes of them further on (which area a point is in) tells of places.
        above = set(table.depends_on) if table.stage == "places" else _above(table, by_name)
        return bool(above & (of_records | {"services.record", "places.record_placed"}))

    for table in by_name.values():
        if not table.use:
            continue
        for name in sorted(_above(table, by_name)):
            other = by_name[name]
            if other.use not in ("", IMPERSONAL, table.use):
                raise TableFileError(
                    f"{table.path}: {table.full_name} (use: {table.use}) reads {name} (use: {other.use}); what was "
                    "allowed for the one use must not serve the other: read the records themselves, or state one use"
                )
        for name in table.depends_on:
            other = by_name[name]
            if not other.use and name not in of_records and not _columns(other) and tells_of_records(other):
                raise TableFileError(
                    f"{table.path}: {table.full_name} (use: {table.use}) reads {name}, which is made of records and "
                    f"has no column `dataset` to limit it by: give it one, or state its use in {other.path}"
                )


def _above(table: Table, tables: Mapping[str, Table]) -> set[str]:
    """The full names of all that a table is made from, at whatever distance; not through impersonal tables."""
    found: set[str] = set()
    waiting = list(table.depends_on)
    while waiting:
        name = waiting.pop()
        if name not in found and name in tables:
            found.add(name)
            if tables[name].use != IMPERSONAL:
                waiting += tables[name].depends_on
    return found


def _columns(table: Table) -> list[str]:
    """The columns of a table by which it can be limited to some datasets."""
    names = (*NAMES_DATASETS, "of") if table.stage != "sources" else NAMES_DATASETS
    return [column.name for column in table.columns if column.name in names]


@contextlib.contextmanager
def limited(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, table: Table, authority: Authority
) -> Iterator[None]:
    """For the time of the block a connection sees what the table's use allows; for a table without a use, everything.

    Seen are the tables that the table says it reads, each without the rows of datasets that do not allow the use. A
    table of the stage `published`, which is worked out of others of that stage, sees these and nothing exact. Raises
    `UseRefused` where it reads a dataset's own table, and the dataset does not allow the use.
    """
    of_published = table.stage == "published"
    if not table.use and not of_published:
        yield
        return
    allowed = [d.name for d in authority.datasets if of_published or d.allows(table.use)]
    for dataset in authority.datasets:
        if f"services.{dataset.name}" in table.depends_on and dataset.name not in allowed:
            raise UseRefused(reason(table, dataset))
    among = f"IN ({', '.join(map(text_literal, allowed)) or 'NULL'})"
    found = con.execute(
        "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal AND list_contains(?, schema_name) "
        "ORDER BY ALL",
        [list(STAGES)],
    ).fetchall()
    # Taken back as a whole: to make some fifty views again at each table would cost more than most tables do.
    con.execute("BEGIN")
    try:
        for stage, name in found:
            if f"{stage}.{name}" not in table.depends_on:
                con.execute(f"DROP VIEW {stage}.{quoted(name)}")
                continue
            columns = [row[0] for row in con.execute(f"DESCRIBE {stage}.{quoted(name)}").fetchall()]
            by = [c for c in columns if c in NAMES_DATASETS or (c == "of" and stage != "sources")]
            if by and not of_published:
                warehouse.view(con, stage, name, " AND ".join(f"{quoted(column)} {among}" for column in by))
        yield
    except duckdb.TransactionException as error:
        # Raised while tidying up after what failed first, which is what there is to tell.
        raise (error.__context__ or error) from None
    finally:
        con.execute("ROLLBACK")
        if warehouse.read_path(table.stage, table.name) is not None:
            warehouse.view(con, table.stage, table.name)
