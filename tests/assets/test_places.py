"""Every record on its place: on ground small enough to know the answer beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import shapely

from tests.four_squares import FourSquares, Property, answer
from tests.small_authority import CODE, LSOAS, MSOA, OUTPUT_AREAS, SIDE, SOUTH, WARDS, WEST

OA1, OA2, OA3, OA4 = OUTPUT_AREAS
LSOA1, LSOA2 = LSOAS
WARD1, WARD2 = WARDS
MIDDLE = SOUTH + SIDE // 2

PROPERTIES = [
    # One postcode over two LSOAs of one ward: three homes, two homes; two homes.
    Property(101, 1, 10, "QX1 1AA", 1),
    Property(102, 1, 20, "QX1 1AA", 2),
    Property(103, 1, 30, "QX1 1AA", 3),
    Property(104, 2, 10, "QX1 1AA", 4),
    Property(105, 2, 20, "QX1 1AA", 5),
    Property(106, 3, 10, "QX1 1AA", 6),
    Property(107, 3, 20, "QX1 1AA", 7),
    # One over two wards; what is no home, or no longer one, has no vote.
    Property(201, 3, 150, "QX1 1BB", 1, "BEECH ROAD"),
    Property(202, 3, 160, "QX1 1BB", 2, "BEECH ROAD"),
    Property(203, 4, 10, "QX1 1BB", 3, "BEECH ROAD"),
    Property(204, 4, 20, "QX1 1BB", 4, "BEECH ROAD", class_code="CR08"),
    Property(205, 4, 30, "QX1 1BB", 5, "BEECH ROAD", status=8),
    Property(206, 4, 40, "QX1 1BB", 6, "BEECH ROAD", status=6),
    # A tie goes to the lower code.
    Property(301, 2, 100, "QX1 1CC", 1, "CEDAR ROAD"),
    Property(302, 1, 100, "QX1 1CC", 2, "CEDAR ROAD"),
    # Historic ones: with a successor, without, with a successor that is historic too, with one that is none.
    Property(401, 1, 10, "QX1 1AA", 1, "OLD ROAD", status=8, successor=101),
    Property(402, 1, 10, "QX1 1AA", 2, "OLD ROAD", status=8),
    Property(403, 1, 10, "QX1 1AA", 3, "OLD ROAD", status=8, successor=401),
    Property(404, 1, 10, "QX1 1AA", 4, "OLD ROAD", status=8, successor=999),
    Property(405, 1, 10, "QX1 1AA", 5, "OLD ROAD", status=9),
    # And two that lead to each other; one that leads to a provisional one.
    Property(406, 1, 10, "QX1 1AA", 6, "OLD ROAD", status=8, successor=407),
    Property(407, 1, 10, "QX1 1AA", 7, "OLD ROAD", status=8, successor=406),
    Property(408, 1, 10, "QX1 1AA", 8, "OLD ROAD", status=8, successor=206),
    # A building with a flat; a care home; an address that two properties have.
    Property(500, 2, 150, "QX1 1DD", 10, class_code="PP"),
    Property(501, 2, 150, "QX1 1DD", 11, class_code="RD06", parent=500),
    Property(502, 2, 160, "QX1 1DD", 12, class_code="RI01"),
    Property(503, 2, 170, "QX1 1DD", 13),
    Property(504, 4, 170, "QX1 1DD", 13),
    # A house in which a flat is an address of its own; one whose only part is historic.
    Property(505, 2, 180, "QX1 1DD", 14),
    Property(506, 2, 180, "QX1 1DD", 15, class_code="RD06", parent=505),
    Property(507, 2, 190, "QX1 1DD", 16, parent=507),
    Property(508, 2, 190, "QX1 1DD", 17, class_code="RD06", parent=507, status=8),
    # A park and a street, where nobody lives.
    Property(510, 2, 195, "QX1 1GG", 60, class_code="LP01"),
    Property(511, 2, 196, "QX1 1GG", 61, class_code="PS"),
    # Outside every square; and one that OS Open UPRN does not know yet.
    Property(601, 9, 10, "QX1 1EE", 1, "FAR ROAD"),
    Property(602, 4, 180, "QX1 1FF", 2, "ELM ROAD", in_open_uprn=False),
]
POSTCODES = {
    "QX11AA": (WEST + 700, MIDDLE),  # its homes outvote its point
    "QX12AA": (WEST + 650, MIDDLE),
    "QX12BB": (0, 0),
    "QX12CC": (WEST - 5000, MIDDLE),
}

VISITS = """\
title: Visits
owner: O
sensitivity: open
as_at: 2026-09-30
columns:
  REF: record_reference
  UPRN: uprn
  ADDRESS: address_line
  POSTCODE: postcode
  E: easting
  N: northing
  AREA: area_code
