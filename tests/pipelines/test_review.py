"""The review queue: a worksheet of doubtful addresses, the decisions read back, kept, re-used and looked at again."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pipelines import forgetting
from pipelines.authority import load_authority
from pipelines.cli import main
from pipelines.journal import Journal
from pipelines.review import DecisionsUnreadable, Ruling, read_decisions, still_holds
from pipelines.review.decisions import (
    COLUMNS,
    FILE,
    LOG,
    drop_notes,
    keep_decisions,
    review_folder,
    withdraw_decisions,
)
from pipelines.review.page import as_page
from pipelines.review.queue import Candidate, Item, fingerprint
from pipelines.review.spreadsheet import (
    CellUnreadable,
    SheetUnreadable,
    as_csv,
    day_in,
    guarded,
    plain,
    read_sheet,
    uprn_in,
)
from pipelines.review.worksheet import CSV, PAGE, STATE, remove_outdated, remove_worksheets
from pipelines.run import Output, opened, plan
from pipelines.tables import Column, Table
from pipelines.warehouse import Warehouse
from tests.conftest import OfflinePage
from tests.small_authority import AUTHORITY, write_small_authority

TODAY = datetime.date(2026, 11, 22)
EVIL = '<img src=x onerror="document.title=1">=1+1'
# Mill House holds two flats; the wordings leave open which, or something else.
HOUSE, FLAT_1, FLAT_2, SHOP, OLD = 990000000100, 990000000101, 990000000102, 990000000200, 990000000900
# The house itself has no address, only its flats.
STATUS = {FLAT_1: "live", FLAT_2: "provisional", SHOP: "live", OLD: "historic"}
FLATS = (
    Candidate(FLAT_1, "FLAT 1, MILL HOUSE, ALDER ROAD, SMALLBRIDGE", "QX9 1AA", 71, ("no flat is named",)),
    Candidate(FLAT_2, "FLAT 2, MILL HOUSE, ALDER ROAD, SMALLBRIDGE", "QX9 1AA", 71, ("no flat is named",)),
)
GONE = Candidate(OLD, "5 ALDER ROAD, SMALLBRIDGE", "QX9 1AB", 60)


def wording(letter: str, address: str, *candidates: Candidate, **more: object) -> Item:
    """A doubtful wording whose hash is one letter, 32 times."""
    told = {"postcode": "QX9 1AA", "reason": "two flats fit equally well", "building_uprn": None, **more}
    return Item(
        letter * 32, address, str(told.pop("postcode")), str(told.pop("outcome", "review")), str(told.pop("reason")),
        "matcher", "2026-10", told.pop("building_uprn"), candidates, **told,  # type: ignore[arg-type]
    )  # fmt: skip


MILL = wording("a", "Mill House, Alder Rd", *FLATS, building_uprn=HOUSE)
SHOPS = wording("b", EVIL, Candidate(SHOP, f"THE SHOP, {EVIL}", "QX9 1AA", 40, (EVIL,)), postcode="")
LOST = wording("c", "5 Alder Rd", GONE)
SURE = wording("d", "1 Beech Road", outcome="matched")
ITEMS = (MILL, SHOPS, LOST, SURE)
# Records by wording: Mill House most, once in other letters.
RECORDS = [
    *[("council_tax", MILL.address, MILL.postcode)] * 3,
    ("housing", MILL.address, MILL.postcode),
    *[("council_tax", LOST.address, LOST.postcode)] * 2,
    ("council_tax", SHOPS.address, None),
    ("council_tax", SURE.address, SURE.postcode),
]


class Desk:
    """An output folder whose matching is done, and the clerk's command."""

    def __init__(self, root: Path) -> None:
        self.root, self.restricted = root, root / "output" / "restricted"
        (root / "small").mkdir()
        (root / "small" / "authority.yaml").write_text(AUTHORITY, "utf-8")
        self.restricted.mkdir(parents=True)
        self.make()

    def make(self, items: Iterable[Item] = ITEMS, status: dict[int, str] = STATUS) -> None:
        """Write the tables as the matching step does: wordings that a person decided are so decided."""
        rulings = read_decisions(self.restricted)
        in_use = {HOUSE, *(uprn for uprn, of_it in status.items() if of_it in ("live", "provisional"))}
        matches = []
        for item in items:
            ruling = rulings.get(item.record_hash)
            uprn, outcome, by = None, item.outcome, "matcher"
            if ruling and still_holds(ruling, in_use):
                outcome = {"property": "matched"}.get(ruling.choice, ruling.choice)
                uprn, by = ruling.uprn, "person"
            candidates = [
                {"uprn": c.uprn, "score": c.score, "address": c.address, "postcode": c.postcode, "differs": c.differs}
                for c in item.candidates or ()
            ]  # fmt: skip
            matches.append(
                ("E06999009", item.address, item.postcode or None, item.record_hash, outcome, uprn, item.building_uprn,
                 "", 0, item.reason, by, item.gazetteer_version, candidates)
            )  # fmt: skip
        text, number = "VARCHAR", "BIGINT"
        warehouse = Warehouse(self.restricted / "warehouse", threads=1)
        with warehouse.connect() as con:
            for stage, name, columns, key, rows in (
                (
                    "places", "address_match",
                    {
                        "authority_code": text, "address": text, "postcode": text, "record_hash": text, "outcome": text,
                        "uprn": number, "building_uprn": number, "precision": text, "score": number, "reason": text,
                        "decided_by": text, "gazetteer_version": text,
                        "candidates": "STRUCT(uprn BIGINT, score BIGINT, address VARCHAR, postcode VARCHAR, "
                        "differs VARCHAR[])[]",
                    },
                    ("address", "record_hash"), matches,
                ),
                (
                    "places", "address", {"uprn": number, "parent_uprn": number, "status": text}, ("uprn",),
                    [(uprn, HOUSE if uprn < SHOP else None, of_it) for uprn, of_it in status.items()],
                ),
                (
                    "services", "record", {"row_number": number, "dataset": text, "address": text, "postcode": text},
                    ("row_number",), [(i, *record) for i, record in enumerate(RECORDS)],
                ),
            ):  # fmt: skip
                described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
                con.execute(f"CREATE TEMP TABLE made ({described})")
                con.executemany(f"INSERT INTO made VALUES ({', '.join('?' * len(columns))})", rows)
                table = Table(stage, name, "m", tuple(Column(c, "", "m") for c in columns), key)
                warehouse.write(con, table, "SELECT * FROM temp.made")
                con.execute("DROP TABLE temp.made")

    def places(self, *arguments: str) -> int:
        where = ("--authority", str(self.root / "small"), "--output", str(self.root / "output"))
        return main(["review", *arguments, *where])

    def worksheet(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((self.restricted / "review" / CSV).read_text("utf-8-sig"))))

    def answer(self, decisions: dict[str, dict[str, str]], name: str = "answers.csv") -> Path:
        """The worksheet with some rows filled in, by the first letter of their hash."""
        rows = [row | decisions.get(row["record_hash"][0], {}) for row in self.worksheet()]
        path = self.root / name
        path.write_bytes(as_csv(tuple(rows[0]), [tuple(row.values()) for row in rows]))
        return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv(forgetting.TODAY, TODAY.isoformat())
    return Desk(tmp_path)


