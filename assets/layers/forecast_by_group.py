"""For whom forecasts are less good: tests of the model used, in LSOAs, by deprivation decile and tenure of the LSOA.

One row per dataset, breakdown and group. Groups are of areas, never of people. A ratio above 1 says that less was
forecast for the group than was recorded.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.skill import GROUP_COLUMNS as COLUMNS
from pipelines.estimate.skill import GROUP_KEY as KEY
from pipelines.estimate.skill import group_depends_on, make_groups

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = group_depends_on("layers")
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The groups, from exact counts."""
    return make_groups(con, "layers")
