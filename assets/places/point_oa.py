"""The Output Area in which each point lies: one row per pair of coordinates that anything stands at.

Points come from OS Open UPRN, the gazetteer, Code-Point Open and the council's records. A point on a boundary belongs
to the area with the lower code; a point outside every area of the authority has no row.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("easting", "northing")
DEPENDS_ON = (
    "places.area",
    "services.record",
    "sources.authority",
    "sources.code_point_open",
    "sources.llpg",
    "sources.os_open_uprn",
)
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "easting": ("DECIMAL(10, 2)", "easting, metres, EPSG:27700"),
    "northing": ("DECIMAL(10, 2)", "northing, metres, EPSG:27700"),
    "oa_code": ("VARCHAR", "Output Area in which the point lies"),
}


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The points inside the authority as an Arrow table, by point in polygon in EPSG:27700."""
    import numpy as np
    import shapely

    areas = con.execute(
        "SELECT area_code, geometry_wkb FROM places.area WHERE area_type = 'oa' ORDER BY area_code"
    ).fetchall()
    points = con.sql(
        """
        SELECT easting, northing FROM (
            SELECT easting, northing FROM sources.os_open_uprn
            UNION SELECT easting, northing FROM sources.llpg
            UNION SELECT easting, northing FROM sources.code_point_open
            UNION SELECT easting, northing FROM services.record
        )
        WHERE easting > 0 AND northing > 0
        ORDER BY easting, northing
        """
    ).to_arrow_table()
    authority = con.execute("SELECT authority_code FROM sources.authority").fetchall()[0][0]
    eastings = points["easting"].cast(pa.float64()).to_numpy()
    northings = points["northing"].cast(pa.float64()).to_numpy()
    # A tree of the points, asked with prepared polygons, is twice as fast as the other way round.
    found = np.full(len(points), len(areas))
    tree = shapely.STRtree(shapely.points(eastings, northings))
    polygons = np.array([shapely.from_wkb(bytes(wkb)) for _, wkb in areas], dtype=object)
    shapely.prepare(polygons)
    by_area, by_point = tree.query(polygons, predicate="intersects")
    np.minimum.at(found, by_point, by_area)
    inside = pa.array(found < len(areas))
    kept = points.filter(inside)
    codes = [areas[i][0] for i in found[found < len(areas)]]
    return pa.table(
        {
            "authority_code": pa.array([authority] * len(codes), pa.string()),
            "easting": kept["easting"],
            "northing": kept["northing"],
            "oa_code": pa.array(codes, pa.string()),
        }
    )
