"""Capacity against demand at each site: one row per kind of site, mode of travel and site.

Demand is told in three ways: those to whom the site is nearest; those who are expected there by Huff's model (nobody
has to use the nearest; a site draws by its capacity over the square of the time, from homes within 30 minutes); and,
where it is published, those who do use it.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from pipelines.tables import table_of_rows

KEY = ("site_kind", "mode", "site_id")
DEPENDS_ON = (
    "layers.area_profile",
    "layers.road_link",
    "layers.site",
    "layers.snapped",
    "layers.travel_time",
    "places.home",
    "places.site",
    "services.site_kind",
    "sources.authority",
    "sources.gp_registered_patients",
)
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "site_kind": ("VARCHAR", "kind of site"),
    "mode": ("VARCHAR", "walk, cycle or drive"),
    "is_usual_mode": ("BOOLEAN", "whether people are expected to come to sites of the kind in this way"),
    "site_id": ("VARCHAR", "the site"),
    "site_name": ("VARCHAR", "its name"),
    "capacity_of": ("VARCHAR", "what its capacity is counted in; empty where the kind tells of none"),
    "capacity": ("DECIMAL(18, 4)", "what it can take; empty where it is not known"),
    "homes_nearest": ("BIGINT", "homes to which it is the nearest of its kind, however far"),
    "people_nearest": ("BIGINT", "people in these homes, as many to a home as in its LSOA; empty where not known"),
    "homes_reaching": ("BIGINT", "homes that reach it within 30 minutes, nearest or not"),
    "people_huff": ("BIGINT", "people expected there by Huff's model; empty where people are not known"),
    "published_users": ("BIGINT", "who uses it by what is published (registered patients); empty where not known"),
    "people_per_capacity": ("DECIMAL(18, 1)", "people to whom it is nearest, for each unit of its capacity"),
    "huff_per_capacity": ("DECIMAL(18, 1)", "people expected there by Huff's model, for each unit of its capacity"),
}  # fmt: skip
NEAREST = """
    SELECT travel.site_kind, travel.mode, travel.site_id, home.place, home.homes
    FROM layers.travel_time AS travel
    JOIN places.home AS home USING (place)
    WHERE travel.nth = 1 AND travel.site_id IS NOT NULL
    ORDER BY ALL
"""
PATIENTS = """
    SELECT upper(trim(site_reference)), CAST(sum(patients) AS BIGINT) FROM sources.gp_registered_patients
    GROUP BY ALL ORDER BY ALL
"""


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The sites with their demand as an Arrow table; none where there are no roads."""
    import numpy as np

    from pipelines.travel.demand import ASKED, CAPACITY, PEOPLE, demands
    from pipelines.travel.roads import network_from_table

    network = network_from_table(con.sql("FROM layers.road_link"))
    ((authority,),) = con.execute("SELECT authority_code FROM sources.authority").fetchall()
    registered = dict(con.execute(PATIENTS).fetchall())
    head = dict(con.execute(f"SELECT place, people FROM ({PEOPLE}) ORDER BY place").fetchall())
    nearest: dict[tuple[str, str, str], list[float]] = {}
    for kind, mode, site, place, homes in con.execute(NEAREST).fetchall():
        had = nearest.setdefault((kind, mode, site), [0, 0])
        had[0], had[1] = had[0] + homes, had[1] + head[place]
    rows: list[tuple[Any, ...]] = []
    relations = (con.sql(sql) for sql in (ASKED, "FROM layers.snapped", PEOPLE, CAPACITY))
    for asked, found in demands(network, *relations):
        kind, mode = asked.site_kind, asked.mode
        _, expected = found.chosen()
        reaching = np.bincount(found.site_of, found.homes[found.home_of], minlength=len(found.site))
        named = dict(
            con.execute(
                "SELECT site_id, name FROM layers.site WHERE site_kind = ? ORDER BY site_id", [kind]
            ).fetchall()
        )
        for at, place in enumerate(found.site.tolist()):
            site = place.removeprefix(f"{kind} ")
            homes, people = nearest.get((kind, mode, site), (0, 0))
            takes = found.capacity[at]
            per = [
                f"{value / takes:.1f}" if takes > 0 and found.counts_people else None
                for value in (people, expected[at])
            ]
            is_told = asked.catchment == "gp_registered_patients"
            users = registered.get(site.strip().upper()) if is_told else None
            rows.append(
                (
                    authority, kind, mode, asked.is_usual, site, named.get(site), asked.capacity_of,
                    None if np.isnan(takes) else f"{takes:.4f}", int(homes),
                    round(people) if found.counts_people else None, int(reaching[at]),
                    round(expected[at]) if found.counts_people else None, users, *per,
                )
            )  # fmt: skip
    return table_of_rows(COLUMNS, rows)
