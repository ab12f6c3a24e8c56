"""Files as councils send them: every encoding, delimiter and damage, with the right row numbers and plain refusals."""

from __future__ import annotations

import csv
import datetime
import io
import json
import random
import re
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Any

import fiona
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from convertbng.cutil import convert_bng
from openpyxl.chart import BarChart, Reference

from pipelines import formats
from pipelines.authority import Files
from pipelines.formats import (
    EASTING,
    GEOMETRY,
    NORTHING,
    FileRefused,
    HeaderNotFound,
    grid_transform,
    open_rows,
)
from tests.small_osm import Way, write_osm

CANARY = "CANARY"
BATH = (-2.3597, 51.3814)  # longitude and latitude, degrees


def has(*needed: str) -> formats.HasAll:
    """Whether a row holds the headers."""
    return lambda headers: set(needed) <= {header.strip() for header in headers}


def rows_of(
    path: Path, *needed: str, **described: Any
) -> tuple[list[str], list[tuple[int, list[Any]]], list[tuple[int, str]]]:
    """The headers, the rows with their numbers, and the bad rows of a file."""
    with open_rows(path, Files(**described), has(*needed or ("UPRN",))) as rows:
        good: list[tuple[int, list[Any]]] = []
        for numbers, columns in rows.chunks:
            texts = [column.to_pylist() if isinstance(column, pa.Array) else column for column in columns]
            good += zip(numbers, map(list, zip(*texts, strict=True)), strict=True)
        return rows.headers, good, rows.bad


def refusal(path: Path, *needed: str, **described: Any) -> str:
    """What is said of a file that cannot be used; it never holds a value of a record."""
    with pytest.raises(FileRefused) as error:
        rows_of(path, *needed, **described)
    message = str(error.value)
    assert CANARY not in message
    assert "Traceback" not in message
    assert "\n" not in message
    return message


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# CSV


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("UPRN,NAME\n1,é\n", "utf-8-sig"),
        (b"\xef\xbb\xbfUPRN,NAME\n1,\xc3\xa9\n", "utf-8-sig"),
        ("UPRN,NAME\r\n1,é\r\n", "utf-8-sig"),
        ("UPRN,NAME\r1,é\r", "utf-8-sig"),
        ("UPRN,NAME\n1,é", "utf-8-sig"),
        ("UPRN,NAME\n1,é\n".encode("cp1252"), "cp1252"),
        ("UPRN,NAME\r\n1,é\r\n".encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + "UPRN,NAME\r\n1,é\r\n".encode("utf-16-be"), "utf-16"),
        ("UPRN;NAME\n1;é\n", "utf-8-sig"),
        ("UPRN\tNAME\n1\té\n", "utf-8-sig"),
        ("UPRN|NAME\n1|é\n", "utf-8-sig"),
        ('"UPRN","NAME"\n"1","é"\n', "utf-8-sig"),
        ("UPRN,NAME\n1,\x00é\n", "utf-8-sig"),
        ("UPRN,NAME\n1,é\n\n,,,\n , \n", "utf-8-sig"),
        ("UPRN,NAME\n1,é,,\n", "utf-8-sig"),
        ("UPRN,NAME\n1,é, \n", "utf-8-sig"),
    ],
)
def test_each_way_of_writing_gives_the_same_rows(content: str | bytes, encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", content)
    assert rows_of(path) == (["UPRN", "NAME"], [(2, ["1", "é"])], [])
    with open_rows(path, Files(), has("UPRN")) as rows:
        assert rows.encoding == encoding


def test_delimiter_is_the_one_that_gives_the_header(tmp_path: Path) -> None:
    """Addresses may hold more commas than a row has fields."""
    text = 'UPRN;ADDRESS\n1;12, High Street, Bath, Somerset, England\n2;"3; Low Street, Bath"\n'
    assert rows_of(write(tmp_path / "x.csv", text))[1] == [
        (2, ["1", "12, High Street, Bath, Somerset, England"]),
        (3, ["2", "3; Low Street, Bath"]),
    ]
    tabs = text.replace(";", "\t")
    assert rows_of(write(tmp_path / "y.csv", tabs))[0] == ["UPRN", "ADDRESS"]
    stated = rows_of(write(tmp_path / "z.csv", "UPRN#ADDRESS\n1#a,b\n"), delimiter="#")
    assert stated[1] == [(2, ["1", "a,b"])]


def test_delimiter_of_a_headerless_file_is_the_one_that_gives_its_width(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "1;a, b, c, d\n2;e, f, g, h\n")
    assert rows_of(path, headers=("UPRN", "ADDRESS"))[1] == [
        (1, ["1", "a, b, c, d"]),
        (2, ["2", "e, f, g, h"]),
    ]


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path / "x.csv", "UPRN\n1\n\n2\n")) == (
        ["UPRN"],
        [(2, ["1"]), (4, ["2"])],
        [(3, "blank_row")],
    )


