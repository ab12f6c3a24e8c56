"""Small maps without a script: areas in given colours, with the sites of a kind, as inline SVG of a few kilobytes.

Here: geometry and marks. Which colour an area has, and what a legend says of it, is for who calls.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import shapely
from markupsafe import escape

from pipelines.draw.areas import read_polygons, simplify_coverage

WITHOUT_FIGURE = "#cfcfcf"
MARGIN = 5  # of the picture's own units


def draw_small_map(
    con: duckdb.DuckDBPyConnection,
    area_type: str,
    colours: Mapping[str, str],
    size: tuple[int, int],
    *,
    site_kind: str = "",
    titles: Mapping[str, str] | None = None,
    label: str = "",
) -> str:
    """The areas of `area_type` in `published.area` as an SVG of `size` (width, height); empty where there are none.

    `colours` are by area code; an area without one is grey. `titles` appear when a pointer rests on an area; `label` is
    what a screen reader says of the picture, which is passed over without one.
    """
    rows = con.execute(
        "SELECT area_code, geometry_wkb FROM published.area WHERE area_type = ? ORDER BY area_code",
        [area_type],
    ).fetchall()
    if not rows:
        return ""
    width, height = size
    polygons = read_polygons(rows)
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(polygons))
    scale = min((width - 2 * MARGIN) / max(east - west, 1), (height - 2 * MARGIN) / max(north - south, 1))
    left, top = (width - (east - west) * scale) / 2, (height - (north - south) * scale) / 2

    def x(easting: float) -> int:
        return round(left + (easting - west) * scale)

    def y(northing: float) -> int:
        return round(top + (north - northing) * scale)

    shapes = []
    for (code, _), polygon in zip(rows, simplify_coverage(polygons, 1.5 / scale), strict=True):
        path = "".join(
            "M" + "L".join(f"{x(easting)} {y(northing)}" for easting, northing in ring.coords[:-1]) + "Z"
            for part in shapely.get_parts(polygon)
            for ring in (part.exterior, *part.interiors)
        )
        shape = f'<path d="{path}" fill="{colours.get(code, WITHOUT_FIGURE)}"'
        title = (titles or {}).get(code, "")
        shapes.append(f"{shape}><title>{escape(title)}</title></path>" if title else f"{shape}/>")
    sites = con.execute(
        """
        SELECT easting, northing FROM published.site
        WHERE site_kind = ? AND easting IS NOT NULL AND northing IS NOT NULL ORDER BY easting, northing, site_id
        """,
        [site_kind],
    ).fetchall()
    dots = [
        f'<circle cx="{x(float(easting))}" cy="{y(float(northing))}" r="3"/>' for easting, northing in sites
    ]
    read_as = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return (
        f'<svg viewBox="0 0 {width} {height}" {read_as} focusable="false">'
        f'<g stroke="#5c5c5c" stroke-width=".5" stroke-linejoin="round">{"".join(shapes)}</g>'
        f'<g fill="#fff" stroke="#000" stroke-width="1.5">{"".join(dots)}</g></svg>'
    )
