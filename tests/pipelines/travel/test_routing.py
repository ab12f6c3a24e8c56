"""Worlds whose answers one can work out by hand, and a hundred small ones against every way there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.travel import routing
from pipelines.travel.network import Network
from pipelines.travel.routing import nearest, reached, within
from pipelines.travel.snapping import Snapped, snap
from tests.travel_networks import INF, Link, network_of, on_links

ROW = [(0.0, 0.0), (100.0, 0.0), (200.0, 0.0), (300.0, 0.0)]


def test_of_parallel_links_the_fast_one_is_taken() -> None:
    """A sparse matrix built from coordinates would add them up: 60 + 20."""
    network = network_of(ROW[:3], [(0, 1, 60, 60, [(50, 50)]), (0, 1, 20, 20), (1, 2, 5, 5)])
    found = nearest(network, "walk", on_links(network, [0], [0]), on_links(network, [2], [1]))
    assert found.seconds.tolist() == [[25.0]]
    assert found.metres.tolist() == [[200.0]]


def test_place_on_the_slow_parallel_link_goes_by_the_fast_one_where_that_is_quicker() -> None:
    network = network_of(ROW[:2], [(0, 1, 100, 100, [(50, 50)]), (0, 1, 10, 10)])
    found = nearest(network, "walk", on_links(network, [0], [0.1]), on_links(network, [0], [1]))
    assert found.seconds.tolist() == [[20.0]]  # back 10, then over in 10; straight along it would be 90


def test_one_way_there_a_minute_and_back_ten() -> None:
    network = network_of(ROW[:2], [(0, 1, 60, INF), (0, 1, INF, 600, [(50, 80)])])
    home, site = on_links(network, [0], [0]), on_links(network, [0], [1])
    assert nearest(network, "walk", home, site).seconds.tolist() == [[60.0]]
    assert nearest(network, "walk", home, site, towards="homes").seconds.tolist() == [[600.0]]
    assert nearest(network, "walk", site, home).seconds.tolist() == [[600.0]]


def test_home_and_site_on_one_one_way_street() -> None:
    """With the street it is straight along it; against it, on to the end, and round the block."""
    network = network_of(ROW[:2], [(0, 1, 100, INF), (0, 1, 300, 300, [(50, 80)])])
    early, late = on_links(network, [0], [0.2]), on_links(network, [0], [0.7])
    assert nearest(network, "walk", early, late).seconds.tolist() == [[50.0]]
    assert nearest(network, "walk", late, early).seconds.tolist() == [[30.0 + 300.0 + 20.0]]
    assert nearest(network, "walk", late, early, towards="homes").seconds.tolist() == [[50.0]]


def test_one_way_dead_end_can_be_left_or_entered_and_not_both() -> None:
    network = network_of(ROW[:3], [(0, 1, 10, 10), (1, 2, 10, INF)])
    inside, outside = on_links(network, [1], [0.5]), on_links(network, [0], [0.0])
    assert nearest(network, "walk", outside, inside).seconds.tolist() == [[15.0]]
    stuck = nearest(network, "walk", inside, outside)
    assert (stuck.site.tolist(), stuck.seconds.tolist(), stuck.metres.tolist()) == ([[-1]], [[INF]], [[INF]])
    at_the_mouth = on_links(network, [1], [0.0])  # still on the junction, whatever the street says
    assert nearest(network, "walk", at_the_mouth, outside).seconds.tolist() == [[10.0]]


def test_homes_on_an_island_are_a_result() -> None:
    network = network_of([*ROW, (500.0, 0.0), (600.0, 0.0)], [(0, 1, 10, 10), (4, 5, 10, 10)])
    homes = on_links(network, [0, 1, -1], [0.5, 0.5, 0.0], [0, 0, INF])
    found = nearest(network, "walk", homes, on_links(network, [0], [1]), n=2)
    assert found.site.tolist() == [[0, -1], [-1, -1], [-1, -1]]
    assert found.seconds.tolist() == [[5.0, INF], [INF, INF], [INF, INF]]


def test_sites_without_a_link_are_nobodys_nearest() -> None:
    network = network_of(ROW[:2], [(0, 1, 10, 10)])
    sites = on_links(network, [-1, 0], [0, 1], [INF, 0])
    assert nearest(network, "walk", on_links(network, [0], [0]), sites).site.tolist() == [[1]]
    nowhere = nearest(network, "walk", on_links(network, [0], [0]), sites.take([0]), n=2)
    assert nowhere.site.tolist() == [[-1, -1]]
    assert list(within(network, "walk", on_links(network, [0], [0]), sites.take([0]), 100)) == []


@pytest.mark.parametrize("roads", [0, 1])
@pytest.mark.parametrize("count", [0, 2])
def test_nothing_to_travel_on_or_to_or_from(roads: int, count: int) -> None:
    whole = network_of(ROW[:2], [(0, 1, 10, 10)])
    network = Network(
        nodes=whole.nodes[: 2 * roads],
        start=whole.start[:roads],
        end=whole.end[:roads],
        metres=whole.metres[:roads],
        seconds={"walk": whole.seconds["walk"][:roads]},
        lines=whole.lines[:roads],
        link_id=whole.link_id[:roads],
        part={"walk": whole.part["walk"][:roads]},
    )
    somewhere, nobody = snap([(0, 9)], network, "walk"), snap(np.empty((0, 2)), network, "walk")
    afar = snap([(9, 99_999)] * count, network, "walk")
    for homes, sites in ((afar, somewhere), (somewhere, afar), (nobody, afar), (afar, nobody)):
        found = nearest(network, "walk", homes, sites, n=2)
        assert found.site.tolist() == found.site.shape[0] * [[-1, -1]]
        assert found.site.shape == found.seconds.shape == found.metres.shape == (len(homes), 2)
        assert list(within(network, "walk", homes, sites, 100)) == []
    assert (reached(network, "walk", afar).site == -1).all()
    assert len(reached(network, "walk", somewhere).link) == roads


def test_over_a_river_by_its_one_bridge() -> None:
    """Straight across it is 60 m to the one site; by road that is 1,060, and the other is nearer."""
    nodes = [(0.0, 0.0), (500.0, 0.0), (0.0, 60.0), (500.0, 60.0)]
    network = network_of(nodes, [(0, 1, 500, 500), (2, 3, 500, 500), (1, 3, 60, 60)])
    river = network_of([(-50.0, 30.0), (480.0, 30.0)], [(0, 1, 1, 1)]).lines
    sites = snap([(0.0, 60.0), (400.0, 0.0)], network, "walk", barriers=river)
    home = snap([(0.0, 0.0)], network, "walk", barriers=river)
    found = nearest(network, "walk", home, sites, n=2)
    assert found.site.tolist() == [[1, 0]]
    assert found.seconds.tolist() == [[400.0, 1060.0]]


def test_site_on_a_roundabout_is_reached_round_it() -> None:
    """Clockwise only, as here, in four links of 10 seconds; the site is on the one before the road's end."""
    ring = [(0.0, 20.0), (20.0, 0.0), (0.0, -20.0), (-20.0, 0.0)]
    links: list[Link] = [(i, (i + 1) % 4, 10, INF) for i in range(4)]
    network = network_of([*ring, (0.0, 200.0)], [*links, (4, 0, 100, 100)])
    site, home = on_links(network, [3], [0.5], [4]), on_links(network, [4], [0.0])
    assert nearest(network, "walk", home, site).seconds.tolist() == [[100.0 + 35.0 + 4.0]]
    assert nearest(network, "walk", home, site, towards="homes").seconds.tolist() == [[4.0 + 5.0 + 100.0]]


