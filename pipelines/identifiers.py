"""Reading the field's identifiers: UPRN, USRN, GSS area code, postcode, coordinates; and saying what is wrong with one.

Each reading is a pair of SQL expressions over a text column (the value, the issue), so that one rule serves a file of
ten rows and one of forty million. Here belong the rules and the register of issues (`ISSUES`), with who must mend each.
Whether a well-formed identifier is *known* to the gazetteer is a question for `place`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MISSING = ("", "NULL", "NA", "N/A", "-", "[UNKNOWN]", "NONE", "#N/A")


@dataclass(frozen=True)
class Issue:
    """One kind of damage: how grave, what it means, who must mend it and how."""

    severity: Literal["error", "warning", "info"]
    meaning: str
    who_fixes: str


# What is counted and shown to people is the code and these sentences, never the damaged value.
ISSUES: dict[str, Issue] = {
    "uprn_blank": Issue(
        "info",
        "No UPRN is given; the record is placed by what else it carries.",
        "Service that owns the dataset: match its addresses to the gazetteer",
    ),
    "uprn_not_a_number": Issue(
        "error",
        "The UPRN holds letters or signs (a word such as `Not Known`, another system's code).",
        "Service that owns the dataset: clear or correct the value",
    ),
    "uprn_scientific": Issue(
        "error",
        "The UPRN was turned into scientific notation by a spreadsheet; its last digits are lost.",
        "Whoever makes the extract: format the column as text before saving",
    ),
    "uprn_rounded": Issue(
        "error",
        "The UPRN ends in six or more zeros: rounded by a spreadsheet, so the property is lost.",
        "Whoever makes the extract: format the column as text before saving",
    ),
    "uprn_too_long": Issue(
        "error", "The UPRN has more than 12 digits.", "Service that owns the dataset: correct the value"
    ),
    "uprn_zero": Issue(
        "warning",
        "The UPRN is zero, which is no UPRN.",
        "Service that owns the dataset: leave the value empty",
    ),
    "uprn_decimal": Issue(
        "info",
        "The UPRN was written as a decimal (`.0`); read as the whole number.",
        "Whoever makes the extract: format the column as text",
    ),
    "uprn_unknown": Issue(
        "warning",
        "The UPRN is well formed but not in the gazetteer of this authority.",
        "Gazetteer team: is it new, outside the area, or another system's number?",
    ),
    "uprn_historic": Issue(
        "warning",
        "The UPRN was retired; the record is put on its successor where the gazetteer names one.",
        "Service that owns the dataset: take over the successor's UPRN",
    ),
    "usrn_malformed": Issue(
        "warning",
        "The USRN is not a number of up to 8 digits.",
        "Service that owns the dataset: correct the value",
    ),
    "postcode_blank": Issue("info", "No postcode is given.", "Service that owns the dataset"),
    "postcode_partial": Issue(
        "warning",
        "Only the first half of a postcode is given.",
        "Service that owns the dataset: complete the value",
    ),
    "postcode_malformed": Issue(
        "warning",
        "The postcode is not in the form of a UK postcode.",
        "Service that owns the dataset: correct the value",
    ),
    "area_code_malformed": Issue(
        "error",
        "The area code is not a GSS code (a letter and eight digits).",
        "Publisher or service that owns the dataset",
    ),
    "area_code_unknown": Issue(
        "error",
        "The area code is not an area of this authority in the vintage in use.",
        "GIS team: is it another vintage, or another authority?",
    ),
    "coordinates_blank": Issue("info", "No coordinates are given.", "Service that owns the dataset"),
    "coordinates_malformed": Issue(
        "warning", "The coordinates are not numbers.", "Service that owns the dataset: correct the values"
    ),
    "coordinates_outside": Issue(
        "error",
        "The coordinates are zero, swapped, or outside Great Britain.",
        "Service that owns the dataset: correct the values",
    ),
    "date_malformed": Issue(
        "warning",
        "A date is not in the form that the description states, or is one that systems write for none.",
        "GIS team: correct `format` in the description, or the service its values",
    ),
    "category_unknown": Issue(
        "warning",
        "A category is not among the values that the description lists.",
        "GIS team: add the value to the description, or the service corrects it",
    ),
    "uprn_outside": Issue(
        "warning",
        "The UPRN lies outside the areas of this authority: the record is on its property, but in none of the areas.",
        "Service that owns the dataset: is the UPRN right, or is the record another council's?",
    ),
    "uprn_unchecked": Issue(
        "info",
        "The UPRN is well formed, but the authority folder holds no gazetteer or OS Open UPRN to check it against.",
        "GIS team: add OS Open UPRN to the authority's sources",
    ),
    "uprn_postcode_clash": Issue(
        "warning",
        "The gazetteer gives this UPRN another postcode than the record; the UPRN was believed.",
        "Service that owns the dataset: is it the UPRN or the postcode that is wrong?",
    ),
    "postcode_unknown": Issue(
        "warning",
        "No place: the postcode is not one that the authority's sources know.",
        "GIS team: is it outside the area, new, or closed?",
    ),
    "coordinates_elsewhere": Issue(
        "warning",
        "No place: the coordinates lie outside the authority.",
        "Service that owns the dataset: correct the values, or accept that it is elsewhere",
    ),
    "address_unknown": Issue(
        "warning",
        "No place: the address is not one that the gazetteer knows, and the record carries nothing else.",
        "Service that owns the dataset: match its addresses to the gazetteer, or record a postcode",
    ),
    "no_location": Issue(
        "warning",
        "No place: the record carries nothing that could place it.",
        "Service that owns the dataset: record an address or UPRN",
    ),
    "address_shared": Issue(
        "info",
        "The record is on an address that many people may share (care home, hostel, house in multiple occupation).",
        "Nobody: to be known when households are counted",
    ),
    "excluded": Issue(
        "info",
        "Row left out by a rule of the dataset's description (a total row, another level of geography).",
        "Nobody: as intended",
    ),
    "past_retention": Issue(
        "info",
        "Row older than the months for which the dataset is kept (`keep_months`): it is not used any longer.",
        "Service that owns the dataset: leave it out of the extracts",
    ),
    "forgotten": Issue(
        "info",
        "Row of a person who was forgotten by `places forget`.",
        "Service that owns the dataset: leave it out of the extracts",
    ),
    "withheld": Issue(
        "info",
        "The publisher gives no number (suppressed): figures that use the dataset are at least what they say.",
        "Nobody: withheld on purpose",
    ),
    "duplicate": Issue(
        "error",
        "An earlier row has the same reference in the same extract; the first was kept.",
        "Whoever makes the extract: one row a reference",
    ),
    "required": Issue(
        "error",
        "A value that every row must have is missing or malformed.",
        "Whoever makes the extract: complete the value",
    ),
    "wrong_width": Issue(
        "error",
        "The row has more or fewer fields than the header.",
        "Whoever makes the extract: quote fields that hold the delimiter",
    ),
    "stray_quote": Issue(
        "error",
        "The row has a quotation mark in the wrong place, so where its fields end is not certain.",
        "Whoever makes the extract: double every quotation mark inside a field",
    ),
    "blank_row": Issue("info", "A blank row between others.", "Nobody: harmless"),
    "number_malformed": Issue(
        "warning", "A number cannot be read.", "Service that owns the dataset: correct the value"
    ),
}


@dataclass(frozen=True)
class Reading:
    """SQL for reading one text column: the typed value (NULL where unusable) and the issue's code (NULL where fine)."""

    value: str
    issue: str


