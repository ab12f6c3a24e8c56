"""Map of the way to the nearest site: for planners who ask how long homes take to a library or a surgery.

By road where the release has roads, on foot, by bicycle and by car; else in a straight line. Who is too far is on the
page `gaps`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import duckdb

from pipelines import draw as drawing
from pipelines.draw.travel import MODES, Roads, roads_fold, roads_of_release, speeds_fold

TITLE = "Travel to the nearest site"
SENTENCE = "How long homes take to the nearest place that a service is delivered from, by road."
PLACE = 3  # in the gallery
DEPENDS_ON = (
    "published.travel_by_area",
    "published.accessibility",
    "published.travel_gap",
    "published.travel_speed",
    "published.road_finding",
    "published.distance_to_site",
    "published.area",
    "published.road",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

WITHIN_MINUTES = (5, 10, 15, 20, 30)
SHARES = (10, 25, 50, 75, 90)  # per cent: where classes part, by whichever way
WITHIN_METRES = (400, 800, 1600)
BY_ROAD = (
    drawing.Measure(
        "median_minutes",
        "Median time to the nearest site",
        "minutes from door to door; half of homes are nearer",
        ramp="YlOrBr",
        more="farther",
        suffix=" min",
        decimals=1,
        breaks=WITHIN_MINUTES,
    ),
    *(
        drawing.Measure(
            f"within_{minutes}_minutes",
            f"Homes within {minutes} minutes",
            "share of homes, per cent",
            ramp="YlGnBu",
            more="more homes near a site",
            suffix="%",
            breaks=SHARES,
        )
        for minutes in WITHIN_MINUTES
    ),
    drawing.Measure(
        "homes_without_way",
        "Homes without any way there",
        "number of homes from which no road leads to a site",
        ramp="YlOrBr",
        more="more homes cut off",
        breaks=(1, 5, 10, 50, 100),
    ),
    drawing.Measure(
        "score",
        "Accessibility by floating catchment",
        "{counts}: sites within 30 minutes, nearer ones weighing more, shared with all who reach them",
        ramp="PuBuGn",
        more="more to reach",
        decimals=2,
    ),
)
IN_A_STRAIGHT_LINE = (
    drawing.Measure(
        "median_metres",
        "Median straight-line distance",
        "metres from home to nearest site; half of homes are nearer",
        ramp="YlOrBr",
        more="farther",
        suffix=" m",
    ),
    *(
        drawing.Measure(
            f"within_{metres}m",
            f"Homes within {metres:,} m in a straight line",
            "share of homes, per cent",
            ramp="YlGnBu",
            more="more homes near a site",
            suffix="%",
            within_metres=metres,
        )
        for metres in WITHIN_METRES
    ),
)
WHOLE = ("authority", "lad")


class Kind(NamedTuple):
    """A kind of site, and the way in which people are expected to come; both empty where no time is known."""

    site_kind: str
    mode: str
    within_minutes: int | None


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release, roads = drawing.read_release(con), roads_of_release(con)
    if roads is None:
        return drawing.draw_choropleth(con, _in_a_straight_line(con, release))
    return drawing.draw_choropleth(con, _by_road(con, release, roads))


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small picture of the median way to the first kind of site, with its sites, as inline SVG."""
    if roads_of_release(con) is None:
        kinds = _kinds_in_a_line(con)
        figures, measure = _distances(con), IN_A_STRAIGHT_LINE[0]
        topic = site_kind = kinds[0] if kinds else ""
    else:
        first = _kinds(con)[:1]
        figures, measure = _times(con), BY_ROAD[0]
        topic, site_kind = (
            (f"{first[0].site_kind}.{first[0].mode}", first[0].site_kind) if first else ("", "")
        )
    shown = [one for one in figures if one.topic == topic and one.measure == measure.measure]
    return drawing.draw_map_thumbnail(con, shown, measure.ramp, site_kind=site_kind)


# --- by road ----------------------------------------------------------------------------------------------------------