def test_two_sites_on_one_node_are_two_and_the_lower_comes_first() -> None:
    """Each on a link of its own, both at the junction of the two."""
    network = network_of(ROW[:3], [(0, 1, 10, 10), (1, 2, 10, 10)])
    home = on_links(network, [0], [0])
    for links, fractions in (([0, 1], [1, 0]), ([1, 0], [0, 1])):
        found = nearest(network, "walk", home, on_links(network, links, fractions), n=3)
        assert found.site.tolist() == [[0, 1, -1]]
        assert found.seconds.tolist() == [[10.0, 10.0, INF]]


def test_of_sites_equally_near_on_either_hand_the_lowest_is_taken() -> None:
    network = network_of(ROW, [(0, 1, 10, 10), (1, 2, 10, 10), (2, 3, 10, 10)])
    home = on_links(network, [1], [0.5])
    for links, fractions in (([0, 2], [0, 1]), ([2, 0], [1, 0])):
        assert nearest(network, "walk", home, on_links(network, links, fractions)).site.tolist() == [[0]]
        assert nearest(network, "walk", home, on_links(network, links, fractions), n=2).site.tolist() == [
            [0, 1]
        ]


def test_of_sites_equally_near_the_lowest_is_taken_far_behind_the_tie_too() -> None:
    """The way to everything past the middle ties; whichever the search happens upon, the answer is site 0."""
    nodes = [(0.0, 0.0), (200.0, 0.0), (100.0, 0.0), *((100.0, 100.0 * i) for i in range(1, 6))]
    chain: list[Link] = [(2 if i == 0 else 2 + i, 3 + i, 7, 7) for i in range(5)]
    network = network_of(nodes, [(0, 2, 30, 30), (1, 2, 30, 30), *chain])
    homes = on_links(network, list(range(2, 7)), [0.5] * 5)
    for links in ([0, 1], [1, 0]):
        assert nearest(network, "walk", homes, on_links(network, links, [0, 0])).site.tolist() == [[0]] * 5


