"""The authority folder: what a council says of itself, its open sources, its datasets and its sites.

Here belong the descriptions (`authority.yaml`, `source.yaml`, `dataset.yaml`) as checked models, and finding their
files. Reading the files' rows is `ingest`. A broken description never stops the others: it is listed with its problems.
"""

from __future__ import annotations

import codecs
import itertools
import os
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePath, PureWindowsPath
from typing import Annotated, Any, Literal

import duckdb
from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipelines.cadence import EXAMPLES, read_cadence
from pipelines.descriptions import (
    Description,
    DescriptionError,
    Problem,
    Texts,
    nearest,
    read_description,
    read_yaml,
)
from pipelines.identifiers import MISSING
from pipelines.tables import ASSETS, Use
from pipelines.travel.speeds import Travel

Format = Literal["csv", "xlsx", "parquet", "geopackage", "geojson", "osm"]
Sensitivity = Literal["open", "personal", "special"]
Role = Literal[
    "uprn", "usrn", "property_reference", "address_line", "postcode", "easting", "northing", "longitude", "latitude",
    "area_code", "record_reference", "personal", "category", "measure", "weight", "event_date", "date", "as_at",
    "change", "text", "ignore",
]  # fmt: skip
Kind = Literal[
    "uprn",
    "usrn",
    "text",
    "postcode",
    "area_code",
    "metres",
    "degrees",
    "integer",
    "count",
    "decimal",
    "date",
    "geometry",
]

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
JUMP_PERCENT = 20
ANY_FILE = ("*.csv", "*.xlsx", "*.parquet", "*.gpkg", "*.geojson", "*.zip")
# Tables of the stages `sources` and `services` that are made from all descriptions together, or beside each one.
RESERVED = {
    "authority", "dataset", "event_end", "file_read", "issue_kind", "measure", "property_reference", "record",
    "record_age", "record_tenure", "row_rejected", "site_capacity", "site_kind", "site_name", "source", "tenure",
    "travel_rule", "value_issue",
}  # fmt: skip
BESIDE = ("_files", "_rejected")
SINGLE_ROLES = (
    "uprn", "usrn", "record_reference", "postcode", "area_code", "easting", "northing", "longitude", "latitude",
    "event_date", "as_at", "change",
)  # fmt: skip
# The columns that every dataset's table has, whatever its description says.
FIXED_COLUMNS = (
    "authority_code", "record_id", "subject", "file", "row_number", "as_at", "event_date", "weight", "uprn",
    "uprn_issue", "uprn_form", "usrn", "address", "postcode", "postcode_issue", "easting", "northing",
    "coordinates_issue", "area_code", "area_code_issue", "issues",
)  # fmt: skip


def column_name(text: str) -> str:
    """A header as a column name: lower case, words joined by underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
    return f"c_{name}" if name[:1].isdigit() or not name else name


class RowRule(Description):
    """Rows that are left out (or alone kept), by the text of one column, and why."""

    column: str
    """The header of the column whose text is looked at."""
    equals: Texts = ()
    """The text, or list of texts, that the whole cell equals; capitals do not count."""
    matches: str = ""
    """A pattern (regular expression, as DuckDB reads it) that is found anywhere in the cell."""
    blank: bool = False
    """`true`: the cell is empty, or holds a word for "no value"."""
    because: str
    """Why, in the words that the account of rejected rows gives."""

    @model_validator(mode="after")
    def _one_test(self) -> RowRule:
        if sum((bool(self.equals), bool(self.matches), self.blank)) != 1:
            raise ValueError("wanted exactly one of `equals`, `matches`, `blank`")
        if self.matches:
            _compiled(self.matches)
            _tried(self.matches)
        return self


class ColumnUse(Description):
    """What one header of a dataset's file is."""

    role: Role = Field(alias="is")
    """What the column is; it decides what becomes of it."""
    name: str = Field(default="", alias="as")
    """What the column is called in the dataset's table: lower-case letters, digits and underscores."""
    keep: Literal["dropped", "keyed", "age_band"] = "dropped"
    """What is kept of a `personal` column: nothing, a keyed mark instead of each value, or the age band of a date of
    birth."""
    identifies: Literal["", "person", "household"] = ""
    """Beside `keep: keyed`: the column says which person, or which household, the record is about."""
    format: str = ""
    """How dates are written, as in `%d/%m/%Y`; ISO dates and day/month/year are read without."""
    source: str = ""
    """Of a `property_reference`: the source of the gazetteer's cross-references among which it is looked up."""
    type: Literal["integer", "decimal", "text"] = "decimal"
    """What a `measure` is kept as."""
    values: tuple[str, ...] = ()
    """The code list of a `category`; any other value is counted as an issue."""
    required: bool = False
    """`true`: a row without a value here that can be read is rejected."""
    also: Texts = ()
    """Other headers under which the same column has come, or comes now: a header, or a list of them."""
    insert: Texts = ("I", "Insert")
    """In the column that is the `change`: the word, or list of words, of rows that bring a new record."""
    update: Texts = ("U", "Update")
    """In the column that is the `change`: the words of rows that bring a record anew."""
    delete: Texts = ("D", "Delete")
    """In the column that is the `change`: the words of rows that take a record away."""

    @model_validator(mode="after")
    def _sensible(self) -> ColumnUse:
        if self.role != "change" and {"insert", "update", "delete"} & self.model_fields_set:
            raise ValueError("`insert`, `update` and `delete` are for the column that is the `change`")
        words = [word.strip().upper() for word in (*self.insert, *self.update, *self.delete)]
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"`{twice[0]}` can mean only one of `insert`, `update` and `delete`")
        if self.keep != "dropped" and self.role != "personal":
            raise ValueError("`keep` is for columns that are `personal`")
        if self.identifies and self.keep != "keyed":
            raise ValueError("`identifies` is for columns that are `personal` and kept as `keyed`")
        if self.format and self.role not in {"event_date", "date", "as_at", "personal"}:
            raise ValueError("`format` is for dates")
        _hold_to_date_format(self.format)
        if self.source and self.role != "property_reference":
            raise ValueError("`source` is for a `property_reference`: the source of its cross-references")
        if self.values and self.role != "category":
            raise ValueError("`values` is for a `category`")
        if self.required and (self.role == "ignore" or (self.role == "personal" and not self.is_own)):
            raise ValueError("`required` is for columns that are kept")
        if self.name and not NAME.fullmatch(self.name):
            raise ValueError(f"`as: {self.name}`: wanted lower-case letters, digits and underscores")
        return self

    @property
    def is_own(self) -> bool:
        """Whether it becomes a column of its own in the dataset's table, rather than a location key, say."""
        kept = {"property_reference", "category", "measure", "date", "text"}
        return self.role in kept or (self.role == "personal" and self.keep != "dropped")


