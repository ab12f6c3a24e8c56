"""From file to file: every row accounted for, former files left where something fails, large gazetteers by district."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.address.files import Account, FileUnusable, match_files, uprn_in
from pipelines.address.gazetteer import Entry
from tests.small_gazetteer import ENTRIES, TEXTS, whole_text

RECORDS = [
    ("a", "14 Mill Lane, Oldmere", "QX1 1AA"),
    ("b", "Flat 4, Victoria Court", "QX1 1AC"),
    ("c", "2 High Street, Oldmere", "QX1 1AC"),
    ("d", "1 Nowhere Road", "QX1 1AA"),
    ("e", "5 Station Road, Newmere", ""),
    ("f", "", ""),
]


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as to:
        csv.writer(to).writerows([header, *rows])
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture
def gazetteer(tmp_path: Path) -> Path:
    return write(
        tmp_path / "gazetteer.csv",
        Entry._fields,
        [["" if v is None else v for v in entry] for entry in _told()],
    )


def _told() -> list[Entry]:
    return [entry._replace(address=whole_text(entry)) for entry in ENTRIES]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write(tmp_path / "records.csv", ("record_id", "address", "postcode"), RECORDS)


def decide(gazetteer: Path, records: Path, **more: int) -> tuple[Account, list[dict[str, str]]]:
    output = records.with_name("output.csv")
    return match_files(gazetteer, records, output, **more), rows_of(output)


def test_each_record_has_its_row_in_their_order(gazetteer: Path, records: Path) -> None:
    account, rows = decide(gazetteer, records)
    assert [(row["record_id"], row["outcome"], row["uprn"], row["building_uprn"]) for row in rows] == [
        ("a", "matched", "102", ""),
        ("b", "building", "", "200"),
        ("c", "review", "", ""),
        ("d", "none", "", ""),
        ("e", "matched", "401", ""),
        ("f", "none", "", ""),
    ]
    assert (account.records_read, account.records_kept, account.gazetteer_kept) == (6, 6, len(ENTRIES))
    assert account.outcomes == {"matched": 2, "building": 1, "review": 1, "none": 2}
    assert sum(account.reasons.values()) == 4
    assert all(row["reason"] and row["score"].isdigit() for row in rows)


def test_candidates_best_first_and_in_what_they_differ(gazetteer: Path, records: Path) -> None:
    decide(gazetteer, records)
    found = [row for row in rows_of(records.with_name("output_candidates.csv")) if row["record_id"] == "c"]
    assert [(row["rank"], row["uprn"]) for row in found[:2]] == [("1", "300"), ("2", "301")]
    assert found[1]["differs"] == "the record does not name the organisation"
    assert found[1]["address"] == "PELLOWS BAKERY, 2 HIGH STREET, OLDMERE"


def test_rows_that_cannot_be_used_are_told_with_their_reason(tmp_path: Path) -> None:
    gazetteer = write(
        tmp_path / "gazetteer.csv",
        ("UPRN ", "Address", "status"),
        [
            ("1", "14 MILL LANE, OLDMERE", "Approved"),
            ("x", "2 MILL LANE", ""),
            ("1234567890123", "3 MILL LANE", ""),
            ("4", "", ""),
            ("5", "5 MILL LANE", "gone"),
            ("0000006.0", "6 MILL LANE, OLDMERE", "1"),
            (),
            ("0", "7 MILL LANE", ""),
            ("100023000000", "8 MILL LANE, OLDMERE", ""),  # rounded by a spreadsheet
        ],
    )
    records = write(
        tmp_path / "records.csv",
        ("record_id", "address"),
        [
            ("a", "6 Mill Lane"),
            ("", "14 Mill Lane"),
            ("b",),
            ("a", "14 Mill Lane"),
            ("c", "6 Mill Lane", "QX1"),
        ],
    )
    account, rows = decide(gazetteer, records)
    assert [(row["record_id"], row["uprn"]) for row in rows] == [("a", "6"), ("a", "1")]
    assert account.records_repeated == 1
    refused = rows_of(tmp_path / "output_rejected.csv")
    assert [(row["file"], row["row"], row["column"]) for row in refused] == [
        ("gazetteer.csv", "3", "uprn"),
        ("gazetteer.csv", "4", "uprn"),
        ("gazetteer.csv", "5", "address"),
        ("gazetteer.csv", "6", "status"),
        ("gazetteer.csv", "9", "uprn"),
        ("gazetteer.csv", "10", "uprn"),
        ("records.csv", "3", "record_id"),
        ("records.csv", "4", ""),
        ("records.csv", "6", ""),
    ]
    read = account.gazetteer_read + account.records_read
    assert read == account.gazetteer_kept + account.records_kept + len(refused) == 13
    assert not any("MILL" in row["reason"] for row in refused)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_as_spreadsheets_write_them(tmp_path: Path, encoding: str) -> None:
    gazetteer, records = tmp_path / "gazetteer.csv", tmp_path / "records.csv"
    gazetteer.write_text('uprn;address\n7;"2 CAF\u00c9 ROW, OLDMERE"\n', encoding=encoding)
    records.write_text(
        "record_id;address\na;2 Caf\u00e9 Row\\, Oldmere\n".replace("\\", ""), encoding=encoding
    )
    assert [row["uprn"] for row in decide(gazetteer, records)[1]] == ["7"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "wanted the column(s) uprn, address; found nothing"),
        (b"id,text\n1,2\n", "wanted the column(s) uprn, address; found id, text"),
        (b"uprn,uprn,address\n1,2,3\n", "wanted the column uprn once; found it 2 times"),
        (b"PK\x03\x04", "found a ZIP or a spreadsheet"),
        (b'uprn,address\n1,"12 Mill Lane\n2,14 Mill Lane\n', "found a quotation mark that is not closed"),
        (b"uprn,address\n", "wanted at least one row with a UPRN and an address; found 0 rows"),
        (b"uprn,address\nx,y\n", "found 1 rows, none of them usable"),
        (b'uprn,address\n1,"' + b"x" * 200_000 + b'"\n', "found 1 rows, none of them usable"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, records: Path, content: bytes, said: str) -> None:
    gazetteer = tmp_path / "gazetteer.csv"
    gazetteer.write_bytes(content)
    output = tmp_path / "output.csv"
    output.write_text("as it was", "utf-8")
    with pytest.raises(FileUnusable) as error:
        match_files(gazetteer, records, output)
    assert said in str(error.value) and "gazetteer.csv" in str(error.value)
    assert output.read_text("utf-8") == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gazetteer.csv", "output.csv", "records.csv"]


def test_no_such_file_or_a_folder(tmp_path: Path, gazetteer: Path) -> None:
    with pytest.raises(FileUnusable, match="no such file"):
        match_files(gazetteer, tmp_path / "none.csv", tmp_path / "output.csv")
    with pytest.raises(FileUnusable, match="a folder"):
        match_files(tmp_path, gazetteer, tmp_path / "output.csv")


def test_never_over_what_it_is_made_from(gazetteer: Path, records: Path) -> None:
    for output in (gazetteer, records):
        with pytest.raises(FileUnusable, match="written over what it is made from"):
            match_files(gazetteer, records, output)


def test_other_separators_and_a_byte_order_mark(tmp_path: Path) -> None:
    gazetteer = tmp_path / "gazetteer.csv"
    gazetteer.write_text("\ufeffuprn;address;postcode\r\n102;14 Mill Lane, Oldmere;QX1 1AA\r\n", "utf-8")
    records = tmp_path / "records.csv"
    records.write_text("record_id\taddress\tpostcode\na\t14 Mill Lane\tQX1 1AA\n", "utf-8")
    assert decide(gazetteer, records)[1][0]["uprn"] == "102"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_halfway_leaves_the_former_files(gazetteer: Path, tmp_path: Path) -> None:
    """Killed while it waits for more records (a pipe), after some were decided."""
    output = tmp_path / "output.csv"
    output.write_text("as it was", "utf-8")
    records = tmp_path / "records.csv"
    os.mkfifo(records)
    code = (
        "import sys, pathlib, pipelines.address.files as f; f.match_files(*map(pathlib.Path, sys.argv[1:]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(gazetteer), str(records), str(output)])
    # The reader opens it twice: once to see what it is, then to read.
    head = records.open("wb")
    head.write(b"record_id,address\n")
    head.close()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(tmp_path.glob(".output*")):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert output.read_text("utf-8") == "as it was"
    assert not (tmp_path / "output_candidates.csv").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_files_are_for_their_owner_alone(gazetteer: Path, records: Path) -> None:
    decide(gazetteer, records)
    assert {path.stat().st_mode & 0o077 for path in records.parent.glob("output*")} == {0}


@pytest.mark.parametrize("entries", [ENTRIES, TEXTS], ids=["fields", "texts"])
def test_by_district_decides_as_in_memory_where_there_is_a_postcode(
    tmp_path: Path, entries: list[Entry]
) -> None:
    gazetteer = write(
        tmp_path / "gazetteer.csv",
        Entry._fields,
        [["" if v is None else v for v in entry] for entry in entries],
    )
    given = [(str(at), whole_text(entry), entry.postcode) for at, entry in enumerate(ENTRIES)]
    given += [(f"x{at}", text.replace("1", "4"), postcode) for at, text, postcode in given]
    records = write(tmp_path / "records.csv", ("record_id", "address", "postcode"), given)
    account, whole = decide(gazetteer, records)
    parted, by_district = decide(gazetteer, records, largest_whole=0)
    assert [(row["record_id"], row["uprn"], row["building_uprn"]) for row in by_district] == [
        (row["record_id"], row["uprn"], row["building_uprn"]) for row in whole
    ]
    assert parted.outcomes["matched"] == account.outcomes["matched"] > 50
    assert not list(tmp_path.glob(".*"))


def test_by_district_finds_a_town_and_leaves_what_might_be_anywhere(gazetteer: Path, tmp_path: Path) -> None:
    given = [
        ("town", "5 Station Road, Newmere", ""),
        ("wrong postcode", "5 Station Road, Newmere", "QX1 2ZZ"),
        ("anywhere", "5 Station Road", ""),
        ("other district", "5 Station Road, Newmere", "ZZ9 9ZZ"),
    ]
    records = write(tmp_path / "records.csv", ("record_id", "address", "postcode"), given)
    _, rows = decide(gazetteer, records, largest_whole=0)
    assert [(row["record_id"], row["outcome"], row["uprn"]) for row in rows] == [
        ("town", "matched", "401"),
        ("wrong postcode", "matched", "401"),
        ("anywhere", "review", ""),
        ("other district", "matched", "401"),
    ]


@pytest.mark.parametrize(
    ("text", "uprn"),
    [
        ("100012345678", 100012345678),
        (" 0042 ", 42),
        ("42.0", 42),
        ("", None),
        ("0", None),
        ("4.2", None),
        ("1E+11", None),
        ("-1", None),
        ("\u0664", None),
        ("1234567890123", None),
    ],
)
def test_uprn_in_a_cell(text: str, uprn: int | None) -> None:
    assert uprn_in(text) == uprn