# What counts as space round a value and inside an identifier: also the hard space that web pages and Word leave behind.
SPACES = " \t\r\n\u00a0"


def missing_as_null(text: str, also: tuple[str, ...] = ()) -> str:
    """SQL: the text without spaces round it, NULL where it is one of the ways of writing "no value"."""
    words = ", ".join("'" + word.strip().upper().replace("'", "''") + "'" for word in (*MISSING, *also))
    bare = f"trim({text}, '{SPACES}')"
    return f"CASE WHEN upper({bare}) IN ({words}) THEN NULL ELSE {bare} END"


def read_uprn(text: str) -> Reading:
    """A UPRN: 1 to 12 digits, padded or not, as BIGINT. Form as OS publishes it (Integer, size 12, no check digit).

    A trailing `.0` is taken off (exact up to 12 digits); scientific notation and six or more trailing zeros are
    losses that nothing can mend, so there is no value.
    """
    bare = f"regexp_replace({text}, '[{SPACES}]', '', 'g')"
    digits = f"ltrim(regexp_replace({bare}, '\\.0*$', ''), '0')"
    # Nearly all are so; the rest need a closer look, which takes its time.
    plain = f"regexp_full_match({text}, '[1-9][0-9]{{0,11}}') AND NOT suffix({text}, '000000')"
    return Reading(
        value=(
            f"CASE WHEN {plain} THEN TRY_CAST({text} AS BIGINT) "
            f"WHEN regexp_full_match({bare}, '[0-9]+(\\.0*)?') AND length({digits}) BETWEEN 1 AND 12 "
            f"AND NOT suffix({digits}, '000000') THEN TRY_CAST({digits} AS BIGINT) END"
        ),
        issue=(
            f"CASE WHEN {text} IS NULL THEN 'uprn_blank' WHEN {plain} THEN NULL "
            f"WHEN regexp_full_match(upper({bare}), '[0-9]+(\\.[0-9]*)?E\\+?[0-9]+') THEN 'uprn_scientific' "
            f"WHEN NOT regexp_full_match({bare}, '[0-9]+(\\.0*)?') THEN 'uprn_not_a_number' "
            f"WHEN length({digits}) = 0 THEN 'uprn_zero' "
            f"WHEN length({digits}) > 12 THEN 'uprn_too_long' "
            f"WHEN suffix({digits}, '000000') THEN 'uprn_rounded' "
            f"WHEN contains({bare}, '.') THEN 'uprn_decimal' END"
        ),
    )


