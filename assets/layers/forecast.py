"""Recorded use foreseen for the next four periods: one row per dataset, area and horizon.

By the model that forecast_skill names; made to add up over LSOAs, MSOAs, wards and the authority. A forecast of
recorded use says what will be recorded if all goes on as it did, not what is needed.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.reconcile import COLUMNS, KEY, depends_on, make_forecasts

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = depends_on("layers")
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The forecasts, from exact counts."""
    return make_forecasts(con, "layers")
