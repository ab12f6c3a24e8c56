"""Map of the recorded use to come: for planners who ask what to get ready for, and how far that can be trusted.

It shows forecasts with their ranges, how such forecasts did in back-tests, and for whom they did worse. What is
foretold is recorded use, which is not the same as what people need.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb

from pipelines import draw as drawing

TITLE = "What is coming"
SENTENCE = "Recorded use of each service in its next periods, as its own past foretells it, and how far to trust that."
PLACE = 2  # in the gallery
DEPENDS_ON = (
    "published.forecast",
    "published.forecast_skill",
    "published.forecast_by_group",
    "published.early_sign",
    "published.demand_by_area",
    "published.area",
    "published.road",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

RANGES = "90%, 50%: the range that is meant to hold the figure nine times, or five times, out of ten."
SIGNS = {"more than forecast": "more", "fewer than forecast": "fewer"}
MEASURES = (
    drawing.Measure(
        "forecast",
        "Forecast of recorded use",
        "number of {counts} in the period, as forecast",
        ramp="YlGnBu",
        more="more recorded use",
        decimals=1,
        interval="90%:",
        inner="50%:",
        interval_decimals=0,
        interval_meaning=RANGES,
        withheld_end=0,
        withheld="worked out of counts that are withheld",
        unsure="uncertain: the 90% range is wider than the figure",
        unsure_rule="Dotted, uncertain: the 90% range is wider than the figure itself",
        outlines=(
            (
                "more",
                "Early sign: recorded more than was forecast for its last period, after correction for many tests",
            ),
            (
                "fewer",
                "Early sign: recorded fewer than was forecast for its last period, after correction for many tests",
            ),
        ),
        continues=True,
        published=drawing.Cell(
            "forecast", "forecast", low="low_90", high="high_90", inner_low="low_50", inner_high="high_50"
        ),
    ),
    drawing.Measure(
        "forecast_change",
        "Change against the last recorded",
        "forecast {counts} against those recorded in the last whole period, per cent more or less",
        ramp="PuOr",
        more="",
        suffix="%",
        breaks=(-30, -10, 10, 30),
        colours="Purple: more. Orange: fewer.",
        signed=True,
        interval="90%:",
        interval_meaning="90%: the range that is meant to hold the figure nine times out of ten.",
        withheld_end=-100,
        chart="forecast",
        withheld="worked out of counts that are withheld",
        unsure="no clear change: the 90% range holds what was last recorded",
        pale=True,
        unsure_rule="Pale and dotted, no clear change: the 90% range holds what was last recorded",
    ),
)
# What the whole authority is called in published.forecast.
WHOLE = "authority"
HISTORY = 12  # periods before the forecast in the chart of an area
ONE = {"lsoa": "an LSOA", "msoa": "an MSOA", "ward": "a ward"}
KINDS = {"lsoa": "LSOAs", "msoa": "MSOAs", "ward": "wards"}
BREAKDOWNS = {
    "deprivation decile": "By deprivation decile of the area (1 = most)",
    "tenure": "By tenure of the area",
}
WITHHELD = "withheld"


@dataclass(frozen=True)
class Forecast:
    """A row of published.forecast; figures are None where it is hidden or there is none."""

    dataset: str
    area_type: str
    area_code: str
    period: str
    last_recorded: int | None
    forecast: Decimal | None
    low_50: int | None
    high_50: int | None
    low_90: int | None
    high_90: int | None
    status: str


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release = drawing.read_release(con)
    forecasts = _forecasts(con)
    marks = _marks(con)
    figures = [figure for one in forecasts for figure in _figures(one, marks)]
    # A service of which every forecast is withheld is still a choice.
    names = sorted({one.dataset for one in forecasts if one.status != "not applicable"})
    page = drawing.Choropleth(
        title=TITLE,
        sentence=SENTENCE,
        topic_label="Dataset",
        topics=[_topic(con, release, name) for name in sorted(names, key=lambda name: _title(release, name))],
        measures=MEASURES,
        figures=[figure for figure in figures if figure.topic in names and figure.area_type != WHOLE],
        totals=[figure for figure in figures if figure.area_type == WHOLE],
        history=_history(con),
        about=[*_not_forecast(con, release, names), _how()],
    )
    return drawing.draw_choropleth(con, page)


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small picture of the first service's forecast for its next period, as inline SVG."""
    release = drawing.read_release(con)
    forecasts = [one for one in _forecasts(con) if one.status != "not applicable"]
    if not forecasts:
        return ""
    first = min({one.dataset for one in forecasts}, key=lambda name: _title(release, name))
    ours = [one for one in forecasts if one.dataset == first]
    figures = [
        figure
        for one in ours
        if one.period == ours[0].period
        for figure in _figures(one, {})
        if figure.measure == "forecast"
    ]
    return drawing.draw_map_thumbnail(con, figures, MEASURES[0].ramp)


