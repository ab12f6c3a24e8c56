"""Map of recorded use: for planners who ask where a service is used most, in all and for its homes or people."""

from __future__ import annotations

from datetime import date

import duckdb

from pipelines import draw as drawing

TITLE = "Recorded use by area"
SENTENCE = (
    "Where each service was used, as its own records show. Records tell who was reached, not who was missed."
)
PLACE = 1  # in the gallery
DEPENDS_ON = (
    "published.demand_by_area",
    "published.area",
    "published.road",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

MEASURES = (
    drawing.Measure(
        "recorded_use", "Recorded use", "number of {counts}", ramp="YlGnBu", more="more recorded use"
    ),
    drawing.Measure(
        "rate_per_1000_homes",
        "Recorded use per 1,000 homes",
        "{counts} per 1,000 homes",
        ramp="YlGnBu",
        more="more recorded use for its homes",
        decimals=1,
    ),
    drawing.Measure(
        "rate_per_1000_people",
        "Recorded use per 1,000 people",
        "{counts} per 1,000 people",
        ramp="YlGnBu",
        more="more recorded use for its people",
        decimals=1,
    ),
)
# What the whole authority is called in published.demand_by_area and in published.area.
WHOLE = ("authority", "lad")


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release = drawing.read_release(con)
    figures = _figures(con)
    page = drawing.Choropleth(
        title=TITLE,
        sentence=SENTENCE,
        topic_label="Dataset",
        topics=[_topic(con, release, name) for (name,) in _datasets(con)],
        measures=MEASURES,
        figures=[figure for figure in figures if figure.area_type not in WHOLE],
        totals=[figure for figure in figures if figure.area_type in WHOLE],
        about=[
            drawing.Fold(
                "What recorded use is",
                (
                    "One record counts as what the service's dataset says: an account, a tenancy, an event. "
                    "A low figure can mean that few asked, that few were reached, or that records could not be placed: "
                    "see the page on data quality.",
                    "Rates are computed from published counts only.",
                ),
            )
        ],
    )
    return drawing.draw_choropleth(con, page)


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small picture of the newest recorded use of the first dataset, as inline SVG."""
    names = _datasets(con)
    latest = [
        figure
        for figure in _figures(con)
        if names and figure.topic == names[0][0] and figure.measure == "recorded_use"
    ]
    newest = {
        period
        for (period,) in con.execute(
            "SELECT DISTINCT period FROM published.demand_by_area WHERE is_latest AND dataset = ?",
            [names[0][0] if names else ""],
        ).fetchall()
    }
    return drawing.draw_map_thumbnail(con, [one for one in latest if one.period in newest], MEASURES[0].ramp)


def _datasets(con: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    return con.execute(
        """
        SELECT dataset FROM published.demand_by_area LEFT JOIN published.dataset USING (dataset)
        GROUP BY dataset ORDER BY any_value(title), dataset
        """
    ).fetchall()


def _topic(con: duckdb.DuckDBPyConnection, release: drawing.Release, name: str) -> drawing.Topic:
    facts = release.dataset(name)
    rows = con.execute(
        """
        SELECT period, min(period_start), max(period_end), bool_and(is_complete), bool_or(is_latest)
        FROM published.demand_by_area WHERE dataset = ? GROUP BY period ORDER BY 2, 1
        """,
        [name],
    ).fetchall()
    periods = tuple(
        drawing.Period(
            period,
            drawing.period_in_words(period) + ("" if is_complete else ", not complete"),
            _span(period, first, last),
            is_latest,
        )
        for period, first, last, is_complete, is_latest in rows
    )
    if facts is None:
        return drawing.Topic(name, name.replace("_", " ").capitalize(), "records", periods, source="")
    owner = f", {facts.owner}" if facts.owner else ""
    return drawing.Topic(
        name,
        facts.title,
        drawing.count_in_words(facts.counts),
        periods,
        source=f"Records: {facts.title}{owner}, data to {drawing.date_in_words(facts.last_as_at)}.",
        unchanged=facts.is_open,
        caveat=_caveat(facts),
        stale=facts.stale,
    )


def _caveat(facts: drawing.Dataset) -> str:
    if not facts.withheld_rows:
        return ""
    return (
        f"The publisher withheld the number in {facts.withheld_rows:,} rows, which count as nothing here: "
        "figures are at least what they say. Nothing else is withheld."
    )


def _span(period: str, first: date | None, last: date | None) -> str:
    """Dates of a period in words; empty where its name says them already."""
    if first is None or last is None:
        return ""
    if first == last:
        return f"as at {drawing.date_in_words(last)}"
    if drawing.period_in_words(period) != period:
        return ""
    return f"{drawing.date_in_words(first)} to {drawing.date_in_words(last)}"


def _figures(con: duckdb.DuckDBPyConnection) -> list[drawing.Figure]:
    rows = con.execute(
        """
        SELECT dataset, area_type, area_code, period, measure, value, recorded_use_status
        FROM (
            SELECT dataset, area_type, area_code, period, recorded_use_status,
                unnest(['recorded_use', 'rate_per_1000_homes', 'rate_per_1000_people']) AS measure,
                unnest([recorded_use, rate_per_1000_homes, rate_per_1000_people]) AS value
            FROM published.demand_by_area
        )
        ORDER BY ALL
        """
    ).fetchall()
    return [drawing.Figure(*row) for row in rows]
