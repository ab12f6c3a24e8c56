"""Areas whose latest complete period was not as forecast one period before: one row per dataset and area.

A sign stands out when all areas of the kind were looked at together (Benjamini and Hochberg, false discovery rate
of 10 %). It says that something changed in what was recorded, not what. Worked out from published figures; a hidden
one gives no sign.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.skill import SIGN_COLUMNS as COLUMNS
from pipelines.estimate.skill import SIGN_KEY as KEY
from pipelines.estimate.skill import make_signs, skill_depends_on

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

DEPENDS_ON = skill_depends_on("published")
PURPOSE = "Ask early why recorded use in an area changed, in either direction."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Decisions about any person, household or address. A sign is a question, not an answer."
SMALLEST_AREA = "lsoa"
DATASETS = ("dataset",)
COMPARED = "chance"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The signs, from published counts."""
    return make_signs(con, "published")