def _forecasts(con: duckdb.DuckDBPyConnection) -> list[Forecast]:
    rows = con.execute(
        """
        SELECT dataset, area_type, area_code, period, last_recorded, forecast, low_50, high_50, low_90, high_90, status
        FROM published.forecast WHERE period IS NOT NULL ORDER BY dataset, period_start, area_type, area_code
        """
    ).fetchall()
    return [Forecast(*row) for row in rows]


def _marks(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], str]:
    """Which areas gave an early sign, by dataset, kind of area and area."""
    rows = con.execute(
        "SELECT dataset, area_type, area_code, sign FROM published.early_sign WHERE is_sign ORDER BY ALL"
    ).fetchall()
    return {(name, kind, code): SIGNS[sign] for name, kind, code, sign in rows if sign in SIGNS}


def _figures(one: Forecast, marks: dict[tuple[str, str, str], str]) -> Iterator[drawing.Figure]:
    """The forecast, and its change against the last recorded; that is withheld where either of them is."""
    where = (one.dataset, one.area_type, one.area_code, one.period)
    known = one.forecast is not None and one.low_90 is not None and one.high_90 is not None
    wide = known and one.high_90 - one.low_90 > one.forecast  # type: ignore[operator]
    yield drawing.Figure(
        *where, "forecast", one.forecast, one.status, one.low_90, one.high_90, wide,
        marks.get(where[:3], "") if known else "", one.low_50, one.high_50,
    )  # fmt: skip
    if not known or not one.last_recorded:
        status = one.status if not known or one.last_recorded is not None else "hidden"
        yield drawing.Figure(*where, "forecast_change", None, status)
        return

    def change(to: Decimal | int | None) -> int:
        share = 100 * (Decimal(to or 0) / Decimal(one.last_recorded or 1) - 1)
        return int(share.quantize(Decimal(1), ROUND_HALF_UP))

    holds = one.low_90 <= one.last_recorded <= one.high_90  # type: ignore[operator]
    yield drawing.Figure(
        *where, "forecast_change", change(one.forecast), one.status, change(one.low_90), change(one.high_90), holds
    )  # fmt: skip


def _history(con: duckdb.DuckDBPyConnection) -> list[drawing.Figure]:
    rows = con.execute(
        """
        SELECT dataset, area_type, area_code, period, recorded_use, recorded_use_status
        FROM published.demand_by_area ORDER BY ALL
        """
    ).fetchall()
    return [
        drawing.Figure(name, kind, code, period, "recorded_use", value, status)
        for name, kind, code, period, value, status in rows
        if kind != WHOLE
    ]


def _title(release: drawing.Release, name: str) -> str:
    facts = release.dataset(name)
    return facts.title if facts else name.replace("_", " ").capitalize()


