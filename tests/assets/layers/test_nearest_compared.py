"""Who is nearest to which site, by road, in a straight line and as published: worked out by hand on four squares.

The homes stand 100, 300, 450 and 700 metres from the west side, sites A at 200 and B at 780. The road along them is
broken between 400 and 440, and the way round is long: 450 is nearer to A in a straight line, and to B by road.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.four_squares import FourSquares, Property, answer
from tests.small_authority import CODE, LSOAS, SIDE, SOUTH, WEST

MIDDLE = SOUTH + SIDE // 2
OPEN = "owner: T\nsensitivity: open\nas_at: 2026-10-01\n"
COLUMNS = "columns: {REF: record_reference, NAME: {is: text, as: name}, E: easting, N: northing}\n"
ROADS = [[(0, 100), (400, 100)], [(440, 100), (800, 100)], [(0, 100), (0, 900), (800, 900), (800, 100)]]
# Of home 300 the published school is across; 450 lies in both; the last area is of another kind of site.
AREAS = [("schools", "A", 0, 250), (None, "A", 400, 500), ("schools", "b ", 250, 800), ("parks", "A", 0, 800)]


def geojson(path: Path, shapes: Sequence[tuple[Mapping[str, object], str, Any]]) -> None:
    """Features in EPSG:27700."""
    features = [
        {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": at}}
        for properties, kind, at in shapes
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}), "utf-8")


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    ground = FourSquares(tmp_path_factory.mktemp("nearest"))
    ground.properties(
        Property(1, 1, 100), Property(2, 2, 100), Property(3, 3, 50), Property(4, 4, 100),
    )  # fmt: skip
    roads = ground.folder / "sources" / "os_open_roads"
    lines = [[(WEST + x, SOUTH + y) for x, y in line] for line in ROADS]
    named = {"kind": "Local Road"}
    geojson(
        roads / "roads.geojson",
        [(named | {"id": str(i)}, "LineString", line) for i, line in enumerate(lines)],
    )
    override = "files: roads.geojson\nlayer: ''\ncolumns: {id: road_id, kind: road_function, '@geometry': geometry}\n"
    (roads / "source.yaml").write_text(f"edition: '2026'\n{override}", "utf-8")
    squares = []
    for kind, site, west, east in AREAS:
        corners = [(west, 0), (east, 0), (east, 200), (west, 200), (west, 0)]
        ring = [(WEST + x, SOUTH + y) for x, y in corners]
        squares.append(({"site_kind": kind, "site_ref": site}, "Polygon", [ring]))
    geojson(ground.folder / "sources" / "catchment_area" / "areas_2026.geojson", squares)
    ground.source(
        "gp_registered_patients",
        "gp-reg-pat-prac-lsoa-all_2026-10.csv",
        [
            [
                "PUBLICATION",
                "EXTRACT_DATE",
                "PRACTICE_CODE",
                "PRACTICE_NAME",
                "LSOA_CODE",
                "SEX",
                "NUMBER_OF_PATIENTS",
            ],
            ["P", "D", "A", "Ash", LSOAS[0], "ALL", 40],
            ["P", "D", "A", "Ash", LSOAS[0], "MALE", 40],
            ["P", "D", "B", "Birch", LSOAS[0], "ALL", 60],
            # Two lead, and the first by code, which is not in the list of practices, is taken.
            ["P", "D", "B", "Birch", LSOAS[1], "ALL", 30],
            ["P", "D", "Q1", "Quay", LSOAS[1], "ALL", 35],
            ["P", "D", "P9", "Pier", LSOAS[1], "ALL", 35],
            ["P", "D", "A", "Ash", "NO2011", "ALL", 7],
        ],
    )
    sites = [["REF", "NAME", "E", "N"], ["A", "Ash", WEST + 200, MIDDLE], ["B", "Birch", WEST + 780, MIDDLE]]
    for kind, travel in (
        ("practices", "{mode: walk, within_minutes: 10, catchment: gp_registered_patients}"),
        ("schools", "{catchment: catchment_area}"),
        ("libraries", "{mode: drive}"),
    ):
        described = f"title: {kind}\n{OPEN}travel: {travel}\n{COLUMNS}"
        ground.dataset(kind, described, {"sites.csv": sites}, group="sites")
    with ground.made() as made:
        yield made


def test_registered_patients_and_drawn_areas_say_to_which_site_a_home_belongs(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert answer(con, "SELECT patients FROM sources.gp_registered_patients ORDER BY 1") == [
        30,
        35,
        35,
        40,
        60,
    ]
    columns = "site_kind, place, site_id, is_listed, percent::VARCHAR"
    assert answer(con, f"SELECT {columns} FROM layers.published_catchment ORDER BY 1, 2, 3") == [
        ("practices", "uprn 1", "B", True, "60.0"),
        ("practices", "uprn 2", "B", True, "60.0"),
        ("practices", "uprn 3", "P9", False, "35.0"),
        ("practices", "uprn 4", "P9", False, "35.0"),
        ("schools", "uprn 1", "A", True, "100.0"),
        ("schools", "uprn 2", "B", True, "100.0"),
        ("schools", "uprn 3", "A", True, "100.0"),
        ("schools", "uprn 3", "B", True, "100.0"),
        ("schools", "uprn 4", "B", True, "100.0"),
    ]


def test_homes_change_side_by_area(con: duckdb.DuckDBPyConnection) -> None:
    columns = "site_kind, against, area_code, homes, homes_compared, homes_other_site, homes_unlisted"
    found = answer(
        con,
        f"SELECT {columns} FROM layers.nearest_compared WHERE mode = 'walk' AND area_type IN ('authority', 'lsoa') "
        "ORDER BY 1, 2 DESC, area_type, 3",
    )
    one, two = LSOAS
    straight = [(CODE, 4, 4, 1, 0), (one, 2, 2, 0, 0), (two, 2, 2, 1, 0)]
    registered = [(CODE, 4, 2, 2, 2), (one, 2, 2, 2, 0), (two, 2, 0, 0, 2)]
    # Home 450 lies in the areas of both: it stays where it is.
    drawn = [(CODE, 4, 4, 1, 0), (one, 2, 2, 1, 0), (two, 2, 2, 0, 0)]
    assert found == [
        *(("libraries", "straight line", *row) for row in straight),
        *(("practices", "straight line", *row) for row in straight),
        *(("practices", "published catchment", *row) for row in registered),
        *(("schools", "straight line", *row) for row in straight),
        *(("schools", "published catchment", *row) for row in drawn),
    ]


def test_homes_go_from_one_site_to_another(con: duckdb.DuckDBPyConnection) -> None:
    columns = "site_kind, against, other_site, other_site_name, site, site_name, homes"
    found = answer(
        con, f"SELECT {columns} FROM layers.nearest_exchange WHERE mode = 'drive' ORDER BY 1, 2 DESC"
    )
    assert found == [
        ("libraries", "straight line", "A", "Ash", "B", "Birch", 1),
        ("practices", "straight line", "A", "Ash", "B", "Birch", 1),
        ("practices", "published catchment", "B", "Birch", "A", "Ash", 2),
        ("schools", "straight line", "A", "Ash", "B", "Birch", 1),
        ("schools", "published catchment", "B", "Birch", "A", "Ash", 1),
    ]
    both = (
        "SELECT site_kind, mode, against, sum(homes) FROM layers.nearest_exchange GROUP BY ALL EXCEPT "
        "SELECT site_kind, mode, against, homes_other_site FROM layers.nearest_compared WHERE area_type = 'authority'"
    )
    assert answer(con, both) == []