def _whole_number(value: Any) -> Any:
    """A whole number that is written as text, as YAML is read; anything else as it is."""
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


def _column_use(value: Any) -> Any:
    return {"is": value} if isinstance(value, str) else value


class Files(Description):
    """Where rows are and how they are written; shared by sources and datasets."""

    folder: str = ""
    """Where the files are, if not beside the description; `{data}` stands for the folder of `--data`."""
    edition: str = ""
    """The edition of the files, where their names do not tell."""
    files: Texts = ()
    """The pattern, or list of patterns, of the files' names, such as `council_tax_*.csv`; without it every file of a
    kind that can be read."""
    format: Format | None = None
    """How the files are written, where their ending does not tell."""
    sheet: str = ""
    """The sheet of a workbook, where several have the headers needed."""
    layer: str = ""
    """The layer of a GeoPackage, where several have the headers needed."""
    delimiter: str = ""
    """What parts the fields of a CSV file: one character, or `tab`; it is found by itself."""
    encoding: str = ""
    """The encoding of a CSV file, such as `cp1252`; UTF-8, UTF-16 and Windows-1252 are found by themselves."""
    header_row: int = Field(default=0, ge=0)
    """The row of the headers, where it cannot be found by itself (the first row is 1)."""
    headers: tuple[str, ...] = ()
    """The headers, in order, of a file that has none."""
    exclude: tuple[RowRule, ...] = ()
    """Rows that are left out, each with the reason: totals, notes, test records."""
    keep_only: RowRule | None = None
    """The only rows that are kept, with the reason."""
    missing: tuple[str, ...] = ()
    """Further words that mean "no value", such as `Not Known`."""

    @field_validator("files")
    @classmethod
    def _patterns_stay_inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            parts = PurePath(pattern).parts
            # A Windows path is refused everywhere, so that a description means the same on every machine.
            if (
                not parts
                or PureWindowsPath(pattern).anchor
                or PurePath(pattern).is_absolute()
                or ".." in parts
            ):
                raise ValueError(
                    f"`{pattern}`: wanted a pattern inside the folder; set `folder` for files kept elsewhere"
                )
            if any("**" in part and part != "**" for part in parts):
                raise ValueError(f"`{pattern}`: wanted `**` alone between two slashes")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding_known(cls, value: str) -> str:
        try:
            codecs.lookup(value or "utf-8")
        except LookupError:
            raise ValueError(
                f"`{value}` is not an encoding that is known, such as utf-8, cp1252, utf-16"
            ) from None
        return value

    @field_validator("delimiter")
    @classmethod
    def _delimiter_single(cls, value: str) -> str:
        value = {"tab": "\t", "\\t": "\t"}.get(value, value)
        if len(value) > 1 or value in {'"', "\r", "\n"}:
            raise ValueError(f"`{value}`: wanted one character, or `tab`")
        return value

    @model_validator(mode="after")
    def _rules_can_fit(self) -> Files:
        # A text that means "no value" is no value by the time that the rules look.
        none = {*MISSING, *(word.strip().upper() for word in self.missing)}
        for rule in [*self.exclude, *([self.keep_only] if self.keep_only else [])]:
            if empty := [text for text in rule.equals if text.strip().upper() in none]:
                raise ValueError(
                    f"a rule for `{rule.column}` equals `{empty[0]}`, which means no value: use `blank: true`"
                )
        return self


class AsAtColumn(Description):
    """The date of an extract stands in one of its columns."""

    column: str
    """The header of the column that holds the date of the extract."""


