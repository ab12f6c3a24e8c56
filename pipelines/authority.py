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

Format = Literal["csv", "xlsx", "parquet", "geopackage", "geojson"]
Sensitivity = Literal["open", "personal", "special"]
Role = Literal[
    "uprn", "usrn", "property_reference", "address_line", "postcode", "easting", "northing", "longitude", "latitude",
    "area_code", "record_reference", "personal", "category", "measure", "weight", "event_date", "date", "as_at", "text",
    "ignore",
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
    "decimal",
    "date",
    "geometry",
]

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
ANY_FILE = ("*.csv", "*.xlsx", "*.parquet", "*.gpkg", "*.geojson", "*.zip")
# Tables of the stages `sources` and `services` that are made from all descriptions together, or beside each one.
RESERVED = {
    "authority", "dataset", "file_read", "issue_kind", "measure", "record", "record_tenure", "row_rejected",
    "site_name", "source", "tenure", "value_issue",
}  # fmt: skip
BESIDE = ("_files", "_rejected")
SINGLE_ROLES = (
    "uprn", "usrn", "record_reference", "postcode", "area_code", "easting", "northing", "longitude", "latitude",
    "event_date", "as_at",
)  # fmt: skip
# The columns that every dataset's table has, whatever its description says.
FIXED_COLUMNS = (
    "authority_code", "record_id", "subject", "file", "row_number", "as_at", "event_date", "weight", "uprn",
    "uprn_issue", "usrn", "address", "postcode", "postcode_issue", "easting", "northing", "coordinates_issue",
    "area_code", "area_code_issue", "issues",
)  # fmt: skip


