"""Areas, roads and sites made ready for a web map: simplified in metres, then turned into longitude and latitude.

Here: geometry from `published.area`, `published.road` and `published.site`. Not here: figures, colours, HTML.
All input is EPSG:27700 (metres), all output longitude and latitude with five decimals (about a metre).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import shapely
from convertbng.cutil import convert_lonlat
from numpy.typing import NDArray

# In the order in which a page offers them: (area_type, one, many).
AREA_TYPES = (
    ("lsoa", "LSOA", "LSOAs"),
    ("ward", "ward", "wards"),
    ("msoa", "MSOA", "MSOAs"),
)
# (class, how its road_function begins), from the most important: a page that would grow too large loses the last ones.
ROAD_CLASSES = (
    ("motorway", ("motorway",)),
    ("a", ("a road", "primary road")),
    ("b", ("b road",)),
    ("minor", ("minor road",)),
    ("local", ("",)),  # all others
)
ROAD_VERTICES = 16_000  # about 0.3 MB of page
DECIMALS = 5


@dataclass(frozen=True)
class Area:
    """One area as a page tells of it; `point` is (longitude, latitude) inside it, for its label."""

    code: str
    name: str
    homes: int | None
    people: int | None
    imd_decile: int | None
    point: tuple[float, float]


@dataclass(frozen=True)
class Geography:
    """All areas of one type, in order of code; `features` are GeoJSON features in the same order, `i` their number."""

    area_type: str
    one: str
    many: str
    areas: tuple[Area, ...]
    features: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Site:
    """A place that a service is delivered from; `point` is (longitude, latitude)."""

    name: str
    point: tuple[float, float]
    precision: str


def read_geographies(con: duckdb.DuckDBPyConnection) -> tuple[Geography, ...]:
    """LSOAs, wards and MSOAs of `published.area`, those that there are.

    Each geography is simplified as one coverage: neighbours keep a shared edge, no gap or overlap appears.
    Raises ValueError if an area has no geometry, or lies where the national grid does not reach.
    """
    found = []
    for area_type, one, many in AREA_TYPES:
        rows = con.execute(
            """
            SELECT area_code, area_name, homes, people, imd_decile, easting, northing, geometry_wkb
            FROM published.area WHERE area_type = ? ORDER BY area_code
            """,
            [area_type],
        ).fetchall()
        if not rows:
            continue
        geometries = read_polygons([(row[0], row[7]) for row in rows])
        simplified = simplify_coverage(geometries, tolerance_metres(geometries))
        points = to_longitude_latitude(np.array([[row[5], row[6]] for row in rows], dtype=float))
        areas = tuple(
            Area(
                code,
                name or code,
                _whole(homes),
                _whole(people),
                _whole(decile),
                (float(point[0]), float(point[1])),
            )
            for (code, name, homes, people, decile, *_), point in zip(rows, points, strict=True)
        )
        features = tuple(
            {"type": "Feature", "properties": {"i": number}, "geometry": geometry}
            for number, geometry in enumerate(to_geojson(simplified))
        )
        found.append(Geography(area_type, one, many, areas, features))
    return tuple(found)


def read_outline(con: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """GeoJSON geometry of the whole authority: the union of its smallest published areas; None if there are none."""
    for area_type in ("lsoa", "msoa", "ward", "lad"):
        geometries = read_polygons(_wkb_of(con, area_type))
        if len(geometries):
            # Simplified before the union, so that the outline runs exactly along the areas drawn inside it.
            simplified = simplify_coverage(geometries, tolerance_metres(geometries))
            if shapely.coverage_is_valid(simplified):
                return to_geojson([shapely.coverage_union_all(simplified)])[0]
            # Boundaries as published may overlap or cross themselves.
            return to_geojson([shapely.union_all(shapely.make_valid(simplified))])[0]
    return None


def read_roads(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], ...]:
    """GeoJSON features of `published.road`, one for each class (`properties.road`), the least important first.

    Classes that would take the page beyond `ROAD_VERTICES` are left out, and all after them.
    """
    rows = con.execute(
        """
        SELECT lower(coalesce(road_function, '')), geometry_wkb FROM published.road
        WHERE geometry_wkb IS NOT NULL ORDER BY ALL
        """
    ).fetchall()
    if not rows:
        return ()
    lines = shapely.from_wkb([bytes(row[1]) for row in rows])
    classes = np.array([_road_class(row[0]) for row in rows])
    tolerance = tolerance_metres(lines) / 2
    features: list[dict[str, Any]] = []
    vertices = 0
    for road, _ in ROAD_CLASSES:
        mine = classes == road
        if not mine.any():
            continue
        merged = shapely.line_merge(shapely.union_all(shapely.force_2d(lines[mine])))
        simplified = shapely.simplify(merged, tolerance)
        vertices += shapely.get_num_coordinates(simplified)
        if vertices > ROAD_VERTICES:
            break
        geometry = to_geojson([simplified])[0]
        features.append({"type": "Feature", "properties": {"road": road}, "geometry": geometry})
    return tuple(reversed(features))


def read_sites(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[Site, ...]]:
    """Sites of `published.site` that have coordinates, by kind, in order of name."""
    rows = con.execute(
        """
        SELECT site_kind, coalesce(name, site_id), coalesce(precision, ''), easting, northing FROM published.site
        WHERE easting IS NOT NULL AND northing IS NOT NULL ORDER BY site_kind, name, site_id
        """
    ).fetchall()
    if not rows:
        return {}
    points = to_longitude_latitude(np.array([row[3:5] for row in rows], dtype=float))
    sites: dict[str, tuple[Site, ...]] = {}
    for (kind, name, precision, *_), point in zip(rows, points, strict=True):
        site = Site(name, (float(point[0]), float(point[1])), precision)
        sites[kind] = (*sites.get(kind, ()), site)
    return sites


def simplify_coverage(geometries: Sequence[Any] | NDArray[Any], tolerance: float) -> NDArray[Any]:
    """Simplify polygons (EPSG:27700) that tile the ground, by about `tolerance` metres; shared edges stay shared."""
    simplified: NDArray[Any] = shapely.coverage_simplify(np.asarray(geometries, dtype=object), tolerance)
    return simplified


def tolerance_metres(geometries: Sequence[Any] | NDArray[Any]) -> float:
    """Tolerance that suits a map of these geometries on a screen: 10 m for a town, 25 m for a county."""
    west, south, east, north = shapely.total_bounds(np.asarray(geometries, dtype=object))
    return float(min(25.0, max(10.0, max(east - west, north - south) / 1500)))


def to_longitude_latitude(metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Array (n, 2) of easting and northing (EPSG:27700) as longitude and latitude, five decimals.

    Raises ValueError if a point lies where the national grid does not reach.
    """
    if not len(metres):
        return metres.reshape(0, 2)
    longitude, latitude = convert_lonlat(metres[:, 0], metres[:, 1])
    degrees: NDArray[np.float64] = np.column_stack([longitude, latitude]).round(DECIMALS)
    if not np.isfinite(degrees).all():
        raise ValueError("coordinates outside the national grid (EPSG:27700) cannot be drawn")
    return degrees


