"""The pages as readers have them: drawn from invented tables, then opened in a browser that has no network."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest
import shapely
from playwright.sync_api import Browser, Page

from assets.maps import (
    catchments,
    changes,
    closures,
    data_quality,
    demand,
    forecast,
    gaps,
    travel,
    who_is_missing,
)
from pipelines.draw import gallery
from pipelines.travel.scenario import AREA_COLUMNS, DECILE_COLUMNS, SITE_COLUMNS
from tests import estimated_demand

PAGES = (demand, forecast, travel, gaps, catchments, closures, data_quality, who_is_missing, changes)
WEST, SOUTH = 450_000, 250_000  # metres, EPSG:27700
COLUMNS, ROWS = 6, 4  # LSOAs, each about a kilometre square; a ward is two columns of them
EVIL = "</script><script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>"
WARDS = ("Millbrook", EVIL, "St Anne's & Harbour")
HIDDEN = {0, 7, 13}  # LSOAs whose count of badges is withheld, in every period
NOT_APPLICABLE = {5}
PERIODS = {
    "badges": ((dt.date(2026, 8, 31), "2026-08"), (dt.date(2026, 9, 30), "2026-09")),
    "meters": ((dt.date(2026, 1, 31), "2026-01"),),
}

SCHEMA = """
CREATE SCHEMA published;
CREATE TABLE published.disclosure_rule (
    authority_code VARCHAR, authority_name VARCHAR, threshold INTEGER, round_to INTEGER, rule VARCHAR
);
CREATE TABLE published.dataset (
    dataset VARCHAR, role VARCHAR, title VARCHAR, owner VARCHAR, purpose VARCHAR, lawful_basis VARCHAR,
    sensitivity VARCHAR, licence VARCHAR, attribution VARCHAR, kind VARCHAR, counts VARCHAR,
    first_as_at DATE, last_as_at DATE, files INTEGER, withheld_rows BIGINT,
    is_stale BOOLEAN, refused_as_at DATE, cadence VARCHAR, due_days BIGINT
);
CREATE TABLE published.source (
    source VARCHAR, title VARCHAR, publisher VARCHAR, licence VARCHAR, attribution VARCHAR, epoch VARCHAR,
    files INTEGER, rows BIGINT
);
CREATE TABLE published.area (
    authority_code VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, vintage INTEGER,
    easting DECIMAL(10, 2), northing DECIMAL(10, 2), hectares DECIMAL(12, 2), homes BIGINT, people BIGINT,
    imd_decile INTEGER, geometry_wkb BLOB
);
CREATE TABLE published.road (road_function VARCHAR, name VARCHAR, geometry_wkb BLOB);
CREATE TABLE published.site (
    site_kind VARCHAR, site_id VARCHAR, name VARCHAR, easting DECIMAL(10, 2), northing DECIMAL(10, 2),
    precision VARCHAR
);
CREATE TABLE published.demand_by_area (
    authority_code VARCHAR, dataset VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR,
    period VARCHAR, period_start DATE, period_end DATE, is_complete BOOLEAN, is_latest BOOLEAN,
    recorded_use BIGINT, recorded_use_status VARCHAR, homes BIGINT, people BIGINT,
    rate_per_1000_homes DECIMAL(12, 1), rate_per_1000_people DECIMAL(12, 1)
);
CREATE TABLE published.distance_to_site (
    authority_code VARCHAR, site_kind VARCHAR, area_type VARCHAR, area_code VARCHAR, homes BIGINT,
    homes_measured BIGINT, median_metres BIGINT, homes_within_400m BIGINT, homes_within_800m BIGINT,
    homes_within_1600m BIGINT
);
CREATE TABLE published.travel_by_area (
    site_kind VARCHAR, mode VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, homes BIGINT,
    homes_measured BIGINT, homes_without_way BIGINT, homes_far_from_road BIGINT, homes_across_water BIGINT,
    median_minutes DECIMAL(9, 1), homes_within_5_minutes BIGINT, homes_within_10_minutes BIGINT,
    homes_within_15_minutes BIGINT, homes_within_20_minutes BIGINT, homes_within_30_minutes BIGINT,
    homes_beyond_limit BIGINT
);
CREATE TABLE published.accessibility (
    site_kind VARCHAR, mode VARCHAR, area_type VARCHAR, area_code VARCHAR, homes_measured BIGINT,
    score DECIMAL(18, 3), unit VARCHAR
);
CREATE TABLE published.catchment (
    site_kind VARCHAR, mode VARCHAR, site_id VARCHAR, band VARCHAR, homes BIGINT, hectares DECIMAL(18, 2),
    geometry_wkb BLOB
);
CREATE TABLE published.site_demand (
    site_kind VARCHAR, mode VARCHAR, is_usual_mode BOOLEAN, site_id VARCHAR, site_name VARCHAR, capacity_of VARCHAR,
    capacity DECIMAL(18, 4), homes_nearest BIGINT, people_nearest BIGINT, homes_reaching BIGINT, people_huff BIGINT,
    published_users BIGINT, people_per_capacity DECIMAL(18, 1)
);
CREATE TABLE published.nearest_compared (
    site_kind VARCHAR, mode VARCHAR, against VARCHAR, area_type VARCHAR, area_code VARCHAR, homes_compared BIGINT,
    homes_other_site BIGINT
);
CREATE TABLE published.nearest_exchange (
    site_kind VARCHAR, mode VARCHAR, against VARCHAR, other_site VARCHAR, other_site_name VARCHAR, site VARCHAR,
    site_name VARCHAR, homes BIGINT
);
CREATE TABLE published.travel_gap (
    site_kind VARCHAR, mode VARCHAR, breakdown VARCHAR, group_name VARCHAR, is_usual_mode BOOLEAN,
    within_minutes BIGINT, homes BIGINT, homes_measured BIGINT, homes_without_way BIGINT,
    homes_beyond_5_minutes BIGINT, homes_beyond_10_minutes BIGINT, homes_beyond_15_minutes BIGINT,
    homes_beyond_20_minutes BIGINT, homes_beyond_30_minutes BIGINT, homes_beyond_limit BIGINT
);
CREATE TABLE published.travel_speed (
    source VARCHAR, kind VARCHAR, mode VARCHAR, links BIGINT, kilometres DECIMAL(18, 3), links_shut BIGINT,
    links_one_way BIGINT, slowest_kmh DECIMAL(6, 1), fastest_kmh DECIMAL(6, 1)
);
CREATE TABLE published.road_finding (finding VARCHAR, source VARCHAR, count BIGINT);
CREATE TABLE published.reach_by_area (
    dataset VARCHAR, site_kind VARCHAR, measured_by VARCHAR, area_type VARCHAR, area_code VARCHAR,
    measured BIGINT, measured_status VARCHAR, within_10_minutes BIGINT, within_10_minutes_status VARCHAR,
    within_20_minutes BIGINT, within_20_minutes_status VARCHAR,
    percent_within_10_minutes DECIMAL(18, 0), percent_within_10_minutes_status VARCHAR,
    percent_within_20_minutes DECIMAL(18, 0), percent_within_20_minutes_status VARCHAR
);
CREATE TABLE published.data_issue (
    dataset VARCHAR, column_name VARCHAR, issue VARCHAR, severity VARCHAR, who_fixes VARCHAR,
    how_to_fix VARCHAR, meaning VARCHAR, rows BIGINT, rows_status VARCHAR
);
CREATE TABLE published.issue_by_extract (
    dataset VARCHAR, extract_of VARCHAR, concerns VARCHAR, column_name VARCHAR, issue VARCHAR, rows BIGINT,
    rows_status VARCHAR
);
CREATE TABLE published.extract_due (dataset VARCHAR, as_at DATE, due_on DATE, state VARCHAR);
CREATE TABLE published.change_since_last (
    dataset VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, period_before VARCHAR, period VARCHAR,
    records_before BIGINT, records_before_status VARCHAR, gone BIGINT, gone_status VARCHAR,
    stayed BIGINT, stayed_status VARCHAR, appeared BIGINT, appeared_status VARCHAR,
    records_now BIGINT, records_now_status VARCHAR, moved BIGINT, moved_status VARCHAR,
    re_placed BIGINT, re_placed_status VARCHAR
);
CREATE TABLE published.placement_by_area (
    dataset VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR,
    records BIGINT, records_status VARCHAR, records_precise BIGINT, records_precise_status VARCHAR,
    records_coarse BIGINT, records_coarse_status VARCHAR, percent_precise DECIMAL(18, 1), percent_coarse DECIMAL(18, 1)
);
"""


def area_rows() -> list[tuple[Any, ...]]:
    """(area_type, area_code, area_name, homes, people, imd_decile, polygon): a grid with wiggly inner borders."""

    def corner(column: int, row: int) -> tuple[float, float]:
        bend = 120 if 0 < column < COLUMNS and 0 < row < ROWS and (column + row) % 2 else 0
        return (WEST + 1000 * column + bend, SOUTH + 1000 * row + bend)

    cells = {}
    for column in range(COLUMNS):
        for row in range(ROWS):
            corners = ((column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1))
            cells[column, row] = shapely.Polygon([corner(*one) for one in corners])
    rows: list[tuple[Any, ...]] = []
    for number, ((column, row), polygon) in enumerate(cells.items()):
        name = f"Invented {row + 1:03d}{chr(ord('A') + column)}"
        rows.append(
            (
                "lsoa",
                f"E01999{number:03d}",
                name,
                600 + 10 * number,
                1400 + 20 * number,
                1 + number % 10,
                polygon,
            )
        )
    for number, name in enumerate(WARDS):
        parts = [polygon for (column, _), polygon in cells.items() if column // 2 == number]
        rows.append(("ward", f"E05999{number:03d}", name, 5000, 12000, None, shapely.union_all(parts)))
    rows.append(
        (
            "lad",
            "E06999001",
            "Invented Borough",
            15000,
            36000,
            None,
            shapely.union_all(list(cells.values())),
        )
    )
    return rows


def demand_rows(areas: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for dataset, periods in PERIODS.items():
        for turn, (day, period) in enumerate(periods):
            for place, (area_type, code, name, homes, people, *_) in enumerate(areas):
                lsoa = area_type == "lsoa"
                use: int | None = 10 + 5 * ((place * 7 + turn * 3) % 24) + (0 if lsoa else 400)
                status = "published"
                if dataset == "badges" and lsoa and place in HIDDEN:
                    use, status = None, "hidden"
                if dataset == "meters" and lsoa and place in NOT_APPLICABLE:
                    use, status = None, "not applicable"
                rates = [None if use is None else round(1000 * use / per, 1) for per in (homes, people)]
                kind = "authority" if area_type == "lad" else area_type
                dates = (dt.date(day.year, day.month, 1), day) if dataset == "meters" else (day, day)
                latest = turn == len(periods) - 1
                what = ("E06999001", dataset, kind, code, name, period, *dates, True, latest)
                rows.append((*what, use, status, homes, people, *rates))
    return rows


def published_tables(backwards: bool = False, with_roads: bool = True) -> duckdb.DuckDBPyConnection:
    """An in-memory database with the schema `published` alone; `backwards` puts each table's rows in last to first."""
    con = duckdb.connect()
    con.execute(SCHEMA)
    estimated_demand.create(con)
    for name, described in CLOSURES.items():
        con.execute(
            f"CREATE TABLE published.{name} ({', '.join(f'{one} {of[0]}' for one, of in described.items())})"
        )

    def fill(table: str, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        con.executemany(f"INSERT INTO published.{table} VALUES ({marks})", rows[::-1] if backwards else rows)

    fill(
        "disclosure_rule",
        [("E06999001", "Invented Borough", 10, 5, "Counts of 0 to 9 are hidden, others rounded to 5.")],
    )
    as_at = dt.date(2026, 9, 30)
    fill(
        "dataset",
        [
            (
                name,
                role,
                title,
                owner,
                "",
                "",
                sensitivity,
                licence,
                credit,
                "stock",
                counts,
                as_at,
                as_at,
                1,
                withheld,
                False,
                None,
                "monthly" if name == "badges" else "",
                14 if name == "badges" else None,
            )
            for name, role, title, owner, sensitivity, licence, credit, counts, withheld in (
                ("badges", "service", "Blue badges", "Access team", "personal", None, None, "badge", None),
                (
                    "meters",
                    "service",
                    "Meters <b>",
                    "Energy",
                    "open",
                    "OGL v3",
                    "Contains energy data.",
                    "meter",
                    12,
                ),
                ("libraries", "site", "Libraries", "Culture", "open", "OGL v3", "", "", 0),
                ("surgeries", "site", "Surgeries", "Health", "open", "OGL v3", "", "", 0),
            )
        ],
    )
    fill(
        "source",
        [
            (
                "uprn",
                "Invented UPRNs",
                "Mapmakers",
                "OGL v3",
                "Contains map data.",
                "September 2026",
                1,
                20_000,
            ),
            ("area", "Invented boundaries", "Statisticians", "OGL v3", "Contains statistics.", "2021", 1, 28),
            *(
                (
                    f"more_{one}",
                    f"Further invented source, number {one}",
                    "Others",
                    "OGL v3",
                    credit,
                    "2026",
                    1,
                    1,
                )
                for one in range(9)
                for credit in [f"Contains further data {one} © Crown copyright and database right 2026."]
            ),
        ],
    )
    areas = area_rows()
    fill(
        "area",
        [
            (
                "E06999001",
                kind,
                code,
                name,
                2021,
                point.x,
                point.y,
                polygon.area / 1e4,
                homes,
                people,
                decile,
                wkb,
            )
            for kind, code, name, homes, people, decile, polygon in areas
            for point in [shapely.point_on_surface(polygon)]
            for wkb in [shapely.to_wkb(shapely.multipolygons([polygon]))]
        ],
    )
    lines = [("A Road", 1500, 0), ("B Road", 2500, 90), ("Minor Road", 700, -40)]
    fill(
        "road",
        [
            (function, None, shapely.to_wkb(shapely.LineString(points)))
            for function, north, bend in lines
            for points in [[(WEST + 500 * step, SOUTH + north + bend * (step % 2)) for step in range(13)]]
        ],
    )
    fill(
        "site",
        [
            ("libraries", "1", "Millbrook Library", WEST + 900, SOUTH + 900, "property"),
            ("libraries", "2", "Harbour Library", WEST + 5100, SOUTH + 3100, "postcode"),
            ("surgeries", "1", "Quay Surgery", WEST + 3000, SOUTH + 2000, "property"),
            ("surgeries", "2", "Nowhere Surgery", None, None, "none"),
        ],
    )
    fill("demand_by_area", demand_rows(areas))
    of_demand = [row[0] for row in con.execute("DESCRIBE published.demand_by_area").fetchall()]
    counted = [dict(zip(of_demand, row, strict=True)) for row in demand_rows(areas)]
    estimated_demand.fill(con, counted, backwards)
    fill(
        "distance_to_site",
        [
            (*what, homes, homes - 20, 300 + 41 * place, 10 * place, 15 * place, 20 * place)
            for kind in ("libraries", "surgeries")
            for place, (area, code, _, homes, *_) in enumerate(areas)
            for what in [("E06999001", kind, "authority" if area == "lad" else area, code)]
        ],
    )
    counts = [f"{by}_{one}" for by in ("rows", "weight") for one in data_quality.COLUMNS]
    columns = ", ".join(f"{one} BIGINT, {one}_status VARCHAR" for one in counts)
    con.execute(f"CREATE TABLE published.accounting (dataset VARCHAR, {columns})")
    # read, kept, rejected, by UPRN, by the service's own reference, by address, property, building, point, postcode,
    # area, unplaced; None is withheld
    of_badges = (1200, 1190, None, 700, 0, 350, 1000, 50, 0, 100, None, 40)
    of_meters = (500, 500, 0, 500, 0, 0, 500, 0, 0, 0, 0, 0)
    of_libraries = (2, 2, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0)

    def account(name: str, rows: tuple[int | None, ...], weight: int) -> tuple[Any, ...]:
        both = [*rows, *(None if one is None else weight * one for one in rows)]
        return (name, *(part for one in both for part in (one, "hidden" if one is None else "published")))

    fill(
        "accounting",
        [
            account("badges", of_badges, 1),
            account("meters", of_meters, 3),
            account("libraries", of_libraries, 1),
        ],
    )
    fill(
        "data_issue",
        [
            (
                "badges",
                "UPRN",
                "uprn_rounded",
                "error",
                "Access team",
                "Export as text",
                "Rounded.",
                45,
                "published",
            ),
            ("badges", "POSTCODE", "postcode_partial", "warning", "Access team", EVIL, EVIL, None, "hidden"),
            (
                "meters",
                "",
                "no_place",
                "info",
                "Energy",
                "Add one",
                "The record names no place.",
                12,
                "published",
            ),
        ],
    )
    shown, none = "published", "hidden"
    fill(
        "change_since_last",
        [
            ("badges", kind, code, name, "2026-08", "2026-09", *figures)
            for kind, code, name, figures in (
                ("authority", "E06999001", EVIL,
                 (1200, shown, 30, shown, 1170, shown, 45, shown, 1215, shown, 20, shown, None, none)),
                ("ward", "E05000001", WARDS[0],
                 (400, shown, None, none, 395, shown, 10, shown, 405, shown, None, none, None, none)),
            )
        ],
    )  # fmt: skip
    fill(
        "placement_by_area",
        [
            ("badges", "ward", "E05000001", EVIL, 400, shown, 100, shown, 300, shown, 25.0, 75.0),
            ("badges", "ward", "E05000002", "West", None, none, None, none, None, none, None, None),
        ],
    )
    fill_who_is_missing(con, backwards)
    fill_quality(con, backwards)
    if with_roads:
        fill_travel(fill, areas)
        fill_catchments(fill)
        fill_closures(fill, areas)
    return con


def fill_travel(fill: Callable[[str, list[tuple[Any, ...]]], None], areas: list[tuple[Any, ...]]) -> None:
    """Ways on foot and by car: surgeries are walked to, libraries driven; two homes of one LSOA are cut off on foot."""
    fill(
        "road_finding",
        [("roads in the network", "os_open_roads", 806), ("islands: walk", "os_open_roads", 1)],
    )
    fill(
        "travel_speed",
        [
            ("os_open_roads", kind, mode, 10, 12.5, 0, 0, kmh, kmh)
            for kind, mode, kmh in (
                ("A Road", "walk", 4.8), ("Local Road", "walk", 4.8), ("A Road", "drive", 41),
                ("Local Road", "drive", 25), ("Pedestrianised Street", "drive", None),
            )
        ],
    )  # fmt: skip
    usual = {"libraries": "drive", "surgeries": "walk"}
    shares = {"walk": (0.1, 0.25, 0.5, 0.75, 0.995), "drive": (0.9, 1, 1, 1, 1)}
    by_area: list[tuple[Any, ...]] = []
    for kind in usual:
        for mode, within in shares.items():
            for place, (area, code, name, homes, *_) in enumerate(areas):
                cut_off = 2 if mode == "walk" and area == "lad" else 2 if mode == "walk" and place == 3 else 0
                near = [int((homes - 20) * share) for share in within]
                minutes = 0.5 * place + (3 if mode == "walk" else 0)
                what = (kind, mode, "authority" if area == "lad" else area, code, name)
                by_area.append(
                    (*what, homes, homes - 20, cut_off, 7, 0, minutes, *near, homes - 20 - near[2])
                )
    fill("travel_by_area", by_area)
    scores = [
        (*row[:4], 580, 0.125 * number % 3, "sites per 10,000 people") for number, row in enumerate(by_area)
    ]
    fill("accessibility", scores)
    groups = (
        ("all homes", "all", 15_000, 14_980, 2, (13_000, 9_000, 3000, 1000, 60)),
        ("deprivation decile", "10", 9_000, 9_000, 0, (8_000, 6_000, 2_990, 1000, 58)),
        ("deprivation decile", "2", 5_980, 5_980, 2, (5_000, 3_000, 2, 2, 2)),
        ("deprivation decile", "not known", 20, 0, 0, (0, 0, 0, 0, 0)),
    )
    fill(
        "travel_gap",
        [
            (kind, mode, breakdown, group, usual[kind] == mode, 15, homes, measured, cut_off * far,
             *(far * one for one in beyond), far * beyond[2])
            for kind in usual
            for mode, far in (("walk", 1), ("drive", 0))
            for breakdown, group, homes, measured, cut_off, beyond in groups
        ],
    )  # fmt: skip
    shown, hidden = "published", "hidden"
    fill(
        "reach_by_area",
        [
            ("badges", "surgeries", "walk", "authority", "E06999001",
             1190, shown, 700, shown, None, hidden, 59, shown, None, hidden),
            ("meters", "surgeries", "walk", "authority", "E06999001",
             500, shown, 300, shown, 495, shown, 60, shown, 99, shown),
        ],
    )  # fmt: skip


CLOSURES = {
    "closure_by_area": AREA_COLUMNS,
    "closure_by_decile": DECILE_COLUMNS,
    "closure_at_site": SITE_COLUMNS,
}


def fill_closures(fill: Callable[[str, list[tuple[Any, ...]]], None], areas: list[tuple[Any, ...]]) -> None:
    """Each library closed in turn, and the one surgery on the map: by Millbrook's 120 homes come to be too far."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in CLOSURES}

    def add(table: str, **given: Any) -> None:
        rows[table].append(
            tuple(
                given.get(one, 0 if kind == "BIGINT" else None) for one, (kind, _) in CLOSURES[table].items()
            )
        )

    closed = (
        ("libraries", "1", "Millbrook Library", 120), ("libraries", "2", "Harbour Library", 30),
        ("surgeries", "1", "Quay Surgery", 0),
    )  # fmt: skip
    for kind, site, name, lost in closed:
        what = {
            "site_kind": kind,
            "closed_site": site,
            "closed_name": name,
            "mode": "walk",
            "within_minutes": 15,
        }
        counts = {"homes_moved": 4 * lost, "people_moved": 9 * lost, "homes_lost": lost, "added_minutes": 6.5}
        shares = {"homes_within_5_minutes_before": 4000, "homes_within_5_minutes_after": 4000 - lost}
        for minutes, before in ((10, 8000), (15, 12_000), (20, 14_000), (30, 14_980)):
            shares[f"homes_within_{minutes}_minutes_before"] = before
            shares[f"homes_within_{minutes}_minutes_after"] = before if minutes > 15 else before - lost
        for place, (area, code, area_name, homes, *_) in enumerate(areas):
            if area == "lad":
                add(
                    "closure_by_area", **what, area_type="authority", area_code=code, homes=homes,
                    homes_measured=14_980,
                    homes_beyond_limit_before=2980, homes_beyond_limit_after=2980 + lost, **counts, **shares,
                )  # fmt: skip
            elif lost and (place in (0, 1) or code == "E05999000"):
                part = lost if area == "ward" else lost // 3 * (1 + place)
                add(
                    "closure_by_area", **what, area_type=area, area_code=code, area_name=area_name, homes=homes,
                    homes_measured=homes, homes_moved=2 * part, homes_lost=part, median_minutes_before=8.5,
                    median_minutes_after=8.5 + place,
                )  # fmt: skip
        for decile, part in (("1", lost // 4), ("10", lost - lost // 4), ("not known", 0)):
            few = 1000 if decile == "1" else 13_000 if decile == "10" else 0
            add("closure_by_decile", **what, decile=decile, homes=few, homes_measured=few, homes_lost=part,
                homes_beyond_limit_before=50, homes_beyond_limit_after=50 + part)  # fmt: skip
        others = [(id_, other) for of, id_, other, _ in closed if of == kind and id_ != site]
        for id_, other in [(site, name), *others, ("9", EVIL)]:
            before = 500 if id_ == site else 800
            after = 0 if id_ == site else 800 + 4 * lost if id_ == "9" else 800
            add("closure_at_site", **what, site_id=id_, site_name=other, state="closed" if id_ == site else "open",
                capacity=40 if id_ == site else None, capacity_of="seats", homes_before=before, homes_after=after,
                people_before=2 * before, people_after=2 * after)  # fmt: skip
    for table, of_table in rows.items():
        fill(table, of_table)


def fill_catchments(fill: Callable[[str, list[tuple[Any, ...]]], None]) -> None:
    """Two libraries with a half of the ground each, in the west with a hole; surgeries of which one has no ground."""
    east = WEST + 1000 * COLUMNS

    def strip(west: float, to: float) -> Any:
        return shapely.box(west, SOUTH, to, SOUTH + 1000 * ROWS)

    hole = shapely.box(WEST + 1200, SOUTH + 2000, WEST + 2200, SOUTH + 3000)
    middle, whole = WEST + 3000, strip(WEST, east).difference(hole)
    grounds = [
        ("libraries", mode, *row)
        for mode in ("walk", "drive")
        for row in (
            ("1", "nearest", 7000, strip(WEST, middle).difference(hole)),
            ("2", "nearest", 6000, strip(middle, east)),
            ("", "0-5", 9000, whole.difference(strip(middle - 900, middle + 900))),
            ("", "20-30", 4000, strip(middle - 900, middle + 900).difference(hole)),
        )
    ]
    grounds += [
        ("surgeries", "walk", "1", "nearest", 12_000, whole),
        ("surgeries", "walk", "", "5-10", 12_000, whole),
    ]
    fill(
        "catchment",
        [
            (
                *row[:5],
                row[5].area / 1e4,
                shapely.to_wkb(shapely.MultiPolygon(list(shapely.get_parts(row[5])))),
            )
            for row in grounds
        ],
    )
    fill(
        "site_demand",
        [
            ("libraries", mode, mode == "drive", *row)
            for mode in ("walk", "drive")
            for row in (
                ("1", "Millbrook Library", "opening_hours", 40, 7400, 16_000, 13_000, 15_000, None, 400),
                ("2", EVIL, "opening_hours", 20, 6100, 12_300, 9000, 12_000, None, 615),
            )
        ]
        + [
            (
                "surgeries",
                "walk",
                True,
                "1",
                "Quay Surgery",
                None,
                None,
                12_000,
                None,
                12_000,
                None,
                9100,
                None,
            ),
            ("surgeries", "walk", True, "2", "Nowhere Surgery", None, None, 0, None, 0, None, None, None),
        ],
    )
    fill(
        "nearest_compared",
        [
            ("libraries", "drive", "straight line", "authority", "E06999001", 13_500, 1300),
            ("libraries", "drive", "straight line", "lsoa", "E01999001", 500, 500),
            ("libraries", "drive", "published catchment", "authority", "E06999001", 13_000, 20),
        ],
    )
    fill(
        "nearest_exchange",
        [
            ("libraries", "drive", "straight line", "2", EVIL, "1", "Millbrook Library", 1250),
            ("libraries", "drive", "straight line", "1", "Millbrook Library", "2", EVIL, 50),
            (
                "libraries",
                "drive",
                "published catchment",
                "9",
                "Closed Library",
                "1",
                "Millbrook Library",
                20,
            ),
        ],
    )


def fill_quality(con: duckdb.DuckDBPyConnection, backwards: bool) -> None:
    """Blue badges of three months, meters of one: "h" is withheld, None is not applicable."""
    names = [*data_quality.OF_EXTRACT, *(name for name, _, _ in data_quality.TRENDS)]
    columns = [f"{name} BIGINT, {name}_status VARCHAR" for name in data_quality.OF_EXTRACT]
    columns += [f"{name} DECIMAL(18, 1), {name}_status VARCHAR" for name, _, _ in data_quality.TRENDS]
    con.execute(
        "CREATE TABLE published.quality_by_extract (dataset VARCHAR, extract_of VARCHAR, extract_to DATE, "
        f"{', '.join(columns)})"
    )
    # records, rejected, damaged, property to unplaced, shares precise, unplaced, damaged, rejected
    quality: list[tuple[str, str, tuple[Any, ...]]] = [
        ("badges", "2026-07-31", (1180, "h", 120, 1000, 50, "h", 95, "h", 35, 89.0, 3.0, 10.2, "h")),
        ("badges", "2026-08-31", (1200, 10, "h", 1010, 50, "h", 100, "h", 40, 88.3, 3.3, "h", 0.8)),
        ("badges", "2026-09-30", (1190, "h", 45, 1040, 50, "h", 100, "h", "h", 91.6, "h", 3.8, "h")),
        ("meters", "2026-09-30", (500, None, 0, 500, 0, 0, 0, 0, 0, 100.0, 0.0, 0.0, None)),
    ]
    for dataset, day, figures in quality[::-1] if backwards else quality:
        cells: list[Any] = []
        for one in figures:
            status = "hidden" if one == "h" else "not applicable" if one is None else "published"
            cells += [one if status == "published" else None, status]
        assert len(figures) == len(names)
        marks = ", ".join("?" * (3 + len(cells)))
        con.execute(f"INSERT INTO published.quality_by_extract VALUES ({marks})", [dataset, day, day, *cells])
    rounded = ("badges", "identifier", "UPRN", "uprn_rounded")
    found = [(*rounded, "2026-07-31", 120), (*rounded, "2026-08-31", None), (*rounded, "2026-09-30", 45)]
    found.append(("meters", "other", "", "no_place", "2026-09-30", 12))
    for dataset, concerns, column, issue, day, rows in found[::-1] if backwards else found:
        con.execute(
            "INSERT INTO published.issue_by_extract VALUES (?, ?, ?, ?, ?, ?, ?)",
            [dataset, day, concerns, column, issue, rows, "hidden" if rows is None else "published"],
        )
    due = [
        ("badges", "2026-06-30", None, "came"),
        ("badges", "2026-07-31", None, "came"),
        ("badges", "2026-08-31", "2026-09-14", "missing"),
        ("badges", "2026-09-30", None, "came"),
        ("badges", "2026-10-31", "2026-11-14", "next"),
        ("meters", "2026-09-30", None, "came"),
    ]
    con.executemany("INSERT INTO published.extract_due VALUES (?, ?, ?, ?)", due[::-1] if backwards else due)


def fill_who_is_missing(con: duckdb.DuckDBPyConnection, backwards: bool) -> None:
    """Blue badges by fifth and tenure: "h" is withheld, None is not applicable."""
    names = ("records", "records_precise", "records_coarse", "records_unplaced", "homes_known")
    shares = ("percent_precise", "percent_coarse", "percent_unplaced", "percent_homes_known")
    columns = [f"{name} BIGINT, {name}_status VARCHAR" for name in names]
    columns += [f"{name} DECIMAL(18, 1), {name}_status VARCHAR" for name in shares]
    con.execute(
        "CREATE TABLE published.who_is_missing (authority_code VARCHAR, dataset VARCHAR, breakdown VARCHAR, "
        f"group_name VARCHAR, homes BIGINT, {', '.join(columns)})"
    )
    one_in_a_thousand = (1190, 1190, "h", "h", 802, 100.0, "h", "h", 100.2)
    rows: list[tuple[str, str, str, int | None, tuple[Any, ...]]] = [
        ("badges", "all records", "all", 15000, (1190, 1050, 100, 40, 900, 88.2, 8.4, 3.4, 6.0)),
        (
            "badges",
            "deprivation fifth",
            "1, most deprived",
            800,
            (400, 300, 100, None, 80, 75.0, 25.0, None, 10.0),
        ),
        (
            "badges",
            "deprivation fifth",
            "5, least deprived",
            900,
            (350, 350, "h", None, 45, 100.0, "h", None, 5.0),
        ),
        ("badges", "deprivation fifth", "not known", 0, (40, "h", "h", 40, None, "h", "h", 100.0, None)),
        ("badges", "deprivation decile", "10", None, (350, 350, "h", None, None, 100.0, "h", None, None)),
        ("badges", "deprivation decile", "2", None, (405, 410, "h", None, None, 101.2, "h", None, None)),
        ("badges", "tenure", EVIL, None, ("h", "h", "h", "h", None, "h", "h", "h", None)),
        ("meters", "all records", "all", 800, one_in_a_thousand),
    ]
    for dataset, breakdown, group, homes, figures in rows[::-1] if backwards else rows:
        cells: list[Any] = []
        for one in figures:
            status = "hidden" if one == "h" else "not applicable" if one is None else "published"
            cells += [one if status == "published" else None, status]
        marks = ", ".join("?" * (5 + len(cells)))
        values = ["E06999001", dataset, breakdown, group, homes, *cells]
        con.execute(f"INSERT INTO published.who_is_missing VALUES ({marks})", values)


def draw_all(folder: Path, con: duckdb.DuckDBPyConnection) -> Path:
    (folder / "maps").mkdir()
    for module in PAGES:
        name = module.__name__.rpartition(".")[2]
        (folder / "maps" / f"{name}.html").write_text(module.draw(con), encoding="utf-8")
    (folder / "index.html").write_text(gallery(con, list(PAGES)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a release: index.html and maps/."""
    with published_tables() as con:
        return draw_all(tmp_path_factory.mktemp("release"), con)


def page_data(html: str) -> Any:
    (text,) = re.findall(r'id="page-data">(.*?)</script>', html, re.DOTALL)
    return json.loads(text)


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_text_contents()]