def test_header_further_down(tmp_path: Path) -> None:
    text = "Council tax,,\nrun on,2026-09-30,\n\nUPRN,NAME,BAND\n1,a,A\n"
    path = write(tmp_path / "x.csv", text)
    assert rows_of(path)[1] == [(5, ["1", "a", "A"])]
    assert rows_of(path, header_row=4)[1] == [(5, ["1", "a", "A"])]
    deep = write(tmp_path / "deep.csv", "note\n" * 40 + "UPRN,NAME\n1,a\n")
    assert rows_of(deep, header_row=41)[1] == [(42, ["1", "a"])]
    assert refusal(deep) == "wanted a row with the headers needed among the first 30; found none"


def test_headerless_file_loses_no_row(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", b"\xef\xbb\xbf1,a\n2,b\n")
    assert rows_of(path, headers=("UPRN", "NAME"))[1] == [(1, ["1", "a"]), (2, ["2", "b"])]


def test_blank_rows_count_between_and_not_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "UPRN,NAME\n\n1,a\n,,\n  ,\u00a0\n2,b\n\n\n,,\n")
    assert rows_of(path)[1:] == (
        [(3, ["1", "a"]), (6, ["2", "b"])],
        [(2, "blank_row"), (4, "blank_row"), (5, "blank_row")],
    )


