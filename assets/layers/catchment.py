"""Catchments on the ground: one polygon per kind of site, mode of travel and nearest site, and one per band of time.

A bit of road belongs to the site that is nearest from it, ground to the nearest road, as far as 250 metres from it;
what is farther than 30 minutes from every site, or beyond the authority, belongs to none. The polygons of the sites
share their edges, and so do those of the bands; both cover the same ground.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from pipelines.tables import table_of_rows

if TYPE_CHECKING:
    from pipelines.travel.network import Network
    from pipelines.travel.snapping import Snapped

KEY = ("site_kind", "mode", "site_id", "band")
DEPENDS_ON = (
    "layers.road_link",
    "layers.site",
    "layers.snapped",
    "layers.travel_time",
    "places.area",
    "places.home",
    "services.site_kind",
    "sources.authority",
)
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "site_kind": ("VARCHAR", "kind of site"),
    "mode": ("VARCHAR", "walk, cycle or drive"),
    "site_id": ("VARCHAR", "the site to which this ground is nearest; empty in a band of time, which is of all sites"),
    "site_name": ("VARCHAR", "its name; empty in a band of time"),
    "band": ("VARCHAR", "`nearest` (up to 30 minutes), or minutes by road to the nearest site: 0-5, 5-10, ... 20-30"),
    "homes": ("BIGINT", "homes with that nearest site, or in that band, by the time from door to door"),
    "hectares": ("DECIMAL(18, 2)", "area, hectares"),
    "geometry_wkb": ("BLOB", "multipolygon, WKB, EPSG:27700; empty for a band in which homes are and no road is"),
}  # fmt: skip
BOUNDS = (5, 10, 15, 20, 30)  # minutes
BANDS = tuple(f"{low}-{high}" for low, high in zip((0, *BOUNDS), BOUNDS, strict=False))
NEAREST = "nearest"
BAND_OF = " ".join(
    f"WHEN travel.seconds <= {60 * most} THEN '{band}'" for most, band in zip(BOUNDS, BANDS, strict=True)
)
HOMES = f"""
    SELECT
        travel.site_kind, travel.mode, travel.site_id,
        CASE {BAND_OF} END AS band,
        CAST(sum(home.homes) AS BIGINT) AS homes
    FROM layers.travel_time AS travel
    JOIN places.home AS home USING (place)
    WHERE travel.nth = 1 AND travel.seconds <= {60 * BOUNDS[-1]}
    GROUP BY ALL
"""


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The polygons as an Arrow table; none where there are no roads. A site that no ground is nearest to has no row.

    A band of time in which there are homes, and no ground by a road, has its homes and no polygon.
    """
    import shapely

    from pipelines.travel.places import snapped_from_table
    from pipelines.travel.roads import network_from_table

    network = network_from_table(con.sql("FROM layers.road_link"))
    ((authority,),) = con.execute("SELECT authority_code FROM sources.authority").fetchall()
    borders = con.execute("SELECT geometry_wkb FROM places.area WHERE area_type = 'authority'").fetchall()
    within = shapely.from_wkb(bytes(borders[0][0])) if borders else None
    names = dict(con.execute("SELECT (site_kind, site_id), name FROM layers.site ORDER BY ALL").fetchall())
    asked = con.execute(
        """
        SELECT kind.site_kind, kind.direction, mode.mode
        FROM services.site_kind AS kind
        CROSS JOIN (SELECT DISTINCT mode FROM layers.snapped) AS mode
        SEMI JOIN layers.site AS site ON site.site_kind = kind.site_kind
        ORDER BY ALL
        """
    ).fetchall()
    at = [
        snapped_from_table(
            con.sql(
                "SELECT * FROM layers.snapped WHERE mode = ? AND what = 'site' AND starts_with(place, ?)",
                params=[mode, f"{kind} "],
            ),
            network,
        )
        for kind, _, mode in asked
    ]
    homes: dict[tuple[str, str, str, str], int] = {}
    for kind, mode, site, band, count in con.execute(HOMES).fetchall():
        for key in ((kind, mode, site, NEAREST), (kind, mode, "", band)):
            homes[key] = homes.get(key, 0) + count
    rows: list[tuple[Any, ...]] = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        # Shapely and scipy work without Python's lock; results come in the order asked for.
        grounds = threads.map(
            lambda one: _ground(network, one[0][2], one[1][1], one[0][1], within), zip(asked, at, strict=True)
        )
        for (kind, _, mode), (places, _), (of_sites, of_bands) in zip(asked, at, grounds, strict=True):
            sites = [place.removeprefix(f"{kind} ") for place in places]
            keyed = [(kind, mode, sites[i], NEAREST, shape) for i, shape in of_sites.items()]
            keyed += [(kind, mode, "", BANDS[i], shape) for i, shape in of_bands.items()]
            for _, _, site, band, shape in keyed:
                name = names.get((kind, site))
                area = f"{shape.area / 10_000:.2f}"
                many = shapely.MultiPolygon(list(shapely.get_parts(shape)))
                wkb = shapely.to_wkb(many, byte_order=1)
                inside = homes.get((kind, mode, site, band), 0)
                rows.append((authority, kind, mode, site, name, band, inside, area, wkb))
            for i, band in enumerate(BANDS):
                if i not in of_bands and (inside := homes.get((kind, mode, "", band), 0)):
                    rows.append((authority, kind, mode, "", None, band, inside, "0.00", None))
    return table_of_rows(COLUMNS, rows)


def _ground(
    network: Network, mode: str, sites: Snapped, direction: str, within: Any
) -> tuple[dict[int, Any], dict[int, Any]]:
    """{row of the site: its polygon} and {number of the band: its polygon}."""
    import numpy as np
    import shapely

    from pipelines.travel.catchment import catchments, in_bands
    from pipelines.travel.routing import reached

    seconds = [60.0 * minutes for minutes in BOUNDS]
    found = reached(
        network,
        mode,
        sites,
        towards="sites" if direction == "to_site" else "homes",
        limit_seconds=seconds[-1],
    )
    cut, band = in_bands(found, seconds)
    # Drawn once, by site and band; each is put together from the same pieces.
    pieces = catchments(network, cut, np.where(band < 0, -1, cut.site * len(BANDS) + band), within=within)
    site_of, band_of = pieces.owner // len(BANDS), pieces.owner % len(BANDS)
    of_sites, of_bands = (
        {
            int(one): shapely.normalize(shapely.coverage_union_all(pieces.polygon[of == one]))
            for one in np.unique(of)
        }
        for of in (site_of, band_of)
    )
    return of_sites, of_bands
