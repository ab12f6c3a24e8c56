"""Deliveries of a gazetteer become the tables of the sources, with every row of every record type accounted for."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import ingest
from pipelines.addressbase import LAYOUTS
from pipelines.authority import Authority, load_authority
from pipelines.orchestrate.checks import checks_of
from pipelines.run import Made, Output, opened, plan
from pipelines.tables import STAGES
from tests.gazetteer_delivery import (
    DTF,
    ROYAL_MAIL,
    SCHEME,
    Row,
    as_text,
    header,
    home,
    record,
    trailer,
    write_delivery,
    write_ngd,
    write_zip,
)
from tests.small_authority import HOMES, STREETS, write_small_authority

UPRN, STREET = 990_000_001_001, 99_000_010
AT: dict[str, Any] = {"x_coordinate": "400010.00", "y_coordinate": "200100.00"}
LIVE: dict[str, Any] = {"logical_status": 1, "start_date": "2010-01-01"}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority without any file; its descriptions are the same wherever its folder lies."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "authority.yaml").write_text(
        "name: Smallbridge\ncode: E06999009\narea_vintage: 2021\n", "utf-8"
    )
    return load_authority(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the gazetteer's files, not made yet."""
    return tmp_path / "sources/llpg"


class Reader:
    """A connection, and the authority of which the sources are read into it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, authority: Authority) -> None:
        self.con, self.authority = con, authority


@pytest.fixture
def reader(described: Authority) -> Iterator[Reader]:
    with duckdb.connect() as con:
        yield Reader(con, described)


def read(reader: Reader, folder: Path, name: str = "llpg") -> ingest.Ingested:
    """Read one source of the authority of which `folder` is the gazetteer's; its tables stay in the connection."""
    authority = dataclasses.replace(reader.authority, folder=folder.parent.parent.resolve())
    reader.con.execute("DROP TABLE IF EXISTS temp.typed CASCADE")
    return ingest.ingest_source(
        reader.con, authority, next(one for one in authority.sources if one.name == name)
    )


def kept(reader: Reader, columns: str, order: str = "1") -> list[tuple[Any, ...]]:
    return ask(reader, f"SELECT {columns} FROM kept ORDER BY {order}")


def ask(reader: Reader, sql: str) -> list[tuple[Any, ...]]:
    return reader.con.execute(sql).fetchall()


def rejected(reader: Reader) -> list[tuple[Any, ...]]:
    return ask(reader, "SELECT row_number, reason FROM rejected ORDER BY file, row_number")


def account(reader: Reader) -> dict[str, tuple[int, int, int]]:
    """Rows read, kept and rejected by status, over all files."""
    rows = ask(
        reader,
        "SELECT status, sum(rows_read), sum(rows_kept), sum(rows_rejected), "
        "bool_and(weight_read = weight_kept + weight_rejected) FROM files GROUP BY status",
    )
    assert all(adds_up for *_, adds_up in rows)
    return {status: (int(a), int(b), int(c)) for status, a, b, c, _ in rows}


def named(folder: Path, kind: str = "FULL", date: str = "2026-09-04", part: str = "001") -> Path:
    return folder / f"AddressBasePremium_{kind}_{date}_{part}.csv"