"""
HEADER = ("REF", "UPRN", "ADDRESS", "POSTCODE", "E", "N", "AREA")

# What a record says of its place (UPRN, address, postcode, easting, northing, area code), and where it must end:
# location key, precision, UPRN, Output Area, LSOA, ward, what is said of the UPRN, why not placed, percentage at risk.
RECORDS: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "UPRN": (
        (101, "", "", "", "", ""),
        ("uprn", "property", 101, OA1, LSOA1, WARD1, None, None, 0),
    ),
    "UPRN beats postcode, coordinates and area": (
        (203, "", "QX1 1AA", WEST + 10, MIDDLE, OA1),
        ("uprn", "property", 203, OA4, LSOA2, WARD2, "uprn_postcode_clash", None, 0),
    ),
    "UPRN beats the address": (
        (203, "1 Beech Road", "QX1 1BB", "", "", ""),
        ("uprn", "property", 203, OA4, LSOA2, WARD2, "uprn_address_clash", None, 0),
    ),
    "address and postcode beat the UPRN": (
        (203, "1 Alder Road", "QX1 1AA", "", "", ""),
        ("address", "property", 101, OA1, LSOA1, WARD1, "uprn_overruled", None, 0),
    ),
    "address of the UPRN, and another postcode": (
        (203, "3 Beech Road, Smallbridge", "", WEST + 10, MIDDLE, ""),
        ("uprn", "property", 203, OA4, LSOA2, WARD2, None, None, 0),
    ),
    "UPRN padded": (
        ("000000000101", "", "", "", "", ""),
        ("uprn", "property", 101, OA1, LSOA1, WARD1, "uprn_padded", None, 0),
    ),
    "UPRN padded and with a decimal": (
        ("000000000101.0", "", "", "", "", ""),
        ("uprn", "property", 101, OA1, LSOA1, WARD1, "uprn_decimal", None, 0),
    ),
    "provisional": (
        (206, "", "", "", "", ""),
        ("uprn", "property", 206, OA4, LSOA2, WARD2, "uprn_provisional", None, 0),
    ),
    "not yet in OS Open UPRN": (
        (602, "", "", "", "", ""),
        ("uprn", "property", 602, OA4, LSOA2, WARD2, None, None, 0),
    ),
    "outside the authority": (
        (601, "", "QX1 1AA", "", "", ""),
        ("uprn", "property", 601, None, None, None, "uprn_outside", None, 0),
    ),
    "historic twin": (
        (401, "", "", "", "", ""),
        ("uprn", "property", 101, OA1, LSOA1, WARD1, "uprn_historic", None, 0),
    ),
    "historic without a successor": (
        (402, "", "QX1 1BB", "", "", ""),
        ("postcode", "postcode", None, OA3, LSOA2, WARD1, "uprn_historic_no_successor", None, 0),
    ),
    "historic with a historic successor": (
        (403, "", "", "", "", ""),
        ("uprn", "property", 101, OA1, LSOA1, WARD1, "uprn_historic", None, 0),
    ),
    "historic with a provisional successor": (
        (408, "", "", "", "", ""),
        ("uprn", "property", 206, OA4, LSOA2, WARD2, "uprn_historic", None, 0),
    ),
    "historic, in a circle": (
        (406, "", "", "", "", ""),
        ("none", "none", None, None, None, None, "uprn_historic_no_successor", "no_location", 0),
    ),
    "historic with an unknown successor": (
        (404, "1 Alder Rd", "qx11aa", "", "", ""),
        ("address", "property", 101, OA1, LSOA1, WARD1, "uprn_historic_no_successor", None, 0),
    ),
    "rejected": (
        (405, "", "", "", "", ""),
        ("none", "none", None, None, None, None, "uprn_rejected", "no_location", 0),
    ),
    "shell": (
        (500, "", "", "", "", ""),
        ("uprn", "building", 500, OA2, LSOA1, WARD1, "uprn_of_building", None, 0),
    ),
    "shell, with the address of a flat in it": (
        (500, "11 Alder Road", "QX1 1DD", "", "", ""),
        ("address", "property", 501, OA2, LSOA1, WARD1, "uprn_of_building", None, 0),
    ),
    "flat, with the address of its shell": (
        (501, "10 Alder Road", "QX1 1DD", "", "", ""),
        ("uprn", "property", 501, OA2, LSOA1, WARD1, None, None, 0),
    ),
    "park": (
        (510, "", "", "", "", ""),
        ("uprn", "property", 510, OA2, LSOA1, WARD1, "uprn_not_addressable", None, 0),
    ),
    "street": (
        (511, "", "QX1 2AA", "", "", ""),
        ("postcode", "postcode", None, OA4, LSOA2, WARD2, "uprn_not_addressable", None, 0),
    ),
    "house with a flat of its own address": (
        (505, "", "", "", "", ""),
        ("uprn", "building", 505, OA2, LSOA1, WARD1, "uprn_of_building", None, 0),
    ),
    "house that was once two": (
        (507, "", "", "", "", ""),
        ("uprn", "property", 507, OA2, LSOA1, WARD1, None, None, 0),
    ),
    "unknown UPRN, known address": (
        (999, "6 ALDER RD., Smallbridge", "QX1 1AA", "", "", ""),
        ("address", "property", 106, OA3, LSOA2, WARD1, "uprn_unknown", None, 0),
    ),
    "address without a postcode names its town": (
        ("", "1 Beech Road, Smallbridge", "", "", "", ""),
        ("address", "property", 201, OA3, LSOA2, WARD1, "uprn_blank", None, 0),
    ),
    "address without a postcode and town": (
        ("", "1 Beech Road", "", "", "", ""),
        ("address", "property", 201, OA3, LSOA2, WARD1, "uprn_blank", None, 0),
    ),
    "address that is nowhere": (
        ("", "99 Nowhere Lane", "", "", "", ""),
        ("none", "none", None, None, None, None, "uprn_blank", "address_unknown", 0),
    ),
    "address of a shell": (
        ("", "10 Alder Road", "QX1 1DD", "", "", ""),
        ("address", "building", 500, OA2, LSOA1, WARD1, "uprn_blank", None, 0),
    ),
    "address of a historic one": (
        ("", "2 Old Road", "QX1 1AA", "", "", ""),
        ("postcode", "postcode", None, OA1, LSOA1, WARD1, "uprn_blank", None, 29),
    ),
    "address that two have": (
        ("", "13 Alder Road", "QX1 1DD", "", "", ""),
        ("postcode", "postcode", None, OA2, LSOA1, WARD1, "uprn_blank", None, 17),
    ),
    "number that is not there": (
        ("", "8 Alder Road", "QX1 1AA", "", "", ""),
        ("postcode", "postcode", None, OA1, LSOA1, WARD1, "uprn_blank", None, 29),
    ),
    "damaged UPRN, coordinates": (
        ("100023000000", "", "", WEST + 450, MIDDLE, ""),
        ("coordinates", "point", None, OA3, LSOA2, WARD1, "uprn_rounded", None, 0),
    ),
    "coordinates beat the postcode": (
        ("", "", "QX1 1AA", WEST + 650, MIDDLE, ""),
        ("coordinates", "point", None, OA4, LSOA2, WARD2, "uprn_blank", None, 0),
    ),
    "on the bound of two squares": (
        ("", "", "", WEST + SIDE, MIDDLE, ""),
        ("coordinates", "point", None, OA1, LSOA1, WARD1, "uprn_blank", None, 0),
    ),
    "on the bound of two wards": (
        ("", "", "", WEST + 3 * SIDE, SOUTH, ""),
        ("coordinates", "point", None, OA3, LSOA2, WARD1, "uprn_blank", None, 0),
    ),
    "on the outer corner": (
        ("", "", "", WEST + 4 * SIDE, SOUTH + SIDE, ""),
        ("coordinates", "point", None, OA4, LSOA2, WARD2, "uprn_blank", None, 0),
    ),
    "a centimetre outside": (
        ("", "", "", f"{WEST + 4 * SIDE}.01", MIDDLE, ""),
        ("none", "none", None, None, None, None, "uprn_blank", "coordinates_elsewhere", 0),
    ),
    "outside, with a postcode": (
        ("", "", "QX1 1CC", WEST - 100, MIDDLE, ""),
        ("postcode", "postcode", None, OA1, LSOA1, WARD1, "uprn_blank", None, 0),
    ),
    "zero coordinates": (
        ("", "", "", 0, 0, LSOA2),
        ("area_code", "area", None, None, LSOA2, WARD1, "uprn_blank", None, 0),
    ),
    "postcode over two LSOAs": (
        ("", "", "QX11AA", "", "", ""),
        ("postcode", "postcode", None, OA1, LSOA1, WARD1, "uprn_blank", None, 29),
    ),
    "postcode without homes": (
        ("", "", "QX1 2AA", "", "", ""),
        ("postcode", "postcode", None, OA4, LSOA2, WARD2, "uprn_blank", None, 0),
    ),
    "postcode without a point": (
        ("", "", "QX1 2BB", "", "", ""),
        ("none", "none", None, None, None, None, "uprn_blank", "postcode_unknown", 0),
    ),
    "postcode elsewhere": (
        ("", "", "QX1 2CC", "", "", ""),
        ("none", "none", None, None, None, None, "uprn_blank", "postcode_unknown", 0),
    ),
    "postcode unknown": (
        ("", "", "QX9 9ZZ", "", "", OA2),
        ("area_code", "area", None, OA2, LSOA1, WARD1, "uprn_blank", None, 0),
    ),
    "Output Area": (
        ("", "", "", "", "", OA4),
        ("area_code", "area", None, OA4, LSOA2, WARD2, "uprn_blank", None, 0),
    ),
    "LSOA over two wards": (
        ("", "", "", "", "", LSOA2),
        ("area_code", "area", None, None, LSOA2, WARD1, "uprn_blank", None, 0),
    ),
    "MSOA": (
        ("", "", "", "", "", MSOA),
        ("area_code", "area", None, None, None, None, "uprn_blank", None, 0),
    ),
    "ward": (
        ("", "", "", "", "", WARD2.lower()),
        ("area_code", "area", None, None, None, WARD2, "uprn_blank", None, 0),
    ),
    "the authority as a whole": (
        ("", "", "", "", "", CODE),
        ("area_code", "area", None, None, None, None, "uprn_blank", None, 0),
    ),
    "area of elsewhere": (
        ("", "", "QX9 9ZZ", "", "", "E01000001"),
        ("none", "none", None, None, None, None, "uprn_blank", "area_code_unknown", 0),
    ),
    "nothing at all": (
        ("Not Known", "", "", "", "", "Elsewhere"),
        ("none", "none", None, None, None, None, "uprn_not_a_number", "no_location", 0),
    ),
}


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    ground = FourSquares(tmp_path_factory.mktemp("places"))
    ground.properties(*PROPERTIES)
    ground.postcodes(**POSTCODES)
    rows = [(name, *given) for name, (given, _) in RECORDS.items()]
    ground.dataset("visits", VISITS, {"visits.csv": [HEADER, *rows]})
    with ground.made("places") as made:
        yield made


# Areas


def test_areas(con: duckdb.DuckDBPyConnection) -> None:
    counts = answer(
        con, "SELECT area_type, count(*), sum(hectares) FROM places.area GROUP BY ALL ORDER BY ALL"
    )
    hectares = Decimal(SIDE * SIDE * 4) / 10_000
    wanted = {"authority": 1, "lsoa": 2, "msoa": 1, "oa": 4, "ward": 2}
    assert counts == [(kind, count, hectares) for kind, count in wanted.items()]
    for wkb, easting, northing in answer(con, "SELECT geometry_wkb, easting, northing FROM places.area"):
        shape = shapely.from_wkb(bytes(wkb))
        assert shape.geom_type == "MultiPolygon"
        assert shape.contains(shapely.Point(float(easting), float(northing)))
    whole = answer(
        con,
        "SELECT area_code, area_name, vintage, longitude, latitude FROM places.area WHERE area_type = 'authority'",
    )
    ((code, name, vintage, longitude, latitude),) = whole
    assert (code, name, vintage) == (CODE, "Smallbridge", "21")
    # Where the grid's (400000, 200000) is, near Cirencester.
    assert abs(longitude + 2) < Decimal("0.02")
    assert abs(latitude - Decimal("51.7")) < Decimal("0.02")
    names = "SELECT area_name FROM places.area WHERE area_type = 'oa' ORDER BY 1"
    assert answer(con, names) == list(OUTPUT_AREAS)  # the name in an Output Area's row is its LSOA's


def test_output_areas_belong_to_the_larger_by_a_point_inside(con: duckdb.DuckDBPyConnection) -> None:
    assert answer(
        con, "SELECT oa_code, lsoa_code, msoa_code, ward_code, method FROM places.output_area ORDER BY 1"
    ) == [
        (OA1, LSOA1, MSOA, WARD1, "point"),
        (OA2, LSOA1, MSOA, WARD1, "point"),
        (OA3, LSOA2, MSOA, WARD1, "point"),
        (OA4, LSOA2, MSOA, WARD2, "point"),
    ]


def test_lookup_of_the_publisher_goes_before_geometry(tmp_path: Path) -> None:
    """But only for areas that are in use: the lookup of another year names wards that are gone, or have grown."""
    ground = FourSquares(tmp_path)
    header = ("OA21CD", "LSOA21CD", "MSOA21CD")
    ground.source("area_lookup", "a.csv", [header, *((oa, LSOA2, MSOA) for oa in OUTPUT_AREAS)])
    gone = [(oa, "E05000001") for oa in OUTPUT_AREAS[:3]]
    ground.source("area_lookup", "b.csv", [("OA21CD", "WD22CD"), *gone, (OA4, WARD2)])
    ground.source(
        "area_lookup", "c.csv", [("oa21cd", "wd25cd"), (OA1, WARD2), (OA2, "E05000002"), (OA4, WARD1)]
    )
    with ground.made("places") as con:
        found = answer(con, "SELECT oa_code, lsoa_code, ward_code, method FROM places.output_area ORDER BY 1")
    assert found == [
        (OA1, LSOA2, WARD2, "lookup"),
        (OA2, LSOA2, WARD1, "point"),
        (OA3, LSOA2, WARD1, "point"),
        (OA4, LSOA2, WARD1, "lookup"),
    ]


def test_points_outside_have_no_row(con: duckdb.DuckDBPyConnection) -> None:
    outside = "SELECT count(*) FROM places.point_oa WHERE easting NOT BETWEEN 400000 AND 400800"
    assert answer(con, outside) == [0]
    assert answer(
        con, "SELECT oa_code FROM places.point_oa WHERE easting = 400200 AND northing = 200100"
    ) == [OA1]


# The spine


def test_spine(con: duckdb.DuckDBPyConnection) -> None:
    columns = (
        "status, class_code, is_shell, is_home, is_communal, oa_code, ward_code, successor_uprn, parent_uprn"
    )
    rows = {row[0]: row[1:] for row in answer(con, f"SELECT uprn, {columns} FROM places.uprn")}
    assert len(rows) == len(PROPERTIES)
    assert rows[101] == ("live", "RD04", False, True, False, OA1, WARD1, None, None)
    assert rows[206] == ("provisional", "RD04", False, False, False, OA4, WARD2, None, None)
    assert rows[401] == ("historic", "RD04", False, False, False, OA1, WARD1, 101, None)
    assert rows[405][0] == "rejected"
    assert rows[500] == ("live", "PP", True, False, False, OA2, WARD1, None, None)
    assert rows[501] == ("live", "RD06", False, True, False, OA2, WARD1, None, 500)
    assert rows[502] == ("live", "RI01", False, False, True, OA2, WARD1, None, None)
    assert rows[601][5:7] == (None, None)
    assert rows[602][5:7] == (OA4, WARD2)


def test_directory_goes_before_the_point_and_the_difference_is_told(tmp_path: Path) -> None:
    ground = FourSquares(tmp_path)
    ground.properties(Property(1, 1), Property(2, 1, 110), Property(3, 1, 120), Property(4, 1, 130))
    header = ("UPRN", "PCDS", "OA21CD")
    rows = [(1, "QX1 1AA", OA1), (2, "QX1 1AB", OA2), (3, "QX1 1AC", "E00000001")]
    ground.source("onsud", "ONSUD_OCT_2026_QX.csv", [header, *rows])
    ground.source(
        "os_open_linked_identifiers", "BLPU_UPRN_Street_USRN_11.csv", [("IDENTIFIER_1", "IDENTIFIER_2")]
    )
    with ground.made("places") as con:
        found = answer(con, "SELECT uprn, oa_code, areas_disagree, postcode FROM places.uprn ORDER BY 1")
    assert found == [
        (1, OA1, False, "QX1 1AA"),
        (2, OA2, True, "QX1 1AB"),
        (3, OA1, None, "QX1 1AC"),
        (4, OA1, None, None),
    ]


def test_directory_of_another_census_is_left_aside(tmp_path: Path) -> None:
    ground = FourSquares(tmp_path)
    ground.properties(Property(1, 1))
    ground.source("onsud", "ONSUD_OCT_2020.csv", [("UPRN", "PCDS", "OA11CD"), (1, "QX1 1AA", OA2)])
    with ground.made("places") as con:
        assert answer(con, "SELECT oa_code, postcode FROM places.uprn") == [(OA1, None)]


def test_open_data_alone_makes_a_spine(tmp_path: Path) -> None:
    """Without a gazetteer: everything is live, what is a home is not known, the street is OS's."""
    ground = FourSquares(tmp_path)
    ground.source(
        "os_open_uprn",
        "osopenuprn_202610.csv",
        [("UPRN", "X_COORDINATE", "Y_COORDINATE"), (7, WEST + 10, MIDDLE)],
    )
    links = [("IDENTIFIER_1", "IDENTIFIER_2"), (7, 20_000_002), (7, 20_000_001)]
    ground.source("os_open_linked_identifiers", "BLPU_UPRN_Street_USRN_11.csv", links)
    with ground.made("places") as con:
        found = answer(con, "SELECT uprn, status, usrn, is_home, is_shell, oa_code FROM places.uprn")
        assert found == [(7, "live", 20_000_001, None, False, OA1)]
        assert answer(con, "SELECT count(*) FROM places.home") == [0]


