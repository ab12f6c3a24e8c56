"""The gate: the only code that reads layers and writes for others.

Here belong the SQL that protects a layer after its definition (`definition` reads these), what protection costs, and a
first look at a protected table through an attacker's eyes (`verify`). Which further figures must be hidden so that the
hidden ones cannot be worked out is `hold_back`; what attacks all tables of a release at once is `audit`; how tables are
laid out for readers is `release`. No other module computes a figure that is published from one that is not.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.authority import Disclosure
from pipelines.definition import AREA_TYPES, Amount, Change, Definition, Rate, definitions
from pipelines.descriptions import DescriptionError, Problem, nearest, read_yaml
from pipelines.tables import ASSETS, Column, Table, quoted, tables_read, text_literal

PUBLISHED, HIDDEN, NOT_APPLICABLE = "published", "hidden", "not applicable"
DATASETS = "services.dataset"
# Which further figures are hidden; made by `hold_back`.
HELD_BACK = "layers.held_back"
# A dataset counts as open only where every row of the catalogue says so.
OPEN_DATASETS = """open_dataset AS (
    SELECT dataset FROM services.dataset
    GROUP BY dataset HAVING bool_and(coalesce(sensitivity = 'open', FALSE))
)"""
# In a table of people's data only these pass as they are: a number is a count, a rate or an open figure.
DIMENSION_TYPES = ("VARCHAR", "DATE", "BOOLEAN")

# Two tables have no layer of their own: what they say stands in authority.yaml.
RULE_LAYER = Table(
    stage="authority",
    name="disclosure",
    meaning="The rule that every published figure went through.",
    columns=(
        Column("authority_code", "VARCHAR", "GSS code of the authority"),
        Column("authority_name", "VARCHAR", "Name of the authority"),
        Column("threshold", "INTEGER", "Counts below this are hidden"),
        Column("round_to", "INTEGER", "All other counts are rounded to the nearest multiple of this"),
        Column("rule", "VARCHAR", "The rule in one sentence"),
    ),
    key=("authority_code",),
    path="authority.yaml",
)


@dataclass(frozen=True)
class Publication:
    """A definition that fits its layer: the definition, the layer, and the published table with its SQL."""

    definition: Definition
    layer: Table
    table: Table


@dataclass(frozen=True)
class Finding:
    """One thing that keeps a table from being released: where, what, in how many rows. Never a value."""

    table: str
    column: str
    problem: str
    rows: int = 0

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}" if self.column else self.table
        return f"{place}: {self.problem}" + (f" ({self.rows} row(s))" if self.rows else "")


@dataclass(frozen=True)
class Loss:
    """What protecting one table cost. Exact-side figures: for whoever runs it, never to be published.

    `rows_withheld` did not leave at all; `cells` are the counts of rows that are not open; `records` their
    sum (each record counts once in every area and period that has it). Of the hidden cells, `cells_hidden_further`
    are at the threshold or above: few stand behind them, or others would have been given away by them.
    """

    table: str
    rows: int
    rows_withheld: int
    cells: int
    cells_hidden: int
    cells_hidden_further: int
    records: int
    records_hidden: int

    @property
    def share_of_cells(self) -> float:
        """Hidden cells as a share of the protected cells, 0 to 1 (0 where there are none)."""
        return self.cells_hidden / self.cells if self.cells else 0.0

    @property
    def share_of_records(self) -> float:
        """Records in hidden cells as a share of those in protected cells, 0 to 1 (0 where there are none)."""
        return self.records_hidden / self.records if self.records else 0.0


def rule_sentence(rule: Disclosure) -> str:
    """The rule in plain words, as tables and maps print it."""
    return (
        f"Counts of 0 to {rule.threshold - 1} are hidden, and with the same marker any that would give another away; "
        f"all others are rounded to the nearest {rule.round_to}; rates, percentages, means and changes are worked out "
        "from the figures as published. Datasets that are open already pass unchanged."
    )


def publications(
    tables: Iterable[Table], authority_code: str, authority_name: str, rule: Disclosure,
    folder: Path = ASSETS / "published",
) -> list[Publication]:  # fmt: skip
    """Every published table of an authority, by name.

    `tables` are the tables of all stages before the gate: the layers, and what they are made from, so that a
    table that calls itself open can be traced. Raises `DescriptionError` with every problem.
    """
    by_name = {table.full_name: table for table in tables}
    read = definitions(folder)
    found, problems = [], _unknown_elsewhere(read)
    for definition in read:
        try:
            if definition.layer == RULE_LAYER.full_name:
                found.append(_rule_publication(definition, authority_code, authority_name, rule))
                continue
            layer = by_name.get(definition.layer)
            if layer is None:
                near = nearest(definition.layer, sorted(by_name))
                raise DescriptionError(
                    [_problem(definition, ("layer",), f"no table is named `{definition.layer}`{near}")]
                )
            found.append(publication(definition, layer, rule))
            if definition.open and (way := _way_to_records(layer.full_name, by_name, definition.vouched_for)):
                message = f"says `open: true`, but comes from a council's records: {' <- '.join(way)}"
                raise DescriptionError([_problem(definition, ("open",), message)])
        except DescriptionError as error:
            problems += error.problems
    if problems:
        raise DescriptionError(problems)
    return found


def publication(definition: Definition, layer: Table, rule: Disclosure) -> Publication:
    """The published table that a definition makes of its layer.

    Raises `DescriptionError` when a column of the layer is not mentioned in the definition (nothing leaves by
    accident), a mentioned one is not in the layer, or the areas do not fit.
    """
    problems = _misfits(definition, layer)
    if problems:
        raise DescriptionError(problems)
    sql = select_sql(definition, rule)
    table = Table(
        stage="published",
        name=definition.name,
        meaning=definition.meaning,
        columns=published_columns(definition, layer, rule),
        key=definition.key,
        depends_on=tables_read(sql),
        path=definition.shown,
        sql=sql,
    )
    return Publication(definition, layer, table)


def published_columns(definition: Definition, layer: Table, rule: Disclosure) -> tuple[Column, ...]:
    """The published table's columns: dimensions, open figures, counts and rates with their status."""
    known = {column.name: column for column in layer.columns}
    columns = [known[name] for name in (*definition.dimensions, *definition.open_figures)]
    hidden = f"0 to {rule.threshold - 1}, or hidden to protect another"

    def with_status(name: str, type_: str, meaning: str, hides: str, lacks: str) -> None:
        columns.append(Column(name, type_, meaning))
        status = f"'{PUBLISHED}', '{HIDDEN}' ({hides}) or '{NOT_APPLICABLE}' ({lacks})"
        columns.append(Column(f"{name}_status", "VARCHAR", f"Whether {name} is {status}"))

    for name in definition.counts:
        meaning = known[name].meaning.rstrip(".")
        how = f"empty where hidden, else to the nearest {rule.round_to}; exact for open datasets"
        with_status(name, "BIGINT", f"{meaning} ({how})", hidden, "there is no such count")
    for name, amount in definition.amounts.items():
        meaning = known[name].meaning.rstrip(".")
        how = f"empty where hidden, else to the nearest multiple of {amount.rounded_to}; exact for open datasets"
        why = f"{amount.count} is, one or two amounts dominate it, or it would give another away"
        with_status(name, "BIGINT", f"{meaning} ({how})", why, "there is no such amount")
    for name, rate in definition.rates.items():
        meaning = f"{rate.meaning.rstrip('.')} ({rate.count} as published, by {rate.per}, times {rate.times})"
        with_status(name, _rate_type(rate), meaning, "a figure in it is", "a part is 0 or unknown")
    for name, change in definition.changes.items():
        meaning = f"{change.meaning.rstrip('.')} ({change.of} as published, less the one before)"
        with_status(name, "BIGINT", meaning, "one of the two is", "there is none before")
    return tuple(columns)