def test_the_records_of_a_property_become_one_row_an_lpi(reader: Reader, folder: Path) -> None:
    life: dict[str, Any] = {"start_date": "2010-01-01"}
    rows: list[Row] = [
        record("11", usrn=STREET),
        record("15", usrn=STREET, street_description="ALDER ROAD", locality="EASTEND", town_name="SMALLBRIDGE",
               language="ENG", **life),
        record("15", usrn=STREET, street_description="FFORDD GWERN", town_name="PONT FACH", language="CYM", **life),
        record("21", uprn=1, **LIVE, **AT, blpu_state=2, rpc=2, postcode_locator="QX9 1AA", multi_occ_count=2),
        record("21", uprn=2, parent_uprn=1, **LIVE, **AT, addressbase_postal="N", postcode_locator="QX91AA"),
        record("21", uprn=3, logical_status=8, end_date="2020-01-01", **AT),
        record("24", uprn=1, lpi_key="L1", language="ENG", **LIVE, pao_start_number=12, pao_start_suffix="A",
               pao_end_number=14, pao_text="ALDER HOUSE", usrn=STREET),
        record("24", uprn=1, lpi_key="L1W", language="CYM", logical_status=3, pao_text="TY GWERN", usrn=STREET),
        record("24", uprn=1, lpi_key="L1B", language="BIL", logical_status=3, usrn=STREET),
        record("24", uprn=2, lpi_key="L2", language="ENG", **LIVE, sao_start_number=2, sao_text="FLAT", usrn=STREET),
        record("24", uprn=3, lpi_key="L3", language="ENG", logical_status=8, usrn=99),
        record("30", uprn=3, succ_key="S1", successor=2, **life),
        record("31", uprn=1, org_key="O1", organisation="OLD BAKERY", end_date="2015-01-01", **life),
        record("31", uprn=1, org_key="O2", organisation="NEW BAKERY", start_date="2015-01-01"),
        record("32", uprn=1, class_key="C1", classification_code="PP", class_scheme=SCHEME, **life),
        record("32", uprn=1, class_key="C2", classification_code="4011", class_scheme="VOA Special Category", **life),
        record("32", uprn=2, class_key="C3", classification_code="ZV01", class_scheme=SCHEME, **life),
    ]  # fmt: skip
    write_delivery(named(folder), rows)
    got = read(reader, folder)
    assert (got.refused, got.rows_rejected) == ((), 0)
    numbers = "pao_start_number, pao_start_suffix, pao_end_number, pao_text, sao_start_number, sao_text"
    assert kept(reader, f"lpi_key, {numbers}") == [
        ("L1", 12, "A", 14, "ALDER HOUSE", None, None),
        ("L1B", None, None, None, None, None, None),
        ("L1W", None, None, None, "TY GWERN", None, None),
        ("L2", None, None, None, None, 2, "FLAT"),
        ("L3", None, None, None, None, None, None),
    ]
    assert kept(reader, "lpi_key, language, lpi_status, blpu_status, street, locality, town, postcode") == [
        ("L1", "ENG", 1, 1, "ALDER ROAD", "EASTEND", "SMALLBRIDGE", "QX9 1AA"),
        ("L1B", "BIL", 3, 1, "ALDER ROAD", "EASTEND", "SMALLBRIDGE", "QX9 1AA"),
        ("L1W", "CYM", 3, 1, "FFORDD GWERN", None, "PONT FACH", "QX9 1AA"),
        ("L2", "ENG", 1, 1, "ALDER ROAD", "EASTEND", "SMALLBRIDGE", "QX9 1AA"),
        ("L3", "ENG", 8, 8, None, None, None, None),
    ]
    of_blpu = "uprn, parent_uprn, class_code, organisation, successor_uprn, postal, multi_occupancy, rpc"
    assert kept(reader, f"DISTINCT {of_blpu}") == [
        (1, None, "PP", "NEW BAKERY", None, None, 2, 2),
        (2, 1, "ZV01", None, None, "N", None, None),
        (3, None, None, None, 2, None, None, None),
    ]
    assert kept(reader, "DISTINCT CAST(easting AS INTEGER), CAST(northing AS INTEGER)") == [(400010, 200100)]
    assert account(reader) == {
        "read": (5, 5, 0), "10 header": (1, 1, 0), "11 street": (1, 1, 0), "15 street descriptor": (2, 2, 0),
        "21 BLPU": (3, 3, 0), "30 successor cross-reference": (1, 1, 0), "31 organisation": (2, 2, 0),
        "32 classification": (3, 3, 0), "99 trailer": (1, 1, 0),
    }  # fmt: skip


