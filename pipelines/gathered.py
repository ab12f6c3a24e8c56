"""The tables that gather an authority's sources and datasets: records, catalogues, rejected rows, files, issues.

They are generated from the descriptions, so that a new dataset is in them without any code. Their SQL is shown in the
UI like that of any other table. Reading the files themselves is `ingest`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipelines.authority import Authority, Dataset, column_name
from pipelines.cadence import read_cadence
from pipelines.extracts import CARRIED, stands_alone
from pipelines.identifiers import ISSUES
from pipelines.ingest import (
    FILE_COLUMNS,
    REJECTED_COLUMNS,
    dataset_table,
    files_table,
    rejected_table,
    source_table,
)
from pipelines.reading_plan import FIXED, own_columns
from pipelines.tables import Column, Table, quoted, text_literal
from pipelines.tenure import tenure_group

MADE_HERE = "pipelines/gathered.py"
# A category of this name says in which tenure a record's home is held (in social care returns, the accommodation).
TENURE_NAMES = ("tenure", "accommodation")
OTHER_TENURE, TENURE_NOT_KNOWN = "another value", "not known"

EXTRACT_OF = (
    "date of the snapshot (2026-09-30), or period of the flow (2026-09, 2025 Q3, 2025) that the record belongs to; "
    "empty where neither is known"
)

RECORD_COLUMNS = (
    FIXED[0],
    Column("dataset", "VARCHAR", "dataset that the record belongs to"),
    Column(
        "role", "VARCHAR", "`service`, or `site` where the record is a place that a service is delivered from"
    ),
    *(c for c in FIXED[1:] if c.name != "issues"),
)


def gathered_tables(authority: Authority) -> list[Table]:
    """Every gathered table of the authority, generated."""
    return [
        _authority(authority),
        _travel_rule(authority),
        _sources(authority),
        _union(authority, "sources", "file_read", "Every file read for the open sources."),
        _union(
            authority, "sources", "row_rejected", "Every row of the open sources that was rejected, and why."
        ),
        _record(authority),
        _site_name(authority),
        _site_kind(authority),
        _site_capacity(authority),
        _tenure(authority),
        _record_tenure(authority),
        _record_age(authority),
        _event_end(authority),
        _measure(authority),
        _property_reference(authority),
        _datasets(authority),
        _union(authority, "services", "file_read", "Every extract read for the council's datasets."),
        _union(
            authority,
            "services",
            "row_rejected",
            "Every row of the council's datasets that was rejected, and why.",
        ),
        _value_issue(authority),
        _issue_kind(),
    ]


def _rows(columns: Iterable[Column], rows: Sequence[tuple[object, ...]]) -> str:
    """A SELECT that yields given rows with the columns' types, also when there are none."""
    columns = tuple(columns)
    names = ", ".join(quoted(column.name) for column in columns)
    typed = ",\n    ".join(f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in columns)
    values = ",\n    ".join("(" + ", ".join(_literal(value) for value in row) + ")" for row in rows)
    if not rows:
        values = "(" + ", ".join("NULL" for _ in columns) + ")"
    where = "" if rows else "\nWHERE false"
    return f"SELECT\n    {typed}\nFROM (VALUES\n    {values}\n) AS given ({names}){where}\n"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else text_literal(str(value))


def _authority(authority: Authority) -> Table:
    about = authority.about
    columns = (
        Column("authority_code", "VARCHAR", "GSS code of the authority"),
        Column("authority_name", "VARCHAR", "name of the authority"),
        Column("area_vintage", "BIGINT", "census year of the areas in use"),
        Column("threshold", "BIGINT", "counts below this are hidden in everything published"),
        Column("round_to", "BIGINT", "everything published is rounded to this"),
    )
    row = (about.code, about.name, about.area_vintage, about.disclosure.threshold, about.disclosure.round_to)
    return Table(
        "sources", "authority", "The authority, as authority.yaml says: one row.", columns, ("authority_code",), (),
        "authority.yaml", sql=_rows(columns, [row]),
    )  # fmt: skip