def _topic(con: duckdb.DuckDBPyConnection, release: drawing.Release, name: str) -> drawing.Topic:
    facts = release.dataset(name)
    periods = con.execute(
        """
        SELECT period, min(period_start), max(period_end) FROM published.forecast
        WHERE dataset = ? AND period IS NOT NULL GROUP BY period ORDER BY 2, 1
        """,
        [name],
    ).fetchall()
    past = con.execute(
        """
        SELECT period FROM published.demand_by_area WHERE dataset = ? AND is_complete
        GROUP BY period HAVING min(period_start) < ? ORDER BY min(period_start), period
        """,
        [name, periods[0][1]],
    ).fetchall()
    skills = _skills(con, name)
    signs, sign_tables = _early_signs(con, name, bool(facts and facts.is_open))
    counts = drawing.count_in_words(facts.counts if facts else "")
    owner = f", {facts.owner}" if facts and facts.owner else ""
    to = f", data to {drawing.date_in_words(facts.last_as_at)}" if facts else ""
    return drawing.Topic(
        name,
        _title(release, name),
        counts,
        tuple(
            drawing.Period(period, f"{drawing.period_in_words(period)}, forecast", "", number == 0)
            for number, (period, *_) in enumerate(periods)
        ),
        source=f"Records: {_title(release, name)}{owner}{to}. Forecast from published counts alone.",
        unchanged=bool(facts and facts.is_open),
        stale=facts.stale if facts else "",
        sentences=_in_words(skills),
        sentences_of=signs,
        notes={kind: _note(skills, kind, counts) for kind in KINDS},
        tables=(*_skill_tables(skills), *sign_tables, *_group_tables(con, name)),
        history=tuple(
            drawing.Period(period, drawing.period_in_words(period), "") for (period,) in past[-HISTORY:]
        ),
    )


Skills = list[dict[str, Any]]


