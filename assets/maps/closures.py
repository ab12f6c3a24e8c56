"""Page on what would change if a site closed: for planners who weigh a closure against today, site by site.

Each open site is closed in turn; other scenarios (several at once, a new site elsewhere) are asked of `places whatif`.
"""

from __future__ import annotations

import duckdb
import numpy as np

from pipelines import draw as drawing
from pipelines.draw.areas import to_longitude_latitude
from pipelines.draw.scenarios import HOW, MEASURES, figures_of, homes_of_areas, read_scenarios, topics_of
from pipelines.draw.travel import roads_fold, roads_of_release, speeds_fold

TITLE = "What if a site closed"
SENTENCE = "Who would come to be too far from a library, a surgery or another site, and who would take them."
PLACE = 6  # in the gallery
DEPENDS_ON = (
    "published.closure_by_area",
    "published.closure_by_decile",
    "published.closure_at_site",
    "published.travel_speed",
    "published.road_finding",
    "published.area",
    "published.road",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)
NO_ROADS = "Ways are by road, and this release has no roads: nothing can be said of closures."


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON."""
    release, roads = drawing.read_release(con), roads_of_release(con)
    scenarios = read_scenarios(con)
    figures, totals = figures_of(scenarios, homes_of_areas(con))
    return drawing.draw_choropleth(
        con,
        drawing.Choropleth(
            title=TITLE,
            sentence=SENTENCE,
            topic_label="Kind of site",
            variant_label="Site that closes",
            topics=topics_of(scenarios, release, _places(con)),
            measures=MEASURES,
            figures=figures,
            totals=totals,
            warnings=[roads.warning if roads else NO_ROADS],
            about=[HOW, *([roads_fold(roads), speeds_fold(roads)] if roads else [])],
        ),
    )


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small picture of the closure by which most homes come to be too far, as inline SVG."""
    scenarios = read_scenarios(con)
    if not scenarios:
        return ""
    worst = max(scenarios, key=lambda one: (one.whole["homes_lost"], one.whole["homes_moved"]))
    figures, _ = figures_of([worst], homes_of_areas(con))
    measure = "lost_share" if worst.whole["homes_lost"] else "moved_share"
    shown = [one for one in figures if one.measure == measure]
    return drawing.draw_map_thumbnail(con, shown, "YlOrRd", site_kind=worst.site_kind)


def _places(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], tuple[float, float]]:
    """(kind, scenario, site) of each site that closes, to its longitude and latitude."""
    rows = con.execute(
        "SELECT site_kind, site_id, easting, northing FROM published.site WHERE easting IS NOT NULL ORDER BY ALL"
    ).fetchall()
    points = to_longitude_latitude(np.array([row[2:] for row in rows], dtype=float).reshape(-1, 2))
    return {
        (kind, site, site): (float(x), float(y))
        for (kind, site, *_), (x, y) in zip(rows, points, strict=True)
    }
