"""Every geography that the authority's files know, by whole Output Areas: one row per geography and Output Area.

A geography is a kind of area of one year: `ward 2025`, `lsoa 2011`. Those in use are as `places.output_area` has them;
others come from the boundaries of any year (the area in which a point inside the Output Area lies) or, where there are
none of that year, from the publisher's lookups. An Output Area is never cut, so that figures of one geography are
sums of the same parts as those of another; where an area of another year cuts one, the fit is the best there is.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("geography", "oa_code")
DEPENDS_ON = (
    "places.area",
    "places.output_area",
    "sources.area_boundary",
    "sources.area_lookup",
    "sources.authority",
)
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "geography": ("VARCHAR", "kind of area and its year, such as `ward 2025`"),
    "area_type": ("VARCHAR", "oa, lsoa, msoa, ward or lad"),
    "vintage": ("VARCHAR", "year of the areas, four digits"),
    "is_in_use": ("BOOLEAN", "whether it is one of those that the published figures are given for"),
    "oa_code": ("VARCHAR", "Output Area, of those in use"),
    "area_code": (
        "VARCHAR",
        "GSS code of the area that it is counted in; empty where it lies in none that is known",
    ),
    "area_name": ("VARCHAR", "name of the area; its code where it has no name"),
    "method": (
        "VARCHAR",
        "`lookup`, or `point` where it was found by a point inside the Output Area; of those in use as in "
        "places.output_area",
    ),
}
KINDS = {"oa": "oa", "lsoa": "lsoa", "msoa": "msoa", "wd": "ward", "lad": "lad"}
IN_USE = ("lsoa", "msoa", "ward")


def full_year(vintage: str) -> str:
    """The year, four digits, that two digits in a publisher's header stand for: from 1971 to 2070."""
    return f"{'19' if int(vintage) > 70 else '20'}{int(vintage):02d}"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The geographies as an Arrow table; empty where there are no Output Areas."""
    import numpy as np
    import shapely

    from pipelines.tables import table_of_rows

    (authority,) = con.execute("SELECT authority_code FROM sources.authority").fetchall()[0]
    blocks = con.execute(
        "SELECT area_code, CAST(easting AS DOUBLE), CAST(northing AS DOUBLE) FROM places.area WHERE area_type = 'oa' "
        "ORDER BY area_code"
    ).fetchall()
    points = np.array([shapely.Point(e, n) for _, e, n in blocks], dtype=object)
    # geography (kind, year): Output Area: (area, name, method)
    found: dict[tuple[str, str], dict[str, tuple[str | None, str | None, str]]] = {}
    in_use = set(
        con.execute(
            "SELECT DISTINCT area_type, vintage FROM places.area WHERE area_type <> 'authority'"
        ).fetchall()
    )
    boundaries = con.execute(
        "SELECT area_type, vintage, area_code, area_name, geometry FROM sources.area_boundary ORDER BY ALL"
    ).fetchall()
    shapes: dict[tuple[str, str], list[tuple[str, str | None, bytes]]] = {}
    for kind, vintage, code, name, wkb in boundaries:
        if kind in KINDS and (KINDS[kind], vintage) not in in_use:
            shapes.setdefault((KINDS[kind], vintage), []).append((code, name, wkb))
    for (kind, vintage), areas in shapes.items():
        polygons = [shapely.make_valid(shapely.from_wkb(bytes(wkb))) for *_, wkb in areas]
        by_block, by_area = shapely.STRtree(polygons).query(points, predicate="intersects")
        lies_in: dict[int, int] = {}
        for block, area in zip(by_block.tolist(), by_area.tolist(), strict=True):
            lies_in[block] = min(lies_in.get(block, area), area)  # in order of code
        found[kind, vintage] = {
            blocks[block][0]: (areas[area][0], areas[area][1] or areas[area][0], "point")
            for block, area in lies_in.items()
        }
    known = {code for code, *_ in blocks}
    lookup: dict[tuple[str, str], dict[str, tuple[str | None, str | None, str]]] = {}
    for kind in ("lsoa", "msoa", "ward", "lad"):
        rows = con.execute(
            f"SELECT {kind}_vintage, oa_code, {kind}_code FROM sources.area_lookup "
            f"WHERE {kind}_vintage IS NOT NULL AND {kind}_code IS NOT NULL ORDER BY ALL"
        ).fetchall()
        for vintage, oa, area in rows:
            if oa in known and (kind, vintage) not in in_use and (kind, vintage) not in found:
                lookup.setdefault((kind, vintage), {})[oa] = (area, area, "lookup")
    for kind, vintage in sorted(one for one in in_use if one[0] in IN_USE):
        used = con.execute(
            f"SELECT oa_code, {kind}_code, area_name, method FROM places.output_area LEFT JOIN places.area AS area "
            f"ON area.area_type = ? AND area.area_code = {kind}_code WHERE coalesce(area.vintage, ?) = ?",
            [kind, vintage, vintage],
        ).fetchall()
        found[kind, vintage] = {oa: (code, name, method) for oa, code, name, method in used}
    every = {**lookup, **found}
    made = [
        (authority, f"{kind} {full_year(vintage)}", kind, full_year(vintage), (kind, vintage) in in_use, oa,
         *every[kind, vintage].get(oa, (None, None, "point")))
        for kind, vintage in every
        if every[kind, vintage]
        for oa in sorted(known)
    ]  # fmt: skip
    return table_of_rows(COLUMNS, sorted(made, key=lambda row: (row[1], row[5])))
