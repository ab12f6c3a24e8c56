"""Extracts that change from month to month: what is read all the same, what is refused, and that nothing is silent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipelines import ingest
from pipelines.authority import load_authority
from pipelines.drift import is_note, is_total, jumps, told
from pipelines.forgetting import TODAY
from pipelines.pseudonyms import ENVIRONMENT, Pseudonyms
from pipelines.tables import Table
from pipelines.warehouse import Warehouse
from tests.small_authority import COUNCIL_TAX, write_small_authority

DESCRIPTION = COUNCIL_TAX.partition("exclude:")[0]
HEADER = "ACCOUNT_REF,UPRN,LEAD_NAME,DATE_OF_BIRTH,ADDRESS,POSTCODE,BAND"
PERSONAL = "CANARY"


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "k" * 32)


def october(rows: int = 40, band: str = "") -> list[list[str]]:
    """An extract of the small authority's council tax: header and rows."""
    body = [
        [f"R{n}", f"9900000010{n:02d}", PERSONAL, "1950-01-17", f"{n} Alder Road", "QX9 1AA", band or "ABC"[n % 3]]
        for n in range(rows)
    ]  # fmt: skip
    return [HEADER.split(","), *body]


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


class Read:
    """What became of one more extract of the small authority."""

    def __init__(self, con: Any, got: Any, said: list[str]) -> None:
        self.refused = dict(got.refused)
        self.reasons = con.execute(
            "SELECT split_part(reason, ':', 1), count(*) FROM rejected WHERE file LIKE '%2026-10%' "
            "GROUP BY 1 ORDER BY 1"
        ).fetchall()
        kept = "SELECT count(*), count(uprn), count(postcode), min(band), max(band) FROM kept"
        self.kept = con.execute(f"{kept} WHERE as_at = '2026-10-31'").fetchall()[0]
        self.said = said


def read(
    folder: Path, content: str | bytes, name: str = "council_tax_2026-10.csv", description: str = DESCRIPTION
) -> Read:
    authority = write_small_authority(folder / "authority")
    own = authority / "services" / "council_tax"
    (own / "dataset.yaml").write_text(description, "utf-8")
    (own / "council_tax_2026-08.csv").unlink()
    (own / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    loaded = load_authority(authority)
    dataset = next(one for one in loaded.datasets if one.name == "council_tax")
    warehouse = Warehouse(folder / "warehouse")
    with warehouse.connect() as con:
        got = ingest.ingest_dataset(con, loaded, dataset, Pseudonyms(folder))
        table: Table = ingest.files_table(ingest.dataset_table(dataset))
        warehouse.write(con, table, "SELECT * FROM files")
        for reason in dict(got.refused).values():
            assert PERSONAL not in reason
        return Read(con, got, told(con, dataset))


WHOLE = (40, 40, 40, "A", "C")


def changed(rows: list[list[str]], **renamed: str) -> list[list[str]]:
    return [[renamed.get(cell, cell) for cell in rows[0]], *rows[1:]]


@pytest.mark.parametrize(
    "content",
    [
        written([row[::-1] for row in october()]),  # in another order
        written(october(), ";"),
        written(october(), "\t"),
        written(october()).encode("utf-16"),
        ("\ufeff" + written(october())).encode(),
        written(changed(october(), UPRN=" uprn ")),
        "Council tax\nprinted on 1 October\n\n" + written(october()),  # header further down
        written([[*row, "x"] for row in october()]).replace("BAND,x", "BAND,EMAIL"),
    ],
)
def test_what_is_read_all_the_same(content: str | bytes, tmp_path: Path) -> None:
    got = read(tmp_path, content)
    assert got.refused == {}
    assert got.kept == WHOLE


def test_extract_that_is_an_earlier_one_again_is_read_and_told(tmp_path: Path) -> None:
    """Nothing may have changed; but of a service somebody should ask."""
    september = (
        write_small_authority(tmp_path / "as_sent") / "services/council_tax/council_tax_2026-09.csv"
    ).read_text()
    got = read(tmp_path, september)
    assert got.refused == {}
    assert got.kept[0] == 48
    assert got.said == [
        "extract_repeated: the extract of council_tax of 2026-10-31 is byte for byte that of 2026-09-30: has nothing "
        "changed, or was it not exported again?"
    ]


def test_extract_of_a_day_that_has_not_come_is_read_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TODAY, "2026-10-30")
    september = (
        write_small_authority(tmp_path / "as_sent") / "services/council_tax/council_tax_2026-09.csv"
    ).read_text()
    got = read(tmp_path, september.replace("CANARY-003", "CANARY-903"))
    assert got.kept[0] == 48
    assert [said.partition(" of 2026")[0] for said in got.said] == [
        "extract_ahead: the extract of council_tax is"
    ]


def test_column_that_was_added_is_left_out_and_told(tmp_path: Path) -> None:
    rows = october()
    got = read(tmp_path, written([[*rows[0], "EMAIL"], *([*row, PERSONAL] for row in rows[1:])]))
    ((said),) = got.said
    assert said.startswith("column_added: council_tax has, since 2026-10-31, also `EMAIL`: left out")


@pytest.mark.parametrize(
    ("old", "new"), [("UPRN", "UPRN_NEW"), ("UPRN", "Property id"), ("BAND", "CT_BAND"), ("POSTCODE", "Post code")]
)  # fmt: skip
def test_renamed_column_is_refused_with_the_line_that_confirms_it(old: str, new: str, tmp_path: Path) -> None:
    content = written(changed(october(), **{old: new}))
    (reason,) = read(tmp_path / "1", content).refused.values()
    assert f"wanted the column(s) `{old}` (did you mean `{new}`?)" in reason
    assert f"also: [{new}]" in reason
    lines = {"UPRN": "uprn", "POSTCODE": "postcode", "BAND": "{is: category, as: band, values: [A, B, C]"}
    was = f"  {old}: {lines[old]}"
    now = f"{was}, also: [{new}]" if "{" in was else f"  {old}: {{is: {lines[old]}, also: [{new}]}}"
    got = read(tmp_path / "2", content, description=DESCRIPTION.replace(was, now))
    # The older extract has it by its former name.
    assert (got.refused, got.kept) == ({}, WHOLE)