class SiteTravel(Description):
    """How people get to the sites of one kind, what a site can take, and who is said to belong to which site."""

    mode: Literal["walk", "cycle", "drive"] = "walk"
    """How people are expected to come: `walk`, `cycle` or `drive`. Travel times are made for all three; gaps, capacity
    and scenarios go by this one."""
    within_minutes: Annotated[Literal[5, 10, 15, 20, 30], BeforeValidator(_whole_number)] = 15
    """How many minutes' travel is called too far, where more: 5, 10, 15, 20 or 30."""
    direction: Literal["to_site", "from_site"] = "to_site"
    """`from_site` where the service drives out to people; it matters where streets are one-way."""
    capacity: str = ""
    """Which `measure` of the sites tells what each can take, by its column's name: places, patients, hours."""
    catchment: Literal["", "gp_registered_patients", "catchment_area"] = ""
    """Which open source publishes who belongs to which site: registered patients by area, or areas drawn on a map. Its
    references are those of the column that is the `record_reference`."""


CountsOne = Literal["record", "person", "household", "address", "open_event"]


class Counting(Description):
    """What is counted as one in a period, and by how many homes or people it is divided."""

    one: CountsOne = "record"
    """`record`: each row, by its weight (an account, an event). `person`, `household`: whom the records are about, once
    in a period. `address`: each property (UPRN) once; a record on none counts for itself. `open_event`: of a flow, the
    events that are open at the period's end."""
    ended: str = ""
    """Of `open_event`: the name of the `date` column that says when an event ended; empty cells are open still."""
    denominator: Literal["", "homes", "people", "people_65_and_over"] = ""
    """What `rate` is worked out by: `homes`, `people` or `people_65_and_over`; without it `homes` for a stock and
    `people` for a flow."""


def _counting(value: Any) -> Any:
    return {"one": value} if isinstance(value, str) and value else value


