"""A street of 2,400 metres that is walked in half an hour, with the tables made of roads, for tests that reckon.

Site A is 200 metres from its west end, B 1,400. Homes: two at the west end and three at 600 metres, in LSOA 1; one at
1,200 and four at the east end, in LSOA 2, with a fifth that no road leads to. Two people to a home. The authority is
the street and 100 metres on both sides. A surgery of kind `gp` takes 2 (A) or 4 (B); of the kind `park` nothing is
known.
"""

from __future__ import annotations

from types import ModuleType

import duckdb
import shapely

CODE, LSOAS = "E06999009", ("E01999901", "E01999902")
WEST, MIDDLE, LENGTH = 400_000, 200_000, 2400
SITES = {"A": (200, 2), "B": (1400, 4)}
HOMES = {"uprn 1": (0, 2, 0), "uprn 2": (600, 3, 0), "uprn 3": (1200, 1, 1), "uprn 4": (2400, 4, 1)}
NOWHERE = ("uprn 5", 1, 1)


def one_street(with_road: bool = True) -> duckdb.DuckDBPyConnection:
    """The tables in memory; without the road those made of it are empty."""
    con = duckdb.connect()
    for stage in ("sources", "services", "places", "layers"):
        con.execute(f"CREATE SCHEMA {stage}")

    def fill(table: str, columns: str, *rows: tuple[object, ...]) -> None:
        con.execute(f"CREATE TABLE {table} ({columns})")
        for row in rows:
            con.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    ends = ", ".join(f"{end}_{axis} DOUBLE" for end in ("start", "end") for axis in ("easting", "northing"))
    modes = ", ".join(
        f"{mode}_seconds DOUBLE, {mode}_seconds_back DOUBLE, {mode}_part BIGINT"
        for mode in ("walk", "cycle", "drive")
    )
    street = shapely.LineString([(WEST, MIDDLE), (WEST + LENGTH, MIDDLE)])
    walked = (1800.0, 1800.0, 0, None, None, None, None, None, None)
    link = ("1", 0, 1, float(LENGTH), *walked, WEST, MIDDLE, WEST + LENGTH, MIDDLE, shapely.to_wkb(street))
    fill(
        "layers.road_link",
        f"link_id VARCHAR, start_node BIGINT, end_node BIGINT, metres DOUBLE, {modes}, {ends}, geometry_wkb BLOB",
        *([link] if with_road else []),
    )
    on_road = [("property", place, at) for place, (at, *_) in HOMES.items()]
    on_road += [("site", f"{kind} {site}", at) for kind in ("gp", "park") for site, (at, _) in SITES.items()]
    fill(
        "layers.snapped",
        "what VARCHAR, place VARCHAR, mode VARCHAR, link_id VARCHAR, fraction DOUBLE, metres_off DOUBLE, "
        "access_seconds DOUBLE, is_far BOOLEAN, is_across_water BOOLEAN, moved_for_water BOOLEAN, "
        "moved_to_larger_part BOOLEAN, easting DOUBLE, northing DOUBLE",
        *(
            (what, place, "walk", "1", at / LENGTH, 0, 0, False, False, False, False, WEST + at, MIDDLE)
            for what, place, at in (on_road if with_road else [])
        ),
        *(
            [
                (
                    "property",
                    NOWHERE[0],
                    "walk",
                    None,
                    None,
                    None,
                    None,
                    True,
                    *[False] * 3,
                    WEST,
                    MIDDLE + 9000,
                )
            ]
            if with_road
            else []
        ),
    )
    fill("sources.authority", "authority_code VARCHAR", (CODE,))
    fill(
        "sources.gp_registered_patients",
        "site_reference VARCHAR, patients BIGINT",
        ("a ", 7), ("A", 2), ("ELSEWHERE", 9),
    )  # fmt: skip
    fill(
        "services.site_kind",
        "site_kind VARCHAR, direction VARCHAR, mode VARCHAR, capacity_of VARCHAR, catchment VARCHAR",
        ("gp", "to_site", "walk", "appointments_a_day", "gp_registered_patients"),
        ("park", "to_site", "drive", None, None),
    )
    for table in ("layers.site", "places.site"):
        fill(
            table,
            "site_kind VARCHAR, site_id VARCHAR, name VARCHAR, capacity DECIMAL(18, 4)",
            *(
                (kind, site, f"{kind} {site} by name", takes if kind == "gp" else None)
                for kind in ("gp", "park")
                for site, (_, takes) in SITES.items()
            ),
        )
    homes = [(place, count, LSOAS[lsoa]) for place, (_, count, lsoa) in HOMES.items()]
    homes.append((NOWHERE[0], NOWHERE[1], LSOAS[NOWHERE[2]]))
    fill("places.home", "place VARCHAR, homes BIGINT, lsoa_code VARCHAR", *homes)
    fill(
        "places.home_area",
        "place VARCHAR, area_type VARCHAR, area_code VARCHAR",
        *(row for place, _, lsoa in homes for row in ((place, "lsoa", lsoa), (place, "authority", CODE))),
    )
    fill(
        "layers.area_profile",
        "authority_code VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, homes BIGINT, people BIGINT",
        (CODE, "lsoa", LSOAS[0], "One", 5, 10),
        (CODE, "lsoa", LSOAS[1], "Two", 6, 12),
        (CODE, "authority", CODE, "Both", 11, 22),
    )
    whole = shapely.box(WEST, MIDDLE - 100, WEST + LENGTH, MIDDLE + 100)
    fill("places.area", "area_type VARCHAR, geometry_wkb BLOB", ("authority", shapely.to_wkb(whole)))
    nearest = [
        (place, *min((abs(at - x), site) for site, (x, _) in SITES.items()))
        for place, (at, *_) in HOMES.items()
    ]
    fill(
        "layers.travel_time",
        "place VARCHAR, mode VARCHAR, site_kind VARCHAR, nth BIGINT, site_id VARCHAR, seconds DECIMAL(9, 1)",
        *(
            (place, "walk", kind, 1, site, 0.75 * metres)
            for kind in ("gp", "park")
            for place, metres, site in (nearest if with_road else [])
        ),
        *([(NOWHERE[0], "walk", kind, 1, None, None) for kind in ("gp", "park")] if with_road else []),
    )
    return con


def made(module: ModuleType, con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """The table that a module of `assets` makes of these, with the types that it declares."""
    con.register("as_made", module.make(con))
    columns = ", ".join(
        f'CAST("{name}" AS {type_}) AS "{name}"' for name, (type_, _) in module.COLUMNS.items()
    )
    return con.sql(f"SELECT {columns} FROM as_made ORDER BY {', '.join(module.KEY)}")