def shape_fills(page: Page) -> Counter[str]:
    """Fills of the areas on the map, with how many have each."""
    fills: list[str] = page.evaluate(
        "[...document.querySelectorAll('.leaflet-overlay-pane path')].map(path => path.getAttribute('fill'))"
    )
    return Counter(fills)


def legend_counts(page: Page) -> dict[str, int]:
    rows = page.locator("#legend-rows tr")
    keyed = [
        (row.get_attribute("data-class") or "", row.locator(".count").inner_text()) for row in rows.all()
    ]
    return {key: int(count.replace(",", "")) for key, count in keyed if count}


def options(page: Page, select: str) -> list[str]:
    values: list[str] = page.eval_on_selector(select, "one => [...one.options].map(option => option.value)")
    return values


def zoom(page: Page) -> float:
    level: float = page.evaluate("map_0.getZoom()")
    return level


class TestModules:
    @pytest.mark.parametrize("module", PAGES)
    def test_every_page_says_what_it_is(self, module: ModuleType) -> None:
        assert module.__doc__ and module.TITLE and module.SENTENCE.endswith(".")
        assert all(table.startswith("published.") for table in module.DEPENDS_ON)

    @pytest.mark.parametrize("module", PAGES)
    def test_drawn_from_its_tables_alone(self, module: ModuleType) -> None:
        """Every table that a page or its picture reads is among those it says it depends on."""
        with published_tables() as con:
            tables = con.execute(
                "SELECT 'published.' || table_name FROM information_schema.tables ORDER BY ALL"
            ).fetchall()
            for (table,) in tables:
                if table not in module.DEPENDS_ON:
                    con.execute(f"DROP TABLE {table}")
            module.draw(con)
            module.thumbnail(con)


