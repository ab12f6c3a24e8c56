"""The profile of a file: how it is written, what its columns hold, which are personal, and that no value gets out."""

from __future__ import annotations

import datetime
from pathlib import Path

import duckdb
import openpyxl
import pytest

from pipelines.authority import Files
from pipelines.formats import FileRefused
from pipelines.profile import ColumnProfile, Extract, Profile, load, profile


def read(path: Path, described: Files | None = None) -> tuple[Extract, Profile]:
    """A file as read, and its profile."""
    with duckdb.connect() as con:
        extract = load(con, path, described)
        return extract, profile(con, extract)


def column(path: Path, header: str) -> ColumnProfile:
    """One column of a file's profile."""
    return next(one for one in read(path)[1].columns if one.header == header)


def written(tmp_path: Path, header: str, *cells: str, name: str = "x.csv") -> ColumnProfile:
    """The profile of a column with these cells, quoted, beside one that counts the rows."""
    rows = [f'n,"{header}"', *(f'{i},"{cell}"' for i, cell in enumerate(cells, start=1))]
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return column(path, header)


# --- how a file is written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "delimiter", "header_row", "headers"),
    [
        ("REF,UPRN\n1,2\n", ",", 1, ("REF", "UPRN")),
        # Each address has as many commas as a row has fields.
        ("REF;ADDR;PC\n1;3, High St, Town;a\n2;4, Low St, Town;b\n", ";", 1, ("REF", "ADDR", "PC")),
        ("REF\tADDR\n1\ta, b, c\n2\td\n", "\t", 1, ("REF", "ADDR")),
        (
            "Licences in force,,\nAs at 1 May,,\n,,\nRef,UPRN,Postcode\na,1,b\nc,2,d\n",
            ",",
            4,
            ("Ref", "UPRN", "Postcode"),
        ),
        # The first row of values holds a postcode, which names no column.
        ("A1,THE SURGERY,QX1 1AA\nB2,THE CLINIC,QX1 1AB\n", ",", 0, ("column 1", "column 2", "column 3")),
        ("A, A ,\n1,2,3\n", ",", 1, ("A", "A (column 2)", "column 3")),
    ],
)
def test_delimiter_and_header_are_found(
    tmp_path: Path, text: str, delimiter: str, header_row: int, headers: tuple[str, ...]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text, "utf-8")
    extract, _ = read(path)
    assert (extract.delimiter, extract.header_row, extract.headers) == (delimiter, header_row, headers)
    assert extract.rows == len(text.splitlines()) - header_row


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("NAME,NO\r\nYnys Môn,1\r\n".encode(encoding))
    extract, found = read(path)
    assert extract.rows == 1
    # An accented letter is a letter.
    assert found.columns[0].forms[0].form == "Aa Aa"


def test_workbook_with_a_title_above_its_table(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Report", "September"], [], ["Ref", "UPRN", "Postcode", "Opened"],
        ["a", 100023336956, "QX1 1AA", datetime.date(2026, 9, 1)], ["b", 100023336957, "QX1 1AB", None],
    ):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    extract, found = read(tmp_path / "x.xlsx")
    assert extract.headers == ("Ref", "UPRN", "Postcode", "Opened")
    assert [one.type for one in found.columns] == ["text", "integer", "postcode", "date"]


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("x.csv", b"", "empty file"),
        ("x.csv", b"A,B,UPRN\n", "a header and nothing under it"),
        ("x.csv", b"\n\n\n", "blank lines only"),
        ("x.csv", b"A,B\n" + b"\x00\x01\x02\x00\x00" * 400, "a binary file"),
        ("x.csv", b"%PDF-1.7 and so on", "a binary file"),
        ("x.xlsx", b"\xd0\xcf\x11\xe0 and so on", "or one with a password"),
        ("x.xlsx", b"PK\x03\x04 cut short", "an XLSX workbook"),
        ("x.csv", b'REF,UPRN\n1,"2\n3,4\n', "never closed"),
        ("x.doc", b"words", "wanted a file ending in"),
    ],
)
def test_unusable_file_is_refused_in_words(tmp_path: Path, name: str, content: bytes, wanted: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileRefused, match=wanted):
        read(tmp_path / name)


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="found a folder"):
        read(tmp_path)