def test_of_equally_quick_ways_the_shorter_counts() -> None:
    network = network_of(ROW[:2], [(0, 1, 50, 50, [(50, 200)]), (0, 1, 50, 50)])
    found = nearest(network, "walk", on_links(network, [0], [0]), on_links(network, [1], [1]))
    assert (found.seconds.tolist(), found.metres.tolist()) == ([[50.0]], [[100.0]])


def test_both_ends_of_a_self_loop_lead_out() -> None:
    loop = [(100.0, 100.0), (200.0, 100.0), (200.0, 0.0)]
    network = network_of(ROW[:2], [(0, 1, 10, 10), (1, 1, 40, 40, loop)])
    homes = on_links(network, [1, 1, 1], [0.25, 0.75, 0.5])
    assert nearest(network, "walk", homes, on_links(network, [0], [0])).seconds.ravel().tolist() == [
        20,
        20,
        30,
    ]
    across = nearest(network, "walk", homes, on_links(network, [1], [0.9]))
    assert across.seconds.ravel().tolist() == [14, 6, 16]  # through the loop's node is quicker for the first


def test_links_that_take_no_time_connect() -> None:
    """A sparse matrix made from a dense one would drop them."""
    network = network_of(
        [(0.0, 0.0), (100.0, 0.0), (100.0, 0.0), (200.0, 0.0)], [(0, 1, 9, 9), (1, 2, 0, 0), (2, 3, 9, 9)]
    )
    homes = on_links(network, [0, 1], [0, 0])
    found = nearest(network, "walk", homes, on_links(network, [2], [1]))
    assert found.seconds.ravel().tolist() == [18, 9]
    found = nearest(network, "walk", homes, on_links(network, [1], [0]))
    assert found.seconds.ravel().tolist() == [9, 0]


def test_time_and_way_from_the_door_count_at_both_ends() -> None:
    network = network_of(ROW[:2], [(0, 1, 100, 100)])
    home = on_links(network, [0], [0.25], [7], offset_metres=np.array([10.0]))
    site = on_links(network, [0], [0.75], [5], offset_metres=np.array([6.0]))
    found = nearest(network, "walk", home, site)
    assert (found.seconds.tolist(), found.metres.tolist()) == ([[62.0]], [[66.0]])