# Postcodes


def test_postcodes_by_best_fit(con: duckdb.DuckDBPyConnection) -> None:
    columns = "postcode, oa_code, method, homes, homes_in_oa, homes_in_lsoa, homes_in_ward"
    assert answer(con, f"SELECT {columns} FROM places.postcode ORDER BY 1") == [
        ("QX1 1AA", OA1, "homes", 7, 3, 5, 7),
        ("QX1 1BB", OA3, "homes", 3, 2, 3, 2),
        ("QX1 1CC", OA1, "homes", 2, 1, 2, 2),
        ("QX1 1DD", OA2, "homes", 6, 5, 5, 5),
        ("QX1 1FF", OA4, "homes", 1, 1, 1, 1),
        ("QX1 2AA", OA4, "point", 0, None, None, None),
        ("QX1 2BB", None, None, 0, None, None, None),
        ("QX1 2CC", None, None, 0, None, None, None),
    ]


# Records


@pytest.mark.parametrize("name", RECORDS)
def test_record_is_placed(name: str, con: duckdb.DuckDBPyConnection) -> None:
    columns = "location_key, precision, uprn, oa_code, lsoa_code, ward_code"
    columns += ", uprn_finding, unplaced_because, percent_at_risk"
    (found,) = con.execute(
        f"SELECT {columns} FROM places.record_placed WHERE record_id = ?", [name]
    ).fetchall()
    assert found == RECORDS[name][1]