# --- what a column holds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "type_", "date_format"),
    [
        (["1", "22", "-3"], "integer", ""),
        (["1.5", "22", "1,333.00", "£4.50"], "decimal", ""),
        (["2026-09-30", "2026-01-02"], "date", "%Y-%m-%d"),
        (["30/09/2026", "02/01/2026"], "date", "%d/%m/%Y"),
        (["09/30/2026", "01/02/2026"], "date", "%m/%d/%Y"),
        (["11/27/2019 09:40:00 AM", "11/26/2019 09:40:00 PM"], "date", "%m/%d/%Y %I:%M:%S %p"),
        (["20260930", "20260102"], "date", "%Y%m%d"),
        (["30-Sep-2026", "02-Jan-2026"], "date", "%d-%b-%Y"),
        (["99/99/2026", "88/77/2026"], "date", ""),
        (["QX1 1AA", "qx11ab", "QX1A 1AB"], "postcode", ""),
        (["E06999009", "W06999001"], "gss_code", ""),
        (["A00000001", "B00000002"], "text", ""),
        (["osgb1000000000001", "osgb1000000000002"], "toid", ""),
        (["a@example.org", "b.c@example.gov.uk"], "e_mail", ""),
        (["01632 960001", "01632 960002", "07700900003"], "phone", ""),
        (["https://example.org/1", "www.example.org"], "web_address", ""),
        (["QQ 12 34 56 C", "QQ123456C"], "ni_number", ""),
        # The check digit by hand: 10*9 + 9*4 + 8*3 + 7*4 + 6*7 + 5*6 + 4*5 + 3*9 + 2*1 = 299 = 27*11 + 2; 11 - 2 = 9.
        (["9434765919", "943 476 5919"], "nhs_number", ""),
        (["9434765918", "9434765917"], "integer", ""),
        (["A12345678901B", "C123456789012"], "pupil_number", ""),
        (["some words", "some more"], "text", ""),
        (["", "N/A", "-"], "empty", ""),
    ],
)  # fmt: skip
def test_type(tmp_path: Path, cells: list[str], type_: str, date_format: str) -> None:
    found = written(tmp_path, "COLUMN", *cells)
    assert (found.type, found.date_format) == (type_, date_format)


def test_dates_of_which_day_and_month_could_be_swapped_are_in_doubt(tmp_path: Path) -> None:
    assert written(tmp_path, "D", "01/02/2026", "03/04/2026").date_in_doubt
    assert not written(tmp_path, "D", "01/02/2026", "30/04/2026").date_in_doubt


def test_counts_forms_and_lengths(tmp_path: Path) -> None:
    found = written(tmp_path, "CODE", "AB1", "AB2", "ab3", "", "null", "AB1")
    assert (found.rows, found.blank, found.filled, found.distinct) == (6, 2, 4, 3)
    assert (found.shortest, found.longest, found.is_key) == (3, 3, False)
    assert found.forms == (("A9", 3), ("a9", 1))  # of text, a word is one letter


def test_rows_that_are_counted_are_no_key_to_keep(tmp_path: Path) -> None:
    found = written(tmp_path, "ROW_ID", "1", "2", "3")
    assert found.row_numbers
    assert found.role.role == "ignore"
    assert not written(tmp_path, "ROW_ID", "1", "2", "4").row_numbers


