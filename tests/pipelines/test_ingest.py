"""From files to typed tables: what is kept, what is rejected and why, that it adds up, and that nothing leaks."""

from __future__ import annotations

import csv
import datetime
import io
import random
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import ingest
from pipelines.authority import Dataset
from pipelines.extracts import date_in_name
from pipelines.forgetting import LeftOut
from pipelines.ingest import Ingested
from pipelines.pseudonyms import ENVIRONMENT, Pseudonyms
from pipelines.reading_plan import plan_dataset
from pipelines.warehouse import Warehouse
from tests.one_dataset import CANARY, OPEN, PARTS, PERSONAL, authority_with, columns, reading, source_read

ANYTHING = "unreadable_percent: 100\n"


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "k" * 32)
    monkeypatch.delenv("PLACES_DATA", raising=False)


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
        plan = plan_dataset
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


def test_source_that_counts_fewer_than_none(tmp_path: Path) -> None:
    """Such a row is rejected; one that merely withholds a figure that need not be there is kept without it."""
    text = "LSOA 2021 Code,Total,F65 and over,M65 and over,year\n"
    figures = ("10,2,3", '"-22,870",1,1', "-1,1,1", "10,-1,3", "10,*,3", "1.5,1,1", "0,0,0")
    text += "".join(f"E0100000{n},{row},2025\n" for n, row in enumerate(figures, 1))
    read = source_read(tmp_path, "population", {"p_2025.csv": text})
    kept = read.con.execute("SELECT area_code, people, people_65_and_over FROM kept ORDER BY 1").fetchall()
    assert kept == [("E01000001", 10, 5), ("E01000005", 10, None), ("E01000007", 0, 0)]
    wanted = "number_malformed: wanted a whole number, 0 or more"
    assert read.rejected() == [
        (3, "people", wanted, 1),
        (4, "people", wanted, 1),
        (5, "people_65_and_over", wanted, 1),
        (7, "people", "required: the value is missing or malformed", 1),
    ]


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