def select_sql(definition: Definition, rule: Disclosure, with_held_back: bool = True) -> str:
    """The one statement that protects a layer; it reads the layer and, for sensitivity, `services.dataset`.

    Whole numbers only, until a rate's last division. Without `with_held_back` nothing is hidden but what its own
    size, contributors, rest or dominance demand. When run, it raises `duckdb.Error` on a count that is negative or
    not whole, naming table and column and no value.
    """
    passed = [_name(name) for name in (*definition.dimensions, *definition.open_figures)]
    order = f"ORDER BY {', '.join(_name(name) for name in definition.key)}\n"
    head = f"-- {definition.layer}, as {definition.shown} lets it leave.\n"
    if definition.open:
        return f"{head}SELECT\n{_lines(passed, 4)}\nFROM {definition.layer}{_where(definition)}\n{order}"
    only = "\nWHERE is_open" if definition.rows == "open_only" else ""
    if not definition.counts:
        return (
            f"{head}WITH {leaving_sql(definition)}\nSELECT\n{_lines(passed, 4)}\nFROM leaving{only}\n{order}"
        )
    head += "".join(f"-- {line}\n" for line in textwrap.wrap(rule_sentence(rule), 100))
    columns, kept = [], []
    for name, (enough, rounded) in _protection(
        definition, rule, with_held_back and definition.protects
    ).items():
        column, status = _name(name), _name(f"{name}_status")
        columns.append(f"CASE WHEN is_open THEN {column} WHEN {enough} THEN {rounded} END AS {column}")
        columns.append(
            f"CASE WHEN {column} IS NULL THEN '{NOT_APPLICABLE}' "
            f"WHEN is_open OR ({enough}) THEN '{PUBLISHED}' ELSE '{HIDDEN}' END AS {status}"
        )
        kept += [column, status]
    protected_rows = ",\n".join([_lines(passed, 4), *(f"    {column}" for column in columns)])
    derived = []
    for name, rate in definition.rates.items():
        derived.append(f"    {_rate(definition, rate)} AS {_name(name)}")
        derived.append(f"    {_rate_status(definition, rate)} AS {_name(f'{name}_status')}")
    for name, change in definition.changes.items():
        derived.append(f"    {_change(change)} AS {_name(name)}")
        derived.append(f"    {_change_status(change)} AS {_name(f'{name}_status')}")
    if definition.drop_hidden:
        shows = " OR ".join(f"{_name(f'{name}_status')} <> '{HIDDEN}'" for name in definition.counts)
        order = f"WHERE {shows}\n{order}"
    elif not derived:
        return f"{head}WITH {leaving_sql(definition)}\nSELECT\n{protected_rows}\nFROM leaving{only}\n{order}"
    inner = textwrap.indent(f"SELECT\n{protected_rows}\nFROM leaving{only}", "    ")
    all_columns = ",\n".join([_lines([*passed, *kept], 4), *derived])
    return (
        f"{head}WITH {leaving_sql(definition)},\nprotected_figure AS (\n{inner}\n)\n"
        f"SELECT\n{all_columns}\nFROM protected_figure\n{order}"
    )


