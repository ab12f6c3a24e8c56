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

from pipelines import ingest, release
from pipelines.authority import Authority, Dataset, Source
from pipelines.cadence import promise_in_words
from pipelines.descriptions import Problem
from pipelines.ingest import rejected_table
from pipelines.orchestrate.preview import preview
from pipelines.protect import Publication, rule_sentence
from pipelines.quarantine import FOLDER as QUARANTINE
from pipelines.quarantine import folder_of, reports
from pipelines.run import PAGES, Made, Run, Step
from pipelines.tables import REPOSITORY, Column, Table, quoted

FORMATS = {
    "csv": "csv", "xlsx": "excel", "parquet": "parquet", "geopackage": "geopackage", "geojson": "geojson", "zip": "csv",
    "gpkg": "geopackage", "osm": "openstreetmap", "pbf": "openstreetmap",
}  # fmt: skip
REASONS_SHOWN, ROWS_SHOWN = 20, 3
SCORECARD = f"{PAGES}/data_quality.html"


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
            ("Extracts are promised", promise_in_words(of.cadence, of.due_days)),
            ("How good it is, and whether it is late", f"`published/{release.CURRENT}/{SCORECARD}`"),
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
        if definition.worked_out:
            rule = "worked out of published tables alone, so that a reader of them could work it out, too"
        facts += [("For", definition.purpose), ("Not for", definition.not_for), ("Basis", definition.basis)]
        facts.append(("Rule", rule))
    facts.append(("Described in" if of else "Made by", f"`{table.path}`"))
    if isinstance(of, Source | Dataset):
        reports_in = f"`restricted/{QUARANTINE}/{table.name}`"
        facts.append(("Where a file is refused", f"a report on it is in {reports_in}, and under Checks here"))
    elif table.stage in ("published", PAGES):
        facts.append(("Data dictionary", f"`published/{release.CURRENT}/CATALOGUE.md`"))
    if table.stage == PAGES:
        page = "index.html" if table.name == "release" else f"{PAGES}/{table.name}.html"
        facts.append(("Open it", f"`published/{release.CURRENT}/{page}`"))
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
        definition = step.of.definition
        return {"rule": "worked_out" if definition.worked_out else "open" if definition.open else "protected"}
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
    if _tells_what_is_placed(table):
        metadata |= {f"placed, % of {dataset}": percent for dataset, percent in _placed(at, table).items()}
    return metadata | _ways_on(at, step)


def shown_elsewhere(at: Run, step: Step) -> dict[Table, dict[str, Any]]:
    """What is known of other tables once this one is made: of each dataset, which part of its weight has a place."""
    if not _tells_what_is_placed(step.table):
        return {}
    of = {dataset.name: ingest.dataset_table(dataset) for dataset in at.authority.datasets}
    return {
        of[name]: {"placed, %": percent} for name, percent in _placed(at, step.table).items() if name in of
    }


def _tells_what_is_placed(table: Table) -> bool:
    names = {column.name for column in table.columns}
    return table.stage == "layers" and names >= {"dataset", "weight_kept", "weight_unplaced"}


def _ways_on(at: Run, step: Step) -> dict[str, Any]:
    """Where to go from here: map, data dictionary, report, as paths (a browser opens no file); a picture."""
    released = at.output.published.resolve() / release.CURRENT
    ways: dict[str, Any] = {}
    if isinstance(step.of, Dataset):
        ways["quality scorecard"] = dg.MetadataValue.path(released / SCORECARD)
    if isinstance(step.of, Source | Dataset):
        written = reports(at.output.restricted.resolve(), step.table.name)
        ways["files refused"] = len(written)
        if written:
            folder = folder_of(at.output.restricted.resolve(), step.table.name)
            ways["quarantine"] = dg.MetadataValue.path(folder)
            ways["how to mend it"] = dg.MetadataValue.md(
                "\n\n".join(path.with_suffix(".md").read_text(encoding="utf-8") for path in written)
            )
    elif step.table.stage == PAGES:
        page = "index.html" if step.name == "maps.release" else f"{PAGES}/{step.table.name}.html"
        ways["map"] = dg.MetadataValue.path(released / page)
    if step.table.stage in ("published", PAGES):
        ways["data dictionary"] = dg.MetadataValue.path(released / "CATALOGUE.md")
    if picture := _picture(at, step):
        ways["preview"] = dg.MetadataValue.md(picture)
    return ways


def _picture(at: Run, step: Step) -> str:
    """A small map of a published table, or of the first one with figures by area that a page shows; empty for none."""
    shown: tuple[str, ...] = ()
    if isinstance(step.of, Publication):
        shown = (step.name,)
    elif step.table.stage == PAGES and step.name != "maps.release":
        shown = step.table.depends_on
    return next((picture for name in shown if (picture := preview(at.con, name))), "")


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


def _placed(at: Run, table: Table) -> dict[str, float]:
    """What part of each dataset's weight has a place, in per cent: Dagster draws it over time."""
    found = at.con.execute(
        f"SELECT dataset, round(100.0 * (weight_kept - weight_unplaced) / weight_kept, 1) "
        f"FROM {table.stage}.{quoted(table.name)} WHERE weight_kept > 0 ORDER BY dataset"
    ).fetchall()
    return {dataset: float(percent) for dataset, percent in found}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
