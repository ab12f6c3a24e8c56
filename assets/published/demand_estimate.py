"""Rates of recorded use, each with the interval that chance leaves: one row per dataset, area and period.

Beside the area's own rate with its exact Poisson interval stands the shrunken one (empirical Bayes), which learns
from all areas of the kind in the period: the fewer of the denominator an area has, the more. Both are worked out
from published counts, so that the intervals allow for rounding as well; a hidden count has no rate.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.rates import COLUMNS, KEY, demand_estimates, depends_on

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
PURPOSE = (
    "Compare areas without being misled by chance: two whose intervals overlap widely may not differ at all."
)
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Decisions about any person, household or address. Recorded use is not need; a high rate may be good reach."
SMALLEST_AREA = "lsoa"
DATASETS = ("dataset",)
COMPARED = "shrunken_rate"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table, from published counts."""
    return demand_estimates(con, "published")
