"""Where each place meets the road: one row per property, tally of homes, postcode or site, and mode. Restricted.

Each is on the nearest link that the mode may use, at the nearest point of it: not at a crossing. What is far from any
road, or across water from it, is said.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.tables import table_of_rows
from pipelines.travel.places import COLUMNS, table_of, walking_pace

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

KEY = ("what", "place", "mode")
DEPENDS_ON = (
    "layers.road_link",
    "places.home",
    "places.postcode",
    "places.site",
    "places.uprn",
    "sources.os_open_rivers",
    "sources.travel_rule",
)
USE = "impersonal"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The places on their links as an Arrow table; none where there are no roads."""
    import numpy as np
    import shapely

    from pipelines.travel.network import MODES
    from pipelines.travel.roads import network_from_table, rule_of
    from pipelines.travel.snapping import Pieces, snap

    network = network_from_table(con.sql("FROM layers.road_link"))
    authority, rule = rule_of(con.sql("FROM sources.travel_rule"))
    places = con.sql(PLACES).to_arrow_table()
    at = np.column_stack([places["e"].to_numpy(), places["n"].to_numpy()])
    water = con.execute("SELECT geometry FROM sources.os_open_rivers ORDER BY ALL").fetchall()
    rivers = shapely.from_wkb(np.array([bytes(wkb) for (wkb,) in water], object))
    parts = []
    for mode in MODES if len(network.start) else ():
        pieces = Pieces(network, mode)
        found = snap(
            at, network, mode,
            barriers=rivers, walk_kmh=walking_pace(rule), far_metres=rule.snap_metres, pieces=pieces,
        )  # fmt: skip
        parts.append(table_of(authority, mode, network, places, found))
    return pa.concat_tables(parts) if parts else table_of_rows(COLUMNS, [])


PLACES = """
    SELECT 'property' AS what, 'uprn ' || uprn AS place, CAST(easting AS DOUBLE) AS e, CAST(northing AS DOUBLE) AS n
    FROM places.uprn WHERE easting IS NOT NULL
    UNION ALL
    SELECT 'tally', place, CAST(easting AS DOUBLE), CAST(northing AS DOUBLE)
    FROM places.home WHERE easting IS NOT NULL AND NOT starts_with(place, 'uprn ')
    UNION ALL
    SELECT 'postcode', postcode, CAST(easting AS DOUBLE), CAST(northing AS DOUBLE)
    FROM places.postcode WHERE easting IS NOT NULL
    UNION ALL
    SELECT 'site', site_kind || ' ' || site_id, CAST(easting AS DOUBLE), CAST(northing AS DOUBLE)
    FROM places.site WHERE easting IS NOT NULL
    ORDER BY what, place
"""
