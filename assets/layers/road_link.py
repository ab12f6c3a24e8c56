"""The road network: one row per link between two nodes, with the seconds it takes on foot, by bicycle and by car."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.travel.roads import COLUMNS, network_of, rule_of, table_of

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

KEY = ("link_id",)
DEPENDS_ON = ("sources.os_open_roads", "sources.osm_roads", "sources.travel_rule")
USE = "impersonal"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The links as an Arrow table; roads that make no link are counted in layers.road_finding."""
    authority, travel = rule_of(con.sql("FROM sources.travel_rule"))
    roads = network_of(travel, con.sql("FROM sources.os_open_roads"), con.sql("FROM sources.osm_roads"))
    return table_of(authority, roads)
