"""What a page says of scenarios: sites closed or opened, against today. Map figures, sentences and small tables.

Here: the tables `closure_by_area`, `closure_by_decile` and `closure_at_site` as topics of a choropleth, be they those
of a release (each site closed in turn) or of one scenario that a person asked for. Not here: how they are
reckoned (`pipelines.travel.scenario`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.draw.choropleth import Figure, Mark, Measure, Period, Topic, TopicTable
from pipelines.draw.facts import Release, date_in_words, modelled_in_words, period_in_words
from pipelines.draw.page import Fold

if TYPE_CHECKING:
    from pipelines.estimate.reach import Moved, OfService

MINUTES = (5, 10, 15, 20, 30)
WHOLE = ("authority", "lad")
MOST_DEPRIVED = ("1", "2")
WALKS = {"walk": "minutes' walk", "cycle": "minutes by bicycle", "drive": "minutes' drive"}
MEASURES = (
    Measure(
        "lost",
        "Homes that come to be too far",
        "homes within the limit today and beyond it then",
        ramp="YlOrRd",
        more="more homes",
        breaks=(1, 10, 50, 100, 250),
    ),
    Measure(
        "lost_share",
        "Share of homes that come to be too far",
        "per cent of the homes that were measured",
        ramp="YlOrRd",
        more="more of the homes",
        suffix="%",
        breaks=(1, 10, 25, 50, 75),
    ),
    Measure(
        "gained",
        "Homes that come within the limit",
        "homes beyond the limit today and within it then",
        ramp="YlGnBu",
        more="more homes",
        breaks=(1, 10, 50, 100, 250),
    ),
    Measure(
        "moved_share",
        "Homes with another nearest site",
        "per cent of the homes that were measured",
        ramp="BuPu",
        more="more of the homes",
        suffix="%",
        breaks=(1, 10, 25, 50, 75),
    ),
    Measure(
        "added",
        "Minutes added to the median way",
        "minutes from door to door; half of homes are nearer",
        ramp="YlOrBr",
        more="farther",
        suffix=" min",
        decimals=1,
        breaks=(Decimal("0.1"), 1, 2, 5, 10),
    ),
)
HOW = Fold(
    "How a scenario is reckoned",
    (
        "Each home goes to the site that is the quickest to reach by road, today and in the scenario. People do not "
        "always go to the nearest, and a school or surgery may have no room: see what each site takes.",
        "People are reckoned from homes: each home is taken to hold the average of its LSOA (its people divided by its "
        "homes).",
        "Figures are of homes and open data alone. No record of a service is in them.",
    ),
)


@dataclass
class Counted:
    """One group of homes: what a row of `closure_by_area` or `closure_by_decile` says of it, by column."""

    row: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.row[column]

    def bands(self, when: str) -> list[int]:
        """Homes in each band of time, `when` 'before' or 'after': up to 5 minutes, ..., beyond 30, without any way."""
        edges = [0, *(self[f"homes_within_{minutes}_minutes_{when}"] for minutes in MINUTES)]
        reached = self["homes_measured"] - self[f"homes_without_way_{when}"]
        return [
            *(more - less for less, more in itertools.pairwise(edges)),
            reached - edges[-1],
            self[f"homes_without_way_{when}"],
        ]


@dataclass
class Scenario:
    """One scenario: kind, name of the scenario, its names in words, whole, areas, deciles and sites."""

    site_kind: str
    closed_site: str
    name: str
    whole: Counted
    areas: list[Counted] = field(default_factory=list)
    deciles: list[Counted] = field(default_factory=list)
    sites: list[dict[str, Any]] = field(default_factory=list)

    def names(self, state: str) -> list[str]:
        """The names of its sites of one state: open, closed or new."""
        return [site["site_name"] for site in self.sites if site["state"] == state]

    @property
    def caption(self) -> str:
        """What it supposes, such as: If Hill Library closed."""
        closed, opened = self.names("closed"), self.names("new")
        parts = [f"{_listed(closed)} closed"] if closed else []
        parts += [f"{_listed(opened)} opened"] if opened else []
        return f"If {' and '.join(parts)}"


def read_scenarios(con: duckdb.DuckDBPyConnection, schema: str = "published") -> list[Scenario]:
    """The scenarios that the three tables of a schema hold, by kind and name."""
    found: dict[tuple[str, str], Scenario] = {}
    areas = _rows(
        con,
        f"SELECT * FROM {schema}.closure_by_area ORDER BY site_kind, closed_name, closed_site, area_type, area_code",
    )
    for row in areas:
        key = row["site_kind"], row["closed_site"]
        if row["area_type"] in WHOLE:
            found[key] = Scenario(*key, row["closed_name"], Counted(row))
    for row in areas:
        one = found.get((row["site_kind"], row["closed_site"]))
        if one is not None and row["area_type"] not in WHOLE:
            one.areas.append(Counted(row))
    deciles = _rows(
        con,
        f"SELECT * FROM {schema}.closure_by_decile ORDER BY try_cast(decile AS INTEGER) NULLS LAST, decile",
    )
    for row in deciles:
        if (one := found.get((row["site_kind"], row["closed_site"]))) is not None:
            one.deciles.append(Counted(row))
    for row in _rows(con, f"SELECT * FROM {schema}.closure_at_site ORDER BY site_name, site_id"):
        if (one := found.get((row["site_kind"], row["closed_site"]))) is not None:
            one.sites.append(row)
    return list(found.values())


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = con.execute(sql)
    columns = [one[0] for one in found.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def homes_of_areas(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int | None]:
    """(area type, code) of each area that can be drawn, to its homes."""
    rows = con.execute(
        "SELECT area_type, area_code, homes FROM published.area "
        "WHERE area_type NOT IN ('authority', 'lad') ORDER BY ALL"
    ).fetchall()
    return {(area_type, code): homes for area_type, code, homes in rows}


def topics_of(
    scenarios: Sequence[Scenario],
    release: Release,
    marks: Mapping[tuple[str, str, str], tuple[float, float]],
    *,
    sites: bool = True,
) -> list[Topic]:
    """A topic for each scenario, those of one kind in one group.

    First comes the kind, and of each kind is shown the scenario, in which most homes come to be too far. `marks` is
    {(kind, scenario, site): (longitude, latitude)}; `sites` says whether the release has sites of these kinds to draw.
    """
    usual: dict[str, Scenario] = {}
    for one in scenarios:
        most = usual.setdefault(one.site_kind, one)
        if _weight(one) > _weight(most):
            usual[one.site_kind] = one
    taken: dict[tuple[str, str], int] = {}
    topics = []
    kinds = sorted(usual, key=lambda kind: (*(-count for count in _weight(usual[kind])), kind))
    for one in sorted(scenarios, key=lambda one: kinds.index(one.site_kind)):
        facts = release.dataset(one.site_kind)
        title = facts.title if facts else one.site_kind.replace("_", " ").capitalize()
        dated = f" as at {date_in_words(facts.last_as_at)}" if facts else ""
        # The choice goes by name; where two sites share one, a number tells them apart.
        taken[one.site_kind, one.name] = number = taken.get((one.site_kind, one.name), 0) + 1
        within = f"More than {one.whole['within_minutes']} {WALKS[one.whole['mode']]} is called too far."
        topics.append(
            Topic(
                f"{one.site_kind}.{one.closed_site}",
                title,
                "homes",
                (Period("", f"sites{dated}", ""),),
                source=f"Sites: {title}{dated}. {within}",
                unchanged=True,
                sites=one.site_kind if sites else "",
                stale=facts.stale if facts else "",
                group=one.site_kind,
                variant=one.name if number == 1 else f"{one.name} ({number})",
                is_usual=usual[one.site_kind] is one,
                caption=one.caption,
                sentences=tuple(sentences(one)),
                tables=tuple(tables(one)),
                marks=tuple(
                    Mark(site["site_name"], marks[key], site["state"])
                    for site in one.sites
                    if site["state"] != "open"
                    for key in [(one.site_kind, one.closed_site, site["site_id"])]
                    if key in marks
                ),
            )
        )
    return topics


def _weight(one: Scenario) -> tuple[int, int]:
    return int(one.whole["homes_lost"]), int(one.whole["homes_moved"])


def figures_of(
    scenarios: Sequence[Scenario], homes: Mapping[tuple[str, str], int | None]
) -> tuple[list[Figure], list[Figure]]:
    """Figures by area and of the whole, for `MEASURES`; `homes` is {(area type, code): homes} of all that is drawn.

    An area with homes that no row tells of has nought; one without homes has no figure.
    """
    figures, totals = [], []
    for one in scenarios:
        topic = f"{one.site_kind}.{one.closed_site}"
        rows = {(area["area_type"], area["area_code"]): area for area in one.areas}
        gains = bool(one.whole["homes_gained"]) or bool(one.names("new"))
        for key, count in homes.items():
            figures += _figures(topic, *key, rows.get(key), count, gains)
        totals += _figures(topic, "authority", "", one.whole, one.whole["homes"], gains)
    return figures, totals


def _figures(
    topic: str, area_type: str, code: str, row: Counted | None, homes: int | None, gains: bool
) -> list[Figure]:
    values: tuple[Decimal | int | None, ...]
    if row is None:
        nothing = 0 if homes else None
        values = (nothing, nothing, nothing if gains else None, nothing, nothing)
    else:
        before, after = row["median_minutes_before"], row["median_minutes_after"]
        values = (
            row["homes_lost"],
            per_cent(row["homes_lost"], row["homes_measured"]),
            row["homes_gained"] if gains else None,
            per_cent(row["homes_moved"], row["homes_measured"]),
            None if before is None or after is None else after - before,
        )
    return [
        Figure(
            topic, area_type, code, "", one.measure, value, "not applicable" if value is None else "published"
        )
        for one, value in zip(MEASURES, values, strict=True)
    ]


# --- in words ---------------------------------------------------------------------------------------------------------


def sentences(one: Scenario) -> list[str]:
    """What a scenario comes to, in plain words."""
    whole = one.whole
    away = f"more than {whole['within_minutes']} {WALKS[whole['mode']]} away"
    moved, lost, gained = whole["homes_moved"], whole["homes_lost"], whole["homes_gained"]
    if not moved:
        return ["No home's nearest site would be another: nothing would change."]
    people = (
        f" ({_some(whole['people_moved'], 'person', 'people')})" if whole["people_moved"] is not None else ""
    )
    said = [f"{_some(moved, 'home')}{people} would have another nearest site{_added(whole)}."]
    if lost:
        said.append(
            f"{_some(lost, 'home')} would come to be {away}"
            f" ({_share_of(lost, whole['homes_measured'])} of the homes measured).{_deprived(one)}"
        )
    else:
        said.append(f"No home would come to be {away} that is not today.")
    if gained:
        said.append(f"{_some(gained, 'home')} would no longer be {away}.")
    if cut_off := whole["homes_without_way_after"] - whole["homes_without_way_before"]:
        what = "more would reach no site at all" if cut_off > 0 else "fewer would reach no site at all"
        said.append(f"{_some(abs(cut_off), 'home')} {what}.")
    gains = [(site["homes_after"] - site["homes_before"], site["site_name"]) for site in one.sites]
    most, name = max(gains, default=(0, ""))
    if most > 0:
        said.append(f"Most would come to {name}: {_some(most, 'home')} more than today.")
    return said


def _added(whole: Counted) -> str:
    minutes = whole["added_minutes"]
    if minutes is None:
        return ""
    words = WALKS[whole["mode"]]
    if minutes == 0:
        return ", about as far on average"
    return f", {abs(minutes):,.1f} {words} {'farther' if minutes > 0 else 'nearer'} on average"


def _deprived(one: Scenario) -> str:
    """How many of the homes that come to be too far are in the most deprived fifth, beside how many of all are."""
    known = [row for row in one.deciles if row["decile"] != "not known"]
    lost = sum(row["homes_lost"] for row in known)
    homes = sum(row["homes_measured"] for row in known)
    if not lost or not homes:
        return ""
    of_lost = sum(row["homes_lost"] for row in known if row["decile"] in MOST_DEPRIVED)
    of_homes = sum(row["homes_measured"] for row in known if row["decile"] in MOST_DEPRIVED)
    if not of_homes:
        return " None of the area is in the most deprived fifth of England."
    some = f"Of these {_share_of(of_lost, lost)} are" if of_lost else "None of these is"
    there = (
        f"in the most deprived fifth of England's areas, where {_share_of(of_homes, homes)} of all homes are"
    )
    return f" {some} {there}."


def tables(one: Scenario) -> list[TopicTable]:
    """A scenario as small tables: by band of time, by decile, at each site that changes."""
    return [by_band(one), *by_decile(one), *at_sites(one)]


def by_band(one: Scenario) -> TopicTable:
    """Homes in each band of minutes, today and then."""
    names = [f"{low} to {high}" for low, high in itertools.pairwise((0, *MINUTES))] + [
        f"Over {MINUTES[-1]}",
        "No way there",
    ]
    rows = list(zip(names, one.whole.bands("before"), one.whole.bands("after"), strict=True))
    return TopicTable(
        "Homes by minutes to the nearest site",
        ("Minutes", "Today", "Then", "Change"),
        tuple(
            (name, f"{before:,}", f"{after:,}", signed(after - before))
            for name, before, after in rows
            if name != "No way there" or before or after
        ),
    )


def by_decile(one: Scenario) -> list[TopicTable]:
    """Homes beyond the limit in each decile, today and then; none where no decile is known."""
    rows = []
    for row in one.deciles:
        before, after = row["homes_beyond_limit_before"], row["homes_beyond_limit_after"]
        ends = {"1": "1, most", "10": "10, least", "not known": "Not known"}
        name = ends.get(row["decile"], row["decile"])
        rows.append((name, f"{row['homes_measured']:,}", f"{before:,}", f"{after:,}", signed(after - before)))
    return (
        [
            TopicTable(
                f"Homes beyond {one.whole['within_minutes']} minutes by deprivation",
                ("Decile", "Homes", "Today", "Then", "Change"),
                tuple(rows),
            )
        ]
        if rows
        else []
    )


def at_sites(one: Scenario, *, every: bool = False) -> list[TopicTable]:
    """Homes and people at each site, beside what it takes; without `every` only of sites where that changes."""
    shown = [
        site for site in one.sites
        if every or site["homes_before"] != site["homes_after"] or site["state"] != "open"
    ]  # fmt: skip
    if not shown:
        return []
    has_capacity = any(site["capacity"] is not None for site in one.sites)
    state = {"open": "", "closed": ", closed", "new": ", new"}
    rows = []
    for site in sorted(
        shown,
        key=lambda row: (-abs(row["homes_after"] - row["homes_before"]), row["site_name"], row["site_id"]),
    ):
        takes = (_number(site["capacity"]),) if has_capacity else ()
        pairs = [
            f"{_number(site[f'{what}_before'])}\u00a0\u2192\u00a0{_number(site[f'{what}_after'])}"
            for what in ("homes", "people")
        ]
        rows.append((f"{site['site_name']}{state[site['state']]}", *takes, *pairs))
    others = len(one.sites) - len(shown)
    of = {site["capacity_of"] for site in one.sites} - {None}
    said = [f"Takes: {' or '.join(sorted(of)).replace('_', ' ')}."] if has_capacity and of else []
    said += [f"{others:,} other {'site is' if others == 1 else 'sites are'} as today."] if others else []
    return [
        TopicTable(
            "Homes and people nearest to each site",
            ("Site", *(("Takes",) if has_capacity else ()), "Homes", "People"),
            tuple(rows),
            " ".join(said),
        )
    ]


HOW_OF_USE = (
    "Recorded use is reckoned from the published rates of the smallest areas that have them: an area's use is taken to "
    "be spread over its homes, so that a tenth of its homes bring a tenth of it. Intervals are of the rates, 90%. "
    "Everything else is of homes and open data; no record of a person is in any of it."
)


def recorded_use(one: Scenario, found: Sequence[OfService], release: Release) -> list[TopicTable]:
    """The recorded use that a scenario moves over the limit, by service; none where no home crosses it."""
    gains, losses = one.whole["homes_gained"], one.whole["homes_lost"]
    if not found or not (gains or losses):
        return []
    rows = []
    notes = ["Expected, with a 90% interval, from published rates, of which small counts are withheld."]
    for of in found:
        facts = release.dataset(of.dataset)
        title = facts.title if facts else of.dataset.replace("_", " ").capitalize()
        moved = ((of.gained, gains), (of.lost, losses))
        cells = (_moved(use) if use else "withheld" if homes else "none" for use, homes in moved)
        rows.append((f"{title}, {period_in_words(of.period)}", *cells))
        if 0 < of.homes_known < of.homes:
            notes.append(
                f"{title}: of {of.homes_known:,} of the {of.homes:,} homes; the others' figures are withheld."
            )
    within = one.whole["within_minutes"]
    return [
        TopicTable(
            f"Recorded use that would cross the limit of {within} minutes",
            ("Service", "Comes within", "Falls beyond"),
            tuple(rows),
            " ".join(notes),
        )
    ]


def _moved(use: Moved) -> str:
    low, high = modelled_in_words(use.low), modelled_in_words(use.high)
    return f"{modelled_in_words(use.expected)} ({low}\u00a0to\u00a0{high})"


def signed(change: int) -> str:
    """A change with its sign, a true minus; 0 for none."""
    return f"+{change:,}" if change > 0 else f"\u2212{-change:,}" if change < 0 else "0"


def per_cent(part: int, whole: int) -> int | None:
    """Whole per cent, halves up; 0 and 100 of none and all alone. None where there is nothing to divide."""
    if not whole:
        return None
    if part in (0, whole):
        return 100 if part else 0
    return min(99, max(1, (200 * part + whole) // (2 * whole)))


def _share_of(part: int, whole: int) -> str:
    """In words for a sentence: 12%, under 1%."""
    return "under 1%" if 0 < 200 * part < whole else f"{per_cent(part, whole)}%"


def _some(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _number(value: Decimal | int | None) -> str:
    if value is None:
        return "unknown"
    return f"{int(value):,}" if value == int(value) else f"{value:,.1f}"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
