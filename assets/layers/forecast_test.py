"""Forecasts tried on the past: one row per dataset, area, model, origin (the last period known) and horizon.

At every origin of at least six periods each model foresees the next four from what was known by then; beside it
stands what was then recorded. Intervals are as wide as the errors made up to the origin have it. Empty for a
dataset of fewer than eight complete periods.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.backtest import TEST_COLUMNS as COLUMNS
from pipelines.estimate.backtest import TEST_KEY as KEY
from pipelines.estimate.backtest import make_tests, test_depends_on

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = test_depends_on("layers")
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The tests, from exact counts."""
    return make_tests(con, "layers")
