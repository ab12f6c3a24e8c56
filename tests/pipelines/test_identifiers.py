"""Reading identifiers, numbers and dates as they come: what is kept of each, and what is said to be wrong with it."""

from __future__ import annotations

import datetime
from decimal import Decimal

import duckdb
import pytest

from pipelines import identifiers
from pipelines.identifiers import ISSUES, Reading

Cases = dict[str | None, tuple[object, str | None]]


def read(reading: Reading, *texts: str | None) -> list[tuple[object, str | None]]:
    """What a reading makes of texts, in their order; missing values are found as in the ingest."""
    with duckdb.connect() as con:
        con.execute("CREATE TABLE given (n INTEGER, raw VARCHAR)")
        con.executemany("INSERT INTO given VALUES (?, ?)", list(enumerate(texts)))
        present = identifiers.missing_as_null("raw")
        return con.execute(
            f"SELECT {reading.value}, {reading.issue} FROM (SELECT n, {present} AS t FROM given) ORDER BY n"
        ).fetchall()


UPRN_CASES: Cases = {
    None: (None, "uprn_blank"),
    "": (None, "uprn_blank"),
    "  \t": (None, "uprn_blank"),
    "\u00a0": (None, "uprn_blank"),
    "NULL": (None, "uprn_blank"),
    "n/a": (None, "uprn_blank"),
    "-": (None, "uprn_blank"),
    "[Unknown]": (None, "uprn_blank"),
    "0": (None, "uprn_zero"),
    "000000000000": (None, "uprn_zero"),
    "0.0": (None, "uprn_zero"),
    "1": (1, None),
    "199356": (199356, None),
    "000000199356": (199356, "uprn_padded"),
    "0000100023336956": (100023336956, "uprn_padded"),
    "010033542077": (10033542077, "uprn_padded"),
    "010033542077.0": (10033542077, "uprn_decimal"),
    "72035240": (72035240, None),  # Leeds Civic Hall: a UPRN need not have twelve digits
    "999999999999": (999999999999, None),
    " 100023336956 ": (100023336956, None),
    "100 023 336 956": (100023336956, None),
    "100\u00a0023\u00a0336\u00a0956": (100023336956, None),
    "100023336956.0": (100023336956, "uprn_decimal"),
    "100023336956.00": (100023336956, "uprn_decimal"),
    "100023336956.": (100023336956, "uprn_decimal"),
    "100023336956.5": (None, "uprn_not_a_number"),
    "1.00023E+11": (None, "uprn_scientific"),
    "1.00023e11": (None, "uprn_scientific"),
    "1E+11": (None, "uprn_scientific"),
    "100023000000": (None, "uprn_rounded"),
    "100023000000.0": (None, "uprn_rounded"),
    "1000000": (None, "uprn_rounded"),
    "10002300000": (10002300000, None),  # five noughts may be chance
    "1000233369560": (None, "uprn_too_long"),
    "10002333695612345": (None, "uprn_too_long"),
    "9" * 400: (None, "uprn_too_long"),
    "Not Known": (None, "uprn_not_a_number"),
    "S101210": (None, "uprn_not_a_number"),
    "0922SO1": (None, "uprn_not_a_number"),
    "mobile": (None, "uprn_not_a_number"),
    "-100023336956": (None, "uprn_not_a_number"),
    "+100023336956": (None, "uprn_not_a_number"),
    "100023336956,": (None, "uprn_not_a_number"),
    "'100023336956": (None, "uprn_not_a_number"),
    '="100023336956"': (None, "uprn_not_a_number"),
    "100023336956 / 100023336957": (None, "uprn_several"),
    "100023336956;100023336957;": (None, "uprn_not_a_number"),
    "H801200001001": (None, "uprn_pupil_number"),
    "h80120000100a": (None, "uprn_pupil_number"),  # a temporary one
    "I801200001001": (None, "uprn_not_a_number"),  # no check letter
    "H80120000100": (None, "uprn_not_a_number"),
    "\uff11\uff12\uff13": (None, "uprn_not_a_number"),  # wide digits
    ".0": (None, "uprn_not_a_number"),
    "0x10": (None, "uprn_not_a_number"),
    "E11": (None, "uprn_not_a_number"),
}


def test_uprn() -> None:
    assert dict(zip(UPRN_CASES, read(identifiers.read_uprn("t"), *UPRN_CASES), strict=True)) == UPRN_CASES


USRN_CASES: Cases = {
    "20602512": (20602512, None),
    "00020602512": (20602512, None),
    "206025123": (None, "usrn_malformed"),
    "0": (None, "usrn_malformed"),
    "road": (None, "usrn_malformed"),
    "": (None, None),
}


def test_usrn() -> None:
    assert dict(zip(USRN_CASES, read(identifiers.read_usrn("t"), *USRN_CASES), strict=True)) == USRN_CASES