class Dataset(Files):
    """One dataset of the council (`services/`) or one kind of site (`sites/`), as its `dataset.yaml` says."""

    name: str
    """Name of its folder."""
    group: Literal["service", "site"]
    """Whether it stands in `services/` or in `sites/`."""
    path: Path
    """Its description."""
    title: str
    """What people call the dataset, such as: Garden waste subscriptions."""
    owner: str
    """The service that answers for the data, as it is called in the council."""
    sensitivity: Sensitivity
    """`open` (already public), `personal` (about people), or `special` (about their health, care, origin, belief,
    offences or the like)."""
    purpose: str = ""
    """What the data were collected for, and what they are used for here, in a sentence."""
    lawful_basis: str = ""
    """The lawful basis of that use, such as: Public task (Environmental Protection Act 1990)."""
    uses: tuple[Use, ...] = ("demand",)
    """The list of what the purpose covers: `demand` (counted by area), `overlap` (joined with other services at the
    same property), `reach` (set against sites and the way to them)."""
    keep_months: int | None = Field(default=None, ge=1, le=1200)
    """For how many months an extract, or an event, is used: a whole number."""
    jump_percent: int = Field(default=JUMP_PERCENT, ge=1, le=1000)
    """By how much, in per cent, rows and what is placed may differ from the extract before without a warning."""
    cadence: str = ""
    """How often an extract is promised, in words such as: monthly, quarterly, yearly, every six weeks."""
    due_days: int | None = Field(default=None, ge=0, le=366)
    """How many days after the date that it describes an extract is promised to be there: a whole number."""
    licence: str = ""
    """The licence of open data."""
    attribution: str = ""
    """The words that the licence of open data asks for."""
    as_at: Literal["file_name"] | AsAtColumn | date = "file_name"
    """The date that an extract describes: `file_name` where the name of each file tells it (`_2026-09-30`, `_2026-09`),
    else a date such as 2026-09-30, or `{column: header}`."""
    kind: Literal["stock", "flow"] = "stock"
    """`stock`: the records as they stand at a date; `flow`: events, each with its date."""
    period: Literal["month", "quarter", "year"] = "quarter"
    """By which period the events of a `flow` are counted."""
    extracts: Literal["", "snapshot", "full", "append", "changes"] = ""
    """How extracts follow each other: `snapshot` (each is how things stand at its date; a stock is so without saying),
    `append` (each adds events; a flow is so without saying), `full` (the newest replaces all before it), `changes`
    (after a first whole extract, records that are new, changed or gone)."""
    corrections: Literal["refuse", "replace"] = "refuse"
    """What becomes of a second extract of one date: it is refused, or it replaces the one before it."""
    parts: bool = False
    """`true`: each extract comes in several files."""
    unreadable_percent: int = Field(default=20, ge=0, le=100)
    """A file is refused where more than so many percent of a column's values are not what the column is said to be
    (numbers, dates, codes of its list)."""
    counts: str = "record"
    """What one row of the file is, in the singular, such as: subscription."""
    counting: Annotated[Counting, BeforeValidator(_counting, json_schema_input_type=CountsOne | Counting)] = (
        Counting()
    )
    """What is counted as one (`record`, `person`, `household`, `address`, `open_event`), and the denominator of its
    rate. Written as `counting: person`, or `counting: {one: person, ...}`."""
    travel: SiteTravel = SiteTravel()
    """Of sites: how people get there, and what a site can take."""
    columns: dict[
        str, Annotated[ColumnUse, BeforeValidator(_column_use, json_schema_input_type=Role | ColumnUse)]
    ]
    """What each header of the file is; a header that is not named never enters. Written as `header: role`, or `header:
    {is: role, ...}`; a header between slashes is a pattern."""

    @field_validator("title", "owner", "counts")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("wanted words; found nothing")
        return value

    @field_validator("cadence")
    @classmethod
    def _is_cadence(cls, value: str) -> str:
        if value and read_cadence(value) is None:
            raise ValueError(f"`{value}` does not say how often: wanted words such as {EXAMPLES}")
        return value

    @field_validator("as_at", mode="before")
    @classmethod
    def _one_of_three(cls, value: Any) -> Any:
        if isinstance(value, str) and value != "file_name":
            try:
                return date.fromisoformat(value)
            except ValueError:
                wanted = "`file_name`, a date such as 2026-09-30, or `{column: header}`"
                raise ValueError(f"wanted {wanted}; found `{value}`") from None
        return value

    @model_validator(mode="after")
    def _whole(self) -> Dataset:
        if self.sensitivity != "open":
            for key in ("purpose", "lawful_basis"):
                if not getattr(self, key):
                    raise ValueError(
                        f"wanted the key `{key}`: a {self.sensitivity} dataset says why it may be used"
                    )
        if self.due_days is not None and not self.cadence:
            raise ValueError("`due_days`: say also how often extracts are promised, as in `cadence: monthly`")
        of_role: dict[str, list[str]] = {}
        for header, use in self.columns.items():
            of_role.setdefault(use.role, []).append(header)
        if len(who := [header for header, use in self.columns.items() if use.identifies]) > 1:
            raise ValueError(
                f"`{who[1]}`: `{who[0]}` identifies already whom a record is about; which is it?"
            )
        if self.group != "site" and "travel" in self.model_fields_set:
            raise ValueError("`travel` is for sites, which people travel to")
        if self.travel.capacity and self.travel.capacity not in self._measures():
            valid = nearest(self.travel.capacity, self._measures())
            raise ValueError(f"`capacity: {self.travel.capacity}` is not the name of a `measure`{valid}")
        if self.kind == "flow" and self.group == "site":
            raise ValueError("`kind`: sites are a `stock`, as they stand at a date")
        if self.kind == "flow" and "event_date" not in of_role:
            raise ValueError("a flow has exactly one `event_date` column; found none")
        for role in SINGLE_ROLES:
            if len(of_role.get(role, [])) > 1:
                first, second, *_ = of_role[role]
                raise ValueError(f"`{second}`: `{first}` is `{role}` already; which is it?")
        self._hold_to_succession(of_role)
        self._hold_to_counting(of_role)
        folded = [header.strip().casefold() for header in self.columns]
        for header, use in self.columns.items():
            for other in use.also:
                if other.strip().casefold() in folded:
                    raise ValueError(
                        f"`{header}`: `also: {other}` is another line's header, or on two lines; which is it?"
                    )
                folded.append(other.strip().casefold())
        for pair in (("easting", "northing"), ("longitude", "latitude")):
            if (pair[0] in of_role) != (pair[1] in of_role):
                raise ValueError(f"wanted both `{pair[0]}` and `{pair[1]}`; found only one")
        if "as_at" in of_role and not isinstance(self.as_at, AsAtColumn):
            header = of_role["as_at"][0]
            raise ValueError(f"`{header}`: say also `as_at: {{column: {header}}}`, at the top")
        names: set[str] = set(FIXED_COLUMNS)
        for header, use in self.columns.items():
            if is_pattern(header):
                _compiled_header(header)
                if use.is_own and not use.name:
                    raise ValueError(f"`{header}` is a pattern: give the column a name with `as`")
            if use.is_own and (name := use.name or column_name(header)) in names:
                raise ValueError(f"`{header}`: the name `{name}` is taken; give another with `as`")
            elif use.is_own:
                names.add(name)
        return self

    def _measures(self) -> list[str]:
        """The names of the columns that hold numbers of the dataset's own."""
        return [
            use.name or column_name(header)
            for header, use in self.columns.items()
            if use.role == "measure" and use.type != "text"
        ]

    def _hold_to_succession(self, of_role: dict[str, list[str]]) -> None:
        if (self.kind, self.extracts) in {("stock", "append"), ("flow", "snapshot")}:
            fitting = "snapshot, full or changes" if self.kind == "stock" else "append, full or changes"
            raise ValueError(f"`extracts: {self.extracts}` is not for a {self.kind}: wanted {fitting}")
        if self.extracts in {"full", "changes"} and self.as_at != "file_name":
            raise ValueError(
                f"`extracts: {self.extracts}`: wanted the date of each extract in its file's name (`as_at: file_name`)"
            )
        if self.extracts == "changes" and not ("change" in of_role and "record_reference" in of_role):
            lacking = "change" if "change" not in of_role else "record_reference"
            raise ValueError(f"`extracts: changes`: wanted a column that is the `{lacking}`; found none")
        if "change" in of_role and self.extracts != "changes":
            raise ValueError(
                f"`{of_role['change'][0]}` is a `change`: say also `extracts: changes`, at the top"
            )
        if self.parts and self.corrections == "replace":
            raise ValueError(
                "`parts` and `corrections: replace`: is a second file of a date a part, or a correction?"
            )

    def _hold_to_counting(self, of_role: dict[str, list[str]]) -> None:
        one, ended = self.counting.one, self.counting.ended
        if self.group == "site" and "counting" in self.model_fields_set:
            raise ValueError("`counting` is for what a service records; sites are counted as they are")
        if one in {"person", "household"}:
            said = {use.identifies for use in self.columns.values() if use.identifies}
            if one not in said:
                found = f"one that says which {min(said)}" if said else "none"
                raise ValueError(
                    f"`counting`: `one: {one}` wants a column that says which {one} a record is about (`is: personal, "
                    f"keep: keyed, identifies: {one}`); found {found}"
                )
        leads_to_property = {"uprn", "property_reference", "address_line"}
        if one == "address" and not leads_to_property & of_role.keys():
            raise ValueError(
                "`counting`: `one: address` wants a column that leads to a property (`uprn`, `property_reference` or "
                "`address_line`); found none"
            )
        if one in {"person", "household", "address"} and "weight" in of_role:
            raise ValueError(
                f"`counting`: `{of_role['weight'][0]}` is a `weight`, and a tally does not say of whom: "
                f"wanted `one: record`; found `one: {one}`"
            )
        if one == "open_event" and self.kind != "flow":
            raise ValueError(
                "`counting`: `one: open_event` is for a flow; a stock holds already what is open at its date"
            )
        if ended and one != "open_event":
            raise ValueError("`counting`: `ended` is for `one: open_event`")
        dates = [use.name or column_name(h) for h, use in self.columns.items() if use.role == "date"]
        if one == "open_event" and ended not in dates:
            found = f"`{ended}`" if ended else "nothing"
            raise ValueError(
                "`counting`: `one: open_event` wants in `ended` the column that is the `date` of an event's end; "
                f"found {found}{nearest(ended, dates)}"
            )

    @property
    def denominator(self) -> str:
        """What its rate is worked out by: homes, people or people_65_and_over."""
        return self.counting.denominator or ("homes" if self.kind == "stock" else "people")

    @property
    def succession(self) -> str:
        """How its extracts follow each other: `snapshot`, `full`, `append` or `changes`."""
        return self.extracts or ("snapshot" if self.kind == "stock" else "append")

    @property
    def is_open(self) -> bool:
        """Whether its figures are already public."""
        return self.sensitivity == "open"

    def allows(self, use: str) -> bool:
        """Whether its records may be used for this; open data and sites, which are about no person, for anything.

        Placing records and judging their quality is no such use: whoever holds them has to.
        """
        return self.is_open or self.group == "site" or use in self.uses