# --- what a column may be --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cells", "role", "sureness"),
    [
        ("UPRN", ["100023336956", "10002"], "uprn", "sure"),
        ("os_addressbase_uprn", ["100023336956.0", "10002.0"], "uprn", "sure"),
        ("Unique property reference number", ["Not Known", "mobile"], "uprn", "possible"),
        ("USRN", ["20000207", "20000044"], "usrn", "sure"),
        ("Property Ref", ["P001", "P002"], "property_reference", "likely"),
        ("PostCode", ["QX1 1AA", "QX1 1AB"], "postcode", "sure"),
        ("Where", ["QX1 1AA", "QX1 1AB"], "postcode", "likely"),
        ("Address 1", ["1 High Street", "2 High Street"], "address_line", "sure"),
        ("LocationText", ["1 High Street", "2 High Street"], "address_line", "sure"),
        ("Easting", ["375000", "375001.5"], "easting", "sure"),
        ("LSOA21CD", ["E01999901", "E01999902"], "area_code", "sure"),
        ("Ward", ["27", "12"], "area_code", "possible"),
        ("CaseReference", ["05/1/LAPREC", "06/1/LAPREC"], "record_reference", "sure"),
        ("Received", ["2026-01-01", "2026-01-31"], "event_date", "possible"),
        ("AMOUNT", ["1.25", "3.50"], "measure", "possible"),
        ("BAND", ["A", "B", "A", "A", "B", "A", "A", "B"], "category", "likely"),
        ("BAND", [""] * 3, "ignore", "possible"),
    ],
)  # fmt: skip
def test_role(tmp_path: Path, header: str, cells: list[str], role: str, sureness: str) -> None:
    path = tmp_path / "x.csv"
    pair = "Northing" if header == "Easting" else "n"
    other = "165000" if header == "Easting" else "7"
    path.write_text(f"{pair},{header}\n" + "".join(f'{other},"{cell}"\n' for cell in cells), "utf-8")
    found = column(path, header)
    assert (found.role.role, found.role.sureness) == (role, sureness)
    assert found.role.because


PERSONAL_CELLS = [
    ("Forename", ["Canary", "Wren"]),
    ("Lead Name", ["Canary", "Wren"]),
    ("TenantName", ["Canary", "Wren"]),
    ("DOB", ["1950-01-01", "1961-01-01"]),
    ("gender", ["F", "M"] * 20),
    ("Ethnicity", ["Group canary", "Group wren"] * 20),
    ("whatever", ["a@example.org", "b@example.org"]),
    ("whatever", ["01632 960001", "01632 960002"]),
    ("whatever", ["9434765919", "9434765919"]),
    ("whatever", ["Mr A Canary", "Mrs B Wren", "Hall"]),
]


@pytest.mark.parametrize(("header", "cells"), PERSONAL_CELLS)
def test_personal_column_is_suspected_and_shows_no_value(
    tmp_path: Path, header: str, cells: list[str]
) -> None:
    found = written(tmp_path, header, *cells)
    assert found.personal
    assert found.role.role == "personal"
    assert found.values == ()
    assert not any(cell in str(found) for cell in cells if len(cell) > 1)


@pytest.mark.parametrize(("header", "cells"), [("Ward name", ["Canary", "Wren"]), ("Size", ["10", "12"])])
def test_other_columns_are_not_suspected(tmp_path: Path, header: str, cells: list[str]) -> None:
    assert written(tmp_path, header, *cells).personal == ""


def test_column_that_the_description_calls_personal_is(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Band,Kind\n" + "A,B\n" * 20, "utf-8")
    with duckdb.connect() as con:
        band, kind = profile(con, load(con, path), personal=["BAND"]).columns
    assert band.role == ("personal", "sure", "the description says so")
    assert band.values == ()
    assert kind.values == (("B", 20),)


def test_values_are_those_of_code_lists_that_many_rows_have(tmp_path: Path) -> None:
    found = written(tmp_path, "BAND", *["A"] * 9, *["B"] * 5, *["Canary"] * 4)
    assert found.role.role == "category"
    assert found.values == (("A", 9), ("B", 5))  # four rows are too few to show what they hold
    addresses = written(tmp_path, "ADDRESS", *[f"{i} High Street" for i in range(20)])
    assert addresses.values == ()


def test_million_rows_are_counted_in_sql_not_held(tmp_path: Path) -> None:
    """What the profile keeps of a long column is a few forms."""
    path = tmp_path / "x.csv"
    path.write_text("UPRN,NOTES\n" + "".join(f"{10**11 + i},words {i}\n" for i in range(30_000)), "utf-8")
    extract, found = read(path)
    uprn, notes = found.columns
    assert extract.rows == 30_000
    assert uprn.is_key
    assert uprn.forms == (("999999999999", 30_000),)
    assert len(notes.forms) <= 5
