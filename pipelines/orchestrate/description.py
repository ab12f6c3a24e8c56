"""What people read of a table in Dagster's pages: meaning, path, key, columns, owner, SQL, and what became of its rows.

Here belong texts and metadata. Values of records never get here: counts, names of files and columns, row numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.authority import Authority, Dataset, Source
from pipelines.descriptions import Problem
from pipelines.ingest import rejected_table
from pipelines.protect import Publication, rule_sentence
from pipelines.run import Made, Run, Step
from pipelines.tables import REPOSITORY, Column, Table, quoted

FORMATS = {
    "csv": "csv", "xlsx": "excel", "parquet": "parquet", "geopackage": "geopackage", "geojson": "geojson", "zip": "csv",
    "gpkg": "geopackage",
}  # fmt: skip
REASONS_SHOWN, ROWS_SHOWN = 20, 3


def key_of(table: Table) -> dg.AssetKey:
    """A table's key in Dagster: stage, then name."""
    return dg.AssetKey([table.stage, table.name])


def description(step: Step, authority: Authority) -> str:
    """The table as Markdown: meaning, a list of facts, and the SQL that makes it."""
    table, of = step.table, step.of
    if step.broken:
        return f"**Its description cannot be used.**\n\n{bullets(map(str, step.broken))}"
    facts: list[tuple[str, str]] = []
    if isinstance(of, Dataset):
        facts += [
            ("Owner", of.owner),
            ("Purpose", of.purpose),
            ("Lawful basis", of.lawful_basis),
            ("May be used for", "anything" if of.is_open else ", ".join(of.uses)),
            ("Sensitivity", of.sensitivity),
            ("Licence", of.licence),
            ("Attribution", of.attribution),
            (
                "Counts",
                f"{of.counts}; {'dated events' if of.kind == 'flow' else 'how things stand at a date'}",
            ),
        ]
    elif isinstance(of, Source):
        facts += [
            ("Title", of.title),
            ("Publisher", of.publisher),
            ("Licence", of.licence),
            ("Attribution", of.attribution),
            ("Published", of.cadence),
        ]
    elif isinstance(of, Publication):
        definition = of.definition
        rule = "every row is open already" if definition.open else rule_sentence(authority.about.disclosure)
        facts += [("For", definition.purpose), ("Not for", definition.not_for), ("Basis", definition.basis)]
        facts.append(("Rule", rule))
    facts.append(("Described in" if of else "Made by", f"`{table.path}`"))
    if table.use:
        facts.append(("Uses records for", table.use))
    facts += [("Left out", sentence) for sentence in step.left_out]
    if table.key:
        facts.append(("Key", ", ".join(f"`{name}`" for name in table.key)))
    meaning = table.meaning.removesuffix(of.purpose).strip() if isinstance(of, Dataset) else table.meaning
    parts = [meaning, "\n".join(f"- **{name}**: {text}" for name, text in facts if text)]
    if step.sql:
        parts += [
            "The SQL, which runs as it is in `restricted/warehouse.duckdb`:",
            f"```sql\n{step.sql.strip()}\n```",
        ]
    return "\n\n".join(parts)


