"""Places where many services meet: one row per area, and how many services are used
there more than its homes or people would give.

Of each service by itself, and chance allowed for; of the same place, not of the same homes.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.overlap import MEETING_COLUMNS as COLUMNS
from pipelines.estimate.overlap import MEETING_KEY as KEY
from pipelines.estimate.overlap import meeting

__all__ = [
    "BASIS",
    "COLUMNS",
    "DATASETS",
    "DEPENDS_ON",
    "KEY",
    "NOT_FOR",
    "PURPOSE",
    "SMALLEST_AREA",
    "make",
]

DEPENDS_ON = ("published.dataset", "published.demand_against_expected")
PURPOSE = "See where several services could be planned, or a place shared, together."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Judging a place or those who live there; much recorded use may be good reach."
SMALLEST_AREA = "lsoa"
DATASETS = ()


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table, from published estimates."""
    return meeting(con)
