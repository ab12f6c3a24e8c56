"""A description of a file that nobody has described yet: `dataset.yaml`, with comments, for a person to edit.

Here belongs composing the text: which role each column is given and why, how it is written down, and what is left to a
person (`TO FILL IN`, which the reader of descriptions refuses). What a column holds and may be is `profile`; what a
description may say is `authority`.

It is safe by default. What may be about a person is `personal`, so that it is dropped while the file is read; what is
not understood is `ignore`. The text repeats no value of a row but the codes of columns that are surely code lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from pipelines.authority import (
    BESIDE,
    FIXED_COLUMNS,
    NAME,
    RESERVED,
    SINGLE_ROLES,
    Authority,
    Files,
    column_name,
    is_pattern,
)
from pipelines.descriptions import TO_FILL_IN
from pipelines.extracts import date_in_name
from pipelines.formats import EASTING, NORTHING, SUFFIXES
from pipelines.identifiers import date_formats
from pipelines.profile import MOST_CODES, ROLE_WORDS, ColumnProfile, Extract, Profile, Sureness, load, profile
from pipelines.tables import quoted, text_literal

Group = Literal["service", "site"]
FOLDERS: dict[str, str] = {"service": "services", "site": "sites"}


class Unnameable(ValueError):
    """A dataset cannot be called so; the message says why and what to do."""


@dataclass(frozen=True)
class Entry:
    """A column of the file as the description gives it.

    `key` is the header as the file writes it; `also` how many further columns have the same one. `options` are further
    keys, written as YAML; `hint` tells what else could be said.
    """

    key: str
    column: ColumnProfile
    role: str
    sureness: Sureness
    because: str
    options: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    also: int = 0

    def given(self, role: str, sureness: Sureness, because: str, hint: str = "") -> Entry:
        """The column with another role."""
        return replace(self, role=role, sureness=sureness, because=because, hint=hint)


@dataclass(frozen=True)
class Proposal:
    """A description that was composed, and what it came to.

    `text` is the file. `to_fill_in` are the keys that a person has to fill in; `not_named` says of each column that no
    description can name why that is so.
    """

    name: str
    group: Group
    text: str
    entries: tuple[Entry, ...]
    to_fill_in: tuple[str, ...]
    not_named: tuple[str, ...]
    rows: int


# --- the name --------------------------------------------------------------------------------------------------------

MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# Dates in the forms that `ingest.date_in_name` reads, and in those that people write besides.
READ_DATE = r"(?<!\d)(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?(?:0[1-9]|[12]\d|3[01]))?(?!\d)"
OTHER_DATE = (
    r"(?<!\d)\d{1,2}[-_. ]\d{1,2}[-_. ](?:19|20)?\d\d(?!\d)"
    rf"|(?<![a-z\d])(?:\d{{1,2}}(?:st|nd|rd|th)?[-_. ]?)?(?:{MONTH})[a-z]{{0,6}}[-_. ]*(?:19|20)?\d\d(?!\d)"
    r"|(?<![a-z\d])q[1-4][-_ ]?(?:19|20)\d\d(?!\d)|(?<!\d)(?:19|20)\d\d[-_ ]?q[1-4](?!\d)"
    r"|(?<!\d)(?:19|20)\d\d[-_]\d\d(?!\d)|(?<!\d)(?:19|20)\d\d(?!\d)"
)
A_DATE = re.compile(f"{READ_DATE}|{OTHER_DATE}", re.IGNORECASE)


def dataset_name(path: Path) -> str:
    """What a dataset would be called after one of its files: `council_tax` after `Council Tax 2026-09.csv`."""
    name = A_DATE.sub(" ", path.stem)
    return column_name(name)[:60].strip("_") if re.search("[A-Za-z0-9]", name) else "dataset"


def hold_to_name(name: str, group: Group, authority: Authority) -> None:
    """Raise `Unnameable` where no dataset of this group can be called so beside those that there are."""
    if not NAME.fullmatch(name) or name in RESERVED or name.endswith(BESIDE):
        wanted = "lower-case letters, digits and underscores, not ending in _files or _rejected"
        raise Unnameable(
            f"`{name}` cannot name a dataset: wanted {wanted}, and none of {', '.join(sorted(RESERVED))}; say another "
            "by --name"
        )
    for other, folder in FOLDERS.items():
        if other != group and (authority.folder / folder / name / "dataset.yaml").exists():
            raise Unnameable(f"`{name}` is in {folder}/ already; say another name by --name")
    if any(source.name == name for source in authority.sources):
        raise Unnameable(f"`{name}` is an open source already; say another name by --name")


def file_pattern(path: Path) -> str:
    """The pattern of a file's name and its successors': what looks like a date in it is `*`."""
    parts = [re.sub(r"([*?[])", r"[\1]", part) for part in A_DATE.split(path.stem)]
    suffix = re.sub(r"([*?[])", r"[\1]", path.suffix)
    return re.sub(r"\*{2,}", "*", "*".join(parts)) + suffix


# --- what each column is ---------------------------------------------------------------------------------------------

# Beyond what the profile suspects by header: staff, people about the person, traits. In doubt it is personal.
ABOUT_PEOPLE = (
    (r"(.*_)?(officer|worker|caseworker|inspector|handler|assigned|assignee|author|surveyor|adviser|advisor|manager|staff|"
     r"employee|clinician|teacher|gp|doctor)s?(_(name|id|code|to|ref))?|.*_by|by", "somebody who works on it"),
    (r"(.*_)?(next_of_kin|guardian|spouse|partner|relationship|dependants?|children|household_members?)(_.*)?",
     "people about somebody"),
    (r"yob|(.*_)?(birth|born|deceased|death)(_.*)?", "a birth or death"),
    (r"(.*_)?(ethnic\w*|religio\w*|faith|belief|gender|sex|sexual\w*|orientation|marital\w*|nationality|nationalities|"
     r"language|disab\w*|pregnan\w*|diagnos\w*|medical\w*|health|vulnerab\w*|immigration|convict\w*|age|age_group|"
     r"age_band)(_.*)?", "a trait of a person"),
    (r"(.*_)?(nino|nhs_?no\w*|passport|licen[cs]e_plate|vrm|vrn|registration_plate|vehicle_reg\w*|iban|card_number|"
     r"account_name|sort_code|username|user_id|twitter|social_media|ip_address)(_.*)?",
     "somebody's own number or name"),
    (r"(tenant|client|customer|person|claimant|applicant|pupil|patient|service_user|member|resident|household|child)s?_?"
     r"(id|ref|reference|no|number|code|key)", "the reference of a person or household"),
    (r"(age|sex|gender|relat|ecstat|ethnic|nationality|income|inc)\d+", "a trait of a person"),
)  # fmt: skip
# An address that is somebody's, not that of the place: the two must not be mixed.
ELSEWHERE = (
    r"(corr|correspondence|corresp|mail|mailing|postal|forward|forwarding|contact|landlord|agent|owner|billing|bill|payer|"
    r"payee|applicant|licen[cs]ee|holder|previous|prev|former|next_of_kin|registered_office|alternative|alt)_.*"
)
STATED_DATE = (
    r"(data_?)?(extract(ed)?|as_?at|snapshot|census|report(ing)?|run|export(ed)?|download(ed)?|data)_?(on|date|time|period)?|"
    r"runtime|date_?(extracted|exported)"
)
EVENT_DATE = (
    r"(.*_)?(event|incident|requested|request|received|reported|raised|logged|referral|referred|contact|assessment|visit|"
    r"inspection|application|applied|complaint|call|offence|issued|issue|transaction|attendance|admission|booking|letting|"
    r"collection|created|opened|occurred|served)(_.*)?"
)
NO_EVENT = (
    r"(.*_)?(end|ended|closed|close|completed|expiry|expires|renewal|next|due|review|target|last|updated|modified)"
    r"(_.*)?"
)
OF_EVENTS = (
    r"(.*_)?(events?|requests?|referrals?|incidents?|contacts?|complaints?|visits?|calls?|lettings?|assessments?|"
    r"inspections?|transactions?|bookings?|fines|notices|attendances?|admissions?|reports|cld|core|repairs|sales|jobs)"
    r"(_.*)?"
)
OF_STOCK = (
    r"(.*_)?(register|licen[cs]es?|accounts?|tenanc(y|ies)|list|subscriptions?|stock|premises|properties|assets?)"
    r"(_.*)?"
)
AMOUNT = (
    r"(.*_)?(amount|rent|charge|cost|price|value|rate|fee|balance|debt|arrears|liability|total|sum|score|size|capacity|"
    r"area_m2|sqm|floor_area|weight|height|length|width|count|quantity|number_of.*|no_of.*|num.*|rooms|bedrooms?|beds|homes|"
    r"dwellings|households?|population|people|persons|patients|pupils|places|visits|days|hours|weeks|months|years|year|"
    r"percent|percentage|pct|gbp|occupancy|average|avg|mean)(_.*)?"
)
NAMES_A_SITE = (
    r"(site_?|library_?|school_?|practice_?|surgery_?|branch_?|building_?|premises_?|centre_?|venue_?|organisation_?|org_?|"
    r"establishment_?|location_?|park_?|facility_?|business_?)?name|library|school|surgery|practice|site|venue|establishment"
    r"name|title"
)
NAMES_A_BUILDING = r"(building|premises|property|house)_?name"
CODE_LIST = (
    r"(.*_)?(status|type|band|class|category|code|outcome|reason|route|tenure|stage|state|kind|group|flag|indicator|"
    r"frequency|method|decision|priority|phase|service|channel|size|subscription|ward|discount|exemption|supply|"
    r"refreshment|rating|score)(_.*)?"
)
A_CODE = r"[A-Za-z]|[0-9]{1,3}|[A-Za-z]{1,2}[0-9]{1,3}[A-Za-z]?|(?i:yes|no|true|false|y/n|n/a)"
NO_VALUE = (
    "Not Known", "Unknown", "Not Applicable", "Not Recorded", "Not Stated", "Not Found", "Not Available", "No UPRN",
    "TBC", "TBA", "N/K", "NK", "Nil", "Missing", "Blank", "(blank)", "(null)", "?", "??", "..", "--", "#REF!",
    "#VALUE!",
)  # fmt: skip
TOTALS = ("Total", "Totals", "Grand Total", "Sum", "Overall")
PLACING = (
    "uprn", "usrn", "postcode", "area_code", "address_line", "easting", "northing", "longitude", "latitude",
)  # fmt: skip
PAIRS = {"easting": "northing", "northing": "easting", "longitude": "latitude", "latitude": "longitude"}
ORDER = {"sure": 0, "likely": 1, "possible": 2}


def words(header: str) -> str:
    """A header as lower-case words joined by underscores: `CaseReference` is `case_reference`."""
    return column_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header))


def _decided(
    con: duckdb.DuckDBPyConnection, found: Profile, key: str, column: ColumnProfile, group: Group
) -> Entry:
    """A column by itself: its role, and why."""
    entry = Entry(key, column, column.role.role, column.role.sureness, column.role.because)
    name, role = words(key), column.role.role
    no_person = not column.personal or " may " in column.personal
    if group == "site" and re.fullmatch(NAMES_A_SITE, name) and column.type == "text" and no_person:
        return entry.given("text", "likely", "its header; the name of the site")
    if role == "personal":
        return entry.given(role, entry.sureness, entry.because, _personal_hint(column, name))
    if role not in ("uprn", "postcode", "usrn") and key not in (EASTING, NORTHING):
        for pattern, what in ABOUT_PEOPLE:
            if re.fullmatch(pattern, name):
                return entry.given(
                    "personal", "possible", f"its header may mean {what}", _personal_hint(column, name)
                )
    if column.row_numbers:
        return entry.given("ignore", "likely", "it counts the rows")
    if column.type == "empty":
        if role in ("uprn", "postcode", "address_line"):
            return entry
        return entry.given("ignore", "sure", "the column is empty")
    if column.type == "date":
        return _dated(con, found.extract, entry, name)
    if role == "uprn" and entry.sureness == "possible":
        if _is_mostly_digits(con, found.extract, column):
            return entry.given("uprn", "likely", "its header; whole numbers where there is a value")
        return entry.given("ignore", "possible", "its header says UPRN; what it holds is something else")
    if role == "area_code" and column.type != "gss_code":
        return entry.given("ignore", "likely", "its header says an area; what it holds are no GSS codes")
    # One that is blank elsewhere is a flag.
    in_every_row = role == "area_code" or (role == "category" and 100 * column.filled >= 99 * column.rows)
    if in_every_row and column.distinct == 1 and column.rows > 1:
        return entry.given("ignore", "likely", "the same in every row")
    if role == "category":
        return _category(entry, name)
    if role == "record_reference" and entry.sureness == "possible":
        return entry if re.search("9", column.forms[0].form) else _unknown(entry, name, group)
    if role == "text" and re.fullmatch(NAMES_A_BUILDING, name) and group == "service":
        return entry.given(
            "address_line", "possible", "its header; a building's name is a part of its address"
        )
    if role in ("text", "measure", "ignore"):
        return _unknown(entry, name, group)
    return entry


def _is_mostly_digits(con: duckdb.DuckDBPyConnection, extract: Extract, column: ColumnProfile) -> bool:
    """Whether most cells are whole numbers, of those that hold no word for "no value"."""
    value = extract.column(column.position)
    words = ", ".join(text_literal(word.upper()) for word in NO_VALUE)
    digits, other = con.execute(
        f"SELECT count(*) FILTER (regexp_full_match({value}, '[0-9]{{6,12}}')), count({value}) "
        f"FROM {quoted(extract.table)} WHERE upper({value}) NOT IN ({words})"
    ).fetchall()[0]
    return 2 * int(digits) > int(other)


def _personal_hint(column: ColumnProfile, name: str) -> str:
    if column.type == "date" and "death" not in name:
        return "`{is: personal, keep: age_band}` would keep an age band"
    if re.fullmatch(r"(.*_)?(id|ref|reference|no|number|code|upn)", name):
        return "`{is: personal, keep: keyed, identifies: person}` would tell which records are of one person"
    return ""


def _dated(con: duckdb.DuckDBPyConnection, extract: Extract, entry: Entry, name: str) -> Entry:
    column = entry.column
    if not column.date_format:
        return entry.given("ignore", "likely", "dates in several forms, or in one that is not read")
    value = extract.column(column.position)
    day = f"try_strptime({value}, {text_literal(column.date_format)})"
    first, middle, last = con.execute(
        f"SELECT min(year({day})), median(year({day})), max(year({day})) FROM {quoted(extract.table)}"
    ).fetchall()[0]
    if last - first >= 40 and first < 1965 and middle < 2005 and column.distinct > MOST_CODES:
        because = "its dates are as widely spread as dates of birth"
        return entry.given("personal", "possible", because, _personal_hint(column, name))
    options: tuple[tuple[str, str], ...] = ()
    stated = column.date_format
    if stated not in date_formats():
        options = (("format", _quoted(stated)),)
    hint = ""
    if column.date_in_doubt:
        other = "%m/%d/" if stated.startswith("%d/%m/") else "%d/%m/"
        swapped = _quoted(other + stated[6:])
        hint = f"day or month first? both fit; if it is the other way round, say `format: {swapped}`"
        options = (("format", _quoted(stated)),)
    return replace(
        entry, role="date", sureness="likely", because=f"dates written {stated}", options=options, hint=hint
    )


def _category(entry: Entry, name: str) -> Entry:
    column = entry.column
    values = [value for value, _ in column.values]
    complete = len(values) == column.distinct
    by_header = bool(re.fullmatch(CODE_LIST, name))
    codes = [re.fullmatch(A_CODE, value) is not None for value in values]
    short = all(len(value) <= 40 and value.isprintable() for value in values)
    if (
        complete
        and short
        and values
        and (all(codes) or (by_header and column.filled >= 20 * column.distinct))
    ):
        listed = ", ".join(_scalar(value) for value in sorted(values))
        return replace(
            entry, options=(("values", f"[{listed}]"),), hint="any other value is counted as an issue"
        )
    hint = "`values: [...]` would list its codes; they are not shown here, as they might name somebody"
    return replace(entry, hint=hint if complete else f"{hint}, or are rare")


def _unknown(entry: Entry, name: str, group: Group) -> Entry:
    """A column of which neither header nor content says what it is."""
    column = entry.column
    differ = 2 * column.distinct > column.filled
    is_reference = re.fullmatch(dict(ROLE_WORDS)["record_reference"], name)
    if is_reference and 100 * min(column.distinct, column.filled) >= 98 * column.rows > 100:
        twice, blank = column.filled - column.distinct, column.blank
        because = f"its header; {twice:,} row(s) repeat one, {blank:,} have none: those would be rejected"
        return entry.given("record_reference", "possible", because)
    if column.type in ("integer", "decimal"):
        if re.fullmatch(AMOUNT, name) or column.type == "decimal" or not (differ and column.longest >= 5):
            hint = "`weight`, if a row counts for so many" if column.type == "integer" else ""
            return entry.given("measure", "possible", "numbers", hint)
        if group == "service":
            return entry.given(
                "personal", "possible", "long numbers that nearly all differ may be somebody's"
            )
        return entry.given("ignore", "possible", "numbers that nearly all differ; what they are is not known")
    if column.type in ("time", "web_address", "toid"):
        what = {"time": "times of day", "web_address": "addresses on the internet", "toid": "TOIDs"}[
            column.type
        ]
        return entry.given("ignore", "likely", what, "`text` would keep them")
    if differ and group == "service":
        return entry.given("personal", "possible", "words that nearly all differ may be about somebody")
    return entry.given(
        "ignore", "possible", "words; what they are is not known", "`text` or `category` would keep them"
    )


# --- the columns together --------------------------------------------------------------------------------------------


def _entries(con: duckdb.DuckDBPyConnection, found: Profile, group: Group) -> tuple[list[Entry], list[str]]:
    """The columns of a file, in its order, and what to say of those that no description can name."""
    by_header: dict[str, list[Entry]] = {}
    not_named = []
    for column, written in zip(found.columns, found.extract.written, strict=True):
        key = written.strip()
        if not found.extract.header_row and found.extract.delimiter:
            key = column.header  # the file has none: they are told by position
        if key in (EASTING, NORTHING) and column.type == "empty":
            if key == EASTING:
                not_named.append("the features are no points: their shapes do not serve for placing")
            continue
        if not key:
            filled = f"{_percent(column)} filled" if column.filled else "empty"
            not_named.append(
                f"column {column.position + 1} ({filled}) has no header, so it never enters; if wanted, have it headed"
            )
            continue
        by_header.setdefault(key.casefold(), []).append(_decided(con, found, key, column, group))
    entries = [_one_of(same) for same in by_header.values()]
    entries = _pairs(_once(entries))
    return _named(entries, group), not_named


def _one_of(same: list[Entry]) -> Entry:
    """Columns of one header are one entry, since nothing tells them apart."""
    first = same[0]
    if len(same) == 1:
        return first
    at = ", ".join(str(one.column.position + 1) for one in same)
    because = f"columns {at} have this header, and nothing tells them apart: have them renamed"
    roles = {one.role for one in same}
    role = "address_line" if roles == {"address_line"} else "personal" if "personal" in roles else "ignore"
    return replace(first.given(role, "sure", because), options=(), also=len(same) - 1)


def _once(entries: list[Entry]) -> list[Entry]:
    """Of the roles that one column alone may have, the best has it."""
    made = list(entries)

    def put(entry: Entry, role: str, because: str) -> None:
        made[entries.index(entry)] = replace(entry.given(role, "possible", because), options=())

    ours = [entry for entry in entries if entry.role in ("address_line", "postcode", "uprn")]
    for entry in ours:
        alike = [
            one for one in ours if one.role == entry.role and not re.fullmatch(ELSEWHERE, words(one.key))
        ]
        if alike and entry not in alike:
            put(entry, "personal", "by its header the address of somebody, not of the place")
    entries = list(made)
    for role in SINGLE_ROLES:
        of_role = [entry for entry in entries if entry.role == role]
        best = sorted(of_role, key=lambda one: _rank(one, role))
        for entry in best[1:]:
            if role in ("uprn", "postcode"):
                put(entry, "personal", f"`{best[0].key}` is the {role} already; a second may be somebody's")
            else:
                put(entry, "ignore", f"`{best[0].key}` is the {role.replace('_', ' ')} already")
    return made


def _rank(entry: Entry, role: str) -> tuple[object, ...]:
    column = entry.column
    from_geometry = entry.key not in (EASTING, NORTHING)
    # Of several area codes the finest: it has the most values.
    fine = -column.distinct if role == "area_code" else 0
    return column.type == "empty", from_geometry, fine, ORDER[entry.sureness], -column.filled, column.position


def _pairs(entries: list[Entry]) -> list[Entry]:
    """Coordinates in pairs, and one pair of them: two sets may disagree."""
    roles = {entry.role: entry for entry in entries}
    made = []
    for entry in entries:
        other = PAIRS.get(entry.role)
        if other and other not in roles:
            entry = entry.given("ignore", "likely", f"no column is the {other}")
        elif entry.role in ("longitude", "latitude") and {"easting", "northing"} <= roles.keys():
            entry = entry.given("ignore", "likely", "easting and northing are there")
        made.append(entry)
    return made


def _named(entries: list[Entry], group: Group) -> list[Entry]:
    """The entries with names of their own where the header gives none that can be used."""
    taken = set(FIXED_COLUMNS)
    made = []
    site_named = False
    for entry in entries:
        is_own = entry.role in ("property_reference", "category", "measure", "date", "text")
        name = column_name(entry.key)
        wanted = name
        if not NAME.fullmatch(name) or name.startswith("c_"):
            wanted = f"column_{entry.column.position + 1}" if name in ("c_", "") else name[:60].strip("_")
        if (
            group == "site"
            and not site_named
            and entry.role == "text"
            and entry.because.endswith("name of the site")
        ):
            wanted, site_named = "name", True
        stem, n = wanted, 2
        while is_own and wanted in taken:
            wanted, n = f"{stem[:56]}_{n}", n + 1
        if is_own:
            taken.add(wanted)
        if is_own and (wanted != name or is_pattern(entry.key)):
            entry = replace(entry, options=(("as", wanted), *entry.options))
        made.append(entry)
    return made


# --- the description -------------------------------------------------------------------------------------------------


def propose(
    con: duckdb.DuckDBPyConnection, path: Path, name: str, group: Group = "service", asked: Files | None = None,
    folder: str = "", schema: str = "",
) -> Proposal:  # fmt: skip
    """Read a file and compose its description.

    `asked` says of the file what cannot be found by itself (sheet, row of headers, encoding); `folder` where it is kept
    if not beside the description, `schema` where the JSON schema is, both as the description gives them. The connection
    holds the file in a temporary table afterwards. Raises `FileRefused` where the file cannot be used.
    """
    asked = asked or Files()
    extract = load(con, path, asked)
    found = profile(con, extract)
    entries, not_named = _entries(con, found, group)
    stated = None if date_in_name(path.stem) else _stated(entries)
    event = _event(entries, name, stated) if group == "service" else None
    made = []
    for entry in entries:
        if entry is stated:
            entry = replace(
                entry.given("as_at", "likely", "its header, and one date in every row"), options=entry.options
            )
        elif entry is event:
            entry = replace(
                entry.given("event_date", "possible", f"{entry.because}, and its header", entry.hint),
                options=entry.options,
            )
        made.append(entry)
    entries = _tidied(made)
    head, to_fill_in = _head(path, name, group, found, entries, stated, event)
    lines = [*_comment(path, name, group, schema), *head, *_written(path, asked, extract, folder, entries)]
    missing, exclude = _missing(con, found, entries), _exclude(con, found, entries)
    lines += ["", "columns:", *_columns(entries), *(f"  # {line}" for line in not_named)]
    if not entries:
        lines[lines.index("columns:")] = "columns: {}"
    return Proposal(
        name, group, "\n".join([*lines, *missing, *exclude]) + "\n", tuple(entries), tuple(to_fill_in),
        tuple(not_named), extract.rows_read,
    )  # fmt: skip


def _stated(entries: Sequence[Entry]) -> Entry | None:
    """The column that holds the date of the extract."""
    fit = [one for one in entries if one.role == "date" and one.column.distinct == 1 and not one.column.blank]
    return next((one for one in fit if re.fullmatch(STATED_DATE, words(one.key))), None)


def _event(entries: Sequence[Entry], name: str, stated: Entry | None) -> Entry | None:
    """The column by whose date events are counted, where the file is thought to hold events."""
    dates = [one for one in entries if one.role == "date" and one is not stated and one.column.distinct > 1]
    dates = [one for one in dates if not re.fullmatch(NO_EVENT, words(one.key))]
    by_header = [one for one in dates if re.fullmatch(EVENT_DATE, words(one.key))]
    if re.fullmatch(OF_EVENTS, name):
        return next(iter([*by_header, *dates]), None)
    return None if re.fullmatch(OF_STOCK, name) else next(iter(by_header), None)


def _tidied(entries: list[Entry]) -> list[Entry]:
    """A date that is the same in every row says nothing of the row."""
    return [
        replace(one.given("ignore", "likely", "the same date in every row"), options=())
        if one.role == "date" and one.column.distinct == 1 and one.column.rows > 1
        else one
        for one in entries
    ]


def _comment(path: Path, name: str, group: Group, schema: str) -> list[str]:
    first = [f"# yaml-language-server: $schema={schema}"] if schema else []
    what = "dataset" if group == "service" else "kind of site"
    return [
        *first,
        f"# What {_plain(path.name)} holds, as far as the file tells; a person has to say the rest. Until every",
        f"# {TO_FILL_IN} is filled in, this {what} is left out of every run, and all others go on without it.",
        "# Check each column: what is `personal` or `ignore` never enters. A comment says how sure the guess is, and",
        "# why; 9 stands for a digit and A for a letter. Take a comment away when it is settled.",
        "",
    ]


def _head(
    path: Path, name: str, group: Group, found: Profile, entries: Sequence[Entry], stated: Entry | None,
    event: Entry | None,
) -> tuple[list[str], list[str]]:  # fmt: skip
    plain = name.replace("_", " ")
    personal = sum(one.role == "personal" for one in entries)
    suspected = (
        f"; {personal} column(s) may be personal" if personal else "; no column was suspected to be personal"
    )
    fill = {
        "title": f"what people call it, such as: {plain.capitalize()}",
        "owner": "the service that answers for the data",
        "purpose": "what they were collected for, and what they are used for here",
        "lawful_basis": "such as: Public task (the Act); not needed for open data",
        "uses": "a list of what the purpose covers: [demand], or [demand, overlap, reach]",
        "sensitivity": f"open, personal or special{suspected}",
        "counts": "what one row is, in the singular; where a row is a tally, say `weight` of its column of numbers",
        "keep_months": "for how many months extracts are used; without a limit, take the line away",
    }
    if group == "site":
        fill = {
            key: meaning
            for key, meaning in fill.items()
            if key in ("title", "owner", "sensitivity", "counts")
        }
        fill["sensitivity"] += "; if not open, say also `purpose` and `lawful_basis`"
        fill["counts"] = "what one row is, in the singular, such as: library"
    lines = [_line(f"{key}: {TO_FILL_IN}", meaning) for key, meaning in fill.items()]
    lines += [
        "# licence:                              # of open data",
        "# attribution:                          # of open data",
        "# cadence: monthly                      # how often an extract is promised: the scorecard tells what is late",
        "# due_days: 14                          # within how many days after its date",
    ]
    to_fill_in = list(fill)
    if group == "service" and event is not None:
        lines.append(
            _line(
                "kind: flow",
                f"possible: events, each dated by `{_plain(event.key)}`; else `stock`, as they stand",
            )
        )
        lines.append(_line("period: quarter", "month, quarter or year: by which events are counted"))
    elif group == "service":
        dated = any(one.role == "date" for one in entries)
        other = (
            "if they are events, `flow`, and one date below is the `event_date`"
            if dated
            else "no date of an event found"
        )
        lines.append(_line("kind: stock", f"likely: the records as they stand at a date; {other}"))
    at = date_in_name(path.stem)
    if at is not None:
        lines.append(_line("as_at: file_name", f"sure: the name of this file says {at.isoformat()}"))
    elif stated is not None:
        lines.append(_line(f"as_at: {{column: {_key(stated.key)}}}", "likely: one date in every row"))
    elif event is not None:
        lines.append(
            _line("as_at: file_name", "the file's name has no date that can be read, and a flow needs none")
        )
    else:
        form = "has a date in a form that is not read" if A_DATE.search(path.stem) else "has no date"
        lines.append(
            _line(
                f"as_at: {TO_FILL_IN}",
                f"the file's name {form}: say the date of the extract (2026-09-30); or name files like "
                f"{name}_2026-09-30{path.suffix} and say file_name; or {{column: header}}",
            )
        )
        to_fill_in.append("as_at")
    return lines, to_fill_in


def _written(path: Path, asked: Files, extract: Extract, folder: str, entries: Sequence[Entry]) -> list[str]:
    """How the file is written. What is found by itself in any file is a comment, lest it bind the next one."""
    lines = [""]
    if folder:
        lines.append(_line(f"folder: {_quoted(folder)}", "where the file is"))
    pattern = file_pattern(path)
    dated = (
        "its name, with * for the date"
        if "*" in pattern.replace("[*]", "")
        else "its name; nothing in it looks like a date"
    )
    lines.append(_line(f"files: {_quoted(pattern)}", dated))
    kind = SUFFIXES.get(path.suffix.lower())
    if asked.sheet and kind == "xlsx":
        lines.append(_line(f"sheet: {_scalar(asked.sheet)}", "as you said"))
    if asked.layer and kind == "geopackage":
        lines.append(_line(f"layer: {_scalar(asked.layer)}", "as you said"))
    needs_no_header = not any(entry.role not in ("personal", "ignore") for entry in entries)
    if kind == "csv":
        if extract.delimiter not in ("", ","):
            lines.append(_line(f"delimiter: {_delimiter(extract.delimiter)}", "so the fields are parted"))
        if asked.encoding:
            lines.append(_line(f"encoding: {asked.encoding}", "as you said"))
        elif extract.encoding not in ("utf-8-sig", "utf-8"):
            lines.append(
                f"# encoding: {extract.encoding:<26} # found, as it will be next time; state it only if that goes wrong"
            )
    if asked.header_row:
        lines.append(_line(f"header_row: {asked.header_row}", "as you said"))
    elif kind == "csv" and extract.header_row > 1:
        comment = "" if needs_no_header else "# "
        lines.append(
            _line(f"{comment}header_row: {extract.header_row}", "found by its headers, wherever they stand")
        )
    if not extract.header_row and extract.delimiter:
        headers = ", ".join(_scalar(header) for header in extract.headers)
        lines.append("# The file has no row of headers: name its columns, here and below.")
        lines.append(f"headers: [{headers}]")
    return lines


def _columns(entries: Sequence[Entry]) -> list[str]:
    lines = []
    for entry in entries:
        options = "".join(f", {key}: {value}" for key, value in entry.options)
        value = f"{{is: {entry.role}{options}}}" if options else entry.role
        column = entry.column
        facts = f"{_percent(column)} filled, {column.distinct:,} different" if column.filled else "empty"
        if column.forms and column.type not in ("text", "web_address", "e_mail") and entry.role != "personal":
            facts += f", mostly {_plain(column.forms[0].form)}"
        hint = f"; {entry.hint}" if entry.hint else ""
        sure = entry.sureness
        lines.append(
            _line(f"  {_key(entry.key)}: {value}", f"{sure}: {_plain(entry.because)}; {facts}{hint}")
        )
    return lines


def _missing(con: duckdb.DuckDBPyConnection, found: Profile, entries: Sequence[Entry]) -> list[str]:
    """Further words for "no value", of those that are known to be such, where an identifier or a date should be."""
    told: dict[str, tuple[int, str]] = {}
    for entry in entries:
        if entry.role in (*PLACING, "property_reference", "event_date", "date", "measure"):
            for word, rows in _words_in(con, found.extract, entry, NO_VALUE):
                told.setdefault(word, (rows, entry.key))
    if not told:
        return []
    lines = ["", '# Words that mean "no value", in every column:', "missing:"]
    return lines + [
        _line(f"  - {_scalar(word)}", f"{rows:,} row(s) of `{_plain(header)}`")
        for word, (rows, header) in told.items()
    ]


def _exclude(con: duckdb.DuckDBPyConnection, found: Profile, entries: Sequence[Entry]) -> list[str]:
    """Rows that sum up others, by the words that say so."""
    rules: list[tuple[str, str]] = []
    doubtful: list[tuple[str, str]] = []
    for entry in entries:
        if entry.also or entry.column.type in ("date", "empty"):
            continue
        for word, rows in _words_in(con, found.extract, entry, TOTALS):
            rule = (
                f"{{column: {_key(entry.key)}, equals: {_scalar(word)}, because: a row that sums up others}}"
            )
            few = 50 * rows <= found.extract.rows or rows == 1
            (rules if few else doubtful).append((rule, f"{rows:,} row(s)"))
    if not rules and not doubtful:
        return []
    lines = ["", "# Rows that sum up others would be counted twice:"]
    lines += ["exclude:", *(_line(f"  - {rule}", rows) for rule, rows in rules)] if rules else ["# exclude:"]
    return lines + [_line(f"  # - {rule}", f"{rows}: do these sum up others?") for rule, rows in doubtful]


def _words_in(
    con: duckdb.DuckDBPyConnection, extract: Extract, entry: Entry, known: Sequence[str]
) -> list[tuple[str, int]]:
    """Which of some known words stand alone in a column's cells, and in how many rows."""
    value = extract.column(entry.column.position)
    of = {word.upper(): word for word in known}
    found = con.execute(
        f"SELECT upper({value}), count(*) FROM {quoted(extract.table)} WHERE upper({value}) IN "
        f"({', '.join(text_literal(word) for word in of)}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [(of[word], int(rows)) for word, rows in found]


# --- YAML ------------------------------------------------------------------------------------------------------------

COMMENT_AT = 40
NOT_PLAIN = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def _line(entry: str, comment: str) -> str:
    return f"{entry:<{COMMENT_AT}} # {comment}"


def _scalar(text: str) -> str:
    """A text in YAML, in quotes where it could be read as something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*([ -][A-Za-z0-9_]+)*", text) and len(text) <= 100
    return text if plain and text.lower() not in NOT_PLAIN else _quoted(text)


def _key(header: str) -> str:
    """A header as a key; one that looks like a pattern is given as a pattern that fits it alone."""
    return _scalar(f"/{re.escape(header.casefold())}/" if is_pattern(header) else header)


def _quoted(text: str) -> str:
    def escaped(c: str) -> str:
        if c in '"\\':
            return f"\\{c}"
        return c if c.isprintable() else f"\\U{ord(c):08x}"

    return f'"{"".join(map(escaped, text))}"'


def _plain(text: str) -> str:
    """A text for a comment: on one line, without what no YAML may hold."""
    return "".join(c if c.isprintable() else " " for c in text)


def _delimiter(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else _quoted(delimiter)


def _percent(column: ColumnProfile) -> str:
    """How much of a column is filled; never 100% or 0% where it is not all or none."""
    share = 100 * column.filled / column.rows
    if 0 < share < 1:
        return "under 1%"
    return "over 99%" if 99 < share < 100 else f"{share:.0f}%"
