"""From files to typed tables: what is kept, what is rejected and why, that it adds up, and that nothing leaks."""

from __future__ import annotations

import csv
import datetime
import io
import random
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import ingest
from pipelines.authority import Authority, Dataset, load_authority
from pipelines.extracts import date_in_name
from pipelines.forgetting import LeftOut
from pipelines.formats import open_rows
from pipelines.identifiers import ISSUES
from pipelines.ingest import Ingested, age_band
from pipelines.pseudonyms import ENVIRONMENT, Pseudonyms
from pipelines.warehouse import Warehouse

CODE = "E06999001"
CANARY = "CANARY"
PERSONAL = """\
title: Accounts
owner: Revenues
purpose: to bill
lawful_basis: public task
sensitivity: personal
as_at: 2026-09-30
"""
PARTS = "parts: true\n"  # several files of one date
ANYTHING = "unreadable_percent: 100\n"
OPEN = "title: Tallies\nowner: Publisher\nsensitivity: open\nas_at: 2026-09-30\n"


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "k" * 32)
    monkeypatch.delenv("PLACES_DATA", raising=False)


@dataclass
class Read:
    """What reading a dataset came to: the connection with the tables `kept`, `rejected` and `files`, and the totals."""

    con: duckdb.DuckDBPyConnection
    got: Ingested

    def kept(self, *columns: str) -> list[Any]:
        """The kept rows in the order of files and rows; of a single column its values."""
        names = ", ".join(columns)
        rows = self.con.execute(f"SELECT {names} FROM kept ORDER BY file, row_number").fetchall()
        return [row[0] for row in rows] if len(columns) == 1 else rows

    def rejected(self) -> list[tuple[int, str, str, int]]:
        """The rejected rows: row number, column, reason, weight."""
        return self.con.execute(
            "SELECT row_number, column_name, reason, weight FROM rejected ORDER BY file, row_number"
        ).fetchall()

    def files(self, *columns: str) -> list[tuple[Any, ...]]:
        return self.con.execute(f"SELECT {', '.join(columns)} FROM files ORDER BY file").fetchall()

    def refusal(self) -> str:
        """Why the one file was refused; never with a value in it."""
        ((_, reason),) = self.got.refused
        assert CANARY not in reason
        assert (self.got.rows_read, self.got.files) == (0, 0)
        for name in ("kept", "rejected"):
            assert self.con.execute(f"SELECT count(*) FROM {name}").fetchall() == [(0,)]
        return reason

    def adds_up(self) -> None:
        """Read = kept + rejected, in rows and in weight, of each file and together; each row has one place."""
        for rows, kept, rejected, weight, weight_kept, weight_rejected in self.files(
            "rows_read", "rows_kept", "rows_rejected", "weight_read", "weight_kept", "weight_rejected"
        ):
            assert rows == kept + rejected
            assert weight == weight_kept + weight_rejected
        sums = self.con.execute(
            "SELECT coalesce(sum(rows_read), 0), coalesce(sum(rows_kept), 0), coalesce(sum(rows_rejected), 0), "
            "coalesce(sum(weight_kept), 0), coalesce(sum(weight_rejected), 0) FROM files"
        ).fetchall()[0]
        assert sums[:3] == (self.got.rows_read, self.got.rows_kept, self.got.rows_rejected)
        assert self.con.execute("SELECT count(*), coalesce(sum(weight), 0) FROM kept").fetchall() == [
            (sums[1], sums[3])
        ]
        assert self.con.execute("SELECT count(*), coalesce(sum(weight), 0) FROM rejected").fetchall() == [
            (sums[2], sums[4])
        ]
        places = self.con.execute(
            "SELECT count(*), count(DISTINCT (file, n)) FROM (SELECT file, row_number AS n FROM kept "
            "UNION ALL SELECT file, row_number FROM rejected)"
        ).fetchall()[0]
        assert places[0] == places[1] == self.got.rows_read
        for (reason,) in self.con.execute("SELECT DISTINCT reason FROM rejected").fetchall():
            assert reason.partition(":")[0] in ISSUES


