"""Which services meet at the same homes, beside what chance would give: one row per two or three services,
period and what is allowed for.

Chance over all homes alike, within areas (a service that is used where homes are of one kind meets another there more
often), or of three services as each two of them meet; each ratio with the range that rounding and chance leave it.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.overlap import COLUMNS, KEY, against_chance

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

DEPENDS_ON = (
    "published.area",
    "published.dataset",
    "published.disclosure_rule",
    "published.overlap_in_period",
    "published.service_overlap",
    "published.service_overlap_three",
)
PURPOSE = "See which services meet at the same homes more often than by chance, so that they can be planned together."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Finding the households that several services know; that services meet is no sign of a problem."
SMALLEST_AREA = "none"
DATASETS = ("dataset_a", "dataset_b", "dataset_c")
COMPARED = "ratio"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table, from published counts."""
    return against_chance(con, "published")
