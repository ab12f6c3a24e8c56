"""What each column of a file means for its rows: typed, dropped, keyed, banded, rejected."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines import ingest
from pipelines.authority import load_authority
from pipelines.forgetting import LeftOut
from pipelines.formats import open_rows
from pipelines.pseudonyms import ENVIRONMENT, Pseudonyms
from pipelines.reading_plan import age_band, plan_dataset
from pipelines.warehouse import Warehouse
from tests.one_dataset import (
    CANARY,
    CODE,
    OPEN,
    PARTS,
    PERSONAL,
    authority_with,
    columns,
    reading,
    source_read,
)


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "k" * 32)
    monkeypatch.delenv("PLACES_DATA", raising=False)


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
        plan = plan_dataset(dataset, "x.csv", path, rows, Pseudonyms(tmp_path), LeftOut(dataset))
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


# Open sources


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