def _travel_rule(authority: Authority) -> Table:
    columns = (
        Column("authority_code", "VARCHAR", "GSS code of the authority"),
        Column("settings", "VARCHAR", "the key `travel:` of authority.yaml with its defaults, JSON"),
    )
    row = (authority.code, authority.about.travel.model_dump_json())
    return Table(
        "sources", "travel_rule", "How people get about, as authority.yaml says: one row.", columns,
        ("authority_code",), (), "authority.yaml", sql=_rows(columns, [row]),
    )  # fmt: skip


def _sources(authority: Authority) -> Table:
    described = (
        Column("source", "VARCHAR", "open source"),
        Column("title", "VARCHAR", "title, as the publisher gives it"),
        Column("publisher", "VARCHAR", "who publishes it"),
        Column("licence", "VARCHAR", "licence"),
        Column("attribution", "VARCHAR", "what must be printed where it is used"),
        Column("cadence", "VARCHAR", "how often it is published"),
    )
    columns = (
        Column("authority_code", "VARCHAR", "GSS code of the authority"),
        *described,
        Column(
            "epoch", "VARCHAR", "edition(s) in use: as the description states, else as the file names tell"
        ),
        Column("files", "BIGINT", "files read"),
        Column("rows", "BIGINT", "rows kept"),
    )
    rows = [(s.name, s.title, s.publisher, s.licence, s.attribution, s.cadence) for s in authority.sources]
    sql = (
        f"WITH described AS (\n{_rows(described, rows)}),\nread AS (\n"
        "    SELECT \"of\" AS source, string_agg(DISTINCT edition, ', ' ORDER BY edition) AS epoch,\n"
        "        count(*) AS files, CAST(sum(rows_kept) AS BIGINT) AS rows\n"
        "    FROM sources.file_read WHERE status = 'read' GROUP BY \"of\"\n)\n"
        f"SELECT {text_literal(authority.code)} AS authority_code, described.*, read.epoch, read.files, read.rows\n"
        "FROM described JOIN read USING (source)\n"
    )
    return Table(
        "sources", "source",
        "The open sources in use: one row each, with licence and edition; a source without a file has none.",
        columns, ("source",), ("sources.file_read",), MADE_HERE, sql=sql,
    )  # fmt: skip


def _union(authority: Authority, stage: str, name: str, meaning: str) -> Table:
    if stage == "sources":
        of = [source_table(source) for source in authority.sources]
    else:
        of = [dataset_table(dataset) for dataset in authority.datasets]
    part, columns, key = {
        "file_read": (files_table, FILE_COLUMNS, ("of", "file", "status")),
        "row_rejected": (rejected_table, REJECTED_COLUMNS, ("of", "file", "row_number")),
    }[name]
    parts = [f"SELECT * FROM {stage}.{quoted(part(table).name)}" for table in of] or [_rows(columns, [])]
    depends_on = tuple(sorted(table.full_name for table in of))
    return Table(
        stage, name, meaning, columns, key, depends_on, MADE_HERE, sql="\nUNION ALL\n".join(parts) + "\n"
    )


def _of_datasets(datasets: tuple[Dataset, ...]) -> tuple[str, ...]:
    return tuple(sorted(f"services.{dataset.name}" for dataset in datasets))


def _record(authority: Authority) -> Table:
    own = ", ".join(
        quoted(c.name) for c in RECORD_COLUMNS if c.name not in {"authority_code", "dataset", "role"}
    )
    parts = [
        f"SELECT authority_code, {text_literal(d.name)} AS dataset, {text_literal(d.group)} AS role, {own}\n"
        f"FROM services.{quoted(d.name)}"
        for d in authority.datasets
    ] or [_rows(RECORD_COLUMNS, [])]
    return Table(
        "services", "record",
        "Every record of every dataset with what can place it: one row per record. Restricted; what else the record "
        "says stays in its dataset's own table.",
        RECORD_COLUMNS, ("dataset", "file", "row_number"), _of_datasets(authority.datasets), MADE_HERE,
        sql="\nUNION ALL\n".join(parts) + "\n",
    )  # fmt: skip