def _protection(definition: Definition, rule: Disclosure, with_held_back: bool) -> dict[str, tuple[str, str]]:
    """For each count and amount, as SQL: whether it may be shown, and as what."""
    found = {}
    t, r = rule.threshold, rule.round_to

    def held(name: str) -> list[str]:
        of = f"published_table = {text_literal(definition.name)} AND figure = {text_literal(name)}"
        return [f"cell NOT IN (SELECT cell FROM {HELD_BACK} WHERE {of})"] if with_held_back else []

    for name in definition.counts:
        column = _name(name)
        tests = [f"{column} >= {t}"]
        if name in definition.contributors:
            tests.append(f"{_name(definition.contributors[name])} >= {t}")
        # A part whose whole is as large as itself, or nearly: all of them, or nearly all.
        tests += [f"{_name(whole)} - {column} >= {t}" for whole in definition.parts.get(name, ())]
        found[name] = (" AND ".join([*tests, *held(name)]), f"({column} * 2 + {r}) // {2 * r} * {r}")
    for name, amount in definition.amounts.items():
        column, largest, second, step = map(_name, (name, amount.largest, amount.second, amount.rounded_to))
        dominance = rule.dominance
        top = largest if dominance.contributors == 1 else f"({largest} + {second})"
        tests = [
            found[amount.count][0],
            f"100 * {top} <= {dominance.percent} * {column}",
            f"100 * ({column} - {largest} - {second}) >= {dominance.p_percent} * {largest}",
        ]
        found[name] = (
            " AND ".join([*tests, *held(name)]),
            f"CAST(floor(({column} * 2 + {step}) / (2 * {step})) AS BIGINT) * {step}",
        )
    return found