def authority_with(
    folder: Path, description: str, files: Mapping[str, str | bytes], group: str = "services"
) -> Authority:
    """An authority with the one dataset `tax`."""
    own = folder / group / "tax"
    own.mkdir(parents=True, exist_ok=True)
    (folder / "authority.yaml").write_text(f"name: Test\ncode: {CODE}\narea_vintage: 2021\n", "utf-8")
    (own / "dataset.yaml").write_text(description, "utf-8")
    for name, content in files.items():
        (own / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    authority = load_authority(folder)
    assert [str(problem) for one in authority.broken for problem in one.problems] == []
    return authority


@contextmanager
def reading(folder: Path, description: str, files: Mapping[str, str | bytes]) -> Iterator[Read]:
    """The dataset read, and its accounts checked."""
    authority = authority_with(folder, description, files)
    with Warehouse(folder / "out" / "warehouse").connect() as con:
        got = ingest.ingest_dataset(con, authority, authority.datasets[0], Pseudonyms(folder / "out"))
        read = Read(con, got)
        read.adds_up()
        yield read


def columns(*lines: str) -> str:
    return "columns:\n" + "".join(f"  {line}\n" for line in lines)


# What becomes of the columns


def test_columns_become_what_they_are(tmp_path: Path) -> None:
    description = OPEN + columns(
        "REF: record_reference",
        "UPRN: uprn",
        "USRN: usrn",
        "PROP: property_reference",
        "A1: address_line",
        "A2: address_line",
        "PC: postcode",
        "E: easting",
        "N: northing",
        "OA: area_code",
        "BAND: {is: category, as: band, values: [A, ' b ']}",
        "PAID: {is: measure, as: paid_gbp}",
        "COUNT: {is: measure, as: count, type: integer}",
        "CODE: {is: measure, as: code, type: text}",
        "START: {is: date, as: started_on}",
        "NOTE: text",
        "SKIP: ignore",
    )
    header = "REF,UPRN,USRN,PROP,A1,A2,PC,E,N,OA,BAND,PAID,COUNT,CODE,START,NOTE,SKIP,MORE"
    rows = [
        'r1,000000199356,20602512,0012,12 High St,"Bath|Avon ,",ba24ba,"375,000",165000.5,e00072918,a,'
        '"£1,234.50",7,007,30/09/2026, x ,s,m',
        "r2,100023000000,road,-,,,BA3,0,0,Bath,C,lots,7.5,n/a,09/30/2026,,s,m",
        "r3,,,,,,,,,,,,,,,,,",
    ]
    with reading(tmp_path, description, {"x.csv": "\n".join([header, *rows])}) as read:
        fixed = "uprn, usrn, address, postcode, easting, northing, area_code"
        own = "prop, band, paid_gbp, count, code, started_on, note"
        assert read.kept("record_id", fixed, own) == [
            (
                "r1", 199356, 20602512, "12 High St, Bath,Avon", "BA2 4BA", Decimal(375000), Decimal("165000.50"),
                "E00072918",
                "0012", "a", Decimal("1234.5"), 7, "007", datetime.date(2026, 9, 30), "x",
            ),
            ("r2", *[None] * 8, "C", *[None] * 5),
            ("r3", *[None] * 14),
        ]  # fmt: skip
        assert read.kept("issues") == [
            ["uprn: uprn_padded"],
            [
                "uprn: uprn_rounded", "usrn: usrn_malformed", "postcode: postcode_partial",
                "area_code: area_code_malformed", "northing: coordinates_outside", "band: category_unknown",
                "paid_gbp: number_malformed", "count: number_malformed", "started_on: date_malformed",
            ],
            ["uprn: uprn_blank", "postcode: postcode_blank", "northing: coordinates_blank"],
        ]  # fmt: skip
        assert read.kept("uprn_issue", "postcode_issue", "coordinates_issue", "area_code_issue")[1] == (
            "uprn_rounded", "postcode_partial", "coordinates_outside", "area_code_malformed",
        )  # fmt: skip
        assert read.kept("uprn_form") == ["999999999999", "999999999999", None]
        assert set(read.kept("as_at", "event_date", "weight", "authority_code", "file")) == {
            (datetime.date(2026, 9, 30), None, 1, CODE, "services/tax/x.csv")
        }
        assert read.kept("row_number") == [2, 3, 4]
        assert read.files("columns_left_out") == [("MORE",)]


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    """Also those that the ingest itself has use for, and words of SQL."""
    names = [
        "position",
        "t0",
        "d0",
        "reject_reason",
        "of_weight",
        "made",
        "select",
        "raw",
        "typed",
        "nth",
        "n",
        "f",
        "w",
    ]
    text = ",".join(names) + "\n" + ",".join(f"{name}!" for name in names) + "\n"
    with reading(tmp_path, OPEN + columns(*(f"{name}: text" for name in names)), {"x.csv": text}) as read:
        assert read.kept(*(f'"{name}"' for name in names)) == [tuple(f"{name}!" for name in names)]


def test_order_and_case_of_columns_may_change_between_files(tmp_path: Path) -> None:
    files = {"a.csv": "UPRN,BAND\n1,A\n", "b.csv": "extra,band , Uprn\nx,B,2\n"}
    with reading(tmp_path, OPEN + PARTS + columns("UPRN: uprn", "BAND: category"), files) as read:
        assert read.kept("uprn", "band") == [(1, "A"), (2, "B")]
        assert read.files("columns_left_out") == [("",), ("extra",)]


def test_record_without_a_reference_is_known_by_its_row(tmp_path: Path) -> None:
    with reading(tmp_path, OPEN + columns("UPRN: uprn"), {"x.csv": "UPRN\n1\n1\n"}) as read:
        assert read.kept("record_id") == ["services/tax/x.csv#2", "services/tax/x.csv#3"]


def test_postcode_in_the_address_serves_where_the_column_does_not(tmp_path: Path) -> None:
    address = '"1 High St, Bath BA1 1AA"'
    text = f"A,PC\n{address},BA2 4BA\n{address},\n{address},BA2\n1 High St,x\n"
    with reading(tmp_path, OPEN + columns("A: address_line", "PC: postcode"), {"x.csv": text}) as read:
        assert read.kept("postcode") == ["BA2 4BA", "BA1 1AA", "BA1 1AA", None]
        assert read.kept("postcode_issue") == [
            None,
            "postcode_blank",
            "postcode_partial",
            "postcode_malformed",
        ]


def test_degrees_become_metres(tmp_path: Path) -> None:
    pairs = ["-2.3597,51.3814", "51.3814,-2.3597", "0,0", ",", "-2.3597,", "west,51.38", "1_0,51", "nan,inf"]
    text = "LON,LAT,ROW\n" + "".join(f"{pair},x\n" for pair in [*pairs, " -2.3597 , 51.3814 "])
    description = OPEN + columns("LON: longitude", "LAT: latitude")
    with reading(tmp_path, description, {"x.csv": text}) as read:
        eastings = read.kept("easting")
        assert eastings[0] == eastings[-1] is not None
        assert abs(eastings[0] - Decimal("374978")) < 100  # Bath
        assert read.kept("coordinates_issue") == [
            None, "coordinates_outside", "coordinates_outside", "coordinates_blank", "coordinates_malformed",
            "coordinates_malformed", "coordinates_malformed", "coordinates_malformed", None,
        ]  # fmt: skip
        assert eastings[1:8] == [None] * 7


# Personal values


CARE = PERSONAL + columns(
    "REF: record_reference",
    "NAME: personal",
    "/PHONE.*/: personal",
    "NHS: {is: personal, keep: keyed, as: person}",
    "BORN: {is: personal, keep: age_band, as: age}",
    "UPRN: uprn",
)
CARE += "exclude:\n  - {column: NAME, equals: CANARY Total, because: a total row}\n"
CARE += "  - {column: NOTES, matches: ^canary closed, because: closed}\n"
CARE_CSV = (
    "REF,NAME,PHONE1,PHONE2,NHS,BORN,UPRN,NOTES\n"
    f"{CANARY}-1,{CANARY} Ann,{CANARY}1,{CANARY}2,{CANARY} 943,1950-01-17 {CANARY},1,{CANARY} open\n"
    f" {CANARY}-2 ,{CANARY} Bob,,,{CANARY} 943 ,1990-01-17,2,\n"
    f"{CANARY}-3,{CANARY} Total,,,,,3,\n"
    f"{CANARY}-4,{CANARY} Eve,,,,,4,{CANARY} closed in May\n"
    f"n/a,{CANARY} Nobody,,,,,5,\n"
)


def test_personal_columns_never_reach_duckdb(tmp_path: Path) -> None:
    """Neither as a column nor in any table, nor in the Parquet that is written, nor where DuckDB spills to."""
    with reading(tmp_path, CARE, {"x.csv": CARE_CSV}) as read:
        assert (read.got.rows_kept, read.got.rows_rejected) == (2, 3)
        found = read.con.execute(
            "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
        )
        tables = [name for (name,) in found.fetchall()]
        assert {"typed", "kept", "rejected", "files"} <= set(tables)
        for name in tables:
            assert CANARY not in str(read.con.execute(f'SELECT * FROM "{name}"').fetchall()), name
            path = tmp_path / f"{name}.parquet"
            read.con.execute(
                f"COPY (SELECT * FROM \"{name}\") TO '{path}' (FORMAT parquet, COMPRESSION uncompressed)"
            )
            assert CANARY.encode() not in path.read_bytes(), name
        names = {name for (name, *_) in read.con.execute("DESCRIBE kept").fetchall()}
        assert not names & {"name", "phone", "nhs", "born", "notes", "ref"}
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_what_duckdb_is_given_to_scan_holds_no_personal_value(tmp_path: Path) -> None:
    """Not even in passing, for a rule about a column of names or a reference that is keyed."""
    authority = authority_with(tmp_path, CARE, {"x.csv": CARE_CSV})
    (dataset,) = authority.datasets
    (path,) = authority.dataset_files(dataset)
    with open_rows(path, dataset, lambda headers: "REF" in headers) as rows:
        plan = ingest._plan_dataset(dataset, "x.csv", path, rows, Pseudonyms(tmp_path), LeftOut(dataset))
        ((numbers, columns_of_file),) = rows.chunks
        given = plan.feed.cells(columns_of_file)
    assert len(numbers) == 5
    assert CANARY in str(columns_of_file)
    assert CANARY not in str(given)


def test_marks_and_bands(tmp_path: Path) -> None:
    with reading(tmp_path, CARE, {"x.csv": CARE_CSV}) as read:
        key = Pseudonyms(tmp_path)
        ids = [key.mark("tax", "record_reference", f"{CANARY}-{n}") for n in (1, 2)]
        person = key.mark("tax", "person", f"{CANARY} 943")
        assert read.kept("record_id", "person", "age") == [
            (ids[0], person, "75 to 84"),
            (ids[1], person, "18 to 64"),
        ]
        assert read.rejected() == [
            (4, "NAME", "excluded: a total row", 1),
            (5, "NOTES", "excluded: closed", 1),
            (6, "REF", "required: the record has no reference", 1),
        ]


def test_marks_of_two_datasets_do_not_meet(tmp_path: Path) -> None:
    marks = []
    for name in ("tax", "rent"):
        folder = tmp_path / name
        authority = authority_with(
            folder, PERSONAL + columns("REF: record_reference"), {"x.csv": "REF\nA\nB\n"}
        )
        if name != "tax":
            (folder / "services/tax").rename(folder / "services" / name)
            authority = load_authority(folder)
        with Warehouse(folder / "out").connect() as con:
            ingest.ingest_dataset(con, authority, authority.datasets[0], Pseudonyms(tmp_path))
            marks += [
                row[0] for row in con.execute("SELECT record_id FROM kept ORDER BY row_number").fetchall()
            ]
    assert len(set(marks)) == 4


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2026-09-30", "0 to 17"),
        ("2026-10-01", None),  # not born yet
        ("2008-10-01", "0 to 17"),
        ("2008-09-30", "18 to 64"),
        ("1961-10-01", "18 to 64"),
        ("1961-09-30", "65 to 74"),
        ("1951-10-01", "65 to 74"),
        ("1951-09-30", "75 to 84"),
        ("1941-10-01", "75 to 84"),
        ("1941-09-30", "85 and over"),
        ("1906-09-30", "85 and over"),
        ("1900-01-01", None),  # a date that systems write for none
        ("30/09/1941", "85 and over"),
        ("1941-09-30 00:00:00", "85 and over"),
        ("1941-09-30 anything", "85 and over"),
        ("09/30/1941", None),
        ("41-09-30", None),
        ("", None),
        (None, None),
    ],
)
def test_age_band_at_its_bounds(born: str | None, band: str | None) -> None:
    assert age_band(born, datetime.date(2026, 9, 30)) == band


