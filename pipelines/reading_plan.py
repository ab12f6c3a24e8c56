"""How one file becomes rows: which of its columns feed which column of the table, and why a row is rejected.

Here belongs the plan of a single file, made from its description and its headers before a row is read (`Plan`): the
readings of each column, personal values dropped, keyed or banded *in the reader*, rows left out by rule. A plan is SQL
over the text columns that its feed delivers; nothing is read here. Carrying it out, and the account of all files, is
`ingest`; how files are written is `formats`; the rules for identifiers are `identifiers`; what is no record at all
(totals, notes) is told by `drift`.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines import drift, extracts, identifiers
from pipelines.authority import (
    AsAtColumn,
    ColumnUse,
    Dataset,
    Files,
    RowRule,
    Source,
    column_name,
    is_pattern,
    match_headers,
)
from pipelines.extracts import date_of
from pipelines.forgetting import FORGOTTEN, LeftOut, keyed_columns
from pipelines.formats import FileRefused, Rows, to_grid_metres
from pipelines.identifiers import Reading
from pipelines.pseudonyms import Pseudonyms
from pipelines.tables import Column, quoted, text_literal

AGE_BANDS = ((18, "0 to 17"), (65, "18 to 64"), (75, "65 to 74"), (85, "75 to 84"))
OLDEST_BAND = "85 and over"

SQL_TYPES = {
    "uprn": "BIGINT", "usrn": "BIGINT", "text": "VARCHAR", "postcode": "VARCHAR", "area_code": "VARCHAR",
    "metres": "DECIMAL(10, 2)", "degrees": "DECIMAL(10, 7)", "integer": "BIGINT", "count": "BIGINT",
    "decimal": "DECIMAL(18, 4)", "date": "DATE", "geometry": "BLOB",
}  # fmt: skip

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


def own_columns(dataset: Dataset) -> list[tuple[str, str, ColumnUse]]:
    """The columns that are a dataset's own: (name, header, use), in the order of the description."""
    return [(use.name or column_name(h), h, use) for h, use in dataset.columns.items() if use.is_own]


def own_type(use: ColumnUse) -> str:
    """The SQL type of a column of a dataset's own."""
    if use.role == "measure":
        return SQL_TYPES[use.type]
    return "DATE" if use.role == "date" else "VARCHAR"


def value_of(name: str) -> str:
    """SQL: the value of a column of the table to be made, read once."""
    return quoted(f"made {name}")


def issue_of(name: str) -> str:
    """SQL: the issue of that value."""
    return quoted(f"issue {name}")


def read_as(kind: str, text: str, format: str = "") -> Reading:
    """How SQL reads a text as a value of a kind (the keys of `SQL_TYPES`); `format` is that of a date."""
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
        case "count":
            return identifiers.read_count(text)
        case _:
            return Reading(text, "")


def plan_source(source: Source, rows: Rows) -> Plan:
    """The plan of one file of an open source; raises `FileRefused` where its headers do not tell what is meant."""
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
                text = feed.add(position)
                readings.append(read_as(described.kind, text, described.format))
                if described.kind == "count":
                    # No value at all (a figure that is withheld, say) is less than a wrong one: the row stays.
                    rejections.append((identifiers.is_negative(text), name, NOT_A_COUNT))
                if is_pattern(header):
                    match = re.fullmatch(header[1:-1], rows.headers[position].strip(), re.IGNORECASE)
                    for group, text in match.groupdict().items() if match else ():
                        constants.setdefault(group, (text or "").lower())
                    break  # of several columns that fit one pattern, the publishers put the row's own first
        type_ = SQL_TYPES[described.kind]
        if not readings:
            continue
        if len(readings) > 1 and described.kind in {"integer", "count", "decimal"}:
            value = " + ".join(f"({reading.value})" for reading in readings)
        else:
            value = (
                readings[0].value
                if len(readings) == 1
                else f"coalesce({', '.join(r.value for r in readings)})"
            )
        columns.append(OutColumn(Column(name, type_, described.meaning), value, readings[0].issue))
        if described.required:
            rejections.append(
                (f"{value_of(name)} IS NULL", name, "required: the value is missing or malformed")
            )
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


def plan_dataset(
    dataset: Dataset, shown: str, path: Path, rows: Rows, pseudonyms: Pseudonyms, out: LeftOut,
    up_to: datetime.date | None = None, latest: datetime.date | None = None, is_first: bool = True,
) -> Plan:  # fmt: skip
    """The plan of one extract, which is called `shown` where something is told of it.

    Rows later than `up_to` are left out; where the extract has no date, no event can be later than `latest`. `is_first`
    is whether it is the dataset's first file, which of `changes` may be a plain extract. Raises `FileRefused` where its
    headers do not tell which column is meant, or a column that a rule needs is missing.
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
        rejections.append((f"{value_of('as_at')} IS NULL", header, "date_malformed: no date of the extract"))
    if up_to is not None:
        if file_date is not None and file_date > up_to:
            as_at_sql, file_date = f"DATE '{up_to}'", up_to
        day = "event_date" if dataset.kind == "flow" else "as_at"
        later = f"{extracts.LATER}: later than the day up to which this was made"
        rejections.append((f"{value_of(day)} > DATE '{up_to}'", day, later))
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
            reading = read_as(role, text)
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
                columns.append(OutColumn(next(c for c in FIXED if c.name == f"{role}_issue"), issue_of(role)))
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
        columns.append(
            OutColumn(next(c for c in FIXED if c.name == "coordinates_issue"), issue_of("northing"))
        )

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
            rejections.append((f"{value_of('event_date')} IS NULL", header, no_date))
            # A mistyped year would otherwise be the latest period of all.
            run_on = f"DATE '{latest}'" if latest else "NULL"
            last = f"coalesce({value_of('as_at')}, {run_on})"
            rejections.append((f"{value_of('event_date')} > {last}", header, AFTER_EXTRACT))
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
        rejections.append((malformed, header, NOT_A_COUNT))
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
        yield f"{value_of(day)} < DATE '{out.keep_from}'", day, out.expiry


NOT_A_COUNT = "number_malformed: wanted a whole number, 0 or more"
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
            yield f"{value_of(name)} IS NULL", header, "required: the value is missing or malformed"


def _stated_format(dataset: Dataset, header: str) -> str:
    """The form of a column's dates, where the description states it."""
    folded = header.strip().casefold()
    return next((use.format for h, use in dataset.columns.items() if h.strip().casefold() == folded), "")


def _own(
    dataset: Dataset, name: str, position: int, use: ColumnUse, feed: Feed, pseudonyms: Pseudonyms,
    file_date: datetime.date | None, age_at: tuple[int, str],
) -> OutColumn:  # fmt: skip
    column = Column(name, own_type(use), "")
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
