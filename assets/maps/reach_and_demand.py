"""Page on recorded use beyond reach: where a service is used far from a site, and how sure that is.

How many homes are too far, whoever lives there, is on the page `gaps`; what a closure would change on `closures`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
from markupsafe import Markup

from pipelines import draw as drawing
from pipelines.draw.classes import class_breaks, ramp
from pipelines.draw.page import own_script, render
from pipelines.draw.small_map import Outlines, draw_outlines, draw_small_map, read_outlines, shared_paths
from pipelines.draw.travel import roads_of_release
from pipelines.estimate.reach import DRAWS

TITLE = "Recorded use beyond reach"
SENTENCE = "Where a service is used by homes too far from a library or another site, and how sure that is."
PLACE = 7  # in the gallery
DEPENDS_ON = (
    "published.reach_against_demand",
    "published.travel_speed",
    "published.road_finding",
    "published.area",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

# Kinds of areas in the order in which they are offered: their name, and the plural.
AREA_TYPES = {"lsoa": ("LSOA", "LSOAs"), "msoa": ("MSOA", "MSOAs"), "ward": ("ward", "wards")}
AWAY = {"walk": "minutes' walk", "cycle": "minutes by bicycle", "drive": "minutes' drive"}
LISTED = 10
MAP_SIZE = (420, 340)
MOST_AREAS = 900  # in a small map
SCHEME = "YlOrBr"
NOTHING_COLOUR, WITHHELD_COLOUR, WITHOUT_COLOUR = "#f4f6f7", "#b9bec3", "#e2e5e8"
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Area:
    """One area of one service and kind of site; figures are None where they are not published."""

    area_code: str
    area_name: str
    period: str
    too_far: Decimal | None
    """Per cent of its homes."""
    beyond: Decimal | None
    low: Decimal | None
    high: Decimal | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    status: str
    easting: Decimal | None
    northing: Decimal | None

    @property
    def is_ranked(self) -> bool:
        """Whether its figure is published."""
        return self.rank is not None


@dataclass(frozen=True)
class Choice:
    """What a reader chooses: a service, a kind of site, a kind of areas; with how people come, and what is too far."""

    dataset: str
    site_kind: str
    area_type: str
    mode: str | None
    within_minutes: int | None
    areas: tuple[Area, ...]
    """By rank; those without one last."""

    @property
    def ranked(self) -> list[Area]:
        """The areas that have a rank."""
        return [area for area in self.areas if area.is_ranked]

    @property
    def highest(self) -> list[Area]:
        """The first of them that have any recorded use beyond the limit."""
        return [area for area in self.ranked if area.beyond][:LISTED]


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release = drawing.read_release(con)
    choices = _choices(con)
    outlines = _outlines(con, choices)
    roads = roads_of_release(con)
    body = render(
        "reach.html",
        release=release,
        roads=roads,
        paths=[Markup(shared_paths(found, f"{area_type}-")) for area_type, found in outlines.items()],
        services=_named(release, [choice.dataset for choice in choices]),
        kinds=_named(release, [choice.site_kind for choice in choices]),
        area_types=[
            (name, words[1][0].upper() + words[1][1:])
            for name, words in AREA_TYPES.items()
            if any(choice.area_type == name for choice in choices)
        ],
        cards=[_card(con, release, choice, outlines.get(choice.area_type)) for choice in choices],
        draws=DRAWS,
    )
    return drawing.Page(
        title=TITLE,
        sentence=SENTENCE,
        release=release,
        body=body,
        scripts=[own_script("print.js"), own_script("reach.js")],
    ).html()


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small map of the first choice, as inline SVG; empty where no figure is published."""
    for choice in _choices(con):
        if choice.highest and len(choice.areas) <= MOST_AREAS:
            colours, _ = _coloured(choice)
            return draw_small_map(con, choice.area_type, colours, (320, 200), site_kind=choice.site_kind)
    return ""


def _choices(con: duckdb.DuckDBPyConnection) -> list[Choice]:
    rows = con.execute(
        """
        SELECT reach.dataset, reach.site_kind, reach.area_type, reach.mode, reach.within_minutes, reach.area_code,
            reach.area_name, reach.period, reach.homes_beyond_limit_percent, reach.beyond_limit, reach.beyond_limit_low,
            reach.beyond_limit_high, reach.rank, reach.rank_low, reach.rank_high, reach.status,
            area.easting, area.northing
        FROM published.reach_against_demand AS reach
        LEFT JOIN published.area AS area
            ON area.area_type = reach.area_type AND area.area_code = reach.area_code
        ORDER BY reach.dataset, reach.site_kind, reach.area_type, reach.rank NULLS LAST, reach.area_code
        """
    ).fetchall()
    found = []
    for key, group in itertools.groupby(rows, key=lambda row: row[:5]):
        areas = tuple(Area(*row[5:]) for row in group)
        if any(area.status != "published" and (area.beyond, area.rank) != (None, None) for area in areas):
            raise ValueError(f"{key[0]}, {key[1]}: a hidden figure carries a value; nothing is drawn")
        if key[2] in AREA_TYPES:
            found.append(Choice(key[0], key[1], key[2], key[3], key[4], areas))
    order = list(AREA_TYPES)
    return sorted(found, key=lambda one: (one.dataset, one.site_kind, order.index(one.area_type)))


