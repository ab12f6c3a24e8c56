"""What sites draw by, where some or all of their capacities are not known."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.travel.demand import PEOPLE, demand_of
from pipelines.travel.roads import network_from_table
from tests.one_street import one_street


@pytest.mark.parametrize(
    ("capacity", "pull"),
    [((2, 6), [2, 6]), ((2, None), [2, 2]), ((None, None), [1, 1]), ((0, None), [0, 0])],
)
def test_a_site_of_unknown_capacity_draws_as_the_middle_one_does(
    capacity: tuple[float | None, float | None], pull: list[float]
) -> None:
    with one_street() as con:
        found = demand_of(
            network_from_table(con.sql("FROM layers.road_link")), "walk", "sites",
            con.sql("FROM layers.snapped WHERE what = 'property'"),
            con.sql("FROM layers.snapped WHERE what = 'site' AND starts_with(place, 'gp ')"),
            con.sql(PEOPLE),
            con.sql("SELECT * FROM (VALUES ('gp A', ?), ('gp B', ?)) AS t(place, capacity)", params=list(capacity)),
        )  # fmt: skip
        flow, at_sites = found.chosen()
    assert found.pull.tolist() == pull
    assert found.place.tolist() == [f"uprn {i}" for i in range(1, 6)]
    assert found.people.tolist() == [4, 6, 2, 8, 2] and found.counts_people
    assert np.array_equal(np.bincount(found.home_of, flow, minlength=5) > 0, [sum(pull) > 0] * 4 + [False])
    # Nobody is lost but those whom no road leads anywhere.
    assert at_sites.sum() == pytest.approx(20 if sum(pull) else 0)


def test_a_property_that_is_no_home_demands_nothing() -> None:
    with one_street() as con:
        con.execute("DELETE FROM places.home WHERE place = 'uprn 4'")
        found = demand_of(
            network_from_table(con.sql("FROM layers.road_link")), "walk", "homes",
            con.sql("FROM layers.snapped WHERE what = 'property'"),
            con.sql("FROM layers.snapped WHERE what = 'site' AND starts_with(place, 'gp ')"),
            con.sql(PEOPLE), con.sql("SELECT '' AS place, 1 AS capacity"),
        )  # fmt: skip
    assert found.place.tolist() == ["uprn 1", "uprn 2", "uprn 3", "uprn 5"]
    assert len(found.seconds) == 6 and np.isnan(found.capacity).all()
