"""Page on services at the same homes: for planners who ask which could be planned together, and where.

How much each service is used is on the page `demand`; here it is how often two or three meet, beside what chance would
give, and in which places many are used more than its homes or people would give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
from markupsafe import Markup, escape

from pipelines import draw as drawing
from pipelines.draw.classes import ramp
from pipelines.draw.page import own_script, own_style, render
from pipelines.draw.small_map import WITHOUT_FIGURE, draw_small_map
from pipelines.estimate.overlap import ALL_PERIODS, AREA, NOTHING, PAIRS

TITLE = "Services at the same homes"
SENTENCE = (
    "Which services meet at the same homes, whether by more than chance, and where many of them are used."
)
PLACE = 8  # in the gallery
DEPENDS_ON = (
    "published.overlap_against_chance",
    "published.overlap_in_period",
    "published.services_meeting",
    "published.area",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

WITHHELD = "withheld"
MEETS = {
    "more": "meets at more homes than chance would give",
    "fewer": "meets at fewer homes than chance would give",
    "alike": "meets neither more nor less often than chance may give",
}
WORDS = {2: ("pair of services", "pairs of services"), 3: ("set of three services", "sets of three services")}
# What chance is told, in the order in which it is shown: words, and the class of its marks.
ALLOWING = {
    NOTHING: ("over all homes", "all"),
    AREA: ("within areas", "near"),
    PAIRS: ("as pairs meet", "pairs"),
}
STRIP = (250, 18)  # width and height, pixels
MOST_SHOWN = 12  # sets of services in a list; the others are counted
MOST_PERIODS = 8
LISTED = 10  # areas
MAP_SIZE = (420, 340)
MOST_AREAS = 900  # in a small map; with more, those of MSOAs are drawn
AREA_TYPES = {"lsoa": ("small area (LSOA)", "LSOAs"), "msoa": ("MSOA", "MSOAs"), "ward": ("ward", "wards")}
NONE_COLOUR = "#f4f6f7"
THUMBNAIL = (320, 200)


@dataclass(frozen=True)
class Line:
    """A set of services set against what chance would give, allowing for one thing."""

    allowing_for: str
    within: str
    expected: Decimal | None
    ratio: Decimal | None
    low: Decimal | None
    high: Decimal | None
    status: str

    @property
    def verdict(self) -> str:
        """`more` or `fewer` than chance, `alike` where chance alone may explain it; empty where it cannot be told."""
        if self.ratio is None or self.low is None:
            return ""
        if self.low > 1:
            return "more"
        return "fewer" if self.high is not None and self.high < 1 else "alike"

    @property
    def words(self) -> str:
        """What the ratio says."""
        if self.ratio is None or self.low is None:
            return WITHHELD if self.status == "hidden" else "cannot be told"
        return f"{_times(self.ratio)} times as many as chance would give"

    @property
    def range(self) -> str:
        """The least and the most that the ratio may be; empty where it cannot be told."""
        if self.ratio is None or self.low is None:
            return ""
        most = f"to {_times(self.high)}" if self.high is not None else "or more"
        return f"{_times(self.low)} {most}"


@dataclass(frozen=True)
class Set:
    """Two or three services, in one period or in all: what all of them know, and what chance would give."""

    datasets: tuple[str, ...]
    period: str
    properties: int | None
    is_hidden: bool
    lines: tuple[Line, ...]

    @property
    def rank(self) -> tuple[bool, Decimal, str]:
        """The surest meetings beyond chance first, by what allows for most; then those that are withheld."""
        told = [line.low for line in self.lines if line.low is not None and line.allowing_for != PAIRS]
        return not told, -(told[-1] if told else Decimal(0)), " ".join(self.datasets)


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release = drawing.read_release(con)
    sets = _sets(con)
    scale = _scale([line for one in sets for line in one.lines])
    of_all = [one for one in sets if one.period == ALL_PERIODS]
    parts = []
    for size in (2, 3):
        found = sorted((one for one in of_all if len(one.datasets) == size), key=lambda one: one.rank)
        told = [one for one in found if not one.is_hidden]
        parts.append(
            {
                "size": size,
                "heading": "Two services" if size == 2 else "Three services",
                "sentence": _sentence(release, found, size),
                "rows": [_row(release, one, scale) for one in told[:MOST_SHOWN]],
                "more": max(len(told) - MOST_SHOWN, 0),
                "withheld": sorted(
                    _and([_title(release, name) for name in one.datasets]) for one in found if one.is_hidden
                ),
            }
        )
    figures = [one.properties is None and one.is_hidden for one in sets]
    body = render(
        "overlap.html",
        release=release,
        parts=parts,
        axis=_axis(scale),
        periods=_periods(con, release, sets, scale),
        places=_places(con),
        hidden_counts=sum(figures),
        all_counts=sum(one.properties is not None or one.is_hidden for one in sets),
    )
    return drawing.Page(
        title=TITLE, sentence=SENTENCE, release=release, body=body, styles=[own_style("overlap.css")],
        scripts=[own_script("print.js")],
    ).html()  # fmt: skip


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """Dots with their intervals, as on the page, for the services that meet most; inline SVG without text."""
    found = sorted((one for one in _sets(con) if one.period == ALL_PERIODS), key=lambda one: one.rank)
    told = [[line for line in one.lines if line.ratio is not None][:2] for one in found]
    told = [lines for lines in told if lines][:5]
    if not told:
        return ""
    width, height = THUMBNAIL
    scale = _scale([line for lines in told for line in lines])
    pitch = min(44.0, (height - 30) / len(told))
    top = (height - pitch * len(told)) / 2
    middle = 16 + scale.at(Decimal(1)) * (width - 32)
    marks = [
        f'<path d="M{middle:.1f} 10V{height - 10}" stroke="#5c5c5c" stroke-dasharray="4 3" fill="none"/>',
    ]
    for number, lines in enumerate(told):
        for place, line in enumerate(lines):
            y = top + number * pitch + (place + 1) * pitch / 3
            marks.append(_mark(line, scale, 16, width - 32, y))
    return f'<svg viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">{"".join(marks)}</svg>'


# --- two and three services -------------------------------------------------------------------------------------------


def _sets(con: duckdb.DuckDBPyConnection) -> list[Set]:
    rows = con.execute(
        """
        SELECT dataset_a, dataset_b, dataset_c, period, properties, status, allowing_for, within, expected, ratio,
            ratio_low, ratio_high
        FROM published.overlap_against_chance
        ORDER BY period, datasets, list_position(['nothing', 'area', 'pairs'], allowing_for)
        """
    ).fetchall()
    found: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
    for row in rows:
        names = tuple(name for name in row[:3] if name is not None)
        found.setdefault((row[3], names), []).append(row)
    sets = []
    for (period, names), of_set in found.items():
        lines = []
        for row in of_set:
            status, allowing_for, within, expected, ratio, low, high = row[5:]
            if status != "published" and ratio is not None:
                raise ValueError(f"{' + '.join(names)}: a hidden figure carries a value; nothing is drawn")
            lines.append(Line(allowing_for, within or "", expected, ratio, low, high, status))
        properties = of_set[0][4]
        is_hidden = properties is None and any(line.status == "hidden" for line in lines)
        sets.append(Set(names, period, properties, is_hidden, tuple(lines)))
    return sets


def _row(release: drawing.Release, one: Set, scale: Scale) -> dict[str, Any]:
    """A set as the table shows it; what cannot be set against chance for want of figures is left out."""
    lines = [line for line in one.lines if line.expected is not None or line.status == "hidden"]
    return {
        "titles": [_title(release, name) for name in one.datasets],
        "properties": WITHHELD if one.is_hidden else "" if one.properties is None else f"{one.properties:,}",
        "lines": [
            {
                "allowing": _allowing(line),
                "class": ALLOWING[line.allowing_for][1],
                "expected": drawing.modelled_in_words(line.expected),
                "strip": _strip(line, scale),
                "words": line.words,
                "range": line.range,
                "verdict": line.verdict,
            }
            for line in lines
        ],
    }


def _allowing(line: Line) -> str:
    words = ALLOWING[line.allowing_for][0]
    return f"within {AREA_TYPES[line.within][1]}" if line.within in AREA_TYPES else words


def _sentence(release: drawing.Release, sets: Sequence[Set], size: int) -> str:
    """What the figures say of all sets of a size, in plain words."""
    if not sets:
        return f"There is no {WORDS[size][0]} in this release."
    of_one, of_more = WORDS[size]
    if not any(line.verdict for one in sets for line in one.lines):
        some = f"the {len(sets)} {of_more}" if len(sets) > 1 else f"the one {of_one}"
        return f"Nothing can be said of {some}: figures are withheld, or no homes are known."
    said = []
    for allowing_for, where in ((NOTHING, "over all homes"), (AREA, "within areas")):
        judged = [
            (one, line)
            for one in sets
            for line in one.lines
            if line.verdict and line.allowing_for == allowing_for
        ]
        if not judged:
            said.append(f"{where[0].upper()}{where[1:]} none can be told.")
            continue
        if len(judged) == 1:
            subject = "The one" if said else f"The one {of_one}"
            said.append(f"{subject} that can be told {where} {MEETS[judged[0][1].verdict]}.")
            continue
        many = str(len(judged)) if said else f"{len(judged)} {of_more}"
        more = [(one, line) for one, line in judged if line.verdict == "more"]
        fewer = sum(line.verdict == "fewer" for _, line in judged)
        found = f"Of {many} that can be told {where}, "
        if not more and not fewer:
            said.append(f"{found}none meets more or less often than chance may give.")
            continue
        found += f"{_number(len(more), 'meets', 'meet')} at more homes than chance would give"
        if more:
            most, _ = max(more, key=lambda pair: (pair[1].low or Decimal(0), pair[0].datasets))
            found += f" (most surely {_and([_title(release, name) for name in most.datasets])})"
        said.append(f"{found}, {fewer or 'none'} at fewer.")
    by_place = sum(
        {line.allowing_for: line.verdict for line in one.lines}.get(NOTHING) == "more"
        and {line.allowing_for: line.verdict for line in one.lines}.get(AREA) in ("alike", "fewer")
        for one in sets
    )
    if by_place:
        said.append(
            f"{by_place} {'does' if by_place == 1 else 'do'} so over all homes alone: these services are used in the "
            "same places, and not more often at the same homes there."
        )
    return " ".join(said)


def _number(count: int, of_one: str, of_more: str) -> str:
    return f"{count or 'none'} {of_one if count < 2 else of_more}"


# --- by period --------------------------------------------------------------------------------------------------------


def _periods(
    con: duckdb.DuckDBPyConnection, release: drawing.Release, sets: Sequence[Set], scale: Scale
) -> list[dict[str, Any]]:
    """For each two services of which one counts events, its latest periods, and how many have nothing beside them."""
    by_key = {(*one.datasets, one.period): one for one in sets if one.period != ALL_PERIODS}
    counts = ("properties_a", "properties_b", "properties_both")
    columns = ", ".join(f"{name}, {name}_status" for name in counts)
    rows = con.execute(
        f"SELECT dataset_a, dataset_b, period, {columns} FROM published.overlap_in_period "
        "ORDER BY dataset_a, dataset_b, period_start DESC, period_end DESC"
    ).fetchall()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for a, b, period, *values in rows:
        titles = [_title(release, a), _title(release, b)]
        one = found.setdefault((a, b), {"titles": titles, "rows": [], "without": 0, "more": 0, "withheld": 0})
        cells = []
        for place, name in enumerate(counts):
            value, status = values[2 * place : 2 * place + 2]
            if status == "hidden" and value is not None:
                raise ValueError(f"{a} + {b}: a hidden {name} carries a value; nothing is drawn")
            cells.append(WITHHELD if status == "hidden" else "" if value is None else f"{value:,}")
        if values[5] == "not applicable":
            one["without"] += 1
            continue
        one["withheld"] += values[5] == "hidden"
        if len(one["rows"]) == MOST_PERIODS:
            one["more"] += 1
            continue
        known = by_key.get((a, b, period))
        lines = _row(release, known, scale)["lines"] if known else []
        one["rows"].append({"period": drawing.period_in_words(period), "cells": cells, "lines": lines})
    for one in found.values():
        if one["withheld"] == len(one["rows"]) + one["more"]:
            # Rows that say nothing but that.
            one["rows"], one["more"] = [], 0
        else:
            one["withheld"] = 0
    return list(found.values())


# --- places -----------------------------------------------------------------------------------------------------------


def _places(con: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """The map of how many services are above, its legend, and the areas with most; None where there is no area."""
    rows = con.execute(
        """
        SELECT area_type, area_code, area_name, services_above, services_judged, which, status
        FROM published.services_meeting ORDER BY area_type, services_above DESC NULLS LAST, area_name, area_code
        """
    ).fetchall()
    number = {kind: sum(row[0] == kind for row in rows) for kind in AREA_TYPES}
    area_type = next((kind for kind in AREA_TYPES if 0 < number[kind] <= MOST_AREAS), "")
    areas = [row for row in rows if row[0] == area_type]
    if not areas:
        return None
    most = max((row[3] or 0 for row in areas), default=0)
    top = min(max(most, 1), 5)
    colours = (NONE_COLOUR, *ramp("YlOrBr", top))
    filled, titles, counts = {}, {}, [0] * len(colours)
    for _, code, name, above, judged, which, status in areas:
        if status != "published":
            titles[code] = f"{name}: {WITHHELD if status == 'hidden' else 'no figure'}"
            continue
        shade = min(above, top)
        filled[code], counts[shade] = colours[shade], counts[shade] + 1
        titles[code] = f"{name}: {above} of {judged} services" + (f": {which}" if which else "")
    words = ["none", *(f"{n} service{'s' if n > 1 else ''}" for n in range(1, top + 1))]
    words[-1] += " or more" if most > top else ""
    legend = [
        (colour, said, count) for colour, said, count in zip(colours, words, counts, strict=True) if count
    ]
    if without := len(areas) - len(filled):
        is_hidden = any(row[6] == "hidden" for row in areas)
        legend.append((WITHOUT_FIGURE, WITHHELD if is_hidden else "no figure", without))
    label = f"Map of how many services are used more than homes or people would give, by {area_type.upper()}"
    listed = [row for row in areas if row[3]]
    return {
        # Its texts are escaped where it is drawn.
        "picture": Markup(draw_small_map(con, area_type, filled, MAP_SIZE, titles=titles, label=label)),
        "kind": AREA_TYPES[area_type][0],
        "many": AREA_TYPES[area_type][1],
        "legend": legend,
        "rows": [
            {"name": row[2], "above": row[3], "judged": row[4], "which": row[5]} for row in listed[:LISTED]
        ],
        "more": max(len(listed) - LISTED, 0),
    }


# --- marks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """Where a ratio lies between the ends of the chart: as far to the left at a half as to the right at twice."""

    low: int
    high: int
    """Powers of two."""

    def at(self, ratio: Decimal) -> float:
        """0 at the left end, 1 at the right; what is beyond an end lies at it."""
        if ratio <= 0:
            return 0.0
        return min(max((math.log2(float(ratio)) - self.low) / (self.high - self.low), 0.0), 1.0)


def _scale(lines: Sequence[Line]) -> Scale:
    """From a half to twice, or as much farther as the intervals go; to a sixteenth and to 64 times at the most."""
    ends = [one for line in lines for one in (line.low, line.ratio, line.high) if one is not None and one > 0]
    low = math.floor(math.log2(float(min(ends, default=Decimal(1)))))
    high = math.ceil(math.log2(float(max(ends, default=Decimal(1)))))
    return Scale(max(min(low, -1), -4), min(max(high, 1), 6))


def _axis(scale: Scale) -> Markup:
    """The scale's numbers, to stand over the strips."""
    width = STRIP[0]
    marks = []
    step = 1 if scale.high - scale.low <= 5 else 2
    for power in range(scale.low, scale.high + 1):
        if power % step:
            continue
        x = 8 + (power - scale.low) / (scale.high - scale.low) * (width - 16)
        said = {-1: "half", -2: "a quarter"}.get(power) or (
            f"1/{2**-power}" if power < 0 else f"{2**power} times"
        )
        said = "as chance" if power == 0 else "twice" if power == 1 else said
        anchor = "start" if power == scale.low else "end" if power == scale.high else "middle"
        edge = 0 if anchor == "start" else width if anchor == "end" else x
        marks.append(f'<text x="{edge:.0f}" y="11" text-anchor="{anchor}">{said}</text>')
    return Markup(
        f'<svg class="scale" viewBox="0 0 {width} 14" width="{width}" height="14">{"".join(marks)}</svg>'
    )


