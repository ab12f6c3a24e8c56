"""For whom forecasts are less good: tests of the model used, in LSOAs, by deprivation decile and tenure of the LSOA.

One row per dataset, breakdown and group. Groups are of areas, never of people. A ratio above 1 says that less was
forecast for the group than was recorded. Worked out from published figures.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.skill import GROUP_COLUMNS as COLUMNS
from pipelines.estimate.skill import GROUP_KEY as KEY
from pipelines.estimate.skill import group_depends_on, make_groups

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

DEPENDS_ON = group_depends_on("published")
PURPOSE = "See whether plans made by the forecasts would short-change the most deprived, or those who rent."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Statements about people of a tenure or in deprivation: groups are of areas."
SMALLEST_AREA = "none"
DATASETS = ("dataset",)
COMPARED = "ratio"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The groups, from published counts."""
    return make_groups(con, "published")