def test_what_is_at_the_limit_is_within_it() -> None:
    network = network_of(ROW[:2], [(0, 1, 100, 100)])
    homes, site = on_links(network, [0, 0], [0.1, 0.09]), on_links(network, [0], [1])
    assert nearest(network, "walk", homes, site, limit_seconds=90).site.tolist() == [[0], [-1]]
    (pairs,) = within(network, "walk", homes, site, 90)
    assert (pairs.home.tolist(), pairs.site.tolist(), pairs.seconds.tolist()) == ([0], [0], [90.0])


def test_fewer_than_one_nearest_is_refused() -> None:
    network = network_of(ROW[:2], [(0, 1, 100, 100)])
    place = on_links(network, [0], [0])
    with pytest.raises(ValueError, match="n is 0"):
        nearest(network, "walk", place, place, n=0)


# Every way there is


def cost(seconds: float, metres: float) -> float:
    return INF if seconds == INF else round(seconds * 1000) * 2.0**28 + round(metres * 100)


def every_way(network: Network, homes: Snapped, sites: Snapped, towards: str) -> NDArray[Any]:
    """The cost from each home to each site (or back), by Floyd and Warshall's algorithm and by trying all four ends."""
    size, seconds = len(network.nodes), network.seconds["walk"]
    way = np.full((size, size), INF)
    np.fill_diagonal(way, 0)
    for start, end, metres, (along, against) in zip(
        network.start, network.end, network.metres, seconds, strict=True
    ):
        way[start, end] = min(way[start, end], cost(along, metres))
        way[end, start] = min(way[end, start], cost(against, metres))
    for k in range(size):
        way = np.minimum(way, way[:, [k]] + way[[k], :])

    def part(link: int, share: float, direction: int) -> float:
        return cost(share * seconds[link, direction] if share else 0.0, share * network.metres[link])

    found = np.full((len(homes), len(sites)), INF)
    for h in range(len(homes)):
        for s in range(len(sites)):
            leaves, enters = ((homes, h), (sites, s)) if towards == "sites" else ((sites, s), (homes, h))
            a, b = leaves[0].link[leaves[1]], enters[0].link[enters[1]]
            if a < 0 or b < 0:
                continue
            f, g = leaves[0].fraction[leaves[1]], enters[0].fraction[enters[1]]
            out = [(network.start[a], part(a, f, 1)), (network.end[a], part(a, 1 - f, 0))]
            into = [(network.start[b], part(b, g, 0)), (network.end[b], part(b, 1 - g, 1))]
            ways = [x + way[u, v] + y for u, x in out for v, y in into]
            if a == b:
                ways.append(part(a, g - f, 0) if g >= f else part(a, f - g, 1))
            doors = cost(homes.access_seconds[h], 0) + cost(sites.access_seconds[s], 0)
            found[h, s] = min(ways) + doors
    return found


def world(seed: int) -> tuple[Network, Snapped, Snapped]:
    """Few nodes, some in one place; links parallel, one-way, loops, of no length or time; places, some on no link."""
    dice = np.random.default_rng(seed)
    size, count = dice.integers(2, 9), dice.integers(1, 16)
    nodes = [(float(x), float(y)) for x, y in dice.integers(0, 6, (size, 2)) * 100]
    links: list[Link] = []
    for _ in range(count):
        start, end = (int(node) for node in dice.integers(0, size, 2))
        seconds = [float(number) for number in dice.integers(0, 13, 2) * 4]
        if dice.random() < 0.4:
            seconds[dice.integers(0, 2)] = INF
        bends = [(50.0, 50.0)] if start == end and dice.random() < 0.8 else []
        links.append((start, end, seconds[0], seconds[1], bends))
    network = network_of(nodes, links)

    def places(most: int) -> Snapped:
        number = int(dice.integers(1, most))
        link = np.where(dice.random(number) < 0.1, -1, dice.integers(0, count, number))
        return on_links(network, link, dice.integers(0, 5, number) / 4, dice.integers(0, 3, number))

    return network, places(9), places(7)