def _skills(con: duckdb.DuckDBPyConnection, name: str) -> Skills:
    """Rows of published.forecast_skill of a dataset that tell of a model, by kind of area, horizon and model."""
    result = con.execute(
        """
        SELECT area_type, horizon, model, tests, mean_absolute_error, skill_against_last, skill_against_mean,
            coverage_50, coverage_90, is_chosen, in_words, status
        FROM published.forecast_skill WHERE dataset = ? AND status <> 'not applicable'
        ORDER BY area_type, horizon, skill_against_mean DESC NULLS LAST, model
        """,
        [name],
    )
    columns = [column[0] for column in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _in_words(skills: Skills) -> tuple[str, ...]:
    """What is said of the model that is used, and of what it is worth."""
    said = [one["in_words"].replace(" %", "%") for one in skills if one["is_chosen"] and one["in_words"]]
    return tuple(dict.fromkeys(said))


def _note(skills: Skills, area_type: str, counts: str) -> str:
    """How far off the model that is used was in areas of a kind, in words; empty where that is not known."""
    used = [
        one for one in skills if one["area_type"] == area_type and one["horizon"] == 0 and one["is_chosen"]
    ]
    if not used or used[0]["mean_absolute_error"] is None:
        return ""
    (one,) = used
    error = one["mean_absolute_error"]
    said = f"In back-tests the forecast was off by {error:,} {counts} in {ONE[area_type]}, on average"
    if one["coverage_90"] is not None:
        said += f", and its 90% range held {one['coverage_90']}% of what was then recorded"
    return f"{said}."


def _skill_tables(skills: Skills) -> Iterator[drawing.TopicTable]:
    for kind, many in KINDS.items():
        rows = [
            (
                f"{one['model']} (used)" if one["is_chosen"] else one["model"],
                _cell(one, "mean_absolute_error"),
                _cell(one, "skill_against_last", "%", signed=True),
                _cell(one, "skill_against_mean", "%", signed=True),
                _cell(one, "coverage_50", "%"),
                _cell(one, "coverage_90", "%"),
            )
            for one in skills
            if one["area_type"] == kind and one["horizon"] == 0
        ]
        if rows:
            yield drawing.TopicTable(
                f"Back-tests of all models, {many}",
                (
                    "Model",
                    "Off by",
                    "Against last period",
                    "Against mean of four",
                    "50% held",
                    "90% held",
                ),
                tuple(rows),
                "Off by: mean absolute error, in what is counted. Against the two baselines: how much better forecast "
                "and ranges were together (ranked probability score). Held: how often what was then recorded fell "
                "into the range that was meant to hold 50% or 90%.",
                kind,
            )
        ahead = [
            (
                f"{one['horizon']} ahead",
                _cell(one, "mean_absolute_error"),
                _cell(one, "skill_against_mean", "%", signed=True),
                _cell(one, "coverage_90", "%"),
            )
            for one in skills
            if one["area_type"] == kind and one["horizon"] and one["is_chosen"]
        ]
        if ahead:
            yield drawing.TopicTable(
                f"The model that is used, by periods ahead, {many}",
                ("Periods", "Off by", "Against mean of four", "90% held"),
                tuple(ahead),
                area_type=kind,
            )


def _early_signs(
    con: duckdb.DuckDBPyConnection, name: str, is_open: bool
) -> tuple[dict[str, tuple[str, ...]], list[drawing.TopicTable]]:
    """By kind of area: in words how many lay outside their range and how many stand out; and tables of the latter."""
    found = defaultdict(list)
    judged: dict[str, int] = defaultdict(int)
    outside: dict[str, int] = defaultdict(int)
    periods: dict[str, str] = {}
    for kind, area, period, recorded, low, high, sign, is_sign, status in con.execute(
        """
        SELECT area_type, coalesce(area_name, area_code), period, recorded, low_90, high_90, sign, is_sign, status
        FROM published.early_sign WHERE dataset = ? ORDER BY area_type, chance, area_code
        """,
        [name],
    ).fetchall():
        if kind not in KINDS or status != "published":
            continue
        judged[kind] += 1
        outside[kind] += sign != "as forecast"
        periods[kind] = drawing.period_in_words(period)
        if is_sign:
            # As `range` in choropleth.js: the end 0 of a protected dataset stands for a withheld figure.
            least = f"{low:,} to" if low or is_open else "up to"
            found[kind].append((area, f"{recorded:,}", f"{least} {high:,}", sign.partition(" ")[0]))
    said: dict[str, tuple[str, ...]] = {}
    tables = []
    for kind, number in judged.items():
        signs = found[kind]
        said[kind] = (_signs_in_words(periods[kind], KINDS[kind], number, outside[kind], len(signs)),)
        if not signs:
            continue
        tables.append(
            drawing.TopicTable(
                f"Early signs, {periods[kind]}",
                ("Area", "Recorded", "90% range", "Recorded was"),
                tuple(signs),
                "Ask the service first: a change in how it records looks the same as a change in use.",
                kind,
            )
        )
    return said, tables


def _signs_in_words(period: str, areas: str, judged: int, outside: int, signs: int) -> str:
    """How many of the areas judged lay outside their 90% range, and how many of these by more than chance."""
    if not outside:
        return f"Early signs: none. In {period}, each of {judged:,} {areas} judged lay within its 90% range."
    lay = (
        f"{outside:,} of {judged:,} {areas} judged lay outside {'its' if outside == 1 else 'their'} 90% range"
    )
    chance = "by more than chance would have among so many"
    if not signs:
        which = f"though not {chance}" if outside == 1 else f"none {chance}"
        return f"Early signs: none. In {period}, {lay}, {which}."
    which = chance if outside == 1 else f"{'all' if signs == outside else f'{signs:,}'} of them {chance}"
    return f"Early signs: {signs:,}. In {period}, {lay}, {which}."


def _group_tables(con: duckdb.DuckDBPyConnection, name: str) -> Iterator[drawing.TopicTable]:
    """How the forecasts did for areas of each deprivation decile and tenure."""
    groups = defaultdict(list)
    for row in con.execute(
        """
        SELECT breakdown, group_name, ratio, ratio_low, ratio_high, coverage_90, over_percent, under_percent, status
        FROM published.forecast_by_group WHERE dataset = ?
        ORDER BY breakdown, group_name = 'not known', group_name
        """,
        [name],
    ).fetchall():
        breakdown, group, ratio, low, high, coverage, over, under, status = row
        if status != "published":
            gone = WITHHELD if status == "hidden" else ""
            groups[breakdown].append((_group(group), gone, "", "", "", ""))
            continue
        groups[breakdown].append(
            (
                _group(group),
                _text(ratio and round(ratio, 2)),
                "" if low is None else f"{low:.2f} to {high:.2f}",
                _text(coverage, "%"),
                _text(over, "%"),
                _text(under, "%"),
            )
        )
    for breakdown, heading in BREAKDOWNS.items():
        if groups[breakdown]:
            yield drawing.TopicTable(
                f"Fair to all? {heading}",
                ("Areas", "Recorded to forecast", "Likely", "90% held", "Too high", "Too low"),
                tuple(groups[breakdown]),
                "Back-tests of the model that is used. Recorded to forecast: 1.00 is as forecast, more is "
                "under-forecast. Too high, too low: how often the forecast was above or below what was then recorded.",
            )


def _not_forecast(
    con: duckdb.DuckDBPyConnection, release: drawing.Release, names: Iterable[str]
) -> list[drawing.Fold]:
    """Services without a forecast, each with the reason."""
    without = con.execute(
        """
        SELECT dataset, count(DISTINCT period) FILTER (is_complete),
            (SELECT min(in_words) FROM published.forecast_skill s WHERE s.dataset = d.dataset AND in_words <> '')
        FROM published.demand_by_area d GROUP BY dataset ORDER BY dataset
        """
    ).fetchall()
    items = [
        f"{_title(release, name)}: {reason or _too_few(periods)}"
        for name, periods, reason in without
        if name not in names
    ]
    if not items:
        return []
    return [drawing.Fold(f"Not forecast: {len(items)} of {len(without)} services", items=tuple(items))]


def _too_few(periods: int) -> str:
    return f"{periods} whole period{'' if periods == 1 else 's'} recorded, too few to try a forecast on."


def _how() -> drawing.Fold:
    return drawing.Fold(
        "What a forecast can tell",
        (
            "Each model was made to forecast the past: from what was known at the time, for the periods after it. "
            "Forecast and ranges were scored together (ranked probability score). A model can be used if it did better "
            "than the mean of the last four periods by more than the error of that comparison (its standard error), "
            "and no worse than the last period. Of several it is the plainest, unless another did better still, by "
            "more than two standard errors. If there is none, the mean of the last four is used, and the page says "
            "so; it also is where more than half of the figures are withheld.",
            "Forecasts are made from published counts alone, so their ranges also allow for rounding. A withheld "
            "figure is one of the outcomes that are forecast: a range that begins with withheld figures holds it. "
            "Forecasts of LSOAs, of MSOAs and of wards each add up to the same. That of the authority is more: it "
            "also holds the records without a place, which are in no area.",
            "A forecast carries the past on. It knows nothing of a new service, a closure or a change in who is "
            "eligible, and it is of recorded use: those whom a service does not reach are not in it.",
        ),
    )


def _cell(row: dict[str, Any], column: str, suffix: str = "", signed: bool = False) -> str:
    return WITHHELD if row["status"] == "hidden" else _text(row[column], suffix, signed)


def _text(value: Decimal | None, suffix: str = "", signed: bool = False) -> str:
    if value is None:
        return ""
    return f"{value:{'+' if signed else ''},}{suffix}".replace("-", "\u2212")


def _group(name: str) -> str:
    return name[:1].upper().lstrip("0") + name[1:]
