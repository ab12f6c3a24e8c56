"""Reading OS Open UPRN: our accounted ingest against DuckDB's own CSV reader, which does not account for rows."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from benchmarks.comparison import Comparison, compare

ROWS = 1_000_000
AUTHORITY = "name: Benchmark\ncode: E06999009\narea_vintage: 2021\n"


def run() -> Comparison:
    """One million rows, as CSV, to a typed and sorted Parquet file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        return compare(
            f"OS Open UPRN, {ROWS:,} rows, CSV to typed and sorted Parquet",
            ("pipelines.ingest, every row accounted for", accounted),
            ("duckdb read_csv with types stated", bare),
            folder,
        )


def write(folder: Path) -> None:
    """An authority folder that holds one large OS Open UPRN file with invented points."""
    (folder / "sources" / "os_open_uprn").mkdir(parents=True)
    (folder / "authority.yaml").write_text(AUTHORITY, encoding="utf-8")
    dice = random.Random(1)
    path = folder / "sources" / "os_open_uprn" / "osopenuprn_202610.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write("UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE\r\n")
        for i in range(ROWS):
            x, y = dice.uniform(200_000, 300_000), dice.uniform(200_000, 300_000)
            stream.write(
                f"{990_000_000_001 + i * 7},{x:.2f},{y:.2f},{52 + y / 1e6:.7f},{-4 + x / 1e6:.7f}\r\n"
            )


def accounted(folder: Path) -> None:
    """Ours: read, number, clean, account, remove duplicates, sort, write."""
    from pipelines.authority import load_authority
    from pipelines.ingest import ingest_source, source_table
    from pipelines.warehouse import Warehouse

    authority = load_authority(folder)
    source = next(source for source in authority.sources if source.name == "os_open_uprn")
    warehouse = Warehouse(folder / "output" / "restricted" / "warehouse")
    with warehouse.connect() as con:
        ingest_source(con, authority, source)
        warehouse.write(con, source_table(source), "SELECT * FROM kept")


def bare(folder: Path) -> None:
    """The alternative: DuckDB reads, sorts and writes; a bad value would stop it."""
    import duckdb

    path = folder / "sources" / "os_open_uprn" / "osopenuprn_202610.csv"
    types = (
        "{'UPRN': 'BIGINT', 'X_COORDINATE': 'DECIMAL(10,2)', 'Y_COORDINATE': 'DECIMAL(10,2)', "
        "'LATITUDE': 'DECIMAL(10,7)', 'LONGITUDE': 'DECIMAL(10,7)'}"
    )
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(
            f"COPY (SELECT * FROM read_csv('{path.as_posix()}', header = true, columns = {types}) ORDER BY \"UPRN\") "
            f"TO '{(folder / 'bare.parquet').as_posix()}' (FORMAT parquet, COMPRESSION zstd)"
        )