def test_age_band_of_a_leap_day() -> None:
    assert age_band("2008-02-29", datetime.date(2026, 2, 28)) == "0 to 17"
    assert age_band("2008-02-29", datetime.date(2026, 3, 1)) == "18 to 64"
    assert age_band("29/02/08", datetime.date(2026, 3, 1), "%d/%m/%y") == "18 to 64"
    assert age_band("2008-02-29", None) is None


AGE = "BORN: {is: personal, keep: age_band, as: age}"


def test_age_is_that_at_the_event_where_the_extract_has_no_date(tmp_path: Path) -> None:
    description = PERSONAL.replace("as_at: 2026-09-30\n", "kind: flow\n") + columns(
        "NOTE: text", AGE, "ON: event_date"
    )
    text = "NOTE,BORN,ON\n2000-01-01,1950-06-01,31/05/2015\n2000-01-01,1950-06-01,2015-06-01\n,1950-06-01,x\n"
    with reading(tmp_path, description, {"events.csv": text}) as read:
        assert read.kept("age") == ["18 to 64", "65 to 74"]
        assert read.rejected() == [(4, "ON", "date_malformed: the event has no date that can be read", 1)]


def test_age_is_that_at_the_rows_own_date_of_the_extract(tmp_path: Path) -> None:
    description = PERSONAL.replace("2026-09-30", "{column: run}") + columns(
        "NOTE: text", AGE, "RUN: {is: as_at, format: '%d.%m.%Y'}"
    )
    text = (
        "NOTE,BORN,RUN\n2000-01-01,1950-06-01,31.05.2015\n2000-01-01,1950-06-01,01.06.2015\n,1950-06-01,x\n"
    )
    with reading(tmp_path, description, {"x.csv": text}) as read:
        assert read.kept("age", "as_at") == [
            ("18 to 64", datetime.date(2015, 5, 31)),
            ("65 to 74", datetime.date(2015, 6, 1)),
        ]
        assert read.rejected() == [(4, "run", "date_malformed: no date of the extract", 1)]
        assert read.files("as_at") == [(None,)]


