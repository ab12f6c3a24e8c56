"""Recorded use beyond reach, exact: how much of each service's recorded use is of homes too far from a site of each
open kind, by area, with intervals and ranks.

An area's use is taken to be spread over its homes. Datasets whose stated uses do not cover reach are left out.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.reach import COLUMNS, KEY, reach_against_demand, reads

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = reads("layers")
# Rates are of the use `demand`; that the dataset allows `reach` too is asked of its description, row by row.
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The areas as an Arrow table; none where there are no services or no open kinds of site."""
    return reach_against_demand(con, "layers")