class TestText:
    def test_same_tables_same_bytes(self, drawn: Path, tmp_path: Path) -> None:
        with published_tables(backwards=True) as con:
            con.execute("SET threads = 1")
            again = draw_all(tmp_path, con)
        for path in sorted(drawn.rglob("*.html")):
            assert (again / path.relative_to(drawn)).read_bytes() == path.read_bytes(), path.name

    def test_changes_say_what_became_of_records_and_which_figures_moved(self, drawn: Path) -> None:
        html = (drawn / "maps/changes.html").read_text(encoding="utf-8")
        assert "<script>window.harmed" not in html
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))
        assert "August 2026 to September 2026 Area Before Gone New Now Moved Placed anew" in text
        assert "Millbrook 400 withheld 10 405 withheld withheld" in text
        assert " 4 counts on this page are withheld" in text
        # Each figure of the badges moves by three steps of five, but for one that begins anew.
        assert "LSOAs 18 3 0 3" in text

    def test_no_page_names_anything_to_fetch(self, drawn: Path) -> None:
        for path in drawn.rglob("*.html"):
            html = path.read_text(encoding="utf-8")
            links = re.findall(
                r"""(?:src|href)\s*=\s*["']([^"']*)""", re.sub(r"<script.*?</script>", "", html, flags=re.S)
            )
            names = [module.__name__.rpartition(".")[2] for module in PAGES]
            within = {link for link in links if link.startswith("#") and f'id="{link[1:]}"' in html}
            beside = {link for link in links if link.partition("#")[0] in {f"{name}.html" for name in names}}
            assert set(links) - within - beside <= {
                "data:,",
                "../index.html",
                *(f"maps/{name}.html" for name in names),
            }
            assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
            assert "url(http" not in html and "@import" not in html

    def test_hidden_cells_hold_no_number(self, drawn: Path) -> None:
        data = page_data((drawn / "maps/demand.html").read_text(encoding="utf-8"))
        badges = data["topics"][0]
        assert badges["title"] == "Blue badges"
        for measure, of_measure in badges["figures"]["lsoa"].items():
            for values in of_measure["values"]:
                if all(value == "n" for value in values):
                    continue  # of the latest period alone
                withheld = {place for place, value in enumerate(values) if value == "h"}
                assert withheld == HIDDEN, measure
                assert measure.startswith("ratio_") or all(value >= 4 for value in values if value != "h")

    @pytest.mark.parametrize(
        ("module", "spoil"),
        [
            (demand, "demand_by_area SET recorded_use = 7 WHERE recorded_use_status = 'hidden'"),
            (changes, "change_since_last SET gone = 7 WHERE gone_status = 'hidden'"),
            (demand, "demand_by_area SET rate_per_1000_homes = 8 WHERE recorded_use_status = 'hidden'"),
            (data_quality, "accounting SET rows_area = 3 WHERE rows_area_status = 'hidden'"),
            (data_quality, "data_issue SET rows = 3 WHERE rows_status = 'hidden'"),
            (data_quality, "issue_by_extract SET rows = 3 WHERE rows_status = 'hidden'"),
            (data_quality, "quality_by_extract SET unplaced = 3 WHERE unplaced_status = 'hidden'"),
            (
                data_quality,
                "quality_by_extract SET rate_damaged_per_100_records = 3 "
                "WHERE rate_damaged_per_100_records_status = 'hidden'",
            ),
            (
                data_quality,
                "placement_by_area SET records_coarse = 3 WHERE records_coarse_status = 'hidden'",
            ),
            (who_is_missing, "who_is_missing SET records_coarse = 3 WHERE records_coarse_status = 'hidden'"),
            (
                who_is_missing,
                "who_is_missing SET percent_coarse = 0.3 WHERE percent_coarse_status = 'hidden'",
            ),
        ],
    )
    def test_a_gate_that_failed_stops_the_page(self, module: ModuleType, spoil: str) -> None:
        with published_tables() as con:
            con.execute(f"UPDATE published.{spoil}")
            with pytest.raises(ValueError, match=r"hidden .* carries a value"):
                module.draw(con)

    def test_every_page_gives_authority_date_sources_and_rule(self, drawn: Path) -> None:
        for path in drawn.rglob("*.html"):
            html = path.read_text(encoding="utf-8")
            for text in (
                '<html lang="en-GB"',
                "Invented Borough",
                "Data to 30 September 2026",
                "Invented boundaries",
                "Contains map data.",
                "OGL v3",
                "Counts of 0 to 9 are hidden, others rounded to 5.",
            ):
                assert text in html, (path.name, text)

    def test_recorded_use_is_never_called_need(self, drawn: Path) -> None:
        html = (drawn / "maps/demand.html").read_text(encoding="utf-8")
        words = re.sub(r"<(script|style).*?</\1>", "", html, flags=re.DOTALL)
        assert not re.search(r"\bneeds?\b(?! JavaScript|s JavaScript)", words.replace("needs JavaScript", ""))

    def test_shares_are_of_the_homes_that_were_measured(self, drawn: Path) -> None:
        data = page_data((drawn / "maps/travel.html").read_text(encoding="utf-8"))
        topics = {topic["id"]: topic for topic in data["topics"]}
        assert list(topics) == [
            f"{kind}.{mode}" for kind in ("libraries", "surgeries") for mode in ("walk", "drive")
        ]
        walked = topics["surgeries.walk"]["figures"]["lsoa"]
        assert walked["within_10_minutes"]["values"][0][20] == round(100 * 195 / 780)
        # One home short of all is not all of them, and one more than none is not none.
        assert travel._per_cent(999, 1000) == 99 and travel._per_cent(1, 1000) == 1
        assert (travel._per_cent(1000, 1000), travel._per_cent(0, 1000), travel._per_cent(0, 0)) == (
            100,
            0,
            None,
        )
        source = topics["surgeries.walk"]["source"]
        for words in (
            "Sites not drawn, since without coordinates: 1.",
            "More than 15 minutes is called too far.",
            "Homes that could not be measured: 20.",
            "Homes without any way to a site: 2.",
            "so far from any road that their time is doubtful: 7.",
        ):
            assert words in source
        assert "across" not in source and "called too far" not in topics["surgeries.drive"]["source"]
        # Where nobody is cut off, there is nothing to choose.
        assert "homes_without_way" in walked
        assert "homes_without_way" not in topics["surgeries.drive"]["figures"]["lsoa"]

    def test_without_roads_distances_are_in_a_straight_line(self) -> None:
        with published_tables(with_roads=False) as con:
            data = page_data(travel.draw(con))
            libraries = data["topics"][0]
            values = libraries["figures"]["lsoa"]["within_800m"]["values"][0]
            assert values[20] == round(100 * (15 * 20) / (600 + 10 * 20 - 20))
            assert "Homes that could not be measured: 20." in libraries["source"]
            assert [topic["variant"] for topic in data["topics"]] == ["", ""]
            assert travel.thumbnail(con).count("<circle") == 2
            assert gaps.thumbnail(con) == ""
            assert "This release has no open kind of site." in gaps.draw(con)
            near = "'badges', 'libraries', 'straight line', 'authority', 'E06999001', 1190, 'published'"
            near += ", 700, 'published', NULL, 'hidden', 59, 'published', NULL, 'hidden'"
            con.execute(f"INSERT INTO published.reach_by_area VALUES ({near})")
            words = re.sub(r"<[^>]*>|\s+", " ", gaps.draw(con))
            assert "This release has no roads" in words and "Within 1,600 m" in words
            assert re.search(r"Blue badges +badges +1,190 +700 +59% +withheld", words)

    @pytest.mark.parametrize("module", [demand, travel])
    def test_a_release_without_figures_still_has_its_page(
        self, module: ModuleType, tmp_path: Path, offline_page: Any
    ) -> None:
        with published_tables() as con:
            con.execute("DELETE FROM published.demand_by_area; DELETE FROM published.travel_by_area")
            html = module.draw(con)
            assert page_data(html)["topics"] == []
            assert module.thumbnail(con) == ""
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        page = offline_page.open(tmp_path / "page.html")
        assert page.inner_text("#caption") == "There are no figures of this kind in this release"
        assert not page.is_visible(".choices")
        assert page.locator(".leaflet-borders-pane path").count() == 1  # the borough's outline


