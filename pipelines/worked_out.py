"""Published tables that are worked out of published tables alone: rates with intervals, expected counts, forecasts.

Here belongs reading their files (`assets/published/*.py`), holding them to their form, making them again from what is
released, to be sure that nothing else went into them, and telling how far each is from its exact twin. They need no
protection of their own: whoever has the protected counts could work them out himself, and while one is made nothing
else can be seen (`uses.limited`). What is worked out, and how, is `pipelines.estimate`; tables that come through the
gate are `protect`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb

from pipelines.definition import Definition
from pipelines.protect import HIDDEN, PUBLISHED, Finding, Publication
from pipelines.release import DATABASE, Candidate
from pipelines.tables import ASSETS, Table, TableFileError, quoted, table_from_module, text_literal

FOLDER = ASSETS / "published"
# What a file says of its table, besides what every table's does.
SAYS = ("PURPOSE", "BASIS", "NOT_FOR", "SMALLEST_AREA", "DATASETS")


def publications() -> list[Publication]:
    """Every worked-out table, by name. Raises `TableFileError` on a file that is not in its form."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
    return [publication(importlib.import_module(f"assets.published.{name}")) for name in names]


def publication(module: ModuleType) -> Publication:
    """The publication that a module describes: a Python asset that also has the constants `SAYS`.

    `DATASETS` are its columns that name datasets; `COMPARED`, if it has it, the column by which the table is compared
    with its exact twin. Raises `TableFileError` where one of `SAYS` is missing, a column has no type, or the table
    reads anything that is not published. That no area is smaller than it says is for `protect.verify`.
    """
    table = table_from_module(module)
    if lacking := [name for name in SAYS if not hasattr(module, name)]:
        raise TableFileError(f"{table.path}: has no `{lacking[0]}`")
    if exact := [name for name in table.depends_on if not name.startswith("published.")]:
        raise TableFileError(
            f"{table.path}: reads {exact[0]}; a worked-out table reads published tables alone"
        )
    if untyped := [column.name for column in table.columns if not column.type]:
        raise TableFileError(f"{table.path}: the column {untyped[0]} has no type")
    definition = Definition(
        name=table.name, path=Path(str(module.__file__)), layer=table.full_name, meaning=table.meaning,
        purpose=module.PURPOSE, basis=module.BASIS, not_for=module.NOT_FOR, smallest_area=module.SMALLEST_AREA,
        key=table.key, datasets=module.DATASETS, worked_out=True,
    )  # fmt: skip
    return Publication(definition, table, table)


def against_exact(con: duckdb.DuckDBPyConnection, table: Table) -> dict[str, Any]:
    """What protection changes in a table: how far it is from its twin in `layers`, made of exact counts.

    Facts for whoever runs it, never to be published: areas (rows) hidden, and of the column `COMPARED` the median and
    the largest difference, in per cent of the exact figure. {} where there is no twin, or nothing to compare.
    """
    module = importlib.import_module(table.path.removesuffix(".py").replace("/", "."))
    compared = getattr(module, "COMPARED", "")
    twin = f"layers.{quoted(table.name)}"
    known = "SELECT 1 FROM duckdb_views() WHERE schema_name = 'layers' AND view_name = ?"
    if not compared or not con.execute(known, [table.name]).fetchall():
        return {}
    column = quoted(compared)
    same = " AND ".join(f"told.{quoted(k)} IS NOT DISTINCT FROM exact.{quoted(k)}" for k in table.key)
    rows, hidden, median, most = con.execute(
        f"""
        WITH told AS (SELECT * FROM {table.full_name}),
        beside AS (
            SELECT told.status,
                CASE WHEN exact.{column} <> 0 THEN abs(told.{column} - exact.{column}) / abs(exact.{column}) END AS off
            FROM told JOIN {twin} AS exact ON {same}
            WHERE exact.status = '{PUBLISHED}'
        )
        SELECT count(*), count(*) FILTER (status = '{HIDDEN}'), round(100 * median(off), 1), round(100 * max(off), 1)
        FROM beside
        """
    ).fetchall()[0]
    if not rows:
        return {}
    facts: dict[str, Any] = {"figures_compared": rows, "figures_hidden": hidden, "compared": compared}
    if median is not None:
        facts |= {"median_difference_percent": float(median), "largest_difference_percent": float(most)}
    return facts


def made_again(candidate: Candidate) -> Iterator[Finding]:
    """An audit: each worked-out table, made again from nothing but the released database, comes to the same rows."""
    made = [p.table for p in candidate.publications if p.definition.worked_out and p.table.make]
    with duckdb.connect() as con:
        try:
            con.execute(f"ATTACH {text_literal(str(candidate.folder / DATABASE))} AS released (READ_ONLY)")
            con.execute("USE released")
        except duckdb.Error:
            return  # found already
        for table in made:
            try:
                con.register("again", table.make(con) if table.make else None)
            except Exception as error:  # whatever it is: the table was made of more than what is published
                problem = f"cannot be worked out from the released tables alone ({type(error).__name__})"
                yield Finding(table.full_name, "", problem)
                continue
            typed = ", ".join(
                f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in table.columns
            )
            again, held = f"SELECT {typed} FROM again", f"SELECT * FROM {table.full_name}"
            ((rows,),) = con.execute(
                f"SELECT count(*) FROM (({again}) EXCEPT ALL ({held})) "
                f"UNION ALL SELECT count(*) FROM (({held}) EXCEPT ALL ({again})) ORDER BY 1 DESC LIMIT 1"
            ).fetchall()
            con.unregister("again")
            if rows:
                problem = "rows are not what its own code works out from the released tables"
                yield Finding(table.full_name, "", problem, rows)
