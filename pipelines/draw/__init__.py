"""Draw pages that open from a file, with no network and nothing installed: maps, tables of quality, and their gallery.

Here: what two or more pages share. What one page shows is in `assets/maps/<page>.py`. Nothing here reads any schema
but `published`, so nothing withheld can reach a page.
"""

from pipelines.draw.choropleth import (
    Cell,
    Choropleth,
    Figure,
    Mark,
    Measure,
    Period,
    Topic,
    TopicTable,
    draw_choropleth,
)
from pipelines.draw.facts import (
    MONTHS,
    Dataset,
    Release,
    Source,
    count_in_words,
    date_in_words,
    modelled_in_words,
    period_in_words,
    read_release,
    share_in_words,
)
from pipelines.draw.gallery import MapPage, draw_bars_thumbnail, draw_map_thumbnail, gallery
from pipelines.draw.page import Fold, Page

__all__ = [
    "MONTHS",
    "Cell",
    "Choropleth",
    "Dataset",
    "Figure",
    "Fold",
    "MapPage",
    "Mark",
    "Measure",
    "Page",
    "Period",
    "Release",
    "Source",
    "Topic",
    "TopicTable",
    "count_in_words",
    "date_in_words",
    "draw_bars_thumbnail",
    "draw_choropleth",
    "draw_map_thumbnail",
    "gallery",
    "modelled_in_words",
    "period_in_words",
    "read_release",
    "share_in_words",
]
