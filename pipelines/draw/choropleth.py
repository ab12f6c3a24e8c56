"""A page with one choropleth: figures by area in classes of colour, with legend, search, table and print.

Here: what the maps of `assets/maps` share. A page gives its topics, measures and figures; this module adds areas,
roads, sites, classes and words, and builds the map with folium. What readers do on the page is in `choropleth.js`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from pipelines.draw.areas import (
    Geography,
    Site,
    read_geographies,
    read_outline,
    read_roads,
    read_sites,
)
from pipelines.draw.classes import class_breaks, ramp
from pipelines.draw.facts import Release, date_in_words, read_release
from pipelines.draw.page import (
    Fold,
    Page,
    leaflet_script,
    leaflet_style,
    named,
    own_script,
    render,
    render_map,
)

# Where a figure would stand: withheld by the rule, or there is none.
WITHHELD = "h"
NO_FIGURE = "n"

ROAD_STYLES: dict[str, dict[str, object]] = {
    "motorway": {"weight": 2.4, "color": "#4d4d4d", "opacity": 0.75},
    "a": {"weight": 1.7, "color": "#4d4d4d", "opacity": 0.65},
    "b": {"weight": 1.1, "color": "#4d4d4d", "opacity": 0.6},
    "minor": {"weight": 0.7, "color": "#595959", "opacity": 0.55},
    "local": {"weight": 0.5, "color": "#595959", "opacity": 0.4},
}


@dataclass(frozen=True)
class Cell:
    """Where a measure stands: the column of a table of `published`, in the rows where each of `where` is so.

    `low`, `high`, `inner_low` and `inner_high` are the columns of its intervals.
    """

    table: str
    column: str
    where: Mapping[str, str] = field(default_factory=dict)
    low: str = ""
    high: str = ""
    inner_low: str = ""
    inner_high: str = ""


@dataclass(frozen=True)
class Measure:
    """What is shown of each topic. `unit` may hold '{counts}', what the topic counts, and '{denominator}'.

    `ramp` is a ColorBrewer scheme, `more` what a darker colour of it means, and `colours` a whole sentence in place of
    that, where the scheme parts in two directions; `suffix` follows each figure (' m', '%'), `decimals` is how many are
    printed, `signed` puts a plus before what is above nought. `within_metres` draws a circle of that radius about each
    site. `breaks`, rising, are where its classes part, whatever the figures; without them they are made from those.

    Of a measure with intervals, `interval` is the word between a figure and its range ('likely'), `inner` the words
    before a narrower one, `interval_meaning` a sentence on both, `interval_decimals` how many their ends have. A lower
    end of `withheld_end` stands, in a protected topic, for a figure that would be withheld: the range is told as 'up
    to' its other end, and the legend says why. Areas
    that a figure calls unsure are dotted, and `pale` where the colour would say what is not known: `unsure` says so
    beside the figure, `unsure_rule` in the legend. `outlines`
    are (mark of a figure, its words in the legend) of areas drawn with an outline, the first unbroken, the second
    dashed. `continues` lets the chart of an area begin with the topic's history; `chart` is the measure that is charted
    in place of this one. `withheld` says why a figure is, where that is not for its own count's sake. `published` is
    where its figures stand, if not in a column of the measure's name.
    """

    measure: str
    label: str
    unit: str
    ramp: str
    more: str
    suffix: str = ""
    decimals: int = 0
    within_metres: int | None = None
    breaks: tuple[Decimal | int, ...] = ()
    colours: str = ""
    signed: bool = False
    interval: str = ""
    inner: str = ""
    interval_meaning: str = ""
    interval_decimals: int | None = None
    withheld_end: int | None = None
    unsure: str = ""
    unsure_rule: str = ""
    pale: bool = False
    outlines: tuple[tuple[str, str], ...] = ()
    continues: bool = False
    chart: str = ""
    withheld: str = ""
    published: Cell | None = None


@dataclass(frozen=True)
class Period:
    """A period of a topic, oldest first; `span` says its dates in words, `is_latest` whether it is shown at first.

    Where none is, the last one is.
    """

    period: str
    label: str
    span: str
    is_latest: bool = False


@dataclass(frozen=True)
class Mark:
    """A sign on the map of one topic: `sign` is 'closed' or 'new', `point` (longitude, latitude)."""

    name: str
    point: tuple[float, float]
    sign: str


@dataclass(frozen=True)
class TopicTable:
    """A small table beside the map of one topic. All cells are text; the first of each row is its name.

    One with an `area_type` is shown with that kind of area alone.
    """

    heading: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    area_type: str = ""


@dataclass(frozen=True)
class Topic:
    """One of the choices at the head of the page: a dataset, or a kind of site.

    Topics of one `group` are one choice, and told apart by a second: each by its `variant`, in words (a kind of site,
    by the ways to get there). `is_usual` says which of them is shown at first; where none is, the first.
    `unchanged` says that its figures pass the gate as they are; `source` is one sentence on where its records come
    from, `caveat` one on what its figures lack, `stale` one on newer records that could not be used, `sites` the kind
    of site drawn as points, if any. `caption` stands over the map in place of title and variant; `sentences`, `tables`
    and `marks` are of this topic alone.

    `denominator` is the plural of whom or what its rates are of. By kind of area: `sentences_of` follow the sentences,
    and `notes` stand under the legend. `history` are the periods before the first, for measures that continue it.
    """

    topic: str
    title: str
    counts: str
    periods: tuple[Period, ...]
    source: str
    unchanged: bool = False
    caveat: str = ""
    sites: str = ""
    stale: str = ""
    group: str = ""
    variant: str = ""
    is_usual: bool = False
    caption: str = ""
    sentences: tuple[str, ...] = ()
    tables: tuple[TopicTable, ...] = ()
    marks: tuple[Mark, ...] = ()
    denominator: str = ""
    sentences_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Period, ...] = ()


class Figure(NamedTuple):
    """A figure of one area. `status` is 'published', 'hidden' or 'not applicable'; only the first may carry a value.

    `low` to `high` is the interval that it lies in, `inner_low` to `inner_high` a narrower one; `is_unsure` and `mark`
    are explained by its measure.
    """

    topic: str
    area_type: str
    area_code: str
    period: str
    measure: str
    value: Decimal | int | None
    status: str
    low: Decimal | int | None = None
    high: Decimal | int | None = None
    is_unsure: bool = False
    mark: str = ""
    inner_low: Decimal | int | None = None
    inner_high: Decimal | int | None = None


@dataclass(frozen=True)
class Choropleth:
    """All that one page of this kind shows; see Topic, Measure and Figure.

    `totals` are figures of the whole authority (their area does not matter), `warnings` stand at the head of the panel,
    `about` at its end. `variant_label` is the name of the second choice; `home` the link to the gallery, empty for a
    page that is in none. `history` are figures of the topics' history, one measure for each topic.
    """

    title: str
    sentence: str
    topic_label: str
    topics: Sequence[Topic]
    measures: Sequence[Measure]
    figures: Iterable[Figure]
    totals: Iterable[Figure] = ()
    warnings: Sequence[str] = ()
    about: Sequence[Fold] = ()
    variant_label: str = ""
    home: str = "../index.html"
    history: Iterable[Figure] = ()


def draw_choropleth(con: duckdb.DuckDBPyConnection, page: Choropleth) -> str:
    """The page as HTML, self-contained, the same bytes for the same tables.

    Reads areas, roads, sites and the release's facts from the schema `published`. Figures of areas that
    `published.area` does not have are left out, and their number is said on the page.
    Raises ValueError if a topic has no title, or a hidden figure carries a value.
    """
    release = read_release(con)
    geographies = read_geographies(con)
    sites = read_sites(con)
    kinds = list(dict.fromkeys(topic.sites for topic in page.topics if topic.sites))
    figures, undrawn = arrange_figures(page, geographies)
    history = arrange_history(page, geographies)
    map_html, map_script = folium_map(con, geographies, [sites.get(kind, ()) for kind in kinds])
    about = [*page.about, *_folds(release, undrawn, page.measures)]
    body = render(
        "choropleth.html",
        topic_label=page.topic_label,
        variant_label=page.variant_label,
        search_label="Find an area or a site" if kinds else "Find an area",
        warnings=page.warnings,
        folds=about,
        tells=any(topic.sentences or topic.sentences_of or topic.tables for topic in page.topics),
        map_html=map_html,
        source_line=source_line(release),
        attribution_line=" ".join(release.attributions),
    )
    data = {
        "authority": release.authority_name,
        "withheld": release.withheld,
        "rounding": release.rounding,
        "measures": [_measure_data(measure) for measure in page.measures],
        "geographies": [_geography_data(number, geography) for number, geography in enumerate(geographies)],
        "topics": [
            {
                "id": topic.topic,
                "title": topic.title,
                "group": topic.group or topic.topic,
                "variant": topic.variant,
                "usual": topic.is_usual,
                "counts": topic.counts,
                "source": topic.source,
                "unchanged": topic.unchanged,
                "caveat": topic.caveat,
                "stale": topic.stale,
                "periods": [[period.period, period.label, period.span] for period in topic.periods],
                "latest": max(
                    (number for number, period in enumerate(topic.periods) if period.is_latest),
                    default=len(topic.periods) - 1,
                ),
                "figures": figures[topic.topic],
                "totals": _totals(page, topic),
                "sites": kinds.index(topic.sites) if topic.sites else None,
                "caption": topic.caption,
                "sentences": list(topic.sentences),
                "tables": [
                    [table.heading, table.head, table.rows, table.note, table.area_type]
                    for table in topic.tables
                ],
                "marks": [[mark.name, *mark.point, mark.sign] for mark in topic.marks],
                "denominator": topic.denominator,
                "sentencesOf": {kind: list(said) for kind, said in topic.sentences_of.items()},
                "notes": dict(topic.notes),
                "history": history.get(topic.topic),
            }
            for topic in page.topics
            if figures[topic.topic]  # a topic without any figure of a drawn area is no choice
        ],
        "sites": [[[site.name, site.precision] for site in sites.get(kind, ())] for kind in kinds],
    }
    return Page(
        title=page.title,
        sentence=page.sentence,
        release=release,
        body=body,
        styles=[leaflet_style()],
        scripts=[leaflet_script(), map_script, own_script("map_view.js"), own_script("choropleth.js")],
        data=data,
        home=page.home,
        kind="map",
    ).html()


def arrange_figures(
    page: Choropleth, geographies: Sequence[Geography]
) -> tuple[dict[str, dict[str, dict[str, Any]]], int]:
    """Figures as a page needs them: topic -> area type -> measure -> {breaks, colours, values by period and area}.

    A value is a number, WITHHELD or NO_FIGURE. Breaks are made from published values of all periods, so that colours
    can be compared between periods. With intervals there are `low` and `high` (and `inner_low`, `inner_high`) in the
    form of the values; with unsure or marked figures `unsure` and `outlined` (by mark): numbers of areas, by period.
    Also returns how many areas have figures but are in no geography.
    Raises ValueError if a hidden figure carries a value, or names a topic that the page has not.
    """
    places = _places(geographies)
    periods = {
        topic.topic: {period.period: number for number, period in enumerate(topic.periods)}
        for topic in page.topics
    }
    measures_of = {measure.measure: measure for measure in page.measures}
    found: dict[str, dict[str, dict[str, list[list[Figure | None]]]]] = {topic: {} for topic in periods}
    undrawn: set[tuple[str, str]] = set()
    for figure in page.figures:
        _shown(figure)
        if figure.area_type not in places:
            continue
        place = places[figure.area_type].get(figure.area_code)
        if place is None:
            undrawn.add((figure.area_type, figure.area_code))
            continue
        measures = found[figure.topic].setdefault(figure.area_type, {})
        by_period = measures.setdefault(
            figure.measure, [[None] * len(places[figure.area_type]) for _ in periods[figure.topic]]
        )
        by_period[periods[figure.topic][figure.period]][place] = figure
    arranged: dict[str, dict[str, dict[str, Any]]] = {}
    for topic, by_type in found.items():
        arranged[topic] = {}
        for area_type, by_measure in by_type.items():
            arranged[topic][area_type] = {}
            for measure, cells in by_measure.items():
                values = [[NO_FIGURE if one is None else _shown(one) for one in row] for row in cells]
                if all(value == NO_FIGURE for row in values for value in row):
                    continue  # nothing to choose
                published = [value for row in values for value in row if not isinstance(value, str)]
                breaks = measures_of[measure].breaks or class_breaks(published)
                arranged[topic][area_type][measure] = {
                    "breaks": [_number(value) for value in breaks],
                    "colours": ramp(measures_of[measure].ramp, len(breaks) + 1),
                    "values": [[_number(value) for value in row] for row in values],
                    **_uncertainty(measures_of[measure], cells),
                }
    return arranged, len(undrawn)


def arrange_history(page: Choropleth, geographies: Sequence[Geography]) -> dict[str, dict[str, Any]]:
    """By topic, the figures of its history: {measure, periods, figures by area type: values by period and area}.

    Raises ValueError if a hidden figure carries a value.
    """
    places = _places(geographies)
    periods = {
        topic.topic: {period.period: number for number, period in enumerate(topic.history)}
        for topic in page.topics
        if topic.history
    }
    arranged: dict[str, dict[str, Any]] = {}
    for figure in page.history:
        shown = _shown(figure)
        order = periods.get(figure.topic, {})
        place = places.get(figure.area_type, {}).get(figure.area_code)
        if place is None or figure.period not in order:
            continue
        of_topic = arranged.setdefault(
            figure.topic, {"measure": figure.measure, "periods": list(order), "figures": {}}
        )
        by_period = of_topic["figures"].setdefault(
            figure.area_type, [[NO_FIGURE] * len(places[figure.area_type]) for _ in order]
        )
        by_period[order[figure.period]][place] = _number(shown)
    for topic in page.topics:
        if topic.topic in arranged:
            arranged[topic.topic]["labels"] = [period.label for period in topic.history]
    return arranged


def _places(geographies: Sequence[Geography]) -> dict[str, dict[str, int]]:
    return {
        geography.area_type: {area.code: number for number, area in enumerate(geography.areas)}
        for geography in geographies
    }


def _uncertainty(measure: Measure, cells: Sequence[Sequence[Figure | None]]) -> dict[str, Any]:
    """What a page needs of how sure each figure is, by period: the ends of its intervals; which areas are unsure, or
    marked. Only what the figures have."""

    def ends(of: str) -> list[list[int | float | str]]:
        shown = [[None if one is None else getattr(one, of) for one in row] for row in cells]
        return [[NO_FIGURE if end is None else _number(end) for end in row] for row in shown]

    def numbers(test: Callable[[Figure], bool]) -> list[list[int]]:
        return [[place for place, one in enumerate(row) if one is not None and test(one)] for row in cells]

    def marked(mark: str) -> Callable[[Figure], bool]:
        return lambda one: one.mark == mark

    told: dict[str, Any] = {}
    for words, of in ((measure.interval, ("low", "high")), (measure.inner, ("inner_low", "inner_high"))):
        if words:
            told |= {end: ends(end) for end in of}
    if measure.unsure:
        told["unsure"] = numbers(lambda one: one.is_unsure)
    if measure.outlines:
        told["outlined"] = {mark: numbers(marked(mark)) for mark, _ in measure.outlines}
    return told


def _shown(figure: Figure) -> Decimal | int | str:
    """What the page may hold of a figure. The gate empties hidden cells; should it fail, nothing is drawn at all."""
    if figure.status == "hidden":
        ends = (figure.low, figure.high, figure.inner_low, figure.inner_high)
        if any(value is not None for value in (figure.value, *ends)) or figure.is_unsure or figure.mark:
            raise ValueError(
                f"{figure.topic}, {figure.measure}: a hidden figure carries a value; nothing is drawn"
            )
        return WITHHELD
    if figure.status != "published" or figure.value is None:
        return NO_FIGURE
    return figure.value


def _number(value: Decimal | int | str) -> int | float | str:
    """A number that JSON writes in its shortest form."""
    if isinstance(value, str):
        return value
    return int(value) if value == int(value) else float(value)


def _totals(page: Choropleth, topic: Topic) -> dict[str, list[int | float | str]]:
    totals: dict[str, list[int | float | str]] = {}
    order = {period.period: number for number, period in enumerate(topic.periods)}
    for figure in page.totals:
        if figure.topic == topic.topic and figure.period in order:
            values = totals.setdefault(figure.measure, [NO_FIGURE] * len(order))
            values[order[figure.period]] = _number(_shown(figure))
    return totals


def _measure_data(measure: Measure) -> dict[str, Any]:
    return {
        "id": measure.measure,
        "label": measure.label,
        "unit": measure.unit,
        "more": measure.more,
        "suffix": measure.suffix,
        "decimals": measure.decimals,
        "within": measure.within_metres,
        "meaning": measure.colours,
        "signed": measure.signed,
        "interval": measure.interval,
        "inner": measure.inner,
        "intervalMeaning": measure.interval_meaning,
        "intervalDecimals": measure.decimals
        if measure.interval_decimals is None
        else measure.interval_decimals,
        "withheldEnd": measure.withheld_end,
        "unsure": measure.unsure,
        "unsureRule": measure.unsure_rule,
        "pale": measure.pale,
        "outlines": measure.outlines,
        "continues": measure.continues,
        "chart": measure.chart,
        "withheld": measure.withheld,
        "published": None if measure.published is None else vars(measure.published),
    }


def _geography_data(number: int, geography: Geography) -> dict[str, Any]:
    return {
        "id": geography.area_type,
        "one": geography.one,
        "many": geography.many,
        "layer": f"areas_{number}",
        "areas": [
            [area.code, area.name, area.homes, area.people, area.imd_decile, *area.point]
            for area in geography.areas
        ],
    }


def folium_map(
    con: duckdb.DuckDBPyConnection, geographies: Sequence[Geography], sites: Sequence[Sequence[Site]]
) -> tuple[Any, str]:
    """The folium map as (HTML of its box, script): areas, outline, roads and sites as layers, none of which is shown
    until the page's own script chooses."""
    import folium

    outline = read_outline(con)
    chart = named(
        folium.Map(
            location=[0, 0],  # the script fits the view to the window, and again to the paper
            tiles=None,
            control_scale=True,
            zoom_snap=0.25,
            zoom_delta=0.5,
            wheel_px_per_zoom_level=100,
            max_zoom=18,
            attribution_control=False,  # said in full below the map
            zoom_animation=False,
            fade_animation=False,
        ),
        "map_0",
    )
    for number, (pane, height) in enumerate(
        (("roads", 410), ("borders", 420), ("chosen", 430), ("sites", 440))
    ):
        chart.add_child(
            named(
                folium.map.CustomPane(pane, z_index=height, pointer_events=pane == "sites"), f"pane_{number}"
            )
        )

    def add(name: str, features: Sequence[dict[str, Any]], **options: Any) -> None:
        # Neither folium's tooltips (they put names into the page as markup, unescaped) nor its colours (fixed when the
        # page is made): choropleth.js does both.
        style = options.pop("style", None)
        layer = folium.GeoJson(
            {"type": "FeatureCollection", "features": list(features)},
            style_function=style or (lambda feature: {"weight": 0.6, "color": "#5c5c5c", "fillOpacity": 1}),
            show=False,
            **options,
        )
        chart.add_child(named(layer, name))

    for number, geography in enumerate(geographies):
        add(f"areas_{number}", geography.features, smooth_factor=0.5)
    outlines = [] if outline is None else [{"type": "Feature", "properties": {"i": 0}, "geometry": outline}]
    add(
        "outline_0",
        outlines,
        style=lambda feature: {"weight": 1.8, "color": "#1b1b1b", "fill": False},
        pane="borders",
        interactive=False,
    )
    add(
        "roads_0",
        read_roads(con),
        style=lambda feature: ROAD_STYLES[feature["properties"]["road"]],
        pane="roads",
        interactive=False,
        smooth_factor=1.5,
    )
    for number, of_kind in enumerate(sites):
        features = [
            {
                "type": "Feature",
                "properties": {"i": place},
                "geometry": {"type": "Point", "coordinates": list(site.point)},
            }
            for place, site in enumerate(of_kind)
        ]
        # White with a black ring stands out on every colour of the ramps.
        dot = {"weight": 2.5, "color": "#000000", "fill": True, "fillColor": "#ffffff", "fillOpacity": 1}
        marker = folium.CircleMarker(radius=5.5)
        marker.options["pane"] = "sites"  # folium gives markers none, nor takes one from the layer
        add(f"sites_{number}", features, marker=marker, style=lambda feature, dot=dot: dot)
    return render_map(chart)


