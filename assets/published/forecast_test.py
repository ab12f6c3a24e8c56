"""Forecasts tried on the past: one row per dataset, area, model, origin (the last period known) and horizon.

At every origin of at least six periods each model foresees the next four from what was known by then; beside it
stands what was then recorded. Intervals are as wide as the errors made up to the origin have it. Empty for a
dataset of fewer than eight complete periods. Worked out from published counts, in which a hidden figure enters as
what is expected of a count below the threshold, and an interval is of the figure as it is told.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.backtest import TEST_COLUMNS as COLUMNS
from pipelines.estimate.backtest import TEST_KEY as KEY
from pipelines.estimate.backtest import make_tests, test_depends_on

__all__ = [
    "BASIS",
    "COLUMNS",
    "COMPARED",
    "DATASETS",
    "DEPENDS_ON",
    "KEY",
    "NOT_FOR",
    "PURPOSE",
    "SMALLEST_AREA",
    "make",
]

DEPENDS_ON = test_depends_on("published")
PURPOSE = "See how far forecasts of recorded use have been off, before one relies on the next."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Decisions about any person, household or address. Recorded use is not need."
SMALLEST_AREA = "lsoa"
DATASETS = ("dataset",)
COMPARED = "forecast"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The tests, from published counts."""
    return make_tests(con, "published")