def ruling(letter: str = "a", **more: object) -> Ruling:
    whole = Ruling(letter * 32, "property", FLAT_1, "AB", TODAY, "2026-10", "c" + "0" * 16)
    return replace(whole, **more)  # type: ignore[arg-type]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed since it was last asked, columns closed up."""
    return " ".join(capsys.readouterr().out.split())


# Cells and files as spreadsheets leave them


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+44",
        "-2",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "'=1",
        "''-",
        "'tis",
        "＝1",
        "\r=1",
        "4 Mill St",
        "'",
        "",
        "-",
    ],
)
def test_text_is_no_formula_and_comes_back_as_it_was(text: str) -> None:
    cell = guarded(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert plain(cell) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_sheet_saved_again_is_the_same(encoding: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    rows = [
        ["Record_Hash", "decision", "note"],
        ["ab", "1", "Café, \u2019; two\r\nlines"],
        [],
        ["cd", "none"],
    ]
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    sheet = read_sheet(path, ("record_hash", "decision"))
    assert sheet.header == ("record_hash", "decision", "note") and sheet.wrong == ()
    assert sheet.rows == (
        (2, {"record_hash": "ab", "decision": "1", "note": "Café, \u2019; two\r\nlines"}),
        (4, {"record_hash": "cd", "decision": "none", "note": ""}),
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04rest", "found a workbook"),
        (b"\x00\x01", "found one that is not text"),
        (b"", "row 1: wanted a header with the columns record_hash, decision"),
        (b"record_hash,answer\nab,1\n", "none called decision"),
        (b"record_hash,decision,decision\n", "column decision is there twice"),
        (b'record_hash,decision\nab,1\ncd,"2\n', "row 3: wanted cells as a spreadsheet saves them"),
    ],
)
def test_file_that_is_no_table_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    path.write_bytes(content)
    with pytest.raises(SheetUnreadable, match=told):
        read_sheet(path, ("record_hash", "decision"))


def test_uprns_and_days_in_cells() -> None:
    assert [uprn_in(cell) for cell in ("000000199356", "100023336956.0", "100 023 336 956")] == [
        199356,
        100023336956,
        100023336956,
    ]
    for cell, told in (
        ("1.00023E+11", "scientific"),
        ("1,00023E+11", "scientific"),
        ("x", "no UPRN"),
        ("1" * 13, "12"),
    ):
        with pytest.raises(CellUnreadable, match=told):
            uprn_in(cell)
    assert day_in("2026-11-22") == day_in("22/11/2026") == TODAY
    with pytest.raises(CellUnreadable):
        day_in("11/22/2026")


# Decisions on disk


def test_decisions_are_kept_with_their_history(tmp_path: Path) -> None:
    assert read_decisions(tmp_path / "nowhere") == {}
    first, other = ruling(note="=rang the office"), ruling("b", choice="none", uprn=None)
    kept = keep_decisions(tmp_path, [first, other], "me")
    assert (kept.new, kept.replaced, kept.as_before) == (2, 0, 0)
    assert read_decisions(tmp_path) == {"a" * 32: first, "b" * 32: other}
    # The same again, by somebody else, changes nothing; another one replaces it.
    second = ruling(uprn=FLAT_2, decided_by="CD")
    kept = keep_decisions(tmp_path, [replace(other, decided_by="CD"), second], "me")
    assert (kept.new, kept.replaced, kept.as_before) == (0, 1, 1)
    assert read_decisions(tmp_path) == {"a" * 32: second, "b" * 32: other}
    assert withdraw_decisions(tmp_path, ["b" * 32, "e" * 32], "me") == 1
    assert list(read_decisions(tmp_path)) == ["a" * 32]
    log = list(csv.DictReader(io.StringIO((tmp_path / "review" / LOG).read_text("utf-8-sig"))))
    assert [(line["event"], line["record_hash"][0], line["uprn"], line["decided_by"]) for line in log] == [
        ("decided", "a", str(FLAT_1), "AB"),
        ("decided", "b", "", "AB"),
        ("replaced", "a", str(FLAT_2), "CD"),
        ("withdrawn", "b", "", "AB"),
    ]
    if os.name == "posix":
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "review").iterdir()}
        assert modes == {FILE: 0o600, LOG: 0o600}
        assert stat.S_IMODE((tmp_path / "review").stat().st_mode) == 0o700


