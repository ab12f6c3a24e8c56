"""Places on links: the nearest point exactly, the own side of a river, gaps and islands, far off, odd links."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipelines.travel import snapping
from pipelines.travel.network import Network
from pipelines.travel.snapping import Pieces, snap
from tests.travel_networks import INF, Link, network_of

WALK = 4.8 / 3.6  # metres a second


def tangle(seed: int, count: int) -> Network:
    """Lines of many bends and of few, some of no length, some loops, some in the same place."""
    dice = np.random.default_rng(seed)
    nodes = [(float(x), float(y)) for x, y in dice.integers(0, 40, (count, 2)) * 50]
    links: list[Link] = []
    for _ in range(count):
        start = int(dice.integers(0, count))
        end = start if dice.random() < 0.1 else int(dice.integers(0, count))
        bends = nodes[start] + np.cumsum(dice.normal(0, 12, (int(dice.integers(0, 30)), 2)), axis=0)
        links.append((start, end, 10, 10, [(float(x), float(y)) for x, y in bends]))
    return network_of(nodes, [*links, links[0]])


def test_nearest_link_is_that_of_trying_them_all() -> None:
    for seed in range(5):
        network = tangle(seed, 60)
        points = np.random.default_rng(seed).uniform(-500, 2500, (2000, 2))
        points[:200] = points[:200].round(-1)
        found = snap(points, network, "walk", reach_metres=INF, small_part_metres=0)
        tree = shapely.STRtree(network.lines)
        which, metres = tree.query_nearest(shapely.points(points), return_distance=True)
        nearest = np.full(len(points), INF)
        nearest[which[0]] = metres
        assert np.abs(found.offset_metres - nearest).max() < 1e-6
        assert np.abs(np.hypot(*(points - found.point).T) - nearest).max() < 1e-6
        lowest = np.full(len(points), len(network.lines))
        np.minimum.at(lowest, which[0], which[1])
        # Where several are equally near: the lowest. The tree tells them only where the distances are the same to the
        # bit.
        assert (found.link <= lowest).all()
        assert (shapely.distance(shapely.points(points), network.lines[found.link]) - nearest).max() < 1e-5
        # And the fraction is that of the point.
        there = shapely.line_interpolate_point(network.lines[found.link], found.fraction, normalized=True)
        assert np.abs(shapely.get_coordinates(there) - found.point).max() < 0.0011


def test_candidates_are_asked_for_until_none_can_be_nearer() -> None:
    """Beside a long piece whose midpoint is far off is a wriggle of short ones, whose midpoints all come first."""
    wriggle = [(0.0, 6.0), *((i / 20, 6.0 + i % 2 / 10) for i in range(60)), (3.0, 6.0)]
    network = network_of(
        [(0, 0), (25, 0), wriggle[0], wriggle[-1]], [(0, 1, 1, 1), (2, 3, 1, 1, wriggle[1:-1])]
    )
    found = snap([(1.0, 1.0)], network, "walk", small_part_metres=0)
    assert found.link.tolist() == [0]
    assert found.offset_metres.tolist() == [1.0]


def test_many_points_are_looked_at_in_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tangle(1, 60)
    points = np.random.default_rng(1).uniform(0, 2000, (500, 2))
    river = shapely.linestrings([[(0, 1000), (2000, 1010)]])
    whole = snap(points, network, "walk", barriers=river)
    monkeypatch.setattr(snapping, "CANDIDATES", 50)
    lots = snap(points, network, "walk", barriers=river)
    assert whole.moved_for_barrier.any()
    assert all(np.array_equal(getattr(lots, name), getattr(whole, name)) for name in vars(whole))


def test_only_links_that_the_mode_may_use() -> None:
    network = network_of([(0, 0), (100, 0), (0, 30), (100, 30)], [(0, 1, INF, INF), (2, 3, INF, 50)])
    found = snap([(50, 1)], network, "walk")
    assert (found.link.tolist(), found.offset_metres.tolist()) == ([1], [29.0])
    with pytest.raises(KeyError):
        snap([(50, 1)], network, "drive")


def test_straight_line_to_the_road_is_walked() -> None:
    network = network_of([(0, 0), (100, 0)], [(0, 1, 5, 5)], "drive")
    assert snap([(25, 40)], network, "drive").access_seconds.tolist() == [pytest.approx(40 / WALK)]
    assert snap([(25, 40)], network, "drive", walk_kmh=3.6).access_seconds.tolist() == [pytest.approx(40)]


def test_property_two_kilometres_from_any_road() -> None:
    network = network_of([(0, 0), (100, 0)], [(0, 1, 5, 5)])
    found = snap([(50, 2000), (50, 500), (50, 501), (50, 5000)], network, "walk")
    assert found.link.tolist() == [0, 0, 0, -1]
    assert found.far.tolist() == [True, False, True, True]
    assert found.access_seconds.tolist() == [*(pytest.approx(m / WALK) for m in (2000, 500, 501)), INF]
    assert found.offset_metres.tolist() == [2000, 500, 501, 5000]
    assert found.point.tolist() == [[50, 0], [50, 0], [50, 0], [50, 5000]]
    assert found.account() == {
        "read": 4,
        "on_link": 3,
        "out_of_reach": 1,
        "far": 3,
        "across_barrier": 0,
        "moved_for_barrier": 0,
        "moved_to_larger_part": 0,
    }


def test_own_side_of_the_river() -> None:
    """The road across is 20 m off, that on the own side 90; the bridge 40, from its own bank."""
    nodes = [(0, 0), (1000, 0), (0, 110), (1000, 110)]
    river = shapely.linestrings([[(-100, 10), (970, 10)]])
    network = network_of(nodes, [(0, 1, 9, 9), (2, 3, 9, 9), (1, 3, 9, 9)])
    found = snap([(500, 20), (500, 5), (960, 20)], network, "walk", barriers=river)
    assert found.link.tolist() == [1, 0, 2]
    assert found.offset_metres.tolist() == [90, 5, 40]
    assert found.moved_for_barrier.tolist() == [True, False, True]
    assert not found.across_barrier.any()


def test_no_road_on_the_own_side_is_flagged() -> None:
    network = network_of([(0, 0), (1000, 0), (0, 900), (1000, 900)], [(0, 1, 9, 9), (2, 3, 9, 9)])
    river = shapely.linestrings([[(-100, 10), (1100, 10)], [(-100, 800), (1100, 800)]])
    found = snap([(500, 20), (500, 4)], network, "walk", barriers=river)
    assert found.link.tolist() == [0, 0]
    assert found.across_barrier.tolist() == [True, False]
    assert not found.moved_for_barrier.any()


def test_own_side_is_found_among_many_nearer_pieces_across() -> None:
    """Forty links on the far bank, each nearer than the one on this."""
    bank = [(float(50 * i), 0.0) for i in range(41)]
    network = network_of(
        [*bank, (0.0, 320.0), (2000.0, 320.0)], [*((i, i + 1, 5, 5) for i in range(40)), (41, 42, 99, 99)]
    )
    river = shapely.linestrings([[(-100, 10), (2100, 10)]])
    found = snap([(1000, 20)], network, "walk", barriers=river)
    assert (found.link.tolist(), found.offset_metres.tolist()) == ([40], [300.0])


def test_own_side_is_the_nearest_of_it() -> None:
    """On the own bank is a wriggle of short pieces; their midpoints all come before that of the long, nearer one."""
    wriggle = [(7 + x / 20, 32.5 + x % 2 / 10) for x in range(100)]
    nodes = [(-20.0, 0.0), (20.0, 0.0), (-12.0, 30.0), (13.0, 30.0), wriggle[0], wriggle[-1]]
    links: list[Link] = [(0, 1, 9, 9), (2, 3, 9, 9), (4, 5, 9, 9, wriggle[1:-1])]
    river = shapely.linestrings([[(-100, 10), (100, 10)]])
    found = snap([(12, 15)], network_of(nodes, links), "walk", barriers=river, small_part_metres=0)
    assert (found.link.tolist(), found.offset_metres.tolist()) == ([1], [15.0])


def test_gap_in_the_data_is_stepped_over_and_an_island_stays() -> None:
    nodes = [(0, 0), (2000, 0), (900, 40), (1100, 40), (900, 400), (1100, 400)]
    network = network_of(nodes, [(0, 1, 9, 9), (2, 3, 9, 9), (4, 5, 9, 9)])
    found = snap([(1000, 42), (1000, 60), (1000, 390)], network, "walk")
    assert found.link.tolist() == [0, 0, 2]
    assert found.offset_metres.tolist() == [42, 60, 10]
    assert found.moved_to_larger_part.tolist() == [True, True, False]
    assert snap([(1000, 42)], network, "walk", gap_metres=39).link.tolist() == [1]
    assert snap([(1000, 42)], network, "walk", small_part_metres=200).link.tolist() == [1]


def test_larger_part_across_the_river_is_not_taken() -> None:
    nodes = [(0, 0), (2000, 0), (900, 40), (1100, 40)]
    network = network_of(nodes, [(0, 1, 9, 9), (2, 3, 9, 9)])
    river = shapely.linestrings([[(-100, 20), (2100, 20)]])
    found = snap([(1000, 42)], network, "walk", barriers=river)
    assert (found.link.tolist(), found.moved_to_larger_part.tolist()) == ([1], [False])


def test_of_a_network_of_small_parts_the_longest_is_not_small() -> None:
    network = network_of([(0, 0), (90, 0), (0, 40), (100, 40)], [(0, 1, 9, 9), (2, 3, 9, 9)])
    assert snap([(50, 35), (50, 5)], network, "walk").link.tolist() == [1, 1]


def test_fraction_on_links_of_no_length_is_0() -> None:
    network = network_of([(0, 0), (0, 0), (0, 100)], [(0, 1, 1, 1), (1, 2, 9, 9)])
    found = snap([(0, -10), (0, 30)], network, "walk")
    assert (found.link.tolist(), found.fraction.tolist()) == ([0, 1], [0.0, 0.3])
    assert snap([(3, 4)], network_of([(0, 0), (0, 0)], [(0, 1, 1, 1)]), "walk").offset_metres.tolist() == [
        5.0
    ]


def test_fraction_on_a_self_loop_runs_round_it() -> None:
    network = network_of([(0, 0)], [(0, 0, 9, 9, [(100, 0), (100, 100), (0, 100)])])
    found = snap([(110, 50), (-10, 50), (-1, -1)], network, "walk")
    assert found.fraction.tolist() == [0.375, 0.875, 0.0]


def test_what_is_at_the_end_of_a_link_is_on_its_node() -> None:
    """To within a millimetre: any farther on, and a one-way street could not be left by where it begins."""
    network = network_of([(0.1, 0.3), (70.7, 33.3)], [(0, 1, 9, INF)])
    found = snap([(0.1, 0.3004), (70.7, 33.2996), (-5, 0), (99, 99)], network, "walk")
    assert found.fraction.tolist() == [0.0, 1.0, 0.0, 1.0]


def test_places_of_no_coordinates_are_refused() -> None:
    network = network_of([(0, 0), (100, 0)], [(0, 1, 5, 5)])
    with pytest.raises(ValueError, match="1 of 2 points to snap have no coordinates"):
        snap([(0, 0), (np.nan, 1)], network, "walk")


def test_nothing_to_snap_or_nothing_to_snap_to() -> None:
    network = network_of([(0, 0), (100, 0)], [(0, 1, 5, 5)])
    assert len(snap(np.empty((0, 2)), network, "walk")) == 0
    closed = Network(
        **{**vars(network), "seconds": {"walk": np.full((1, 2), INF)}, "part": {"walk": np.array([-1])}}
    )
    found = snap([(0, 0)], closed, "walk")
    assert (found.link.tolist(), found.offset_metres.tolist(), found.far.tolist()) == ([-1], [INF], [True])


def test_pieces_made_once_give_the_same() -> None:
    network = tangle(3, 40)
    points = np.random.default_rng(3).uniform(0, 2000, (100, 2))
    once, again = snap(points, network, "walk"), snap(points, network, "walk", pieces=Pieces(network, "walk"))
    assert all(np.array_equal(getattr(once, name), getattr(again, name)) for name in vars(once))