def test_every_record_is_placed_once(con: duckdb.DuckDBPyConnection) -> None:
    assert answer(con, "SELECT count(*), count(DISTINCT record_id) FROM places.record_placed") == [
        (len(RECORDS),) * 2
    ]


def test_place_has_coordinates_where_they_are_known(con: duckdb.DuckDBPyConnection) -> None:
    def at(name: str) -> Any:
        return con.execute(
            "SELECT easting, northing FROM places.record_placed WHERE record_id = ?", [name]
        ).fetchall()[0]

    assert at("historic twin") == (Decimal(WEST + 10), Decimal(MIDDLE))
    assert at("damaged UPRN, coordinates") == (Decimal(WEST + 450), Decimal(MIDDLE))
    assert at("postcode over two LSOAs") == (Decimal(WEST + 700), Decimal(MIDDLE))
    assert at("Output Area") == at("a centimetre outside") == (None, None)


def test_larger_areas_of_a_record_known_by_its_area(con: duckdb.DuckDBPyConnection) -> None:
    found = dict(answer(con, "SELECT record_id, msoa_code FROM places.record_placed"))
    assert found["MSOA"] == found["LSOA over two wards"] == found["Output Area"] == MSOA
    assert found["ward"] is None
    assert found["the authority as a whole"] is None