def _strip(line: Line, scale: Scale) -> Markup:
    """One ratio as a dot, its range as a line; a dashed line is what chance gives."""
    width, height = STRIP
    ticks = [
        f"M{8 + (power - scale.low) / (scale.high - scale.low) * (width - 16):.1f} 0v{height}"
        for power in range(scale.low, scale.high + 1)
        if power
    ]
    middle = 8 + scale.at(Decimal(1)) * (width - 16)
    grid = f'<path class="grid" d="{"".join(ticks)}"/><path class="chance" d="M{middle:.1f} 0v{height}"/>'
    title = f"<title>{escape(line.words)} ({line.range})</title>" if line.range else ""
    # All of it is from numbers and colours of this module.
    return Markup(
        f'<svg class="strip" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true" '
        f'focusable="false">{title}{grid}{_mark(line, scale, 8, width - 16, height / 2)}</svg>'
    )


def _mark(line: Line, scale: Scale, left: float, width: float, y: float) -> str:
    if line.ratio is None or line.low is None:
        return ""
    start, x = (left + scale.at(one) * width for one in (line.low, line.ratio))
    end = left + (scale.at(line.high) if line.high is not None else 1.0) * width
    colour = {NOTHING: "#12507b", AREA: "#b95413", PAIRS: "#5c5c5c"}[line.allowing_for]
    inside = colour if line.verdict in ("more", "fewer") else "#fff"
    return (
        f'<path d="M{start:.1f} {y:.1f}H{end:.1f}" stroke="{colour}" stroke-width="3" stroke-opacity=".55" '
        f'fill="none"/><circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{inside}" stroke="{colour}" stroke-width="2"/>'
    )


def _times(value: Decimal | None) -> str:
    """A ratio: two decimals below ten, else one."""
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _title(release: drawing.Release, name: str) -> str:
    facts = release.dataset(name)
    return facts.title if facts else name.replace("_", " ").capitalize()
