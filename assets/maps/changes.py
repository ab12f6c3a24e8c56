"""Page of what changed since the month before: for analysts who are asked why a number moved."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from pipelines import draw as drawing
from pipelines.draw.page import render

TITLE = "What changed"
SENTENCE = "Records that are new, gone, moved or placed anew since the month before, and which figures moved."
PLACE = 11  # in the gallery
DEPENDS_ON = (
    "published.change_since_last",
    "published.demand_by_area",
    "published.dataset",
    "published.source",
    "published.disclosure_rule",
)

COUNTS = (
    ("records_before", "Before"),
    ("gone", "Gone"),
    ("appeared", "New"),
    ("records_now", "Now"),
    ("moved", "Moved"),
    ("re_placed", "Placed anew"),
)
AREA_TYPES = (("authority", "whole authority"), ("ward", "wards"), ("msoa", "MSOAs"), ("lsoa", "LSOAs"))
# So many of the figures that moved most are named.
MOST_NAMED = 10


@dataclass(frozen=True)
class Count:
    """A figure as published."""

    value: int | None
    status: str

    @property
    def words(self) -> str:
        """What stands in the table."""
        return "withheld" if self.status == "hidden" or self.value is None else f"{self.value:,}"


def draw(con: duckdb.DuckDBPyConnection) -> str:
    """The page as one HTML file, from the tables of DEPENDS_ON. Raises ValueError if a hidden count carries a value."""
    release = drawing.read_release(con)
    records = _read_records(con, release)
    figures = _read_figures(con, release)
    body = render(
        "changes.html",
        release=release,
        counts=COUNTS,
        records=records,
        figures=figures,
        hidden_counts=sum(
            count.status == "hidden" for one in records for row in one["rows"] for count in row["counts"]
        ),
    )
    return drawing.Page(title=TITLE, sentence=SENTENCE, release=release, body=body).html()


def thumbnail(con: duckdb.DuckDBPyConnection) -> str:
    """Bars of what stayed, is new and is gone in each dataset, as inline SVG."""
    rows = con.execute(
        "SELECT coalesce(stayed, 0), coalesce(appeared, 0), coalesce(gone, 0) FROM published.change_since_last "
        "WHERE area_type = 'authority' ORDER BY dataset"
    ).fetchall()
    return drawing.draw_bars_thumbnail([[*map(int, row), 0, 0, 0] for row in rows])


def _title(release: drawing.Release, name: str) -> str:
    facts = release.dataset(name)
    return facts.title if facts else name.replace("_", " ").capitalize()


def _count(name: str, value: int | None, status: str) -> Count:
    if status == "hidden" and value is not None:
        raise ValueError(f"{name}: a hidden count carries a value; nothing is drawn")
    return Count(int(value) if value is not None and status == "published" else None, status)


def _read_records(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> list[dict[str, Any]]:
    """For each dataset its months, and a row of counts for the authority and each ward."""
    names = [name for name, _ in COUNTS]
    columns = ", ".join(f"{name}, {name}_status" for name in names)
    rows = con.execute(
        f"SELECT dataset, period_before, period, area_type, area_name, {columns} FROM published.change_since_last "
        "ORDER BY dataset, area_type <> 'authority', area_name, area_code"
    ).fetchall()
    found: dict[str, dict[str, Any]] = {}
    for name, before, period, area_type, area_name, *values in rows:
        one = found.setdefault(
            name,
            {
                "title": _title(release, name),
                "before": drawing.period_in_words(before),
                "now": drawing.period_in_words(period),
                "rows": [],
            },
        )
        counts = [_count(name, *values[2 * at : 2 * at + 2]) for at in range(len(names))]
        one["rows"].append({"is_whole": area_type == "authority", "area": area_name, "counts": counts})
    return sorted(found.values(), key=lambda one: str(one["title"]))


def _read_figures(con: duckdb.DuckDBPyConnection, release: drawing.Release) -> list[dict[str, Any]]:
    """For each dataset, how many figures of recorded use moved between its latest periods, and the largest."""
    rows = con.execute(
        """
        WITH spanned AS (
            SELECT dataset, period, period_start, bool_or(is_latest) AS is_latest
            FROM published.demand_by_area GROUP BY ALL
        ),
        latest AS (SELECT dataset, period, period_start FROM spanned WHERE is_latest),
        before AS (
            SELECT spanned.dataset, max_by(spanned.period, spanned.period_start) AS period
            FROM spanned JOIN latest USING (dataset) WHERE spanned.period_start < latest.period_start
            GROUP BY spanned.dataset
        )
        SELECT now.dataset, was.period, now.period, now.area_type, now.area_name, was.recorded_use, now.recorded_use
        FROM published.demand_by_area AS now
        JOIN latest ON latest.dataset = now.dataset AND latest.period = now.period
        JOIN before ON before.dataset = now.dataset
        JOIN published.demand_by_area AS was ON was.dataset = now.dataset AND was.period = before.period
            AND was.area_type = now.area_type AND was.area_code = now.area_code
        ORDER BY now.dataset, now.area_type, now.area_name, now.area_code
        """
    ).fetchall()
    found: dict[str, dict[str, Any]] = {}
    for name, before, period, area_type, area, was, now in rows:
        one = found.setdefault(
            name,
            {
                "title": _title(release, name),
                "before": drawing.period_in_words(before),
                "now": drawing.period_in_words(period),
                "kinds": {
                    kind: dict.fromkeys(("up", "down", "same", "withheld"), 0) for kind, _ in AREA_TYPES
                },
                "moved": [],
            },
        )
        moved = None if was is None or now is None else Decimal(now) - Decimal(was)
        way = "withheld" if moved is None else "up" if moved > 0 else "down" if moved < 0 else "same"
        if area_type in one["kinds"]:
            one["kinds"][area_type][way] += 1
        if moved and area_type == "ward":
            one["moved"].append((abs(moved), area, f"{was:,}", f"{now:,}", f"{moved:+,}"))
    for one in found.values():
        one["kinds"] = [
            (words, one["kinds"][kind]) for kind, words in AREA_TYPES if any(one["kinds"][kind].values())
        ]
        one["moved"] = sorted(one["moved"], key=lambda row: (-row[0], row[1]))[:MOST_NAMED]
    return sorted(found.values(), key=lambda one: str(one["title"]))
