"""Areas whose latest complete period was not as forecast one period before: one row per dataset and area.

A sign stands out when all areas of the kind were looked at together (Benjamini and Hochberg, false discovery rate
of 10 %). It says that something changed in what was recorded, not what.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.skill import SIGN_COLUMNS as COLUMNS
from pipelines.estimate.skill import SIGN_KEY as KEY
from pipelines.estimate.skill import make_signs, skill_depends_on

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = skill_depends_on("layers")
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The signs, from exact counts."""
    return make_signs(con, "layers")
