"""Map of the distance to the nearest site: for planners who ask which homes are far from a library or a surgery."""

from __future__ import annotations

from decimal import Decimal

import duckdb

from pipelines import draw as drawing

TITLE = "Distance to the nearest site"
SENTENCE = "How far homes are from the nearest place that a service is delivered from, in a straight line."
PLACE = 2  # in the gallery
DEPENDS_ON = (
    "published.distance_to_site",
    "published.area",
    "published.road",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

WITHIN_METRES = (400, 800, 1600)
MEASURES = (
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


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release = drawing.read_release(con)
    figures = _figures(con)
    page = drawing.Choropleth(
        title=TITLE,
        sentence=SENTENCE,
        topic_label="Kind of site",
        topics=[_topic(con, release, kind) for kind in _kinds(con)],
        measures=MEASURES,
        figures=[figure for figure in figures if figure.area_type not in WHOLE],
        totals=[figure for figure in figures if figure.area_type in WHOLE],
        warnings=[
            "Straight-line distance, not by road or on foot. The way there is always longer, and much longer across "
            "rivers, railways and hills."
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
    return drawing.draw_choropleth(con, page)


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small picture of the median distance to the first kind of site, with its sites, as inline SVG."""
    kinds = _kinds(con)
    first = [
        one for one in _figures(con) if kinds and one.topic == kinds[0] and one.measure == "median_metres"
    ]
    return drawing.draw_map_thumbnail(con, first, MEASURES[0].ramp, site_kind=kinds[0] if kinds else "")


def _kinds(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "SELECT DISTINCT site_kind FROM published.distance_to_site ORDER BY site_kind"
    ).fetchall()
    return [kind for (kind,) in rows]


def _topic(con: duckdb.DuckDBPyConnection, release: drawing.Release, kind: str) -> drawing.Topic:
    facts = release.dataset(kind)
    title = facts.title if facts else kind.replace("_", " ").capitalize()
    dated = f", as at {drawing.date_in_words(facts.last_as_at)}" if facts else ""
    left_out = _left_out(con, kind)
    return drawing.Topic(
        kind,
        title,
        "homes",
        (drawing.Period("", f"sites{dated.replace(',', '')}", ""),),
        source=f"Sites: {title}{dated}. {_stale(facts)}{left_out}Straight-line distance, not by road.",
        unchanged=True,
        sites=kind,
    )


def _stale(facts: drawing.Dataset | None) -> str:
    return f"{facts.stale} " if facts and facts.stale else ""


def _left_out(con: duckdb.DuckDBPyConnection, kind: str) -> str:
    """Sentences on the sites that have no coordinates and the homes that could not be measured; empty if none."""
    ((sites,),) = con.execute(
        "SELECT count(*) FROM published.site WHERE site_kind = ? AND (easting IS NULL OR northing IS NULL)",
        [kind],
    ).fetchall()
    ((homes,),) = con.execute(
        """
        SELECT coalesce(sum(homes - homes_measured), 0) FROM published.distance_to_site
        WHERE site_kind = ? AND area_type IN ('authority', 'lad')
        """,
        [kind],
    ).fetchall()
    text = f"Not drawn, since without coordinates: {sites:,}. " if sites else ""
    return text + (f"Homes that could not be measured: {int(homes):,}. " if homes > 0 else "")


def _figures(con: duckdb.DuckDBPyConnection) -> list[drawing.Figure]:
    rows = con.execute(
        """
        SELECT site_kind, area_type, area_code, homes_measured, median_metres,
            homes_within_400m, homes_within_800m, homes_within_1600m
        FROM published.distance_to_site ORDER BY site_kind, area_type, area_code
        """
    ).fetchall()
    figures = []
    for kind, area_type, code, measured, median, *within in rows:
        shares = [_per_cent(part, measured) for part in within]
        for measure, value in zip(MEASURES, (median, *shares), strict=True):
            status = "not applicable" if value is None else "published"
            figures.append(drawing.Figure(kind, area_type, code, "", measure.measure, value, status))
    return figures


def _per_cent(part: int | None, whole: int | None) -> int | None:
    """Whole per cent, halves up; None where there is nothing to divide."""
    if part is None or not whole:
        return None
    return int((Decimal(100 * part) / whole + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))
