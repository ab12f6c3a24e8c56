"""The gazetteer's addresses in standard form: one row per way of writing, with the UPRN that it means.

From the approved and alternative LPIs of live and provisional properties; a historic twin never answers. Where two
properties may be written alike, `uprns` is more than 1 and nothing is placed by it.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

KEY = ("address_key",)
DEPENDS_ON = ("sources.authority", "sources.llpg")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "address_key": ("VARCHAR", "standard form of the address, a bar, and the postcode"),
    "uprn": ("BIGINT", "UPRN that it means (the lowest, where there are several)"),
    "uprns": ("BIGINT", "how many UPRNs may be written so; only 1 is good for placing"),
}


def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The ways of writing as an Arrow table; empty where there is no gazetteer with addresses."""
    from pipelines.address.standardise import numbered, ways_of_writing

    authority = con.execute("SELECT authority_code FROM sources.authority").fetchall()[0][0]
    rows = con.execute(
        """
        SELECT
            uprn,
            sao_start_number, sao_start_suffix, sao_end_number, sao_end_suffix, sao_text,
            pao_start_number, pao_start_suffix, pao_end_number, pao_end_suffix, pao_text,
            street, locality, town, postcode
        FROM sources.llpg
        WHERE lpi_status IN (1, 3) AND blpu_status IN (1, 5, 6)
        ORDER BY uprn
        """
    ).fetchall()
    meant: dict[str, set[int]] = {}
    for uprn, *parts in rows:
        secondary, primary = numbered(*parts[:5]), numbered(*parts[5:10])
        street, locality, town = (part or "" for part in parts[10:13])
        for key in ways_of_writing(secondary, primary, street, locality, town, parts[13]):
            meant.setdefault(key, set()).add(uprn)
    keys = sorted(meant)
    return pa.table(
        {
            "authority_code": pa.array([authority] * len(keys), pa.string()),
            "address_key": pa.array(keys, pa.string()),
            "uprn": pa.array([min(meant[key]) for key in keys], pa.int64()),
            "uprns": pa.array([len(meant[key]) for key in keys], pa.int64()),
        }
    )