def test_rows_of_the_wrong_width_keep_their_number(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", f'UPRN,NAME,BAND\n1,"a\r\nb\nc",A\n2,{CANARY}\n3,x,y,z\n4,,\n')
    _, good, bad = rows_of(path)
    # As a spreadsheet counts: a row whose quotation marks hold line ends is one row.
    assert good == [(2, ["1", "a\r\nb\nc", "A"]), (5, ["4", "", ""])]
    assert bad == [
        (3, "wrong_width: 2 fields where the header has 3"),
        (4, "wrong_width: 4 fields where the header has 3"),
    ]


def test_row_numbers_go_on_over_the_chunks(tmp_path: Path) -> None:
    count = 2 * formats.CHUNK + 7
    path = write(tmp_path / "x.csv", "UPRN\n" + "\n".join(str(n) for n in range(2, count + 2)))
    _, good, bad = rows_of(path)
    assert [int(row[0]) for _, row in good] == [number for number, _ in good] == list(range(2, count + 2))
    assert bad == []


def test_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever way a block is read, and wherever one ends: the same rows, numbers and bad rows as one by one."""
    chance = random.Random(3)
    pieces = ["1", "ab", "", " ", "é", "a b", '"q"', '"a,b"', '"a\nb"', '"a\r\n\n""b"', '5"', "\x00x", "-"]
    for turn in range(60):
        rows = [
            ",".join(
                chance.choices(
                    pieces if chance.random() < 0.4 else ["1", "ab", "é"], k=chance.choice([3, 3, 3, 3, 2, 4])
                )
            )
            if chance.random() < 0.9
            else chance.choice(["", ",,", " ,,", "1,2,3,,"])
            for _ in range(chance.randrange(1, 30))
        ]
        text = "UPRN,B,C\n" + chance.choice(["\n", "\r\n", "\r"]).join(rows) + chance.choice(["", "\n"])
        path = write(tmp_path / f"{turn}.csv", text)
        answers = []
        for size in (1, 2, 3, 7, 20_000):
            monkeypatch.setattr(formats, "CHUNK", size)
            try:
                answers.append(rows_of(path))
            except FileRefused as error:
                answers.append(([str(error)], [], []))
        assert all(answer == answers[0] for answer in answers), text
        # And the same as Python's own reader, which numbers rows as we do.
        expected = list(csv.reader(io.StringIO(text.replace("\x00", ""), newline="")))
        for number, row in answers[0][1]:
            assert expected[number - 1][:3] == row


@pytest.mark.parametrize(
    "text",
    [
        f'UPRN,NAME\n1,"{CANARY}\n' + "2,b\n" * 1000,  # to the end of a long file
        f'UPRN,NAME\n1,"{CANARY}\n2,b\n3,c\n',  # to the end of a short one
        f'UPRN,NAME\n1,a\n2,"{CANARY}',  # in the last row
        f'UPRN,NAME\n1,"{CANARY},x\n2,b\n3,"ccc"\n',  # to the next mark, which would swallow two rows unseen
        f'UPRN,NAME,BAND\n1,"{CANARY},x\n2,b,c\n3,"ghi",z\n',
    ],
)
def test_quotation_mark_never_closed(text: str, tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "x.csv", text))
    assert message.startswith(f"row {3 if text.endswith(CANARY) else 2} ")
    assert "a quotation mark that opens there is never closed" in message


def test_a_stray_mark_rejects_its_row_alone(tmp_path: Path) -> None:
    """Where its fields end is a guess, and a personal one may stand in a column that is kept: never guess."""
    text = (
        'UPRN,NAME,BAND\n1,5" pipe,A\n2,"THE ""OLD"" RECTORY",B\n3,"THE "OLD" RECTORY",C\n'
        f'"4,"x,{CANARY}\n5,b,D\n6,"two\nlines",E\n'
    )
    _, rows, bad = rows_of(write(tmp_path / "x.csv", text))
    assert [row[:2] for _, row in rows] == [
        ["1", '5" pipe'],
        ["2", 'THE "OLD" RECTORY'],
        ["5", "b"],
        ["6", "two\nlines"],
    ]
    assert [number for number, _ in bad] == [4, 5]
    assert {reason.partition(":")[0] for _, reason in bad} == {"stray_quote"}
    assert CANARY not in str(bad)


def test_field_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = csv.field_size_limit(1000)
    try:
        message = refusal(write(tmp_path / "x.csv", f'UPRN,NAME\n1,"{CANARY * 1000}"\n'))
    finally:
        csv.field_size_limit(before)
    assert message.startswith("row 2 cannot be read: field larger than field limit")


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", f"UPRN,NAME\n1,{CANARY}".encode() + b"\x81\x8d")
    assert refusal(path) == "wanted text in UTF-8 or Windows-1252; found other bytes: state `encoding:`"
    assert refusal(path, encoding="ascii") == "wanted ascii text; found other bytes: state `encoding:`"
    assert rows_of(path, encoding="latin-1")[1] == [(2, ["1", f"{CANARY}\x81\x8d"])]


def test_empty_and_nearly_empty_files(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "x.csv", "")) == "wanted rows; found an empty file (0 bytes)"
    for content in ("\n", "\ufeff", "\x00\x00", ",,,\n", " "):
        assert refusal(write(tmp_path / "x.csv", content)).startswith("wanted a row with the headers needed")
    assert rows_of(write(tmp_path / "x.csv", "UPRN,NAME")) == (["UPRN", "NAME"], [], [])
    assert rows_of(write(tmp_path / "x.csv", "UPRN,NAME\n\n\n")) == (["UPRN", "NAME"], [], [])


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "x.doc", "UPRN\n")).startswith("wanted a file ending in .csv, .geojson")
    assert refusal(write(tmp_path / "x.csv", b"PK\x03\x04abc")) == (
        "wanted text; found a workbook or ZIP file: give it its own ending"
    )
    assert rows_of(write(tmp_path / "x.doc", "UPRN\n1\n"), format="csv")[1] == [(2, ["1"])]


# ZIP


def zipped(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def big_csv() -> bytes:
    rng = np.random.default_rng(1)
    lines = (f"{a},{CANARY}{b}" for a, b in rng.integers(1, 10**12, (20_000, 2)))
    return ("UPRN,NAME\n" + "\n".join(lines)).encode()


def test_zip_with_one_csv(tmp_path: Path) -> None:
    members = {"in/EXTRACT.CSV": b"UPRN,NAME\n1,a\n", "notes.txt": b"x", "__MACOSX/in/._EXTRACT.CSV": b"\x00"}
    assert rows_of(zipped(tmp_path / "x.zip", members))[1] == [(2, ["1", "a"])]
    two = zipped(tmp_path / "y.zip", {"a.csv": b"UPRN\n", "b.csv": b"UPRN\n"})
    assert refusal(two) == "wanted one CSV inside the ZIP file; found 2"
    assert (
        refusal(zipped(tmp_path / "z.zip", {"a.txt": b"x"})) == "wanted one CSV inside the ZIP file; found 0"
    )


@pytest.mark.parametrize("encoding", ["", "utf-8"])
def test_damaged_zip(encoding: str, tmp_path: Path) -> None:
    whole = zipped(tmp_path / "x.zip", {"a.csv": big_csv()}).read_bytes()
    damage = {
        "cut": whole[: len(whole) // 2],
        "overwritten": whole[:5000] + b"\x55" * 400 + whole[5400:],
        "overwritten at the start": whole[:60] + b"\x55" * 400 + whole[460:],
        "no zip": b"UPRN,NAME\n1,a\n",
        "wrong sum": whole[:14] + b"\x00\x00\x00\x00" + whole[18:],
    }
    directory = whole.index(b"PK\x01\x02")
    damage["wrong sum"] = whole[: directory + 16] + b"\x01\x02\x03\x04" + whole[directory + 20 :]
    for kind, content in damage.items():
        message = refusal(write(tmp_path / "y.zip", content), encoding=encoding)
        assert message == "wanted a whole ZIP file; found one that is damaged or cut short: fetch it again", (
            kind
        )


def test_zip_with_a_password_or_packed_in_an_unusual_way(tmp_path: Path) -> None:
    whole = bytearray(zipped(tmp_path / "x.zip", {"a.csv": b"UPRN\n1\n"}).read_bytes())
    directory = whole.index(b"PK\x01\x02")
    locked, unusual = whole.copy(), whole.copy()
    struct.pack_into("<H", locked, 6, 1)
    struct.pack_into("<H", locked, directory + 8, 1)
    assert (
        refusal(write(tmp_path / "y.zip", bytes(locked))) == "wanted a ZIP file without a password; unpack it"
    )
    struct.pack_into("<H", unusual, 8, 9)  # Deflate64, which Windows writes for large files
    struct.pack_into("<H", unusual, directory + 10, 9)
    assert refusal(write(tmp_path / "z.zip", bytes(unusual))).startswith(
        "wanted a ZIP file packed the common way"
    )


# XLSX


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_workbook_with_two_sheets_dates_and_numbers(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        Notes=[["Tenancies"], ["run on", datetime.date(2026, 9, 30)]],
        Tenancies=[
            ["Housing"],
            [],
            ["UPRN", "START", "SEEN", "RENT", "LIVE", None],
            [100023336956, datetime.date(2026, 9, 30), datetime.datetime(2026, 9, 30, 10, 5), 101.25, True],
            [100023336956.0, datetime.datetime(2026, 9, 30), None, 100.0, False],
            ["000000199356", "30/09/2026", " ", 1e-05, "#N/A", None],
        ],
    )
    headers, good, bad = rows_of(path)
    assert headers == ["UPRN", "START", "SEEN", "RENT", "LIVE"]
    assert good == [
        (4, ["100023336956", "2026-09-30", "2026-09-30 10:05:00", "101.25", "TRUE"]),
        (5, ["100023336956", "2026-09-30", None, "100", "FALSE"]),
        (6, ["000000199356", "30/09/2026", " ", "1e-05", "#N/A"]),
    ]
    assert bad == []


def test_which_sheet(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["UPRN"], [1]]
    path = workbook(tmp_path / "x.xlsx", July=rows, August=[["UPRN"], [2]], Notes=[["x"]])
    assert refusal(path) == "wanted one sheet with the headers needed; found July, August: state `sheet:`"
    assert rows_of(path, sheet="August")[1] == [(2, ["2"])]
    assert refusal(path, sheet="June") == "wanted the sheet `June`; found July, August, Notes"
    assert refusal(path, "ZIP").startswith("wanted a row with the headers needed")


def test_hidden_sheets_and_charts_do_not_stand_in_the_way(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name, state in (("Old", "hidden"), ("Now", "visible")):
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        sheet.append(["UPRN"])
        sheet.append([name])
    chart = BarChart()
    chart.add_data(Reference(book["Now"], min_col=1, min_row=1, max_row=2), titles_from_data=True)
    book.create_chartsheet("Chart", 0).add_chart(chart)
    book.save(tmp_path / "x.xlsx")
    assert rows_of(tmp_path / "x.xlsx")[1] == [(2, ["Now"])]
    assert "Chart" not in refusal(tmp_path / "x.xlsx", sheet="Chart").partition("found")[2]


def test_sheet_that_states_a_smaller_size_than_it_has(tmp_path: Path) -> None:
    """As some systems write: a reader that believes it would lose columns and rows."""
    path = workbook(tmp_path / "x.xlsx", Sheet=[["UPRN", "NAME"], [1, "a"], [2, "b"]])
    members = {name: zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b'ref="A1:B3"' in members[sheet]
    members[sheet] = members[sheet].replace(b'ref="A1:B3"', b'ref="A1"')
    assert rows_of(zipped(tmp_path / "y.xlsx", members))[1] == [(2, ["1", "a"]), (3, ["2", "b"])]


def test_damaged_workbook(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["UPRN", "NAME"], *([n, f"{CANARY} {n}"] for n in range(3000))]
    path = workbook(tmp_path / "x.xlsx", Sheet=rows)
    whole = path.read_bytes()
    members = {name: zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    cut = {**members, sheet: members[sheet][: len(members[sheet]) // 2]}
    for content in (
        whole[: len(whole) // 2],
        b"not a workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
    ):
        message = refusal(write(tmp_path / "y.xlsx", content))
        assert message.startswith(
            "wanted an XLSX workbook without a password; it is damaged or something else ("
        )
    message = refusal(zipped(tmp_path / "z.xlsx", cut))
    assert message.startswith("wanted an XLSX workbook; it is damaged or something else (")
    without = {name: content for name, content in members.items() if name != sheet}
    assert refusal(zipped(tmp_path / "w.xlsx", without)).startswith("wanted a row with the headers needed")


# Parquet


def test_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "UPRN": pa.array([100023336956, None, 3], pa.int64()),
            "WIDE": pa.array([100023336956.0, 1.5, float("nan")]),
            "DAY": pa.array([datetime.date(2026, 9, 30), None, datetime.date(2026, 1, 1)]),
            "SEEN": pa.array(
                [datetime.datetime(2026, 9, 30, 1, 2, 3, 4), None, datetime.datetime(2026, 1, 1)]
            ),
            "NAME": pa.array(["a", "", None]),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    headers, good, bad = rows_of(tmp_path / "x.parquet")
    assert headers == ["UPRN", "WIDE", "DAY", "SEEN", "NAME"]
    assert good == [
        (1, ["100023336956", "100023336956", "2026-09-30", "2026-09-30 01:02:03", "a"]),
        (2, [None, "1.5", None, None, ""]),
        (3, ["3", "nan", "2026-01-01", "2026-01-01", None]),
    ]
    assert bad == []
    with pytest.raises(HeaderNotFound) as error:
        rows_of(tmp_path / "x.parquet", "USRN")
    assert error.value.looked_at == [["UPRN", "WIDE", "DAY", "SEEN", "NAME"]]


def test_damaged_parquet(tmp_path: Path) -> None:
    names = [f"{CANARY} {n}" for n in range(50_000)]
    pq.write_table(pa.table({"UPRN": list(range(50_000)), "NAME": names}), tmp_path / "x.parquet")
    whole = (tmp_path / "x.parquet").read_bytes()
    middle = len(whole) // 2
    for content in (whole[:middle], b"x" * 100, whole[:middle] + b"\x55" * 3000 + whole[middle + 3000 :]):
        message = refusal(write(tmp_path / "y.parquet", content))
        assert message.startswith("wanted a Parquet file; it is damaged or something else (")


# GeoPackage, GeoJSON


def features(
    path: Path, crs: str, geometries: list[Any], driver: str = "GPKG", layer: str = "", **more: Any
) -> Path:
    """A file of features numbered from 1, of whatever geometry the first one has."""
    kind = geometries[0]["type"] if geometries and geometries[0] else "Point"
    schema = {"geometry": kind, "properties": {"UPRN": "int", "NAME": "str"}}
    where = {"layer": layer} if layer else {}
    with fiona.open(path, "w", driver=driver, crs=crs or None, schema=schema, **where, **more) as out:
        for number, geometry in enumerate(geometries, start=1):
            out.write(
                {"type": "Feature", "properties": {"UPRN": number, "NAME": CANARY}, "geometry": geometry}
            )
    return path


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": (x, y)}


def test_geopackage_in_the_national_grid_is_taken_as_it_is(tmp_path: Path) -> None:
    square = {"type": "Polygon", "coordinates": [[(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]]}
    headers, good, _ = rows_of(features(tmp_path / "x.gpkg", "EPSG:27700", [square, None]))
    assert headers == ["UPRN", "NAME", GEOMETRY, EASTING, NORTHING]
    assert [number for number, _ in good] == [1, 2]
    assert shapely.from_wkb(good[0][1][2]).equals(shapely.box(0, 0, 10, 10))
    assert good[0][1][3:] == good[1][1][3:] == [None, None]
    assert good[1][1][2] is None
    path = features(tmp_path / "p.gpkg", "EPSG:27700", [point(375000.129, 165000)])
    assert rows_of(path)[1][0][1][3:] == ["375000.13", "165000.00"]


def test_degrees_go_by_ostn15(tmp_path: Path) -> None:
    exact = [f"{value[0]:.2f}" for value in convert_bng([BATH[0]], [BATH[1]])]
    path = features(tmp_path / "x.geojson", "EPSG:4326", [point(*BATH)], driver="GeoJSON")
    assert rows_of(path)[1][0][1][3:] == exact
    path = features(tmp_path / "x.gpkg", "EPSG:4258", [point(*BATH)])  # ETRS89
    assert rows_of(path)[1][0][1][3:] == exact
    mercator = shapely.transform(shapely.Point(BATH), lambda c: np.column_stack(to_mercator(c)))
    path = features(tmp_path / "m.gpkg", "EPSG:3857", [point(mercator.x, mercator.y)])
    assert rows_of(path)[1][0][1][3:] == exact


def to_mercator(coordinates: Any) -> tuple[Any, Any]:
    """Longitudes and latitudes in the web's own projection, metres."""
    radius = 6_378_137.0
    x = np.radians(coordinates[:, 0]) * radius
    return x, np.log(np.tan(np.pi / 4 + np.radians(coordinates[:, 1]) / 2)) * radius


def test_degrees_on_the_old_datum_are_not_taken_for_the_new(tmp_path: Path) -> None:
    """Both are longitude and latitude, but a hundred metres apart."""
    path = features(tmp_path / "x.gpkg", "EPSG:4277", [point(*BATH)])
    moved = [float(text) for text in rows_of(path)[1][0][1][3:]]
    naive = [float(value[0]) for value in convert_bng([BATH[0]], [BATH[1]])]
    assert 50 < np.hypot(moved[0] - naive[0], moved[1] - naive[1]) < 200


def test_grid_with_heights_is_still_the_grid() -> None:
    from pyproj import CRS

    assert grid_transform(CRS.from_epsg(7405).to_wkt()) is None
    assert grid_transform(CRS.from_epsg(27700).to_wkt("WKT1_ESRI")) is None
    with pytest.raises(FileRefused, match="wanted a coordinate reference system that is known"):
        grid_transform("nonsense")


def test_points_outside_great_britain_have_no_place(tmp_path: Path) -> None:
    """Metres in a GeoJSON that does not say so, degrees that are swapped, Paris."""
    wrong = [point(375000, 165000), point(BATH[1], BATH[0]), point(2.35, 48.85)]
    path = features(tmp_path / "x.geojson", "EPSG:4326", wrong, driver="GeoJSON")
    assert [row[2:] for _, row in rows_of(path)[1]] == [[None, "0", "0"]] * 3


def test_point_wrapped_as_one_of_several_is_a_point(tmp_path: Path) -> None:
    one = {"type": "MultiPoint", "coordinates": [(375000, 165000)]}
    two = {"type": "MultiPoint", "coordinates": [(375000, 165000), (375001, 165000)]}
    path = features(tmp_path / "x.gpkg", "EPSG:27700", [one, two])
    assert [row[3:] for _, row in rows_of(path)[1]] == [["375000.00", "165000.00"], [None, None]]


def test_geojson_that_states_the_grid(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    feature = {"type": "Feature", "properties": {"UPRN": 100023336956}, "geometry": point(375000, 165000)}
    text = json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]})
    ((_, row),) = rows_of(write(tmp_path / "x.geojson", text))[1]
    assert (row[0], row[2], row[3]) == ("100023336956", "375000.00", "165000.00")


