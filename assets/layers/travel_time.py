"""The way to the nearest sites by road: one row per property (or tally of homes), mode, kind and rank. Restricted.

From door to door: from the place to the road, along the roads, and from the road to the site. A place from which no
site can be reached has one row that says why.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.tables import table_of_rows

KEY = ("place", "mode", "site_kind", "nth")
DEPENDS_ON = ("layers.road_link", "layers.site", "layers.snapped", "services.site_kind", "sources.authority")
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "place": ("VARCHAR", "the property or tally of homes, as in places.home"),
    "mode": ("VARCHAR", "walk, cycle or drive"),
    "site_kind": ("VARCHAR", "kind of site"),
    "nth": ("BIGINT", "1 for the nearest site, 2 for the second nearest, 3 for the third"),
    "site_id": ("VARCHAR", "the site; empty where none can be reached"),
    "seconds": ("DECIMAL(9, 1)", "time from door to door, seconds"),
    "minutes": ("DECIMAL(9, 2)", "the same in minutes"),
    "metres": ("BIGINT", "length of that way, to the nearest metre; another way may be shorter and slower"),
    "why_not": ("VARCHAR", "why no site can be reached: `no road within reach`, or `no way to a site`"),
}
NEAREST = 3


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The times as an Arrow table; none where there are no roads."""
    import numpy as np

    from pipelines.travel.places import snapped_from_table
    from pipelines.travel.roads import network_from_table
    from pipelines.travel.routing import Towards, nearest

    network = network_from_table(con.sql("FROM layers.road_link"))
    ((authority,),) = con.execute("SELECT authority_code FROM sources.authority").fetchall()
    kinds = con.execute(
        "SELECT site_kind, direction FROM services.site_kind SEMI JOIN layers.site USING (site_kind) ORDER BY site_kind"
    ).fetchall()
    modes = con.execute("SELECT DISTINCT mode FROM layers.snapped ORDER BY mode").fetchall()
    parts = []
    for (mode,) in modes:
        places, homes = snapped_from_table(
            con.sql(
                "SELECT * FROM layers.snapped WHERE mode = ? AND what IN ('property', 'tally')", params=[mode]
            ),
            network,
        )
        for kind, direction in kinds:
            names, sites = snapped_from_table(
                con.sql(
                    "SELECT * FROM layers.snapped WHERE mode = ? AND what = 'site' AND starts_with(place, ?)",
                    params=[mode, f"{kind} "],
                ),
                network,
            )
            towards: Towards = "sites" if direction == "to_site" else "homes"
            found = nearest(network, mode, homes, sites, n=NEAREST, towards=towards)
            # Every place has its nearest, be it none; a further one only where there is one.
            at, nth = np.nonzero((found.site >= 0) | (np.arange(NEAREST) == 0))
            site = found.site[at, nth]
            reached = site >= 0
            seconds, metres = found.seconds[at, nth], found.metres[at, nth]
            why = np.where(homes.link[at] < 0, "no road within reach", "no way to a site")
            references = np.array([name.removeprefix(f"{kind} ") for name in names] or [""], object)
            parts.append(
                pa.table(
                    {
                        "authority_code": pa.array([authority] * len(at), pa.string()),
                        "place": pa.array(places[at], pa.string()),
                        "mode": pa.array([mode] * len(at), pa.string()),
                        "site_kind": pa.array([kind] * len(at), pa.string()),
                        "nth": pa.array(nth + 1),
                        "site_id": pa.array(
                            references[np.where(reached, site, 0)], pa.string(), mask=~reached
                        ),
                        "seconds": pa.array(seconds, mask=~reached),
                        "minutes": pa.array(seconds / 60, mask=~reached),
                        "metres": pa.array(
                            np.rint(np.where(reached, metres, 0)).astype(np.int64), mask=~reached
                        ),
                        "why_not": pa.array(why, pa.string(), mask=reached),
                    }
                )
            )
    return pa.concat_tables(parts) if parts else table_of_rows(COLUMNS, [])
