"""Points in polygons: `assets/places/point_oa.py` against geopandas' spatial join, on 600 areas and 300,000 points."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.comparison import Comparison, compare

POINTS, SIDE, METRES = 300_000, 25, 400


def run() -> Comparison:
    """Areas in a wiggly grid, points all over it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        return compare(
            f"{POINTS:,} points in {SIDE * SIDE} areas",
            ("assets.places.point_oa", ours),
            ("geopandas.sjoin", spatial_join),
            folder,
        )


def write(folder: Path) -> None:
    """Two Parquet files: areas (code, WKB with about 200 vertices each) and points (easting, northing)."""
    import duckdb
    import numpy as np
    import pyarrow as pa
    import shapely

    dice = np.random.default_rng(1)
    edge = np.linspace(0, METRES, 50)
    areas = []
    for i in range(SIDE):
        for j in range(SIDE):
            x, y = 250_000 + i * METRES, 250_000 + j * METRES
            wave = 20 * np.sin(edge / METRES * 6 * np.pi)
            ring = [*zip(x + edge, y + wave, strict=True), *zip(x + METRES + wave, y + edge, strict=True)]
            ring += [
                *zip(x + edge[::-1], y + METRES + wave[::-1], strict=True),
                *zip(x + wave[::-1], y + edge[::-1], strict=True),
            ]
            areas.append((f"E00{i:03d}{j:03d}", shapely.to_wkb(shapely.Polygon(ring).buffer(0))))
    e, n = (250_000 + dice.uniform(0, SIDE * METRES, POINTS).round(2) for _ in range(2))
    tables = {
        "area": pa.table(
            {"area_code": [code for code, _ in areas], "geometry_wkb": [wkb for _, wkb in areas]}
        ),
        "point": pa.table({"easting": e, "northing": n}),
    }
    with duckdb.connect() as con:
        for name, table in tables.items():
            con.register("given", table)
            con.execute(
                f"COPY (SELECT * FROM given) TO '{(folder / name).as_posix()}.parquet' (FORMAT parquet)"
            )


def ours(folder: Path) -> None:
    """The asset itself, on a connection that has the tables it reads."""
    import duckdb

    from assets.places import point_oa

    with duckdb.connect(config={"threads": 2}) as con:
        for schema in ("sources", "services", "places"):
            con.execute(f"CREATE SCHEMA {schema}")
        con.execute("CREATE VIEW sources.authority AS SELECT 'E06999009' AS authority_code")
        con.execute(
            f"CREATE VIEW places.area AS SELECT 'oa' AS area_type, * FROM '{(folder / 'area').as_posix()}.parquet'"
        )
        typed = (
            "SELECT CAST(easting AS DECIMAL(10, 2)) AS easting, CAST(northing AS DECIMAL(10, 2)) AS northing"
        )
        con.execute(
            f"CREATE VIEW sources.os_open_uprn AS {typed} FROM '{(folder / 'point').as_posix()}.parquet'"
        )
        for other in ("sources.llpg", "sources.code_point_open", "services.record"):
            con.execute(f"CREATE VIEW {other} AS {typed} FROM (VALUES (1, 1)) AS t (easting, northing)")
        assert point_oa.make(con).num_rows > POINTS * 0.9


def spatial_join(folder: Path) -> None:
    """geopandas.sjoin on the same files."""
    import geopandas
    import pandas

    area = pandas.read_parquet(folder / "area.parquet")
    areas = geopandas.GeoDataFrame(
        area[["area_code"]], geometry=geopandas.GeoSeries.from_wkb(area["geometry_wkb"]), crs=27700
    )
    point = pandas.read_parquet(folder / "point.parquet")
    points = geopandas.GeoDataFrame(
        geometry=geopandas.points_from_xy(point["easting"], point["northing"]), crs=27700
    )
    assert len(points.sjoin(areas, predicate="within")) > POINTS * 0.9