def _outlines(con: duckdb.DuckDBPyConnection, choices: Sequence[Choice]) -> dict[str, Outlines]:
    """The outlines of each kind of areas that is drawn."""
    most: dict[str, int] = {}
    for choice in choices:
        if choice.ranked:
            most[choice.area_type] = max(most.get(choice.area_type, 0), len(choice.areas))
    drawn = [area_type for area_type, many in most.items() if many <= MOST_AREAS]
    read = ((area_type, read_outlines(con, area_type, MAP_SIZE)) for area_type in drawn)
    return {area_type: found for area_type, found in read if found is not None}


def _named(release: drawing.Release, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, _title(release, name)) for name in dict.fromkeys(names)]


def _lowered(title: str) -> str:
    """A title as it stands within a sentence: `GP practices` as it is, `Libraries` without its capital."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _title(release: drawing.Release, name: str) -> str:
    facts = release.dataset(name)
    return facts.title if facts else name.replace("_", " ").capitalize()


def _card(
    con: duckdb.DuckDBPyConnection, release: drawing.Release, choice: Choice, outlines: Outlines | None
) -> dict[str, Any]:
    facts = release.dataset(choice.dataset)
    counts = drawing.count_in_words(facts.counts if facts else "")
    site = _title(release, choice.site_kind)
    away = f"{choice.within_minutes} {AWAY[choice.mode]}" if choice.mode else ""
    one = AREA_TYPES[choice.area_type][0]
    period = next((area.period for area in choice.areas), "")
    return {
        "id": f"{choice.dataset}.{choice.site_kind}.{choice.area_type}",
        "dataset": choice.dataset,
        "site_kind": choice.site_kind,
        "area_type": choice.area_type,
        "title": f"{_title(release, choice.dataset)} and {_lowered(site)}, by {one}",
        "note": (
            f"Expected {counts} in homes more than {away} from the nearest; "
            f"{drawing.period_in_words(period) if period else ''}."
            if away
            else ""
        ),
        "stale": facts.stale if facts else "",
        "one": one[0].upper() + one[1:],
        "away": away,
        "counts": counts,
        "sentences": _sentences(choice, counts, site),
        "rows": _rows(choice),
        "map": _map(con, choice, outlines, counts, away) if outlines and choice.ranked else None,
    }


# --- the ranks --------------------------------------------------------------------------------------------------------


def _rows(choice: Choice) -> list[dict[str, Any]]:
    """The ten highest areas as text, with their bars and the command that asks what a site there would change."""
    highest, ranked = choice.highest, len(choice.ranked)
    most = max((area.high for area in highest if area.high is not None), default=Decimal(0))
    return [
        {
            "rank": str(area.rank),
            "rank_interval": _span(str(area.rank_low), str(area.rank_high)),
            "rank_bar": _bar(area.rank_low or 0, area.rank or 0, area.rank_high or 0, 1, ranked, "of-rank"),
            "name": area.area_name,
            "too_far": "" if area.too_far is None else f"{area.too_far}%",
            "beyond": _figure(area.beyond),
            "interval": _span(_figure(area.low), _figure(area.high)),
            "bar": _bar(area.low or 0, area.beyond or 0, area.high or 0, 0, most, "of-use"),
            "command": _command(choice.site_kind, area),
        }
        for area in highest
    ]


def _figure(value: Decimal | None) -> str:
    """As it is published, so that it can be found in the tables."""
    return "" if value is None else f"{value:,}"


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _command(site_kind: str, area: Area) -> str:
    if area.easting is None or area.northing is None:
        return ""
    at = ",".join(f"{round(one):d}" for one in (area.easting, area.northing))
    return f"places whatif --kind {site_kind} --open {at}"


def _bar(
    low: Decimal | int, value: Decimal | int, high: Decimal | int, start: int, end: Decimal | int, kind: str
) -> Markup:
    """An interval as a bar with a dot at its estimate, on a line from `start` to `end`."""
    wide = max(Decimal(end) - start, Decimal(1))

    def x(at: Decimal | int) -> Decimal:
        return (10 + (Decimal(at) - start) / wide * 980).quantize(Decimal("0.1"))

    # All of it is from numbers of this module. The viewBox keeps its shape, or dots would not be round.
    return Markup(
        f'<svg class="interval {kind}" viewBox="0 0 1000 60" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="line" d="M10 30H990"/><rect class="between" x="{x(low) - 6}" y="14" '
        f'width="{x(high) - x(low) + 12}" height="32"/>'
        f'<rect class="estimate" x="{x(value) - 5}" y="4" width="10" height="52"/></svg>'
    )


def _sentences(choice: Choice, counts: str, site: str) -> list[str]:
    """What the figures say, in plain words: who is ranked, and whether the order can be told."""
    many = AREA_TYPES[choice.area_type][1]
    ranked, hidden = choice.ranked, sum(area.status == "hidden" for area in choice.areas)
    if not choice.mode:
        return [f"Nothing is said: no way to any of the {_lowered(site)} could be measured."]
    if not ranked:
        why = (
            f"the {counts} of all {many} are withheld"
            if hidden
            else f"there is no rate of {counts} by {many}"
        )
        return [f"No area is ranked: {why}."]
    some = [area for area in ranked if area.beyond]
    away = f"more than {choice.within_minutes} {AWAY[choice.mode]} away"
    said = []
    if not some:
        said.append(
            f"In none of the {len(ranked)} {many} with a published figure is any use to be expected {away}."
        )
    else:
        said.append(
            f"In {len(some)} of {len(ranked)} {many} with a published figure some use is to be expected {away}."
        )
        said.append(_order(some))
    if hidden:
        is_one = hidden == 1
        said.append(
            f"{hidden} {'other has its' if is_one else 'others have their'} {counts} withheld, so that nobody can be "
            f"identified, and {'has' if is_one else 'have'} no rank."
        )
    return said  # fmt: skip


def _order(some: Sequence[Area]) -> str:
    """Which of the highest areas cannot be told from the first: those whose interval of ranks overlaps with its own."""
    if len(some) == 1:
        return f"That is {some[0].area_name}."
    alike = sum((area.rank_low or 0) <= (some[0].rank_high or 0) for area in some)
    if alike == 1:
        return f"The first, {some[0].area_name}, can be told from all others."
    number = NUMBERS[alike] if alike < len(NUMBERS) else str(alike)
    if alike == len(some):
        return f"None of these {number} can be told from the first: no order is known."
    return f"The first {number} cannot be told apart."


# --- the map ----------------------------------------------------------------------------------------------------------


def _map(
    con: duckdb.DuckDBPyConnection, choice: Choice, outlines: Outlines, counts: str, away: str
) -> dict[str, Any]:
    colours, legend = _coloured(choice)
    titles = {area.area_code: f"{area.area_name}: {_told(area)}" for area in choice.areas}
    label = f"Map of {counts} to be expected more than {away} away, by {AREA_TYPES[choice.area_type][0]}"
    return {
        # Its texts are escaped where it is drawn.
        "picture": Markup(
            draw_outlines(
                con,
                outlines,
                colours,
                site_kind=choice.site_kind,
                titles=titles,
                label=label,
                shared=f"{choice.area_type}-",
            )
        ),
        "legend": legend,
    }


def _told(area: Area) -> str:
    if area.status == "hidden":
        return "withheld"
    if area.beyond is None:
        return "no figure"
    return f"{_figure(area.beyond)} ({_span(_figure(area.low), _figure(area.high))})"


def _coloured(choice: Choice) -> tuple[Mapping[str, str], list[tuple[str, str, int]]]:
    """The colour of each area, and the legend: (colour, words, how many areas)."""
    values = {area.area_code: area.beyond for area in choice.ranked if area.beyond}
    breaks = class_breaks(values.values())
    shades = ramp(SCHEME, len(breaks) + 1)
    at = {code: sum(value >= one for one in breaks) for code, value in values.items()}
    colours = {code: shades[place] for code, place in at.items()}
    edges = [_edge(one) for one in breaks]
    if values and not edges:
        names = [_edge(next(iter(values.values())))]
    else:
        between = [f"{low} to under {high}" for low, high in itertools.pairwise(edges)]
        names = [f"under {edges[0]}", *between, f"{edges[-1]} or more"] if edges else []
    numbers = list(at.values())
    legend = [
        (shade, name, numbers.count(number))
        for number, (shade, name) in enumerate(zip(shades, names, strict=False))
    ]
    for colour, words, of in (
        (NOTHING_COLOUR, "none", [area for area in choice.ranked if not area.beyond]),
        (WITHHELD_COLOUR, "withheld", [area for area in choice.areas if area.status == "hidden"]),
        (WITHOUT_COLOUR, "no figure", [area for area in choice.areas if area.status == "not applicable"]),
    ):
        colours |= {area.area_code: colour for area in of}
        if of:
            legend.append((colour, words, len(of)))
    return colours, legend


def _edge(value: Decimal) -> str:
    return f"{value.normalize():,f}"