def test_nothing_is_kept_of_what_cannot_be_written(tmp_path: Path) -> None:
    """As on a full disk: the file of decisions cannot be replaced, since a folder stands in its place."""
    (review_folder(tmp_path) / LOG).mkdir()
    with pytest.raises(OSError):
        keep_decisions(tmp_path, [ruling()], "me")
    assert read_decisions(tmp_path) == {}
    assert [path.name for path in (tmp_path / "review").iterdir()] == [LOG]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"uprn": "1.00023E+11"}, "row 3, uprn: wanted a UPRN; found a UPRN that a spreadsheet turned"),
        ({"uprn": ""}, "row 3, uprn: wanted one for a property"),
        ({"choice": "perhaps"}, "row 3, choice: wanted one of property, building, none"),
        ({"decided_on": "soon"}, "row 3, decided_on: wanted a day"),
        ({"record_hash": "1.2E+31"}, "row 3, record_hash: wanted a hash"),
        ({"record_hash": "a" * 32}, "row 3, record_hash: a hash that an earlier row has"),
        ({"note": "x", "more": "y"}, "row 3: it has more cells than the header"),
    ],
)
def test_damaged_decisions_stop_the_run_by_file_and_row(
    changes: dict[str, str], told: str, tmp_path: Path
) -> None:
    keep_decisions(tmp_path, [ruling("a"), ruling("b", decided_by="SECRET")], "me")
    path = tmp_path / "review" / FILE
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    path.write_bytes(as_csv(COLUMNS, [tuple(rows[0].values()), tuple((rows[1] | changes).values())]))
    with pytest.raises(DecisionsUnreadable) as raised:
        read_decisions(tmp_path)
    assert f"{path}, {told}" in str(raised.value)
    assert "backup" in str(raised.value) and "SECRET" not in str(raised.value)