def test_each_row_that_is_not_used_says_why_by_type(reader: Reader, folder: Path) -> None:
    rows = [
        *home(UPRN, 3, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET),  # rows 2 to 6
        record("21", uprn="", logical_status=1),
        record("21", uprn=7, logical_status=1),
        record("24", uprn=8, lpi_key="L8"),
        record("24", uprn=UPRN, lpi_key=""),
        record("24", change="X", uprn=UPRN, lpi_key="L9"),
        record("24", uprn=UPRN, lpi_key="L10")[:-1],
        record(
            "32",
            uprn=UPRN,
            class_key=f"9999C{UPRN}",
            classification_code="RD02",
            class_scheme=SCHEME,
            order=2,
        ),
        ["41", "I", "1"],
    ]
    write_delivery(named(folder), rows)
    read(reader, folder)
    assert kept(reader, "uprn, class_code") == [(UPRN, "RD02")]
    assert rejected(reader) == [
        (5, "repeated: a later row of the same supply has the same key"),
        (7, "required: the value is missing or malformed"),
        (8, "no_lpi: no LPI (record 24) writes its address"),
        (9, "no_blpu: no BLPU (record 21) has its UPRN"),
        (10, "required: the value is missing or malformed"),
        (11, "change_type_unknown: wanted I, U or D"),
        (12, "wrong_width: 25 fields where a 24 of AddressBase Premium has 26"),
        (14, "unknown_record_type: no record type of these files"),
    ]
    assert account(reader) == {
        "read": (6, 1, 5), "15 street descriptor": (1, 1, 0), "21 BLPU": (3, 1, 2), "32 classification": (2, 1, 1),
        "28 delivery point address": (1, 1, 0), "10 header": (1, 1, 0), "99 trailer": (1, 1, 0),
    }  # fmt: skip
    assert reader.con.execute("SELECT reason FROM files WHERE status LIKE '28%'").fetchall() == [
        ("read for sources.delivery_point",)
    ]


def changed(uprn: int, change: str, order: int, code: str) -> Row:
    return record("32", change=change, order=order, uprn=uprn, class_key=f"9999C{uprn}", classification_code=code,
                  class_scheme=SCHEME, start_date="2026-01-01")  # fmt: skip


def test_changes_go_on_top_of_the_full_supply_in_order(reader: Reader, folder: Path) -> None:
    homes = [home(UPRN + i, 3 + i, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET) for i in range(3)]
    write_delivery(named(folder, "FULL", "2026-08-01"), [row for rows in homes for row in rows])
    moved = home(UPRN + 7, 10, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET)
    taken = [
        record("21", change="D", uprn=UPRN + 1),
        record("24", change="D", uprn=UPRN + 1, lpi_key=f"9999L{UPRN + 1}"),
    ]
    # The later first by its name, and in each the rows not in processing order.
    write_delivery(named(folder, "COU", "2026-09-15", "001"), [changed(UPRN, "U", 1, "RD06")], file_type="C")
    write_delivery(
        named(folder, "COU", "2026-09-04", "001"),
        [changed(UPRN, "U", 5, "RD03"), changed(UPRN, "U", 4, "RD02"), *moved, *taken],
        file_type="C", next_volume=2,
    )  # fmt: skip
    write_delivery(
        named(folder, "COU", "2026-09-04", "002"),
        [changed(UPRN + 2, "D", 1, "RD04")],
        file_type="C",
        volume=2,
    )
    assert read(reader, folder).refused == ()
    assert kept(reader, "uprn, class_code") == [(UPRN, "RD06"), (UPRN + 2, None), (UPRN + 7, "RD04")]
    reasons = reader.con.execute(
        "SELECT split_part(reason, ':', 1), count(*) FROM rejected GROUP BY 1 ORDER BY 1"
    ).fetchall()
    # Superseded: three classes of the first home, the second's BLPU and LPI, the third's class, the street three times.
    assert dict(reasons) == {"superseded": 9, "taken_away": 3}
    assert all(a == b + c for a, b, c in account(reader).values())


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("COU", "2026-09-04", "001", 0)], "wanted the full supply .* found only updates"),
        (
            [("FULL", "2026-08-01", "001", 0), ("FULL", "2026-09-04", "001", 0)],
            "one full supply; found those of 2026-08-01 and 2026-09-04",
        ),
        ([("FULL", "2026-09-04", "001", 0), ("COU", "2026-08-01", "001", 0)], "from before the full supply"),
        (
            [("FULL", "2026-09-04", "001", 2)],
            "every volume of the full supply of 2026-09-04; volume 2 is missing",
        ),
        ([("FULL", "2026-09-04", "002", 0)], "volume 1 is missing"),
    ],
)
def test_a_delivery_that_does_not_hang_together_is_refused_whole(
    reader: Reader, folder: Path, files: list[tuple[str, str, str, int]], words: str
) -> None:
    for kind, date, part, next_volume in files:
        rows = home(UPRN, 3, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET)
        write_delivery(
            named(folder, kind, date, part),
            rows,
            file_type=kind[0],
            date=date,
            volume=int(part),
            next_volume=next_volume,
        )
    got = read(reader, folder)
    assert (got.rows_read, len(got.refused)) == (0, len(files))
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(got.refused[0][1])
    assert kept(reader, "uprn") == []


