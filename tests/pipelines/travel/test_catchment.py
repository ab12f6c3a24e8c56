"""Ground by owner of the nearest road: where it meets the roads, holes, neighbours' edges, bands of time."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipelines.travel.catchment import Catchments, catchments, in_bands, simplified
from pipelines.travel.network import Network
from pipelines.travel.routing import nearest, reached
from pipelines.travel.snapping import Snapped, snap
from tests.travel_networks import INF, Link, network_of, on_links


def town(side: int = 12, gap: range = range(5, 7)) -> Network:
    """A grid of streets of some 100 m, with no streets in its middle, and one road apart from it."""
    dice = np.random.default_rng(7)
    nodes = [
        (300_000 + 110.0 * x + dice.uniform(-20, 20), 150_000 + 110.0 * y + dice.uniform(-20, 20))
        for y in range(side)
        for x in range(side)
    ]
    hole = {y * side + x for x in range(3, 9) for y in range(3, 9)}
    links: list[Link] = []
    for i in range(side * side):
        for j in ([i + 1] if (i + 1) % side else []) + ([i + side] if i + side < side * side else []):
            if i not in hole and j not in hole and dice.random() < 0.9:
                links.append((i, j, 80, 80))
    apart = [(300_000.0, 152_000.0), (300_400.0, 152_000.0)]
    return network_of([*nodes, *apart], [*links, (side * side, side * side + 1, 300, 300)])


@pytest.fixture(scope="module")
def network() -> Network:
    return town()


@pytest.fixture(scope="module")
def sites(network: Network) -> Snapped:
    return snap([(300_050, 150_300), (301_200, 150_150), (300_900, 151_150)], network, "walk")


@pytest.fixture(scope="module")
def ground(network: Network, sites: Snapped) -> Catchments:
    return catchments(network, reached(network, "walk", sites))


def test_ground_belongs_to_the_site_of_the_nearest_road(
    network: Network, sites: Snapped, ground: Catchments
) -> None:
    points = np.random.default_rng(1).uniform((299_600, 149_600), (301_700, 152_400), (4000, 2))
    homes = snap(points, network, "walk", small_part_metres=0)
    site = nearest(network, "walk", homes, sites).site[:, 0]
    expected = np.where(homes.offset_metres <= 250, site, -1)
    found = np.full(len(points), -1)
    for owner, polygon in zip(ground.owner, ground.polygon, strict=True):
        found[shapely.contains_xy(polygon, points)] = owner
    assert set(expected) == {-1, 0, 1, 2}
    # The lines run between points 25 m apart, and the outline is drawn in straight pieces: a sliver may differ.
    assert (found == expected).mean() > 0.99


def test_neighbours_share_their_edges_and_holes_stay(ground: Catchments) -> None:
    assert ground.owner.tolist() == [0, 1, 2]
    assert shapely.is_valid(ground.polygon).all()
    assert shapely.coverage_is_valid(ground.polygon)
    whole = shapely.coverage_union_all(ground.polygon)
    assert (
        shapely.get_num_interior_rings(whole) == 1
    )  # the middle of the town, farther than 250 m from a street
    assert not shapely.contains_xy(whole, 300_605, 150_605)
    for one, other in ((0, 1), (1, 2), (0, 2)):
        shared = shapely.intersection(ground.polygon[one], ground.polygon[other])
        assert shapely.area(shared) == 0
    assert shapely.length(shapely.intersection(ground.polygon[0], ground.polygon[2])) > 100


def test_ground_by_a_road_that_nobody_reaches_is_nobodys() -> None:
    """Two roads 100 m apart, of which one is reached: its ground ends half-way, not 250 m off."""
    network = network_of([(0, 0), (1000, 0), (0, 100), (1000, 100)], [(0, 1, 9, 9), (2, 3, 9, 9)])
    ground = catchments(network, reached(network, "walk", on_links(network, [0], [0])))
    assert shapely.bounds(
        shapely.intersection(ground.polygon[0], shapely.box(200, -900, 800, 900))
    ) == pytest.approx((200, -250, 800, 50), abs=0.5)


def test_line_between_two_sites_crosses_the_road_where_they_are_equally_near() -> None:
    network = network_of([(0, 0), (1000, 0)], [(0, 1, 1000, 500)])
    sites = on_links(network, [0, 0], [0, 1])
    # To the site at the start it is against the link, twice as fast: equally near two thirds along.
    ground = catchments(network, reached(network, "walk", sites))
    assert shapely.bounds(ground.polygon[0])[2] == pytest.approx(2000 / 3, abs=0.02)
    assert shapely.bounds(ground.polygon[1])[0] == pytest.approx(2000 / 3, abs=0.02)


def test_nothing_is_drawn_beyond_the_authority(network: Network, sites: Snapped, ground: Catchments) -> None:
    authority = shapely.box(300_000, 150_000, 300_800, 152_500)
    cut = catchments(network, reached(network, "walk", sites), within=authority)
    assert shapely.coverage_is_valid(cut.polygon)
    assert authority.buffer(0.02).contains(shapely.union_all(cut.polygon))
    inside = shapely.intersection(shapely.union_all(ground.polygon), authority)
    assert shapely.area(shapely.union_all(cut.polygon)) == pytest.approx(shapely.area(inside), rel=1e-4)
    assert (
        len(catchments(network, reached(network, "walk", sites), within=shapely.box(0, 0, 9, 9)).owner) == 0
    )


def test_same_again(network: Network, sites: Snapped, ground: Catchments) -> None:
    again = catchments(network, reached(network, "walk", sites))
    assert shapely.to_wkb(again.polygon).tolist() == shapely.to_wkb(ground.polygon).tolist()


def test_no_site_no_ground(network: Network, sites: Snapped) -> None:
    nowhere = on_links(network, [-1], [0])
    assert len(catchments(network, reached(network, "walk", nowhere)).owner) == 0


def test_simplified_neighbours_still_share_their_edges(ground: Catchments) -> None:
    before = shapely.get_num_coordinates(ground.polygon).sum()
    for tolerance in (5, 20, 60):
        simple = simplified(ground, tolerance)
        assert shapely.coverage_is_valid(simple.polygon)
        assert shapely.get_num_coordinates(simple.polygon).sum() < 0.7 * before


def test_bands_of_time_are_cut_where_they_end() -> None:
    network = network_of([(0, 0), (1000, 0), (2000, 0)], [(0, 1, 800, 800), (1, 2, 800, 800)])
    road, band = in_bands(reached(network, "walk", on_links(network, [0], [0.25])), [300, 600, 1200])
    assert road.link.tolist() == [0, 0, 0, 1, 1]
    assert band.tolist() == [0, 0, 1, 2, -1]
    assert road.from_fraction.tolist() == [0, 0.25, 0.625, 0, 0.75]
    assert road.to_fraction.tolist() == [0.25, 0.625, 1, 0.75, 1]
    assert road.to_seconds.tolist() == [0, 300, 600, 1200, 1400]
    ground = catchments(network, road, band)
    assert ground.owner.tolist() == [0, 1, 2]
    assert [shapely.bounds(polygon)[2] for polygon in ground.polygon] == pytest.approx(
        [625, 1000, 1750], abs=250.1
    )
    assert shapely.bounds(ground.polygon[1])[::2] == pytest.approx((625, 1000), abs=0.1)


def test_bands_keep_every_bit_of_road(network: Network, sites: Snapped) -> None:
    road = reached(network, "walk", sites, limit_seconds=700)
    cut, band = in_bands(road, [300, 600])
    for stretches in (road, cut):
        width = np.bincount(stretches.link, stretches.to_fraction - stretches.from_fraction)
        assert np.allclose(width, 1)
    middle = (cut.from_seconds + cut.to_seconds) / 2
    assert np.array_equal(band, np.select([middle <= 300, middle <= 600], [0, 1], -1))
    assert np.array_equal(np.unique(band), [-1, 0, 1])
    assert shapely.coverage_is_valid(catchments(network, cut, band).polygon)


@pytest.mark.parametrize("bounds", [[], [0, 300], [600, 300], [300, 300]])
def test_bounds_that_do_not_ascend_are_refused(bounds: list[float]) -> None:
    network = network_of([(0, 0), (1000, 0)], [(0, 1, 800, 800)])
    with pytest.raises(ValueError, match="ascend"):
        in_bands(reached(network, "walk", on_links(network, [0], [0])), bounds)


def test_where_roads_of_two_owners_lie_on_each_other_the_lower_has_the_ground() -> None:
    """A dual carriageway drawn as one: whoever is on one side goes one way, and whoever is on the other the other."""
    network = network_of([(0, 0), (1000, 0)], [(0, 1, 90, INF), (0, 1, INF, 90)])
    for fractions in ([0, 1], [1, 0]):
        road = reached(network, "walk", on_links(network, [0, 0], fractions))
        assert sorted(road.site) == [0, 1]
        ground = catchments(network, road)
        assert ground.owner.tolist() == [0]
        assert shapely.area(ground.polygon[0]) == pytest.approx(1000 * 500 + np.pi * 250**2, rel=0.01)


def test_roads_on_each_other_and_of_no_length() -> None:
    """Parallel links drawn alike, a loop, a link of no length: each at most once in the ground."""
    loop = [(900.0, 100.0), (1100.0, 100.0)]
    links: list[Link] = [(0, 1, 700, INF), (0, 1, 900, 900), (1, 1, 200, 200, loop), (1, 2, 0, 0)]
    network = network_of([(0, 0), (1000, 0), (1000, 0)], links)
    ground = catchments(network, reached(network, "walk", on_links(network, [0, 3], [0.1, 0.0])))
    assert ground.owner.tolist() == [0, 1]
    assert shapely.coverage_is_valid(ground.polygon)
    assert shapely.area(ground.polygon).sum() == pytest.approx(
        shapely.area(shapely.buffer(shapely.union_all(network.lines), 250)), rel=0.01
    )
