"""How often publishers say that their data come out, as days; and what Dagster is told of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipelines.orchestrate.freshness import days_between, freshness
from pipelines.run import plan
from tests.small_run import Small


@pytest.mark.parametrize(
    ("cadence", "days"),
    [
        ("monthly", 31), ("every six weeks", 42), ("Quarterly", 92), ("twice a year", 183), ("yearly", 366),
        ("weekly", 7), ("daily", 1), ("daily; an extract a month is enough", 31),
        ("at each census; wards yearly", 3660),
        ("every four to six years", 2196), ("with the gazetteer", None), ("", None),
    ],
)  # fmt: skip
def test_words_of_publishers(cadence: str, days: int | None) -> None:
    assert days_between(cadence) == days


def test_each_source_warns_when_it_is_overdue(small: Small) -> None:
    policies = {step.name: freshness(step) for step in plan(small.authority)}
    policy = policies["sources.os_open_uprn"]
    assert policy is not None
    assert policy.fail_window.to_timedelta() == timedelta(days=84)  # type: ignore[attr-defined]
    assert policies["layers.demand_by_area"] is None
