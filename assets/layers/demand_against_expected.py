"""Recorded use by area beside what is expected there: one row per dataset, area and what is standardised for.

Expected is what an area would have at the authority's own rates: for its homes or people alone, or by age, tenure or
deprivation of those who live there. Ratios have intervals, crude and shrunken; areas that are high or low together with
their neighbours, beyond what chance would bring, are marked.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.expected import COLUMNS, KEY, demand_against_expected, depends_on

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = depends_on("layers")
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table, from exact counts."""
    return demand_against_expected(con, "layers")