def _by_road(con: duckdb.DuckDBPyConnection, release: drawing.Release, roads: Roads) -> drawing.Choropleth:
    figures = _times(con)
    return drawing.Choropleth(
        title=TITLE,
        sentence=SENTENCE,
        topic_label="Kind of site",
        variant_label="How people come",
        topics=[topic for kind in _kinds(con) for topic in _ways(con, release, kind)],
        measures=BY_ROAD,
        figures=[figure for figure in figures if figure.area_type not in WHOLE],
        totals=[figure for figure in figures if figure.area_type in WHOLE],
        warnings=[roads.warning],
        about=[
            drawing.Fold(
                "How travel is measured",
                (
                    "From each home on foot to the nearest road, along the roads by the quickest way, and from the "
                    "road to the site. The nearest site is the quickest to reach. A site just across the border counts "
                    "only if the data hold it.",
                    "A home from which no road leads to any site is not within 5 minutes of one, nor within 30.",
                    "Accessibility is the enhanced two-step floating catchment (E2SFCA): a site that many reach counts "
                    "less for each. It compares areas; it is not what anybody gets.",
                    "The way shown first is the one by which people are expected to come to sites of the kind.",
                ),
            ),
            roads_fold(roads),
            speeds_fold(roads),
        ],
    )


def _kinds(con: duckdb.DuckDBPyConnection) -> list[Kind]:
    rows = con.execute(
        """
        SELECT DISTINCT travel.site_kind, coalesce(gap.mode, ''), gap.within_minutes
        FROM published.travel_by_area AS travel
        LEFT JOIN published.travel_gap AS gap ON gap.site_kind = travel.site_kind AND gap.is_usual_mode
        ORDER BY travel.site_kind
        """
    ).fetchall()
    return [Kind(*row) for row in rows]


def _ways(con: duckdb.DuckDBPyConnection, release: drawing.Release, kind: Kind) -> list[drawing.Topic]:
    facts = release.dataset(kind.site_kind)
    title = _title(facts, kind.site_kind)
    units = dict(
        con.execute("SELECT DISTINCT site_kind, unit FROM published.accessibility ORDER BY ALL").fetchall()
    )
    limit = f"More than {kind.within_minutes} minutes is called too far. " if kind.within_minutes else ""
    return [
        drawing.Topic(
            f"{kind.site_kind}.{mode}",
            title,
            units.get(kind.site_kind, ""),
            (_period(facts),),
            source=(
                f"Sites: {title}{_dated(facts)}. {limit if mode == kind.mode else ''}"
                f"{_not_drawn(con, kind.site_kind)}{_not_measured(con, kind.site_kind, mode)}"
            ).strip(),
            unchanged=True,
            sites=kind.site_kind,
            stale=facts.stale if facts else "",
            group=kind.site_kind,
            variant=words,
            is_usual=mode == kind.mode,
        )
        for mode, words in MODES.items()
        if mode in _modes(con)
    ]