class TestInBrowser:
    @pytest.mark.parametrize(
        "name", ["index", *(f"maps/{module.__name__.rpartition('.')[2]}" for module in PAGES)]
    )
    def test_opens_without_network_or_error(self, drawn: Path, offline_page: Any, name: str) -> None:
        asked: list[str] = []
        offline_page.page.on("request", lambda request: asked.append(request.url))
        page = offline_page.open(drawn / f"{name}.html")
        assert asked == [(drawn / f"{name}.html").as_uri()]
        assert page.locator("h1").inner_text()
        assert page.evaluate("window.harmed") is None

    @pytest.mark.parametrize(
        "name", ["index", *(f"maps/{module.__name__.rpartition('.')[2]}" for module in PAGES)]
    )
    def test_text_stands_out_from_its_ground(self, drawn: Path, offline_page: Any, name: str) -> None:
        """Contrast of at least 4.5 to 1 (WCAG AA) for all text that is not on the map itself."""
        page = offline_page.open(drawn / f"{name}.html")
        faint = page.evaluate(
            """() => {
              const parse = (text) => text.match(/[\\d.]+/g).map(Number);
              const light = (rgb) => {
                const [r, g, b] = rgb.slice(0, 3).map((one) =>
                  (one / 255 <= 0.03928 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const ground = (element) => {
                if (!element) return [255, 255, 255];
                const colour = parse(getComputedStyle(element).backgroundColor);
                return colour[3] === 0 ? ground(element.parentElement) : colour;
              };
              const skipped = '.leaflet-pane, script, style, noscript, svg, :disabled';
              return [...document.querySelectorAll('body *')]
                .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
                .filter((element) => element.checkVisibility() && !element.closest(skipped))
                .map((element) => {
                  const pair = [light(ground(element)), light(parse(getComputedStyle(element).color))];
                  return [element.textContent.trim(), (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
                })
                .filter(([, ratio]) => ratio < 4.5);
            }"""
        )
        assert faint == []

    def test_legend_counts_add_up_whatever_is_chosen(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        seen = set()
        for topic in options(page, "#topic"):
            page.select_option("#topic", topic)
            for measure in options(page, "#measure"):
                page.select_option("#measure", measure)
                for geography in options(page, "#geography"):
                    page.select_option("#geography", geography)
                    areas = {"lsoa": COLUMNS * ROWS, "ward": len(WARDS)}[geography]
                    counts = legend_counts(page)
                    # Dots and outlines are of areas that have their class besides.
                    of_classes = {
                        key: n for key, n in counts.items() if key != "unsure" and "outline" not in key
                    }
                    assert sum(of_classes.values()) == areas
                    fills: Counter[str] = Counter()
                    for fill, times in shape_fills(page).items():
                        fills[re.sub(r"url\(#dotted-(\w+?)(?:-pale)?\)", r"#\1", fill)] += times
                    assert sum(fills.values()) == areas
                    assert fills["url(#hatch-withheld)"] == counts.get("withheld", 0)
                    assert sorted(fills.values()) == sorted(count for count in of_classes.values() if count)
                    seen.add((page.inner_text("#caption"), page.inner_text("#subcaption")))
        assert len(seen) == 2 * 6 * 2

    def test_withheld_and_not_applicable_are_told_apart(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        assert legend_counts(page)["withheld"] == len(HIDDEN)
        words = "Fewer than 10, or too telling: withheld so that nobody can be identified"
        assert words in page.inner_text("#legend-rows")
        assert "3 of 24 LSOAs are withheld" in page.inner_text("#withheld-line")
        page.select_option("#topic", label="Meters <b>")
        counts = legend_counts(page)
        assert counts["none"] == len(NOT_APPLICABLE) and "withheld" not in counts
        assert "The publisher withheld the number in 12 rows" in page.inner_text("#withheld-line")

    def test_the_highest_class_says_no_more_than_there_is(
        self, drawn: Path, tmp_path: Path, offline_page: Any
    ) -> None:
        with published_tables(with_roads=False) as con:
            con.execute(
                "UPDATE published.distance_to_site SET homes_within_1600m = homes_measured WHERE homes > 700"
            )
            (tmp_path / "page.html").write_text(travel.draw(con), encoding="utf-8")
        page = offline_page.open(tmp_path / "page.html")
        page.select_option("#measure", "within_1600m")
        labels = [text for text in texts(page, "#legend-rows th") if "%" in text]
        assert labels[0].startswith("Under ") and labels[-1] == "100%"

    def test_slider_changes_period_figures_and_words(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        assert page.inner_text("#period-name") == "September 2026"
        before = page.evaluate(
            "[...document.querySelectorAll('.leaflet-overlay-pane path')].map(p => p.getAttribute('fill'))"
        )
        page.focus("#period")
        page.keyboard.press("ArrowLeft")
        assert page.inner_text("#period-name") == "August 2026"
        assert page.get_attribute("#period", "aria-valuetext") == "August 2026"
        assert "as at 31 August 2026" in page.inner_text("#subcaption")
        after = page.evaluate(
            "[...document.querySelectorAll('.leaflet-overlay-pane path')].map(p => p.getAttribute('fill'))"
        )
        assert after != before
        page.select_option("#topic", label="Meters <b>")
        assert not page.is_visible("#period")  # one period: nothing to choose

    @pytest.mark.parametrize(
        ("typed", "name"),
        [("invented 003c", "Invented 003C"), ("E01999011", "Invented 004C"), ("harbour", WARDS[2])],
    )
    def test_search_zooms_to_an_area(self, drawn: Path, offline_page: Any, typed: str, name: str) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        before = zoom(page)
        page.fill("#search", typed)
        page.keyboard.press("Enter")
        assert page.inner_text("#selected h2") == name
        assert zoom(page) >= before and (
            zoom(page) > before or name == WARDS[2]
        )  # a ward is as tall as the borough
        areas = [area for one in page_data(page.content())["geographies"] for area in one["areas"]]
        (point,) = [area[5:7] for area in areas if area[1] == name]  # a point inside it
        centre = page.evaluate("[map_0.getCenter().lng, map_0.getCenter().lat]")
        assert centre == pytest.approx(point, abs=0.01)
        page.click("#whole")
        assert zoom(page) == before
        page.click("#clear")
        assert not page.is_visible("#selected")

    def test_search_by_keyboard(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        page.fill("#search", "invented 002")
        found = texts(page, "#found li span:first-child")
        assert found[:COLUMNS] == [f"Invented 002{letter}" for letter in "ABCDEF"]
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert page.get_attribute("#search", "aria-activedescendant") == "found-1"
        page.keyboard.press("Enter")
        assert page.inner_text("#selected h2") == "Invented 002B"
        page.focus("#search")
        page.fill("#search", "nothing like it")
        assert texts(page, "#found li") == ["Nothing found"]
        page.keyboard.press("Escape")
        assert not page.is_visible("#found")

    def test_names_are_text_never_markup(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        page.select_option("#geography", "ward")
        page.fill("#search", "harmed")
        assert texts(page, "#found li span:first-child") == [EVIL]
        page.keyboard.press("Enter")
        assert page.inner_text("#selected h2") == EVIL
        page.locator(".leaflet-overlay-pane path").nth(1).hover()
        assert page.locator(".leaflet-tooltip strong").inner_text() == EVIL
        page.click("#figures summary")
        page.wait_for_selector("#figures tbody tr")
        assert EVIL in texts(page, "#figures tbody button")
        assert page.locator("img").count() == 0
        assert page.evaluate("window.harmed") is None

    def test_policy_stops_what_slips_in(self, drawn: Path, offline_page: Any) -> None:
        """Were text ever to become markup, the browser would refuse to run it or to fetch for it."""
        page = offline_page.open(drawn / "maps/demand.html")
        page.evaluate(
            """(evil) => { document.body.insertAdjacentHTML('beforeend', evil);
            const script = document.createElement('script'); script.textContent = 'window.harmed = 2';
            document.body.append(script);
            return fetch('https://example.org/').catch(() => null); }""",
            EVIL,
        )
        assert page.evaluate("window.harmed") is None
        assert len(offline_page.errors) >= 3 and all(
            "Content Security Policy" in one for one in offline_page.errors
        )
        offline_page.errors.clear()

    def test_pointing_and_clicking_tell_of_an_area(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        page.uncheck("#show-names")
        hidden = page.locator(".leaflet-overlay-pane path[fill='url(#hatch-withheld)']").first
        hidden.hover()
        tip = page.inner_text(".leaflet-tooltip")
        assert "Recorded use: Fewer than 10, or too telling: withheld" in tip
        assert "LSOA E01999" in tip and "Homes: 6" in tip
        hidden.click()
        rows = dict(zip(texts(page, "#selected th"), texts(page, "#selected td"), strict=True))
        assert rows["Recorded use"] == "Fewer than 10, or too telling: withheld"
        assert rows["Recorded use per 1,000 homes"] == "Withheld"  # why is said once
        assert rows["Homes"].startswith("6")
        assert page.locator("#selected .trend rect").count() == 2

    def test_ticks_show_and_hide(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        for tick, selector in (
            ("#show-roads", ".leaflet-roads-pane path"),
            ("#show-wards", ".leaflet-borders-pane path[stroke-dasharray]"),
            ("#show-names", ".name-ward"),
        ):
            assert page.locator(selector).count() > 0, tick
            page.uncheck(tick)
            assert page.locator(selector).count() == 0, tick
            page.check(tick)
            assert page.locator(selector).count() > 0, tick

    def test_figures_as_a_table_sorted_and_leading_to_the_map(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        page.focus("#figures summary")
        page.keyboard.press("Enter")
        page.wait_for_selector("#figures tbody tr")
        cells = texts(page, "#figures tbody td")
        numbers = [int(cell) for cell in cells if cell.isdigit()]
        assert numbers == sorted(numbers, reverse=True) and len(numbers) == COLUMNS * ROWS - len(HIDDEN)
        assert cells[-len(HIDDEN) :] == ["Fewer than 10, or too telling: withheld"] * len(HIDDEN)
        page.click("#figures thead th:first-child button")
        names = texts(page, "#figures tbody button")
        assert names == sorted(names)
        before = zoom(page)
        page.focus("#figures tbody tr:nth-child(4) button")
        page.keyboard.press("Enter")
        assert page.inner_text("#selected h2") == names[3]
        assert zoom(page) > before

    def test_address_keeps_the_view(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        page.select_option("#topic", label="Meters <b>")
        page.select_option("#measure", "rate_per_1000_people")
        page.select_option("#geography", "ward")
        caption = page.inner_text("#caption")
        address = page.url
        page.goto("about:blank")
        page.goto(address)
        assert page.inner_text("#caption") == caption
        assert page.input_value("#geography") == "ward"
        page.goto("about:blank")
        page.goto(address.partition("#")[0] + "#no/such/view/%E0%A4%A")
        assert page.inner_text("#caption")

    def test_print_draws_the_map_for_the_paper(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/demand.html")
        page.fill("#search", "E01999011")
        page.keyboard.press("Enter")
        view = "[map_0.getSize().x, map_0.getZoom(), map_0.getCenter().lat, map_0.getCenter().lng]"
        on_screen = page.evaluate(view)
        page.emulate_media(media="print")
        page.wait_for_selector("html.printing")
        assert page.evaluate("map_0.getSize().x") == pytest.approx(210 / 25.4 * 96, abs=4)
        assert not page.is_visible(".choices") and not page.is_visible(".leaflet-control-zoom")
        sheet = page.locator("body").bounding_box()
        for selector in (
            "#legend-rows",
            "#caption",
            ".imprint p:last-child",
            ".leaflet-control-scale",
            ".north",
        ):
            box = page.locator(selector).bounding_box()
            assert page.is_visible(selector) and box["y"] + box["height"] <= sheet["height"], selector
        assert "Ward boundaries" in page.inner_text("#legend-rows")
        page.emulate_media(media="screen")
        page.wait_for_selector("html:not(.printing)")
        assert page.evaluate(view) == pytest.approx(on_screen, abs=1e-4)

    @pytest.mark.parametrize("name", ["demand", "travel"])
    def test_a_map_prints_on_one_sheet(self, drawn: Path, offline_page: Any, name: str) -> None:
        page = offline_page.open(drawn / f"maps/{name}.html")
        paper = page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 1
        width, height = (float(one) for one in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)[0])
        assert (round(width), round(height)) == (842, 595)  # A4 landscape, in points

    def test_ways_there_are_chosen_by_kind_and_mode(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/travel.html")
        assert "Contains map data" in page.inner_text(".imprint")
        assert "lacks one-way streets, speed limits and footpaths" in page.inner_text(".warning")
        assert page.locator("#topic option").all_inner_texts() == ["Libraries", "Surgeries"]
        # Each kind by the way that is expected, until the reader chooses one.
        assert page.inner_text("#caption") == "Libraries, by car: median time to the nearest site"
        page.select_option("#topic", label="Surgeries")
        assert page.inner_text("#caption") == "Surgeries, on foot: median time to the nearest site"
        assert options(page, "#variant") == ["On foot", "By car"]
        labels = [text for text in texts(page, "#legend-rows th") if "min" in text]
        page.select_option("#variant", "By car")
        assert [text for text in texts(page, "#legend-rows th") if "min" in text] == labels, (
            "classes are the same"
        )
        assert labels[0] == "Under 5 min" and labels[-1] == "30 min and over"
        page.select_option("#variant", "On foot")
        page.select_option("#topic", label="Libraries")
        assert page.inner_text("#caption").startswith("Libraries, on foot:")
        page.select_option("#measure", "within_10_minutes")
        assert page.url.endswith("#libraries.walk/within_10_minutes/lsoa//")
        assert "Local Road 25" in page.inner_html(
            "main"
        ) and "Not allowed on: Pedestrianised Street" in page.inner_html("main")
        page.select_option("#measure", "score")
        assert page.inner_text("#legend-unit").startswith("Sites per 10,000 people: sites within 30 minutes")
        page.select_option("#measure", "within_10_minutes")
        # A kept link leads to the same map.
        page.reload()
        assert page.inner_text("#caption") == "Libraries, on foot: homes within 10 minutes"
        page.fill("#search", "quay")
        page.keyboard.press("Enter")
        assert page.inner_text("#caption").startswith("Surgeries, on foot:")

    def test_gaps_tell_who_is_too_far(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/gaps.html")
        card = page.locator("#surgeries")
        words = card.inner_text()
        assert "3,000 of 14,980 homes (20.0%) are more than 15 minutes' walk away." in words
        assert "From 2 of them no road leads to any site." in words
        assert (
            "In the most deprived decile that lives here (2) it is under 0.1%, in the least deprived (10) 33.2%."
            in words
        )
        assert "By car it would be none." in words and "20 homes could not be measured." in words
        rows = [" ".join(row.split()) for row in card.locator(".decile-table tbody tr").all_inner_texts()]
        assert rows == [
            "All homes 14,980 3,000 20.0%", "2 5,980 2 under 0.1%", "10, least deprived 9,000 2,990 33.2%",
        ]  # fmt: skip
        # Its parts are the whole bar: 5 minutes, 10, ..., beyond 30, no way there.
        widths = card.locator(".whole-row rect").evaluate_all(
            "all => all.map(one => Number(one.getAttribute('width')))"
        )
        homes = (1980, 4000, 6000, 2000, 940, 58, 2)
        assert widths == [pytest.approx(1000 * one / 14_980, abs=0.06) for one in homes]
        assert card.locator("figure path").count() == COLUMNS * ROWS
        assert card.locator("figure circle").count() == 1
        users = [" ".join(row.split()) for row in card.locator(".user-table tbody tr").all_inner_texts()]
        assert users == ["Blue badges badges 1,190 700 59% withheld", "Meters <b> meters 500 300 60% 495 99%"]
        assert "Of these counts 1 is withheld." in page.inner_text("main")
        assert "No home is more than 15 minutes' drive away." in page.inner_text("#libraries")
        card.locator("figcaption a").click()
        # Another page, which draws itself once it is loaded.
        page.locator("#caption", has_text="Surgeries, on foot: homes within 15 minutes").wait_for()

    def test_gaps_refuse_a_hidden_figure_that_has_a_value(self) -> None:
        with published_tables() as con:
            con.execute("UPDATE published.reach_by_area SET within_20_minutes = 7 WHERE dataset = 'badges'")
            with pytest.raises(ValueError, match="a hidden figure carries a value"):
                gaps.draw(con)

    def test_distance_says_loudly_what_it_is(self, tmp_path: Path, offline_page: Any) -> None:
        with published_tables(with_roads=False) as con:
            (tmp_path / "page.html").write_text(travel.draw(con), encoding="utf-8")
        page = offline_page.open(tmp_path / "page.html")
        assert "Straight-line distance, not by road" in page.inner_text(".warning")
        assert page.is_visible(".warning")
        assert page.locator(".leaflet-sites-pane path").count() == 2
        assert set(texts(page, ".name-site")) == {"Millbrook Library", "Harbour Library"}
        for geography in ("ward", "lsoa"):  # sites stay on top of whichever areas come last
            page.select_option("#geography", geography)
            assert page.locator(".leaflet-sites-pane path").count() == 2
        assert page.locator(".leaflet-chosen-pane path").count() == 0
        page.select_option("#measure", "within_800m")
        assert page.locator(".leaflet-chosen-pane path").count() == 2
        assert "straight line" in page.inner_text("#caption")
        page.select_option("#measure", "within_1600m")
        assert texts(page, "#legend-rows th")[-4:-2] == ["Libraries: 2", "1,600 m about each"]
        page.select_option("#topic", label="Surgeries")
        assert page.locator(".leaflet-sites-pane path").count() == 1
        page.fill("#search", "harbour library")
        page.keyboard.press("Enter")
        assert page.inner_text("#topic option:checked") == "Libraries"
        assert "Harbour Library" in page.inner_text(".leaflet-tooltip")

    def test_narrow_window_keeps_map_and_choices(self, drawn: Path, browser: Browser) -> None:
        with browser.new_context(offline=True, viewport={"width": 400, "height": 800}) as context:
            page = context.new_page()
            page.goto((drawn / "maps/demand.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            page.select_option("#geography", "ward")
            assert sum(shape_fills(page).values()) == len(WARDS)

    def test_legend_is_in_sight_on_a_small_laptop(self, drawn: Path, browser: Browser) -> None:
        with browser.new_context(offline=True, viewport={"width": 1366, "height": 768}) as context:
            page = context.new_page()
            for name in ("demand", "travel"):
                page.goto((drawn / f"maps/{name}.html").as_uri())
                box = page.locator("#legend-rows").bounding_box()
                assert box is not None and box["y"] + box["height"] < 768

    def test_catchments_are_coloured_by_site_or_by_minutes(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/catchments.html")
        assert texts(page, "#caption") == ["Libraries, by car: which is nearest by road"]
        fills = shape_fills(page)
        assert len(fills - Counter({"none": fills["none"]})) == 2 and legend_counts(page) == {
            "nearest": 13_000,
            "blank": 500,
        }
        said = page.locator("#legend-total").inner_text()
        assert (
            "For 1,300 of 13,500 homes (10%) the nearest by road is not the nearest in a straight line."
            in said
        )
        assert "For 20 of 13,000 homes (under 1%)" in said
        page.select_option("#view", "minutes")
        assert legend_counts(page) == {"0-5": 9000, "20-30": 4000, "blank": 500}
        assert texts(page, "#caption") == ["Libraries, by car: minutes to the nearest"]
        page.select_option("#mode", "walk")
        assert texts(page, "#caption") == ["Libraries, on foot: minutes to the nearest"]
        page.select_option("#kind", "surgeries")
        assert options(page, "#mode") == ["walk"] and legend_counts(page) == {"5-10": 12_000, "blank": 0}
        assert page.evaluate("location.hash") == "#surgeries/walk/minutes/"

    def test_catchments_tell_of_a_site(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/catchments.html")
        page.fill("#search", "millbr")
        page.keyboard.press("Enter")
        said = " ".join(page.locator("#selected").inner_text().split())
        for words in (
            "Millbrook Library Libraries, by car",
            "Homes nearest 7,400", "People nearest 16,000", "People expected (Huff) 15,000",
            "Can take: opening hours 40", "People nearest for each of these 400", "Hectares of catchment 1,100",
            "Nearest by road, though not in a straight line: 1,250 homes (else </script>",
            "In a straight line, though not by road: 50 homes (by road </script>",
            "Nearest by road, though not by the published catchment: 20 homes (else Closed Library 20).",
        ):  # fmt: skip
            assert words in said, words
        page.click("#clear")
        assert page.locator("#selected").is_hidden()
        # The one without ground and without a place on the map is in the table, all the same.
        page.select_option("#kind", "surgeries")
        page.get_by_role("button", name="Nowhere Surgery").click()
        assert "No ground is nearest to it" in page.locator("#selected").inner_text()
        assert page.evaluate("window.harmed") is None

    def test_catchments_have_their_sites_as_a_table(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/catchments.html")
        rows = [text.split("\t") for text in texts(page, "#figures tbody tr")]
        assert [row[-1][-3:] for row in rows] == ["615", "400"]
        heads = [text.rstrip(" \u25be\u25b4") for text in texts(page, "#figures thead th")]
        assert heads == ["Site", "People nearest", "People expected", "People nearest per unit"]
        page.locator("#figures thead button").first.click()
        assert texts(page, "#figures tbody th")[-1] == "Millbrook Library"
        page.select_option("#kind", "surgeries")
        heads = [text.rstrip(" \u25be\u25b4") for text in texts(page, "#figures thead th")]
        assert heads == ["Site", "Homes nearest", "Homes within 30 min", "Users published"]
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert len(texts(page, ".told tbody tr")) == 2 and page.locator(".told button").count() == 0
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert page.locator(".told").count() == 0

    def test_without_roads_there_are_no_catchments(self, tmp_path: Path, offline_page: Any) -> None:
        with published_tables(with_roads=False) as con:
            (tmp_path / "page.html").write_text(catchments.draw(con), encoding="utf-8")
            assert catchments.thumbnail(con) == ""
        page = offline_page.open(tmp_path / "page.html")
        assert texts(page, "#caption") == ["There are no catchments in this release"]
        assert "this release has no roads" in texts(page, ".warning")[0]
        assert page.locator(".choices").is_hidden() and page.locator("#figures").is_hidden()

    def test_catchments_are_simplified_until_they_fit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with published_tables() as con:
            found = catchments._polygons(con)
        fine = catchments._tolerance(found)
        monkeypatch.setattr(catchments, "VERTICES", 10)
        assert catchments._tolerance(found) == fine * catchments.TOLERANCES[-1]

    def test_scorecard_says_at_a_glance_how_good_and_how_late(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.page
        page.clock.set_fixed_time(dt.datetime(2026, 11, 16, 9))
        offline_page.open(drawn / "maps/data_quality.html")
        badges, meters, *_ = texts(page, ".glance tbody tr")
        assert "91.6%" in badges and "+3.3 points" in badges and "3.8" in badges
        # Due on 14 November, read on the 16th; the page itself holds the day alone.
        assert "overdue by 2 days" in badges and "1 missing before" in badges
        assert "1 error" in badges and "1 warning" in badges
        assert "100%" in meters and "nothing is promised" in meters and "nothing grave" in meters
        assert "16 November 2026: 1 dataset is overdue" in page.inner_text("#today")
        dates = texts(page, "#badges .extracts li")
        assert dates[2] == "31 Aug 2026 missing, due on 14 Sep 2026"
        assert dates[4] == "31 Oct 2026 next, due on 14 Nov 2026: overdue by 2 days"
        page.click(".glance a:has-text('Meters')")
        assert page.url.endswith("#meters")

    def test_scorecard_before_the_day_says_when_it_is_due(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.page
        page.clock.set_fixed_time(dt.datetime(2026, 11, 14, 23))
        offline_page.open(drawn / "maps/data_quality.html")
        assert "due on 14 Nov 2026" in texts(page, ".glance tbody tr")[0]
        assert "nothing more is overdue" in page.inner_text("#today")

    def test_scorecard_without_script_tells_the_days(self, drawn: Path, browser: Browser) -> None:
        with browser.new_context(offline=True, java_script_enabled=False) as context:
            page = context.new_page()
            page.goto((drawn / "maps/data_quality.html").as_uri())
            assert "due on 14 Nov 2026" in page.inner_text(".glance")
            assert "overdue" not in page.inner_text("main")

    def test_scorecard_shows_what_became_of_it(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/data_quality.html")
        charts = page.locator("#badges .trends figure")
        assert [text.splitlines()[0] for text in charts.all_inner_texts()] == [
            "Placed on a property, building or point 91.6%",
            "Without a place withheld",
            "Damaged identifiers, in 100 records 3.8",
            "Rows rejected withheld",
        ]
        placed, unplaced, damaged, _ = charts.all()
        assert placed.locator("circle").count() == 3 and placed.locator(".none").count() == 0
        assert unplaced.locator("circle").count() == 2 and unplaced.locator(".none").count() == 1
        # The one between is withheld: no line leads through it.
        assert damaged.locator("circle").count() == 2 and damaged.locator(".line").count() == 0
        told = placed.locator("[role=img]").get_attribute("aria-label")
        assert told == "31 Jul 2026: 89.0%; 31 Aug 2026: 88.3%; 30 Sep 2026: 91.6%"
        good = page.inner_text("#badges .parts > div:first-child")
        assert "1,190 records. Property 1,040, Building 50, Postcode 100." in good
        assert "Withheld: point, area only, not placed, rows rejected." in good
        assert "Damaged identifiers 45, by kind: uprn rounded 45." in good
        assert "One extract so far" in page.inner_text("#meters")

    def test_scorecard_accounts_for_every_record(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/data_quality.html")
        account = page.locator("#badges details.account")
        assert not account.locator("p").first.is_visible()
        account.locator("summary").click()
        assert "read 1,200 = kept 1,190 + rejected withheld" in account.inner_text()
        assert "On a property or building by UPRN 700, address 350." in account.inner_text()
        assert account.locator("p").count() == 1
        # Each meter stands for three.
        assert "read 1,500 = kept 1,500" in (page.locator("#meters details.account").text_content() or "")
        where = page.locator("details.areas")
        assert where.count() == 1 and not where.locator("table").first.is_visible()
        where.locator("summary").click()
        assert texts(page, "details.areas tbody th") == [EVIL, "West", "2", "10"]
        assert texts(page, "details.areas td:nth-child(2)") == ["400", "withheld", "405", "350"]
        assert "100.0%" in texts(page, "details.areas tbody tr")[2], "a rounded share is never more than all"

    def test_scorecard_issues_can_be_narrowed_and_sorted(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/data_quality.html")
        rows = page.locator(".issue:visible")
        assert [text.strip() for text in texts(page, ".issue .severity")] == ["error", "warning", "info"]
        # Of this extract, of the one before, of all.
        assert texts(page, "#badges .issue:first-child td.number") == ["45", "few or none", "45"]
        page.select_option("#issue-severity", "error")
        assert rows.count() == 1 and "Export as text" in rows.first.inner_text()
        assert texts(page, ".card:visible h2") == ["Blue badges"]
        assert page.locator(".glance tbody tr:visible").count() == 1
        page.select_option("#issue-severity", "")
        page.select_option("#issue-of", "meters")
        assert rows.count() == 1
        page.select_option("#issue-of", "")
        page.fill("#search", "postcode")
        assert rows.count() == 1 and EVIL in rows.first.inner_text()
        assert page.inner_text("#issue-count") == "1 of 3 issues"
        page.fill("#search", "blue badges")
        assert rows.count() == 2, "found by its name, a dataset is shown whole"
        page.click("#badges th button:has-text('Severity')")
        assert [text.strip() for text in texts(page, "#badges .severity")] == ["error", "warning"]
        page.click("#badges th button:has-text('Severity')")
        assert [text.strip() for text in texts(page, "#badges .severity")] == ["warning", "error"]
        assert page.locator("img").count() == 0

    def test_who_is_missing_says_it_in_plain_words(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "maps/who_is_missing.html")
        badges, meters = page.locator("section.missing").all()
        assert "Of badges, 88.2% are placed on a property, a building or a point." in badges.inner_text()
        assert "3.4% have no place and are on no map." in badges.inner_text()
        assert "In the most deprived fifth it is 10.0%, in the least deprived 5.0%." in badges.inner_text()
        poorest = badges.locator("tr").filter(has_text="1, most deprived").inner_text()
        assert "75.0%" in poorest and "80 of 800" in poorest and "not applicable" in poorest
        richest = badges.locator("tr").filter(has_text="5, least deprived").inner_text()
        assert "withheld" in richest
        # Shares made of rounded counts: one that comes to all says no more than that.
        assert "nearly all or all are placed" in meters.inner_text()
        assert "100.0%" in meters.inner_text() and "100.2%" not in meters.inner_text()
        assert "How many have no place is withheld." in meters.inner_text()
        assert "hardly any" not in page.inner_text("main")
        groups = texts(page, "section.missing:first-of-type tbody th[scope=row]")
        assert groups[:4] == ["All", "1, most deprived", "5, least deprived", "Not known"]

    def test_gallery_leads_to_every_page_and_back(self, drawn: Path, offline_page: Any) -> None:
        page = offline_page.open(drawn / "index.html")
        titles = texts(page, ".cards h2")
        assert titles == [module.TITLE for module in PAGES]
        assert page.locator(".thumbnail svg").count() == len(PAGES)
        for title in titles:
            page.click(f".cards a:has-text('{title}')")
            assert page.inner_text("h1") == title
            page.click("text=All pages")
            assert page.inner_text("h1") == "Connected Places"


def test_thumbnails_draw_the_areas(drawn: Path) -> None:
    with published_tables() as con:
        picture: Callable[[duckdb.DuckDBPyConnection], str] = demand.thumbnail
        svg = picture(con)
        assert svg.count("<path") == COLUMNS * ROWS
        assert svg.count('fill="#cfcfcf"') == len(HIDDEN)
        assert travel.thumbnail(con).count("<circle") == 2
