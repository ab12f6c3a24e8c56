"""Homes and people at each site if another of its kind closed, beside its capacity: a row per closure and site.

The site that closes has its row, too. Ways go by the mode of the kind.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.travel.scenario import CLOSED_IN_TURN, CLOSED_IN_TURN_DEPENDS_ON, count_at_sites
from pipelines.travel.scenario import SITE_COLUMNS as COLUMNS

__all__ = ["COLUMNS", "DEPENDS_ON", "KEY", "USE", "make"]

KEY = ("site_kind", "closed_site", "site_id")
DEPENDS_ON = CLOSED_IN_TURN_DEPENDS_ON
USE = "impersonal"


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The sites as an Arrow table; none where there are no roads."""
    return count_at_sites(con, CLOSED_IN_TURN)
