"""Sites closed and opened along one straight road, every way reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.travel.routing import nearest
from pipelines.travel.scenario import outcome, together
from tests.travel_networks import INF, network_of, on_links

# A road of 3,000 m, three quarters of a second a metre on foot; sites at 0, 1,000 and 3,000 m; and a road cut off.
ROAD = network_of([(0, 0), (3000, 0), (0, 9000), (100, 9000)], [(0, 1, 2250, 2250), (2, 3, 75, 75)])
SITES = on_links(ROAD, [0, 0, 0], [0, 1 / 3, 1])
HOMES = on_links(ROAD, [0, 0, 0, 0, 1], np.array([200, 800, 1600, 2500, 1500]) / 3000)


def test_whose_nearest_closes_goes_to_the_next() -> None:
    found = outcome(ROAD, "walk", HOMES, SITES, closed=[1])
    assert found.before.site[:, 0].tolist() == [0, 1, 1, 2, -1]
    assert found.before.seconds[:, 0].tolist() == [150, 150, 450, 375, INF]
    assert found.after.site[:, 0].tolist() == [0, 0, 2, 2, -1]
    assert found.after.seconds[:, 0].tolist() == [150, 600, 1050, 375, INF]


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_after_one_closure_the_nearest_is_the_second_of_before(closed: int) -> None:
    found = outcome(ROAD, "walk", HOMES, SITES, closed=[closed]).after
    two = nearest(ROAD, "walk", HOMES, SITES, n=2)
    shut = two.site[:, 0] == closed
    assert found.site[:, 0].tolist() == np.where(shut, two.site[:, 1], two.site[:, 0]).tolist()
    assert found.seconds[:, 0].tolist() == np.where(shut, two.seconds[:, 1], two.seconds[:, 0]).tolist()


def test_new_sites_are_numbered_after_those_of_today() -> None:
    """One opens where the third home is, one on the road that is cut off; the first closes."""
    new = on_links(ROAD, [0, 1], [1600 / 3000, 0.5])
    found = outcome(ROAD, "walk", HOMES, SITES, closed=[0], opened=new).after
    assert found.site[:, 0].tolist() == [1, 1, 3, 2, 4]
    assert found.seconds[:, 0].tolist() == [600, 150, 0, 375, 0]


def test_a_site_opened_where_one_is_takes_nobody_from_it() -> None:
    found = outcome(ROAD, "walk", HOMES, SITES, opened=SITES.take([1]))
    assert found.after.site.tolist() == found.before.site.tolist()


def test_with_every_site_closed_there_is_nowhere_to_go() -> None:
    found = outcome(ROAD, "walk", HOMES, SITES, closed=[0, 1, 2])
    assert (found.after.site == -1).all() and np.isinf(found.after.seconds).all()
    with pytest.raises(IndexError):
        outcome(ROAD, "walk", HOMES, SITES, closed=[3])


def test_direction_of_travel_matters_where_streets_are_one_way() -> None:
    """Round the block is 300 seconds, down the one-way street 60; who is visited is reached from the other side."""
    network = network_of([(0, 0), (100, 0)], [(0, 1, 60, INF), (0, 1, 300, 300, [(50, 80)])])
    home, sites = on_links(network, [0], [0.0]), on_links(network, [0, 0], [1.0, 1.0])
    for towards, seconds in (("sites", 60.0), ("homes", 300.0)):
        found = outcome(network, "walk", home, sites, closed=[0], towards=towards)  # type: ignore[arg-type]
        assert (found.after.site.tolist(), found.after.seconds.tolist()) == ([[1]], [[seconds]])


def test_together_keeps_the_order() -> None:
    both = together(SITES.take([2]), HOMES.take([0, 1]))
    assert both.fraction.tolist() == [1, 200 / 3000, 800 / 3000]
    assert len(both.point) == len(both.far) == 3