def to_geojson(geometries: Sequence[Any] | NDArray[Any]) -> list[dict[str, Any]]:
    """Geometries (EPSG:27700) as GeoJSON geometries in longitude and latitude, without repeated points."""
    degrees = shapely.transform(np.asarray(geometries, dtype=object), to_longitude_latitude)
    return [json.loads(text) for text in shapely.to_geojson(shapely.remove_repeated_points(degrees))]


def _road_class(road_function: str) -> str:
    return next(road for road, beginnings in ROAD_CLASSES if road_function.startswith(beginnings))


def _wkb_of(con: duckdb.DuckDBPyConnection, area_type: str) -> list[tuple[str, bytes | None]]:
    return con.execute(
        "SELECT area_code, geometry_wkb FROM published.area WHERE area_type = ? ORDER BY area_code",
        [area_type],
    ).fetchall()


def read_polygons(rows: Sequence[tuple[str, bytes | None]]) -> NDArray[Any]:
    """Polygons (EPSG:27700) of rows (area_code, geometry_wkb). Raises ValueError if one has no geometry."""
    for code, wkb in rows:
        if wkb is None:
            raise ValueError(f"published.area: {code} has no geometry")
    geometries: NDArray[Any] = shapely.from_wkb([bytes(wkb) for _, wkb in rows if wkb is not None])
    return np.asarray(shapely.force_2d(geometries), dtype=object)


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value).split(".")[0])
