"""The records' addresses in standard form: one row per address and postcode as the records give them."""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("address", "address_key")
DEPENDS_ON = ("services.record", "sources.authority")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "address": ("VARCHAR", "address lines as given"),
    "postcode": ("VARCHAR", "postcode as given, where well formed"),
    "address_key": ("VARCHAR", "standard form of the address, a bar, and the postcode"),
}


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The addresses as an Arrow table."""
    from pipelines.address.standardise import address_key

    authority = con.execute("SELECT authority_code FROM sources.authority").fetchall()[0][0]
    rows = con.execute(
        "SELECT DISTINCT address, postcode FROM services.record WHERE address IS NOT NULL ORDER BY ALL"
    ).fetchall()
    return pa.table(
        {
            "authority_code": pa.array([authority] * len(rows), pa.string()),
            "address": pa.array([address for address, _ in rows], pa.string()),
            "postcode": pa.array([postcode for _, postcode in rows], pa.string()),
            "address_key": pa.array(
                [address_key(address, postcode) for address, postcode in rows], pa.string()
            ),
        }
    )
