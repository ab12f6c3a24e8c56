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
    """One kind of damage: how grave it is, what it means in a sentence, who must mend it, and how."""

    severity: Literal["error", "warning", "info"]
    meaning: str
    who_fixes: str
    how_to_fix: str


# What is counted and shown to people is the code and these sentences, never the damaged value.
ISSUES: dict[str, Issue] = {
    "uprn_blank": Issue(
        "info",
        "No UPRN is given; the record is placed by what else it carries.",
        "Service that owns the dataset",
        "Match its addresses to the gazetteer",
    ),
    "uprn_column_blank": Issue(
        "warning",
        "The UPRN column of this extract is blank from top to bottom.",
        "Whoever makes the extract",
        "Was the wrong field taken out of the system? If it holds no UPRNs, leave the column out of the "
        "description",
    ),
    "uprn_not_a_number": Issue(
        "error",
        "The UPRN holds letters or signs (a word such as `Not Known`, another system's code).",
        "Service that owns the dataset",
        "Clear or correct the value",
    ),
    "uprn_pupil_number": Issue(
        "error",
        "The UPRN column holds a unique pupil number (UPN): a letter and twelve digits, and it is of a "
        "child.",
        "Whoever makes the extract",
        "Take the UPRN and not the UPN, and see who has the file that holds it",
    ),
    "uprn_several": Issue(
        "error",
        "The UPRN cell holds several numbers.",
        "Service that owns the dataset",
        "One UPRN a row",
    ),
    "uprn_scientific": Issue(
        "error",
        "The UPRN was turned into scientific notation by a spreadsheet; its last digits are lost.",
        "Whoever makes the extract",
        "Format the column as text before saving",
    ),
    "uprn_rounded": Issue(
        "error",
        "The UPRN ends in six or more zeros: rounded by a spreadsheet, so the property is lost.",
        "Whoever makes the extract",
        "Format the column as text before saving",
    ),
    "uprn_too_long": Issue(
        "error",
        "The UPRN has more than 12 digits.",
        "Service that owns the dataset",
        "Correct the value",
    ),
    "uprn_zero": Issue(
        "warning",
        "The UPRN is zero, which is no UPRN.",
        "Service that owns the dataset",
        "Leave the value empty",
    ),
    "uprn_decimal": Issue(
        "info",
        "The UPRN was written as a decimal (`.0`); read as the whole number.",
        "Whoever makes the extract",
        "Format the column as text",
    ),
    "uprn_padded": Issue(
        "info",
        "The UPRN was padded with zeros in front; read without them.",
        "Nobody",
        "Harmless: a UPRN has up to 12 digits, and padding does not change it",
    ),
    "uprn_column_not_uprns": Issue(
        "error",
        "The column given as UPRN does not hold UPRNs of this area: most of its numbers are well formed, "
        "but hardly any is in the gazetteer, or those that are belong to other postcodes than their "
        "records. None of it was believed, the few that hit a property by chance included.",
        "GIS team",
        "Is it the service's own property reference (`is: property_reference` in the description), "
        "another system's number such as UDPRN or UARN, a column sorted apart from its rows, or a list of"
        " another area?",
    ),
    "uprn_shared": Issue(
        "warning",
        "More records of one extract carry this UPRN than one property can have; it is believed only "
        "where the address says the same.",
        "Service that owns the dataset",
        "Give each record its own UPRN: was a default entered, or one UPRN filled down the column?",
    ),
    "uprn_unknown": Issue(
        "warning",
        "The UPRN is well formed but not in the gazetteer of this authority.",
        "Gazetteer team",
        "Is it new, outside the area, or another system's number?",
    ),
    "uprn_historic": Issue(
        "warning",
        "The UPRN was retired; the record is on its successor, as the gazetteer names it.",
        "Service that owns the dataset",
        "Take over the successor's UPRN",
    ),
    "uprn_historic_no_successor": Issue(
        "warning",
        "The UPRN was retired and the gazetteer names no successor in use; the record is placed by what "
        "else it carries.",
        "Gazetteer team",
        "Name the successor, where there is one",
    ),
    "uprn_rejected": Issue(
        "warning",
        "The gazetteer has rejected this UPRN: it was never a property, or is a duplicate of one.",
        "Service that owns the dataset",
        "Take the UPRN of the property itself from the gazetteer",
    ),
    "uprn_provisional": Issue(
        "info",
        "The UPRN is provisional: planned or being built, as the gazetteer says; the record is on it all "
        "the same.",
        "Gazetteer team",
        "Approve it once it is in use",
    ),
    "uprn_not_addressable": Issue(
        "info",
        "The UPRN is of something without an address (land, a post box, a substation); the record is on "
        "it all the same.",
        "Service that owns the dataset",
        "Right for a field or a park; where somebody lives or works there, take the UPRN of the premises",
    ),
    "uprn_of_building": Issue(
        "info",
        "The UPRN is that of a building with several addresses in it; where the address does not say which, "
        "the record is on the building.",
        "Service that owns the dataset",
        "Take the UPRN of the flat or unit",
    ),
    "uprn_address_clash": Issue(
        "warning",
        "The address of the record is that of another property than the UPRN; the UPRN was believed.",
        "Service that owns the dataset",
        "Is it the UPRN or the address that is wrong?",
    ),
    "uprn_overruled": Issue(
        "warning",
        "Address and postcode of the record both say another property than the UPRN; the address was "
        "believed, two against one.",
        "Service that owns the dataset",
        "Correct the UPRN, or the address and postcode",
    ),
    "usrn_malformed": Issue(
        "warning",
        "The USRN is not a number of up to 8 digits.",
        "Service that owns the dataset",
        "Correct the value",
    ),
    "postcode_blank": Issue("info", "No postcode is given.", "Service that owns the dataset", "Record it"),
    "postcode_partial": Issue(
        "warning",
        "Only the first half of a postcode is given.",
        "Service that owns the dataset",
        "Complete the value",
    ),
    "postcode_malformed": Issue(
        "warning",
        "The postcode is not in the form of a UK postcode.",
        "Service that owns the dataset",
        "Correct the value",
    ),
    "area_code_malformed": Issue(
        "error",
        "The area code is not a GSS code (a letter and eight digits).",
        "Publisher or service that owns the dataset",
        "Give the code as ONS writes it",
    ),
    "area_code_unknown": Issue(
        "error",
        "The area code is not an area of this authority in the vintage in use.",
        "GIS team",
        "Is it another vintage, or another authority?",
    ),
    "coordinates_blank": Issue(
        "info",
        "No coordinates are given.",
        "Service that owns the dataset",
        "Record them where they are known",
    ),
    "coordinates_malformed": Issue(
        "warning", "The coordinates are not numbers.", "Service that owns the dataset", "Correct the values"
    ),
    "coordinates_outside": Issue(
        "error",
        "The coordinates are zero, swapped, or outside Great Britain.",
        "Service that owns the dataset",
        "Correct the values",
    ),
    "date_malformed": Issue(
        "warning",
        "A date is not in the form that the description states, or is one that systems write for none.",
        "GIS team",
        "Correct `format` in the description, or the service its values",
    ),
    "category_unknown": Issue(
        "warning",
        "A category is not among the values that the description lists.",
        "GIS team",
        "Add the value to the description, or the service corrects it",
    ),
    "uprn_outside": Issue(
        "warning",
        "The UPRN lies outside the areas of this authority: the record is on its property, but in none of"
        " the areas.",
        "Service that owns the dataset",
        "Is the UPRN right, or is the record another council's?",
    ),
    "uprn_unchecked": Issue(
        "info",
        "The UPRN is well formed, but the authority folder holds no gazetteer or OS Open UPRN to check it"
        " against.",
        "GIS team",
        "Add OS Open UPRN to the authority's sources",
    ),
    "cross_reference_unknown": Issue(
        "warning",
        "The service's own property reference is not in the gazetteer's cross-references.",
        "Gazetteer team",
        "Add the reference to the cross-references (record type 23)",
    ),
    "cross_reference_ambiguous": Issue(
        "warning",
        "The service's own property reference belongs to several properties in the gazetteer's cross-"
        "references, so it places nothing.",
        "Gazetteer team",
        "End the cross-references that no longer hold",
    ),
    "address_building": Issue(
        "info",
        "The building of the address was found, but not the flat or unit in it; the record is on the "
        "building.",
        "Service that owns the dataset",
        "Complete the flat or unit, or give its UPRN",
    ),
    "address_review": Issue(
        "warning",
        "The address may be that of several properties, or is near one that it may not be: nothing was "
        "placed by it.",
        "Gazetteer team",
        "Settle it in the review queue (`places review`)",
    ),
    "address_none": Issue(
        "info",
        "The address is not one that the gazetteer knows.",
        "Service that owns the dataset",
        "Correct the address, or have the gazetteer team add the property",
    ),
    "uprn_postcode_clash": Issue(
        "warning",
        "The gazetteer gives this UPRN another postcode than the record; the UPRN was believed.",
        "Service that owns the dataset",
        "Is it the UPRN or the postcode that is wrong?",
    ),
    "postcode_unknown": Issue(
        "warning",
        "No place: the postcode is not one that the authority's sources know.",
        "GIS team",
        "Is it outside the area, new, or closed?",
    ),
    "coordinates_elsewhere": Issue(
        "warning",
        "No place: the coordinates lie outside the authority.",
        "Service that owns the dataset",
        "Correct the values, or accept that it is elsewhere",
    ),
    "address_unknown": Issue(
        "warning",
        "No place: the gazetteer knows no one property by this address, and the record carries nothing else.",
        "Service that owns the dataset",
        "Match its addresses to the gazetteer, or record a postcode",
    ),
    "no_location": Issue(
        "warning",
        "No place: the record carries nothing that could place it.",
        "Service that owns the dataset",
        "Record an address or UPRN",
    ),
    "address_shared": Issue(
        "info",
        "The record is on an address that many people may share (care home, hostel, house in multiple "
        "occupation).",
        "Nobody",
        "To be known when households are counted",
    ),
    "excluded": Issue(
        "info",
        "Row left out by a rule of the dataset's description (a total row, another level of geography).",
        "Nobody",
        "As intended",
    ),
    "past_retention": Issue(
        "info",
        "Row older than the months for which the dataset is kept (`keep_months`): it is not used any longer.",
        "Service that owns the dataset",
        "Leave it out of the extracts",
    ),
    "forgotten": Issue(
        "info",
        "Row of a person who was forgotten by `places forget`.",
        "Service that owns the dataset",
        "Leave it out of the extracts",
    ),
    "date_after_extract": Issue(
        "error",
        "An event is dated after the extract that tells of it, so its date cannot be right: the row is left out.",
        "Service that owns the dataset",
        "Correct the date; where the events are planned ones, describe their date as `date`",
    ),
    "after_as_at": Issue(
        "info",
        "Row of a later day than the one up to which everything was made again.",
        "Nobody",
        "As intended",
    ),
    "superseded": Issue(
        "info",
        "A later extract, or a later row of the same one, has the record again: that one counts.",
        "Nobody",
        "As intended",
    ),
    "change_delete": Issue("info", "Row of a change file that takes a record away.", "Nobody", "As intended"),
    "change_unknown": Issue(
        "warning",
        "Row of a change file that cannot be applied as it says: its word for what it does is not known, or there is "
        "no such record.",
        "Whoever makes the extract",
        "Ask whether a change file is missing; list the word under the column that is the `change`",
    ),
    "total_row": Issue(
        "info",
        "Row of totals below or among the records: it is none itself, and is left out.",
        "Whoever makes the extract",
        "Leave totals out of the extract",
    ),
    "note_row": Issue(
        "info",
        "Row with text in its first column alone, below the records: a note, left out.",
        "Whoever makes the extract",
        "Leave notes out of the extract",
    ),
    "withheld": Issue(
        "info",
        "The publisher gives no number (suppressed): figures that use the dataset are at least what they "
        "say.",
        "Nobody",
        "Withheld on purpose",
    ),
    "duplicate": Issue(
        "error",
        "An earlier row has the same reference in the same extract; the first was kept.",
        "Whoever makes the extract",
        "One row a reference",
    ),
    "required": Issue(
        "error",
        "A value that every row must have is missing or malformed.",
        "Whoever makes the extract",
        "Complete the value",
    ),
    "wrong_width": Issue(
        "error",
        "The row has more or fewer fields than the header.",
        "Whoever makes the extract",
        "Quote fields that hold the delimiter",
    ),
    "stray_quote": Issue(
        "error",
        "The row has a quotation mark in the wrong place, so where its fields end is not certain.",
        "Whoever makes the extract",
        "Double every quotation mark inside a field",
    ),
    "blank_row": Issue("info", "A blank row between others.", "Nobody", "Harmless"),
    "number_malformed": Issue(
        "warning", "A number cannot be read.", "Service that owns the dataset", "Correct the value"
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
    bare = f"trim({text}, '{SPACES}')"
    # Not `IN (...)`, for which DuckDB plans half a minute where three hundred columns are asked so.
    words = [word.strip().upper().replace("'", "''") for word in (*MISSING, *also)]
    is_word = " OR ".join(f"upper({bare}) = '{word}'" for word in words)
    return f"CASE WHEN {is_word} THEN NULL ELSE {bare} END"


def read_uprn(text: str) -> Reading:
    """A UPRN: 1 to 12 digits, padded or not, as BIGINT. Form as OS publishes it (Integer, size 12, no check digit).

    A trailing `.0` is taken off (exact up to 12 digits); scientific notation and six or more trailing zeros are
    losses that nothing can mend, so there is no value. A unique pupil number (a letter, eleven digits, a digit or
    letter: Department for Education, "Unique pupil numbers") is told from other words, since it is of a child.
    """
    bare = f"regexp_replace({text}, '[{SPACES}]', '', 'g')"
    digits = f"ltrim(regexp_replace({bare}, '\\.0*$', ''), '0')"
    # Nearly all are so; the rest need a closer look, which takes its time.
    plain = f"regexp_full_match({text}, '[1-9][0-9]{{0,11}}') AND NOT suffix({text}, '000000')"
    pupil = "[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]"
    return Reading(
        value=(
            f"CASE WHEN {plain} THEN TRY_CAST({text} AS BIGINT) "
            f"WHEN regexp_full_match({bare}, '[0-9]+(\\.0*)?') AND length({digits}) BETWEEN 1 AND 12 "
            f"AND NOT suffix({digits}, '000000') THEN TRY_CAST({digits} AS BIGINT) END"
        ),
        issue=(
            f"CASE WHEN {text} IS NULL THEN 'uprn_blank' WHEN {plain} THEN NULL "
            f"WHEN regexp_full_match(upper({bare}), '[0-9]+(\\.[0-9]*)?E\\+?[0-9]+') THEN 'uprn_scientific' "
            f"WHEN regexp_full_match(upper({bare}), '{pupil}') THEN 'uprn_pupil_number' "
            f"WHEN regexp_full_match({bare}, '[0-9]+([/;,|&]+[0-9]+)+') THEN 'uprn_several' "
            f"WHEN NOT regexp_full_match({bare}, '[0-9]+(\\.0*)?') THEN 'uprn_not_a_number' "
            f"WHEN length({digits}) = 0 THEN 'uprn_zero' "
            f"WHEN length({digits}) > 12 THEN 'uprn_too_long' "
            f"WHEN suffix({digits}, '000000') THEN 'uprn_rounded' "
            f"WHEN contains({bare}, '.') THEN 'uprn_decimal' "
            f"WHEN prefix({bare}, '0') THEN 'uprn_padded' END"
        ),
    )


def form_of(text: str) -> str:
    """SQL: the form of a text, each digit as 9 and each letter as A, cut off after 20 characters: `9.99999E+99`.

    What such a form shows is how a value was damaged, not which it is. Of columns of identifiers only: the form of a
    name or of an address may still tell whose it is.
    """
    shown = f"regexp_replace(regexp_replace({text}, '[0-9]', '9', 'g'), '\\p{{L}}', 'A', 'g')"
    # An exponent, as a spreadsheet writes it.
    shown = f"regexp_replace({shown}, '^(9[.]9*)A([+]?9{{1,3}})$', '\\1E\\2')"
    return f"CASE WHEN length({text}) > 20 THEN left({shown}, 20) || '...' ELSE {shown} END"


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


def read_count(text: str) -> Reading:
    """A whole number (BIGINT), 0 or more; else as `read_number`."""
    value = f"CASE WHEN NOT {is_negative(text)} THEN {read_number(text, 'BIGINT').value} END"
    return Reading(
        value=value, issue=f"CASE WHEN {text} IS NOT NULL AND ({value}) IS NULL THEN 'number_malformed' END"
    )


def is_negative(text: str) -> str:
    """SQL: whether a text is a whole number below 0."""
    return f"coalesce(({read_number(text, 'BIGINT').value}) < 0, false)"


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