def _modes(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute("SELECT DISTINCT mode FROM published.travel_by_area ORDER BY mode").fetchall()
    return [mode for (mode,) in rows]


def _not_measured(con: duckdb.DuckDBPyConnection, kind: str, mode: str) -> str:
    """Sentences on homes whose time is not known or doubtful, or that reach no site; empty if none."""
    ((unmeasured, cut_off, far, across),) = con.execute(
        """
        SELECT coalesce(sum(homes - homes_measured), 0), coalesce(sum(homes_without_way), 0),
            coalesce(sum(homes_far_from_road), 0), coalesce(sum(homes_across_water), 0)
        FROM published.travel_by_area WHERE site_kind = ? AND mode = ? AND area_type IN ('authority', 'lad')
        """,
        [kind, mode],
    ).fetchall()
    return "".join(
        f"{words}: {int(homes):,}. "
        for words, homes in (
            ("Homes that could not be measured", unmeasured),
            ("Homes without any way to a site", cut_off),
            ("Homes so far from any road that their time is doubtful", far),
            ("Homes with water between them and every road near", across),
        )
        if homes
    )


def _times(con: duckdb.DuckDBPyConnection) -> list[drawing.Figure]:
    rows = con.execute(
        f"""
        SELECT site_kind || '.' || mode AS topic, area_type, area_code, homes_measured, median_minutes,
            {", ".join(f"homes_within_{minutes}_minutes" for minutes in WITHIN_MINUTES)}, homes_without_way,
            sum(homes_without_way) OVER (PARTITION BY site_kind, mode) > 0, accessibility.score
        FROM published.travel_by_area
        LEFT JOIN (
            SELECT site_kind, mode, area_type, area_code, score FROM published.accessibility
        ) AS accessibility USING (site_kind, mode, area_type, area_code)
        ORDER BY topic, area_type, area_code
        """
    ).fetchall()
    figures = []
    for topic, area_type, code, measured, median, *within, cut_off, any_cut_off, score in rows:
        # Where nobody is cut off, there is nothing to choose.
        values = (
            median,
            *(_per_cent(part, measured) for part in within),
            cut_off if any_cut_off else None,
            None if score is None else score.quantize(Decimal("0.01")),
        )
        figures += _shown(topic, area_type, code, zip(BY_ROAD, values, strict=True))
    return figures


# --- in a straight line -----------------------------------------------------------------------------------------------


def _in_a_straight_line(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> drawing.Choropleth:
    figures = _distances(con)
    return drawing.Choropleth(
        title=TITLE,
        sentence="How far homes are from the nearest place that a service is delivered from, in a straight line.",
        topic_label="Kind of site",
        topics=[_line(con, release, kind) for kind in _kinds_in_a_line(con)],
        measures=IN_A_STRAIGHT_LINE,
        figures=[figure for figure in figures if figure.area_type not in WHOLE],
        totals=[figure for figure in figures if figure.area_type in WHOLE],
        warnings=[
            "Straight-line distance, not by road or on foot: this release has no roads. The way there is always "
            "longer, and much longer across rivers, railways and hills."
        ],
        about=[
            drawing.Fold(
                "How distance is measured",
                (
                    "From each home to the nearest site of this kind inside the data, in a straight line. A site just "
                    "across the border counts only if the data hold it.",
                    "400 m, 800 m and 1,600 m in a straight line: roughly 5, 10 and 20 minutes' walk where streets "
                    "are direct, more elsewhere.",
                ),
            )
        ],
    )


def _kinds_in_a_line(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "SELECT DISTINCT site_kind FROM published.distance_to_site ORDER BY site_kind"
    ).fetchall()
    return [kind for (kind,) in rows]


def _line(con: duckdb.DuckDBPyConnection, release: drawing.Release, kind: str) -> drawing.Topic:
    facts = release.dataset(kind)
    title = _title(facts, kind)
    ((homes,),) = con.execute(
        """
        SELECT coalesce(sum(homes - homes_measured), 0) FROM published.distance_to_site
        WHERE site_kind = ? AND area_type IN ('authority', 'lad')
        """,
        [kind],
    ).fetchall()
    unmeasured = f"Homes that could not be measured: {int(homes):,}. " if homes > 0 else ""
    return drawing.Topic(
        kind,
        title,
        "homes",
        (_period(facts),),
        source=(
            f"Sites: {title}{_dated(facts)}. {_not_drawn(con, kind)}{unmeasured}Straight-line distance, not by road."
        ),
        unchanged=True,
        sites=kind,
        stale=facts.stale if facts else "",
    )


def _distances(con: duckdb.DuckDBPyConnection) -> list[drawing.Figure]:
    rows = con.execute(
        """
        SELECT site_kind, area_type, area_code, homes_measured, median_metres,
            homes_within_400m, homes_within_800m, homes_within_1600m
        FROM published.distance_to_site ORDER BY site_kind, area_type, area_code
        """
    ).fetchall()
    figures = []
    for kind, area_type, code, measured, median, *within in rows:
        values = (median, *(_per_cent(part, measured) for part in within))
        figures += _shown(kind, area_type, code, zip(IN_A_STRAIGHT_LINE, values, strict=True))
    return figures


# --- both -------------------------------------------------------------------------------------------------------------


def _shown(
    topic: str, area_type: str, code: str, values: Iterable[tuple[drawing.Measure, Decimal | int | None]]
) -> list[drawing.Figure]:
    return [
        drawing.Figure(
            topic,
            area_type,
            code,
            "",
            measure.measure,
            value,
            "not applicable" if value is None else "published",
        )
        for measure, value in values
    ]


def _title(facts: drawing.Dataset | None, kind: str) -> str:
    return facts.title if facts else kind.replace("_", " ").capitalize()


def _dated(facts: drawing.Dataset | None) -> str:
    return f", as at {drawing.date_in_words(facts.last_as_at)}" if facts else ""


def _period(facts: drawing.Dataset | None) -> drawing.Period:
    return drawing.Period("", f"sites{_dated(facts).replace(',', '')}", "")


def _not_drawn(con: duckdb.DuckDBPyConnection, kind: str) -> str:
    ((sites,),) = con.execute(
        "SELECT count(*) FROM published.site WHERE site_kind = ? AND (easting IS NULL OR northing IS NULL)",
        [kind],
    ).fetchall()
    return f"Sites not drawn, since without coordinates: {sites:,}. " if sites else ""


def _per_cent(part: int | None, whole: int | None) -> int | None:
    """Whole per cent, halves up; 0 and 100 of none and all alone. None where there is nothing to divide."""
    if part is None or not whole:
        return None
    if part in (0, whole):
        return 100 if part else 0
    return min(
        99, max(1, int((Decimal(100 * part) / whole + Decimal("0.5")).to_integral_value("ROUND_FLOOR")))
    )
