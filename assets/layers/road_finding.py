"""What was found in making the road network: one row per finding. Roads given = roads in the network + left out."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.travel.roads import network_of, rule_of

KEY = ("finding",)
DEPENDS_ON = ("sources.os_open_roads", "sources.osm_roads", "sources.row_rejected", "sources.travel_rule")
USE = "impersonal"
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "finding": ("VARCHAR", "what was found, in words"),
    "source": ("VARCHAR", "which source the roads are from: osm_roads or os_open_roads"),
    "count": ("BIGINT", "how often"),
}


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The findings as an Arrow table."""
    authority, travel = rule_of(con.sql("FROM sources.travel_rule"))
    roads = network_of(travel, con.sql("FROM sources.os_open_roads"), con.sql("FROM sources.osm_roads"))
    ((rejected,),) = con.execute(
        # What a description leaves out (a river, a fence) is no road.
        "SELECT count(*) FROM sources.row_rejected WHERE \"of\" = ? AND NOT starts_with(reason, 'excluded')",
        [roads.source],
    ).fetchall()
    found = roads.findings()
    if rejected:
        found["roads given"] += rejected
        found["roads left out: their row could not be read"] = rejected
    findings = sorted(found.items())
    return pa.table(
        {
            "authority_code": pa.array([authority] * len(findings), pa.string()),
            "finding": pa.array([finding for finding, _ in findings], pa.string()),
            "source": pa.array([roads.source] * len(findings), pa.string()),
            "count": pa.array([count for _, count in findings], pa.int64()),
        }
    )