POSTCODE_CASES: Cases = {
    "BA2 4BA": ("BA2 4BA", None),
    "BA2  4BA": ("BA2 4BA", None),
    "BA24BA": ("BA2 4BA", None),
    "ba2 4ba": ("BA2 4BA", None),
    " BA2 4BA ": ("BA2 4BA", None),
    "BA2\u00a04BA": ("BA2 4BA", None),
    "BA2-4BA.": ("BA2 4BA", None),
    "RG404HR": ("RG40 4HR", None),
    "W1A1AA": ("W1A 1AA", None),
    "EC1A 1BB": ("EC1A 1BB", None),
    "M1 1AE": ("M1 1AE", None),
    "BA3 ": (None, "postcode_partial"),
    "BA3": (None, "postcode_partial"),
    "BA2 4": (None, "postcode_partial"),
    "W1A": (None, "postcode_partial"),
    "": (None, "postcode_blank"),
    "BA2 4B": (None, "postcode_malformed"),
    "B\u00c12 4BA": (None, "postcode_malformed"),  # an accent is not to be dropped: B2 4BA is in another city
    "BA2 4BAX": (None, "postcode_malformed"),
    "2BA 4BA": (None, "postcode_malformed"),
    "Bath": (None, "postcode_malformed"),
}


def test_postcode() -> None:
    reading = identifiers.read_postcode("t")
    assert dict(zip(POSTCODE_CASES, read(reading, *POSTCODE_CASES), strict=True)) == POSTCODE_CASES


@pytest.mark.parametrize(
    ("address", "postcode"),
    [
        ("1 High Street, Bath, BA2 4BA", "BA2 4BA"),
        ("1 High Street, Bath BA24BA", "BA2 4BA"),
        ("BA1 1AA, moved to BA2 4BA", "BA2 4BA"),
        ("1 High Street, Bath", None),
        ("1 High Street, BA2", None),
        ("Unit B2 1st Floor, High Street", None),
        ("Unit B2 1st Floor, High Street, BA2 4BA", "BA2 4BA"),
        ("Flat E1 4th flr, 5 Mill Lane", None),
        ("Flat B1 2nd Avenue", None),
        ("5 Mill Lane, BA2 4TH", "BA2 4TH"),
    ],
)
def test_postcode_within_an_address(address: str, postcode: str | None) -> None:
    with duckdb.connect() as con:
        found = con.execute(f"SELECT {identifiers.postcode_within('a')} FROM (SELECT ? AS a)", [address])
        assert found.fetchall() == [(postcode,)]


GSS_CASES: Cases = {
    "E01014370": ("E01014370", None),
    " e01014370": ("E01014370", None),
    "W06000015": ("W06000015", None),
    "E0101437": (None, "area_code_malformed"),
    "E010143701": (None, "area_code_malformed"),
    "Total": (None, "area_code_malformed"),
    "00HA": (None, "area_code_malformed"),
    "": (None, None),
}


def test_area_code() -> None:
    reading = identifiers.read_area_code("t")
    assert dict(zip(GSS_CASES, read(reading, *GSS_CASES), strict=True)) == GSS_CASES


@pytest.mark.parametrize(
    ("easting", "northing", "wanted"),
    [
        ("375000", "165000", (Decimal(375000), Decimal(165000), None)),
        ("375,000.25", "165,000", (Decimal("375000.25"), Decimal(165000), None)),
        ("375000.129", "165000.", (Decimal("375000.13"), Decimal(165000), None)),
        ("", "", (None, None, "coordinates_blank")),
        ("375000", "", (None, None, "coordinates_malformed")),
        ("ST750650", "165000", (None, None, "coordinates_malformed")),
        ("3.75E+05", "165000", (None, None, "coordinates_malformed")),
        ("375000,5", "165000", (None, None, "coordinates_malformed")),
        ("0", "0", (None, None, "coordinates_outside")),
        ("375000", "0", (None, None, "coordinates_outside")),
        ("165000", "975000", (Decimal(165000), Decimal(975000), None)),
        ("975000", "165000", (None, None, "coordinates_outside")),  # north and east swapped, north of Perth
        ("-375000", "165000", (None, None, "coordinates_outside")),
        ("-2.36", "51.38", (None, None, "coordinates_outside")),  # degrees in the columns for metres
        ("99999999999", "165000", (None, None, "coordinates_outside")),
        ("1e400", "NaN", (None, None, "coordinates_malformed")),
    ],
)
def test_coordinates(easting: str, northing: str, wanted: tuple[object, ...]) -> None:
    e, n, issue = identifiers.read_coordinate("e", "n")
    present = ", ".join(f"{identifiers.missing_as_null(name)} AS {name}" for name in ("e", "n"))
    with duckdb.connect() as con:
        given = f"SELECT {present} FROM (SELECT ? AS e, ? AS n)"
        assert con.execute(f"SELECT {e}, {n}, {issue} FROM ({given})", [easting, northing]).fetchall() == [
            wanted
        ]


WHOLE, FRACTION = "BIGINT", "DECIMAL(18, 4)"


