"""The table `places.re_placed`: which records are placed otherwise since the gazetteer, or a rule of placing, changed.

Here belongs remembering how each record of the latest extracts was placed under the edition before: that of the open
data and the gazetteer, of the statements and code that place, and of what people decided, taken together. While the
edition stays, that memory stays, so that the same inputs give the same table; when it changes, what was placed last
becomes what is compared with. Only records that are there now have a row: what is forgotten or past retention goes.

It depends on what an earlier run left, which another output does not have. Nothing that is published is made from it,
or an earlier month made again would not be the same. What changed from extract to extract is `layers.record_change`;
how a record is placed is `assets/places/record_placed.sql`.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from pipelines import lineage, matching
from pipelines.tables import Column, Table, text_literal
from pipelines.warehouse import Warehouse

PLACED = "places.record_placed"
# Where a record is, each of them also as it was before.
WHERE = ("location_key", "precision", "uprn", "easting", "northing", "ward_code")
TYPES = dict(
    zip(WHERE, ("VARCHAR", "VARCHAR", "BIGINT", "DECIMAL(10, 2)", "DECIMAL(10, 2)", "VARCHAR"), strict=True)
)
MEANINGS = (
    "the key that serves", "how precise the place is", "UPRN that it is on", "easting, metres, EPSG:27700",
    "northing, metres, EPSG:27700", "electoral ward of the place",
)  # fmt: skip
COLUMNS = (
    ("authority_code", "VARCHAR", "GSS code of the authority"),
    ("dataset", "VARCHAR", "dataset that the record belongs to"),
    (
        "record_id",
        "VARCHAR",
        "the record: its reference (a keyed mark where personal), else file and row number",
    ),
    ("subject", "VARCHAR", "the person or household that the record is about, a keyed mark"),
    ("file", "VARCHAR", "file that the record stands in"),
    ("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
    ("given", "VARCHAR", "mark of what the record gives to place it by: another for anything else"),
    ("edition", "VARCHAR", "mark of the edition by which it is placed"),
    (
        "edition_before",
        "VARCHAR",
        "mark of the edition before; empty where it was not there, or given otherwise",
    ),
    *((name, TYPES[name], meaning) for name, meaning in zip(WHERE, MEANINGS, strict=True)),
    *(
        (f"{name}_before", TYPES[name], f"{meaning}, under the edition before")
        for name, meaning in zip(WHERE, MEANINGS, strict=True)
    ),
    ("is_re_placed", "BOOLEAN", "whether it is placed otherwise than under the edition before"),
)

TABLE = Table(
    "places",
    "re_placed",
    "How each record of the latest extracts is placed, beside how it was under the edition of gazetteer, open data, "
    "rules and decisions before this one: one row per record.",
    tuple(Column(*column) for column in COLUMNS),
    ("dataset", "record_id"),
    (PLACED, "services.dataset", "services.property_reference", "services.record"),
    "pipelines/re_placed.py",
)


def edition(warehouse: Warehouse, steps: Sequence[tuple[Table, str]]) -> str:
    """A mark of all that decides where a record is placed, but for the records.

    `steps` are the tables in the order in which they are made, each with its `lineage.made_by`.
    """
    of_it = next(table for table, _ in steps if table.full_name == PLACED)
    said = [lineage.made_from(warehouse, matching.TABLE).get(lineage.DECISIONS, "")]
    for table, by in (*lineage.above(steps, of_it), *(step for step in steps if step[0] is of_it)):
        if table.stage == "sources":
            said.append(
                f"{table.full_name} {(warehouse.facts(table.stage, table.name) or {}).get('file', '')}"
            )
        elif table.stage == of_it.stage:
            said.append(f"{table.full_name} {by}")
    return lineage.mark("\n".join(said))


def rows(con: duckdb.DuckDBPyConnection, edition: str) -> str:
    """The SELECT that makes the table, for the edition in use; it reads the stored version of the table, if any.

    A record is the same where it has the same reference (or file and row) and gives the same to place it by.
    """
    is_there = _stored(con) == [column.name for column in TABLE.columns]
    now = text_literal(edition)
    before = ", ".join(
        f"CASE WHEN edition = {now} THEN {name}_before ELSE {name} END AS {name}_before"
        for name in ("edition", *WHERE)
    )
    former = (
        f"SELECT dataset, record_id, given, {before} FROM {TABLE.full_name}"
        if is_there
        else "SELECT NULL AS dataset, NULL AS record_id, NULL AS given, "
        + ", ".join(
            f"CAST(NULL AS {TYPES.get(name, 'VARCHAR')}) AS {name}_before" for name in ("edition", *WHERE)
        )
    )
    where = ", ".join(f"record.{name}" for name in WHERE)
    were = ", ".join(f"former.{name}_before" for name in WHERE)
    is_other = " OR ".join(
        f"record.{name} IS DISTINCT FROM former.{name}_before" for name in WHERE if name != "location_key"
    )
    return f"""
        WITH referenced AS (
            SELECT dataset, file, row_number, list((column_name, reference) ORDER BY column_name) AS reference
            FROM services.property_reference GROUP BY ALL
        ),
        record AS (
            SELECT placed.*, md5(CAST(row(
                given.uprn, given.usrn, given.address, given.postcode, given.easting, given.northing, given.area_code,
                referenced.reference
            ) AS VARCHAR)) AS given
            FROM {PLACED} AS placed
            JOIN services.record AS given USING (dataset, file, row_number)
            JOIN services.dataset AS described USING (dataset)
            LEFT JOIN referenced USING (dataset, file, row_number)
            QUALIFY (
                described.kind = 'flow'
                OR placed.as_at IS NOT DISTINCT FROM max(placed.as_at) OVER (PARTITION BY placed.dataset)
            ) AND row_number() OVER (
                    PARTITION BY placed.dataset, placed.record_id
                    ORDER BY placed.as_at DESC NULLS LAST, placed.file, placed.row_number
                ) = 1
        ),
        former AS ({former})
        SELECT record.authority_code, record.dataset, record.record_id, record.subject, record.file, record.row_number,
            record.given, {now} AS edition, former.edition_before, {where}, {were},
            former.edition_before IS NOT NULL AND ({is_other}) AS is_re_placed
        FROM record
        LEFT JOIN former ON former.dataset = record.dataset AND former.record_id = record.record_id
            AND former.given = record.given
    """


def _stored(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The columns of the table as it is stored, in order; none where there is no such table."""
    found = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
        [TABLE.stage, TABLE.name],
    ).fetchall()
    return [name for (name,) in found]


def told(con: duckdb.DuckDBPyConnection) -> list[str]:
    """A sentence for each dataset of which records are re-placed: how many, and how."""
    if not _stored(con):
        return []
    ranks = ("property", "building", "point", "postcode", "area", "none")
    rank = "CASE {} " + " ".join(f"WHEN '{name}' THEN {at}" for at, name in enumerate(ranks)) + " END"
    now, before = rank.format("precision"), rank.format("precision_before")
    found = con.execute(
        f"SELECT dataset, count(*) FILTER (edition_before IS NOT NULL), count(*) FILTER (is_re_placed), "
        f"count(*) FILTER (is_re_placed AND {now} < {before}), count(*) FILTER (is_re_placed AND {now} > {before}) "
        f"FROM {TABLE.full_name} GROUP BY dataset ORDER BY dataset"
    ).fetchall()
    return [
        f"re_placed: of {compared:,} records of {dataset} that are given as before, {anew:,} are placed otherwise "
        f"since the gazetteer, open data, a rule or a decision changed: {more:,} more precisely, {less:,} less, "
        f"{anew - more - less:,} as precisely elsewhere"
        for dataset, compared, anew, more, less in found
        if anew
    ]