def _change(change: Change) -> str:
    before = f"lag({_name(change.of)}) {_before(change)}"
    return f"{_name(change.of)} - {before}"


def _change_status(change: Change) -> str:
    status = _name(f"{change.of}_status")
    before = f"lag({status}, 1, '{NOT_APPLICABLE}') {_before(change)}"
    return (
        f"CASE WHEN '{NOT_APPLICABLE}' IN ({status}, {before}) THEN '{NOT_APPLICABLE}' "
        f"WHEN '{HIDDEN}' IN ({status}, {before}) THEN '{HIDDEN}' ELSE '{PUBLISHED}' END"
    )


def _before(change: Change) -> str:
    within = ", ".join(_name(name) for name in change.within)
    return f"OVER (PARTITION BY {within} ORDER BY {_name(change.along)})"


def cell_sql(key: Sequence[str]) -> str:
    """How a row is named in `layers.held_back`: the values of its key, joined."""
    return f"concat_ws(' | ', {', '.join(_name(name) for name in key)})"


def leaving_sql(definition: Definition) -> str:
    """The CTEs `open_dataset` and `leaving`: rows of areas large enough, exact, and whether each is open."""
    passed = [_name(name) for name in (*definition.dimensions, *definition.open_figures)]
    exact = [_lines(passed, 4)]
    for name in (*definition.counts, *definition.amounts):
        column = _name(name)
        refusal = text_literal(f"{definition.layer}.{name} holds a value that is not a count")
        bad = (
            f"{column} <> floor({column})"
            if name in definition.amounts
            else f"{column} < 0 OR {column} <> floor({column})"
        )
        exact.append(
            f"    CAST(CASE WHEN {bad} THEN error({refusal}) ELSE {column} END AS BIGINT) AS {column}"
        )
    behind = {*definition.contributors.values()} - {*definition.counts}
    for amount in definition.amounts.values():
        behind |= {amount.largest, amount.second}
    exact += [f"    {_name(name)}" for name in sorted(behind)]
    if definition.protects:
        exact.append(f"    {cell_sql(definition.key)} AS cell")
    exact.append(f"    {open_sql(definition)} AS is_open")
    columns = ",\n".join(exact)
    select = textwrap.indent(f"SELECT\n{columns}\nFROM {definition.layer}{_where(definition)}", "    ")
    return f"{OPEN_DATASETS},\nleaving AS (\n{select}\n)"


def open_sql(definition: Definition) -> str:
    """Whether a row is open, as SQL over its columns and the CTE `open_dataset`."""
    known = "IN (SELECT dataset FROM open_dataset)"
    return " AND ".join(f"coalesce({_name(name)} {known}, FALSE)" for name in definition.datasets)


def _lines(names: Sequence[str], indent: int) -> str:
    """Texts as an SQL list, several a line."""
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > 100:
            lines.append("")
        lines[-1] += f"{name}, "
    return "\n".join(" " * indent + line.rstrip() for line in lines).rstrip(",")


@functools.cache
def _keywords() -> frozenset[str]:
    with duckdb.connect() as con:
        rows = con.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
    return frozenset(str(row[0]) for row in rows)


