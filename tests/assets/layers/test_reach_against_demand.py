"""The exact twin: it reads what the use `demand` may, and leaves out those who did not state `reach` as well."""

from __future__ import annotations

from assets.layers import reach_against_demand as exact
from assets.published import reach_against_demand as told
from pipelines.tables import table_from_module
from pipelines.worked_out import publication
from tests.pipelines.estimate.test_reach import tables


def test_it_has_the_columns_and_rows_of_the_published_one() -> None:
    found = exact.make(tables("layers"))
    assert found.equals(told.make(tables()))
    assert table_from_module(exact).columns == publication(told).table.columns
    assert set(found.column("dataset").to_pylist()) == {"care", "meters"}


def test_it_reads_rates_as_demand_and_ways_that_are_nobodys() -> None:
    table = table_from_module(exact)
    assert table.use == "demand"
    assert table.depends_on == (
        "layers.demand_estimate", "layers.travel_by_area", "layers.travel_gap", "services.dataset",
    )  # fmt: skip