class SourceColumn(Description):
    """One column of an open source's table."""

    kind: Kind = Field(alias="type")
    """What the column holds; a `count` is a whole number, 0 or more, and a row with one below is rejected."""
    meaning: str
    """What it means, in a sentence."""
    required: bool = False
    """`true`: a row without it is rejected."""
    format: str = ""
    """How its dates are written, as in `%d/%m/%Y`."""

    @field_validator("format")
    @classmethod
    def _is_date_format(cls, value: str) -> str:
        _hold_to_date_format(value)
        return value


class Source(Files):
    """One open source: the table that it fills and how its publisher writes it."""

    name: str
    """Name of its folder."""
    path: Path
    """Its description."""
    title: str
    """The title that its publisher gives it."""
    publisher: str
    """Who publishes it."""
    licence: str
    """Its licence."""
    attribution: str
    """The words that its licence asks for."""
    cadence: str = ""
    """How often it is published."""
    meaning: str
    """What one row of the table is."""
    key: tuple[str, ...]
    """The columns of the table that tell its rows apart."""
    table: dict[str, SourceColumn]
    """The columns of the table, whatever the publisher calls them."""
    columns: dict[str, str]
    """Which column of the table each header is, or `ignore`; a header between slashes is a pattern."""

    @model_validator(mode="after")
    def _columns_fit(self) -> Source:
        for header, column in self.columns.items():
            if column not in self.table and column != "ignore":
                valid = nearest(column, sorted(self.table))
                raise ValueError(
                    f"`{header}` is said to be `{column}`, which is not a column of the table{valid}"
                )
            if is_pattern(header):
                _compiled_header(header)
        if lacking := [name for name in self.key if name not in {*self.table, "file"}]:
            raise ValueError(f"key column(s) {', '.join(lacking)} are not in the table")
        return self


class Dominance(Description):
    """When a sum of amounts is held back although many stand behind it: one or two of them would show through.

    Held back where the `contributors` largest amounts make more than `percent` of the sum (the (n, k) rule), or where
    the sum less its two largest is under `p_percent` of the largest (the p% rule: the second could work out the first).
    """

    contributors: int = Field(default=2, ge=1, le=2)
    """How many of the largest amounts are looked at."""
    percent: int = Field(default=85, ge=50, le=100)
    """More than so many percent of the sum, and it is held back."""
    p_percent: int = Field(default=10, ge=1, le=100)
    """The sum less its two largest amounts must be at least so many percent of the largest."""