def test_decision_holds_while_its_uprn_is_in_use() -> None:
    assert still_holds(ruling(), {FLAT_1}) and not still_holds(ruling(), {FLAT_2})
    assert not still_holds(ruling(choice="building"), set())
    assert still_holds(ruling(choice="none", uprn=None), set())


def test_notes_go_with_the_last_record_of_their_wording(tmp_path: Path) -> None:
    keep_decisions(tmp_path, [ruling("a", note="one"), ruling("b", note="two")], "me")
    assert drop_notes(tmp_path, {"b" * 32}) == 1
    assert [one.note for one in read_decisions(tmp_path).values()] == ["", "two"]


# The command: worksheet, reading back, the next run


def test_worksheet_has_what_places_most_records_first(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.places() == 0
    told = said(capsys)
    assert "3 of 3 address(es) to settle, of 7 of 7 record(s)" in told
    mill, lost, shops = desk.worksheet()
    assert (mill["record_hash"], mill["records"], mill["datasets"]) == ("a" * 32, "4", "council_tax, housing")
    assert (mill["decision"], mill["why"], mill["building_uprn"]) == ("", MILL.reason, str(HOUSE))
    assert mill["candidate_2_uprn"] == str(FLAT_2) and mill["candidate_3_uprn"] == ""
    assert mill["candidate_2_address"] == "FLAT 2, MILL HOUSE, ALDER ROAD, SMALLBRIDGE, QX9 1AA"
    assert (lost["records"], shops["records"], shops["address"]) == ("2", "1", EVIL)
    assert desk.places("--most", "1", "--dataset", "housing") == 0
    assert [row["record_hash"][0] for row in desk.worksheet()] == ["a"]
    assert desk.places("--dataset", "hosing") == 2
    folder = desk.restricted / "review"
    assert {path.name for path in folder.iterdir()} == {CSV, PAGE, STATE}
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    for text in (MILL.address, EVIL, str(FLAT_1)):
        assert text not in told and text not in (desk.restricted / "journal.jsonl").read_text("utf-8")


def test_decisions_read_back_are_followed_and_not_asked_again(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.places()
    path = desk.answer(
        {
            "a": {"decision": "2.0", "decided_by": "AB", "note": "-rang"},
            "b": {"decision": "None", "decided_by": "AB"},
        }
    )
    assert desk.places("--read", str(path)) == 0
    told = said(capsys)
    assert "rows read 3" in told and "not decided 1" in told
    assert "2 new, 0 in place of an earlier one" in told
    shown = fingerprint(FLATS)
    assert read_decisions(desk.restricted) == {
        "a" * 32: Ruling("a" * 32, "property", FLAT_2, "AB", TODAY, "2026-10", shown, "-rang"),
        "b" * 32: Ruling("b" * 32, "none", None, "AB", TODAY, "2026-10", SHOPS.candidates_seen, ""),
    }
    event = next(
        line.says for line in reversed(Journal(desk.restricted).lines())
        if line.says and line.says["event"] == "review decisions read"
    )  # fmt: skip
    assert (event["rows_read"], event["kept"], event["not_decided"], event["decided_by"]) == (3, 2, 1, "AB")
    desk.make()
    assert desk.places("--list") == 0
    told = said(capsys)
    assert "decisions in force 2" in told
    assert "followed by the last run 2" in told
    assert "addresses that wait for a decision 1" in told
    desk.places()
    assert [row["record_hash"][0] for row in desk.worksheet()] == ["c"]
    # The same file again changes nothing.
    assert desk.places("--read", str(path)) == 0
    assert "0 new, 0 in place of an earlier one, 2 as before" in said(capsys)


def test_rows_in_doubt_are_refused_with_number_and_reason(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.places()
    mill, lost, shops = desk.worksheet()
    decided = {"decided_by": "AB", "decision": "1"}
    cases: list[tuple[dict[str, str], str]] = [
        (mill | decided | {"record_hash": "e" * 32}, "is not one of the present addresses"),
        (mill | decided | {"address": "9 Other Rd"}, "was a column sorted or filled by itself"),
        (mill | decided | {"decision": "3"}, "its decision is 3, and it has 2 candidate(s)"),
        (mill | decided | {"decision": "7"}, "a number that no candidate has"),
        (mill | decided | {"decision": "perhaps"}, "its decision is something that is no UPRN"),
        (mill | decided | {"decision": "9.90000E+11"}, "scientific notation"),
        (mill | decided | {"decision": "990000000999"}, "its UPRN is not in the gazetteer"),
        (mill | decided | {"decision": str(OLD)}, "its UPRN is historic"),
        (lost | decided, "its UPRN is historic"),
        (lost | decided | {"decision": "building"}, "its building is not known"),
        (mill | decided | {"decided_by": ""}, "nobody is named"),
        (mill | decided | {"decided_on": "2026-11-23"}, "a day still to come"),
        (mill | decided | {"note": "x" * 201}, "too long"),
        (mill | decided | {"candidate_1_uprn": str(SHOP)}, "is not that candidate's"),
        (mill | decided | {"candidates_seen": "c0", "candidate_1_uprn": "9.9E+11"}, "have changed since"),
    ]
    good = [
        mill | decided | {"candidate_1_uprn": "9.90000E+11"},  # spoilt, but the choice is by number
        mill | decided | {"decision": "B"},
        lost | decided | {"decision": f"building {HOUSE}", "decided_on": "21/11/2026"},
        shops | decided | {"decision": str(SHOP)},
        shops | {"decided_by": "AB"},
    ]
    path = desk.root / "answers.csv"
    header = (*mill, "decided_on")

    def cells(rows: Sequence[dict[str, str]]) -> list[list[str]]:
        return [[row.get(name, "") for name in header] for row in rows]

    path.write_bytes(as_csv(header, cells([*(row for row, _ in cases), *good])))
    assert desk.places("--read", str(path)) == 3
    told = capsys.readouterr()
    lines, out = told.err.splitlines(), " ".join(told.out.split())
    for number, (_, reason) in enumerate(cases, start=2):
        assert lines[number - 2].startswith(f"row {number}: ") and reason in lines[number - 2]
    assert len(lines) == len(cases)
    assert f"rows read {len(cases) + len(good)} kept 4 not decided 1 rejected {len(cases)} " in out
    found = read_decisions(desk.restricted)
    assert [(one.choice, one.uprn, one.decided_on.day) for one in found.values()] == [
        ("building", HOUSE, 22),
        ("property", SHOP, 22),
        ("building", HOUSE, 21),
    ]
    for value in (MILL.address, "9 Other", str(FLAT_1), str(OLD)):
        assert value not in told.err + told.out
    # Who decided may be told once for the whole file.
    path.write_bytes(as_csv(header, cells([cases[10][0]])))
    assert desk.places("--read", str(path), "--by", "CD") == 0
    assert read_decisions(desk.restricted)["a" * 32].decided_by == "CD"


def test_decisions_that_the_gazetteer_has_changed_under_are_listed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.places()
    decided = {"decided_by": "AB", "decision": "1"}
    assert desk.places("--read", str(desk.answer({"a": decided, "b": decided}))) == 0
    # The next edition: a third flat in Mill House; the shop is history. What has not changed is not asked again.
    third = Candidate(HOUSE + 3, "FLAT 3, MILL HOUSE, ALDER ROAD, SMALLBRIDGE", "QX9 1AA", 71)
    newer = [replace(item, gazetteer_version="2026-12") for item in ITEMS]
    desk.make(newer)
    desk.places("--list")
    assert "to look at again 0" in said(capsys)
    newer[0] = replace(newer[0], candidates=(*FLATS, third))
    desk.make(newer, STATUS | {SHOP: "historic", HOUSE + 3: "live"})
    assert desk.places("--list") == 0
    told = said(capsys)
    assert "to look at again 2" in told and "followed by the last run 1" in told
    assert f"{'a' * 12} property 2026-11-22 AB it has other candidates" in told
    assert f"{'b' * 12} property 2026-11-22 AB its UPRN is historic now" in told
    desk.places()
    mill = desk.worksheet()[0]
    assert mill["why"] == "Decided before, and the gazetteer has changed since: it has other candidates"
    # Decided again, the same way, it is settled.
    assert (
        desk.places("--read", str(desk.answer({"a": decided, "b": {"decision": "n", "decided_by": "AB"}})))
        == 0
    )
    desk.make(newer, STATUS | {SHOP: "historic", HOUSE + 3: "live"})
    desk.places("--list")
    assert "to look at again 0" in said(capsys)
    # And a wording that nobody uses any longer can be let go, or any decision by its hash.
    desk.make(newer[1:])
    assert desk.places("--withdraw", "unused") == 0 and desk.places("--withdraw", "e" * 8) == 2
    assert [one[0] for one in read_decisions(desk.restricted)] == ["b"]
    assert desk.places("--withdraw", "b" * 8) == 0 and read_decisions(desk.restricted) == {}


def test_worksheet_that_somebody_wrote_in_is_not_lost(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.places()
    own = desk.restricted / "review" / CSV
    own.write_bytes(desk.answer({"a": {"decision": "1", "decided_by": "AB"}}).read_bytes())
    assert desk.places() == 2
    assert "not read back" in capsys.readouterr().err
    assert remove_outdated(desk.restricted, "another") == []
    assert desk.places("--read", str(own)) == 0
    assert [path.name for path in remove_outdated(desk.restricted, "another")] == [CSV, PAGE, STATE]
    desk.places()
    made_of = json.loads((desk.restricted / "review" / STATE).read_text())["made_of"]
    assert remove_outdated(desk.restricted, made_of) == []
    (desk.restricted / "review" / f".{CSV}.{'0' * 32}").write_text(MILL.address)  # of a killed run
    assert len(remove_worksheets(desk.restricted)) == 4
    assert sorted(path.name for path in (desk.restricted / "review").iterdir()) == [FILE, LOG]


def test_what_cannot_be_used_is_told(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.places("--read", str(desk.root / "none.csv")) == 2
    assert "there is no" in capsys.readouterr().err
    (review_folder(desk.restricted) / FILE).write_text("rubbish\n")
    assert desk.places("--list") == 2
    assert f"{FILE}, row 1" in capsys.readouterr().err
    Warehouse(desk.restricted / "warehouse").drop("places", "address_match")
    assert desk.places() == 2
    assert "`places run` makes them" in capsys.readouterr().err


def test_matching_follows_what_a_person_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the real gazetteer's addresses and the real matcher: number 2 is in four Cedar Roads."""
    monkeypatch.setenv(forgetting.TODAY, TODAY.isoformat())
    folder, output = write_small_authority(tmp_path / "small"), Output(tmp_path / "output")
    extract = folder / "services" / "council_tax" / "council_tax_2026-09.csv"
    lines = extract.read_text("utf-8").splitlines(keepends=True)
    lines[46] = lines[46].replace('"2 Cedar Road, Smallbridge",QX9 4CC', '"2 Cedar Rd, Smallbridge",')
    extract.write_text("".join(lines), "utf-8")
    authority = load_authority(folder)
    steps = {step.name: step for step in plan(authority)}
    needed = set[str]()

    def need(name: str) -> None:
        if name in steps and name not in needed:
            needed.add(name)
            for other in steps[name].table.depends_on:
                need(other)

    def outcome() -> list[tuple[object, ...]]:
        with opened(authority, output) as at:
            for name in (name for name in steps if name in needed):
                steps[name].make(at)
            return at.con.execute(
                "SELECT outcome, uprn, decided_by FROM places.address_match WHERE address LIKE '2 Cedar Rd%'"
            ).fetchall()

    def review(*arguments: str) -> int:
        return main(["review", *arguments, "--authority", str(folder), "--output", str(output.root)])

    need("places.address_match")
    assert outcome() == [("review", None, "matcher")]
    assert review() == 0 and "1 of 1 address(es) to settle" in said(capsys)
    path = output.restricted / "review" / CSV
    (row,) = csv.DictReader(io.StringIO(path.read_text("utf-8-sig")))
    row |= {"decision": "3", "decided_by": "AB"}
    path.write_bytes(as_csv(tuple(row), [tuple(row.values())]))
    assert review("--read", str(path)) == 0
    half_written = path.with_name(f".{FILE}.{'0' * 32}")
    half_written.write_text("")  # by a run that was killed
    needed.clear()
    needed.add("places.address_match")
    assert outcome() == [("matched", int(row["candidate_3_uprn"]), "person")]
    # The next time that the output is opened, the worksheet, which was read back, is gone with what is half-made.
    with opened(authority, output):
        assert sorted(one.name for one in path.parent.iterdir()) == [FILE, LOG]
    assert review() == 0 and "0 of 0 address(es) to settle" in said(capsys)
    assert review("--list") == 0 and "followed by the last run 1 " in said(capsys)


# The page


def test_addresses_are_settled_from_the_keyboard(
    desk: Desk, offline_page: OfflinePage, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.places()
    page = offline_page.open(desk.restricted / "review" / PAGE)
    # Text of the data is text: nothing of it ran, none of it is markup.
    assert page.locator("#list .row").all_inner_texts()[2].startswith(EVIL)
    assert page.locator("img").count() == 0 and page.title().startswith("Doubtful addresses")
    # What differs is marked: the flats' words; a short form only dotted; numbers apart.
    first = page.locator("#candidates li").first
    assert first.locator("mark").all_inner_texts() == ["FLAT", "1", "SMALLBRIDGE"]
    assert first.locator("mark.number").all_inner_texts() == ["1"]
    assert first.locator(".near").all_inner_texts() == ["ROAD"]
    assert page.locator("#record mark").count() == 0
    page.keyboard.press("3")
    assert page.inner_text("#message") == "There is no candidate 3 here."
    page.keyboard.press("1")
    assert page.inner_text("#where") == "Address 2 of 3"
    assert page.inner_text("#progress-text") == "1 of 3 addresses decided, 57 % of the records"
    page.keyboard.press("b")
    assert page.inner_text("#message").startswith("The building is not known here")
    page.keyboard.press("n")
    page.keyboard.press("u")
    assert page.inner_text("#where") == "Address 2 of 3"
    page.keyboard.press("u")
    page.keyboard.press("2")
    assert page.inner_text("#where") == "Address 2 of 3"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    assert page.inner_text("#where") == "Address 3 of 3"
    page.keyboard.press("k")
    page.fill("#other", str(HOUSE))
    page.keyboard.press("Enter")
    # No letter decides while somebody types; find, and what is decided.
    page.keyboard.press("/")
    page.keyboard.type("mill 1aa")
    assert page.locator("#list .row").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.fill("#note", "=seen on the map")
    page.keyboard.press("Enter")
    # Nobody is named yet: nothing is saved. Then it is, and read back by the command.
    page.keyboard.press("s")
    assert "your name" in page.inner_text("#message")
    page.keyboard.type("nAB")
    page.keyboard.press("Enter")
    with page.expect_download() as saved:
        page.keyboard.press("Control+s")
    path = desk.root / saved.value.suggested_filename
    saved.value.save_as(path)
    assert path.name == "decisions.csv" and MILL.address not in path.read_text("utf-8")
    day = day_in(page.evaluate("new Date().toLocaleDateString('en-CA')"))
    os.environ[forgetting.TODAY] = day.isoformat()
    capsys.readouterr()
    assert desk.places("--read", str(path)) == 0, capsys.readouterr().err
    found = read_decisions(desk.restricted)
    assert found["a" * 32] == Ruling(
        "a" * 32, "property", FLAT_2, "nAB", day, "2026-10", MILL.candidates_seen, "=seen on the map"
    )
    assert (found["c" * 32].uprn, len(found)) == (HOUSE, 2)
    desk.make()
    desk.places()
    assert [row["record_hash"][0] for row in desk.worksheet()] == ["b"]
    # Another day, from the saved file.
    again = offline_page.open(desk.restricted / "review" / PAGE)
    again.set_input_files("#saved", path)
    # A function that is waited for would be made from a string, which the page forbids.
    expect(again.locator("#message")).not_to_be_empty()
    assert again.inner_text("#message").startswith("0 decided in that file; 2 of it are not in this page")


def test_two_thousand_addresses_are_no_burden_and_leaving_unsaved_is_asked_about(
    offline_page: OfflinePage, tmp_path: Path
) -> None:
    items = [replace(MILL, record_hash=f"{i:032x}", address=f"Mill House {i}, Alder Rd") for i in range(2000)]
    path = tmp_path / "worksheet.html"
    path.write_text(as_page(items, "Smallbridge", left_out=5), "utf-8")
    page = offline_page.open(path)
    assert page.locator("#list .row").count() < 40
    assert "5 more wait for the next worksheet" in page.inner_text("#progress-text")
    page.keyboard.press("End")
    assert page.inner_text("#where") == "Address 2,000 of 2,000"
    assert page.locator("#row-1999").is_visible()
    page.keyboard.press("2")
    assert page.inner_text("#where") == "Address 1 of 2,000"
    # At twice the size, on a small laptop: nothing is cut off sideways.
    page.set_viewport_size({"width": 640, "height": 360})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # On paper all that is shown is there.
    page.fill("#filter", "199")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#paper tbody tr").count() == 12
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.accept()