def test_one_bad_file_refuses_the_delivery_and_two_kinds_side_by_side_do(
    reader: Reader, folder: Path
) -> None:
    good = home(UPRN, 3, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET)
    write_delivery(named(folder), good, next_volume=2)
    cut = named(folder, part="002")
    cut.write_text(as_text([header(volume=2), *good]), "utf-8")
    reasons = {reason for _, reason in read(reader, folder).refused}
    assert len(reasons) == 1
    assert "AddressBasePremium_FULL_2026-09-04_002.csv" in (reason := reasons.pop())
    assert "cut short" in reason
    cut.unlink()
    torn = cut.with_name("AddressBasePremium_FULL_2026-09-04_002_csv.zip")
    torn.write_bytes(b"PK\x03\x04 cut")
    assert {reason for _, reason in read(reader, folder).refused} == {
        "wanted a whole ZIP file without a password; found another: fetch it again"
    }
    torn.unlink()
    cut.write_text(as_text([header(volume=2), trailer(0)]), "utf-8")
    assert read(reader, folder).refused == ()
    (folder / "llpg.csv").write_text("LPI_KEY,UPRN\nL1,1\n", "utf-8")
    assert {reason.partition(";")[0] for _, reason in read(reader, folder).refused} == {
        "wanted one gazetteer"
    }


def test_the_latest_file_of_a_tile_stands_for_the_earlier(reader: Reader, folder: Path) -> None:
    first, second, third = (
        home(UPRN + i, 3 + i, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET) for i in range(3)
    )

    def tile(rows: list[Row], file_type: str) -> bytes:
        return as_text([header(file_type=file_type), *rows, trailer(len(rows))]).encode()

    write_zip(
        folder / "august.zip",
        {
            "data/AddressBasePremium_FULL_2026-08-01_SU0000.csv": tile([*first, *second], "F"),
            "data/AddressBasePremium_FULL_2026-08-01_SU0005.csv": tile(third, "F"),
        },
    )
    write_zip(folder / "september.zip", {"AddressBasePremium_COU_2026-09-04_SU0000.csv": tile(second, "C")})
    assert read(reader, folder).refused == ()
    assert kept(reader, "uprn") == [(UPRN + 1,), (UPRN + 2,)]
    files = reader.con.execute(
        "SELECT file, status FROM files WHERE status IN ('read', 'superseded') ORDER BY file"
    ).fetchall()
    inside = "sources/llpg/august.zip/data/AddressBasePremium_FULL_2026-08-01"
    assert files == [
        (f"{inside}_SU0000.csv", "superseded"),
        (f"{inside}_SU0005.csv", "read"),
        ("sources/llpg/september.zip/AddressBasePremium_COU_2026-09-04_SU0000.csv", "read"),
    ]


