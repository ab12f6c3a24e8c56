"""How much of each service's recorded use is of homes too far from a site of each open kind, by area, with its
interval, and how surely areas can be ranked by it: worked out from published rates and open travel times."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.reach import COLUMNS, KEY, reach_against_demand, reads

__all__ = [
    "BASIS", "COLUMNS", "COMPARED", "DATASETS", "DEPENDS_ON", "KEY", "NOT_FOR", "PURPOSE", "SMALLEST_AREA", "make",
]  # fmt: skip

DEPENDS_ON = reads("published")
PURPOSE = (
    "See where a service is used far from a library, a surgery or another site, and how surely that is known."
)
BASIS = "Public task: statistics for planning from records that each dataset's own purpose and lawful basis cover."
NOT_FOR = (
    "The way of any person or household. An area's recorded use is taken to be spread over its homes; where intervals "
    "of ranks overlap, no order is known."
)
SMALLEST_AREA = "lsoa"
DATASETS = ("dataset", "site_kind")
COMPARED = "beyond_limit"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The areas as an Arrow table; none where there are no services or no open kinds of site."""
    return reach_against_demand(con, "published")
