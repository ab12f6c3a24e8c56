"""Areas of the authority: one row per Output Area, LSOA, MSOA, ward, and the authority itself.

The census geographies are of the vintage that authority.yaml states, wards of the newest that is there; boundaries of
another vintage are left out here, and serve `places.geography`. The
authority's own polygon is the union of its Output Areas, so that everything published nests.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("area_type", "area_code")
DEPENDS_ON = ("sources.area_boundary", "sources.authority")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "area_type": ("VARCHAR", "oa, lsoa, msoa, ward or authority"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area; its code where it has no name"),
    "vintage": ("VARCHAR", "year of the boundary, two digits"),
    "easting": ("DECIMAL(10, 2)", "easting of a point inside, metres, EPSG:27700"),
    "northing": ("DECIMAL(10, 2)", "northing of a point inside, metres, EPSG:27700"),
    "longitude": ("DECIMAL(10, 7)", "longitude of that point, degrees, ETRS89"),
    "latitude": ("DECIMAL(10, 7)", "latitude of that point, degrees, ETRS89"),
    "hectares": ("DECIMAL(18, 2)", "area, hectares"),
    "geometry_wkb": ("BLOB", "multipolygon, WKB, EPSG:27700"),
}
AREA_TYPES = {"oa": "oa", "lsoa": "lsoa", "msoa": "msoa", "wd": "ward"}


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The areas as an Arrow table; polygons that cross themselves are mended. Empty where there are no boundaries."""
    import shapely

    from pipelines.formats import to_degrees

    code, name, vintage = con.execute(
        "SELECT authority_code, authority_name, area_vintage FROM sources.authority"
    ).fetchall()[0]
    rows = con.execute(
        "SELECT area_type, area_code, area_name, vintage, geometry FROM sources.area_boundary ORDER BY area_code"
    ).fetchall()
    census = f"{vintage % 100:02d}"
    # Two digits: those of the last century come before those of this one.
    newest = max(
        (year for kind, _, _, year, _ in rows if kind == "wd"), key=lambda y: (y < "71", y), default=""
    )
    areas = [
        (AREA_TYPES[kind], area, area_name if kind != "oa" else None, year, shapely.from_wkb(bytes(wkb)))
        for kind, area, area_name, year, wkb in rows
        if kind in AREA_TYPES and year == (newest if kind == "wd" else census)
    ]
    areas = [(kind, area, label, year, shapely.make_valid(shape)) for kind, area, label, year, shape in areas]
    blocks = [shape for kind, _, _, _, shape in areas if kind == "oa"]
    if blocks:
        areas.append(("authority", code, name, census, shapely.union_all(blocks, grid_size=0.01)))
    columns: dict[str, list[object]] = {column: [] for column in COLUMNS}
    inside = [shape.representative_point() for *_, shape in areas]
    longitudes, latitudes = to_degrees([p.x for p in inside], [p.y for p in inside]) if areas else ([], [])
    for (kind, area, label, year, shape), point, longitude, latitude in zip(
        areas, inside, longitudes, latitudes, strict=True
    ):
        parts = [part for part in shapely.get_parts(shape) if part.geom_type in {"Polygon", "MultiPolygon"}]
        polygons = [polygon for part in parts for polygon in shapely.get_parts(part)]
        values = (
            code, kind, area, label or area, year,
            f"{point.x:.2f}", f"{point.y:.2f}", f"{longitude:.7f}", f"{latitude:.7f}",
            f"{shape.area / 10_000:.2f}", shapely.to_wkb(shapely.MultiPolygon(polygons), byte_order=1),
        )  # fmt: skip
        for column, value in zip(columns, values, strict=True):
            columns[column].append(value)
    kinds = {name: pa.binary() if type_ == "BLOB" else pa.string() for name, (type_, _) in COLUMNS.items()}
    return pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