def test_without_a_gazetteer_a_uprn_is_not_called_unknown(tmp_path: Path) -> None:
    ground = FourSquares(tmp_path)
    ground.postcodes(QX12AA=(WEST + 650, MIDDLE))
    rows = [("a", 101, "", "QX1 2AA", "", "", ""), ("b", "x", "", "QX1 2AA", "", "", "")]
    ground.dataset("visits", VISITS, {"visits.csv": [HEADER, *rows]})
    with ground.made("places") as con:
        found = answer(con, "SELECT uprn_finding, location_key FROM places.record_placed ORDER BY record_id")
        assert found == [("uprn_unchecked", "postcode"), ("uprn_not_a_number", "postcode")]


def test_every_finding_is_in_the_register(con: duckdb.DuckDBPyConnection) -> None:
    findings = ("uprn_finding", "reference_finding", "address_finding", "unplaced_because")
    said = " UNION ".join(f"SELECT {finding} FROM places.record_placed" for finding in findings)
    assert (
        answer(
            con,
            f"SELECT * FROM ({said}) AS said(issue) ANTI JOIN services.issue_kind USING (issue) WHERE issue <> ''",
        )
        == []
    )


# Identifiers that are not what they seem


REFERENCED = "title: T\nowner: O\nsensitivity: open\nas_at: 2026-09-30\n"
REFERENCED += "columns: {REF: record_reference, UPRN: uprn, POSTCODE: postcode, ADDRESS: address_line}\n"
REFERENCED_HEADER = ("REF", "UPRN", "POSTCODE", "ADDRESS")
# The postcodes of the street's homes, and one of elsewhere.
HERE, ALSO_HERE, ELSEWHERE = "QX1 1AA", "QX1 1BB", "QX9 9ZZ"
STREET = [Property(1000 + n, 1, n, HERE, n) for n in range(1, 41)]
STREET += [Property(2001, 4, 10, ALSO_HERE, 1, "ELM ROAD")]