class Disclosure(Description):
    """The one rule for everything published: counts below `threshold` are hidden, the rest rounded to `round_to`."""

    threshold: int = Field(default=10, ge=5)
    """Counts below it are hidden in everything published."""
    round_to: int = Field(default=5, ge=5)
    """The others are rounded to a multiple of it."""
    dominance: Dominance = Dominance()
    """When a sum of amounts is held back although many stand behind it."""

    @model_validator(mode="after")
    def _fits(self) -> Disclosure:
        if self.rounded(self.threshold) < self.threshold:
            raise ValueError(
                "`threshold` may not be rounded down below itself: a count that reaches it is shown as at least that "
                f"(found {self.threshold}, which is rounded to {self.rounded(self.threshold)})"
            )
        return self

    def rounded(self, count: int) -> int:
        """The nearest multiple of `round_to`, halves up."""
        return (2 * count + self.round_to) // (2 * self.round_to) * self.round_to

    def told(self, shown: int) -> tuple[int, int]:
        """The least and the greatest count that are shown as this."""
        least = shown - self.round_to // 2
        return max(least, self.threshold), least + self.round_to - 1


class SignOff(Description):
    """Who answers for the use of these data, by job title, and since when."""

    by: str
    """Job title of who answers for the use of the data."""
    on: date
    """Since when; write the key in quotes: `"on"`."""


class ThirdParty(Description):
    """An outside body that takes part in running the tool, as the transparency record asks for it."""

    name: str
    """Name of the body."""
    companies_house_number: str = ""
    """Its number at Companies House."""
    role: str = ""
    """What it does."""
    procurement: str = ""
    """How it was procured."""
    data_access: str = ""
    """Which data it may see, and how."""


class Assessment(Description):
    """An assessment that was made (of data protection, of equality, ...): its title, date and outcome."""

    title: str
    """What was assessed."""
    on: date | None = None
    """When; write the key in quotes: `"on"`."""
    outcome: str = ""
    """What came of it."""


class Risk(Description):
    """A risk that the authority itself has found, and what it does about it."""

    risk: str
    """What could go wrong."""
    mitigation: str
    """What is done about it."""


class Transparency(Description):
    """What only people can say in the transparency record and the data protection fact sheet; all of it optional.

    What is not said here is listed in both documents as still to be written.
    """

    website_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Page of the council on the tool."""
    contact_email: str = Field(default="", pattern=r"^(\S+@\S+)?$")
    """Address for questions."""
    organisation: str = ""
    """Name of the organisation, where it is not the authority's."""
    team: str = ""
    """Team that runs the tool."""
    senior_responsible_owner: str = ""
    """Job title of who answers for it."""
    phase: Literal["", "Pre-deployment", "Private beta", "Public beta", "Production", "Retired"] = ""
    """Phase that the tool is in."""
    third_party_involvement: bool | None = None
    """Whether outside bodies take part in running it."""
    third_parties: tuple[ThirdParty, ...] = ()
    """Those bodies."""
    benefits: str = ""
    """What it is good for, with evidence."""
    previous_process: str = ""
    """How it was done before."""
    alternatives_considered: str = ""
    """What else was considered."""
    integration: str = ""
    """Where it stands in the council's decisions."""
    human_review: str = ""
    """Who looks at what it says before anything is done."""
    frequency_and_scale: str = ""
    """How often it is used, and by how many."""
    required_training: str = ""
    """What its users must have learnt."""
    appeals: str = ""
    """How a decision can be challenged."""
    maintenance: str = ""
    """Who maintains it, and how often."""
    who_may_read: str = ""
    """Who may read the restricted folder."""
    data_sharing_agreements: str = ""
    """Agreements under which data are shared."""
    impact_assessments: tuple[Assessment, ...] = ()
    """Assessments that were made."""
    risks: tuple[Risk, ...] = ()
    """Risks that the authority itself has found."""
    ethical_deliberation: str = ""
    """What was weighed, and by whom."""
    expectations: str = ""
    """Whether people would expect this use of their data."""
    consultation: str = ""
    """Who was asked."""
    special_category_condition: str = ""
    """Condition for using special category data."""
    rights: str = ""
    """How people use their rights."""
    risk_assessment: str = ""
    """Likelihood and severity of harm."""
    data_protection_advice: str = ""
    """Advice of the data protection officer."""

    @model_validator(mode="after")
    def _third_parties_fit(self) -> Transparency:
        if self.third_parties and self.third_party_involvement is not True:
            raise ValueError("`third_parties` are named: say also `third_party_involvement: true`")
        return self


class Automation(Description):
    """What Dagster starts by itself, while its pages are open; there a person can switch each of it on and off."""

    watch: bool = False
    """Whether a file that comes, or is changed, starts a run of what it concerns."""
    settle_seconds: int = Field(default=60, ge=1, le=86_400)
    """How long a file has to stay as it is before it counts as whole."""
    refresh: str = Field(default="", pattern=r"^(daily|weekly|monthly|(\S+ ){4}\S+)?$")
    """When to make everything again: `daily`, `weekly`, `monthly`, or the five fields of cron; in British time."""