def test_which_layer(tmp_path: Path) -> None:
    path = features(tmp_path / "x.gpkg", "EPSG:27700", [point(1, 1)], layer="homes")
    features(path, "EPSG:27700", [point(2, 2)], layer="sheds")
    assert refusal(path) == "wanted one layer with the headers needed; found homes, sheds: state `layer:`"
    assert rows_of(path, layer="sheds")[1][0][1][3] == "2.00"
    assert refusal(path, layer="barns") == "wanted the layer `barns`; found homes, sheds"


def test_layer_without_a_reference_system_is_refused(tmp_path: Path) -> None:
    """Whether its numbers are metres or degrees nobody can know."""
    path = features(tmp_path / "x.gpkg", "", [point(375000, 165000)])
    assert refusal(path).startswith("wanted a coordinate reference system; the layer states none")
    for undefined in (0, -1):
        with sqlite3.connect(path) as database:
            database.execute("UPDATE gpkg_geometry_columns SET srs_id = ?", [undefined])
            database.execute("UPDATE gpkg_contents SET srs_id = ?", [undefined])
        database.close()
        assert refusal(path).startswith("wanted a coordinate reference system; the layer states none")


def test_damaged_features(tmp_path: Path) -> None:
    points = [point(375000 + n, 165000) for n in range(6_000)]
    whole = features(tmp_path / "x.gpkg", "EPSG:27700", points).read_bytes()
    assert len(rows_of(tmp_path / "x.gpkg")[1]) == 6_000
    for name, content in {
        "cut": whole[: len(whole) // 2],
        "overwritten": whole[:150_000] + b"\x55" * 100_000 + whole[250_000:],
        "text": b"UPRN,NAME\n1,a\n",
        "zeros": b"\x00" * 1000,
    }.items():
        message = refusal(write(tmp_path / f"{name}.gpkg", content))
        assert "fetch it again" in message, name
    # What these libraries say of such bytes has taken the whole process down.
    content = whole.replace(b"CREATE TABLE", b"CREATE \xa5\xa5BLE")
    assert "fetch it again" in refusal(write(tmp_path / "y.gpkg", content))
    text = b'{"type": "FeatureCollection", "features": [{"type": \xf6'
    assert refusal(write(tmp_path / "z.geojson", text)).startswith("wanted GeoJSON in UTF-8")
    lines = features(tmp_path / "x.geojson", "EPSG:4326", [point(*BATH)] * 200, driver="GeoJSON").read_bytes()
    for content in (
        lines[: len(lines) // 2],
        b"{}",
        b"[]",
        b'{"type": "FeatureCollection"}',
        b"<html>",
        b'{"a": ',
    ):
        refusal(write(tmp_path / "y.geojson", content))


def test_no_features_at_all(tmp_path: Path) -> None:
    assert rows_of(features(tmp_path / "x.gpkg", "EPSG:27700", []))[1:] == ([], [])
    write(tmp_path / "x.geojson", '{"type": "FeatureCollection", "features": []}')
    assert "headers needed" in refusal(tmp_path / "x.geojson")


# OpenStreetMap


def test_lines_of_an_osm_file_with_their_tags_in_metres(tmp_path: Path) -> None:
    nodes = {1: (375000.0, 165000.0), 2: (375100.0, 165000.0), 3: (375100.0, 165100.0)}
    road = {
        "highway": "primary",
        "name": 'Rue d\'\u00c9t\u00e9 & "co"',
        "oneway:bicycle": "no",
        "surface": "mud",
    }
    ways: list[Way] = [
        (7, [1, 2, 3], road),
        (8, [1, 2, 3, 1], {"building": "yes"}),
        (9, [1, 3], {"waterway": "river"}),
    ]
    path = write_osm(tmp_path / "x.osm", nodes, ways)
    headers, good, bad = rows_of(path, "osm_id", GEOMETRY)
    assert bad == []
    assert "oneway_bicycle" in headers
    assert "surface" not in headers
    rows = [dict(zip(headers, row, strict=True)) for _, row in good]
    # What is drawn around something is no line.
    assert [(number, row["osm_id"]) for (number, _), row in zip(good, rows, strict=True)] == [
        (1, "7"),
        (2, "9"),
    ]
    assert (rows[0]["name"], rows[0]["oneway_bicycle"]) == ('Rue d\'\u00c9t\u00e9 & "co"', "no")
    line = shapely.from_wkb(rows[0][GEOMETRY])
    assert np.allclose(shapely.get_coordinates(line), list(nodes.values()), atol=0.02)
    assert rows[1]["highway"] is None


def test_way_outside_great_britain_has_no_geometry(tmp_path: Path) -> None:
    path = write_osm(
        tmp_path / "x.osm",
        {1: (375000.0, 165000.0), 2: (375100.0, 165000.0)},
        [(7, [1, 2], {"highway": "a"})],
    )
    text = re.sub(r'lon="[^"]+"', 'lon="12.5"', path.read_text("utf-8"))
    headers, good, _ = rows_of(write(path, text), "osm_id")
    assert good[0][1][headers.index(GEOMETRY)] is None


def test_an_osm_file_that_is_cut_short_is_refused_whole(tmp_path: Path) -> None:
    """The library would read what there is, without a word."""
    nodes = {i: (375000.0 + i, 165000.0) for i in range(50)}
    whole = write_osm(
        tmp_path / "x.osm", nodes, [(i, [i, i + 1], {"highway": "path"}) for i in range(49)]
    ).read_bytes()
    assert len(rows_of(tmp_path / "x.osm", "osm_id")[1]) == 49
    message = refusal(write(tmp_path / "y.osm", whole[: len(whole) * 3 // 4]), "osm_id")
    assert (
        message
        == "wanted a whole OpenStreetMap file, which ends in `</osm>`; found another end: fetch it again"
    )
    assert "found something else" in refusal(write(tmp_path / "z.osm.pbf", b"UPRN,NAME\n1,a\n" * 9), "osm_id")
    assert "it is damaged" in refusal(write(tmp_path / "w.osm", b"<html></html></osm>"), "osm_id")
    assert refusal(tmp_path / "x.osm", "osm_id", layer="points").startswith("wanted the layer `lines`")


def test_a_pbf_file_that_is_cut_short_is_refused_whole(real_data: Path, tmp_path: Path) -> None:
    whole = (real_data / "osm_extracts" / "its-example.osm.pbf").read_bytes()
    assert len(rows_of(write(tmp_path / "x.osm.pbf", whole), "osm_id")[1]) == 189
    for length in (len(whole) - 1, len(whole) // 2):
        message = refusal(write(tmp_path / "y.osm.pbf", whole[:length]), "osm_id")
        assert "found one that is cut short or damaged after" in message