def numbered(*parts: tuple[int, int, str]) -> list[tuple[object, ...]]:
    """So many records with UPRNs from a number on, at a postcode each."""
    found: list[tuple[object, ...]] = []
    for first, how_many, postcode in parts:
        found += [(f"{first + n}", first + n, postcode, "") for n in range(how_many)]
    return found


COLUMNS_OF_UPRNS: dict[str, tuple[list[tuple[object, ...]], bool, str]] = {
    # A fifth of the numbers known is enough, less is not; and less than twenty numbers tell nothing.
    "a_fifth": (numbered((1001, 4, ""), (90_000, 16, "")), True, "known"),
    "less": (numbered((1001, 4, HERE), (90_000, 17, HERE)), False, "hardly any known"),
    "short": (numbered((90_000, 19, HERE)), True, "too few to tell"),
    # Known, but for three of twenty at the postcode of something else; at four of twenty it may be letters to agents.
    "shifted": (numbered((1001, 3, HERE), (1004, 17, ALSO_HERE)), False, "other postcodes"),
    "letters": (numbered((1001, 4, HERE), (1005, 16, ALSO_HERE)), True, "known"),
    # A list of a wider area; one of another area.
    "wider": (numbered((1001, 20, HERE), (90_000, 81, ELSEWHERE)), True, "few known but right"),
    "foreign": (numbered((1001, 4, HERE), (90_000, 30, ELSEWHERE)), False, "elsewhere"),
    "empty": ([("a", "", HERE, ""), ("b", "", "", "")], False, "blank"),
}


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Extracts whose UPRN columns hold other things, stray defaults, or the service's own references."""
    ground = FourSquares(tmp_path_factory.mktemp("doubtful"))
    ground.properties(
        *STREET,
        Property(3001, 2, 10, HERE, 50, class_code="RI01"),
        Property(3002, 2, 20, HERE, 51, status=8, successor=3003),
        Property(3003, 2, 20, HERE, 52),
        Property(3004, 2, 30, HERE, 53, status=8),
    )
    for name, (rows, _, _) in COLUMNS_OF_UPRNS.items():
        ground.dataset(name, REFERENCED, {f"{name}.csv": [REFERENCED_HEADER, *rows]})
    once = [(f"o{n}", 1000 + n, HERE, "") for n in range(5, 11)]
    at_default = [("same", 1001, HERE, "1 Alder Road"), ("other", 1001, ALSO_HERE, "1 Elm Road")]
    at_default += [("bare", 1001, "", "")] + [(f"d{n}", 1001, ALSO_HERE, "") for n in range(18)]
    many = [(f"m{n}", 1002, HERE, "") for n in range(20)] + [(f"c{n}", 3001, HERE, "") for n in range(30)]
    tenancies = REFERENCED.replace("columns:", "counts: tenancy\ncolumns:")
    ground.dataset("tenancies", tenancies, {"t.csv": [REFERENCED_HEADER, *once, *at_default, *many]})
    ground.dataset("visits", REFERENCED, {"v.csv": [REFERENCED_HEADER, *at_default]})
    calls = "title: C\nowner: O\nsensitivity: open\nkind: flow\ncolumns: {UPRN: uprn, ON: event_date}\n"
    ground.dataset("calls", calls, {"c.csv": [("UPRN", "ON"), *[(1001, "2026-01-01")] * 30]})
    crossed = [
        ("UPRN", "SOURCE", "REFERENCE", "START_DATE", "END_DATE"),
        (1001, "HOUSING", "000123", "2001-01-01", ""),
        (1002, "HOUSING", "200", "2001-01-01", ""),
        (1003, "HOUSING", "200", "2001-01-01", ""),
        (3002, "HOUSING", "300", "2001-01-01", ""),
        (1004, "HOUSING", "400", "2001-01-01", "2020-01-01"),
        (1005, "HOUSING", "400", "2020-01-01", ""),
        (1006, "HOUSING", "500", "2001-01-01", "2020-01-01"),
        (3004, "HOUSING", "600", "2001-01-01", ""),
        (1007, "WASTE", "700", "2001-01-01", ""),
    ]
    ground.source("cross_reference", "crossed.csv", crossed)
    housing = REFERENCED.replace(
        "ADDRESS: address_line", "PROP: {is: property_reference, source: housing}, OTHER: property_reference"
    )
    housing_header = ("REF", "UPRN", "POSTCODE", "PROP", "OTHER")
    rows = [(name, *given) for name, (given, _) in REFERENCES.items()]
    ground.dataset("housing", housing, {"h.csv": [housing_header, *rows]})
    with ground.made() as made:
        yield made


# UPRN, postcode, the service's reference, another that no source is stated of; and where it must end.
REFERENCES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "by its reference": (("", ALSO_HERE, 123, ""), ("cross_reference", "property", 1001, None)),
    "UPRN goes first": ((1009, "", 123, ""), ("uprn", "property", 1009, None)),
    "UPRN unknown": ((99, "", "0123", ""), ("cross_reference", "property", 1001, None)),
    "of two properties": (("", HERE, 200, ""), ("postcode", "postcode", None, "cross_reference_ambiguous")),
    "of a retired one": (("", "", 300, ""), ("cross_reference", "property", 3003, None)),
    "of one no longer": (("", "", 400, ""), ("cross_reference", "property", 1005, None)),
    "of none any longer": (("", "", 500, ""), ("cross_reference", "property", 1006, None)),
    "of one that is gone": (("", HERE, 600, ""), ("postcode", "postcode", None, "cross_reference_unknown")),
    "of another system": (("", HERE, 700, ""), ("postcode", "postcode", None, "cross_reference_unknown")),
    "of no stated system": (("", HERE, "", 700), ("postcode", "postcode", None, None)),
}