def column_name(text: str) -> str:
    """A header as a column name: lower case, words joined by underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
    return f"c_{name}" if name[:1].isdigit() or not name else name


class RowRule(Description):
    """Rows that are left out (or alone kept), by the text of one column, and why."""

    column: str
    equals: Texts = ()
    matches: str = ""
    blank: bool = False
    because: str

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
    name: str = Field(default="", alias="as")
    keep: Literal["dropped", "keyed", "age_band"] = "dropped"
    identifies: Literal["", "person", "household"] = ""
    format: str = ""
    type: Literal["integer", "decimal", "text"] = "decimal"
    values: tuple[str, ...] = ()
    required: bool = False

    @model_validator(mode="after")
    def _sensible(self) -> ColumnUse:
        if self.keep != "dropped" and self.role != "personal":
            raise ValueError("`keep` is for columns that are `personal`")
        if self.identifies and self.keep != "keyed":
            raise ValueError("`identifies` is for columns that are `personal` and kept as `keyed`")
        if self.format and self.role not in {"event_date", "date", "as_at", "personal"}:
            raise ValueError("`format` is for dates")
        _hold_to_date_format(self.format)
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


def _column_use(value: Any) -> Any:
    return {"is": value} if isinstance(value, str) else value


class Files(Description):
    """Where rows are and how they are written; shared by sources and datasets."""

    folder: str = ""
    edition: str = ""
    files: Texts = ()
    format: Format | None = None
    sheet: str = ""
    layer: str = ""
    delimiter: str = ""
    encoding: str = ""
    header_row: int = Field(default=0, ge=0)
    headers: tuple[str, ...] = ()
    exclude: tuple[RowRule, ...] = ()
    keep_only: RowRule | None = None
    missing: tuple[str, ...] = ()

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


class Dataset(Files):
    """One dataset of the council (`services/`) or one kind of site (`sites/`), as its `dataset.yaml` says."""

    name: str
    group: Literal["service", "site"]
    path: Path
    title: str
    owner: str
    sensitivity: Sensitivity
    purpose: str = ""
    lawful_basis: str = ""
    uses: tuple[Use, ...] = ("demand",)
    keep_months: int | None = Field(default=None, ge=1, le=1200)
    licence: str = ""
    attribution: str = ""
    as_at: Literal["file_name"] | AsAtColumn | date = "file_name"
    kind: Literal["stock", "flow"] = "stock"
    period: Literal["month", "quarter", "year"] = "quarter"
    counts: str = "record"
    columns: dict[str, Annotated[ColumnUse, BeforeValidator(_column_use)]]

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
        of_role: dict[str, list[str]] = {}
        for header, use in self.columns.items():
            of_role.setdefault(use.role, []).append(header)
        if len(who := [header for header, use in self.columns.items() if use.identifies]) > 1:
            raise ValueError(
                f"`{who[1]}`: `{who[0]}` identifies already whom a record is about; which is it?"
            )
        if self.kind == "flow" and self.group == "site":
            raise ValueError("`kind`: sites are a `stock`, as they stand at a date")
        if self.kind == "flow" and "event_date" not in of_role:
            raise ValueError("a flow has exactly one `event_date` column; found none")
        for role in SINGLE_ROLES:
            if len(of_role.get(role, [])) > 1:
                first, second, *_ = of_role[role]
                raise ValueError(f"`{second}`: `{first}` is `{role}` already; which is it?")
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
    meaning: str
    required: bool = False
    format: str = ""

    @field_validator("format")
    @classmethod
    def _is_date_format(cls, value: str) -> str:
        _hold_to_date_format(value)
        return value


class Source(Files):
    """One open source: the table that it fills and how its publisher writes it."""

    name: str
    path: Path
    title: str
    publisher: str
    licence: str
    attribution: str
    cadence: str = ""
    meaning: str
    key: tuple[str, ...]
    table: dict[str, SourceColumn]
    columns: dict[str, str]

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
    percent: int = Field(default=85, ge=50, le=100)
    p_percent: int = Field(default=10, ge=1, le=100)


class Disclosure(Description):
    """The one rule for everything published: counts below `threshold` are hidden, the rest rounded to `round_to`."""

    threshold: int = Field(default=10, ge=5)
    round_to: int = Field(default=5, ge=5)
    dominance: Dominance = Dominance()

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
    on: date


class ThirdParty(Description):
    """An outside body that takes part in running the tool, as the transparency record asks for it."""

    name: str
    companies_house_number: str = ""
    role: str = ""
    procurement: str = ""
    data_access: str = ""


class Assessment(Description):
    """An assessment that was made (of data protection, of equality, ...): its title, date and outcome."""

    title: str
    on: date | None = None
    outcome: str = ""


class Risk(Description):
    """A risk that the authority itself has found, and what it does about it."""

    risk: str
    mitigation: str


class Transparency(Description):
    """What only people can say in the transparency record and the data protection fact sheet; all of it optional.

    What is not said here is listed in both documents as still to be written.
    """

    website_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    contact_email: str = Field(default="", pattern=r"^(\S+@\S+)?$")
    organisation: str = ""
    team: str = ""
    senior_responsible_owner: str = ""
    phase: Literal["", "Pre-deployment", "Private beta", "Public beta", "Production", "Retired"] = ""
    third_party_involvement: bool | None = None
    third_parties: tuple[ThirdParty, ...] = ()
    benefits: str = ""
    previous_process: str = ""
    alternatives_considered: str = ""
    integration: str = ""
    human_review: str = ""
    frequency_and_scale: str = ""
    required_training: str = ""
    appeals: str = ""
    maintenance: str = ""
    who_may_read: str = ""
    data_sharing_agreements: str = ""
    impact_assessments: tuple[Assessment, ...] = ()
    risks: tuple[Risk, ...] = ()
    ethical_deliberation: str = ""
    expectations: str = ""
    consultation: str = ""
    special_category_condition: str = ""
    rights: str = ""
    risk_assessment: str = ""
    data_protection_advice: str = ""

    @model_validator(mode="after")
    def _third_parties_fit(self) -> Transparency:
        if self.third_parties and self.third_party_involvement is not True:
            raise ValueError("`third_parties` are named: say also `third_party_involvement: true`")
        return self


class AuthorityDescription(Description):
    """`authority.yaml`."""

    name: str
    code: str
    area_vintage: int = Field(ge=2001, le=2100)
    data: str = "data"
    disclosure: Disclosure = Disclosure()
    owners: dict[str, str] = {}
    sign_off: SignOff | None = None
    transparency: Transparency = Transparency()

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
    """An authority folder, read: what it says, its sources, its datasets, and those that are broken."""

    folder: Path
    data: Path
    about: AuthorityDescription
    sources: tuple[Source, ...]
    datasets: tuple[Dataset, ...]
    broken: tuple[Broken, ...]

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


def load_authority(folder: Path, data: Path | None = None) -> Authority:
    """Read an authority folder.

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
    return Authority(folder, chosen.resolve(), about, tuple(sources), tuple(datasets), named)


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
    publisher: str = ""
    licence: str = ""
    attribution: str = ""
    columns: dict[str, str] = {}


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
