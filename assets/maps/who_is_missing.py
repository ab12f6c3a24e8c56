"""Page on whose records the maps leave out: for planners, before they read a blank area as an area without use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from pipelines import draw as drawing
from pipelines.draw.page import own_script, render

TITLE = "Who is missing"
SENTENCE = "Whose records are on no map, or only roughly placed, and how many homes each service knows."
PLACE = 10  # in the gallery
DEPENDS_ON = (
    "published.who_is_missing",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

# (suffix of the column in published.who_is_missing, words, colour class of its bar), the best place first.
PLACES = (
    ("precise", "On a property, building or point", "property"),
    ("coarse", "By postcode or area alone", "postcode"),
    ("unplaced", "No place", "unplaced"),
)
COUNTS = ("records", *(f"records_{suffix}" for suffix, *_ in PLACES), "homes_known")
RATES = (*(f"percent_{suffix}" for suffix, *_ in PLACES), "percent_homes_known")
BREAKDOWNS = (
    ("all records", "All records"),
    ("deprivation fifth", "By deprivation of the place"),
    ("tenure", "By tenure"),
)
MOST, LEAST = "1, most deprived", "5, least deprived"
# Not "fewer than": a count may be withheld since few stand behind it, or since it would give another away.
WITHHELD = "withheld"
# Last in their table, after the groups that say something.
LAST = ("another value", "not known")


@dataclass(frozen=True)
class Figure:
    """A count or percentage of published.who_is_missing: its value, or None where it is withheld or there is none."""

    value: Decimal | None
    status: str


Groups = dict[tuple[str, str], dict[str, Figure]]


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden figure has one."""
    release = drawing.read_release(con)
    read = _read(con)
    datasets = [_describe(release, name, groups, homes) for name, (groups, homes) in read.items()]
    hidden = sum(
        figures[count].status == "hidden"
        for groups, _ in read.values()
        for figures in groups.values()
        for count in COUNTS
    )
    body = render("missing.html", release=release, datasets=datasets, places=PLACES, hidden_counts=hidden)
    return drawing.Page(
        title=TITLE, sentence=SENTENCE, release=release, body=body, scripts=[own_script("print.js")]
    ).html()


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """Bars of how precisely all records of each service are placed, as inline SVG."""
    bars = []
    for groups, _ in _read(con).values():
        figures = groups.get(("all records", "all"), {})
        precise, coarse, unplaced = (
            int(figures[f"records_{suffix}"].value or 0) if figures else 0 for suffix, *_ in PLACES
        )
        bars.append([precise, 0, 0, coarse, 0, unplaced])
    return drawing.draw_bars_thumbnail(bars)


def _read(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[Groups, dict[tuple[str, str], int | None]]]:
    """For each dataset its groups' figures, and how many homes each group has (None where that is not known)."""
    names = (*COUNTS, *RATES)
    columns = ", ".join(f"{name}, {name}_status" for name in names)
    found: dict[str, tuple[Groups, dict[tuple[str, str], int | None]]] = {}
    for dataset, breakdown, group, homes, *values in con.execute(
        f"""
        SELECT dataset, breakdown, group_name, homes, {columns} FROM published.who_is_missing
        WHERE breakdown IN {tuple(breakdown for breakdown, _ in BREAKDOWNS)}
        ORDER BY dataset, breakdown, group_name IN {LAST}, group_name
        """
    ).fetchall():
        groups, homes_of = found.setdefault(dataset, ({}, {}))
        homes_of[breakdown, group] = homes
        groups[breakdown, group] = {
            name: _figure(dataset, *values[2 * number : 2 * number + 2]) for number, name in enumerate(names)
        }
    return found


def _figure(dataset: str, value: Any, status: str) -> Figure:
    if status == "hidden" and value is not None:
        raise ValueError(f"{dataset}: a hidden figure carries a value; nothing is drawn")
    return Figure(Decimal(value) if value is not None and status == "published" else None, status)