def _name(name: str) -> str:
    """A column's name in SQL, quoted only where it must be."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _keywords() else quoted(name)


def _where(definition: Definition) -> str:
    allowed = _allowed_areas(definition)
    return f"\nWHERE area_type IN ({', '.join(text_literal(area) for area in allowed)})" if allowed else ""


def _allowed_areas(definition: Definition) -> tuple[str, ...]:
    smallest = definition.smallest_area
    return AREA_TYPES[AREA_TYPES.index(smallest) :] if smallest in AREA_TYPES else ()


def _rate(definition: Definition, rate: Rate) -> str:
    # Rounded half up in whole numbers; dividing by the scale then only sets the decimal point.
    scale = 10**rate.decimals
    count, per = _name(rate.count), _name(rate.per)
    doubled = f"(2 * {rate.times * scale} * CAST({count} AS HUGEINT) + {per})"
    whole = f"{doubled} // (2 * {per})"
    if rate.count in definition.amounts:
        # An amount may be negative, and `//` cuts towards zero.
        whole = f"({whole} - CAST({doubled} % (2 * {per}) < 0 AS TINYINT))"
    return f"CASE WHEN {per} > 0 THEN CAST({whole} / {scale} AS {_rate_type(rate)}) END"


def _rate_type(rate: Rate) -> str:
    return f"DECIMAL(18,{rate.decimals})"


def _rate_status(definition: Definition, rate: Rate) -> str:
    parts = [name for name in (rate.count, rate.per) if name in {*definition.counts, *definition.amounts}]
    hidden = " OR ".join(f"{_name(name + '_status')} = '{HIDDEN}'" for name in parts)
    empty = f"{_name(rate.count)} IS NULL OR {_name(rate.per)} IS NULL OR {_name(rate.per)} <= 0"
    return f"CASE WHEN {hidden} THEN '{HIDDEN}' WHEN {empty} THEN '{NOT_APPLICABLE}' ELSE '{PUBLISHED}' END"


def _rule_publication(definition: Definition, code: str, name: str, rule: Disclosure) -> Publication:
    if problems := _misfits(definition, RULE_LAYER):
        raise DescriptionError(problems)
    values = {
        "authority_code": text_literal(code),
        "authority_name": text_literal(name),
        "threshold": str(rule.threshold),
        "round_to": str(rule.round_to),
        "rule": text_literal(rule_sentence(rule)),
    }
    names = (*definition.dimensions, *definition.open_figures)
    sql = "SELECT\n    " + ",\n    ".join(f"{values[name]} AS {quoted(name)}" for name in names) + "\n"
    columns = tuple(next(c for c in RULE_LAYER.columns if c.name == name) for name in names)
    table = Table(
        "published", definition.name, definition.meaning, columns, definition.key, (), definition.shown, sql
    )
    return Publication(definition, RULE_LAYER, table)


def _misfits(definition: Definition, layer: Table) -> list[Problem]:
    lists = {
        key: tuple(getattr(definition, key))
        for key in ("dimensions", "counts", "amounts", "open_figures", "left_out")
    }
    mentioned = {name for names in lists.values() for name in names}
    known = [column.name for column in layer.columns]
    types = {column.name: column.type for column in layer.columns}
    problems = []
    for key, names in lists.items():
        for i, name in enumerate(names):
            if name not in known:
                near = nearest(name, [column for column in known if column not in mentioned] or known)
                message = f"`{key}`: `{name}` is not a column of {layer.full_name}{near}"
                problems.append(_problem(definition, (key, str(i)), message))
    for name in known:
        if name not in mentioned:
            message = (
                f"says nothing of the column `{name}` of {layer.full_name}; "
                "wanted it under `dimensions`, `counts`, `amounts`, `open_figures` or `left_out`"
            )
            problems.append(_problem(definition, ("layer",), message))
    has_areas = "area_type" in known
    if has_areas != (definition.smallest_area in AREA_TYPES):
        wanted = f"one of {', '.join(AREA_TYPES)}" if has_areas else "`exact_place` or `none`"
        has = "has a column `area_type`" if has_areas else "has no column `area_type`"
        found = definition.smallest_area
        message = f"`smallest_area`: {layer.full_name} {has}, so wanted {wanted}; found `{found}`"
        problems.append(_problem(definition, ("smallest_area",), message))
    elif has_areas and "area_type" not in definition.dimensions:
        problems.append(
            _problem(definition, ("dimensions",), "wanted `area_type` among the dimensions; it is not there")
        )
    if definition.datasets and definition.rows == "all":
        for i, name in enumerate(definition.dimensions):
            if types.get(name) and types[name] not in DIMENSION_TYPES:
                problems.append(
                    _problem(definition, ("dimensions", str(i)), _no_dimension(name, types[name]))
                )
    return problems


def _unknown_elsewhere(read: Sequence[Definition]) -> list[Problem]:
    """Names in `at_most` and `totals` that no table has: unnoticed, the audit would know less than an outsider."""
    by_name = {definition.name: definition for definition in read}
    problems = []
    for definition in read:
        said = [("at_most", name, one) for name, ceilings in definition.at_most.items() for one in ceilings]
        said += [("totals", name, total) for name, totals in definition.totals.items() for total in totals]
        for key, name, there in said:
            if isinstance(there, str):
                continue
            table = there.table
            other = by_name.get(table)
            wanted: list[tuple[Iterable[str], Sequence[str], str]] = [
                ([table], sorted(by_name), "the published tables"),
                (there.here, definition.dimensions, "the dimensions"),
                (there.on.values(), definition.key, "the key"),
            ]
            if other is not None:
                wanted += [
                    (there.figures, (*other.counts, *other.amounts), f"the figures of {table}"),
                    (there.where, other.dimensions, f"the dimensions of {table}"),
                    (there.on, other.dimensions, f"the dimensions of {table}"),
                    (there.over, other.key, f"the key of {table}"),
                ]
            for names, known, what in wanted:
                for unknown in names:
                    if unknown not in known:
                        near = nearest(unknown, list(known))
                        message = f"`{key}.{name}`: `{unknown}` is not among {what}{near}"
                        problems.append(_problem(definition, (key, name), message))
    return problems


def _no_dimension(name: str, type_: str) -> str:
    wanted = ", ".join(DIMENSION_TYPES)
    return (
        f"`{name}` is {type_}: wanted dimensions of people's data to be {wanted}; "
        "a number is a count, a rate or an open figure"
    )


def _problem(definition: Definition, at: tuple[str, ...], message: str) -> Problem:
    _, places = read_yaml(definition.path, definition.shown)
    line, column = places.get(at) or places.get(at[:1], (0, 0))
    return Problem(definition.shown, line, column, message)


def _way_to_records(
    name: str, tables: Mapping[str, Table], vouched_for: Mapping[str, str], above: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The dependencies from a table down to one of the council's records, or () where there are none."""
    if name.startswith("services.") and name != DATASETS:
        return (*above, name)
    if name == DATASETS or name in vouched_for or name in above or name not in tables:
        return ()
    ways = (_way_to_records(below, tables, vouched_for, (*above, name)) for below in tables[name].depends_on)
    return next((way for way in ways if way), ())