def _site_name(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "kind of site"),
        Column("file", "VARCHAR", "file that the site stands in"),
        Column("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
        Column("name", "VARCHAR", "name of the site"),
    )
    sites = tuple(d for d in authority.datasets if d.group == "site")
    named = tuple(d for d in sites if any(name == "name" for name, _, _ in own_columns(d)))
    parts = [
        f"SELECT {text_literal(d.name)} AS dataset, file, row_number, name\nFROM services.{quoted(d.name)}"
        for d in named
    ] or [_rows(columns, [])]
    return Table(
        "services", "site_name", "Names of sites: one row per site whose description names a column `name`.", columns,
        ("dataset", "file", "row_number"), _of_datasets(named), MADE_HERE, sql="\nUNION ALL\n".join(parts) + "\n",
    )  # fmt: skip


def _site_kind(authority: Authority) -> Table:
    columns = (
        Column("site_kind", "VARCHAR", "kind of site: the folder that describes it"),
        Column("sensitivity", "VARCHAR", "open, personal or special"),
        Column("mode", "VARCHAR", "how people are expected to come: walk, cycle or drive"),
        Column("within_minutes", "BIGINT", "how many minutes' travel is called too far, where more"),
        Column("direction", "VARCHAR", "`to_site`, or `from_site` where the service comes to people"),
        Column(
            "capacity_of",
            "VARCHAR",
            "measure that tells what each site can take; empty where none is said to",
        ),
        Column(
            "catchment",
            "VARCHAR",
            "open source that publishes who belongs to which site; empty where none does",
        ),
    )
    rows: list[tuple[object, ...]] = [
        (
            d.name, d.sensitivity, d.travel.mode, d.travel.within_minutes, d.travel.direction,
            d.travel.capacity or None, d.travel.catchment or None,
        )
        for d in authority.datasets
        if d.group == "site"
    ]  # fmt: skip
    return Table(
        "services", "site_kind", "The kinds of sites, and how people get to them: one row each.", columns,
        ("site_kind",), (), MADE_HERE, sql=_rows(columns, rows),
    )  # fmt: skip


def _site_capacity(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "kind of site"),
        Column("file", "VARCHAR", "file that the site stands in"),
        Column("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
        Column("capacity", "DECIMAL(18, 4)", "what the site can take, in what its description says"),
    )
    of = tuple(d for d in authority.datasets if d.group == "site" and d.travel.capacity)
    parts = [
        f"SELECT {text_literal(d.name)} AS dataset, file, row_number,\n"
        f"    CAST({quoted(d.travel.capacity)} AS DECIMAL(18, 4)) AS capacity\n"
        f"FROM services.{quoted(d.name)} WHERE {quoted(d.travel.capacity)} >= 0"
        for d in of
    ] or [_rows(columns, [])]
    return Table(
        "services", "site_capacity",
        "What sites can take: one row per site whose description says which measure tells it.", columns,
        ("dataset", "file", "row_number"), _of_datasets(of), MADE_HERE, sql="\nUNION ALL\n".join(parts) + "\n",
    )  # fmt: skip


def _tenure_column(dataset: Dataset) -> tuple[str, tuple[str, ...]] | None:
    """The column in which a service states the tenure of a record, and the values that its description allows."""
    for header, use in dataset.columns.items():
        name = use.name or column_name(header)
        if use.role == "category" and name in TENURE_NAMES and use.values:
            return name, use.values
    return None


def _with_tenure(authority: Authority) -> list[tuple[Dataset, str, tuple[str, ...]]]:
    services = (dataset for dataset in authority.datasets if dataset.group == "service")
    return [(dataset, *found) for dataset in services if (found := _tenure_column(dataset)) is not None]


