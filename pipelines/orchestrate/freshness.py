"""How often each table wants to be made again, from what publishers and owners say of their data.

Here belongs reading such words and what Dagster is told. Dagster's mark says how long ago a table was last made; how
old the data in it are is told by the dates of the extracts.
"""

from __future__ import annotations

import re
from datetime import timedelta

import dagster as dg

from pipelines.authority import Dataset, Source
from pipelines.run import Step

YEAR = 366
# Words of publishers, in the order in which they are looked for: the first that is found is meant.
CADENCES = (
    (r"(month|monthly)\b", 31), (r"six weeks", 42), (r"(quarter|quarterly|three months)\b", 92),
    (r"(twice a year|half-yearly|six months)", 183), (r"four to six years", 6 * YEAR), (r"census", 10 * YEAR),
    (r"(year|yearly|annual|annually)\b", YEAR), (r"(fortnight|fortnightly|two weeks)\b", 14),
    (r"(week|weekly)\b", 7), (r"(day|daily)\b", 1),
)  # fmt: skip


def days_between(cadence: str) -> int | None:
    """Days from one edition to the next, from words such as `every six weeks`; None where they tell none."""
    words = cadence.casefold()
    return next((days for pattern, days in CADENCES if re.search(rf"\b{pattern}", words)), None)


def freshness(step: Step) -> dg.FreshnessPolicy | None:
    """A warning when a table was not made again a quarter after it was due, a failure at twice its time."""
    of = step.of
    cadence = getattr(of, "cadence", "") if isinstance(of, Source | Dataset) else ""
    days = days_between(str(cadence))
    if days is None:
        return None
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=2 * days), warn_window=timedelta(days=days) * 1.25
    )