def information_loss(con: duckdb.DuckDBPyConnection, publication: Publication, rule: Disclosure) -> Loss:
    """What protection costs, measured on the exact layer.

    Needs the layer, the published table and `services.dataset` on the connection.
    """
    definition, name = publication.definition, publication.table.full_name
    if publication.layer is RULE_LAYER:
        return Loss(name, 1, 0, 0, 0, 0, 0, 0)
    every_row = f"(SELECT count(*) FROM {definition.layer})"
    if definition.open:
        total, left = _one(con, f"SELECT {every_row}, count(*) FROM {definition.layer}{_where(definition)}")
        return Loss(name, left, total - left, 0, 0, 0, 0, 0)
    if not definition.protects:
        only = "count(*) FILTER (WHERE is_open)" if definition.rows == "open_only" else "count(*)"
        total, left = _one(con, f"WITH {leaving_sql(definition)} SELECT {every_row}, {only} FROM leaving")
        return Loss(name, left, total - left, 0, 0, 0, 0, 0)
    sums = []
    for wanted in ("NOT is_open", "status = 'hidden'", f"status = 'hidden' AND exact >= {rule.threshold}"):
        sums.append(f"count(exact) FILTER (WHERE {wanted})")
    for wanted in ("NOT is_open", "status = 'hidden'"):
        sums.append(f"coalesce(sum(exact) FILTER (WHERE {wanted}), 0)")
    key = ", ".join(_name(part) for part in definition.key)
    cells = "\nUNION ALL\n".join(
        f"SELECT leaving.is_open, leaving.{_name(n)} AS exact, "
        f"coalesce(stored.{_name(f'{n}_status')}, '{HIDDEN}') AS status "
        f"FROM leaving LEFT JOIN published.{quoted(publication.table.name)} AS stored USING ({key})"
        for n in definition.counts
    )
    total, left, *counted = _one(
        con,
        f"WITH {leaving_sql(definition)},\ncells AS (\n{cells}\n)\n"
        f"SELECT {every_row}, (SELECT count(*) FROM leaving), {', '.join(sums)} FROM cells",
    )
    return Loss(name, left, total - left, *map(int, counted))