# Rows left out


def test_rows_left_out_by_rule(tmp_path: Path) -> None:
    description = OPEN + columns("LSOA: area_code", "N: weight")
    description += "exclude:\n  - {column: LSOA, equals: [Total, '  ALL ROWS '], because: a total row}\n"
    description += (
        "  - {column: note, matches: ^old, because: old}\n  - {column: kind, blank: true, because: no kind}\n"
    )
    description += "keep_only: {column: level, equals: oa, because: another level}\n"
    rows = [
        "LSOA,N,note,kind,level",
        "E01000001,5,,k,OA",
        " total ,7,,k,oa",
        "All rows,1,,k,oa",
        "E01000002,2,Old one,k,oa",
        "E01000003,3,, - ,oa",
        "E01000004,4,,k,lsoa",
        "E01000005,6,,k,",
    ]
    with reading(tmp_path, description, {"x.csv": "\n".join(rows)}) as read:
        assert read.kept("area_code", "weight") == [("E01000001", 5)]
        assert read.rejected() == [
            (3, "LSOA", "excluded: a total row", 7),
            (4, "LSOA", "excluded: a total row", 1),
            (5, "note", "excluded: old", 2),
            (6, "kind", "excluded: no kind", 3),
            (7, "level", "excluded: another level", 4),
            (8, "level", "excluded: another level", 6),
        ]
        assert read.files("columns_left_out") == [("note, kind, level",)]


def test_rules_hold_alike_for_open_and_personal_data(tmp_path: Path) -> None:
    rules = "exclude:\n  - {column: K, equals: [total, 'x '], because: b}\n"
    rules += "  - {column: K, matches: 'o[lp]d$', because: b}\n  - {column: K, blank: true, because: b}\n"
    rules += "missing: [None given]\n"
    cells = [
        "Total",
        " x",
        "OLD",
        "older",
        "golD",
        "n/a",
        "none given",
        "",
        "fine",
        "\u00a0total\u00a0",
        "NONE",
    ]
    text = "K,UPRN\n" + "\n".join(f"{cell},{n}" for n, cell in enumerate(cells, start=1))
    kept = []
    for top in (OPEN, PERSONAL):
        with reading(tmp_path, top + columns("K: category", "UPRN: uprn") + rules, {"x.csv": text}) as read:
            kept.append(read.kept("uprn"))
    assert kept == [[4, 9], [4, 9]]


def test_weights_of_several_columns(tmp_path: Path) -> None:
    description = OPEN + columns("/BAND [AB]/: weight", "C: weight") + "missing: ['*']\n"
    rows = [
        "Band A,BAND B,c",
        "1,2,3",
        ',"1,000",',
        "*,,",
        "1,x,3",
        "1,-5,3",
        "1,2.5,3",
        "1.0,0,0",
        "1,9999999999999,1",
    ]
    with reading(tmp_path, description, {"x.csv": "\n".join(rows)}) as read:
        assert read.kept("row_number", "weight") == [(2, 6), (3, 1000), (8, 1)]
        malformed = "number_malformed: wanted a whole number, 0 or more"
        assert read.rejected() == [
            (4, "/BAND [AB]/, C", "withheld: the publisher gives no number", 0),
            (5, "/BAND [AB]/, C", malformed, 4),
            (6, "/BAND [AB]/, C", malformed, 4),
            (7, "/BAND [AB]/, C", malformed, 4),
            (9, "/BAND [AB]/, C", malformed, 2),
        ]


