"""Map of recorded use: for planners who ask where a service is used most, in all, for its homes or people, and how
sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import duckdb

from pipelines import draw as drawing

TITLE = "Recorded use by area"
SENTENCE = (
    "Where each service was used, as its own records show. Records tell who was reached, not who was missed."
)
PLACE = 1  # in the gallery
DEPENDS_ON = (
    "published.demand_by_area",
    "published.demand_estimate",
    "published.demand_against_expected",
    "published.precision_by_geography",
    "published.area",
    "published.road",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

LIKELY = "Likely: the range that holds it with 95% confidence."
# For those of a measure whose range says little: as wide as the figure is a standard error of about a quarter of it,
# from which statistical offices warn of theirs.
UNSURE = "uncertain: the range is wider than the figure"
DENOMINATORS = {"homes": "homes", "people": "people", "people_65_and_over": "people aged 65 and over"}
# (standardised_for, what the measure is called after it), in the order in which a page offers them.
STANDARDISED = (
    ("nothing", ""),
    ("age", ", given age"),
    ("tenure", ", given tenure"),
    ("deprivation", ", given deprivation"),
)
CLUSTERS = (
    ("high", "Neighbours high together, after correction for many comparisons"),
    ("low", "Neighbours low together, after correction for many comparisons"),
)

MEASURES = (
    drawing.Measure(
        "recorded_use", "Recorded use", "number of {counts}", ramp="YlGnBu", more="more recorded use"
    ),
    drawing.Measure(
        "shrunken_rate",
        "Rate, with the chance taken out",
        "{counts} per 1,000 {denominator}, drawn towards what is usual among the areas where numbers are small",
        ramp="YlGnBu",
        more="more recorded use for its size",
        decimals=1,
        interval="likely",
        interval_meaning=LIKELY,
        unsure=UNSURE,
        unsure_rule="Dotted, uncertain: the likely range is wider than the figure itself",
        published=drawing.Cell("demand_estimate", "shrunken_rate", low="shrunken_low", high="shrunken_high"),
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
    *(
        drawing.Measure(
            f"ratio_{standard}",
            f"Against what is expected{words}",
            "recorded {counts} for each one that the authority's rate"
            + (f", by {standard}," if words else "")
            + " would give",
            ramp="PuOr",
            more="",
            decimals=2,
            breaks=tuple(Decimal(one) for one in ("0.5", "0.67", "0.9", "1.1", "1.5", "2")),
            colours="Purple: more than expected. Orange: less. 1.00 is as expected.",
            interval="likely",
            interval_meaning=LIKELY,
            unsure="not shown to differ from expected: the range holds 1",
            unsure_rule="Pale and dotted, not shown to differ from expected: the likely range holds 1",
            pale=True,
            outlines=CLUSTERS,
            chart="shrunken_rate",
            withheld="worked out of counts that are withheld",
            published=drawing.Cell(
                "demand_against_expected",
                "ratio",
                {"standardised_for": standard},
                low="ratio_low",
                high="ratio_high",
            ),
        )
        for standard, words in STANDARDISED
    ),
)
# What the whole authority is called in published.demand_by_area and in published.area.
WHOLE = ("authority", "lad")


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release = drawing.read_release(con)
    names = [name for (name,) in _datasets(con)]
    figures = [one for one in (*_figures(con), *_rates(con), *_ratios(con)) if one.topic in names]
    notes, denominators = _notes(con), _denominators(con)
    page = drawing.Choropleth(
        title=TITLE,
        sentence=SENTENCE,
        topic_label="Dataset",
        topics=[
            replace(
                _topic(con, release, name),
                notes=notes.get(name, {}),
                denominator=denominators.get(name, "homes"),
            )
            for name in names
        ],
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
            ),
            drawing.Fold(
                "How sure the figures are",
                (
                    "Where few are counted, a rate moves by chance alone. The rate with the chance taken out lies "
                    "between the area's own and what is usual among areas of its kind: nearer its own, the more there "
                    "is to count (empirical Bayes). Its range allows for chance and for the rounding of counts.",
                    "What is expected is what the area would have if its homes or people used the service as those "
                    "of the whole authority do, alike in age, tenure or deprivation where that is said. A figure of "
                    "1.50 is half as much again. Where the range holds 1, chance alone could be the reason. These "
                    "figures are as counted, not drawn towards others: of forty areas two will lie outside by chance.",
                    "Outlined areas lie among neighbours that are as high (or as low) as they are, more so than chance "
                    "would put them together (local Moran's I, corrected by the false discovery rate).",
                    "All of this is of recorded use. It does not tell who went without.",
                ),
            ),
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


def _rates(con: duckdb.DuckDBPyConnection) -> Iterator[drawing.Figure]:
    """Rates with the chance taken out; of the whole authority its own rate, which nothing is taken out of."""
    for name, kind, code, period, rate, low, high, status in con.execute(
        """
        SELECT dataset, area_type, area_code, period, shrunken_rate, shrunken_low, shrunken_high, status
        FROM published.demand_estimate ORDER BY ALL
        """
    ).fetchall():
        unsure = rate is not None and low is not None and high - low > rate
        yield drawing.Figure(name, kind, code, period, "shrunken_rate", rate, status, low, high, unsure)
    for dataset, period, rate in con.execute(
        """
        SELECT dataset, period, max(authority_rate) FROM published.demand_estimate
        WHERE authority_rate IS NOT NULL GROUP BY dataset, period ORDER BY ALL
        """
    ).fetchall():
        yield drawing.Figure(dataset, WHOLE[0], "", period, "shrunken_rate", rate, "published")


def _ratios(con: duckdb.DuckDBPyConnection) -> Iterator[drawing.Figure]:
    """Recorded use against expected, by what it is standardised for; areas of a cluster bear its mark."""
    for name, kind, code, period, standard, ratio, low, high, cluster, is_cluster, status in con.execute(
        """
        SELECT dataset, area_type, area_code, period, standardised_for, ratio, ratio_low, ratio_high, cluster,
            is_cluster, status
        FROM published.demand_against_expected ORDER BY ALL
        """
    ).fetchall():
        unsure = low is not None and low <= 1 <= high
        mark = cluster if is_cluster and cluster in dict(CLUSTERS) else ""
        measure = f"ratio_{standard}"
        yield drawing.Figure(name, kind, code, period, measure, ratio, status, low, high, unsure, mark)


def _denominators(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """By dataset, whom or what its rates are of, in words."""
    rows = con.execute(
        "SELECT dataset, max(denominator) FROM published.demand_estimate GROUP BY dataset ORDER BY dataset"
    ).fetchall()
    return {name: DENOMINATORS.get(of, of) for name, of in rows if of is not None}


def _notes(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """By dataset and kind of area: how many of its records are placed precisely enough for such areas."""
    notes: dict[str, dict[str, str]] = {}
    for name, area_type, percent, status in con.execute(
        """
        SELECT dataset, geography, percent_precise_enough, records_precise_enough_status
        FROM published.precision_by_geography ORDER BY ALL
        """
    ).fetchall():
        share = drawing.share_in_words(percent)
        if share:
            said = f"{share[0].upper()}{share[1:]} of its records are placed precisely enough for this kind of area."
        elif status == "hidden":
            said = "How many of its records are placed precisely enough for this kind of area is withheld."
        else:
            continue
        notes.setdefault(name, {})[area_type] = said
    return notes
