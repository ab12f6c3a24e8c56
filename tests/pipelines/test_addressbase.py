"""AddressBase Premium and DTF 7.3 files are read type by type, every row with its number or with why it is not used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.addressbase import (
    ADDRESSBASE,
    DTF,
    LAYOUTS,
    Member,
    is_record_file,
    members,
    open_records,
    supply_named,
)
from pipelines.formats import FileRefused
from tests.gazetteer_delivery import as_text, header, record, trailer, write_delivery, write_zip

FULL = "AddressBasePremium_FULL_2026-09-04_001.csv"
STREET: dict[str, Any] = {
    "usrn": 99000010,
    "street_description": "ALDER ROAD",
    "town_name": "SMALLBRIDGE",
    "language": "ENG",
}


def test_the_layouts_are_as_wide_as_the_specifications_say() -> None:
    # Fields with the record identifier, counted in the published specifications.
    widths = {form: {kind: len(layout) + 1 for kind, layout in LAYOUTS[form].items()} for form in LAYOUTS}
    assert widths == {
        ADDRESSBASE: {
            "10": 9, "11": 24, "15": 13, "21": 22, "23": 12, "24": 26, "28": 29, "30": 10, "31": 11, "32": 12, "99": 5,
        },
        DTF: {"10": 9, "11": 20, "15": 9, "21": 23, "23": 11, "24": 30, "30": 11, "31": 11, "32": 11, "99": 5},
    }  # fmt: skip


def test_a_row_written_out_is_read_by_position(tmp_path: Path) -> None:
    # Not made by the generator, which has its layouts from the reader.
    path = tmp_path / "tile.csv"
    path.write_text(
        '10,"GEOPLACE",9999,2026-09-04,0,2026-09-04,10:00:00,"2.0","F"\r\n'
        '21,"I",1,990000001001,1,2,2010-01-01,990000001000,400010.25,200100.50,51.7,-2.0,1,9999,"E",2010-01-01,,'
        '2012-04-03,2010-01-01,"D","QX9 1AA",3\r\n'
        '24,"I",2,990000001001,"9999L000000001","ENG",1,2010-01-01,,2010-01-01,2010-01-01,2,"B",,"","FLAT",12,"A",14,"C",'
        '"ALDER HOUSE",99000010,"1","","","Y"\r\n'
        '28,"I",3,990000001001,50000001,"BEE, WING & CO","","FLAT 2B","ALDER HOUSE",12,"","ALDER ROAD","","",'
        '"SMALLBRIDGE","QX9 1AA","S","1A","","","","","","",2026-09-01,2010-01-01,,2012-04-03,2010-01-01\r\n'
        "99,0,3,2026-09-04,10:00:00\r\n",
        "utf-8",
    )
    wanted: dict[str, tuple[str, ...]] = {
        "21": ("uprn", "parent_uprn", "rpc", "postcode_locator", "multi_occ_count"),
        "24": ("lpi_key", "sao_start_suffix", "sao_text", "pao_end_suffix", "pao_text", "usrn"),
        "28": ("udprn", "organisation_name", "thoroughfare", "post_town", "postcode"),
    }
    rows, bad = read(path, wanted)
    assert bad == []
    assert rows == [
        ("21", 2, ["990000001001", "990000001000", "1", "QX9 1AA", "3"]),
        ("24", 3, ["9999L000000001", "B", "FLAT", "C", "ALDER HOUSE", "99000010"]),
        ("28", 4, ["50000001", "BEE, WING & CO", "ALDER ROAD", "SMALLBRIDGE", "QX9 1AA"]),
    ]


def read(
    path: Path, wanted: dict[str, tuple[str, ...]]
) -> tuple[list[tuple[str, int, list[str]]], list[tuple[int, str, str]]]:
    """(record type, row number, the cells wanted) of each row, and what could not be used."""
    rows = []
    with open_records(members(path)[0], wanted) as records:
        for kind, numbers, columns in records.batches:
            cells = [column.to_pylist() for column in columns.values()]
            rows += [(kind, number, [column[i] for column in cells]) for i, number in enumerate(numbers)]
    return rows, sorted(records.bad)


def test_what_cannot_be_used_is_told_by_row(tmp_path: Path) -> None:
    street = record("15", **STREET)
    text = as_text([header(), street, street[:-1], [*street, "more"], ["77", "I", "1"], trailer(4)])
    lines = text.splitlines(keepends=True)
    lines[3:3] = ["\r\n", '15,"I",9,99000010,"NOT CLOSED,,,,,,,,\r\n']
    (tmp_path / FULL).write_text("".join(lines), "utf-8")
    rows, bad = read(tmp_path / FULL, {"15": ("usrn",)})
    assert rows == [("15", 2, ["99000010"])]
    assert bad == [
        (3, "15", "wrong_width: 12 fields where a 15 of AddressBase Premium has 13"),
        (4, "", "blank_row"),
        (5, "15", "stray_quote: a quotation mark in the row is not closed"),
        (6, "15", "wrong_width: 14 fields where a 15 of AddressBase Premium has 13"),
        (7, "", "unknown_record_type: no record type of these files"),
    ]


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ","), ("cp1252", ","), ("utf-8", "|"), ("cp1252", "|")]
)
def test_mark_encoding_and_delimiter_make_no_difference(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    street = record(
        "15", DTF, usrn=99000011, street_description="FFORDD Tŷ'R HÔL".replace("ŷ", "y"), language="CYM"
    )
    text = as_text([header(DTF), street, trailer(1)], delimiter, "\n")
    (tmp_path / "llpg.csv").write_bytes(text.removesuffix("\n").encode(encoding))
    assert is_record_file(tmp_path / "llpg.csv")
    rows, bad = read(tmp_path / "llpg.csv", {"15": ("street_description",)})
    assert (rows, bad) == ([("15", 2, ["FFORDD Ty'R HÔL"])], [])


def test_the_form_is_told_by_the_header_else_by_the_widths(tmp_path: Path) -> None:
    for form in (ADDRESSBASE, DTF):
        rows = [record("15", form, **STREET)]
        with_header, without = tmp_path / f"a {form}.csv", tmp_path / f"b {form}.csv"
        with_header.write_text(as_text([header(form), *rows, trailer(1)]), "utf-8")
        without.write_text(as_text(rows), "utf-8")
        for path in (with_header, without):
            with open_records(Member(path), {"15": ("usrn",)}) as records:
                assert [len(numbers) for _, numbers, _ in records.batches] == [1]
            assert (records.supply.form, records.bad) == (form, [])
    old = header()
    old[7] = "1.0"
    (tmp_path / "old.csv").write_text(as_text([old, trailer(0)]), "utf-8")
    with pytest.raises(FileRefused, match=r"version 2 or later.*an older version"):
        read(tmp_path / "old.csv", {})


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / FULL).write_text(as_text([header(), record("15", **STREET)]), "utf-8")
    with pytest.raises(FileRefused, match="cut short"):
        read(tmp_path / FULL, {"15": ("usrn",)})


def test_files_that_were_parted_by_type_and_given_headings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ID15_StreetDesc_Records.csv"
    heading = ",".join(["RECORD_IDENTIFIER", *(name.upper() for name in LAYOUTS[ADDRESSBASE]["15"])])
    path.write_text(heading + "\r\n" + as_text([record("15", **STREET)]), "utf-8")
    assert is_record_file(path)
    assert read(path, {"15": ("usrn",)}) == ([("15", 2, ["99000010"])], [])


def test_zips_of_many_tiles_and_zips_in_a_zip_are_opened(tmp_path: Path) -> None:
    tile = as_text([header(), record("15", **STREET), trailer(1)]).encode()
    inner = write_zip(
        tmp_path / "inner.zip", {"AddressBasePremium_FULL_2026-09-04_SU0505.csv": tile}
    ).read_bytes()
    path = write_zip(
        tmp_path / "order.zip",
        {
            "data/AddressBasePremium_FULL_2026-09-04_SU0500.csv": tile,
            "data/AddressBasePremium_FULL_2026-09-04_SU0505_csv.zip": inner,
            "doc/licence.txt": b"10,20,30,40,50,60,70",
            "data/.hidden.csv": tile,
        },
    )
    assert [member.name for member in members(path)] == [
        "AddressBasePremium_FULL_2026-09-04_SU0500.csv",
        "AddressBasePremium_FULL_2026-09-04_SU0505.csv",
    ]
    assert is_record_file(path)
    for member in members(path):
        with open_records(member, {"15": ("usrn",)}) as records:
            assert [len(numbers) for _, numbers, _ in records.batches] == [1]
        assert (records.supply.tile, records.supply.date) == (member.name[-10:-4], "2026-09-04")
    path.write_bytes(path.read_bytes()[:200])
    assert not is_record_file(path)
    with pytest.raises(FileRefused, match="wanted a whole ZIP file"):
        members(path)


def test_names_tell_the_supply_and_other_files_are_no_records(tmp_path: Path) -> None:
    supply = supply_named("AddressBasePremium_COU_2026-09-04_012_csv.zip")
    assert (supply.is_full, supply.date, supply.volume, supply.tile) == (False, "2026-09-04", 12, "")
    assert supply_named("llpg_2026-10.csv").date == ""
    write_delivery(tmp_path / FULL, [])
    (tmp_path / "extract.csv").write_text("UPRN,LPI_KEY\n10,24\n", "utf-8")
    (tmp_path / "numbers.csv").write_text("21,22\n1,2\n", "utf-8")
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_record_file(path)] == [FULL]