class AuthorityDescription(Description):
    """`authority.yaml`."""

    name: str
    """Name of the council."""
    code: str
    """GSS code of the council, such as E06000022."""
    area_vintage: int = Field(ge=2001, le=2100)
    """Census year of the areas to plan by, such as 2021."""
    data: str = "data"
    """The folder that `{data}` stands for in descriptions, seen from the authority folder; `--data` and PLACES_DATA go
    before it."""
    disclosure: Disclosure = Disclosure()
    """The rule for everything published."""
    owners: dict[str, str] = {}
    """Who answers for what, by role: `senior_responsible_owner`, `gis_team`, ..."""
    sign_off: SignOff | None = None
    """Who answers for the use of the data."""
    transparency: Transparency = Transparency()
    """What only people can say in the transparency record and the data protection fact sheet."""
    automation: Automation = Automation()
    """What Dagster starts by itself, while its pages are open."""
    travel: Travel = Travel()
    """How people get about: which roads, how fast."""

    @field_validator("code")
    @classmethod
    def _gss(cls, value: str) -> str:
        if not re.fullmatch(r"[EWSN][0-9]{8}", value):
            raise ValueError(f"wanted a GSS code such as E06000022; found `{value}`")
        return value


@dataclass(frozen=True)
class Broken:
    """A source or dataset whose description cannot be used."""

    stage: str
    name: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Authority:
    """An authority folder, read: what it says, its sources, its datasets, and those that are broken.

    `up_to` is the day up to which its datasets are used, where an earlier month is made again; None for all of them.
    """

    folder: Path
    data: Path
    about: AuthorityDescription
    sources: tuple[Source, ...]
    datasets: tuple[Dataset, ...]
    broken: tuple[Broken, ...]
    up_to: date | None = None

    @property
    def code(self) -> str:
        """The authority's GSS code."""
        return self.about.code

    def hold_to_data_folder(self) -> None:
        """Raise `DescriptionError` where descriptions speak of `{data}` and there is no such folder."""
        used = any("{data}" in described.folder for described in (*self.sources, *self.datasets))
        if used and not self.data.is_dir():
            wanted = (
                "wanted the folder that `{data}` stands for; found none: say which, by --data or PLACES_DATA"
            )
            raise DescriptionError([Problem(str(self.data), 0, 0, wanted)])

    def files_of(self, described: Files, own_folder: Path) -> list[Path]:
        """The files that a description means, sorted by path; empty where there are none (yet)."""
        folder = self._folder_of(described, own_folder)
        found: set[Path] = set()
        for pattern in described.files or ANY_FILE:
            paths = folder.glob(_in_any_case(pattern))
            found |= {path for path in paths if path.is_file() and not _is_temporary(path)}
        return sorted(found)

    def _folder_of(self, described: Files, own_folder: Path) -> Path:
        return (own_folder / described.folder.replace("{data}", str(self.data))).resolve()

    def source_files(self, source: Source) -> list[Path]:
        """The files of an open source."""
        return self.files_of(source, self._own_folder(source))

    def dataset_files(self, dataset: Dataset) -> list[Path]:
        """The extracts of a dataset."""
        return self.files_of(dataset, self._own_folder(dataset))

    def _own_folder(self, described: Source | Dataset) -> Path:
        inside = (
            "sources"
            if isinstance(described, Source)
            else "services"
            if described.group == "service"
            else "sites"
        )
        return self.folder / inside / described.name

    def shown(self, path: Path) -> str:
        """A file's path as tables and messages give it: inside the authority folder, the data folder or its own."""
        described: list[Source | Dataset] = [*self.sources, *self.datasets]
        elsewhere = (self._folder_of(one, self._own_folder(one)) for one in described)
        for root in itertools.chain((self.folder, self.data), elsewhere):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return path.name


def load_authority(folder: Path, data: Path | None = None, up_to: date | None = None) -> Authority:
    """Read an authority folder.

    `up_to` leaves out what its datasets hold of later days.

    `data` (else the environment's PLACES_DATA, else `data:` in authority.yaml) is the folder that `{data}` stands for.
    Raises `DescriptionError` when `authority.yaml` itself cannot be used; problems of single sources and datasets are
    listed in `broken`.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise DescriptionError(
            [Problem(str(folder), 0, 0, "wanted an authority folder; found no such folder")]
        )
    about = read_description(folder / "authority.yaml", AuthorityDescription, shown_as="authority.yaml")
    chosen = data or Path(os.environ.get("PLACES_DATA") or folder / about.data)
    sources: list[Source] = []
    datasets: list[Dataset] = []
    broken: list[Broken] = []
    for path in sorted((ASSETS / "sources").glob("*.yaml")):
        try:
            sources.append(_read_source(path, folder))
        except DescriptionError as error:
            broken.append(Broken("sources", path.stem, tuple(error.problems)))
    known = sorted(path.stem for path in (ASSETS / "sources").glob("*.yaml"))
    for own in _folders(folder / "sources"):
        if own.name not in known:
            message = f"`{own.name}` is not a source that is known{nearest(own.name, known)}"
            broken.append(Broken("sources", own.name, (Problem(_shown(own, folder), 0, 0, message),)))
    for group, kind in (("services", "service"), ("sites", "site")):
        for own in _folders(folder / group):
            path, name = own / "dataset.yaml", own.name
            shown = _shown(path, folder)
            try:
                if not NAME.fullmatch(name) or name in RESERVED or name.endswith(BESIDE):
                    wanted = "lower-case letters, digits and underscores, not ending in _files or _rejected"
                    none_of = ", ".join(sorted(RESERVED))
                    message = f"`{name}` cannot name a dataset: wanted {wanted}, and none of {none_of}"
                    raise DescriptionError([Problem(shown, 0, 0, message)])
                if any(other.name == name for other in datasets):
                    raise DescriptionError(
                        [Problem(shown, 0, 0, f"`{name}` is the name of another dataset already")]
                    )
                datasets.append(
                    read_description(path, Dataset, shown_as=shown, name=name, group=kind, path=path)
                )
            except DescriptionError as error:
                broken.append(Broken("services", name, tuple(error.problems)))
    taken = {*known, *RESERVED, *(dataset.name for dataset in datasets)}
    named = tuple(_named_apart(one, taken) if one.name not in known else one for one in broken)
    return Authority(folder, chosen.resolve(), about, tuple(sources), tuple(datasets), named, up_to)


def _folders(folder: Path) -> list[Path]:
    """The folders below one that hold any file, in order; one that is still empty is nobody's mistake."""
    inside = sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
    return [path for path in inside if any(found.is_file() for found in path.rglob("*"))]


