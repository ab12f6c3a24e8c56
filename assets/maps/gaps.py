"""Page on who is too far from a site: for planners who ask which homes, of which deprivation, and whose service users.

How long the way is, area by area, is on the page `travel`, to which each small map here leads.
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
from pipelines.draw.classes import ramp
from pipelines.draw.page import own_script, render
from pipelines.draw.small_map import WITHOUT_FIGURE, draw_small_map
from pipelines.draw.travel import MODES, roads_fold, roads_of_release, speeds_fold

TITLE = "Too far to reach"
SENTENCE = "Which homes are too far from a library, a surgery or another site, by deprivation and by area."
PLACE = 4  # in the gallery
DEPENDS_ON = (
    "published.travel_gap",
    "published.travel_by_area",
    "published.reach_by_area",
    "published.travel_speed",
    "published.road_finding",
    "published.area",
    "published.site",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

MINUTES = (5, 10, 15, 20, 30)
# Bands of time within the limit and beyond it, the nearest first; then the homes without any way.
NEAR_COLOURS = ("#d8eaf4", "#b3d7e9", "#86bcd9", "#5b9fc6", "#3d85b5")
FAR_COLOURS = ("#fdc980", "#f59d4a", "#df7424", "#b95413", "#8c3a0c")
CUT_OFF_COLOUR = "#1b1b1b"
# Classes of the small maps: shares of homes beyond the limit, per cent.
SHARES = (Decimal(0), Decimal(10), Decimal(25), Decimal(50), Decimal(75))
NOBODY_COLOUR = "#f4f6f7"
MAP_SIZE = (360, 300)
MOST_AREAS = 900  # in a small map; with more, those of MSOAs are drawn
NAMED_AREAS = 3

WITHHELD = "withheld"
STRAIGHT_LINE = "straight line"


@dataclass(frozen=True)
class Group:
    """Homes of one kind of site, mode and group: in all, measured, without any way, beyond each of MINUTES, too far."""

    breakdown: str
    name: str
    homes: int
    measured: int
    cut_off: int
    beyond: tuple[int, ...]
    too_far: int

    @property
    def share(self) -> Decimal | None:
        """Per cent of the homes measured that are too far; None where there are none."""
        return Decimal(100 * self.too_far) / self.measured if self.measured else None

    @property
    def bands(self) -> list[int]:
        """Homes in each band of time: up to 5 minutes, 5 to 10, ..., beyond 30, without any way."""
        edges = [self.measured, *self.beyond, self.cut_off]
        return [more - less for more, less in itertools.pairwise(edges)] + [self.cut_off]


@dataclass(frozen=True)
class Kind:
    """A kind of site with its groups by mode, how people are expected to come, and how many minutes are too far."""

    site_kind: str
    mode: str
    within_minutes: int
    groups: Mapping[str, tuple[Group, ...]]


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has a value."""
    release, roads = drawing.read_release(con), roads_of_release(con)
    users = _users(con, release)
    kinds = _kinds(con) if roads else []
    cards = [_card(con, release, kind, users.pop(kind.site_kind, None)) for kind in kinds]
    # Without roads there is still what services know of their users, in a straight line.
    cards += [
        {
            "name": name,
            "title": _title(release, name),
            "users": found,
            "mode": "",
            "sentences": [],
            "rows": [],
        }
        for name, found in users.items()
    ]
    body = render(
        "gaps.html",
        release=release,
        roads=roads,
        cards=cards,
        folds=[roads_fold(roads), speeds_fold(roads)] if roads else [],
        hidden_counts=sum(card["users"]["hidden"] for card in cards if card["users"]),
    )
    return drawing.Page(
        title=TITLE, sentence=SENTENCE, release=release, body=body, scripts=[own_script("print.js")]
    ).html()


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """A small map of the homes that are too far from the first kind of site, as inline SVG."""
    kinds = _kinds(con)
    return str(_map(con, kinds[0], (320, 200))["picture"]) if kinds else ""


# --- homes ------------------------------------------------------------------------------------------------------------


def _kinds(con: duckdb.DuckDBPyConnection) -> list[Kind]:
    rows = con.execute(
        f"""
        SELECT site_kind, mode, is_usual_mode, within_minutes, breakdown, group_name, homes, homes_measured,
            homes_without_way, {", ".join(f"homes_beyond_{minutes}_minutes" for minutes in MINUTES)}, homes_beyond_limit
        FROM published.travel_gap
        ORDER BY site_kind, mode, breakdown, group_name = 'not known', try_cast(group_name AS INTEGER), group_name
        """
    ).fetchall()
    found: dict[str, dict[str, list[Group]]] = {}
    usual: dict[str, tuple[str, int]] = {}
    for kind, mode, is_usual, within, breakdown, name, homes, measured, cut_off, *beyond, too_far in rows:
        group = Group(breakdown, name, homes, measured, cut_off, tuple(beyond), too_far)
        found.setdefault(kind, {}).setdefault(mode, []).append(group)
        if is_usual:
            usual[kind] = mode, within
    return [
        Kind(kind, *usual[kind], {mode: tuple(groups) for mode, groups in by_mode.items()})
        for kind, by_mode in found.items()
        if kind in usual
    ]


