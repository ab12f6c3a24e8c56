"""The quality scorecard: a card for each dataset, for heads of service, and for planners who judge figures.

How good is it, does it get better, is it late, what must be put right by whom. What is late is told on the date of the
newest data; a few lines of script say it for the day on which the page is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
from markupsafe import Markup

from pipelines import draw as drawing
from pipelines.cadence import promise_in_words
from pipelines.draw.page import own_script, render
from pipelines.draw.trend import Point, axis, draw_trend

TITLE = "Quality scorecard"
SENTENCE = "How good each dataset is, whether it gets better, whether it is late, and what must be put right by whom."
PLACE = 9  # in the gallery
DEPENDS_ON = (
    "published.accounting",
    "published.data_issue",
    "published.dataset",
    "published.extract_due",
    "published.issue_by_extract",
    "published.placement_by_area",
    "published.quality_by_extract",
    "published.who_is_missing",
    "published.source",
    "published.disclosure_rule",
)

# (suffix of the column in published.accounting, column of published.quality_by_extract, words), the best place first.
PRECISIONS = (
    ("property", "Property"),
    ("building", "Building"),
    ("point", "Point"),
    ("postcode", "Postcode"),
    ("area", "Area only"),
    ("unplaced", "Not placed"),
)
# What puts a record on a property or building, the first key first; each other key has a precision of its own.
KEYS = (
    ("by_uprn", "UPRN"),
    ("by_cross_reference", "the service's own reference"),
    ("by_address", "address"),
)
SEVERITIES = ("error", "warning", "info")
COLUMNS = ("read", "kept", "rejected", *(suffix for suffix, _ in (*KEYS, *PRECISIONS)))
OF_EXTRACT = ("records", "rows_rejected", "damaged", *(name for name, _ in PRECISIONS))
# (column, words, whether the best is all of them and not none), each a small chart on every card.
TRENDS = (
    ("percent_precise", "Placed on a property, building or point", True),
    ("percent_unplaced", "Without a place", False),
    ("rate_damaged_per_100_records", "Damaged identifiers, in 100 records", False),
    ("percent_rejected", "Rows rejected", False),
)
BREAKDOWNS = (("ward", "By ward"), ("deprivation decile", "By deprivation of the place"))
PLACES = (("precise", "property"), ("coarse", "postcode"))  # (suffix of its column, colour class of its bar)
MOST_EXTRACTS = 12  # so many dates of a dataset are shown, the newest ones
STATES = {
    "came": "came",
    "refused": "could not be used",
    "missing": "missing",
    "overdue": "overdue",
    "awaited": "awaited",
    "next": "next",
}


@dataclass(frozen=True)
class Count:
    """A published figure: its value, or None where it is withheld or there is none."""

    value: int | Decimal | None
    status: str

    @property
    def hidden(self) -> bool:
        """True if it is withheld by the rule."""
        return self.status == "hidden"

    @property
    def words(self) -> str:
        """What stands where it is shown."""
        if self.hidden:
            return "withheld"
        return "not applicable" if self.value is None else f"{self.value:,}"


@dataclass(frozen=True)
class Extract:
    """A row of published.quality_by_extract; `label` is its date, or its period in words."""

    name: str
    label: str
    figures: dict[str, Count]


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden count carries a value."""
    release = drawing.read_release(con)
    accounts = {by: _read_accounts(con, by) for by in ("rows", "weight")}
    extracts = _read_extracts(con, release)
    due = _read_due(con, release)
    issues = _read_issues(con, release, extracts)
    areas = _read_areas(con)
    names = sorted(
        {*accounts["rows"], *(one.dataset for one in release.datasets)},
        key=lambda name: (_facts(release, name)["is_site"], _facts(release, name)["title"], name),
    )
    cards = [
        {
            "name": name,
            **_facts(release, name),
            "state": _state(extracts.get(name, []), _facts(release, name)["is_open"]),
            "due": _lateness(release, name, due.get(name, [])),
            "issues": issues.get(name, []),
            "grave": [
                (severity, found)
                for severity in SEVERITIES[:2]
                if (found := sum(one["severity"] == severity for one in issues.get(name, [])))
            ],
            "accounts": [
                (words, _account(accounts[by][name]))
                for by, words in (("rows", "records"), ("weight", "what records stand for (their weight)"))
                if name in accounts[by] and (by == "rows" or accounts[by][name] != accounts["rows"][name])
            ],
            "areas": areas.get(name),
        }
        for name in names
    ]
    every_issue = [one for of in issues.values() for one in of]
    body = render(
        "quality.html",
        release=release,
        cards=cards,
        precisions=PRECISIONS,
        severities=[one for one in SEVERITIES if any(issue["severity"] == one for issue in every_issue)],
        fixers=sorted({one["who_fixes"] for one in every_issue}),
        issues=len(every_issue),
        hidden_counts=sum(
            count.hidden for by in accounts.values() for columns in by.values() for count in columns.values()
        )
        + sum(count.hidden for of in extracts.values() for one in of for count in one.figures.values())
        + sum(one["hidden"] for one in every_issue)
        + sum(one["hidden"] for one in areas.values()),
    )
    return drawing.Page(
        title=TITLE, sentence=SENTENCE, release=release, body=body, scripts=[own_script("quality.js")]
    ).html()


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """Bars of how precisely each dataset is placed, as inline SVG."""
    bars = [
        [int(columns[suffix].value or 0) for suffix, _ in PRECISIONS]
        for columns in _read_accounts(con, "rows").values()
    ]
    return drawing.draw_bars_thumbnail(bars)