@pytest.mark.parametrize(
    ("header", "other", "value"),
    [("UPRN", "COLOUR", "red"), ("POSTCODE", "Reference no", "12"), ("BAND", "NOTES", "none")],
)
def test_column_with_other_values_is_taken_for_no_other(
    header: str, other: str, value: str, tmp_path: Path
) -> None:
    rows = changed(october(), **{header: other})
    at = rows[0].index(other)
    for row in rows[1:]:
        row[at] = value
    (reason,) = read(tmp_path, written(rows)).refused.values()
    assert f"wanted the column(s) `{header}`" in reason
    assert "also:" not in reason


def test_code_list_that_has_changed(tmp_path: Path) -> None:
    (reason,) = read(tmp_path / "1", written(october(band="Band A"))).refused.values()
    assert reason.startswith("`BAND`: wanted in the list of its `values`; 40 of 40 values are not")
    rows = october()
    for row in rows[1:5]:
        row[-1] = "D"
    got = read(tmp_path / "2", written(rows))
    assert (got.refused, got.kept[0]) == ({}, 40)
    described = DESCRIPTION.replace("counts: account", "counts: account\nunreadable_percent: 100")
    assert read(tmp_path / "3", written(october(band="Band A")), description=described).refused == {}


def test_number_and_date_in_a_form_that_is_not_known(tmp_path: Path) -> None:
    described = DESCRIPTION.replace("  ADDRESS:", "  PAID: {is: measure}\n  SINCE: date\n  ADDRESS:")
    rows = [[*row, "12.50", "2026-01-31"] for row in october()]
    rows[0][-2:] = ["PAID", "SINCE"]
    own = written(rows)
    for bad, said in (("12.50", "`PAID`: wanted a number"), ("2026-01-31", "`SINCE`: wanted a date")):
        got = read(tmp_path / said[1:5], own.replace(bad, "31|x"), description=described)
        reasons = [why for file, why in got.refused.items() if "2026-10" in file]
        assert len(reasons) == 1 and reasons[0].startswith(said)
        assert "40 of 40 values are not" in reasons[0]


def test_tally_below_nought(tmp_path: Path) -> None:
    described = DESCRIPTION.replace("  ADDRESS:", "  ACCOUNTS: weight\n  ADDRESS:")
    rows = [[*row, "-3"] for row in october()]
    rows[0][-1] = "ACCOUNTS"
    reasons = [
        why
        for file, why in read(tmp_path, written(rows), description=described).refused.items()
        if "2026-10" in file
    ]
    assert reasons[0].startswith("`ACCOUNTS`: wanted a whole number, 0 or more; 40 of 40 values are not")


def test_totals_and_notes_are_no_records(tmp_path: Path) -> None:
    width = len(HEADER.split(","))
    foot = [
        ["Grand Total:", "", "", "", "", "", "40"],
        ["Source: Revenues run of 1 October", *[""] * (width - 1)],
    ]
    got = read(tmp_path, written([*october(), *foot]) + "printed by nobody in particular\n")
    assert got.refused == {}
    assert got.kept == WHOLE
    assert got.reasons == [("note_row", 1), ("total_row", 1), ("wrong_width", 1)]


@pytest.mark.parametrize(
    ("text", "total", "note"),
    [
        ("Total", True, False), (" GRAND TOTALS: ", True, False), ("Total Fitness", False, False), ("R1", False, False),
        ("Notes: as at October", False, True), (None, False, False), ("Totally other things here", False, True),
    ],
)  # fmt: skip
def test_words_of_totals_and_notes(text: str | None, total: bool, note: bool) -> None:
    assert (is_total(text) is not None, is_note(text) is not None) == (total, note)


def workbook(**sheets: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_several_sheets(tmp_path: Path) -> None:
    any_file = DESCRIPTION.replace('files: "council_tax_*.csv"', 'files: "council_tax_*"')
    notes = [["About this extract"], ["It is of October"]]
    name = "council_tax_2026-10.xlsx"
    got = read(tmp_path / "1", workbook(Notes=notes, Data=october()), name, any_file)
    assert (got.refused, got.kept) == ({}, WHOLE)
    (reason,) = read(tmp_path / "2", workbook(Old=october(), New=october()), name, any_file).refused.values()
    assert reason == "wanted one sheet with the headers needed; found Old, New: state `sheet:`"


def test_number_of_records_that_jumps(tmp_path: Path) -> None:
    got = read(tmp_path, written(october(rows=20)))
    ((said),) = got.said
    assert said.startswith(
        "count_jumps: council_tax has 20 records at 2026-10-31, 58 % fewer than the 48 at 2026-09-30"
    )


@pytest.mark.parametrize(
    ("before", "now", "is_told"),
    [(100, 60, False), (100, 59, True), (100, 160, False), (100, 161, True), (5, 15, False)],
)  # fmt: skip
def test_how_far_a_number_may_move(before: int, now: int, is_told: bool, tmp_path: Path) -> None:
    loaded = load_authority(write_small_authority(tmp_path))
    tax, care = (
        next(one for one in loaded.datasets if one.name == n) for n in ("council_tax", "social_care")
    )
    assert bool(jumps(tax, before, now, "then", "now")) is is_told
    assert jumps(care, before, now, "then", "now") == []
