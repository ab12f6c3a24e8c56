"""The small map on Dagster's pages: drawn from published tables alone, withheld areas grey, well under 50 kB."""

from __future__ import annotations

import base64
import re
import struct
import zlib

import numpy as np

from pipelines.orchestrate.preview import HEIGHT, PAPER, RAMP, WIDTH, WITHHELD, preview
from pipelines.run import opened
from tests.small_run import Small


def pixels(markdown: str) -> np.ndarray:
    found = re.search(r"data:image/png;base64,([^)]+)\)", markdown)
    assert found
    png = base64.b64decode(found[1])
    assert len(png) < 50_000
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (WIDTH, HEIGHT)
    (length,) = struct.unpack(">I", png[33:37])
    lines = np.frombuffer(zlib.decompress(png[41 : 41 + length]), np.uint8).reshape(height, 1 + width * 3)
    return lines[:, 1:].reshape(height, width, 3)


def test_areas_are_drawn_as_they_are_published(small: Small) -> None:
    with opened(small.authority, small.output) as at:
        found = preview(at.con, "published.demand_by_area")
        shown = at.con.execute(
            "SELECT recorded_use FROM published.demand_by_area WHERE dataset = 'council_tax' AND area_type = 'lsoa' "
            "AND is_latest ORDER BY area_code"
        ).fetchall()
    assert "Recorded use of council_tax by LSOA, as published" in found
    picture = pixels(found)
    # Two LSOAs side by side, the middle of each.
    west, east = (tuple(picture[HEIGHT // 2, WIDTH * part // 4]) for part in (1, 3))
    for (count,), colour in zip(shown, (west, east), strict=True):
        assert (colour == WITHHELD) == (count is None)
        assert colour in (*RAMP, WITHHELD)
    assert tuple(picture[2, 2]) == PAPER


def test_a_table_without_one_figure_an_area_has_none(small: Small) -> None:
    with opened(small.authority, small.output) as at:
        for table in ("published.dataset", "published.service_overlap", "published.nothing"):
            assert preview(at.con, table) == ""