def _facts(release: drawing.Release, name: str) -> dict[str, Any]:
    facts = release.dataset(name)
    return {
        "title": facts.title if facts else name.replace("_", " ").capitalize(),
        "owner": facts.owner if facts else "",
        "is_site": facts is not None and facts.role == "site",
        "role": {"site": "Sites", "service": "Service"}.get(facts.role, facts.role) if facts else "",
        "is_open": facts is not None and facts.is_open,
        "newest": drawing.date_in_words(facts.last_as_at) if facts else "",
        "stale": facts.stale if facts else "",
    }


def _count(name: str, value: int | Decimal | None, status: str) -> Count:
    if status == "hidden" and value is not None:
        raise ValueError(f"{name}: a hidden count carries a value; nothing is drawn")
    return Count(value if status == "published" else None, status)


# --- how good, and does it get better --------------------------------------------------------------------------------


def _read_extracts(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> dict[str, list[Extract]]:
    """For each dataset its extracts (of a flow its periods), oldest first."""
    names = (*OF_EXTRACT, *(name for name, _, _ in TRENDS))
    columns = ", ".join(f"{name}, {name}_status" for name in names)
    rows = con.execute(
        f"SELECT dataset, extract_of, extract_to, {columns} FROM published.quality_by_extract "
        "ORDER BY dataset, extract_to NULLS FIRST, extract_of"
    ).fetchall()
    found: dict[str, list[Extract]] = {}
    for dataset, extract, day, *values in rows:
        figures = {name: _count(dataset, *values[2 * at : 2 * at + 2]) for at, name in enumerate(names)}
        facts = release.dataset(dataset)
        is_stock = facts is None or facts.kind != "flow"
        label = _short(day) if is_stock and day else _short_period(extract) or "not dated"
        found.setdefault(dataset, []).append(Extract(extract, label, figures))
    return found


def _state(extracts: list[Extract], is_open: bool) -> dict[str, Any]:
    """How the newest extract is placed, and its charts; empty where there is none."""
    if not extracts:
        return {}
    newest = extracts[-1].figures
    parts = [int(newest[name].value or 0) for name, _ in PRECISIONS]
    # Rounded parts need not add up to the rounded whole: the bar is filled by what is published.
    whole = sum(parts) or 1
    return {
        "label": extracts[-1].label,
        "records": newest["records"].words,
        "rejected": newest["rows_rejected"],
        "precise": _percent(newest["percent_precise"], is_open),
        "damaged": _per_100(newest["rate_damaged_per_100_records"]),
        "change": _change(extracts),
        "bars": [
            (name, label, newest[name].words, f"{100 * part / whole:.2f}")
            for (name, label), part in zip(PRECISIONS, parts, strict=True)
            if part
        ],
        "words": [(label, newest[name].words) for name, label in PRECISIONS if newest[name].value],
        "withheld": [label.lower() for name, label in PRECISIONS if newest[name].hidden],
        "damaged_count": newest["damaged"],
        "trends": [
            trend
            for name, words, best_is_all in TRENDS
            if (trend := _trend(extracts, name, words, best_is_all, is_open)) is not None
        ],
        "extracts": len(extracts),
    }


def _percent(count: Count, is_open: bool) -> str:
    """A share in words; one that is made of exact counts may be all."""
    if count.value is None:
        return count.words
    return (
        f"{count.value:.1f}%".replace(".0%", "%") if is_open else drawing.share_in_words(Decimal(count.value))
    )


def _per_100(count: Count) -> str:
    return count.words if count.value is None else f"{count.value:.1f}"


def _change(extracts: list[Extract]) -> str:
    """Percentage points by which the precise share differs from the extract before; empty where one is not shown."""
    if len(extracts) < 2:
        return ""
    before, now = (one.figures["percent_precise"].value for one in extracts[-2:])
    if before is None or now is None:
        return ""
    points = Decimal(now) - Decimal(before)
    # Counts that are rounded to five move by a step where next to nothing changed.
    return (
        "as before"
        if abs(points) < Decimal("0.5")
        else f"{points:+.1f} points".replace("-", "\N{MINUS SIGN}")
    )


def _trend(
    extracts: list[Extract], name: str, words: str, best_is_all: bool, is_open: bool
) -> dict[str, Any] | None:
    """A chart with its words; None where the figure is of no extract."""
    shown = extracts[-MOST_EXTRACTS:]
    figures = [one.figures[name] for one in shown]
    if all(figure.status == "not applicable" for figure in figures):
        return None
    values = [None if figure.value is None else Decimal(figure.value) for figure in figures]
    points = [
        Point(
            one.label,
            _per_100(figure) if name == "rate_damaged_per_100_records" else _percent(figure, is_open),
            value,
        )
        for one, figure, value in zip(shown, figures, values, strict=True)
    ]
    known = [value for value in values if value is not None]
    low, high = axis(known, best_is_all=best_is_all)
    unit = "" if name == "rate_damaged_per_100_records" else "%"
    return {
        "name": name,
        "words": words,
        "now": points[-1].words,
        "chart": draw_trend(points, best_is_all=best_is_all) if len(points) > 1 else Markup(),
        "scale": (f"{low}{unit}", f"{high}{unit}"),
        "first": points[0].label,
        "last": points[-1].label,
        "told": "; ".join(f"{point.label}: {point.words}" for point in points),
        "withheld": sum(figure.hidden for figure in figures),
        "of": len(points),
    }


# --- is it late ------------------------------------------------------------------------------------------------------


def _short(day: date) -> str:
    return f"{day.day} {drawing.MONTHS[day.month - 1][:3]} {day.year}"


def _short_period(period: str) -> str:
    """'2025 Q3' as 'Jul to Sep 2025', '2026-09' as 'Sep 2026'; any other text unchanged."""
    words = drawing.period_in_words(period)
    for month in drawing.MONTHS:
        words = words.replace(month, month[:3])
    return words


def _read_due(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> dict[str, list[dict[str, Any]]]:
    rows = con.execute(
        "SELECT dataset, as_at, due_on, state FROM published.extract_due ORDER BY dataset, as_at"
    ).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for dataset, as_at, due_on, state in rows:
        found.setdefault(dataset, []).append(
            {
                "as_at": as_at,
                "short": _short(as_at),
                "long": drawing.date_in_words(as_at),
                "state": state,
                "words": STATES.get(state, state),
                "due_on": due_on,
                "due": drawing.date_in_words(due_on) if due_on else "",
                "due_short": _short(due_on) if due_on else "",
                "is_open": state in ("overdue", "awaited", "next"),
            }
        )
    return found


def _lateness(release: drawing.Release, name: str, dates: list[dict[str, Any]]) -> dict[str, Any]:
    """What was promised, which extracts are lacking, and the one that is due first."""
    facts = release.dataset(name)
    promise = promise_in_words(facts.cadence, facts.due_days) if facts else ""
    last, newest = (facts.last_as_at if facts else None), release.data_to
    return {
        "promise": promise[:1].upper() + promise[1:],
        "dates": dates[-MOST_EXTRACTS:],
        "missing": sum(one["state"] == "missing" for one in dates),
        "first": next((one for one in dates if one["is_open"]), None),
        "behind": (newest - last).days if last and newest else 0,
        "data_to": drawing.date_in_words(newest),
    }


# --- what must be put right ------------------------------------------------------------------------------------------


def _read_issues(
    con: duckdb.DuckDBPyConnection, release: drawing.Release, extracts: dict[str, list[Extract]]
) -> dict[str, list[dict[str, Any]]]:
    """For each dataset its issues, the gravest first: in its newest extract, the one before, and in all together."""
    by_extract: dict[tuple[str, str, str], dict[str, int]] = {}
    identifiers = set()
    for name, extract, concerns, column, issue, value, status in con.execute(
        "SELECT dataset, extract_of, concerns, column_name, issue, rows, rows_status FROM published.issue_by_extract"
    ).fetchall():
        count = _count(name, value, status)
        if concerns == "identifier":
            identifiers.add((name, column, issue))
        if count.value is not None:
            told = by_extract.setdefault((name, column, issue), {})
            # A column may have an issue in rows that were kept and in others that were not.
            told[extract] = told.get(extract, 0) + int(count.value)
    rows = con.execute(
        """
        SELECT dataset, column_name, issue, severity, who_fixes, how_to_fix, meaning, rows, rows_status
        FROM published.data_issue
        ORDER BY dataset, column_name, issue
        """
    ).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for name, column, issue, severity, who_fixes, how_to_fix, meaning, value, status in rows:
        count = _count(name, value, status)
        told = by_extract.get((name, column, issue), {})
        dated = [one.name for one in extracts.get(name, [])]
        now = told.get(dated[-1]) if dated else None
        before = told.get(dated[-2]) if len(dated) > 1 else None
        found.setdefault(name, []).append(
            {
                "column": column or "",
                "issue": issue.replace("_", " "),
                "severity": severity,
                "rank": SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES),
                "who_fixes": who_fixes or "not stated",
                "how_to_fix": (how_to_fix or "").replace("`", "'"),
                "meaning": (meaning or "").replace("`", "'"),
                "now": "few or none" if now is None else f"{now:,}",
                "before": "" if len(dated) < 2 else "few or none" if before is None else f"{before:,}",
                "moved": _moved(before, now),
                "words": count.words,
                "hidden": count.hidden,
                "size": now or 0,
                "is_damage": severity in SEVERITIES[:2] and (name, column, issue) in identifiers,
                "of_all": int(count.value or 0),
            }
        )
    for of in found.values():
        of.sort(key=lambda one: (one["rank"], -one["size"], -one["of_all"], one["column"], one["issue"]))
    return found


def _moved(before: int | None, now: int | None) -> str:
    if before is None or now is None:
        return ""
    return "more" if now > before else "fewer" if now < before else "as before"


# --- all extracts together, and by area ------------------------------------------------------------------------------


def _read_accounts(con: duckdb.DuckDBPyConnection, by: str) -> dict[str, dict[str, Count]]:
    columns = ", ".join(f"{by}_{column}, {by}_{column}_status" for column in COLUMNS)
    rows = con.execute(f"SELECT dataset, {columns} FROM published.accounting ORDER BY dataset").fetchall()
    return {
        name: {
            column: _count(name, *values[2 * number : 2 * number + 2])
            for number, column in enumerate(COLUMNS)
        }
        for name, *values in rows
    }


def _account(columns: dict[str, Count]) -> dict[str, Any]:
    """Words for each count of one dataset, those that are none left out."""
    return {
        "read": columns["read"].words,
        "kept": columns["kept"].words,
        "rejected": columns["rejected"].words,
        "placed": [(label, columns[name].words) for name, label in PRECISIONS if columns[name].value != 0],
        "keys": [
            (label, columns[name].words)
            for name, label in KEYS
            if columns[name].value != 0 and columns[name].status != "not applicable"
        ],
    }


def _read_areas(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """For each service its tables by ward and by decile: a row each with words, shares and the widths of its bar."""
    rows = con.execute(
        """
        SELECT
            dataset, area_type AS breakdown, area_name AS group_name, area_code, records, records_status,
            records_precise, records_precise_status, records_coarse, records_coarse_status,
            percent_precise, percent_coarse
        FROM published.placement_by_area
        UNION ALL
        SELECT
            dataset, breakdown, group_name, '', records, records_status,
            records_precise, records_precise_status, records_coarse, records_coarse_status,
            percent_precise, percent_coarse
        FROM published.who_is_missing
        WHERE breakdown = 'deprivation decile'
        ORDER BY dataset, breakdown, TRY_CAST(group_name AS INTEGER), group_name, area_code
        """
    ).fetchall()
    services: dict[str, dict[str, Any]] = {}
    for name, breakdown, group, _, *figures, percent_precise, percent_coarse in rows:
        service = services.setdefault(
            name, {"hidden": 0, "tables": {breakdown: [] for breakdown, _ in BREAKDOWNS}}
        )
        every, *parts = (_count(name, *figures[at : at + 2]) for at in range(0, len(figures), 2))
        service["hidden"] += sum(count.hidden for count in (every, *parts))
        # Rounded parts need not add up to the rounded whole. Where a part is withheld, its room stays empty.
        whole = max(sum(int(part.value or 0) for part in parts), int(every.value or 0)) or 1
        service["tables"][breakdown].append(
            {
                "group": group,
                "records": every.words,
                "places": [
                    (part.words, "" if percent is None else f"{min(float(percent), 100):.1f}%")
                    for part, percent in zip(parts, (percent_precise, percent_coarse), strict=True)
                ],
                "bar": [
                    (colour, f"{100 * part.value / whole:.2f}")
                    for (_, colour), part in zip(PLACES, parts, strict=True)
                    if part.value
                ],
            }
        )
    for service in services.values():
        tables = service["tables"]
        service["tables"] = [(heading, tables[name]) for name, heading in BREAKDOWNS if tables[name]]
    return services
