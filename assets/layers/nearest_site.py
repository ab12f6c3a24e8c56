"""Nearest site in a straight line: one row per home (or place of a tally of homes) and kind of site. Restricted.

Straight lines cross rivers and railways: this is a first look, not a travel time.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("place", "site_kind")
DEPENDS_ON = ("layers.site", "places.home", "sources.authority")
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "place": ("VARCHAR", "the home, as in places.home"),
    "site_kind": ("VARCHAR", "kind of site"),
    "site_id": ("VARCHAR", "the nearest site of the kind; the first by id where two are equally near"),
    "metres": ("BIGINT", "straight-line distance, metres, to the nearest metre"),
}
EQUALLY_NEAR = 8  # how many sites of a kind may stand at the very same distance and still be told apart


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The nearest sites as an Arrow table; homes without coordinates have no row."""
    import numpy as np
    from scipy.spatial import cKDTree

    authority = con.execute("SELECT authority_code FROM sources.authority").fetchall()[0][0]
    homes = con.sql(
        "SELECT place, CAST(easting AS DOUBLE) AS e, CAST(northing AS DOUBLE) AS n FROM places.home "
        "WHERE easting IS NOT NULL ORDER BY place"
    ).to_arrow_table()
    sites = con.execute(
        "SELECT site_kind, site_id, CAST(easting AS DOUBLE), CAST(northing AS DOUBLE) FROM layers.site ORDER BY ALL"
    ).fetchall()
    origins = np.column_stack([homes["e"].to_numpy(), homes["n"].to_numpy()])
    parts = []
    for kind in sorted({site[0] for site in sites}):
        of_kind = [site for site in sites if site[0] == kind]
        # Of those equally near, the first by id.
        among = range(1, min(len(of_kind), EQUALLY_NEAR) + 1)
        distances, found = cKDTree([(e, n) for _, _, e, n in of_kind]).query(origins, k=among)
        metres = distances[:, 0]
        nearest = np.where(distances == distances[:, :1], found, len(of_kind)).min(axis=1)
        parts.append(
            pa.table(
                {
                    "authority_code": pa.array([authority] * len(homes), pa.string()),
                    "place": homes["place"],
                    "site_kind": pa.array([kind] * len(homes), pa.string()),
                    "site_id": pa.array([of_kind[i][1] for i in nearest], pa.string()),
                    "metres": pa.array(np.rint(metres).astype(np.int64)),
                }
            )
        )
    empty = pa.schema(
        [(name, pa.int64() if type_ == "BIGINT" else pa.string()) for name, (type_, _) in COLUMNS.items()]
    )
    return pa.concat_tables(parts) if parts else empty.empty_table()