@pytest.mark.parametrize("towards", ["sites", "homes"])
def test_a_hundred_worlds(towards: routing.Towards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "PAIRS", 5)
    monkeypatch.setattr(routing, "FIELD_BYTES", 200)  # two or three sites at once
    for seed in range(100):
        network, homes, sites = world(seed)
        costs = every_way(network, homes, sites, towards)
        ranked = np.argsort(costs, axis=1, kind="stable")  # of equals the lowest site
        for n in (1, 3):
            found = nearest(network, "walk", homes, sites, n=n, towards=towards)
            best = np.pad(np.take_along_axis(costs, ranked, 1), ((0, 0), (0, n)), constant_values=INF)[:, :n]
            site = np.pad(ranked, ((0, 0), (0, n)), constant_values=-1)[:, :n]
            assert np.array_equal(found.site, np.where(best < INF, site, -1)), seed
            assert np.array_equal(found.seconds, routing._seconds(best)), seed
            assert np.array_equal(found.metres, routing._metres(best)), seed
        for limit in (10, 30):
            lots = list(within(network, "walk", homes, sites, limit, towards=towards))
            pairs = np.full(costs.shape, INF)
            for lot in lots:
                assert (pairs[lot.home, lot.site] == INF).all()
                pairs[lot.home, lot.site] = lot.seconds
            seconds = routing._seconds(costs)
            assert np.array_equal(pairs, np.where(seconds <= limit, seconds, INF)), seed


@pytest.mark.parametrize("towards", ["sites", "homes"])
@pytest.mark.parametrize("limit", [INF, 25.0])
def test_each_bit_of_road_is_reached_as_every_way_says(towards: routing.Towards, limit: float) -> None:
    for seed in range(25):
        network, _, sites = world(seed)
        road = reached(network, "walk", sites, towards=towards, limit_seconds=limit)
        covered = np.bincount(road.link, road.to_fraction - road.from_fraction, len(network.start))
        assert np.allclose(covered, np.isfinite(network.seconds["walk"]).any(axis=1)), seed
        assert (road.to_fraction > road.from_fraction).all()
        for share in (0.1, 0.75):
            at = road.from_fraction + share * (road.to_fraction - road.from_fraction)
            costs = every_way(network, on_links(network, road.link, at), sites, towards)
            quickest = routing._seconds(costs.min(axis=1))
            told = (1 - share) * road.from_seconds + share * road.to_seconds
            assert np.allclose(told, np.where(quickest <= limit, quickest, INF), atol=0.01), seed
            its = routing._seconds(costs)[np.arange(len(at)), road.site]
            assert np.allclose(its[road.site >= 0], quickest[road.site >= 0], atol=0.01), seed


def test_stretches_part_where_two_sites_are_equally_near() -> None:
    network = network_of(ROW[:3], [(0, 1, 100, 100), (1, 2, 100, 100)])
    road = reached(network, "walk", on_links(network, [0, 1], [0, 1], [0, 50]))
    assert road.link.tolist() == [0, 1, 1]
    assert road.site.tolist() == [0, 0, 1]
    assert road.from_fraction.tolist() == [0, 0, 0.25]
    assert road.to_fraction.tolist() == [1, 0.25, 1]
    assert road.from_seconds.tolist() == [0, 100, 125]
    assert road.to_seconds.tolist() == [100, 125, 50]


def test_limit_ends_in_the_middle_of_a_link() -> None:
    network = network_of(ROW[:3], [(0, 1, 100, 100), (1, 2, 100, 100)])
    road = reached(network, "walk", on_links(network, [0], [0]), limit_seconds=130)
    assert road.to_fraction.tolist() == [1, 0.3, 1]
    assert road.site.tolist() == [0, 0, -1]
    assert road.to_seconds.tolist() == [100, 130, INF]
