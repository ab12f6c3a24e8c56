"""How well each model forecasts each service, and which is used: one row per dataset, area type, horizon and model.

Scores are of the table forecast_test. A model is used where it beats the mean of the last four periods by more than
the standard error over origins, and the last period carried on as well; else that mean is, and the words say so.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.skill import SKILL_COLUMNS as COLUMNS
from pipelines.estimate.skill import SKILL_KEY as KEY
from pipelines.estimate.skill import make_skill, skill_depends_on

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

DEPENDS_ON = skill_depends_on("layers")
USE = "demand"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The skill of each model, from exact counts."""
    return make_skill(con, "layers")
