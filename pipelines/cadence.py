"""How often data come: reading the words of publishers and owners, and stepping from one date to the next.

Here belong the words that are understood and what they mean in months and days. Which extracts were due and did not
come is `layers.extract_due`; what Dagster is told is `orchestrate.freshness`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

YEAR = 366


@dataclass(frozen=True)
class Cadence:
    """The step from one edition to the next: whole months, or else days; `nominal_days` is its length at most."""

    months: int
    days: int
    nominal_days: int


# Words of publishers, in the order in which they are looked for: the first that is found is meant.
CADENCES = (
    (r"(month|monthly)\b", Cadence(1, 0, 31)),
    (r"six weeks", Cadence(0, 42, 42)),
    (r"(quarter|quarterly|three months)\b", Cadence(3, 0, 92)),
    (r"(twice a year|half-yearly|six months)", Cadence(6, 0, 183)),
    (r"four to six years", Cadence(72, 0, 6 * YEAR)),
    (r"census", Cadence(120, 0, 10 * YEAR)),
    (r"(year|yearly|annual|annually)\b", Cadence(12, 0, YEAR)),
    (r"(fortnight|fortnightly|two weeks)\b", Cadence(0, 14, 14)),
    (r"(week|weekly)\b", Cadence(0, 7, 7)),
    (r"(day|daily)\b", Cadence(0, 1, 1)),
)
EXAMPLES = "daily, weekly, fortnightly, monthly, quarterly, twice a year, yearly"


def read_cadence(words: str) -> Cadence | None:
    """What words such as `every six weeks` come to; None where they tell no step."""
    folded = words.casefold()
    return next((step for pattern, step in CADENCES if re.search(rf"\b{pattern}", folded)), None)


def days_between(words: str) -> int | None:
    """Days from one edition to the next, at most; None where the words tell none."""
    step = read_cadence(words)
    return step.nominal_days if step else None


def promise_in_words(words: str, due_days: int | None) -> str:
    """What is promised of a dataset's extracts: 'monthly, within 14 days of its date'; empty where nothing is."""
    if not words or due_days is None:
        return words
    if due_days == 0:
        return f"{words}, on its date"
    return f"{words}, within {due_days} day{'' if due_days == 1 else 's'} of its date"
