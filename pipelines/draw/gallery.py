"""The gallery: the page that leads to all others, with a small picture of each drawn from the same data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import duckdb
from markupsafe import Markup

from pipelines.draw.areas import AREA_TYPES
from pipelines.draw.choropleth import Figure
from pipelines.draw.classes import class_breaks, ramp
from pipelines.draw.facts import date_in_words, read_release
from pipelines.draw.page import Page, render
from pipelines.draw.small_map import draw_small_map

WIDTH, HEIGHT = 320, 200
MOST_AREAS = 200  # in a thumbnail
# Best placed first, as on the page on data quality.
BAR_COLOURS = ("#12507b", "#3d85b5", "#6fb0d6", "#a5cfe6", "#d3e6f1", "#c96b1b")


class MapPage(Protocol):
    """A module of `assets/maps`.

    It may also have `PLACE`, a number by which the gallery orders its pages, and `thumbnail(con) -> str`, inline SVG.
    """

    __name__: str
    TITLE: str
    SENTENCE: str

    def draw(self, con: duckdb.DuckDBPyConnection) -> str:
        """The page as one HTML file."""
        ...


def gallery(
    con: duckdb.DuckDBPyConnection,
    pages: Sequence[MapPage],
    documents: Sequence[tuple[str, str, str]] = (),
) -> str:
    """The gallery as one HTML file; page `assets.maps.demand` is expected beside it as `maps/demand.html`.

    `documents` are texts about the figures, each a file beside the gallery, its title and a sentence.
    """
    release = read_release(con)
    cards = []
    for page in sorted(pages, key=lambda page: getattr(page, "PLACE", len(pages) + 1)):
        thumbnail = getattr(page, "thumbnail", None)
        cards.append(
            {
                "link": f"maps/{page.__name__.rpartition('.')[2]}.html",
                "title": page.TITLE,
                "sentence": page.SENTENCE,
                "thumbnail": Markup(thumbnail(con)) if thumbnail else "",
            }
        )
    return Page(
        title="Connected Places",
        sentence="Maps of services and places, made from records that were counted by area and then protected.",
        release=release,
        body=render(
            "gallery.html",
            cards=cards,
            release=release,
            data_to=date_in_words(release.data_to),
            documents=documents,
        ),
        home="",
    ).html()


def draw_map_thumbnail(
    con: duckdb.DuckDBPyConnection, figures: Sequence[Figure], scheme: str, site_kind: str = ""
) -> str:
    """A choropleth of `figures` (one topic, measure and period) as inline SVG of a few kilobytes, without any text.

    Drawn for the geography with most areas that a small picture can show. Areas without a published figure are grey.
    """
    by_type = {
        area_type: {one.area_code: one for one in figures if one.area_type == area_type}
        for area_type, *_ in AREA_TYPES
    }
    sizes = sorted((len(found), area_type) for area_type, found in by_type.items() if found)
    if not sizes:
        return ""
    _, area_type = max((size for size in sizes if size[0] <= MOST_AREAS), default=sizes[0])
    published = {
        one.area_code: one.value
        for one in by_type[area_type].values()
        if one.status == "published" and one.value is not None
    }
    breaks = class_breaks(published.values())
    colours = ramp(scheme, len(breaks) + 1)
    filled = {code: colours[sum(value >= one for one in breaks)] for code, value in published.items()}
    return draw_small_map(con, area_type, filled, (WIDTH, HEIGHT), site_kind=site_kind)


def draw_bars_thumbnail(bars: Sequence[Sequence[int]]) -> str:
    """Bars of parts (one bar for each dataset, parts in the order of precision) as inline SVG, without any text."""
    shown = [bar for bar in bars if sum(bar)][:8]
    pitch = min(30.0, (HEIGHT - 24) / max(len(shown), 1))
    marks = []
    for number, bar in enumerate(shown):
        start = 16.0
        top = (HEIGHT - pitch * len(shown)) / 2 + number * pitch
        for part, colour in zip(bar, BAR_COLOURS, strict=True):
            width = part / sum(bar) * (WIDTH - 32)
            if part:
                size = f'width="{width:.1f}" height="{pitch * 0.62:.1f}"'
                marks.append(f'<rect x="{start:.1f}" y="{top:.1f}" {size} fill="{colour}"/>')
            start += width
    return _svg("".join(marks))


def _svg(inner: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">{inner}</svg>'