def test_dtf_has_class_organisation_and_postcode_in_other_places(reader: Reader, folder: Path) -> None:
    rows = home(UPRN, 3, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET, DTF, code="CR08")
    rows[1][1 + LAYOUTS[DTF]["21"].index("organisation")] = "BEE & WING"
    rows.append(
        record(
            "23",
            DTF,
            uprn=UPRN,
            xref_key="X1",
            cross_reference="000123",
            source="CTAX",
            start_date="2011-02-03",
        )
    )
    write_delivery(folder / "llpg_full.csv", rows, DTF, encoding="cp1252")
    assert read(reader, folder).rows_rejected == 0
    columns = "uprn, class_code, organisation, postcode, town, pao_start_number, CAST(easting AS INTEGER)"
    assert kept(reader, columns) == [(UPRN, "CR08", "BEE & WING", "QX9 1AA", "SMALLBRIDGE", 3, 400010)]
    assert reader.con.execute("SELECT DISTINCT encoding FROM files").fetchall() == [("DTF 7.3, utf-8",)]
    read(reader, folder, "cross_reference")
    assert kept(reader, "uprn, source, reference, CAST(start_date AS VARCHAR)") == [
        (UPRN, "CTAX", "000123", "2011-02-03")
    ]


def test_delivery_points_and_references_come_from_the_same_files_or_their_own(
    reader: Reader, folder: Path
) -> None:
    life: dict[str, Any] = {"start_date": "2010-01-01"}
    rows = [
        *home(UPRN, 3, "ALDER ROAD", "QX9 1AA", 400010, 200100, STREET),
        record("28", uprn=UPRN, udprn=50000002, organisation_name="BEE & WING", department_name="POST ROOM",
               sub_building_name="FLAT 2", building_name="ALDER HOUSE", dependent_thoroughfare="ALDER MEWS",
               thoroughfare="ALDER ROAD", double_dependent_locality="NEAR END", dependent_locality="EASTEND",
               post_town="SMALLBRIDGE", postcode="QX9 1AB", po_box_number="7"),
        record("23", uprn=UPRN, xref_key="X1", cross_reference="0123", source="7666VC", end_date="2020-01-01", **life),
        record("23", uprn=UPRN, xref_key="X2", cross_reference="0123", source="7666VC", start_date="2021-01-01"),
        record("23", uprn=UPRN, xref_key="X3", cross_reference="osgb1", source="7666MT", **life),
        record("23", uprn=UPRN, xref_key="X4", cross_reference="osgb2", source="", **life),
    ]  # fmt: skip
    write_delivery(named(folder), rows)
    read(reader, folder, "delivery_point")
    assert [row[1:-1] for row in kept(reader, "* EXCLUDE (authority_code)", "udprn")] == [
        (str(UPRN)[-8:], None, None, None, None, "3", None, "ALDER ROAD", None, None, "SMALLBRIDGE", "QX9 1AA", None),
        ("50000002", "BEE & WING", "POST ROOM", "FLAT 2", "ALDER HOUSE", None, "ALDER MEWS", "ALDER ROAD", "NEAR END",
         "EASTEND", "SMALLBRIDGE", "QX9 1AB", "7"),
    ]  # fmt: skip
    own = folder.parent / "cross_reference/housing.csv"
    own.parent.mkdir()
    own.write_text("UPRN,SOURCE,CROSS_REFERENCE\n990000001001,HOUSING,000000000042\n,HOUSING,43\n", "utf-8")
    got = read(reader, folder, "cross_reference")
    assert kept(
        reader, "uprn, source, reference, CAST(start_date AS VARCHAR), CAST(end_date AS VARCHAR)", "2, 3"
    ) == [
        (UPRN, "7666MT", "osgb1", "2010-01-01", None),
        (UPRN, "7666VC", "0123", "2021-01-01", None),
        (UPRN, "HOUSING", "000000000042", None, None),
    ]
    assert got.rows_read == got.rows_kept + got.rows_rejected == 6


