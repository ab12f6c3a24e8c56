"""Which site each home belongs to by what others publish: one row per home, kind of site and site. Restricted.

Of the kinds of sites whose description names a `catchment`. By `gp_registered_patients` a home belongs to the
practice with which most patients of its LSOA are registered; by `catchment_area` to each site whose area it lies in, of
which there may be several, or none. Counts of other people's publications, not of anybody's records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

KEY = ("place", "site_kind", "site_id")
DEPENDS_ON = (
    "layers.site",
    "places.home",
    "services.site_kind",
    "sources.authority",
    "sources.catchment_area",
    "sources.gp_registered_patients",
)
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "place": ("VARCHAR", "the home, as in places.home"),
    "site_kind": ("VARCHAR", "kind of site"),
    "site_id": ("VARCHAR", "the site that is published, by its reference"),
    "is_listed": (
        "BOOLEAN",
        "whether it is among the sites that could be placed; a practice across the border is not",
    ),
    "percent": ("DECIMAL(5, 1)", "share of the LSOA's registered patients; 100 in an area that is drawn"),
}
# The leading practice of each LSOA: by patients, of those with equally many the first by code.
LEADING = """
    WITH led_by AS (
        SELECT
            area_code AS lsoa_code,
            upper(trim(site_reference)) AS site_id,
            CAST(100 * patients / sum(patients) OVER (PARTITION BY area_code) AS DECIMAL(5, 1)) AS percent
        FROM sources.gp_registered_patients
        WHERE patients > 0
        QUALIFY row_number() OVER (PARTITION BY area_code ORDER BY patients DESC, upper(trim(site_reference))) = 1
    )
    SELECT home.place, led_by.site_id, led_by.percent
    FROM places.home AS home
    JOIN led_by USING (lsoa_code)
    ORDER BY ALL
"""


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The homes with what is published of them as an Arrow table; homes of which nothing is have no row."""
    ((authority,),) = con.execute("SELECT authority_code FROM sources.authority").fetchall()
    kinds = con.execute(
        "SELECT site_kind, catchment FROM services.site_kind WHERE catchment IS NOT NULL ORDER BY ALL"
    )
    found: list[tuple[str, str, str, bool, Any]] = []
    for kind, catchment in kinds.fetchall():
        listed = {
            reference.strip().upper(): reference
            for (reference,) in con.execute(
                "SELECT site_id FROM layers.site WHERE site_kind = ? ORDER BY site_id", [kind]
            ).fetchall()
        }
        rows = con.execute(LEADING).fetchall() if catchment == "gp_registered_patients" else _drawn(con, kind)
        found += [
            (place, kind, listed.get(site, site), site in listed, percent) for place, site, percent in rows
        ]
    columns: Sequence[Sequence[Any]] = list(zip(*found, strict=True)) or [[]] * 5
    place, kind_of, site, is_listed, percent = columns
    return pa.table(
        {
            "authority_code": pa.array([authority] * len(found), pa.string()),
            "place": pa.array(place, pa.string()),
            "site_kind": pa.array(kind_of, pa.string()),
            "site_id": pa.array(site, pa.string()),
            "is_listed": pa.array(is_listed, pa.bool_()),
            "percent": pa.array(percent, pa.decimal128(5, 1)),
        }
    )


def _drawn(con: duckdb.DuckDBPyConnection, kind: str) -> list[tuple[str, str, int]]:
    """Each home that lies in an area drawn for sites of a kind, on its edge or inside, and the site."""
    import numpy as np
    import shapely

    areas = con.execute(
        "SELECT upper(trim(site_reference)), geometry FROM sources.catchment_area "
        "WHERE coalesce(trim(site_kind), ?) = ? ORDER BY ALL",
        [kind, kind],
    ).fetchall()
    homes = con.sql(
        "SELECT place, CAST(easting AS DOUBLE) AS e, CAST(northing AS DOUBLE) AS n FROM places.home "
        "WHERE easting IS NOT NULL ORDER BY place"
    ).to_arrow_table()
    shapes = shapely.make_valid(shapely.from_wkb(np.array([bytes(wkb) for _, wkb in areas], object)))
    at = shapely.points(homes["e"].to_numpy(), homes["n"].to_numpy())
    home, area = shapely.STRtree(shapes).query(at, predicate="intersects")
    place = homes["place"].to_pylist()
    return sorted({(place[i], areas[j][0], 100) for i, j in zip(home.tolist(), area.tolist(), strict=True)})