def read_usrn(text: str) -> Reading:
    """A USRN: up to 8 digits, as BIGINT."""
    digits = f"ltrim({text}, '0')"
    fits = f"regexp_full_match({text}, '[0-9]+') AND length({digits}) BETWEEN 1 AND 8"
    return Reading(
        value=f"CASE WHEN {fits} THEN TRY_CAST({digits} AS BIGINT) END",
        issue=f"CASE WHEN {text} IS NOT NULL AND NOT ({fits}) THEN 'usrn_malformed' END",
    )


def read_postcode(text: str) -> Reading:
    """A postcode in the form of ONS's PCDS: upper case, one space before the last three characters.

    Spaces and punctuation in it do not count; a letter that no postcode has makes it malformed.
    """
    bare = f"regexp_replace(upper({text}), '[[:punct:]{SPACES}]', '', 'g')"
    whole = f"regexp_full_match({bare}, '[A-Z]{{1,2}}[0-9][A-Z0-9]?[0-9][A-Z]{{2}}')"
    return Reading(
        value=f"CASE WHEN {whole} THEN left({bare}, -3) || ' ' || right({bare}, 3) END",
        issue=(
            f"CASE WHEN {text} IS NULL THEN 'postcode_blank' WHEN {whole} THEN NULL "
            f"WHEN regexp_full_match({bare}, '[A-Z]{{1,2}}[0-9][A-Z0-9]?[0-9]?') THEN 'postcode_partial' "
            f"ELSE 'postcode_malformed' END"
        ),
    )


def postcode_within(address: str) -> str:
    """SQL: the last whole postcode inside an address text, in PCDS form; NULL where there is none."""
    # `UNIT B2 1ST FLOOR` and `FLAT B1 2ND AVENUE` hold none.
    bare = f"regexp_replace(upper({address}), '[0-9](ST|ND|RD|TH)\\s+([A-Z])', '\\2', 'g')"
    found = f"regexp_extract({bare}, '^.*\\b([A-Z]{{1,2}}[0-9][A-Z0-9]?\\s*[0-9][A-Z]{{2}})\\b', 1)"
    return read_postcode(f"nullif({found}, '')").value


def read_area_code(text: str) -> Reading:
    """A GSS code: one letter and eight digits."""
    bare = f"upper({text})"
    fits = f"regexp_full_match({bare}, '[A-Z][0-9]{{8}}')"
    return Reading(
        value=f"CASE WHEN {fits} THEN {bare} END",
        issue=f"CASE WHEN {text} IS NOT NULL AND NOT {fits} THEN 'area_code_malformed' END",
    )