@pytest.mark.parametrize("name", COLUMNS_OF_UPRNS)
def test_column_of_uprns_is_judged_as_a_whole(name: str, doubtful: duckdb.DuckDBPyConnection) -> None:
    _, believed, why = COLUMNS_OF_UPRNS[name]
    assert doubtful.execute(
        "SELECT believed, why FROM places.uprn_column WHERE dataset = ?", [name]
    ).fetchall() == [(believed, why)]


def test_chance_hits_of_another_systems_numbers_place_nothing(doubtful: duckdb.DuckDBPyConnection) -> None:
    found = answer(
        doubtful,
        "SELECT dataset, location_key, uprn_finding, count(*) FROM places.record_placed "
        "WHERE dataset IN ('less', 'shifted', 'a_fifth', 'empty') GROUP BY ALL ORDER BY ALL",
    )
    assert found == [
        ("a_fifth", "none", "uprn_unknown", 16),
        ("a_fifth", "uprn", None, 4),
        ("empty", "none", "uprn_column_blank", 1),
        ("empty", "postcode", "uprn_column_blank", 1),
        ("less", "postcode", "uprn_column_not_uprns", 21),
        ("shifted", "postcode", "uprn_column_not_uprns", 20),
    ]


def test_uprn_on_too_many_records_counts_only_where_the_address_says_the_same(
    doubtful: duckdb.DuckDBPyConnection,
) -> None:
    shared = "SELECT dataset, uprn, records FROM places.uprn_shared ORDER BY 1"
    assert answer(doubtful, shared) == [("tenancies", 1001, 21)], "not twenty, not a care home, not events"
    columns = "record_id, location_key, uprn, uprn_finding"
    of = "FROM places.record_placed WHERE dataset = 'tenancies' AND record_id IN ('same', 'other', 'bare', 'd1', 'm1')"
    assert answer(doubtful, f"SELECT {columns} {of} ORDER BY 1") == [
        ("bare", "none", None, "uprn_shared"),
        ("d1", "postcode", None, "uprn_shared"),
        ("m1", "uprn", 1002, None),
        ("other", "address", 2001, "uprn_shared"),
        ("same", "uprn", 1001, None),
    ]


@pytest.mark.parametrize("name", REFERENCES)
def test_record_is_placed_by_its_reference(name: str, doubtful: duckdb.DuckDBPyConnection) -> None:
    columns = "location_key, precision, uprn, reference_finding"
    found = doubtful.execute(
        f"SELECT {columns} FROM places.record_placed WHERE dataset = 'housing' AND record_id = ?", [name]
    ).fetchall()
    assert found == [REFERENCES[name][1]]


def test_successors_are_followed_to_the_end(con: duckdb.DuckDBPyConnection) -> None:
    assert answer(con, "SELECT uprn, successor_uprn, steps, ends FROM places.uprn_successor ORDER BY 1") == [
        (205, None, 1, "none"),
        (401, 101, 1, "live"),
        (402, None, 1, "none"),
        (403, 101, 2, "live"),
        (404, None, 1, "unknown"),
        (406, None, 2, "circle"),
        (407, None, 2, "circle"),
        (408, 206, 1, "provisional"),
        (508, None, 1, "none"),
    ]


def test_forms_of_damaged_uprns_tell_no_value(con: duckdb.DuckDBPyConnection) -> None:
    found = answer(con, "SELECT issue, form, rows FROM places.uprn_form ORDER BY ALL")
    assert ("uprn_rounded", "999999999999", 1) in found
    assert ("uprn_not_a_number", "AAA AAAAA", 1) in found
    assert ("uprn_decimal", "999999999999.9", 1) in found
    assert ("uprn_unknown", "999", 1) in found
    assert all(set(form) <= set("9A. ") for _, form, _ in found)


def test_address_that_names_no_one_property_says_why(con: duckdb.DuckDBPyConnection) -> None:
    found = dict(answer(con, "SELECT record_id, address_finding FROM places.record_placed"))
    assert found["address that two have"] == "address_review"
    assert found["number that is not there"] == "address_none"
    assert found["address of a shell"] == "address_building"
    assert found["UPRN beats the address"] is None, "it was not asked"


# Addresses


def test_decisions_on_addresses(con: duckdb.DuckDBPyConnection) -> None:
    wanted = {
        "6 ALDER RD., Smallbridge": ("matched", 106, None),
        "10 Alder Road": ("building", None, 500),
        "2 Old Road": ("review", None, None),  # a historic twin never answers
        "13 Alder Road": ("review", None, None),
        "8 Alder Road": ("none", None, None),
    }
    found = answer(con, "SELECT address, outcome, uprn, building_uprn FROM places.address_match")
    assert {address: rest for address, *rest in found if address in wanted} == {
        address: list(rest) for address, rest in wanted.items()
    }


# Profiles, homes and sites


SERVICE = "title: S\nowner: O\nsensitivity: open\nas_at: file_name\ncolumns: {UPRN: uprn}\n"
EVENTS = "title: E\nowner: O\nsensitivity: open\nkind: flow\ncolumns: {UPRN: uprn, ON: event_date}\n"