def ngd_home(uprn: int, **more: object) -> dict[str, object]:
    return {
        "uprn": uprn, "number": "12A-14", "streetname": "Alder Road", "townname": "Smallbridge", "postcode": "QX9 1AA",
        "fulladdress": "12A-14 Alder Road", "classificationcode": "RD04", "addressstatus": "Approved",
        "buildstatus": "Built Complete", "usrn": STREET, "easting": "400010", "northing": "200100", **more,
    }  # fmt: skip


def test_ngd_features_become_the_same_table(reader: Reader, folder: Path) -> None:
    write_ngd(
        folder / "add_gb_builtaddress.csv",
        [
            ngd_home(1, postcodesource="A record which is linked to PAF", organisationname="Bee & Wing"),
            ngd_home(2, parentuprn=1, subname="Flat 2", number="", name="Alder House"),
            ngd_home(
                3, number="12½", alternatelanguage="Welsh", alternatelanguagename="Ty Gwern",
                alternatelanguagestreetname="Ffordd Gwern",
            ),
            ngd_home(3),
            ngd_home(0),
        ],
    )  # fmt: skip
    write_ngd(
        folder / "add_gb_builtaddress_altadd.csv", [{"uprn": 1, "name": "The Old Bakery", "fulladdress": "x"}]
    )
    write_ngd(folder / "add_gb_historicaddress.csv", [ngd_home(4, addressstatus="", buildstatus="Historic")])
    write_ngd(
        folder / "add_gb_prebuildaddress.csv",
        [ngd_home(5, addressstatus="Provisional", buildstatus="Prebuild")],
    )
    write_ngd(folder / "add_gb_nonaddressableobject.csv", [ngd_home(6, classificationcode="ZV01")])
    write_ngd(
        folder / "add_gb_royalmailaddress.csv",
        [
            {"udprn": 50000001, "uprn": 1, "buildingname": "12A-14", "thoroughfare": "ALDER ROAD",
             "posttown": "SMALLBRIDGE", "postcode": "QX9 1AA"},
            {"udprn": 50000002, "thoroughfare": "NOT MATCHED"},
        ],
        ROYAL_MAIL,
    )  # fmt: skip
    got = read(reader, folder)
    assert got.refused == ()
    columns = "lpi_key, uprn, parent_uprn, lpi_status, blpu_status, blpu_state, class_code, language, postal"
    assert kept(reader, columns) == [
        ("NGD1B", 1, None, 1, 1, 2, "RD04", "ENG", "D"),
        ("NGD1BA1", 1, None, 3, 1, 2, "RD04", "ENG", None),
        ("NGD2B", 2, 1, 1, 1, 2, "RD04", "ENG", None),
        ("NGD3B", 3, None, 1, 1, 2, "RD04", "ENG", None),
        ("NGD3BCYM", 3, None, 3, 1, 2, "RD04", "CYM", None),
        ("NGD4H", 4, None, 8, 8, 4, "RD04", "ENG", None),
        ("NGD5P", 5, None, 6, 6, 1, "RD04", "ENG", None),
        ("NGD6N", 6, None, 1, 1, 2, "ZV01", "ENG", "N"),
    ]
    parts = "lpi_key, sao_text, pao_start_number, pao_start_suffix, pao_end_number, pao_text, street, organisation"
    assert kept(reader, parts)[:5] == [
        ("NGD1B", None, 12, "A", 14, None, "Alder Road", "Bee & Wing"),
        ("NGD1BA1", None, None, None, None, "The Old Bakery", None, "Bee & Wing"),
        ("NGD2B", "Flat 2", None, None, None, "Alder House", "Alder Road", None),
        ("NGD3B", None, None, None, None, "12½", "Alder Road", None),
        ("NGD3BCYM", None, None, None, None, "Ty Gwern 12½", "Ffordd Gwern", None),
    ]
    assert rejected(reader) == [
        (5, "repeated: an earlier row has the same UPRN"),
        (6, "required: the value is missing or malformed"),
    ]
    assert account(reader) == {"read": (10, 8, 2)}
    got = read(reader, folder, "delivery_point")
    assert kept(reader, "uprn, udprn, building_name, street, town") == [
        (1, "50000001", "12A-14", "ALDER ROAD", "SMALLBRIDGE")
    ]
    assert (got.rows_read, got.rows_rejected) == (2, 1)