def test_required_values(tmp_path: Path) -> None:
    description = OPEN + columns("UPRN: {is: uprn, required: true}", "BAND: {is: category, required: true}")
    text = "UPRN,BAND\n1,A\n0,A\nx,A\n,A\n1,\n"
    with reading(tmp_path, description, {"x.csv": text}) as read:
        assert read.kept("row_number") == [2]
        reason = "required: the value is missing or malformed"
        assert read.rejected() == [
            (3, "UPRN", reason, 1),
            (4, "UPRN", reason, 1),
            (5, "UPRN", reason, 1),
            (6, "BAND", reason, 1),
        ]


def test_blank_rows_count_for_nothing(tmp_path: Path) -> None:
    with reading(
        tmp_path, OPEN + columns("UPRN: uprn", "B: category"), {"x.csv": "UPRN,B\n1,A\n\n2\n3,C\n\n"}
    ) as read:
        assert read.rejected() == [
            (3, "", "blank_row", 0),
            (4, "", "wrong_width: 1 fields where the header has 2", 1),
        ]
        assert read.files("rows_read", "weight_read") == [(4, 3)]


def many(count: int, start: int = 0) -> str:
    return "".join(f"R{n},A\n" for n in range(start, start + count))


def test_same_reference_twice_in_one_extract(tmp_path: Path) -> None:
    description = PERSONAL.replace("2026-09-30", "file_name") + PARTS
    description += columns("REF: record_reference", "BAND: category")
    files = {
        "x_2026-08.csv": "REF,BAND\n" + many(60),
        "x_2026-09a.csv": "REF,BAND\n" + many(60) + " r0 ,B\n",
        "x_2026-09b.csv": "REF,BAND\n" + many(40, 60) + "R1,C\n",
    }
    with reading(tmp_path, description, files) as read:
        assert read.rejected() == [
            (62, "as_at, record_id", "duplicate: an earlier row has the same key", 1),
            (42, "as_at, record_id", "duplicate: an earlier row has the same key", 1),
        ]
        assert set(read.kept("band")) == {"A"}
        assert read.got.rows_kept == 160


def test_events_come_once_over_all_extracts(tmp_path: Path) -> None:
    description = OPEN.replace("as_at: 2026-09-30\n", "kind: flow\n") + columns(
        "REF: record_reference", "ON: event_date"
    )
    files = {
        "a.csv": "REF,ON\n" + "".join(f"{n},2026-05-01\n" for n in range(60)),
        "b.csv": "REF,ON\n" + "".join(f"{n},2026-06-01\n" for n in range(59, 90)),
    }
    with reading(tmp_path, description, files) as read:
        assert read.rejected() == [(2, "record_id", "duplicate: an earlier row has the same key", 1)]
        assert read.kept("record_id")[59] == "59"


def test_reference_that_is_none_refuses_everything(tmp_path: Path) -> None:
    """Better nothing than a tenth of the records, under a column that is no key."""
    description = PERSONAL + columns("PERSON: record_reference", "UPRN: uprn")
    text = "PERSON,UPRN\n" + "".join(f"{CANARY}{n % 5},{n}\n" for n in range(50))
    with reading(tmp_path, description, {"x.csv": text}) as read:
        assert read.refusal().startswith("45 of 50 rows repeat the key (as_at, record_id) of an earlier row")
        assert read.files("status", "rows_read", "weight_read") == [("refused", 0, 0)]


# Files


def test_same_file_twice(tmp_path: Path) -> None:
    with reading(
        tmp_path, OPEN + columns("UPRN: uprn"), {"a.csv": "UPRN\n1\n", "b.csv": "UPRN\n1\n"}
    ) as read:
        assert read.got.refused == (
            ("services/tax/b.csv", "the same file as services/tax/a.csv: remove one"),
        )
        assert read.kept("file") == ["services/tax/a.csv"]


def test_one_refused_file_beside_a_good_one(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.csv": "UPRN\n1\n",
        "b.csv": "UPRN\n1\n\n2,3\n" + '"\n' + "4\n" * 3000,  # goes wrong after rows were read and rejected
        "c.csv": "UPRN\n5\n",
    }
    with reading(tmp_path, OPEN + PARTS + columns("UPRN: uprn"), files) as read:
        assert [file for file, _ in read.got.refused] == ["services/tax/b.csv"]
        assert read.kept("uprn") == [1, 5]
        assert read.rejected() == []
        assert read.files("status", "rows_read") == [("read", 1), ("refused", 0), ("read", 1)]


def test_missing_column_and_the_nearest(tmp_path: Path) -> None:
    description = PERSONAL + columns(
        "UPRN: uprn", "BAND: category", "NAME: personal", "/amount .*/: {is: measure, as: amount}"
    )
    text = f"Report\nUPRNs,Bands,Name,Old\n{CANARY},A,{CANARY},{CANARY}\n"
    with reading(tmp_path, description, {"x.csv": text}) as read:
        message = read.refusal()
    assert message == (
        "wanted the column(s) `UPRN` (did you mean `UPRNs`?), `BAND` (did you mean `Bands`?), `/amount .*/`; found "
        "`UPRNs`, `Bands`, `Name`, `Old`. If that is a new name of the same column, confirm it in the description, and "
        "leave the rest of the line as it is: `BAND: {is: category, also: [Bands], ...}`; else correct the file"
    )


def test_file_without_a_header_tells_no_value(tmp_path: Path) -> None:
    description = PERSONAL + columns(
        "UPRN: uprn", "NAME: {is: personal, keep: keyed}", "BORN: {is: personal, keep: age_band}"
    )
    text = f"1,{CANARY} Name,1950-01-17\n2,{CANARY} Born,1951-01-17\n"
    with reading(tmp_path, description, {"x.csv": text}) as read:
        assert "looks like their header" in read.refusal()
    with reading(tmp_path, description + "header_row: 2\n", {"x.csv": text}) as read:
        assert "looks like their header" in read.refusal()