def read_coordinate(easting: str, northing: str) -> tuple[str, str, str]:
    """Easting and northing (EPSG:27700, metres) as DECIMAL(10,2), and one issue for the pair.

    Outside means not within the British National Grid's 0 to 700,000 by 0 to 1,300,000 metres, or at its origin.
    Scientific notation has lost its last digits and is malformed.
    """
    e, n = (_number(text, "-?[0-9]+(\\.[0-9]*)?", "DECIMAL(18, 2)") for text in (easting, northing))
    inside = f"{e} BETWEEN 1 AND 700000 AND {n} BETWEEN 1 AND 1300000"
    issue = (
        f"CASE WHEN {easting} IS NULL AND {northing} IS NULL THEN 'coordinates_blank' "
        f"WHEN {e} IS NULL OR {n} IS NULL THEN 'coordinates_malformed' "
        f"WHEN NOT ({inside}) THEN 'coordinates_outside' END"
    )
    return f"CASE WHEN {inside} THEN {e} END", f"CASE WHEN {inside} THEN {n} END", issue


NO_DATES = ("1899-12-30", "1899-12-31", "1900-01-01")
ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def date_formats(format: str = "") -> tuple[str, ...]:
    """The forms in which a date is tried: the one stated and ISO, or without one ISO and day/month/year.

    ISO is tried beside the stated form because a spreadsheet or Parquet file gives true dates, which come as ISO.
    """
    if not format:
        return (*ISO_FORMATS, "%d/%m/%Y")
    return (format,) if format.startswith("%Y") else (format, *ISO_FORMATS)


def read_date(text: str, format: str = "") -> Reading:
    """A date (a time of day is dropped). Without a format: ISO, else day/month/year; never month/day/year by guess.

    A year of two digits is read only by a format that says `%y`; else it would be a year of the Roman Empire. The days
    that systems write for none (the first of a spreadsheet, the last of a calendar) are no dates: as a period of demand
    one of them would be the first or the latest.
    """
    tries = ", ".join("'" + part.replace("'", "''") + "'" for part in date_formats(format))
    parsed = f"CAST(try_strptime({text}, [{tries}]) AS DATE)"
    none = ", ".join(f"DATE '{day}'" for day in NO_DATES)
    possible = f"{parsed} BETWEEN DATE '1000-01-01' AND DATE '2199-12-31' AND {parsed} NOT IN ({none})"
    value = f"CASE WHEN {possible} THEN {parsed} END"
    return Reading(
        value=value, issue=f"CASE WHEN {text} IS NOT NULL AND ({value}) IS NULL THEN 'date_malformed' END"
    )


GROUPED = "[-+]?[0-9]{1,3}(,[0-9]{3})+(\\.[0-9]*)?"
WHOLE_NUMBER = "[-+]?[0-9]+(\\.0*)?"
DECIMAL_NUMBER = "[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(E[-+]?[0-9]+)?"


def read_number(text: str, type_: str) -> Reading:
    """A number of an SQL type; commas between thousands and a pound sign are taken off.

    A whole number (BIGINT) has no fraction but `.0` and no exponent: neither is rounded away. A comma that does not
    part thousands may be a decimal comma, so there is no value.
    """
    form = WHOLE_NUMBER if type_ == "BIGINT" else DECIMAL_NUMBER
    value = _number(text, form, type_)
    return Reading(
        value=value, issue=f"CASE WHEN {text} IS NOT NULL AND ({value}) IS NULL THEN 'number_malformed' END"
    )


def _number(text: str, form: str, type_: str) -> str:
    bare = f"upper(replace({text}, '£', ''))"
    ungrouped = f"CASE WHEN regexp_full_match({bare}, '{GROUPED}') THEN replace({bare}, ',', '') END"
    plain = f"CASE WHEN contains({bare}, ',') THEN {ungrouped} ELSE {bare} END"
    whole = f"regexp_replace({plain}, '\\.0*$', '')" if type_ == "BIGINT" else plain
    simple = "-?[0-9]+" if type_ == "BIGINT" else "-?[0-9]+(\\.[0-9]+)?"  # as nearly all are
    return (
        f"CASE WHEN regexp_full_match({text}, '{simple}') THEN TRY_CAST({text} AS {type_}) "
        f"WHEN regexp_full_match({plain}, '{form}') THEN TRY_CAST({whole} AS {type_}) END"
    )
