"""What the closure of each site would change, by deprivation: one row per site and decile.

Each decile that LSOAs of the authority are in has a row, and `not known` where homes are in none. Ways go by the mode
of the kind.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.travel.scenario import CLOSED_IN_TURN, CLOSED_IN_TURN_DEPENDS_ON, count_by_decile
from pipelines.travel.scenario import DECILE_COLUMNS as COLUMNS

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

KEY = ("site_kind", "closed_site", "decile")
DEPENDS_ON = (*CLOSED_IN_TURN_DEPENDS_ON, "places.output_area", "sources.deprivation")
USE = "impersonal"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The deciles as an Arrow table; none where there are no roads."""
    return count_by_decile(con, CLOSED_IN_TURN)
