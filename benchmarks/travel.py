"""Travel on a network of a million nodes: nearest site, all pairs within a limit; and a borough's properties put on
links.

Against scipy's own search on the same network with nothing around it, shapely's search for the nearest line, and
pandana 0.8 where that is installed (`pip install pandana`; it is under the AGPL, and so no dependency of this
project, not even of its tests).
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.comparison import compare
from pipelines.travel.network import Network
from pipelines.travel.routing import nearest, within
from pipelines.travel.snapping import Snapped, snap

SIDE, BOROUGH_SIDE, SPACING = 1000, 125, 100  # a million nodes and 16,000; metres between two
LINKS_A_NODE = 1.25
SITES, PROPERTIES, LIMIT_SECONDS = 500, 100_000, 900
WALK_METRES_A_SECOND = 4.8 / 3.6
METRES_A_SECOND = 34  # at which some 110,000 nodes are within the limit of a site
MODE = "drive"


def run() -> str:
    """The lines of all comparisons."""
    network, sites = grid(SIDE), places
    few, many = sites(network, PROPERTIES, 3), sites(network, SIDE * SIDE, 4)
    near = network, few, sites(network, SITES, 2)
    size = f"{SITES} sites, {SIDE * SIDE / 1e6:g} M nodes"
    lines = [
        compare(
            f"nearest of {size}, to {PROPERTIES:,} homes",
            ("pipelines.travel.routing.nearest", ours_nearest),
            ("scipy alone", scipy_nearest),
            *near,
            pairs=7,
        ).line()
    ]
    if importlib.util.find_spec("pandana"):
        pandana = ("pandana, its network built", pandana_nearest)
        ours = ("pipelines.travel.routing.nearest", ours_nearest)
        lines.append(compare(f"nearest of {size}", ours, pandana, *near, pairs=1).line())
    else:
        lines.append("pandana is not installed: not compared")
    lines.append(
        compare(
            f"all within {LIMIT_SECONDS / 60:g} minutes of {size}: 55 M pairs",
            ("pipelines.travel.routing.within, a million homes", ours_within),
            ("scipy alone, to the nodes", scipy_within),
            network,
            many,
            near[2],
            pairs=1,
        ).line()
    )
    borough = grid(BOROUGH_SIDE, lines=True)
    lines.append(
        compare(
            f"{PROPERTIES:,} properties on {len(borough.start):,} links",
            ("pipelines.travel.snapping.snap", ours_snap),
            ("shapely.STRtree.query_nearest, and the fraction", shapely_snap),
            borough,
            doorsteps(borough),
        ).line()
    )
    return "\n".join(lines)


def grid(side: int, *, lines: bool = False, seed: int = 1) -> Network:
    """A grid of roads, each with a bend and some 100 m long: a tree that joins all nodes, and others by chance.

    Without their lines, which routing does not ask for, a million nodes are handed to another process in a second.
    """
    dice = np.random.default_rng(seed)
    size = side * side
    at = np.arange(size).reshape(side, side)
    nodes = 300_000 + SPACING * np.column_stack([at.ravel() % side, at.ravel() // side]).astype(float)
    nodes += dice.uniform(-30, 30, nodes.shape)
    across = np.column_stack([at[:, :-1].ravel(), at[:, 1:].ravel()])
    up = np.column_stack([at[:-1].ravel(), at[1:].ravel()])
    from_left = dice.random(size) < 0.5  # the road by which the tree comes to a node; from below otherwise
    from_left[at[0]], from_left[at[1:, 0]] = True, False
    both = np.concatenate([across, up])
    taken = np.concatenate([from_left[across[:, 1]], ~from_left[up[:, 1]]])
    more = int(LINKS_A_NODE * size) - int(taken.sum())
    taken[dice.choice(np.flatnonzero(~taken), more, replace=False)] = True
    start, end = np.ascontiguousarray(both[taken].T)
    bend = (nodes[start] + nodes[end]) / 2 + dice.uniform(-10, 10, (len(start), 2))
    metres = np.hypot(*(bend - nodes[start]).T) + np.hypot(*(nodes[end] - bend).T)
    seconds = metres / METRES_A_SECOND / dice.uniform(0.5, 1.5, len(start))
    drawn = shapely.linestrings(np.stack([nodes[start], bend, nodes[end]], axis=1)) if lines else []
    return Network(
        nodes=nodes,
        start=start,
        end=end,
        metres=metres,
        seconds={MODE: np.column_stack([seconds, seconds])},
        lines=np.asarray(drawn, dtype=object),
        link_id=np.arange(len(start)),
        part={MODE: np.zeros(len(start), np.int64)},
    )


def places(network: Network, count: int, seed: int) -> Snapped:
    """So many places at random along the roads, some 15 m off them."""
    dice = np.random.default_rng(seed)
    none, offset = np.zeros(count, bool), dice.exponential(15, count)
    return Snapped(
        link=np.sort(dice.integers(0, len(network.start), count)),
        fraction=dice.random(count),
        offset_metres=offset,
        access_seconds=offset / WALK_METRES_A_SECOND,
        point=np.zeros((count, 2)),
        across_barrier=none,
        far=none,
        moved_for_barrier=none,
        moved_to_larger_part=none,
    )


def doorsteps(network: Network) -> NDArray[Any]:
    """Properties' coordinates, in no order, around the roads."""
    dice = np.random.default_rng(5)
    link, along = dice.integers(0, len(network.start), PROPERTIES), dice.random((PROPERTIES, 1))
    on = network.nodes[network.start[link]] * (1 - along) + network.nodes[network.end[link]] * along
    return np.asarray(on + dice.normal(0, 20, on.shape))