def test_ngd_is_read_from_geopackages_and_what_is_no_address_is_left_aside(
    reader: Reader, folder: Path
) -> None:
    import fiona
    from fiona.crs import CRS

    folder.mkdir(parents=True)
    names = ("uprn", "number", "streetname", "postcode", "fulladdress", "addressstatus")
    schema = {"geometry": "Point", "properties": dict.fromkeys(names, "str")}
    path = folder / "add_gb_builtaddress.gpkg"
    for layer in ("add_gb_builtaddress", "add_gb_builtaddress_altadd"):
        with fiona.open(
            path, "w", driver="GPKG", layer=layer, schema=schema, crs=CRS.from_epsg(27700)
        ) as out:
            feature = ngd_home(1, fulladdress=layer)
            properties = {name: str(feature[name]) for name in names}
            geometry = {"type": "Point", "coordinates": (400010, 200100)}
            out.write({"type": "Feature", "properties": properties, "geometry": geometry})
    for name in ("add_gb_builtaddress_rltenty.csv", "add_gb_streetaddress.csv"):
        (folder / name).write_text("uprn,other\n1,2\n", "utf-8")
    assert read(reader, folder).refused == ()
    columns = "uprn, lpi_status, pao_start_number, CAST(easting AS INTEGER), CAST(northing AS INTEGER)"
    assert kept(reader, columns) == [(1, 1, 12, 400010, 200100)]


def test_an_authority_with_addressbase_alone_runs_as_with_an_extract(tmp_path: Path) -> None:
    folder = write_small_authority(tmp_path / "smallbridge")
    shutil.rmtree(folder / "sources/llpg")
    rows = [
        row
        for h in HOMES
        for row in home(
            h.uprn, h.number, h.street, h.postcode, h.easting, h.northing,
            99_000_000 + h.area * 10 + STREETS.index(h.street),
        )
    ]  # fmt: skip
    wrong = [
        ["41", "unknown"],
        record("21", uprn=4, logical_status=1),
        record("24", uprn=5, lpi_key="L5")[:-1],
    ]
    write_delivery(named(folder / "sources/llpg"), [*rows, *wrong])
    made: dict[str, Made] = {}
    with opened(load_authority(folder), Output(tmp_path / "output")) as at:
        for step in plan(at.authority):
            if STAGES.index(step.table.stage) <= STAGES.index("places"):
                made[step.name] = step.make(at)
        accounts = [
            check.verdict(at).problems
            for step in plan(at.authority)
            if step.name
            in {"sources.llpg", "sources.delivery_point", "sources.row_rejected", "sources.file_read"}
            for check in checks_of(step)
        ]
        placed = at.con.execute(
            "SELECT location_key, count(*) FROM places.record_placed "
            "WHERE dataset = 'council_tax' AND as_at = DATE '2026-09-30' GROUP BY location_key"
        ).fetchall()
    assert [name for name, one in made.items() if one.problems] == []
    assert len(accounts) > 4
    assert {problem for problems in accounts for problem in problems} == set()
    assert [made[f"sources.{name}"].rows for name in ("llpg", "delivery_point", "cross_reference")] == [
        48,
        48,
        0,
    ]
    assert dict(placed) == {"uprn": 45, "address": 1, "postcode": 1, "none": 1}
