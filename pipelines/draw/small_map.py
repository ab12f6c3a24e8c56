"""Small maps without a script: areas in given colours, with the sites of a kind, as inline SVG of a few kilobytes.

Here: geometry and marks. Which colour an area has, and what a legend says of it, is for who calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import shapely
from markupsafe import escape

from pipelines.draw.areas import read_polygons, simplify_coverage

WITHOUT_FIGURE = "#cfcfcf"
MARGIN = 5  # of the picture's own units


@dataclass(frozen=True)
class Outlines:
    """The areas of one kind as paths of an SVG of `size` (width, height), by area code, and where points lie in it."""

    size: tuple[int, int]
    paths: Mapping[str, str]
    left: float
    top: float
    west: float
    north: float
    scale: float

    def point(self, easting: float, northing: float) -> tuple[int, int]:
        """A point of EPSG:27700 in the picture's own units."""
        x = round(self.left + (easting - self.west) * self.scale)
        return x, round(self.top + (self.north - northing) * self.scale)


def read_outlines(con: duckdb.DuckDBPyConnection, area_type: str, size: tuple[int, int]) -> Outlines | None:
    """The areas of `area_type` in `published.area`, simplified for that size; None where there are none."""
    rows = con.execute(
        "SELECT area_code, geometry_wkb FROM published.area WHERE area_type = ? ORDER BY area_code",
        [area_type],
    ).fetchall()
    if not rows:
        return None
    width, height = size
    polygons = read_polygons(rows)
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(polygons))
    scale = min((width - 2 * MARGIN) / max(east - west, 1), (height - 2 * MARGIN) / max(north - south, 1))
    left, top = (width - (east - west) * scale) / 2, (height - (north - south) * scale) / 2
    found = Outlines(size, {}, left, top, west, north, scale)

    def path(polygon: shapely.MultiPolygon) -> str:
        return "".join(
            "M" + "L".join("{} {}".format(*found.point(*at)) for at in ring.coords[:-1]) + "Z"
            for part in shapely.get_parts(polygon)
            for ring in (part.exterior, *part.interiors)
        )

    simple = simplify_coverage(polygons, 1.5 / scale)
    return replace(found, paths={code: path(one) for (code, _), one in zip(rows, simple, strict=True)})


def shared_paths(outlines: Outlines, name: str) -> str:
    """The paths as an SVG without any picture, for the pictures of one page to share: each is `name` and its number."""
    paths = "".join(f'<path id="{name}{at}" d="{path}"/>' for at, path in enumerate(outlines.paths.values()))
    return f'<svg class="shared-paths" width="0" height="0" aria-hidden="true"><defs>{paths}</defs></svg>'


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
    outlines = read_outlines(con, area_type, size)
    if outlines is None:
        return ""
    return draw_outlines(con, outlines, colours, site_kind=site_kind, titles=titles, label=label)


def draw_outlines(
    con: duckdb.DuckDBPyConnection,
    outlines: Outlines,
    colours: Mapping[str, str],
    *,
    site_kind: str = "",
    titles: Mapping[str, str] | None = None,
    label: str = "",
    shared: str = "",
) -> str:
    """As `draw_small_map`, of outlines read before; `shared` is the name of those of the `shared_paths` of the page."""
    shapes = []
    for at, (code, path) in enumerate(outlines.paths.items()):
        kind, what = ("use", f'href="#{shared}{at}"') if shared else ("path", f'd="{path}"')
        shape = f'<{kind} {what} fill="{colours.get(code, WITHOUT_FIGURE)}"'
        title = (titles or {}).get(code, "")
        shapes.append(f"{shape}><title>{escape(title)}</title></{kind}>" if title else f"{shape}/>")
    sites = con.execute(
        """
        SELECT easting, northing FROM published.site
        WHERE site_kind = ? AND easting IS NOT NULL AND northing IS NOT NULL ORDER BY easting, northing, site_id
        """,
        [site_kind],
    ).fetchall()
    points = [outlines.point(float(easting), float(northing)) for easting, northing in sites]
    dots = [f'<circle cx="{x}" cy="{y}" r="3"/>' for x, y in points]
    width, height = outlines.size
    read_as = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return (
        f'<svg viewBox="0 0 {width} {height}" {read_as} focusable="false">'
        f'<g stroke="#5c5c5c" stroke-width=".5" stroke-linejoin="round">{"".join(shapes)}</g>'
        f'<g fill="#fff" stroke="#000" stroke-width="1.5">{"".join(dots)}</g></svg>'
    )
