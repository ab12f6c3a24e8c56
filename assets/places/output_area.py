"""The building blocks: one row per Output Area, with the larger areas that it belongs to.

By the publisher's lookup where there is one; else by the area in which a point inside the Output Area lies. Every
published geography of people's data is a union of whole Output Areas, by this table.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("oa_code",)
DEPENDS_ON = ("places.area", "sources.area_lookup", "sources.authority")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "oa_code": ("VARCHAR", "Output Area"),
    "lsoa_code": ("VARCHAR", "Lower layer Super Output Area"),
    "msoa_code": ("VARCHAR", "Middle layer Super Output Area"),
    "ward_code": ("VARCHAR", "electoral ward, best fit"),
    "method": ("VARCHAR", "`lookup`, or `point` where it was found by a point inside the Output Area"),
}


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The Output Areas as an Arrow table; a larger area that cannot be found is empty."""
    import numpy as np
    import shapely

    areas = con.execute(
        "SELECT area_type, area_code, CAST(easting AS DOUBLE), CAST(northing AS DOUBLE), geometry_wkb FROM places.area "
        "ORDER BY area_code"
    ).fetchall()
    blocks = [(code, shapely.Point(e, n)) for kind, code, e, n, _ in areas if kind == "oa"]
    known = {kind: {code for k, code, *_ in areas if k == kind} for kind in ("lsoa", "msoa", "ward")}
    # Lookups of several vintages may stand side by side: what they state counts where it is an area in use, and where
    # several do (a ward keeps its code when its boundary moves) that of the areas' own year, which comes last.
    lookup: dict[str, dict[str, str]] = {}
    for oa, *found in con.execute(
        "SELECT oa_code, lsoa_code, msoa_code, ward_code FROM sources.area_lookup "
        "ORDER BY coalesce(ward_vintage = (SELECT max(vintage) FROM places.area WHERE area_type = 'ward'), false), "
        "oa_code, lsoa_code, msoa_code, ward_code"
    ).fetchall():
        stated = {kind: code for kind, code in zip(known, found, strict=True) if code in known[kind]}
        lookup.setdefault(oa, {}).update(stated)
    authority = con.execute("SELECT authority_code FROM sources.authority").fetchall()[0][0]
    placed: dict[str, list[str | None]] = {}
    for kind in ("lsoa", "msoa", "ward"):
        larger = [(code, shapely.from_wkb(bytes(wkb))) for k, code, _, _, wkb in areas if k == kind]
        tree = shapely.STRtree([shape for _, shape in larger])
        placed[kind] = [None] * len(blocks)
        points = np.array([point for _, point in blocks], dtype=object)  # also where there are none
        for block, area in zip(*tree.query(points, predicate="intersects"), strict=True):
            placed[kind][block] = min(placed[kind][block] or larger[area][0], larger[area][0])
    columns: dict[str, list[str | None]] = {column: [] for column in COLUMNS}
    for i, (oa, _) in enumerate(blocks):
        stated = lookup.get(oa, {})
        values = [stated.get(kind) or placed[kind][i] for kind in ("lsoa", "msoa", "ward")]
        method = "lookup" if len(stated) == 3 else "point"
        for column, value in zip(columns, (authority, oa, *values, method), strict=True):
            columns[column].append(value)
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