def column_schema(columns: Iterable[Column], key: tuple[str, ...]) -> dg.TableSchema:
    """Columns with types and meanings; the key's are marked as never empty, and as unique where it is the whole key."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                column.meaning,
                constraints=dg.TableColumnConstraints(
                    nullable=column.name not in key, unique=key == (column.name,)
                ),
            )
            for column in columns
        ]
    )


def described_metadata(table: Table) -> dict[str, Any]:
    """What is known of a table before it is made: its name in SQL, its columns, and where it is described."""
    metadata: dict[str, Any] = {"path": table.path}
    if table.columns:
        metadata["dagster/table_name"] = table.full_name
        metadata["dagster/column_schema"] = column_schema(table.columns, table.key)
    return metadata


def owners(step: Step, authority: Authority) -> list[str]:
    """Who answers for the table: the dataset's owner, else the council's GIS team where authority.yaml names it."""
    owner = step.of.owner if isinstance(step.of, Dataset) else authority.about.owners.get("gis_team", "")
    name = _slug(owner)
    return [f"team:{name}"] if name else []


def kinds(step: Step) -> set[str]:
    """What the table is made of, in words that Dagster has pictures for."""
    if isinstance(step.of, Source | Dataset):
        suffixes = {Path(pattern).suffix.removeprefix(".").lower() for pattern in step.of.files}
        return set(sorted({FORMATS[name] for name in [step.of.format, *suffixes] if name in FORMATS})[:2]) | {
            "parquet"
        }
    if step.name == "maps.release":
        return {"duckdb", "geopackage", "parquet"}
    if step.table.stage == "maps":
        return {"python", "html"}
    if step.broken:
        return {"yaml"}
    return {"sql", "duckdb"} if step.sql else {"python", "parquet"}


def tags(step: Step) -> dict[str, str]:
    """Tags to filter by: `sensitivity` of a dataset, `rule` of a published table."""
    if isinstance(step.of, Dataset):
        return {"sensitivity": step.of.sensitivity, "records": step.of.kind}
    if isinstance(step.of, Publication):
        return {"rule": "open" if step.of.definition.open else "protected"}
    return {}


def code_version(step: Step) -> str:
    """A mark that changes when what makes the table changes: its SQL, its Python file or its description."""
    text = (step.sql or "").encode()
    path = step.of.path if isinstance(step.of, Source | Dataset) else REPOSITORY / step.table.path
    if not text and path.is_file():
        text = path.read_bytes()
    return hashlib.sha256(text).hexdigest()[:12]


def made_metadata(at: Run, step: Step, made: Made) -> dict[str, Any]:
    """What is remembered of a table each time that it is made."""
    table = step.table
    metadata: dict[str, Any] = {}
    if made.rows is not None:
        metadata["dagster/row_count"] = made.rows
    if made.columns:
        metadata["dagster/column_schema"] = column_schema(made.columns, table.key)
    metadata |= {name.replace("_", " "): value for name, value in made.facts.items()}
    if made.facts.get("rows_rejected"):
        metadata["why rows were rejected"] = dg.MetadataValue.md(_rejections(at, rejected_table(table)))
    if made.problems:
        metadata["problems"] = dg.MetadataValue.md(bullets(made.problems))
    if {"weight_kept", "weight_unplaced"} <= {
        column.name for column in table.columns
    } and table.stage == "layers":
        metadata |= _placed(at, table)
    return metadata


def data_version(at: Run, step: Step) -> dg.DataVersion | None:
    """The content of the stored table as a short mark: the same inputs give the same one."""
    path = at.warehouse.read_path(step.table.stage, step.table.name) if step.table.key else None
    return dg.DataVersion(path.stem) if path else None


def bullets(lines: Iterable[str | Problem]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def _rejections(at: Run, rejected: Table) -> str:
    found = at.con.execute(
        "SELECT reason, column_name, count(*) AS n, "
        "string_agg(parse_filename(file) || ' row ' || row_number, ', ' ORDER BY file, row_number) "
        f"FILTER (nth <= {ROWS_SHOWN}) "
        "FROM (SELECT *, row_number() OVER (PARTITION BY reason, column_name ORDER BY file, row_number) AS nth "
        f"FROM {rejected.stage}.{quoted(rejected.name)}) "
        "GROUP BY reason, column_name ORDER BY n DESC, reason, column_name"
    ).fetchall()
    lines = ["| reason | column | rows | such as |", "|---|---|---:|---|"]
    for reason, column, count, rows in found[:REASONS_SHOWN]:
        more = ", ..." if count > ROWS_SHOWN else ""
        lines.append(f"| {_cell(reason)} | {_cell(column)} | {count:,} | {_cell(rows)}{more} |")
    if len(found) > REASONS_SHOWN:
        lines.append(f"| {len(found) - REASONS_SHOWN} more reasons | | | |")
    return "\n".join([*lines, "", f"All of them: `{rejected.full_name}`."])


def _placed(at: Run, table: Table) -> dict[str, Any]:
    """What part of each dataset's weight has a place, in per cent: Dagster draws it over time."""
    found = at.con.execute(
        f"SELECT dataset, round(100.0 * (weight_kept - weight_unplaced) / weight_kept, 1) "
        f"FROM {table.stage}.{quoted(table.name)} WHERE weight_kept > 0 ORDER BY dataset"
    ).fetchall()
    return {f"placed, % of {dataset}": float(percent) for dataset, percent in found}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
