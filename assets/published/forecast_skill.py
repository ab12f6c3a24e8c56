"""How well each model forecasts each service, and which is used: one row per dataset, area type, horizon and model.

Scores are of the table forecast_test. A model is used where it beats the mean of the last four periods by more than
the standard error over origins, and the last period carried on as well; else that mean is, and the words say so.
Where more than half of the figures to be foreseen are hidden, no skill is told. Worked out from published figures.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.estimate.skill import SKILL_COLUMNS as COLUMNS
from pipelines.estimate.skill import SKILL_KEY as KEY
from pipelines.estimate.skill import make_skill, skill_depends_on

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
PURPOSE = "Know how far a forecast of recorded use is worth more than carrying on what was."
BASIS = "Public task: worked out from published statistics alone."
NOT_FOR = "Judging services: a service that cannot be forecast is no worse for it."
SMALLEST_AREA = "none"
DATASETS = ("dataset",)
COMPARED = "skill_against_mean"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The skill of each model, from published counts."""
    return make_skill(con, "published")
