"""What the closure of each site would change, by area: one row per site and area with a home whose nearest site it is.

The authority has a row for every site; any other area without a row keeps all that it has. Ways go by the mode of the
kind.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.travel.scenario import AREA_COLUMNS as COLUMNS
from pipelines.travel.scenario import CLOSED_IN_TURN, CLOSED_IN_TURN_DEPENDS_ON, count_by_area

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

KEY = ("site_kind", "closed_site", "area_type", "area_code")
DEPENDS_ON = (*CLOSED_IN_TURN_DEPENDS_ON, "places.home_area")
USE = "impersonal"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The areas as an Arrow table; none where there are no roads."""
    return count_by_area(con, CLOSED_IN_TURN)
