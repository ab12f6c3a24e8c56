"""Rates of recorded use, each with the interval that chance leaves: one row per dataset, area and period.

Beside the area's own rate with its exact Poisson interval stands the shrunken one (empirical Bayes), which learns
from all areas of the kind in the period: the fewer of the denominator an area has, the more.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.rates import COLUMNS, KEY, demand_estimates, depends_on

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = depends_on("layers")
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table, from exact counts."""
    return demand_estimates(con, "layers")