def _named_apart(broken: Broken, taken: set[str]) -> Broken:
    """The broken description under a name that can stand beside those of the good ones."""
    name = column_name(broken.name)
    while name in taken or name.endswith(BESIDE):
        name += "_broken"
    taken.add(name)
    return Broken(broken.stage, name, broken.problems)


def _read_source(path: Path, folder: Path) -> Source:
    generic, _ = read_yaml(path, f"assets/sources/{path.name}")
    own = folder / "sources" / path.stem / "source.yaml"
    if not own.exists():
        return read_description(
            path, Source, shown_as=f"assets/sources/{path.name}", name=path.stem, path=path
        )
    # An authority may say how its copy is written, not what the table is.
    read_description(own, SourceOverride, shown_as=_shown(own, folder))
    values, _ = read_yaml(own)
    overridden = {key: value for key, value in generic.items() if key not in values}
    return read_description(own, Source, shown_as=_shown(own, folder), **overridden, name=path.stem, path=own)


class SourceOverride(Files):
    """`source.yaml` of an authority folder: where and how its copy of an open source is written."""

    title: str = ""
    """The title, where this copy has another."""
    publisher: str = ""
    """The publisher, where it is another."""
    licence: str = ""
    """The licence, where it is another."""
    attribution: str = ""
    """The attribution, where it is another."""
    columns: dict[str, str] = {}
    """Which column of the source's table each header of this copy is, or `ignore`; a header between slashes is a
    pattern."""


def is_pattern(header: str) -> bool:
    """Whether a header in a description is written `/as a pattern/`."""
    return len(header) > 2 and header.startswith("/") and header.endswith("/")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"`{pattern}` is not a pattern that can be read: {error}") from None


def _compiled_header(header: str) -> re.Pattern[str]:
    try:
        return _compiled(header[1:-1])
    except ValueError as error:
        raise ValueError(f"`{header}`: {error}") from None


def _hold_to_date_format(text: str) -> None:
    """Refuse a form of dates in which a date does not come back, by Python or by DuckDB, as it was written."""
    day, read = datetime(2001, 2, 3), []
    if not text:
        return
    try:
        written = day.strftime(text)
        read.append(datetime.strptime(written, text))
        with duckdb.connect() as con:
            read += con.execute("SELECT try_strptime(?, ?)", [written, text]).fetchall()[0]
    except (ValueError, duckdb.Error):
        read = []
    if [found and found.date() for found in read] != [day.date()] * 2:
        raise ValueError(f"`{text}` is not a form in which dates are read, such as %d/%m/%Y")


def _tried(pattern: str) -> None:
    """Have the engine that will use a pattern read it: it knows no look-ahead, say."""
    with duckdb.connect() as con:
        try:
            con.execute("SELECT regexp_matches('', ?)", [pattern])
        except duckdb.Error:
            raise ValueError(
                f"`{pattern}` is not a pattern that DuckDB can read (no look-ahead, no references)"
            ) from None


def _in_any_case(pattern: str) -> str:
    """A file pattern that fits capitals and small letters alike, as it does on Windows."""
    if "[" in pattern:
        return pattern
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in pattern)


def match_headers(wanted: dict[str, Any], headers: list[str]) -> dict[str, list[int]]:
    """For each header of a description, the positions in the file that carry it; case and outer spaces do not count."""
    folded = [header.strip().casefold() for header in headers]
    found: dict[str, list[int]] = {}
    for want in wanted:
        if is_pattern(want):
            pattern = _compiled(want[1:-1])
            found[want] = [i for i, header in enumerate(folded) if pattern.fullmatch(header)]
        else:
            found[want] = [i for i, header in enumerate(folded) if header == want.strip().casefold()]
    return found


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(("~", ".")) or path.suffix.lower() in {".tmp", ".part", ".crdownload"}


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