def test_profile_of_each_property_that_a_service_knows(tmp_path: Path) -> None:
    """Of a snapshot the latest extract counts, of events all; a building is no property."""
    ground = FourSquares(tmp_path)
    ground.properties(
        Property(1, 1),
        Property(2, 2),
        Property(3, 3, class_code="PP"),
        Property(4, 4, class_code="RI02"),
        Property(5, 4),
    )
    ground.dataset(
        "tax",
        SERVICE,
        {"t_2026-08.csv": [["UPRN"], [1], [5]], "t_2026-09.csv": [["UPRN"], [1], [1], [2], [3]]},
    )
    events = [
        ["UPRN", "ON"],
        [1, "2020-01-01"],
        [4, "2026-01-01"],
        [4, "2026-02-01"],
        ["x", "2026-02-01"],
    ]
    ground.dataset("care", EVENTS, {"e.csv": events})
    ground.dataset("libraries", SERVICE, {"l_2026-09.csv": [["UPRN"], [5]]}, group="sites")
    with ground.made("places") as con:
        columns = "uprn, services, service_count, records_by_service, is_communal, oa_code, ward_code"
        assert answer(con, f"SELECT {columns} FROM places.property_profile ORDER BY 1") == [
            (1, ["care", "tax"], 2, {"care": 1, "tax": 2}, False, OA1, WARD1),
            (2, ["tax"], 1, {"tax": 1}, False, OA2, WARD1),
            (4, ["care"], 1, {"care": 2}, True, OA4, WARD2),
        ]


def test_homes_are_those_of_the_gazetteer(con: duckdb.DuckDBPyConnection) -> None:
    """Live dwellings; not the shop, the shell, the care home, the historic or the provisional."""
    homes = answer(con, "SELECT place FROM places.home ORDER BY place")
    expected = [
        101,
        102,
        103,
        104,
        105,
        106,
        107,
        201,
        202,
        203,
        301,
        302,
        501,
        503,
        504,
        505,
        506,
        507,
        601,
        602,
    ]
    assert homes == [f"uprn {uprn}" for uprn in expected]
    assert set(answer(con, "SELECT homes FROM places.home")) == {1}


def test_homes_of_an_open_tally_where_there_is_no_gazetteer(tmp_path: Path) -> None:
    ground = FourSquares(tmp_path)
    ground.postcodes(QX12AA=(WEST + 650, MIDDLE), QX12BB=(WEST + 50, MIDDLE))
    tally = (
        "title: B\nowner: O\nsensitivity: open\ncounts: home\ncolumns: {PC: postcode, A: weight, B: weight}\n"
    )
    former = [["PC", "A", "B"], ["QX1 2AA", 90, 90]]
    latest = [["PC", "A", "B"], ["QX1 2AA", 3, 4], ["QX1 2BB", "", 5], ["QX9 9ZZ", 6, 0]]
    ground.dataset("bands", tally, {"b_2025-03.csv": former, "b_2026-03.csv": latest})
    ground.dataset("other", tally.replace("counts: home", "counts: flat"), {"b_2026-03.csv": former})
    with ground.made("places") as con:
        assert answer(con, "SELECT homes, oa_code, easting FROM places.home ORDER BY homes") == [
            (5, OA1, Decimal(WEST + 50)),
            (6, None, None),
            (7, OA4, Decimal(WEST + 650)),
        ]
        # In each area that they are known to lie in, once.
        by_area = "SELECT area_type, area_code, CAST(sum(homes) AS BIGINT) FROM places.home_area "
        by_area += "GROUP BY ALL ORDER BY ALL"
        assert answer(con, by_area) == [
            ("authority", CODE, 18), ("lsoa", LSOA1, 5), ("lsoa", LSOA2, 7), ("msoa", MSOA, 12), ("ward", WARD1, 5),
            ("ward", WARD2, 7),
        ]  # fmt: skip


def test_sites_of_the_latest_extract(tmp_path: Path) -> None:
    ground = FourSquares(tmp_path)
    site = "title: L\nowner: O\nsensitivity: open\n"
    site += "columns: {REF: record_reference, Name: text, E: easting, N: northing}\n"
    header = ["REF", "Name", "E", "N"]
    ground.dataset(
        "libraries",
        site,
        {
            "l_2025-01.csv": [header, ["closed", "Old", WEST + 1, MIDDLE]],
            "l_2026-01.csv": [
                header,
                ["a", "West", WEST + 1, MIDDLE],
                ["b", "Nowhere", "", ""],
                ["c", "Outside", 1000, 1000],
            ],
        },
        group="sites",
    )
    with ground.made("places") as con:
        columns = "site_kind, site_id, name, precision, easting, lsoa_code"
        assert answer(con, f"SELECT {columns} FROM places.site ORDER BY site_id") == [
            ("libraries", "a", "West", "point", Decimal(WEST + 1), LSOA1),
            ("libraries", "b", "Nowhere", "none", None, None),
            ("libraries", "c", "Outside", "none", None, None),
        ]


def test_authority_with_nothing_in_it_makes_every_table(tmp_path: Path) -> None:
    """Not even boundaries: whoever begins sees empty tables, not an error."""
    ground = FourSquares(tmp_path)
    for path in (ground.folder / "sources" / "area_boundary").iterdir():
        path.unlink()
    ground.dataset(
        "visits", VISITS, {"visits.csv": [HEADER, ("a", 101, "1 High St", "QX1 2AA", 400000, 200000, OA1)]}
    )
    with ground.made() as con:
        assert answer(con, "SELECT location_key, unplaced_because FROM places.record_placed") == [
            ("none", "area_code_unknown")
        ]
        assert answer(con, "SELECT count(*) FROM layers.demand_by_area") == [0]
