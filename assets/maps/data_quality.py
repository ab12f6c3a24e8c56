"""Page on data quality: for planners who ask how far to trust a figure, and for the services that can put it right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines import draw as drawing
from pipelines.draw.page import own_script, render

TITLE = "Data quality"
SENTENCE = (
    "How many records of each dataset were read, kept and put on a place, and what must be put right by whom."
)
PLACE = 3  # in the gallery
DEPENDS_ON = (
    "published.accounting",
    "published.data_issue",
    "published.dataset",
    "published.placement_by_area",
    "published.who_is_missing",
    "published.source",
    "published.disclosure_rule",
)

# (suffix of the column in published.accounting, words), the best place first.
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
BREAKDOWNS = (("ward", "By ward"), ("deprivation decile", "By deprivation of the place"))
PLACES = (("precise", "property"), ("coarse", "postcode"))  # (suffix of its column, colour class of its bar)


@dataclass(frozen=True)
class Count:
    """A count of published.accounting: its value, or None where it is withheld or there is none."""

    value: int | None
    status: str

    @property
    def hidden(self) -> bool:
        """True if it is withheld by the rule."""
        return self.status == "hidden"


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden count carries a value."""
    release = drawing.read_release(con)
    counts = {by: _read_counts(con, by) for by in ("rows", "weight")}
    # Most datasets have no weights: their second table would say the same.
    if counts["weight"] == counts["rows"]:
        del counts["weight"]
    tables = [
        (by, words, [_describe(release, name, columns) for name, columns in counts[by].items()])
        for by, words in (("rows", "records"), ("weight", "what records stand for (their weight)"))
        if by in counts
    ]
    issues = _read_issues(con, release)
    areas = _read_areas(con, release)
    body = render(
        "quality.html",
        release=release,
        tables=tables,
        precisions=PRECISIONS,
        keys=KEYS,
        areas=areas,
        issues=issues,
        severities=[
            severity for severity in SEVERITIES if any(one["severity"] == severity for one in issues)
        ],
        titles=sorted({one["title"] for one in issues}),
        fixers=sorted({one["who_fixes"] for one in issues}),
        hidden_counts=sum(
            count.hidden for by in counts.values() for columns in by.values() for count in columns.values()
        )
        + sum(one["hidden"] for one in issues)
        + sum(one["hidden"] for one in areas),
    )
    return drawing.Page(
        title=TITLE, sentence=SENTENCE, release=release, body=body, scripts=[own_script("quality.js")]
    ).html()


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """Bars of how precisely each dataset is placed, as inline SVG."""
    bars = [
        [columns[suffix].value or 0 for suffix, _ in PRECISIONS]
        for columns in _read_counts(con, "rows").values()
    ]
    return drawing.draw_bars_thumbnail(bars)


def _read_counts(con: duckdb.DuckDBPyConnection, by: str) -> dict[str, dict[str, Count]]:
    columns = ", ".join(f"{by}_{column}, {by}_{column}_status" for column in COLUMNS)
    rows = con.execute(f"SELECT dataset, {columns} FROM published.accounting ORDER BY dataset").fetchall()
    return {
        name: {
            column: _count(name, *values[2 * number : 2 * number + 2])
            for number, column in enumerate(COLUMNS)
        }
        for name, *values in rows
    }


def _count(name: str, value: int | None, status: str) -> Count:
    if status == "hidden" and value is not None:
        raise ValueError(f"{name}: a hidden count carries a value; nothing is drawn")
    return Count(int(value) if value is not None and status == "published" else None, status)


def _describe(release: drawing.Release, name: str, columns: dict[str, Count]) -> dict[str, Any]:
    """One dataset's row: words for each count, widths of its bars in per cent of what was read."""
    facts = release.dataset(name)
    kept = columns["kept"].value
    parts = [columns[suffix].value or 0 for suffix, _ in PRECISIONS]
    # Rounded parts need not add up to the rounded whole: the bar is filled by what is published.
    whole = sum(parts) or 1
    return {
        "dataset": name,
        "title": facts.title if facts else name.replace("_", " ").capitalize(),
        "owner": facts.owner if facts else "",
        "as_at": f"{drawing.date_in_words(facts.last_as_at)}. {facts.stale}".rstrip(". ") if facts else "",
        "role": {"site": "Sites", "service": "Service"}.get(facts.role, facts.role) if facts else "",
        "words": {column: _in_words(count) for column, count in columns.items()},
        "bars": [
            (suffix, label, _in_words(columns[suffix]), f"{100 * part / whole:.2f}")
            for (suffix, label), part in zip(PRECISIONS, parts, strict=True)
            if part
        ],
        "placed": _share_placed(kept, columns["unplaced"]),
        "rejected_share": _share(columns["rejected"].value, columns["read"].value),
    }


def _in_words(count: Count) -> str:
    if count.hidden:
        return "withheld"
    return "not applicable" if count.value is None else f"{count.value:,}"


def _share(part: int | None, whole: int | None) -> str:
    return "" if part is None or not whole else f"{100 * part / whole:.1f}%"


def _share_placed(kept: int | None, unplaced: Count) -> str:
    """Share of kept records that are on a place; nothing is said of it where the unplaced are withheld."""
    if not kept:
        return "no figure"
    if unplaced.hidden:
        return "withheld"
    if unplaced.value is None:
        return "no figure"
    return f"{max(0.0, 100 - 100 * unplaced.value / kept):.1f}%"


def _read_issues(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> list[dict[str, Any]]:
    rows = con.execute(
        """
        SELECT dataset, column_name, issue, severity, who_fixes, how_to_fix, meaning, rows, rows_status
        FROM published.data_issue
        ORDER BY dataset, column_name, issue
        """
    ).fetchall()
    issues = []
    for name, column, issue, severity, who_fixes, how_to_fix, meaning, value, status in rows:
        count = _count(name, value, status)
        facts = release.dataset(name)
        issues.append(
            {
                "title": facts.title if facts else name.replace("_", " ").capitalize(),
                "column": column or "",
                "issue": issue.replace("_", " "),
                "severity": severity,
                "who_fixes": who_fixes or "not stated",
                "how_to_fix": (how_to_fix or "").replace("`", "'"),
                "meaning": (meaning or "").replace("`", "'"),
                "words": _in_words(count),
                "hidden": count.hidden,
                "size": count.value or 0,
            }
        )
    order = {severity: number for number, severity in enumerate(SEVERITIES)}
    return sorted(
        issues, key=lambda one: (order.get(one["severity"], 9), -one["size"], one["title"], one["column"])
    )


def _read_areas(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> list[dict[str, Any]]:
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
        facts = release.dataset(name)
        title = facts.title if facts else name.replace("_", " ").capitalize()
        service = services.setdefault(
            name, {"title": title, "hidden": 0, "tables": {breakdown: [] for breakdown, _ in BREAKDOWNS}}
        )
        every, *parts = (_count(name, *figures[at : at + 2]) for at in range(0, len(figures), 2))
        service["hidden"] += sum(count.hidden for count in (every, *parts))
        # Rounded parts need not add up to the rounded whole. Where a part is withheld, its room stays empty.
        whole = max(sum(part.value or 0 for part in parts), every.value or 0) or 1
        service["tables"][breakdown].append(
            {
                "group": group,
                "records": _in_words(every),
                "places": [
                    (_in_words(part), "" if percent is None else f"{min(float(percent), 100):.1f}%")
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
    return sorted(services.values(), key=lambda service: str(service["title"]))