def verify(con: duckdb.DuckDBPyConnection, publication: Publication, rule: Disclosure) -> list[Finding]:
    """Look at a protected table as an attacker would at first: is anything there that the rule forbids?

    Reads `published.<name>`, `services.dataset` (what is open *now*: a dataset may have been reclassified
    since the table was made) and, where it exists, `published.area`. Returns what is wrong, with no value in
    it; [] when nothing is. It looks at one table alone: sums and differences are for the audits.
    """
    definition, table = publication.definition, publication.table
    name, stored = table.full_name, f"published.{quoted(table.name)}"
    types = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {stored}").fetchall()}
    wanted = [column.name for column in table.columns]
    if list(types) != wanted:
        odd = ", ".join(sorted(set(types) ^ set(wanted))) or "their order"
        return [Finding(name, "", f"its columns are not those of {definition.shown}: {odd}")]
    findings: list[Finding] = []
    # (column, what is wrong, which rows have it): counted in one pass over the table.
    tests: list[tuple[str, str, str]] = []
    key = ", ".join(quoted(column) for column in table.key)
    (rows,) = _one(con, f"SELECT count(*) FROM (SELECT 1 FROM {stored} GROUP BY {key} HAVING count(*) > 1)")
    if rows:
        findings.append(Finding(name, "", f"the key ({', '.join(table.key)}) is repeated", rows))
    if allowed := _allowed_areas(definition):
        areas = ", ".join(text_literal(area) for area in allowed)
        problem = f"areas smaller than {definition.smallest_area}, or of a kind that is not known"
        tests.append(("area_type", problem, f"coalesce(area_type NOT IN ({areas}), TRUE)"))
    if definition.rows == "open_only":
        tests.append(("", "rows of a dataset that is not open", "NOT is_open"))
    elif definition.datasets:
        for dimension in definition.dimensions:
            if types[dimension] not in DIMENSION_TYPES:
                findings.append(Finding(name, dimension, _no_dimension(dimension, types[dimension])))
    for count in definition.counts:
        if types[count] != "BIGINT":
            findings.append(Finding(name, count, f"is {types[count]}; wanted BIGINT"))
        tests += _count_tests(count, rule)
    for amount_name, amount in definition.amounts.items():
        if types[amount_name] != "BIGINT":
            findings.append(Finding(name, amount_name, f"is {types[amount_name]}; wanted BIGINT"))
        tests += _amount_tests(amount_name, amount)
    for rate_name, rate in definition.rates.items():
        if types[rate_name] != _rate_type(rate):
            findings.append(Finding(name, rate_name, f"is {types[rate_name]}; wanted {_rate_type(rate)}"))
        tests += _rate_tests(definition, rate_name, rate)
    for change_name in definition.changes:
        if types[change_name] != "BIGINT":
            findings.append(Finding(name, change_name, f"is {types[change_name]}; wanted BIGINT"))
        tests += _change_tests(change_name)
    if tests:
        counted = ", ".join(f"count(*) FILTER (WHERE {test})" for _, _, test in tests)
        # A change looks at the row before: what it ought to be is worked out first.
        told = "".join(
            f", {_change(change)} AS {_told(name)}, {_change_status(change)} AS {_told(f'{name}_status')}"
            for name, change in definition.changes.items()
        )
        looked = f"SELECT {counted} FROM (SELECT *{told} FROM seen)"
        found = _one(con, f"WITH {_seen(publication)} {looked}")
        findings += [
            Finding(name, column, problem, rows)
            for (column, problem, _), rows in zip(tests, found, strict=True)
            if rows
        ]
    if definition.protects and {"area_type", "area_code"} <= set(definition.key):
        findings += _absent_rows(con, publication)
    return findings


def _count_tests(count: str, rule: Disclosure) -> list[tuple[str, str, str]]:
    value, status = quoted(count), quoted(f"{count}_status")
    below, crooked = f"{value} < {rule.threshold}", f"{value} % {rule.round_to} <> 0"
    return [
        (count, f"a count below {rule.threshold} is shown", f"NOT is_open AND {below}"),
        (count, f"a count is not a multiple of {rule.round_to}", f"NOT is_open AND {crooked}"),
        (count, "a negative count is shown", f"{value} < 0"),
        (f"{count}_status", "an open figure is hidden", f"is_open AND {status} = '{HIDDEN}'"),
        *_status_tests(count),
    ]


