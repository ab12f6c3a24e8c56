"""How much of what sites offer falls to those who live in an area, by a floating catchment: one row per kind of site,
mode of travel and area.

E2SFCA (see docs/catchments.md): each site's capacity is shared out among the people within 30 minutes of it, those near
with more weight; what a home finds is the sum of the shares around it, and an area's score the mean of its homes.
Beside it the site that most people of the area are expected at by Huff's model, and their share.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from pipelines.tables import table_of_rows

KEY = ("site_kind", "mode", "area_type", "area_code")
DEPENDS_ON = (
    "layers.area_profile",
    "layers.road_link",
    "layers.site",
    "layers.snapped",
    "places.home",
    "places.home_area",
    "places.site",
    "services.site_kind",
)
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "site_kind": ("VARCHAR", "kind of site"),
    "mode": ("VARCHAR", "walk, cycle or drive"),
    "is_usual_mode": ("BOOLEAN", "whether people are expected to come to sites of the kind in this way"),
    "area_type": ("VARCHAR", "authority, ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    "homes": ("BIGINT", "homes in the area"),
    "homes_measured": ("BIGINT", "of these, with coordinates to measure from"),
    "homes_reaching_none": ("BIGINT", "of these, those that reach no site within 30 minutes; they count 0"),
    "score": ("DECIMAL(18, 3)", "what a home finds around it, in the unit; empty where no home could be measured"),
    "unit": ("VARCHAR", "what the score is in, such as `places per 1,000 people`"),
    "leading_site": ("VARCHAR", "the site that most people are expected at by Huff; empty where none is reached"),
    "leading_site_name": ("VARCHAR", "its name"),
    "leading_percent": ("DECIMAL(5, 1)", "share of the people expected at any site who are expected at it, per cent"),
}  # fmt: skip
AREAS = """
    SELECT authority_code, area_type, area_code, area_name, coalesce(homes, 0)
    FROM layers.area_profile ORDER BY area_type, area_code
"""


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The scores as an Arrow table; none where there are no roads."""
    import numpy as np

    from pipelines.travel.demand import ASKED, CAPACITY, PEOPLE, demands
    from pipelines.travel.roads import network_from_table

    network = network_from_table(con.sql("FROM layers.road_link"))
    areas = con.execute(AREAS).fetchall()
    row_of = {(kind, code): row for row, (_, kind, code, *_) in enumerate(areas)}
    lies_in = con.execute(
        "SELECT place, area_type, area_code FROM places.home_area ORDER BY place, area_type"
    ).fetchall()
    rows: list[tuple[Any, ...]] = []
    relations = (con.sql(sql) for sql in (ASKED, "FROM layers.snapped", PEOPLE, CAPACITY))
    for asked, found in demands(network, *relations):
        kind = asked.site_kind
        score = found.floating().accessibility
        flow, _ = found.chosen()
        number = {name: at for at, name in enumerate(found.place.tolist())}
        known = [(number[p], row_of[t, c]) for p, t, c in lies_in if p in number and (t, c) in row_of]
        home, area = np.array(known, np.int64).reshape(-1, 2).T
        reaches = np.zeros(len(found.place), bool)
        reaches[found.home_of] = True
        measured, none, total = (
            np.bincount(area, weight[home], minlength=len(areas))
            for weight in (found.homes, found.homes * ~reaches, found.homes * score)
        )
        # People of each area at each site: each home's pairs, once for each kind of area that it lies in.
        flows = np.zeros((len(areas), len(found.site)))
        for area_type in sorted({t for _, t, *_ in areas}):
            of_home = np.full(len(found.place), -1, np.int64)
            mine = np.array([areas[a][1] == area_type for a in area.tolist()], bool)
            of_home[home[mine]] = area[mine]
            there = of_home[found.home_of] >= 0
            np.add.at(flows, (of_home[found.home_of[there]], found.site_of[there]), flow[there])
        named = dict(
            con.execute(
                "SELECT site_kind || ' ' || site_id, name FROM layers.site WHERE site_kind = ? ORDER BY 1",
                [kind],
            ).fetchall()
        )
        has_capacity = bool(np.isfinite(found.capacity).any())
        heads = "people" if found.counts_people else "homes"
        what = str(asked.capacity_of).replace("_", " ") if has_capacity else "sites"
        times = 1000 if has_capacity else 10_000
        for at, (authority, area_type, code, name, homes) in enumerate(areas):
            coming = flows[at].sum()
            leading = int(flows[at].round(6).argmax()) if coming > 0 else -1
            site = str(found.site[leading]) if leading >= 0 else None
            rows.append(
                (
                    authority, kind, asked.mode, asked.is_usual, area_type, code, name, homes,
                    int(measured[at]), int(none[at]),
                    f"{times * total[at] / measured[at]:.3f}" if measured[at] else None,
                    f"{what} per {times:,} {heads}",
                    site.removeprefix(f"{kind} ") if site else None, named.get(site) if site else None,
                    f"{100 * flows[at, leading] / coming:.1f}" if site else None,
                )
            )  # fmt: skip
    return table_of_rows(COLUMNS, rows)