def _folds(release: Release, undrawn: int, measures: Sequence[Measure]) -> list[Fold]:
    """What every map says of withholding, sources and how it was drawn."""
    withholding = [release.rule]
    if undrawn:
        of = "1 area are not drawn: its boundary is" if undrawn == 1 else ""
        of = of or f"{undrawn:,} areas are not drawn: their boundaries are"
        withholding.append(f"Figures of {of} not in this release.")
    made = "hold about the same number of areas each, with rounded limits, made from published figures of all periods"
    others = _listed([f"\u201c{measure.label}\u201d" for measure in measures if not measure.breaks])
    classes = f"Classes {made}."
    if any(measure.breaks for measure in measures):
        classes = "Classes are the same throughout this page, so that colours can be compared."
        classes += f" Only those of {others} {made}." if others else ""
    return [
        Fold("What is withheld, and why", tuple(_ended(text) for text in withholding)),
        sources_fold(release),
        Fold(
            "How this map was drawn",
            (
                f"{classes} Boundaries are simplified for the screen; neighbours keep their shared edge. North is at "
                "the top.",
                "LSOA: lower layer super output area, about 650 homes. MSOA: middle layer, about 3,000 homes.",
            ),
        ),
    ]


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: with commas and one 'and'."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sources_fold(release: Release) -> Fold:
    """Whom each source and dataset is from, of which date, and by which licence."""
    return Fold("Sources and licences", items=tuple(_source_item(release)))


def _source_item(release: Release) -> list[str]:
    items: list[tuple[str, ...]] = [
        (item.title, item.publisher, item.epoch, item.licence, item.attribution) for item in release.sources
    ]
    items += [
        (
            item.title,
            item.owner,
            f"as at {date_in_words(item.last_as_at)}",
            item.stale,
            item.licence,
            item.attribution,
        )
        for item in release.datasets
    ]
    return [". ".join(part.rstrip(".") for part in item if part) + "." for item in items]


def source_line(release: Release) -> str:
    """The open sources by name and edition, as a sentence."""
    sources = [f"{item.title} ({item.epoch})" if item.epoch else item.title for item in release.sources]
    return f"Places: {'; '.join(sources)}." if sources else ""


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
