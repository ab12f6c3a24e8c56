"""Sites that could be placed: one row per place that a service is delivered from, in metres and in degrees."""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("site_kind", "site_id")
DEPENDS_ON = ("places.site",)
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "site_kind": ("VARCHAR", "kind of site: the folder that describes it"),
    "site_id": ("VARCHAR", "the site: its reference, else file and row number"),
    "name": ("VARCHAR", "name of the site"),
    "easting": ("DECIMAL(10, 2)", "easting, metres, EPSG:27700"),
    "northing": ("DECIMAL(10, 2)", "northing, metres, EPSG:27700"),
    "longitude": ("DECIMAL(10, 7)", "longitude, degrees, ETRS89"),
    "latitude": ("DECIMAL(10, 7)", "latitude, degrees, ETRS89"),
    "precision": ("VARCHAR", "how precise the place is: property, building, point or postcode"),
}


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The sites as an Arrow table; sites known by an area alone, or not at all, are left in places.site."""
    from pipelines.formats import to_degrees

    rows = con.execute(
        "SELECT authority_code, site_kind, site_id, coalesce(name, site_id), easting, northing, precision "
        "FROM places.site WHERE easting IS NOT NULL ORDER BY site_kind, site_id"
    ).fetchall()
    longitudes, latitudes = (
        to_degrees([float(r[4]) for r in rows], [float(r[5]) for r in rows]) if rows else ([], [])
    )
    degrees = [(f"{x:.7f}", f"{y:.7f}") for x, y in zip(longitudes, latitudes, strict=True)]
    columns: dict[str, list[str]] = {column: [] for column in COLUMNS}
    for (code, kind, site, name, easting, northing, precision), (x, y) in zip(rows, degrees, strict=True):
        for column, value in zip(
            columns, (code, kind, site, name, str(easting), str(northing), x, y, precision), strict=True
        ):
            columns[column].append(value)
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
