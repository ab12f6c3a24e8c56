"""What Dagster is told of how often tables want to be made again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pipelines.authority import Dataset
from pipelines.orchestrate.freshness import freshness
from pipelines.run import plan
from tests.small_run import Small


def test_each_source_warns_when_it_is_overdue(small: Small) -> None:
    policies = {step.name: freshness(step) for step in plan(small.authority)}
    policy = policies["sources.os_open_uprn"]
    assert policy is not None
    assert policy.fail_window.to_timedelta() == timedelta(days=84)  # type: ignore[attr-defined]
    assert policies["layers.demand_by_area"] is None


def test_each_dataset_by_its_own_promise(small: Small) -> None:
    def told(cadence: str, due_days: int | None) -> tuple[int, float]:
        step = next(one for one in plan(small.authority) if one.name == "services.council_tax")
        assert isinstance(step.of, Dataset)
        promise = {"cadence": cadence, "due_days": due_days}
        policy = freshness(replace(step, of=step.of.model_copy(update=promise)))
        assert policy is not None
        fail, warn = policy.fail_window.to_timedelta(), policy.warn_window.to_timedelta()  # type: ignore[attr-defined]
        return fail.days, warn.total_seconds() / 86_400

    assert told("monthly", 14) == (76, 45.0)
    assert told("weekly", 0) == (14, 7.0)
    assert told("monthly", None) == (62, 38.75)
    assert freshness(next(one for one in plan(small.authority) if one.name == "services.council_tax")) is None