def test_header_that_could_mean_two_things(tmp_path: Path) -> None:
    cases = {
        ("UPRN: uprn",): "wanted one column `UPRN`; found `UPRN` and `uprn`: say which it is",
        (
            "/BAND.*/: weight",
            "Band A: weight",
        ): "`Band A` is meant by both `/BAND.*/` and `Band A`: say which it is",
        ("Band A: weight", "/name.*/: {is: personal, keep: keyed, as: n}"): (
            "wanted one column `/name.*/`; found `name 1` and `name 2`: say which it is"
        ),
        ("X: weight",): "wanted one column `X`; found `X` and `X`: say which it is",
    }
    text = "UPRN,uprn,Band A,name 1,name 2,X,X\n1,2,3,a,b,1,1\n"
    for lines, reason in cases.items():
        with reading(tmp_path, PERSONAL + columns(*lines), {"x.csv": text}) as read:
            assert read.refusal() == reason


def test_unreadable_files_are_refused_not_fatal(tmp_path: Path) -> None:
    """A file that goes while it is looked at stands for one that another program holds fast."""
    authority = authority_with(
        tmp_path, OPEN + PARTS + columns("UPRN: uprn"), {"a.csv": "UPRN\n1\n", "b.csv": "UPRN\n2\n"}
    )
    dataset = authority.datasets[0]
    paths = authority.dataset_files(dataset)
    folder_named_so = tmp_path / "services/tax/c.csv"
    folder_named_so.mkdir()
    with Warehouse(tmp_path / "out").connect() as con:
        table = ingest.dataset_table(dataset)
        run = ingest._Ingest(con, authority, dataset, table, ())
        plan = ingest._plan_dataset
        got = run.run(
            [*paths, folder_named_so],
            lambda path, rows: plan(
                dataset, authority.shown(path), path, rows, Pseudonyms(tmp_path), LeftOut(dataset)
            ),
        )
        ((file, reason),) = got.refused
        assert file == "services/tax/c.csv"
        assert reason.startswith("wanted to read it; found ")
        assert got.rows_kept == 2


@pytest.mark.parametrize(
    ("stem", "found"),
    [
        ("council_tax_2026-09", "2026-09-30"),
        ("council_tax_202602", "2026-02-28"),
        ("council_tax_2024-02", "2024-02-29"),
        ("2026-12", "2026-12-31"),
        ("x 2026.09.15", "2026-09-15"),
        ("x20260915", "2026-09-15"),
        ("2026-08-01_to_2026-08-31", "2026-08-31"),
        ("x_2026-09-31", None),
        ("x_2026-13", None),
        ("x_30-09-2026", None),
        ("x_30092026", None),
        ("x_202609151200", None),
        ("x_1899-09", None),
        ("council_tax", None),
    ],
)
def test_date_in_a_files_name(stem: str, found: str | None) -> None:
    assert date_in_name(stem) == (datetime.date.fromisoformat(found) if found else None)


def test_snapshot_without_a_date_is_refused(tmp_path: Path) -> None:
    description = OPEN.replace("as_at: 2026-09-30\n", "") + columns("UPRN: uprn")
    files = {"tax_2026-09.csv": "UPRN\n1\n", "tax_old.csv": "UPRN\n2\n"}
    with reading(tmp_path, description, files) as read:
        assert read.got.refused == (
            ("services/tax/tax_old.csv", "wanted a date in the file's name (such as tax_2026-09.csv); found none: "
             "rename the file, or set `as_at`"),
        )  # fmt: skip
        assert read.kept("as_at") == [datetime.date(2026, 9, 30)]


def test_no_files_yet(tmp_path: Path) -> None:
    with reading(tmp_path, OPEN + columns("UPRN: uprn"), {}) as read:
        assert read.got == Ingested(0, 0, 0, 0, ())
        assert read.kept("uprn") == []


def test_one_table_in_five_formats(tmp_path: Path) -> None:
    """The same rows, whatever the file: also dates with a stated form, which a spreadsheet gives as true dates."""
    rows = [(100023336956, datetime.date(2026, 9, 30), "A"), (199356, None, None)]
    book = openpyxl.Workbook()
    book.active.append(["UPRN", "START", "BAND"])
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    table = pa.table(
        {
            name: list(column)
            for name, column in zip(("UPRN", "START", "BAND"), zip(*rows, strict=True), strict=True)
        }
    )
    parquet = io.BytesIO()
    pq.write_table(table, parquet)
    text = "UPRN,START,BAND\n100023336956,30/09/2026,A\n000000199356,,\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.csv", text)
    description = OPEN + columns(
        "UPRN: uprn", "START: {is: date, as: start, format: '%d/%m/%Y'}", "BAND: category"
    )
    for name, content in {
        "x.csv": text.encode(),
        "x.zip": packed.getvalue(),
        "x.xlsx": buffer.getvalue(),
        "x.parquet": parquet.getvalue(),
    }.items():
        with reading(tmp_path / name, description, {name: content}) as read:
            assert read.kept("uprn", "start", "band") == [
                (100023336956, datetime.date(2026, 9, 30), "A"),
                (199356, None, None),
            ]
            # Where a number is a number, it has no zeros in front.
            padded = ["uprn: uprn_padded"] if name in {"x.csv", "x.zip"} else []
            assert read.kept("issues") == [[], padded]


