"""A small picture of a published table by area, for Dagster's pages: PNG, inside the text, under 50 kB.

Here belongs drawing from protected tables alone: what is withheld is grey, and no record or exact count is ever read.
The maps themselves are `pipelines.draw`.
"""

from __future__ import annotations

import base64
import struct
import zlib

import duckdb
import numpy as np
import shapely
from numpy.typing import NDArray

from pipelines.tables import quoted

WIDTH, HEIGHT, MARGIN = 420, 300, 6  # pixels
PAPER, WITHHELD, EDGE = (255, 255, 255), (205, 205, 205), (120, 120, 120)
# ColorBrewer YlGnBu, five classes.
RAMP = ((255, 255, 204), (161, 218, 180), (65, 182, 196), (44, 127, 184), (37, 52, 148))
WANTED = {"area_type", "area_code", "dataset"}


def preview(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Markdown with a map of a published table's first count, latest, by the smallest areas; empty where it has none.

    `table` is its full name; a count is a column with a status beside it. None either where an area has several.
    """
    try:
        names = [name for name, *_ in con.execute(f"DESCRIBE {table}").fetchall()]
        count = next((name for name in names if f"{name}_status" in names), None)
        if count is None or not set(names) >= WANTED:
            return ""
        latest = "AND t.is_latest" if "is_latest" in names else ""
        rows = con.execute(
            f"WITH smallest AS (SELECT dataset, area_type FROM {table} WHERE area_type IN ('lsoa', 'ward') "
            "GROUP BY ALL ORDER BY area_type, dataset LIMIT 1) "
            f"SELECT t.dataset, area_type, area.geometry_wkb, t.{quoted(count)}, area_code FROM {table} AS t "
            "JOIN smallest USING (dataset, area_type) JOIN published.area AS area USING (area_type, area_code) "
            f"WHERE area.geometry_wkb IS NOT NULL {latest} ORDER BY area_code"
        ).fetchall()
    except duckdb.CatalogException:
        return ""  # it, or the areas, are not published yet
    if not rows or len({code for *_, code in rows}) < len(rows):
        return ""
    shapes = shapely.from_wkb([bytes(wkb) for _, _, wkb, *_ in rows])
    area = {"lsoa": "LSOA"}.get(rows[0][1], rows[0][1])
    picture = base64.b64encode(_png(_drawn(shapes, [value for *_, value, _ in rows]))).decode()
    what = f"{count.replace('_', ' ')} of {rows[0][0]} by {area}, as published; grey: withheld"
    return f"![{what}](data:image/png;base64,{picture})\n\n{what[:1].upper()}{what[1:]}."


def _drawn(shapes: NDArray[np.object_], values: list[int | None]) -> NDArray[np.uint8]:
    """Colours of a picture, (height, width, 3), of areas in metres and their figures (None: withheld)."""
    west, south, east, north = shapely.total_bounds(shapes)
    metres = max((east - west) / (WIDTH - 2 * MARGIN), (north - south) / (HEIGHT - 2 * MARGIN)) or 1.0
    xs = (west + east) / 2 + (np.arange(WIDTH) - (WIDTH - 1) / 2) * metres
    ys = (south + north) / 2 - (np.arange(HEIGHT) - (HEIGHT - 1) / 2) * metres
    of = np.full((HEIGHT, WIDTH), -1)
    for number, shape in enumerate(shapes):
        left, bottom, right, top = shape.bounds
        columns = np.flatnonzero((xs >= left - metres) & (xs <= right + metres))
        rows = np.flatnonzero((ys >= bottom - metres) & (ys <= top + metres))
        if len(columns) and len(rows):
            x, y = np.meshgrid(xs[columns], ys[rows])
            shapely.prepare(shape)
            inside = shapely.contains_xy(shape, x, y)
            part = of[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            part[inside] = number
    shown = sorted(value for value in values if value is not None)
    limits = [shown[len(shown) * part // len(RAMP)] for part in range(1, len(RAMP))] if shown else []
    colours = [
        WITHHELD if value is None else RAMP[int(np.searchsorted(limits, value, side="right"))]
        for value in values
    ]
    picture: NDArray[np.uint8] = np.array([PAPER, *colours], np.uint8)[of + 1]
    edge = np.zeros(of.shape, bool)
    edge[:, 1:] |= of[:, 1:] != of[:, :-1]
    edge[1:, :] |= of[1:, :] != of[:-1, :]
    picture[edge] = EDGE
    return picture


def _png(picture: NDArray[np.uint8]) -> bytes:
    """A picture as a PNG file of true colours."""
    height, width, _ = picture.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, width * 3)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + chunk(b"IEND", b"")
    )
