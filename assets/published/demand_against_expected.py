"""Recorded use by area beside what is expected there: one row per dataset, area and what is standardised for.

Expected is what an area would have at the authority's own rates: for its homes or people alone, or by age, tenure or
deprivation of those who live there. Ratios have intervals, crude and shrunken; areas that are high or low together with
their neighbours, beyond what chance would bring, are marked. All is worked out from published figures.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.expected import COLUMNS, KEY, demand_against_expected, depends_on

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
PURPOSE = "See which areas have more or less recorded use than is usual for those who live there, and how sure that is."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Decisions about any person, household or address. Expected is what is usual, not what is needed or right."
SMALLEST_AREA = "lsoa"
DATASETS = ("dataset",)
COMPARED = "shrunken_ratio"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table, from published counts."""
    return demand_against_expected(con, "published")
