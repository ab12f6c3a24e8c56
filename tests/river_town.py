"""A town on both banks of a river with one bridge, and an island, small enough to reckon every way by hand.

Metres from (E, N). On foot at 4.8 km/h a metre takes three quarters of a second.

                  (370,1300) ===bridge=== (405,1300)
                       |        river         |
                       |        x=400         |
    (0,100) -------(370,100)      |       (405,100) ------------(760,100) library
        home 1 at 100   home 2 at 390  |           home 3 at 700
                                  |                       home 5 at (760,-700): 800 m from any road
    island: (5000,0) --- (5100,0), home 4 in its middle, five kilometres from everything

| home | way on foot to the library | seconds |
|---|---|---:|
| 1 | 270 + 1200 + 35 + 1200 + 355 = 3,060 m | 2,295 |
| 2 | 20 m back to the road on its own bank, then 1200 + 35 + 1200 + 355 = 2,790 m | 2,107.5 |
| 3 | 60 m | 45 |
| 4 | none | |
| 5 | 800 m over the fields | 600 |

Homes 1 and 2 are in Output Area 1 (the most deprived decile), 3 and 5 in 2 (the least), 4 in 3 (not known). A refuge,
which is not open, stands on the road beside home 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import duckdb
import shapely

from pipelines.tables import ASSETS
from pipelines.travel.speeds import Travel

E, N = 400_000, 200_000
CODE = "E06999009"
WEST, EAST, ISLAND = "E01999901", "E01999902", "E01999903"
HOMES = {
    1: (100, 100, 1),
    2: (390, 100, 1),
    3: (700, 100, 2),
    4: (5050, 0, 3),
    5: (760, -700, 2),
}  # and Output Area
ROADS = {
    "west": [(0, 100), (370, 100)],
    "up": [(370, 100), (370, 1300)],
    "bridge": [(370, 1300), (405, 1300)],
    "down": [(405, 1300), (405, 100)],
    "east": [(405, 100), (760, 100)],
    "island": [(5000, 0), (5100, 0)],
}
RIVER = [(400, -500), (400, 2500)]
DECILES = {WEST: 1, EAST: 10}


def line(points: list[tuple[int, int]]) -> bytes:
    """WKB of a line through points in metres from (E, N)."""
    wkb: bytes = shapely.to_wkb(shapely.LineString([(E + x, N + y) for x, y in points]))
    return wkb


def make(con: duckdb.DuckDBPyConnection, module: ModuleType) -> None:
    """A table of `assets/layers/<name>.py`, made and stored with its column types."""
    rows = module.make(con)
    con.register("rows", rows)
    name = module.__name__.rpartition(".")[2]
    casts = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, (kind, _) in module.COLUMNS.items())
    con.execute(f"CREATE OR REPLACE TABLE layers.{name} AS SELECT {casts} FROM rows")
    con.unregister("rows")


def select(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """A table of `assets/<stage>/<name>.sql`, such as `layers.travel_gap`, made and stored."""
    sql = (ASSETS / f"{name.replace('.', '/')}.sql").read_text("utf-8")
    con.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")


@contextmanager
def river_town(with_roads: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """The town's tables up to `layers.travel_time`, in memory; without roads there are no times."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA sources; CREATE SCHEMA services; CREATE SCHEMA places; CREATE SCHEMA layers")

    def fill(table: str, columns: str, rows: list[Any]) -> None:
        con.execute(f"CREATE TABLE {table} ({columns})")
        if rows:
            con.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    fill("sources.authority", "authority_code VARCHAR", [(CODE,)])
    fill(
        "sources.travel_rule",
        "authority_code VARCHAR, settings VARCHAR",
        [(CODE, Travel().model_dump_json())],
    )
    roads = [(name, "Local Road", "Single Carriageway", None, None, line(at)) for name, at in ROADS.items()]
    fill(
        "sources.os_open_roads",
        "road_id VARCHAR, road_function VARCHAR, form_of_way VARCHAR, start_node VARCHAR, end_node VARCHAR, "
        "geometry BLOB",
        roads if with_roads else [],
    )
    fill("sources.osm_roads", "way_id VARCHAR, geometry BLOB", [])
    fill("sources.os_open_rivers", "geometry BLOB", [(line(RIVER),)])
    fill("sources.deprivation", "lsoa_code VARCHAR, imd_decile INTEGER", list(DECILES.items()))
    at = "easting DECIMAL(10, 2), northing DECIMAL(10, 2)"
    fill("places.uprn", f"uprn BIGINT, {at}", [(uprn, E + x, N + y) for uprn, (x, y, _) in HOMES.items()])
    lsoas = {1: WEST, 2: EAST, 3: ISLAND}
    fill(
        "places.home",
        f"authority_code VARCHAR, place VARCHAR, homes BIGINT, {at}, oa_code VARCHAR, lsoa_code VARCHAR, "
        "msoa_code VARCHAR, ward_code VARCHAR",
        [
            (CODE, f"uprn {uprn}", 1, E + x, N + y, f"OA{area}", lsoas[area], "M", "W")
            for uprn, (x, y, area) in HOMES.items()
        ],
    )
    select(con, "places.home_area")
    fill(
        "places.output_area",
        "oa_code VARCHAR, lsoa_code VARCHAR",
        [(f"OA{area}", lsoa) for area, lsoa in lsoas.items()],
    )
    fill("places.postcode", f"postcode VARCHAR, {at}", [("QX1 1AA", E + 100, N + 140)])
    sites = [(CODE, "libraries", "1", E + 760, N + 100), (CODE, "refuges", "x", E + 700, N + 110)]
    for table in ("places.site", "layers.site"):
        fill(table, f"authority_code VARCHAR, site_kind VARCHAR, site_id VARCHAR, {at}", sites)
    fill(
        "services.site_kind",
        "site_kind VARCHAR, sensitivity VARCHAR, mode VARCHAR, within_minutes BIGINT, direction VARCHAR",
        [("libraries", "open", "walk", 15, "to_site"), ("refuges", "special", "drive", 30, "to_site")],
    )
    areas = [(CODE, "authority", CODE), *((CODE, "lsoa", lsoa) for lsoa in lsoas.values())]
    areas += [(CODE, "ward", "W"), (CODE, "msoa", "M")]
    fill(
        "layers.area_profile",
        "authority_code VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR",
        [(*area, area[2]) for area in areas],
    )
    for name in ("road_link", "snapped", "travel_time", "nearest_site"):
        make(con, import_module(f"assets.layers.{name}"))
    with con:
        yield con