@pytest.mark.parametrize(
    ("text", "whole", "fraction"),
    [
        ("12", 12, "12"),
        (" 12 ", 12, "12"),
        ("-5", -5, "-5"),
        ("+4", 4, "4"),
        ("12.0", 12, "12"),
        ("6,043,050", 6043050, "6043050"),
        ("£1,234", 1234, "1234"),
        ("-£1,234.50", None, "-1234.5"),
        ("0012", 12, "12"),
        ("12.7", None, "12.7"),  # a count is not to be rounded up to 13
        (".5", None, "0.5"),
        ("1.5E-3", None, "0.0015"),
        ("1e3", None, "1000"),
        ("1,5", None, None),  # a decimal comma is no 15
        ("1,23,456", None, None),
        ("12,34", None, None),
        ("1_000", None, None),
        ("0x10", None, None),
        ("12%", None, None),
        ("(12)", None, None),
        ("twelve", None, None),
        ("NaN", None, None),
        ("inf", None, None),
        ("9" * 30, None, None),
        ("1e300", None, None),
    ],
)
def test_number(text: str, whole: int | None, fraction: str | None) -> None:
    issue = [None if value is not None else "number_malformed" for value in (whole, fraction)]
    assert read(identifiers.read_number("t", WHOLE), text) == [(whole, issue[0])]
    exact = None if fraction is None else Decimal(fraction)
    assert read(identifiers.read_number("t", FRACTION), text) == [(exact, issue[1])]


def test_no_number_is_no_fault() -> None:
    assert read(identifiers.read_number("t", WHOLE), "", None, "N/A") == [(None, None)] * 3


@pytest.mark.parametrize(
    ("text", "format", "wanted"),
    [
        ("2026-09-30", "", "2026-09-30"),
        ("2026-09-30T10:00:00", "", "2026-09-30"),
        ("2026-09-30 23:59:59", "", "2026-09-30"),
        ("30/09/2026", "", "2026-09-30"),
        ("03/04/2019", "", "2019-04-03"),  # day first, always
        ("11/27/2019", "", None),  # month first is never guessed
        ("09/30/2026 09:40:00 AM", "", None),
        ("11/27/2019 09:40:00 AM", "%m/%d/%Y %I:%M:%S %p", "2019-11-27"),
        ("11/27/2019", "%m/%d/%Y %I:%M:%S %p", None),
        ("2019-11-27", "%m/%d/%Y", "2019-11-27"),  # a spreadsheet's true date
        ("2019-27-11", "%Y-%d-%m", "2019-11-27"),
        ("2019-11-27", "%Y-%d-%m", None),
        ("17/09/14", "", None),  # would be the year 14
        ("17/09/14", "%d/%m/%y", "2014-09-17"),
        ("20-09-30", "", None),
        ("31/02/2020", "", None),
        ("00/00/0000", "", None),
        ("2015/08/13", "", None),
        ("2010-07-04 19:00:35 UTC", "", None),
        ("45000", "", None),  # a spreadsheet's number for a day
        ("2026-09-30x", "", None),
        ("1899-12-30", "", None),  # what systems write for no date
        ("01/01/1900", "", None),
        ("31/12/9999", "", None),
        ("02/01/1900", "", "1900-01-02"),
        ("1850-06-01", "", "1850-06-01"),
    ],
)
def test_date(text: str, format: str, wanted: str | None) -> None:
    value = None if wanted is None else datetime.date.fromisoformat(wanted)
    issue = None if wanted else "date_malformed"
    assert read(identifiers.read_date("t", format), text) == [(value, issue)]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1.00023E+11", "9.99999E+99"),
        ("Not Known", "AAA AAAAA"),
        ("S101210", "A999999"),
        ("4012E0012345", "9999A9999999"),
        ("100023336956.0", "999999999999.9"),
        ("\u00c9cole", "AAAAA"),
        ("Flat 4, 17 Station Road, Smallbridge", "AAAA 9, 99 AAAAAAA A..."),
    ],
)
def test_form_holds_nothing_of_the_value(text: str, form: str) -> None:
    with duckdb.connect() as con:
        assert con.execute(f"SELECT {identifiers.form_of('t')} FROM (SELECT ? AS t)", [text]).fetchall() == [
            (form,)
        ]


WHO_FIXES = {
    "Service that owns the dataset",
    "Publisher or service that owns the dataset",
    "Whoever makes the extract",
    "Gazetteer team",
    "GIS team",
    "Nobody",
}


def test_register_of_issues_is_whole() -> None:
    """A sentence for people, somebody who must mend it, and how, for each."""
    for name, issue in ISSUES.items():
        assert issue.meaning.endswith("."), name
        assert issue.who_fixes in WHO_FIXES, name
        assert len(issue.how_to_fix) > 5 and issue.how_to_fix[-1] not in ".,", name
        assert issue.severity in {"error", "warning", "info"}, name


def test_every_issue_of_a_reading_is_in_the_register() -> None:
    cases = [UPRN_CASES, USRN_CASES, POSTCODE_CASES, GSS_CASES]
    assert {issue for case in cases for _, issue in case.values() if issue} <= set(ISSUES)
