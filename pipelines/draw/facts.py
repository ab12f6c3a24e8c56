"""What every page says of its release: whose it is, by which rule figures are withheld, from which data, of what date.

Here: reading `published.disclosure_rule`, `published.dataset` and `published.source`, and the words for dates,
periods and counts. Not here: figures by area (`assets/maps`), geometry (`areas.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

# Not strftime: its month names follow the machine's language.
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True)
class Dataset:
    """A row of `published.dataset`; `counts` is what one record counts as, `last_as_at` the newest extract's date."""

    dataset: str
    role: str
    title: str
    owner: str
    sensitivity: str
    licence: str
    attribution: str
    kind: str
    counts: str
    first_as_at: date | None
    last_as_at: date | None
    # Of an open dataset: rows whose number its publisher withheld.
    withheld_rows: int | None = None
    # Whether the latest extract could not be used or is gone; the date in the name of the latest that could not.
    is_stale: bool = False
    refused_as_at: date | None = None
    # How often an extract is promised, in the owner's words, and within how many days after its date.
    cadence: str = ""
    due_days: int | None = None

    @property
    def stale(self) -> str:
        """A sentence on what could not be used and what is shown in its place; empty where all could be used."""
        if not self.is_stale:
            if self.refused_as_at is None:
                return ""
            return (
                f"The extract of {date_in_words(self.refused_as_at)} could not be used: figures of that date are as "
                "they were before, or missing."
            )
        which = f"of {date_in_words(self.refused_as_at)} " if self.refused_as_at else "sent last "
        shown = f"data to {date_in_words(self.last_as_at)}" if self.last_as_at else "what was read before"
        return f"The extract {which}could not be used; {shown} is shown."

    @property
    def is_open(self) -> bool:
        """True for data that anyone can already have: it passes the gate unchanged."""
        return self.sensitivity == "open"


@dataclass(frozen=True)
class Source:
    """A row of `published.source`; `epoch` is text as found in the files' names."""

    source: str
    title: str
    publisher: str
    licence: str
    attribution: str
    epoch: str


@dataclass(frozen=True)
class Release:
    """What a page says of the release that it belongs to."""

    authority_code: str
    authority_name: str
    threshold: int
    round_to: int
    rule: str
    datasets: tuple[Dataset, ...]
    sources: tuple[Source, ...]

    @property
    def data_to(self) -> date | None:
        """Date of the newest extract of any dataset; None if none is dated."""
        dates = [dataset.last_as_at for dataset in self.datasets if dataset.last_as_at is not None]
        return max(dates, default=None)

    @property
    def withheld(self) -> str:
        """Words that stand where a count is hidden: for its own sake, or since it would give another away."""
        return f"fewer than {self.threshold}, or too telling"

    @property
    def rounding(self) -> str:
        """Words on rounding, without a full stop; empty if counts are exact."""
        return "" if self.round_to <= 1 else f"rounded to the nearest {self.round_to}"

    @property
    def attributions(self) -> tuple[str, ...]:
        """Each statement that the data's attributions ask for, once, in order, ended with a full stop.

        Publishers ask for statements joined by semicolons, and many share some: said once, they still fit under a map.
        """
        lines = [source.attribution for source in self.sources]
        lines += [dataset.attribution for dataset in self.datasets]
        parts = [part.strip().rstrip(".") for line in lines for part in line.split(";")]
        return tuple(dict.fromkeys(part[0].upper() + part[1:] + "." for part in parts if part))

    def dataset(self, name: str) -> Dataset | None:
        """The dataset of that name, or None."""
        return next((dataset for dataset in self.datasets if dataset.dataset == name), None)


def read_release(con: duckdb.DuckDBPyConnection) -> Release:
    """Read the release's facts from `published.disclosure_rule`, `published.dataset` and `published.source`.

    Raises ValueError if `published.disclosure_rule` does not hold exactly one row: without its rule, no page may be
    drawn.
    """
    rules = con.execute(
        "SELECT authority_code, authority_name, threshold, round_to, rule FROM published.disclosure_rule"
    ).fetchall()
    if len(rules) != 1:
        raise ValueError(f"published.disclosure_rule: expected one row, found {len(rules)}")
    datasets = con.execute(
        """
        SELECT
            dataset, coalesce(role, ''), coalesce(title, dataset), coalesce(owner, ''), coalesce(sensitivity, ''),
            coalesce(licence, ''), coalesce(attribution, ''), coalesce(kind, ''), coalesce(counts, ''),
            first_as_at, last_as_at, withheld_rows, is_stale, refused_as_at, coalesce(cadence, ''), due_days
        FROM published.dataset ORDER BY role, title, dataset
        """
    ).fetchall()
    sources = con.execute(
        """
        SELECT
            source, coalesce(title, source), coalesce(publisher, ''), coalesce(licence, ''),
            coalesce(attribution, ''), coalesce(epoch, '')
        FROM published.source ORDER BY title, source
        """
    ).fetchall()
    code, name, threshold, round_to, rule = rules[0]
    return Release(
        code,
        name,
        threshold,
        round_to,
        rule,
        tuple(Dataset(*row) for row in datasets),
        tuple(Source(*row) for row in sources),
    )


def date_in_words(day: date | None) -> str:
    """For example 30 September 2026; 'date not stated' for None."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}" if day else "date not stated"


def period_in_words(period: str) -> str:
    """'2026-09' as 'September 2026'; '2025 Q3' as 'July to September 2025'; any other text unchanged."""
    if (month := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", period)) is not None:
        return f"{MONTHS[int(month[2]) - 1]} {month[1]}"
    if (quarter := re.fullmatch(r"(\d{4})[ -]?Q([1-4])", period)) is not None:
        last = int(quarter[2]) * 3
        return f"{MONTHS[last - 3]} to {MONTHS[last - 1]} {quarter[1]}"
    return period


def modelled_in_words(value: Decimal | float | None) -> str:
    """A figure that was modelled: one decimal below ten, since it is seldom a whole number, else none; '' for None."""
    if value is None:
        return ""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def share_in_words(percent: Decimal | None) -> str:
    """For example 88.7%; the empty string for None.

    A share made of rounded counts says no more than nearly all, or all, once it comes to that; and so with none.
    """
    if percent is None:
        return ""
    if percent < Decimal("0.1"):
        return "hardly any or none"
    return "nearly all or all" if percent >= Decimal("99.9") else f"{percent:.1f}%"


def count_in_words(noun: str) -> str:
    """Plural of what a dataset counts: 'tenancy' gives 'tenancies'; 'records' for the empty string."""
    noun = noun.replace("_", " ").strip()
    if not noun:
        return "records"
    irregular = {"person": "people", "child": "children"}
    *before, last = noun.split(" ")
    if last in irregular:
        last = irregular[last]
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    elif re.search(r"(s|x|ch|sh)$", last):
        last += "es"
    else:
        last += "s"
    return " ".join((*before, last))
