"""What Dagster is told of how often each table wants to be made again.

The words of publishers and owners are read by `pipelines.cadence`. Dagster's mark says how long ago a table was last
made; how old the data in it are, and which extract is late, is told by the dates of the extracts
(`layers.extract_due`, and the quality scorecard).
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from pipelines.authority import Dataset, Source
from pipelines.cadence import days_between
from pipelines.run import Step


def freshness(step: Step) -> dg.FreshnessPolicy | None:
    """A warning when a table was not made again in its time, a failure at twice its time.

    An open source's time is its cadence and a quarter; that of a council's dataset its cadence and the days within
    which an extract is promised (`due_days`), or a quarter where none are.
    """
    of = step.of
    if not isinstance(of, Source | Dataset) or (days := days_between(of.cadence)) is None:
        return None
    time = timedelta(days=days)
    if isinstance(of, Dataset) and of.due_days is not None:
        promised = timedelta(days=of.due_days)
        return dg.FreshnessPolicy.time_window(fail_window=2 * time + promised, warn_window=time + promised)
    return dg.FreshnessPolicy.time_window(fail_window=2 * time, warn_window=time * 1.25)