def _measure(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("file", "VARCHAR", "file that the record stands in"),
        Column("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
        Column("measure", "VARCHAR", "column of amounts"),
        Column("amount", "DECIMAL(18, 4)", "the amount"),
    )
    measured = [
        (dataset, name)
        for dataset in authority.datasets
        for name, _, use in own_columns(dataset)
        if dataset.group == "service" and use.role == "measure" and use.type != "text"
    ]
    parts = [
        f"SELECT {text_literal(dataset.name)} AS dataset, file, row_number, {text_literal(name)} AS measure,\n"
        f"    CAST({quoted(name)} AS DECIMAL(18, 4)) AS amount\n"
        f"FROM services.{quoted(dataset.name)} WHERE {quoted(name)} IS NOT NULL"
        for dataset, name in measured
    ] or [_rows(columns, [])]
    of = tuple({dataset.name: dataset for dataset, _ in measured}.values())
    return Table(
        "services", "measure",
        "The amounts of each record (columns that are a `measure`): one row per record and column.",
        columns, ("dataset", "file", "row_number", "measure"), _of_datasets(of), MADE_HERE,
        sql="\nUNION ALL\n".join(parts) + "\n",
    )  # fmt: skip


def _property_reference(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("file", "VARCHAR", "file that the record stands in"),
        Column("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
        Column("column_name", "VARCHAR", "column that holds the reference"),
        Column("source", "VARCHAR", "source of the gazetteer's cross-references that it is one of"),
        Column("reference", "VARCHAR", "the service's own reference of the property"),
    )
    # A reference whose source is not stated is looked up nowhere: another service may use the same number for another
    # property.
    referenced = [
        (dataset, name, use.source)
        for dataset in authority.datasets
        for name, _, use in own_columns(dataset)
        if use.role == "property_reference" and use.source
    ]
    parts = [
        f"SELECT {text_literal(dataset.name)} AS dataset, file, row_number, {text_literal(name)} AS column_name,\n"
        f"    {text_literal(source)} AS source, {quoted(name)} AS reference\n"
        f"FROM services.{quoted(dataset.name)} WHERE {quoted(name)} IS NOT NULL"
        for dataset, name, source in referenced
    ] or [_rows(columns, [])]
    of = tuple({dataset.name: dataset for dataset, *_ in referenced}.values())
    return Table(
        "services", "property_reference",
        "The services' own references of properties whose description names a source of the gazetteer's "
        "cross-references: one row per record and column.",
        columns, ("dataset", "file", "row_number", "column_name"), _of_datasets(of), MADE_HERE,
        sql="\nUNION ALL\n".join(parts) + "\n",
    )  # fmt: skip


def _tenure(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("tenure", "VARCHAR", "a tenure that its description allows, or what stands for all others"),
        Column(
            "tenure_group",
            "VARCHAR",
            "owned, social rented, private rented, other or not known, by the code list of the software",
        ),
    )
    rows: list[tuple[object, ...]] = []
    for dataset, _, values in _with_tenure(authority):
        allowed = dict.fromkeys((*values, OTHER_TENURE, TENURE_NOT_KNOWN))
        rows += [(dataset.name, value, tenure_group(value)) for value in allowed]
    return Table(
        "services", "tenure",
        "The tenures that each dataset's description allows: one row each, whether a record has it or not.",
        columns, ("dataset", "tenure"), (), MADE_HERE, sql=_rows(columns, rows),
    )  # fmt: skip


def _record_tenure(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("file", "VARCHAR", "file that the record stands in"),
        Column("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
        Column("tenure", "VARCHAR", "tenure, of those in services.tenure"),
    )
    parts = []
    for dataset, column, values in _with_tenure(authority):
        # A value that is not in the description may be anything, a name too: it is never passed on as it stands.
        known = "".join(
            f" WHEN {text_literal(value.strip().upper())} THEN {text_literal(value)}" for value in values
        )
        tenure = (
            f"CASE WHEN {quoted(column)} IS NULL THEN {text_literal(TENURE_NOT_KNOWN)}\n"
            f"    ELSE CASE upper(trim({quoted(column)})){known} ELSE {text_literal(OTHER_TENURE)} END END AS tenure"
        )
        parts.append(
            f"SELECT {text_literal(dataset.name)} AS dataset, file, row_number,\n    {tenure}\n"
            f"FROM services.{quoted(dataset.name)}"
        )
    of = tuple(dataset for dataset, _, _ in _with_tenure(authority))
    return Table(
        "services", "record_tenure",
        "The tenure of each record, for datasets whose description has a category named `tenure` (or `accommodation`) "
        "and lists its values.",
        columns, ("dataset", "file", "row_number"), _of_datasets(of), MADE_HERE,
        sql="\nUNION ALL\n".join(parts or [_rows(columns, [])]) + "\n",
    )  # fmt: skip


def _record_age(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("file", "VARCHAR", "file that the record stands in"),
        Column("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
        Column("age_band", "VARCHAR", "age band at the date of the extract; empty where it is not known"),
    )
    banded = [
        (dataset, name)
        for dataset in authority.datasets
        if dataset.group == "service"
        for name in [name for name, _, use in own_columns(dataset) if use.keep == "age_band"][:1]
    ]
    parts = [
        f"SELECT {text_literal(dataset.name)} AS dataset, file, row_number, {quoted(name)} AS age_band\n"
        f"FROM services.{quoted(dataset.name)}"
        for dataset, name in banded
    ] or [_rows(columns, [])]
    return Table(
        "services", "record_age",
        "The age band of whom each record is about, for datasets that keep a date of birth as its band: the first such "
        "column.",
        columns, ("dataset", "file", "row_number"), _of_datasets(tuple(dataset for dataset, _ in banded)), MADE_HERE,
        sql="\nUNION ALL\n".join(parts) + "\n",
    )  # fmt: skip


def _event_end(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("file", "VARCHAR", "file that the record stands in"),
        Column("row_number", "BIGINT", "row of the file as a spreadsheet counts"),
        Column("ended", "DATE", "date on which the event ended; empty where it is open still"),
    )
    of = tuple(dataset for dataset in authority.datasets if dataset.counting.one == "open_event")
    parts = [
        f"SELECT {text_literal(dataset.name)} AS dataset, file, row_number, {quoted(dataset.counting.ended)} AS ended\n"
        f"FROM services.{quoted(dataset.name)}"
        for dataset in of
    ] or [_rows(columns, [])]
    return Table(
        "services", "event_end",
        "When each event ended, for datasets of which the events open at a period's end are counted.",
        columns, ("dataset", "file", "row_number"), _of_datasets(of), MADE_HERE,
        sql="\nUNION ALL\n".join(parts) + "\n",
    )  # fmt: skip


def _datasets(authority: Authority) -> Table:
    described = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("role", "VARCHAR", "`service`, or `site` for places that a service is delivered from"),
        Column("title", "VARCHAR", "title"),
        Column("owner", "VARCHAR", "who answers for it"),
        Column("purpose", "VARCHAR", "what it may be used for"),
        Column("lawful_basis", "VARCHAR", "why that is lawful"),
        Column(
            "uses",
            "VARCHAR",
            "what its records may be used for beside judging their quality; open data for anything",
        ),
        Column("sensitivity", "VARCHAR", "open, personal or special"),
        Column(
            "keep_months", "BIGINT", "months for which an extract is kept; empty where no limit is stated"
        ),
        Column("licence", "VARCHAR", "licence, for open data"),
        Column("attribution", "VARCHAR", "what must be printed where it is used"),
        Column("kind", "VARCHAR", "`stock` (how things stand at a date) or `flow` (dated events)"),
        Column("period", "VARCHAR", "period by which a flow is counted: month, quarter or year"),
        Column("counts", "VARCHAR", "what one record counts as"),
        Column("cadence", "VARCHAR", "how often an extract is promised; empty where nothing is"),
        Column("cadence_months", "BIGINT", "the same in whole months; 0 where it is less, or no whole month"),
        Column("cadence_days", "BIGINT", "the same in days, beside the months"),
        Column("due_days", "BIGINT", "days after its date within which an extract is promised"),
        Column(
            "counts_one",
            "VARCHAR",
            "what is counted as one in a period: record (each row, by its weight), person, household, address or "
            "open_event",
        ),
        Column(
            "denominator", "VARCHAR", "what its rate is worked out by: homes, people or people_65_and_over"
        ),
    )
    of_flow = " (of a flow without dated extracts: the month of the"
    columns = (
        Column("authority_code", "VARCHAR", "GSS code of the authority"),
        *described,
        Column("first_as_at", "DATE", f"date that the first extract describes{of_flow} first event)"),
        Column("last_as_at", "DATE", f"date that the latest extract describes{of_flow} latest event)"),
        Column("files", "BIGINT", "extracts read"),
        Column(
            "withheld_rows",
            "BIGINT",
            "of an open dataset, rows whose number its publisher withheld: figures are least",
        ),
        Column(
            "is_stale",
            "BOOLEAN",
            "whether the latest extract could not be used, or is gone, so that what was read before is shown in its "
            "place",
        ),
        Column("refused_as_at", "DATE", "date in the name of the latest extract that could not be used"),
    )
    rows = [
        (
            d.name, d.group, d.title, d.owner, d.purpose, d.lawful_basis, ", ".join(d.uses), d.sensitivity,
            d.keep_months, d.licence, d.attribution, d.kind, d.period, d.counts, d.cadence,
            step.months if step else None, step.days if step else None, d.due_days, d.counting.one, d.denominator,
        )
        for d in authority.datasets
        for step in [read_cadence(d.cadence)]
    ]  # fmt: skip
    alone = ", ".join(text_literal(d.name) for d in authority.datasets if stands_alone(d)) or "''"
    sql = (
        f"WITH described AS (\n{_rows(described, rows)}),\ndated AS (\n"
        "    -- Where only events carry a date, their months: the day of a single event is nobody else's business.\n"
        "    SELECT dataset, min(coalesce(as_at, CAST(date_trunc('month', event_date) AS DATE))) AS first_as_at,\n"
        "        max(coalesce(as_at, last_day(event_date))) AS last_as_at\n"
        "    FROM services.record GROUP BY dataset\n),\nread AS (\n"
        "    -- A state that changes came to has a row for each file that it takes rows over from.\n"
        f'    SELECT "of" AS dataset, count(DISTINCT split_part(file, {text_literal(CARRIED)}, 1)) AS files\n'
        "    FROM services.file_read\n"
        "    WHERE status = 'read' GROUP BY \"of\"\n),\n"
        "withheld AS (\n"
        '    SELECT "of" AS dataset, count(*) AS withheld_rows\n'
        "    FROM services.row_rejected WHERE starts_with(reason, 'withheld') GROUP BY \"of\"\n),\n"
        "not_used AS (\n"
        "    -- A copy of a file that is in use takes nothing away.\n"
        "    SELECT \"of\" AS dataset, max(as_at) FILTER (status = 'refused') AS refused_as_at,\n"
        "        bool_or(status = 'missing' OR as_at IS NULL) AS is_of_any_date\n"
        "    FROM services.file_read AS file WHERE status = 'missing' OR (status = 'refused' AND NOT EXISTS (\n"
        "        SELECT 1 FROM services.file_read AS other WHERE other.status = 'read' AND other.file <> file.file\n"
        '            AND other."of" = file."of" AND other.sha256 = file.sha256 AND other.as_at = file.as_at\n'
        '    )) GROUP BY "of"\n)\n'
        f"SELECT {text_literal(authority.code)} AS authority_code, described.*, dated.first_as_at, dated.last_as_at,\n"
        "    coalesce(read.files, 0) AS files,\n"
        "    CASE WHEN described.sensitivity = 'open' THEN coalesce(withheld.withheld_rows, 0) END AS withheld_rows,\n"
        "    -- Where each date stands alone, an extract that could not be used makes no later one stale.\n"
        "    not_used.dataset IS NOT NULL AND (not_used.is_of_any_date OR dated.last_as_at IS NULL\n"
        "        OR not_used.refused_as_at >= dated.last_as_at\n"
        f"        OR described.dataset NOT IN ({alone})) AS is_stale,\n"
        "    not_used.refused_as_at\n"
        "FROM described\nLEFT JOIN dated USING (dataset)\nLEFT JOIN read USING (dataset)\n"
        "LEFT JOIN withheld USING (dataset)\nLEFT JOIN not_used USING (dataset)\n"
    )
    return Table(
        "services", "dataset",
        "The council's datasets and kinds of sites: one row each, with owner, purpose and dates.",
        columns, ("dataset",), ("services.file_read", "services.record", "services.row_rejected"), MADE_HERE, sql=sql,
    )  # fmt: skip


def _value_issue(authority: Authority) -> Table:
    columns = (
        Column("dataset", "VARCHAR", "dataset"),
        Column("extract_of", "VARCHAR", EXTRACT_OF),
        Column("column_name", "VARCHAR", "column that has the issue"),
        Column("issue", "VARCHAR", "kind of issue"),
        Column("rows", "BIGINT", "rows kept that have it"),
    )
    parts = [
        f"SELECT {text_literal(d.name)} AS dataset, {_extract_of(d)} AS extract_of, unnest(issues) AS issue\n"
        f"FROM services.{quoted(d.name)}"
        for d in authority.datasets
    ]
    sql = _rows(columns, [])
    if parts:
        sql = (
            "SELECT dataset, extract_of, split_part(issue, ': ', 1) AS column_name,\n"
            "    split_part(issue, ': ', 2) AS issue, count(*) AS rows\nFROM (\n"
            + "\nUNION ALL\n".join(parts)
            + "\n)\nGROUP BY ALL\n"
        )
    return Table(
        "services", "value_issue", "How many rows of each extract have each issue of form; never which.", columns,
        ("dataset", "extract_of", "column_name", "issue"), _of_datasets(authority.datasets), MADE_HERE, sql=sql,
    )  # fmt: skip


def _extract_of(dataset: Dataset) -> str:
    """SQL of the extract, or the period of a flow, that a record belongs to."""
    if dataset.kind == "stock":
        return "coalesce(strftime(as_at, '%Y-%m-%d'), '')"
    label = {
        "month": "strftime(event_date, '%Y-%m')",
        "quarter": "strftime(event_date, '%Y') || ' Q' || quarter(event_date)",
        "year": "strftime(event_date, '%Y')",
    }[dataset.period]
    return f"coalesce({label}, '')"


def _issue_kind() -> Table:
    columns = (
        Column("issue", "VARCHAR", "kind of issue"),
        Column("severity", "VARCHAR", "error, warning or info"),
        Column("meaning", "VARCHAR", "what it means, in a sentence"),
        Column("who_fixes", "VARCHAR", "who must mend it"),
        Column("how_to_fix", "VARCHAR", "how, or what to ask first"),
    )
    rows: list[tuple[object, ...]] = [
        (name, i.severity, i.meaning, i.who_fixes, i.how_to_fix) for name, i in sorted(ISSUES.items())
    ]
    return Table(
        "services", "issue_kind",
        "The register of issues: how grave each is, what it means, who must mend it, and how.",
        columns, ("issue",), (), "pipelines/identifiers.py", sql=_rows(columns, rows),
    )  # fmt: skip