def _card(
    con: duckdb.DuckDBPyConnection, release: drawing.Release, kind: Kind, users: dict[str, Any] | None
) -> dict[str, Any]:
    facts = release.dataset(kind.site_kind)
    groups = kind.groups[kind.mode]
    colours = _colours(kind.within_minutes)
    return {
        "name": kind.site_kind,
        "title": _title(release, kind.site_kind),
        "mode": MODES[kind.mode],
        "within": kind.within_minutes,
        "as_at": drawing.date_in_words(facts.last_as_at) if facts else "",
        "stale": facts.stale if facts else "",
        "sentences": _sentences(kind),
        "rows": [_row(group, colours) for group in groups if group.measured],
        "key": list(
            zip(colours, _band_names(any(group.cut_off for group in groups)), strict=False),
        ),
        "map": _map(con, kind, MAP_SIZE),
        "link": f"travel.html#{kind.site_kind}.{kind.mode}/within_{kind.within_minutes}_minutes",
        "users": users,
    }


def _colours(within: int) -> list[str]:
    near = MINUTES.index(within) + 1
    # The darkest blue stands at the limit, the lightest orange just beyond it.
    return [
        *NEAR_COLOURS[len(NEAR_COLOURS) - near :],
        *FAR_COLOURS[: len(MINUTES) + 1 - near],
        CUT_OFF_COLOUR,
    ]


def _band_names(with_cut_off: bool) -> list[str]:
    between = [f"{low} to {high}" for low, high in itertools.pairwise(MINUTES)]
    names = [f"up to {MINUTES[0]} minutes", *between, f"more than {MINUTES[-1]}"]
    return [*names, "no way there"] if with_cut_off else names


def _row(group: Group, colours: Sequence[str]) -> dict[str, Any]:
    return {
        "group": _group_name(group),
        "whole": group.breakdown == "all homes",
        "homes": f"{group.measured:,}",
        "too_far": f"{group.too_far:,}",
        "share": _percent(group.share),
        "bar": _bar(group, colours),
    }


def _group_name(group: Group) -> str:
    if group.breakdown == "all homes":
        return "All homes"
    ends = {"1": "1, most deprived", "10": "10, least deprived", "not known": "Not known"}
    return ends.get(group.name, group.name)


def _bar(group: Group, colours: Sequence[str]) -> Markup:
    """Bands of time as parts of one bar, its whole width all homes measured."""
    if not group.measured:
        return Markup("")
    marks, start = [], Decimal(0)
    for homes, colour in zip(group.bands, colours, strict=True):
        wide = Decimal(1000 * homes) / group.measured
        if homes:
            marks.append(f'<rect x="{start:.1f}" width="{wide:.1f}" height="16" fill="{colour}"/>')
        start += wide
    # All of it is from numbers and colours of this module.
    return Markup(
        f'<svg class="bands" viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">{"".join(marks)}</svg>'
    )


def _map(con: duckdb.DuckDBPyConnection, kind: Kind, size: tuple[int, int]) -> dict[str, Any]:
    """The share of homes beyond the limit by small area: picture, legend, and where most of these homes are."""
    rows = con.execute(
        """
        SELECT area_type, area_code, area_name, homes_measured,
            homes_beyond_limit
        FROM published.travel_by_area
        WHERE site_kind = ? AND mode = ? AND area_type IN ('lsoa', 'msoa', 'ward')
        ORDER BY area_type, homes_beyond_limit DESC, area_code
        """,
        [kind.site_kind, kind.mode],
    ).fetchall()
    lsoas = [row for row in rows if row[0] == "lsoa"]
    area_type = "lsoa" if 0 < len(lsoas) <= MOST_AREAS else "msoa"
    areas = [row for row in rows if row[0] == area_type]
    shades = (NOBODY_COLOUR, *ramp("YlOrBr", len(SHARES)))
    filled, titles = {}, {}
    counts = [0] * len(shades)
    for _, code, name, measured, beyond in areas:
        if not measured:
            titles[code] = f"{name}: no homes"
            continue
        share = Decimal(100 * beyond) / measured
        number = sum(share > one for one in SHARES)
        filled[code], titles[code] = (
            shades[number],
            f"{name}: {beyond:,} of {measured:,} homes",
        )
        counts[number] += 1
    legend = [
        (colour, words, count)
        for colour, words, count in zip(shades, _share_names(), counts, strict=True)
        if count
    ]
    if len(filled) < len(areas):
        legend.append((WITHOUT_FIGURE, "no homes", len(areas) - len(filled)))
    label = f"Map of homes more than {kind.within_minutes} minutes away, by {area_type.upper()}"
    return {
        # Its texts are escaped where it is drawn.
        "picture": Markup(
            draw_small_map(con, area_type, filled, size, site_kind=kind.site_kind, titles=titles, label=label)
        ),
        "many": f"{area_type.upper()}s",
        "legend": legend,
        "most": [
            f"{name} ({beyond:,} {'home' if beyond == 1 else 'homes'})"
            for _, _, name, _, beyond in areas[:NAMED_AREAS]
            if beyond
        ],
    }