def test_canaries_in_every_kind_of_broken_file(tmp_path: Path) -> None:
    """Whatever is wrong with a file, what is said of it holds no value, and nothing is kept of it."""
    good = "REF,NAME,UPRN\n" + "".join(f"{CANARY}{n},{CANARY} {n},{n}\n" for n in range(3000))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", good)
    middle = len(good) // 2
    files: dict[str, bytes] = {
        "open mark.csv": (good[:middle] + '\n"' + good[middle:]).encode(),
        "bytes.csv": good.encode() + b"\x81\x8d",
        "cut.zip": packed.getvalue()[:-200],
        "middle.zip": packed.getvalue()[:2000] + b"\x00" * 200 + packed.getvalue()[2200:],
        "page.csv": f"<html><body>{CANARY}</body></html>".encode(),
        "not.xlsx": good.encode(),
        "not.parquet": good.encode(),
        "not.gpkg": good.encode(),
        "not.geojson": good.encode(),
    }
    description = PERSONAL + columns(
        "REF: record_reference", "NAME: {is: personal, keep: keyed, as: person}", "UPRN: uprn"
    )
    for name, content in files.items():
        with reading(tmp_path / name, description, {name: content}) as read:
            assert read.refusal(), name


# Whatever comes


CELLS = [
    "", " ", "\u00a0", "0", "-1", "1", "12", "1.0", "1e9", "1,000", "1,5", "£5", "999999999999999999999", "nan",
    "inf", "-inf", "n/a", "NULL", "None", "Total", "total ", "2026-09-30", "30/09/2026", "13/13/2026", "0001-01-01",
    "9999-12-31", "BA2 4BA", "ba24ba", "E01000001", "375000", "165000", "51.38", "-2.36", "100023336956",
    "100023336956.0", "1.00023E+11", "a,b", "a\nb", 'a"b', "'; DROP TABLE typed; --", "a'b", "{}", "%s", "\\",
    "\u2028", "\U0001f3e0", "é", "\x00", "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_it_adds_up(seed: int, tmp_path: Path) -> None:
    """Random tables of awkward cells, ragged and gapped, under random descriptions: every row ends in one place."""
    chance = random.Random(seed)
    roles = [
        "uprn", "usrn", "postcode", "area_code", "address_line", "property_reference", "text",
        "{is: category, values: [A]}", "{is: measure}", "{is: measure, type: integer}", "date",
        "{is: personal, keep: keyed}", "{is: personal, keep: age_band}", "personal", "ignore",
    ]  # fmt: skip
    lines = [f"C{i}: {role}" for i, role in enumerate(roles) if chance.random() < 0.7]
    pair = chance.choice([("easting", "northing"), ("longitude", "latitude")])
    lines += [f"X: {pair[0]}", f"Y: {pair[1]}"]
    lines += chance.choice([[], ["W1: weight"], ["/W[12]/: weight"]])
    lines += chance.choice([[], ["REF: record_reference"]])
    top = chance.choice([PERSONAL, OPEN]) + PARTS + ANYTHING
    if chance.random() < 0.4:
        top, lines = top + "kind: flow\n", [*lines, "ON: event_date"]
    rules = "exclude: [{column: C0, equals: total, because: b}, {column: X, matches: '^-', because: b}]\n"
    rules += chance.choice(["", "keep_only: {column: Y, blank: true, because: b}\n", "missing: ['1', x]\n"])
    headers = [*(f"C{i}" for i in range(len(roles))), "X", "Y", "W1", "W2", "REF", "ON", "MORE"]
    files: dict[str, str | bytes] = {}
    written = 0
    for number in range(3):
        chance.shuffle(headers)
        out = io.StringIO()
        writer = csv.writer(
            out,
            delimiter=chance.choice(",;\t|"),
            lineterminator=chance.choice(["\n", "\r\n"]),
            quoting=csv.QUOTE_ALL,
        )
        writer.writerow(headers)
        count = chance.randrange(1, 200)
        for n in range(count):
            row = [chance.choice(CELLS) for _ in headers]
            row[headers.index("REF")] = str(n if chance.random() < 0.98 else 0)
            if n < count - 1 and chance.random() < 0.05:
                row = row[: chance.randrange(len(row))] if chance.random() < 0.5 else [*row, "x"]
            writer.writerow(row)
        written += count
        files[f"{number}.csv"] = out.getvalue().encode(chance.choice(["utf-8", "utf-8-sig", "utf-16"]))
    with reading(tmp_path, top + columns(*lines) + rules, files) as read:
        assert read.got.refused == () or "rows repeat the key" in read.got.refused[0][1]
        if not read.got.refused:
            assert read.got.rows_read == written
        assert read.con.execute(
            "SELECT count(*) FROM kept WHERE weight < 0 OR uprn < 1 OR row_number < 2"
        ).fetchall() == [(0,)]


def test_rows_that_are_lost_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's own count is held against what came of its rows; here a plan that loses one stands for a fault."""
    load = ingest._Ingest._load
    monkeypatch.setattr(ingest._Ingest, "_load", lambda self, *a: load(self, *a) + 1)
    authority = authority_with(tmp_path, OPEN + columns("UPRN: uprn"), {"x.csv": "UPRN\n1\n"})
    message = r"services\.tax: in 1 file\(s\) the rows kept and rejected are not those read"
    with Warehouse(tmp_path / "out").connect() as con, pytest.raises(ingest.RowsLost, match=message):
        ingest.ingest_dataset(con, authority, authority.datasets[0], Pseudonyms(tmp_path))


def test_same_files_give_the_same_rows(tmp_path: Path) -> None:
    """On one thread or four, whatever the order on disk."""
    text = {f"x{n}.csv": "REF,UPRN\n" + "".join(f"{r},{r * n}\n" for r in range(3000)) for n in range(1, 4)}
    answers = []
    for threads in (1, 4):
        authority = authority_with(
            tmp_path, OPEN + columns("REF: record_reference", "UPRN: uprn"), dict(text)
        )
        with Warehouse(tmp_path / "out", threads=threads).connect() as con:
            dataset: Dataset = authority.datasets[0]
            ingest.ingest_dataset(con, authority, dataset, Pseudonyms(tmp_path))
            answers.append(con.execute("SELECT * FROM rejected ORDER BY file, row_number").fetchall())
            answers.append(con.execute("SELECT * FROM files ORDER BY file").fetchall())
    assert answers[0] == answers[2]
    assert answers[1] == answers[3]


# Open sources


def source_read(folder: Path, source: str, files: dict[str, str], description: str = "") -> Read:
    """An open source read on a connection that stays open."""
    own = folder / "sources" / source
    own.mkdir(parents=True)
    (folder / "authority.yaml").write_text(f"name: Test\ncode: {CODE}\narea_vintage: 2021\n", "utf-8")
    if description:
        (own / "source.yaml").write_text(description, "utf-8")
    for name, text in files.items():
        (own / name).write_text(text, "utf-8")
    authority = load_authority(folder)
    found = next(one for one in authority.sources if one.name == source)
    con = duckdb.connect()
    read = Read(con, ingest.ingest_source(con, authority, found))
    read_files = read.files("rows_read", "rows_kept", "rows_rejected")
    assert all(rows == kept + rejected for rows, kept, rejected in read_files)
    return read


def test_source_needs_only_its_required_columns(tmp_path: Path) -> None:
    text = "uprn,X_COORDINATE,Y_COORDINATE\n100023336956,530003.00,179904.00\n,1,1\n100023336956,2,2\n5,x,2\n"
    text += "".join(f"{n},2,2\n" for n in range(10, 100))
    read = source_read(tmp_path, "os_open_uprn", {"osopenuprn_202610.csv": text})
    rows = read.con.execute("SELECT uprn, easting, latitude FROM kept ORDER BY uprn DESC").fetchall()
    assert rows[0] == (100023336956, Decimal(530003), None)
    assert len(rows) == 91
    assert read.rejected() == [
        (3, "uprn", "required: the value is missing or malformed", 1),
        (4, "uprn", "duplicate: an earlier row has the same key", 1),
        (5, "easting", "required: the value is missing or malformed", 1),
    ]


def test_vintage_comes_from_the_header(tmp_path: Path) -> None:
    header = "UPRN,PCDS,OA21CD,lsoa21cd,LAD25CD"
    files = {
        "ONSUD_OCT_2026_LN.csv": f"{header}\n1,QX1 1AA,E00000001,E01000001,{CODE}\n",
        "ONSUD_OCT_2026_SE.csv": f"{header.replace('21', '11').lower()}\n2,QX1 1AB,E00000002,E01000002,{CODE}\n",
    }
    read = source_read(tmp_path, "onsud", files)
    assert read.con.execute(
        "SELECT uprn, oa_code, lsoa_code, vintage FROM kept ORDER BY uprn"
    ).fetchall() == [
        (1, "E00000001", "E01000001", "21"),
        (2, "E00000002", "E01000002", "11"),
    ]


def test_counts_of_several_columns_of_a_source_are_summed(tmp_path: Path) -> None:
    text = 'LSOA 2021 Code,Total,F65 and over,M65 and over\nE01000001,"1,500",100,50\nE01000002,10,,5\n'
    read = source_read(tmp_path, "population", {"p.csv": text})
    assert read.con.execute("SELECT people, people_65_and_over FROM kept ORDER BY area_code").fetchall() == [
        (1500, 150),
        (10, None),
    ]


def test_source_with_one_header_twice_is_refused(tmp_path: Path) -> None:
    """Total of persons, of women and of men must not be added up."""
    text = "LSOA 2021 Code,Total,Total,Total\nE01000001,3,1,2\n"
    assert (
        source_read(tmp_path, "population", {"p.csv": text}).refusal() == "wanted one column `Total`; found 3"
    )


def test_source_that_lacks_a_column_names_its_ways(tmp_path: Path) -> None:
    read = source_read(
        tmp_path,
        "population",
        {"p.csv": "LSOA 2021 Code,Totals,F65 and over,M65 and over\nE01000001,1,1,1\n"},
    )
    assert read.refusal() == (
        "wanted the column(s) `Total` (did you mean `Totals`?); found `LSOA 2021 Code`, `Totals`, `F65 and over`, "
        "`M65 and over`; correct the file, or the description if a column has a new name"
    )


# Whom a record is about


def test_subject_is_the_mark_of_the_column_that_identifies(tmp_path: Path) -> None:
    described = PERSONAL + columns(
        "CASE: record_reference", "WHO: {is: personal, keep: keyed, identifies: person}"
    )
    csv_text = f"CASE,WHO\n1,{CANARY} Ann\n2,{CANARY} ann\n3,\n4,{CANARY} Bea\n"
    with reading(tmp_path, described, {"x.csv": csv_text}) as read:
        subjects = read.kept("subject")
        assert subjects == read.kept("who")
        assert subjects[0] == subjects[1] == Pseudonyms(tmp_path).mark("tax", "who", f"{CANARY} Ann")
        assert subjects[2] is None
        assert subjects[3] not in (None, subjects[0])
        assert not set(subjects) & set(read.kept("record_id"))


def test_subject_is_empty_where_the_extract_names_none(tmp_path: Path) -> None:
    described = PERSONAL + columns("CASE: record_reference", "WHO: {is: personal, keep: keyed}")
    with reading(tmp_path, described, {"x.csv": f"CASE,WHO\n1,{CANARY}\n"}) as read:
        assert read.kept("subject") == [None]