def _amount_tests(name: str, amount: Amount) -> list[tuple[str, str, str]]:
    value, status, step = quoted(name), quoted(f"{name}_status"), quoted(amount.rounded_to)
    counted = quoted(f"{amount.count}_status")
    return [
        (name, "an amount is shown whose count is hidden", f"{counted} = '{HIDDEN}' AND {value} IS NOT NULL"),
        (
            name,
            f"an amount is not a multiple of {amount.rounded_to}",
            f"NOT is_open AND {value} % {step} <> 0",
        ),
        (f"{name}_status", "an open figure is hidden", f"is_open AND {status} = '{HIDDEN}'"),
        *_status_tests(name),
    ]


def _change_tests(name: str) -> list[tuple[str, str, str]]:
    value, status = quoted(name), quoted(f"{name}_status")
    return [
        (name, "a change is not what the published counts give", f"{value} IS DISTINCT FROM {_told(name)}"),
        (
            f"{name}_status",
            "a change's status does not follow from its counts",
            f"{status} IS DISTINCT FROM {_told(f'{name}_status')}",
        ),
        *_status_tests(name),
    ]


def _told(name: str) -> str:
    return quoted(f"{name} as the counts tell it")


def _rate_tests(definition: Definition, name: str, rate: Rate) -> list[tuple[str, str, str]]:
    value, status = quoted(name), quoted(f"{name}_status")
    figures = {*definition.counts, *definition.amounts}
    parts = [quoted(f"{part}_status") for part in (rate.count, rate.per) if part in figures]
    hidden = " OR ".join(f"{part} = '{HIDDEN}'" for part in parts)
    told = _rate_status(definition, rate)
    return [
        (name, "a rate is shown whose count is hidden", f"({hidden}) AND {value} IS NOT NULL"),
        (
            name,
            "a rate is not what the published counts give",
            f"{value} IS DISTINCT FROM {_rate(definition, rate)}",
        ),
        (
            f"{name}_status",
            "a rate's status does not follow from its counts",
            f"{status} IS DISTINCT FROM {told}",
        ),
        *_status_tests(name),
    ]


def _status_tests(column: str) -> list[tuple[str, str, str]]:
    value, status = quoted(column), quoted(f"{column}_status")
    words = ", ".join(f"'{word}'" for word in (PUBLISHED, HIDDEN, NOT_APPLICABLE))
    shown = f"({status} = '{PUBLISHED}') <> ({value} IS NOT NULL)"
    return [
        (f"{column}_status", f"a status is none of {words}", f"coalesce({status} NOT IN ({words}), TRUE)"),
        (column, "value and status contradict each other", shown),
    ]


def _seen(publication: Publication) -> str:
    """CTEs ending in `seen`: the published table, with whether each row is open today."""
    stored = f"published.{quoted(publication.table.name)}"
    if not publication.definition.datasets:
        return f"seen AS (SELECT *, TRUE AS is_open FROM {stored})"
    return (
        f"{OPEN_DATASETS},\nseen AS (SELECT *, {open_sql(publication.definition)} AS is_open FROM {stored})"
    )


def _absent_rows(con: duckdb.DuckDBPyConnection, publication: Publication) -> list[Finding]:
    """Areas that have no row where others have: an absent row would tell that the count is zero."""
    others = [quoted(name) for name in publication.definition.key if name not in {"area_type", "area_code"}]
    by = ", ".join([*others, "area_type"])
    areas = "SELECT area_type, area_code FROM seen"
    known = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'published' AND table_name = 'area'"
    if con.execute(known).fetchall():
        areas += " UNION SELECT area_type, area_code FROM published.area"
    (groups,) = _one(
        con,
        f"""
        WITH {_seen(publication)},
        every_area AS ({areas}),
        wanted AS (SELECT area_type, count(DISTINCT area_code) AS areas FROM every_area GROUP BY area_type),
        had AS (
            SELECT {by}, count(DISTINCT area_code) AS areas FROM seen GROUP BY {by}
            HAVING NOT bool_and(is_open)
        )
        SELECT count(*) FROM had JOIN wanted USING (area_type) WHERE had.areas < wanted.areas
        """,
    )
    if not groups:
        return []
    problem = "areas without a row, in this many groups: an absent row tells that the count is zero"
    return [Finding(publication.table.full_name, "area_code", problem, groups)]


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    return tuple(con.execute(sql).fetchall()[0])
