"""Which services meet at the same homes, beside what chance would give: one row per two or three services,
period and what is allowed for.

Chance over all homes alike, within areas (a service that is used where homes are of one kind meets another there more
often), or of three services as each two of them meet; each ratio with the range that chance leaves it.
Of exact counts.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.overlap import COLUMNS, KEY, against_chance

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

USE = "overlap"
DEPENDS_ON = (
    "layers.area_profile",
    "layers.overlap_in_period",
    "layers.service_overlap",
    "layers.service_overlap_three",
)


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table, from exact counts."""
    return against_chance(con, "layers")
