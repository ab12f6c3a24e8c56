"""Recorded use foreseen for the next four periods: one row per dataset, area and horizon.

By the model that forecast_skill names; made to add up over LSOAs, MSOAs, wards and the authority. A forecast of
recorded use says what will be recorded if all goes on as it did, not what is needed. Worked out from published
counts; intervals are of the figure as it will be told.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.reconcile import COLUMNS, KEY, depends_on, make_forecasts

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

DEPENDS_ON = depends_on("published")
PURPOSE = "Plan the next year's capacity by area, with the range that it may fall in."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = (
    "Decisions about any person, household or address. A forecast of recorded use is no forecast of need."
)
SMALLEST_AREA = "lsoa"
DATASETS = ("dataset",)
COMPARED = "forecast"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The forecasts, from published counts."""
    return make_forecasts(con, "published")