def _share_names() -> list[str]:
    between = [f"{low} to {high}%" for low, high in itertools.pairwise(SHARES[1:])]
    return ["none", f"up to {SHARES[1]}%", *between, f"more than {SHARES[-1]}%"]


def _sentences(kind: Kind) -> list[str]:
    """What the figures say, in plain words."""
    (whole,) = (group for group in kind.groups[kind.mode] if group.breakdown == "all homes")
    by = {"walk": "walk", "cycle": "ride by bicycle", "drive": "drive"}[kind.mode]
    away = f"more than {kind.within_minutes} minutes' {by} away"
    if not whole.measured:
        return ["No home could be measured."]
    said = (
        [f"{whole.too_far:,} of {whole.measured:,} homes ({_percent(whole.share)}) are {away}."]
        if whole.too_far
        else [f"No home is {away}."]
    )
    if whole.cut_off:
        said.append(f"From {whole.cut_off:,} of them no road leads to any site.")
    deciles = [
        g
        for g in kind.groups[kind.mode]
        if g.breakdown != "all homes" and g.name != "not known" and g.measured
    ]
    if whole.too_far and len(deciles) > 1:
        first, last = deciles[0], deciles[-1]
        said.append(
            f"In the most deprived decile that lives here ({first.name}) it is {_percent(first.share)}, in the least "
            f"deprived ({last.name}) {_percent(last.share)}."
        )
        worst = max(deciles, key=lambda group: group.share or Decimal(0))
        if worst not in (first, last):
            said.append(f"The highest share is {_percent(worst.share)}, in decile {worst.name}.")
    others: list[str] = []
    for mode, words in MODES.items():
        for group in kind.groups.get(mode, ()) if mode != kind.mode else ():
            if group.breakdown == "all homes":
                some = f"{group.too_far:,} ({_percent(group.share)})" if group.too_far else "none"
                some = some if others else f"it would be {some}"
                others.append(f"{words.lower()} {some}")
    if others:
        text = ", ".join(others)
        said.append(f"{text[0].upper()}{text[1:]}.")
    if unmeasured := whole.homes - whole.measured:
        said.append(f"{unmeasured:,} homes could not be measured.")
    return said


# --- those whom services know -----------------------------------------------------------------------------------------


def _users(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> dict[str, dict[str, Any]]:
    """By kind of site: a row for each service with the users that it counts near a site, of the whole authority."""
    counts = ("measured", "within_10_minutes", "within_20_minutes")
    shares = ("percent_within_10_minutes", "percent_within_20_minutes")
    columns = ", ".join(f"{name}, {name}_status" for name in (*counts, *shares))
    rows = con.execute(
        f"""
        SELECT site_kind, dataset, measured_by, {columns} FROM published.reach_by_area
        WHERE area_type IN ('authority', 'lad') ORDER BY site_kind, dataset
        """
    ).fetchall()
    found: dict[str, dict[str, Any]] = {}
    for kind, dataset, measured_by, *cells in rows:
        figures = {}
        for number, name in enumerate((*counts, *shares)):
            value, status = cells[2 * number : 2 * number + 2]
            if status == "hidden" and value is not None:
                raise ValueError(f"{dataset}: a hidden figure carries a value; nothing is drawn")
            figures[name] = _figure(value, status, "%" if name in shares else "")
        facts = release.dataset(dataset)
        of_kind = found.setdefault(kind, {"rows": [], "hidden": 0, "in_a_line": measured_by == STRAIGHT_LINE})
        of_kind["by"] = MODES.get(measured_by, "In a straight line")
        of_kind["hidden"] += sum(figures[name] == WITHHELD for name in counts)
        of_kind["rows"].append(
            {
                "title": _title(release, dataset),
                "counts": drawing.count_in_words(facts.counts if facts else ""),
                **figures,
            }
        )
    return found


def _figure(value: Decimal | int | None, status: str, suffix: str) -> str:
    if status == "hidden":
        return WITHHELD
    if value is None:
        return ""
    # A share of rounded counts can come out a little above all.
    return f"{min(value, 100):.0f}%" if suffix else f"{value:,}"


# --- words ------------------------------------------------------------------------------------------------------------


def _title(release: drawing.Release, name: str) -> str:
    facts = release.dataset(name)
    return facts.title if facts else name.replace("_", " ").capitalize()


def _percent(share: Decimal | None) -> str:
    """For example 12.5%; a share that is more than none is never said to be 0.0%, nor one short of all 100.0%."""
    if share is None:
        return ""
    if 0 < share < Decimal("0.05"):
        return "under 0.1%"
    if Decimal("99.95") <= share < 100:
        return "over 99.9%"
    return f"{share:.1f}%"