def ours_nearest(network: Network, homes: Snapped, sites: Snapped) -> None:
    """Nearest site, seconds and metres of each home, from door to door."""
    assert (nearest(network, MODE, homes, sites).site >= 0).all()


def scipy_nearest(network: Network, homes: Snapped, sites: Snapped) -> None:
    """Nearest site and its cost of each node, read at the start of each home's link."""
    at = network.start[homes.link]
    cost, _, site = dijkstra(
        matrix(network), indices=network.start[sites.link], min_only=True, return_predecessors=True
    )
    assert np.isfinite(cost[at]).all() and (site[at] >= 0).all()


def pandana_nearest(network: Network, homes: Snapped, sites: Snapped) -> None:
    """pandana's network, and its nearest point of interest to each node."""
    import pandana  # type: ignore[import-not-found, unused-ignore]
    import pandas as pd

    links = pd.DataFrame(
        {"from": network.start, "to": network.end, "seconds": network.seconds[MODE][:, 0]},
    )
    x, y = (pd.Series(values) for values in network.nodes.T)
    roads = pandana.Network(x, y, links["from"], links["to"], links[["seconds"]])
    at = network.nodes[network.start[sites.link]]
    roads.set_pois("site", 7200, 1, pd.Series(at[:, 0]), pd.Series(at[:, 1]))
    assert len(roads.nearest_pois(7200, "site", num_pois=1, include_poi_ids=True)) == len(network.nodes)


def ours_within(network: Network, homes: Snapped, sites: Snapped) -> None:
    """Every home and site within the limit, lot by lot."""
    pairs = sum(len(lot.home) for lot in within(network, MODE, homes, sites, LIMIT_SECONDS))
    assert 40e6 < pairs < 65e6, pairs


def scipy_within(network: Network, homes: Snapped, sites: Snapped) -> None:
    """The cost from each site to all nodes within the limit, twenty sites at a time."""
    graph, pairs = matrix(network), 0
    for several in np.array_split(network.start[sites.link], SITES // 20):
        cost = dijkstra(graph, indices=several, limit=LIMIT_SECONDS)
        pairs += len(np.nonzero(np.isfinite(cost))[0])
    assert 40e6 < pairs < 65e6, pairs


def matrix(network: Network) -> csr_array:
    """The network as scipy's users make it, for searches against the direction of travel."""
    ends = np.concatenate([network.start, network.end]), np.concatenate([network.end, network.start])
    seconds = np.concatenate(list(network.seconds[MODE].T))
    size = len(network.nodes)
    return csr_array(coo_array((seconds, ends), shape=(size, size)).tocsr().T.tocsr())


def ours_snap(network: Network, points: NDArray[Any]) -> None:
    """Everything that there is to say of each, the index of the links made first."""
    assert (snap(points, network, MODE).link >= 0).all()


def shapely_snap(network: Network, points: NDArray[Any]) -> None:
    """The nearest line of each, and where on it."""
    doors = shapely.points(points)
    _, link = shapely.STRtree(network.lines).query_nearest(doors, all_matches=False)
    assert (shapely.line_locate_point(network.lines[link], doors, normalized=True) <= 1).all()