def _describe(
    release: drawing.Release, name: str, groups: Groups, homes: dict[tuple[str, str], int | None]
) -> dict[str, Any]:
    facts = release.dataset(name)
    counted = drawing.count_in_words(facts.counts if facts else "")
    tables = []
    for breakdown, heading in BREAKDOWNS:
        rows = [
            _row(group, figures, homes[of, group])
            for (of, group), figures in groups.items()
            if of == breakdown
        ]
        if rows:
            tables.append({"heading": heading, "rows": rows})
    return {
        "title": facts.title if facts else name.replace("_", " ").capitalize(),
        "owner": facts.owner if facts else "",
        "as_at": f"{drawing.date_in_words(facts.last_as_at)}. {facts.stale}".rstrip(". ") if facts else "",
        "sentences": _sentences(counted, groups),
        "tables": tables,
        "with_homes": any(figures["homes_known"].status != "not applicable" for figures in groups.values()),
    }


def _row(group: str, figures: dict[str, Figure], homes: int | None) -> dict[str, Any]:
    parts = [int(figures[f"records_{suffix}"].value or 0) for suffix, *_ in PLACES]
    # Rounded parts need not add up to the rounded whole. Where a part is withheld, its room stays empty.
    whole = max(sum(parts), int(figures["records"].value or 0)) or 1
    return {
        "group": group[0].upper() + group[1:],
        "records": _count(figures["records"]),
        "places": [
            (_count(figures[f"records_{suffix}"]), _percent(figures[f"percent_{suffix}"]))
            for suffix, *_ in PLACES
        ],
        "bar": [
            (colour, f"{100 * part / whole:.2f}")
            for (_, _, colour), part in zip(PLACES, parts, strict=True)
            if part
        ],
        "homes": "" if homes is None else f"{homes:,}",
        "homes_known": _count(figures["homes_known"]) if homes else "",
        "percent_homes_known": _percent(figures["percent_homes_known"]),
    }


def _count(figure: Figure) -> str:
    if figure.status == "hidden":
        return WITHHELD
    return "" if figure.value is None else f"{int(figure.value):,}"


def _percent(figure: Figure) -> str:
    """For example 88.7%; a share made of a rounded count can come out a little above all, and is said to be all."""
    return "" if figure.value is None else f"{min(figure.value, Decimal(100)):.1f}%"


def _sentences(counted: str, groups: Groups) -> list[str]:
    """What the figures say, in plain words; only what is published is said."""
    said = []
    every = groups.get(("all records", "all"), {})
    most, least = (groups.get(("deprivation fifth", group), {}) for group in (MOST, LEAST))

    def share(figures: dict[str, Figure], name: str) -> str:
        return drawing.share_in_words(figures[name].value if name in figures else None)

    if precise := share(every, "percent_precise"):
        said.append(f"Of {counted}, {precise} are placed on a property, a building or a point.")
    unplaced = every["percent_unplaced"].value if every else None
    if unplaced is not None and unplaced < Decimal("0.1"):
        said.append("Nearly all or all have a place.")
    elif unplaced is not None:
        said.append(f"{_percent(every['percent_unplaced'])} have no place and are on no map.")
    elif every and every["records_unplaced"].status == "hidden":
        said.append("How many have no place is withheld.")
    pair = share(most, "percent_precise"), share(least, "percent_precise")
    if all(pair) and pair[0] != pair[1]:
        said.append(
            f"Of those placed in the most deprived fifth, {pair[0]} are placed so precisely; in the least deprived, "
            f"{pair[1]}."
        )
    if known := share(every, "percent_homes_known"):
        said.append(f"The service has a record of {known} of the area's homes.")
        pair = share(most, "percent_homes_known"), share(least, "percent_homes_known")
        if all(pair):
            said.append(f"In the most deprived fifth it is {pair[0]}, in the least deprived {pair[1]}.")
    return said
