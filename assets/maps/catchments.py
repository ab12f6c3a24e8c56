"""Map of catchments: for planners who ask which site is nearest by road, how far it is, and what each has to bear.

How long the way is, area by area, is on the page `travel`; who is too far, on `gaps`.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import shapely
from markupsafe import escape

from pipelines import draw as drawing
from pipelines.draw.areas import to_longitude_latitude, tolerance_metres
from pipelines.draw.choropleth import folium_map, source_line, sources_fold
from pipelines.draw.classes import ramp
from pipelines.draw.page import leaflet_script, leaflet_style, own_script, render
from pipelines.draw.territories import beside, colours_apart, drawn_small
from pipelines.draw.travel import MODES, roads_fold, roads_of_release, speeds_fold

TITLE = "Catchments"
SENTENCE = (
    "Which library, surgery or other site is nearest by road, how far it is, and how many people it serves."
)
PLACE = 5  # in the gallery
DEPENDS_ON = (
    "published.catchment",
    "published.site_demand",
    "published.nearest_exchange",
    "published.nearest_compared",
    "published.travel_speed",
    "published.road_finding",
    "published.area",
    "published.road",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

BANDS = ("0-5", "5-10", "10-15", "15-20", "20-30")
BAND_COLOURS = ramp("YlOrBr", len(BANDS))
VERTICES = 70_000  # of all polygons: about half a megabyte of page
TOLERANCES = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0)  # times that of areas, until they are few enough
HOW = drawing.Fold(
    "How catchments are drawn",
    (
        "Each bit of road belongs to the site that is the quickest to reach from it, and ground to the road that is "
        "nearest, as far as 250 metres from it. Ground without any road near, or more than 30 minutes from every "
        "site, belongs to none and is left blank. A home counts by its own way, from door to door.",
        "A catchment drawn here is nobody's rule: it says what is near, not who may come, and people do not always "
        "go to the nearest. Neighbours have different colours; a colour that comes again means nothing.",
    ),
)
DEMAND = drawing.Fold(
    "How people are reckoned",
    (
        "Homes and people nearest: those for whom the site is the quickest to reach, however far. Each home holds as "
        "many people as the average home of its LSOA.",
        "People expected: by Huff's model (1963), nobody has to go to the nearest. Each site within 30 minutes draws "
        "people by what it can take, over the square of the time; where that is not known, all sites draw alike. "
        "Shares of each home add up to one. It is a model, not a count of who comes.",
        "Users, where the publisher tells of them (patients registered with a practice), are all of the site's, "
        "wherever they live.",
    ),
)


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON."""
    release, roads = drawing.read_release(con), roads_of_release(con)
    map_html, map_script = folium_map(con, (), ())
    withheld = drawing.Fold(
        "What is withheld, and why",
        (
            f"Nothing on this page, which is made of open data alone. Counts of records elsewhere: {release.rule}",
        ),
    )
    about_roads = [roads_fold(roads), speeds_fold(roads)] if roads else []
    folds = [HOW, DEMAND, *about_roads, withheld, sources_fold(release)]
    body = render(
        "catchments.html",
        warning=roads.warning
        if roads
        else "Catchments are by road, and this release has no roads: there is nothing to draw.",
        folds=folds,
        map_html=map_html,
        source_line=source_line(release),
        attribution_line=" ".join(release.attributions),
    )
    return drawing.Page(
        title=TITLE,
        sentence=SENTENCE,
        release=release,
        body=body,
        styles=[leaflet_style()],
        scripts=[leaflet_script(), map_script, own_script("map_view.js"), own_script("catchments.js")],
        data={
            "authority": release.authority_name,
            "modes": MODES,
            "bands": [[band, colour] for band, colour in zip(BANDS, BAND_COLOURS, strict=True)],
            "kinds": _kinds(con, release),
        },
        kind="map",
    ).html()


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small picture of the catchments of the first kind of site by its usual mode, as inline SVG."""
    found = _polygons(con)
    asked = con.execute(
        "SELECT site_kind, mode FROM published.site_demand ORDER BY site_kind, NOT is_usual_mode, mode LIMIT 1"
    ).fetchall()
    sites = found.get(asked[0], {}).get("nearest", []) if asked else []
    if not sites:
        return ""
    shapes = np.array([shape for *_, shape in sites], dtype=object)
    width, height = 320, 200
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(shapes))
    scale = min((width - 10) / max(east - west, 1), (height - 10) / max(north - south, 1))
    left, top = (width - (east - west) * scale) / 2, (height - (north - south) * scale) / 2
    paths = []
    colours = colours_apart(len(shapes), beside(shapes))
    for shape, colour in zip(shapely.coverage_simplify(shapes, 4 / scale), colours, strict=True):
        path = "".join(
            "M"
            + "L".join(
                f"{left + (e - west) * scale:.0f} {top + (north - n) * scale:.0f}"
                for e, n in ring.coords[:-1]
            )
            + "Z"
            for part in shapely.get_parts(shape)
            if part.area * scale * scale > 4
            for ring in (part.exterior, *part.interiors)
            if shapely.Polygon(ring).area * scale * scale > 4
        )
        paths.append(f'<path d="{path}" fill="{escape(colour)}"/>')
    return (
        f'<svg viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        f'<g stroke="#5c5c5c" stroke-width=".5" stroke-linejoin="round" fill-rule="evenodd">{"".join(paths)}</g></svg>'
    )


# --- what the page holds ----------------------------------------------------------------------------------------------


def _kinds(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> list[dict[str, Any]]:
    polygons = _polygons(con)
    tolerance = _tolerance(polygons)
    exchanged, compared = _exchanged(con), _compared(con)
    points = _points(con)
    kinds = []
    demand = con.execute(
        """
        SELECT site_kind, mode, is_usual_mode, site_id, coalesce(site_name, site_id), coalesce(capacity_of, ''),
            capacity, homes_nearest, people_nearest, homes_reaching, people_huff, published_users, people_per_capacity
        FROM published.site_demand ORDER BY site_kind, site_name, site_id, mode
        """
    ).fetchall()
    for kind in dict.fromkeys(row[0] for row in demand):
        rows = [row for row in demand if row[0] == kind]
        sites = list(dict.fromkeys(row[3] for row in rows))
        first = {row[3]: row for row in rows}
        facts = release.dataset(kind)
        title = facts.title if facts else kind.replace("_", " ").capitalize()
        modes = [mode for mode in MODES if any(row[1] == mode for row in rows)]
        ways = [
            _way(
                mode,
                sites,
                {row[3]: row for row in rows if row[1] == mode},
                polygons.get((kind, mode), {}),
                tolerance,
                exchanged.get((kind, mode), []),
                compared.get((kind, mode), []),
            )
            for mode in modes
        ]
        dated = f", as at {drawing.date_in_words(facts.last_as_at)}" if facts else ""
        kinds.append(
            {
                "id": kind,
                "title": title,
                "source": f"Sites: {title}{dated}.",
                "dated": dated.removeprefix(", "),
                "stale": facts.stale if facts else "",
                "usual": next((row[1] for row in rows if row[2]), modes[0]),
                "capacityOf": rows[0][5].replace("_", " "),
                "sites": [
                    [
                        site,
                        first[site][4],
                        _number(first[site][6]),
                        *points.get((kind, site), ("", None, None)),
                    ]
                    for site in sites
                ],
                "ways": ways,
            }
        )
    return kinds


def _way(
    mode: str,
    sites: list[str],
    demand: dict[str, tuple[Any, ...]],
    polygons: dict[str, list[tuple[str, int, Decimal, Any]]],
    tolerance: float,
    exchanged: list[tuple[str, str, str, str, str, int]],
    compared: list[tuple[str, int, int]],
) -> dict[str, Any]:
    """One kind of site by one mode, sites by their number in `sites`."""
    at = {site: number for number, site in enumerate(sites)}
    nearest, bands = polygons.get("nearest", []), polygons.get("bands", [])
    shapes = [shape for *_, shape in nearest]
    colours = colours_apart(len(shapes), beside(shapes))
    return {
        "mode": mode,
        # Homes and people nearest, homes within 30 minutes, people expected, published users, people for each unit.
        "demand": [[_number(value) for value in demand[site][7:]] for site in sites],
        "catchments": [
            [at[site], colour, homes, _number(hectares), rings]
            for (site, homes, hectares, _), colour, rings in zip(
                nearest, colours, drawn_small(shapes, tolerance), strict=True
            )
            if site in at
        ],
        "bands": [
            [BANDS.index(band), homes, _number(hectares), rings]
            for (band, homes, hectares, _), rings in zip(
                bands, drawn_small([shape for *_, shape in bands], tolerance), strict=True
            )
        ],
        # (against, the other answer's site, its name, by road, homes): for how many homes these two differ.
        "exchanged": [
            [against, at.get(other, -1), other_name, at.get(site, -1), homes]
            for against, other, other_name, site, _, homes in exchanged
        ],
        "compared": [list(row) for row in compared],
    }


def _polygons(
    con: duckdb.DuckDBPyConnection,
) -> dict[tuple[str, str], dict[str, list[tuple[str, int, Decimal, Any]]]]:
    """{(kind, mode): {'nearest' | 'bands': [(site or band, homes, hectares, polygon)]}}."""
    rows = con.execute(
        """
        SELECT site_kind, mode, site_id, band, homes, hectares, geometry_wkb FROM published.catchment
        ORDER BY site_kind, mode, site_id, band
        """
    ).fetchall()
    found: dict[tuple[str, str], dict[str, list[tuple[str, int, Decimal, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for kind, mode, site, band, homes, hectares, wkb in rows:
        which, key = ("nearest", site) if band == "nearest" else ("bands", band)
        shape = shapely.from_wkb(bytes(wkb)) if wkb is not None else shapely.MultiPolygon()
        found[kind, mode][which].append((key, homes, hectares, shape))
    for ways in found.values():
        ways["bands"].sort(key=lambda row: BANDS.index(row[0]))
    return found


def _tolerance(
    polygons: dict[tuple[str, str], dict[str, list[tuple[str, int, Decimal, Any]]]],
) -> float:
    """Metres by which polygons are simplified, so that all of them fit in the page."""
    groups = [
        np.array([shape for *_, shape in rows], dtype=object)
        for ways in polygons.values()
        for rows in ways.values()
    ]
    groups = [group for group in groups if len(group)]
    if not groups:
        return 10.0
    least = tolerance_metres(np.concatenate(groups))
    for times in TOLERANCES:
        drawn = sum(
            int(shapely.get_num_coordinates(shapely.coverage_simplify(group, least * times)).sum())
            for group in groups
        )
        if drawn <= VERTICES:
            break
    return least * times


def _exchanged(
    con: duckdb.DuckDBPyConnection,
) -> dict[tuple[str, str], list[tuple[str, str, str, str, str, int]]]:
    rows = con.execute(
        """
        SELECT site_kind, mode, against, other_site, coalesce(other_site_name, other_site), site,
            coalesce(site_name, site), homes
        FROM published.nearest_exchange ORDER BY site_kind, mode, against DESC, homes DESC, other_site, site
        """
    ).fetchall()
    found = defaultdict(list)
    for kind, mode, *rest in rows:
        found[kind, mode].append(tuple(rest))
    return found


def _compared(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[tuple[str, int, int]]]:
    rows = con.execute(
        """
        SELECT site_kind, mode, against, homes_compared, homes_other_site FROM published.nearest_compared
        WHERE area_type IN ('authority', 'lad') ORDER BY site_kind, mode, against DESC
        """
    ).fetchall()
    found = defaultdict(list)
    for kind, mode, *rest in rows:
        found[kind, mode].append(tuple(rest))
    return found


def _points(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[str, float, float]]:
    """{(kind, site): (how precise its place is, longitude, latitude)} of the sites that have coordinates."""
    rows = con.execute(
        """
        SELECT site_kind, site_id, coalesce(precision, ''), easting, northing FROM published.site
        WHERE easting IS NOT NULL AND northing IS NOT NULL ORDER BY site_kind, site_id
        """
    ).fetchall()
    degrees = to_longitude_latitude(np.array([row[3:] for row in rows], dtype=float).reshape(-1, 2))
    return {
        (kind, site): (precision, float(point[0]), float(point[1]))
        for (kind, site, precision, *_), point in zip(rows, degrees, strict=True)
    }


def _number(value: Decimal | int | None) -> int | float | None:
    """A number that JSON writes in its shortest form."""
    if value is None:
        return None
    return int(value) if value == int(value) else float(value)
