"""Small road networks drawn by hand, with their seconds said link by link, for tests that reckon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.travel.network import Network
from pipelines.travel.snapping import Snapped

INF = float("inf")
Link = tuple[int, int, float, float] | tuple[int, int, float, float, Sequence[tuple[float, float]]]


def network_of(nodes: Sequence[tuple[float, float]], links: Sequence[Link], mode: str = "walk") -> Network:
    """A network for one mode, of nodes (easting, northing) and links (start, end, seconds along, seconds against,
    bends).

    Bends are the line's points between its ends; a link without any is straight. Metres are those of the line.
    """
    at = np.array(nodes, float)
    start = np.array([link[0] for link in links], np.int64)
    end = np.array([link[1] for link in links], np.int64)
    seconds = np.array([[link[2], link[3]] for link in links], float)
    lines = np.array(
        [
            shapely.LineString([nodes[link[0]], *(link[4] if len(link) == 5 else ()), nodes[link[1]]])
            for link in links
        ]
    )
    metres = shapely.length(lines)
    usable = np.isfinite(seconds).any(axis=1)
    graph = coo_array((np.ones(usable.sum()), (start[usable], end[usable])), shape=(len(at), len(at)))
    _, of_node = connected_components(graph, directed=False)
    longest = np.bincount(of_node[start[usable]], metres[usable], minlength=of_node.max() + 1)
    rank = np.argsort(np.argsort(-longest, kind="stable"))
    return Network(
        nodes=at,
        start=start,
        end=end,
        metres=metres,
        seconds={mode: seconds},
        lines=lines,
        link_id=np.array([f"link {i}" for i in range(len(links))]),
        part={mode: np.where(usable, rank[of_node[start]], -1)},
    )


def on_links(
    network: Network, link: ArrayLike, fraction: ArrayLike, access_seconds: ArrayLike = 0.0, **others: Any
) -> Snapped:
    """Places on links, as `snap` would have put them there; with no link (-1) they are nowhere."""
    links = np.asarray(link, np.int64)
    fractions = np.asarray(fraction, float)
    none = np.zeros(len(links), bool)
    given: dict[str, Any] = {
        "link": links,
        "fraction": fractions,
        "offset_metres": np.zeros(len(links)),
        "access_seconds": np.broadcast_to(np.asarray(access_seconds, float), links.shape),
        "point": shapely.get_coordinates(
            shapely.line_interpolate_point(network.lines[links], fractions, normalized=True)
        ),
        "across_barrier": none,
        "far": links < 0,
        "moved_for_barrier": none,
        "moved_to_larger_part": none,
    }
    return Snapped(**{**given, **others})
