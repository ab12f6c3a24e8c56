"""The quickest ways by road between homes and sites: nearest, all within a limit, and what of the roads is reached.

Here belongs everything that runs Dijkstra's algorithm (`scipy.sparse.csgraph`). Which place is on which link is
`snapping`; what is drawn or reckoned of times is `catchment` and `accessibility`.

Homes and sites are `Snapped` places anywhere along links. The way between two of them is the quickest of: from the
one to either end of its link, along the network, and from either end of the other's link to it; or, on one link,
straight along it. A part of a link costs that part of the link's time in that direction.

Costs. A way costs whole milliseconds and, to tell equally quick ways apart, whole centimetres, both in one number:
milliseconds x 2^28 + centimetres. In a float64 its sums are exact (up to 2^53, nine hours; beyond, centimetres are
rounded), so ways that take equally long are equal whatever order they are summed in, the shortest of the quickest
ways is taken, and its metres come at no cost. Of sites equally near, in time and metres, the lowest is taken.

All searches go outwards from the sites. Where homes travel to sites, that is against the direction of travel: the
network is searched with the seconds of its two directions exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from pipelines.travel.network import Floats, Integers, Network
from pipelines.travel.snapping import Snapped

Towards = Literal["sites", "homes"]

MILLISECOND = float(2**28)  # in centimetres' places of a cost: 2,684 km, more than any way in Great Britain
FIELD_BYTES = 160_000_000  # of the costs from several sites to all nodes, in one go of `within`
PAIRS = 2_000_000  # `within` hands on when it has this many

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Nearest:
    """The n nearest sites of H homes, nearest first."""

    site: Integers
    """(H, n): row of the site; -1 where there is none (any more) within reach."""
    seconds: Floats
    """(H, n): the whole way, from door to door; `inf` where there is no site."""
    metres: Floats
    """(H, n): its length, from door to door; `inf` where there is no site."""


@dataclass(frozen=True)
class Pairs:
    """Some homes and sites that are within the limit of each other, in the order of site and then home."""

    home: Labels
    """(P,): row of the home."""
    site: Labels
    """(P,): row of the site."""
    seconds: Floats
    """(P,): the whole way, from door to door."""
    metres: Floats
    """(P,): its length, from door to door."""


@dataclass(frozen=True)
class Reached:
    """R stretches of links, in their order. Each bit of each link that the mode may use is in exactly one."""

    link: Integers
    """(R,)"""
    from_fraction: Floats
    """(R,): where along its link, from the start of the link, the stretch begins,"""
    to_fraction: Floats
    """(R,): and ends."""
    site: Integers
    """(R,): the site that is nearest to all of the stretch; -1 where there is none within reach."""
    from_seconds: Floats
    """(R,): from its beginning to the site; in between time runs evenly. `inf` where there is no site."""
    to_seconds: Floats
    """(R,): and from its end."""


def nearest(
    network: Network,
    mode: str,
    homes: Snapped,
    sites: Snapped,
    *,
    n: int = 1,
    towards: Towards = "sites",
    limit_seconds: float = np.inf,
) -> Nearest:
    """The n nearest sites of each home, from door to door (time to and from the road included at both ends).

    `towards` says who travels: "sites" is from home to site, "homes" from site to home; on one-way streets these
    differ. A home without a link, on an island, or farther than `limit_seconds` from every site, has site -1 and
    `inf`. Of sites equally near the one with the lowest row comes first. Seconds are whole milliseconds, metres whole
    centimetres.

    For n > 1 each further nearest takes one more search of the whole network, however many sites there are (see
    `_next_edges`).

    Raises KeyError for a mode that the network does not have, ValueError for an n below 1.
    """
    if n < 1:
        raise ValueError(f"n is {n}: the number of nearest sites wanted must be at least 1")
    ways = _Ways(network, mode, towards)
    limit = _limit(limit_seconds)
    if not (sites.link >= 0).any():
        nothing = np.full((len(homes), n), np.inf)
        return Nearest(np.full(nothing.shape, -1), nothing, nothing.copy())
    cost, site = ways.nearest(homes, sites, _fields(ways, sites, n, limit), limit)
    return Nearest(site.astype(np.int64), _seconds(cost), _metres(cost))


def within(
    network: Network,
    mode: str,
    homes: Snapped,
    sites: Snapped,
    limit_seconds: float,
    *,
    towards: Towards = "sites",
) -> Iterator[Pairs]:
    """Every home and site that are at most `limit_seconds` from each other, door to door, in lots of some `PAIRS`.

    Memory is bounded by the network and one lot, however many pairs there are: use each lot before asking for the
    next. A site or home without a link is in no pair. Raises KeyError for a mode that the network does not have.
    """
    ways = _Ways(network, mode, towards)
    limit = _limit(limit_seconds)
    on_link = np.flatnonzero(sites.link >= 0)
    if not len(on_link):
        return
    graph = _graph(*ways.edges(sites), ways.size + len(sites))
    homes_on = _by(homes.link, len(network.start))
    inhabited = np.flatnonzero(np.diff(homes_on.begins))
    ends_at = _by(np.concatenate([network.start[inhabited], network.end[inhabited]]), ways.size)
    from_start, from_end, door = ways.to_places(homes)
    start, end = network.start[homes.link], network.end[homes.link]

    lot: list[Pairs] = []
    at_once = max(FIELD_BYTES // (8 * graph.shape[0]), 1)
    for first in range(0, len(on_link), at_once):
        several = on_link[first : first + at_once]
        for site, field in zip(
            several, dijkstra(graph, indices=ways.size + several, limit=limit), strict=True
        ):
            touched = np.zeros(len(network.start), bool)
            ends = ends_at.of(np.flatnonzero(np.isfinite(field[: ways.size])))
            touched[inhabited[ends % len(inhabited)]] = True
            touched[sites.link[site]] = True
            found = np.zeros(len(homes), bool)
            found[homes_on.of(np.flatnonzero(touched))] = True
            home = np.flatnonzero(found)
            cost = np.minimum(field[start[home]] + from_start[home], field[end[home]] + from_end[home])
            beside = np.flatnonzero(homes.link[home] == sites.link[site])
            there = np.full(len(beside), site)
            cost[beside] = np.minimum(cost[beside], ways.along_link(homes, home[beside], sites, there))
            cost += door[home]
            home, cost = home[cost <= limit], cost[cost <= limit]
            lot.append(
                Pairs(
                    home.astype(np.int32), np.full(len(home), site, np.int32), _seconds(cost), _metres(cost)
                )
            )
            if sum(len(pairs.home) for pairs in lot) >= PAIRS:
                yield _together(lot)
                lot = []
    if any(len(pairs.home) for pairs in lot):
        yield _together(lot)


def reached(
    network: Network,
    mode: str,
    sites: Snapped,
    *,
    towards: Towards = "sites",
    limit_seconds: float = np.inf,
) -> Reached:
    """To which site each bit of road is nearest, and how far in time: links, or parts where nearest or reach changes.

    A link is parted where two ways are equally quick, where the limit ends, and at the sites on it. Times are from
    the road to the site's door. For what one site alone reaches give that site alone (`sites.take([i])`). Raises
    KeyError for a mode that the network does not have.
    """
    ways = _Ways(network, mode, towards)
    usable = np.flatnonzero(np.isfinite(ways.seconds).any(axis=1))
    field = _fields(ways, sites, 1, np.inf)
    on_link = np.flatnonzero(sites.link >= 0)
    stops = sites.take(on_link)
    stop_cost, stop_site = ways.nearest(stops, sites, field, np.inf, doors=False)

    # Each link's stops: its start, the sites on it, its end; between two of them is a stretch.
    ends = [network.start[usable], network.end[usable]]
    link = np.concatenate([usable, stops.link, usable])
    at = np.concatenate([np.zeros(len(usable)), stops.fraction, np.ones(len(usable))])
    seconds = _seconds(np.concatenate([field.cost[0][ends[0]], stop_cost[:, 0], field.cost[0][ends[1]]]))
    site = np.concatenate([field.site[0][ends[0]], stop_site[:, 0], field.site[0][ends[1]]])
    order = np.lexsort((np.arange(len(link)), at, link))  # at one place: start, sites, end, as listed
    link, at, seconds, site = link[order], at[order], seconds[order], site[order]
    first = np.flatnonzero((link[1:] == link[:-1]) & (at[1:] > at[:-1]))
    link, left, right = link[first], at[first], at[first + 1]
    left_seconds, right_seconds = seconds[first], seconds[first + 1]
    left_site, right_site = site[first], site[first + 1]
    along, against = ways.seconds[link, 0], ways.seconds[link, 1]

    # The quicker of two lines: up from the left at `along` a link, and up from the right at `against`.
    from_left = np.isfinite(left_seconds) & np.isfinite(along)
    from_right = np.isfinite(right_seconds) & np.isfinite(against)
    with np.errstate(invalid="ignore", divide="ignore"):
        even = (right_seconds - left_seconds + left * along + right * against) / (along + against)
        even = np.where(along + against > 0, even, np.where(left_seconds <= right_seconds, right, left))
        even = np.where(from_left & from_right, np.clip(even, left, right), np.where(from_left, right, left))
        left_ends = np.minimum(
            even, np.where(along > 0, left + (limit_seconds - left_seconds) / along, right)
        )
        right_begins = np.maximum(
            even, np.where(against > 0, right - (limit_seconds - right_seconds) / against, left)
        )
    left_ends = np.where(from_left & (left_seconds <= limit_seconds), left_ends, left)
    right_begins = np.where(from_right & (right_seconds <= limit_seconds), right_begins, right)
    with np.errstate(invalid="ignore"):
        left_top = left_seconds + (left_ends - left) * along
        right_top = right_seconds + (right - right_begins) * against
    nowhere, never = np.full(len(link), -1), np.full(len(link), np.inf)
    pieces = [
        (link, left, left_ends, left_site, left_seconds, left_top),
        (link, left_ends, right_begins, nowhere, never, never),
        (link, right_begins, right, right_site, right_top, right_seconds),
    ]
    joined = [np.concatenate(columns) for columns in zip(*pieces, strict=True)]
    kept = joined[2] > joined[1]
    joined = [column[kept] for column in joined]
    order = np.lexsort((joined[1], joined[0]))
    link, begins, stops_at, site, from_seconds, to_seconds = (column[order] for column in joined)
    return Reached(link, begins, stops_at, site.astype(np.int64), from_seconds, to_seconds)


# Costs


def _cost(seconds: Floats, metres: Floats) -> Floats:
    """Seconds and metres in one number; `inf` where the seconds are."""
    cost = (
        seconds * 1000
    )  # then in place: at a million links, new arrays are most of the time that this takes
    np.rint(cost, out=cost)
    cost *= MILLISECOND
    length = metres * 100
    np.rint(length, out=length)
    cost += length
    return cost


def _seconds(cost: Floats) -> Floats:
    return np.floor(cost / MILLISECOND) / 1000


def _metres(cost: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(cost), (cost - np.floor(cost / MILLISECOND) * MILLISECOND) / 100, np.inf)


def _limit(limit_seconds: float) -> float:
    """The highest cost of so many seconds."""
    return float((np.rint(limit_seconds * 1000) + 1) * MILLISECOND - 1)


def _those(which: NDArray[np.bool_]) -> NDArray[np.bool_] | slice:
    """What picks them out of an array: where it is all of them, without a copy."""
    return slice(None) if which.all() else which


def _part(fraction: Floats, whole: Floats) -> Floats:
    """A fraction of a cost that may be infinite: none of it is nothing, even so."""
    with np.errstate(invalid="ignore"):
        return np.where(fraction > 0, fraction * whole, 0.0)


# The network, seen from the sites


class _Ways:
    """What it costs to go outwards from sites, in one direction of travel."""

    def __init__(self, network: Network, mode: str, towards: Towards) -> None:
        seconds = network.seconds[mode]
        self.network = network
        self.seconds = seconds[:, ::-1] if towards == "sites" else seconds
        """(M, 2): outwards from the sites, along each link and against it."""
        self.size = len(network.nodes)

    def edges(self, sites: Snapped) -> tuple[Integers, Integers, Floats]:
        """Tail, head and cost of each way along a link, and from each site (node `size` + row) to its link's ends."""
        network, (along, against) = self.network, self.seconds.T
        goes, returns = _those(np.isfinite(along)), _those(np.isfinite(against))
        site = np.flatnonzero(sites.link >= 0)
        link, fraction = sites.link[site], sites.fraction[site]
        door = sites.access_seconds[site], sites.offset_metres[site]
        to_start = _part(fraction, against[link]), fraction * network.metres[link]
        to_end = _part(1 - fraction, along[link]), (1 - fraction) * network.metres[link]
        to_start_cost = _cost(*to_start) + _cost(*door)
        to_end_cost = _cost(*to_end) + _cost(*door)
        starts, ends = np.isfinite(to_start_cost), np.isfinite(to_end_cost)
        there = _cost(along, network.metres)
        back = there if np.array_equal(along, against) else _cost(against, network.metres)
        return (
            np.concatenate(
                [network.start[goes], network.end[returns], self.size + site[starts], self.size + site[ends]]
            ),
            np.concatenate(
                [
                    network.end[goes],
                    network.start[returns],
                    network.start[link[starts]],
                    network.end[link[ends]],
                ]
            ),
            np.concatenate([there[goes], back[returns], to_start_cost[starts], to_end_cost[ends]]),
        )

    def to_places(self, places: Snapped) -> tuple[Floats, Floats, Floats]:
        """The cost from the start of its link to each place, from the end, and from the link to its door."""
        link, fraction = places.link, places.fraction
        (along, against), metres = self.seconds[link].T, self.network.metres[link]
        from_start = _cost(_part(fraction, along), fraction * metres)
        from_end = _cost(_part(1 - fraction, against), (1 - fraction) * metres)
        return (
            from_start,
            from_end,
            np.where(link >= 0, _cost(places.access_seconds, places.offset_metres), np.inf),
        )

    def along_link(self, homes: Snapped, home: Integers, sites: Snapped, site: Integers) -> Floats:
        """The cost from each site straight along its link to a home on the same link, the site's door included."""
        link, ahead = homes.link[home], homes.fraction[home] - sites.fraction[site]
        along, against = self.seconds[link].T
        seconds = np.where(ahead >= 0, _part(ahead, along), _part(-ahead, against))
        door = _cost(sites.access_seconds[site], sites.offset_metres[site])
        return _cost(seconds, np.abs(ahead) * self.network.metres[link]) + door

    def nearest(
        self, homes: Snapped, sites: Snapped, field: _Fields, limit: float, *, doors: bool = True
    ) -> tuple[Floats, Labels]:
        """(H, n) costs and sites: of what is known at both ends of each home's link, and of the sites on that link."""
        n = len(field.cost)
        from_start, from_end, door = self.to_places(homes)
        if not doors:
            door = np.where(homes.link >= 0, 0.0, np.inf)
        start, end = self.network.start[homes.link], self.network.end[homes.link]
        costs, labels = _best(
            np.vstack([field.cost[:, start] + from_start, field.cost[:, end] + from_end]),
            np.vstack([field.site[:, start], field.site[:, end]]),
            n,
        )
        home, site = _on_one_link(homes, sites)
        if len(home):
            cost = self.along_link(homes, home, sites, site)
            order = np.lexsort((site, cost, home))
            home, site, cost = home[order], site[order], cost[order]
            some, first, row = np.unique(home, return_index=True, return_inverse=True)
            rank = np.arange(len(home)) - first[row]
            beside = np.full((n, len(some)), np.inf), np.full((n, len(some)), -1, np.int32)
            few = rank < n
            beside[0][rank[few], row[few]] = cost[few]
            beside[1][rank[few], row[few]] = site[few]
            costs[:, some], labels[:, some] = _best(
                np.vstack([costs[:, some], beside[0]]), np.vstack([labels[:, some], beside[1]]), n
            )
        costs += door
        out = ~(np.isfinite(costs) & (costs <= limit))
        costs[out], labels[out] = np.inf, -1
        return costs.T, labels.T


def _best(costs: Floats, sites: Labels, n: int) -> tuple[Floats, Labels]:
    """(n, H): of (c, H) candidates the n lowest of each column, by cost and then site, each site once."""
    if n == 1:
        cost, site = costs[0], sites[0]
        for other, its in zip(costs[1:], sites[1:], strict=True):
            lower = (other < cost) | ((other == cost) & (its < site))
            cost, site = np.where(lower, other, cost), np.where(lower, its, site)
        return cost[None], np.where(np.isfinite(cost), site, -1)[None]
    order = np.lexsort((sites, costs), axis=0)
    costs, sites = np.take_along_axis(costs, order, 0), np.take_along_axis(sites, order, 0)
    for row in range(1, len(costs)):
        costs[row, (sites[:row] == sites[row]).any(axis=0)] = np.inf
    order = np.argsort(costs, axis=0, kind="stable")[:n]
    costs, sites = np.take_along_axis(costs, order, 0), np.take_along_axis(sites, order, 0)
    return costs, np.where(np.isfinite(costs), sites, -1)


def _on_one_link(homes: Snapped, sites: Snapped) -> tuple[Integers, Integers]:
    """Rows of each home and site that are on the same link."""
    order = np.argsort(sites.link, kind="stable")
    order = order[sites.link[order] >= 0]
    first = np.searchsorted(sites.link[order], homes.link, side="left")
    count = np.searchsorted(sites.link[order], homes.link, side="right") - first
    home = np.repeat(np.arange(len(homes)), count)
    return home, order[_runs(first, count)]


# Searches


@dataclass(frozen=True)
class _Fields:
    """Of each of N nodes the n nearest sites: costs (n, N), `inf` where there is none, and sites (n, N), -1 there."""

    cost: Floats
    site: Labels


def _fields(ways: _Ways, sites: Snapped, n: int, limit: float) -> _Fields:
    """Costs outwards from the sites, their doors included, of all that are at most `limit`."""
    edges = ways.edges(sites)
    known = _Fields(np.full((n, ways.size), np.inf), np.full((n, ways.size), -1, np.int32))
    for k in range(n):
        more = edges if k == 0 else _next_edges(*edges, _Fields(known.cost[:k], known.site[:k]))
        known.cost[k], known.site[k] = _search(*more, ways.size, len(sites), limit)
        if not np.isfinite(known.cost[k]).any():
            break
    return known


def _search(
    tail: Integers, head: Integers, cost: Floats, size: int, sites: int, limit: float
) -> tuple[Floats, Labels]:
    """The cost from the nearest site to each node (`size`,), and that site; `inf` and -1 where there is none."""
    graph = _graph(tail, head, cost, size + sites)
    field, _, source = dijkstra(
        graph,
        indices=np.arange(size, size + sites),
        min_only=True,
        return_predecessors=True,
        limit=limit,
    )
    label = np.where(source < 0, -1, source - size).astype(np.int32)
    _lowest_of_equals(graph, field, label)
    return field[:size], label[:size]


def _lowest_of_equals(graph: csr_array, field: Floats, label: Labels) -> None:
    """Where ways from several sites are equally quick and long, the lowest of these sites; changes `label` in place."""
    out = np.diff(graph.indptr)
    # Where a lower site comes to a node of a higher one, at the same cost; rarely anywhere.
    edge = np.flatnonzero(np.repeat(label, out) < label[graph.indices])
    tail = np.searchsorted(graph.indptr, edge, side="right") - 1
    while len(edge):
        head = graph.indices[edge]
        better = (label[tail] >= 0) & (label[tail] < label[head])
        better &= field[tail] + graph.data[edge] == field[head]
        np.minimum.at(label, head[better], label[tail[better]])
        changed = np.unique(head[better])
        row = np.repeat(changed, out[changed])
        edge, tail = _runs(graph.indptr[changed], out[changed]), row


def _next_edges(
    tail: Integers, head: Integers, cost: Floats, known: _Fields
) -> tuple[Integers, Integers, Floats]:
    """The edges on which one search more finds the next nearest site of each node, after the k of `known`.

    The quickest way to v from its next nearest site s comes over an edge from some u. If u has the same k nearest
    sites as v, s is the next nearest of u as well, and the way is found by going on from u. If not, one of u's k is
    not among v's; the nearest of those is known, cost and all, and is at least as near as u's next: the way is an
    edge from that site to v, at the cost to u and that of the edge. Edges from sites to the ends of their links stay
    where that site is not among the k.
    """
    k, size = known.cost.shape
    own = tail >= size
    site_tail, site_head, site_cost = tail[own], head[own], cost[own]
    fresh = (known.site[:, site_head] != site_tail - size).all(axis=0)
    tail, head, cost = tail[~own], head[~own], cost[~own]

    several = np.sort(known.site, axis=0)
    alike = (several[:, tail] == several[:, head]).all(axis=0)
    u, v, step = tail[~alike], head[~alike], cost[~alike]
    chosen = np.full(len(u), -1, np.int32)
    start = np.full(len(u), np.inf)
    for j in range(k - 1, -1, -1):
        label = known.site[j, u]
        other = (label >= 0) & (known.site[:, v] != label).all(axis=0)
        chosen[other], start[other] = label[other], known.cost[j, u[other]]
    some = chosen >= 0
    return (
        np.concatenate([tail[alike], size + chosen[some].astype(np.int64), site_tail[fresh]]),
        np.concatenate([head[alike], v[some], site_head[fresh]]),
        np.concatenate([cost[alike], start[some] + step[some], site_cost[fresh]]),
    )


# Lists of lists


@dataclass(frozen=True)
class _Lists:
    """For each of R keys the rows that have it, ascending: those of key i are `rows[begins[i] : begins[i + 1]]`."""

    begins: Integers
    rows: Integers

    def of(self, keys: Integers) -> Integers:
        """The rows that have any of these keys, key by key."""
        begins = self.begins[keys]
        return self.rows[_runs(begins, self.begins[keys + 1] - begins)]


def _by(key: Integers, size: int) -> _Lists:
    """The rows of each key from 0 to `size`; those with a key below 0 are left out."""
    low = len(key).bit_length()  # bits for the row, below those for the key
    # All numbers differ, so any sort will do, and numpy's own is many times faster than one that keeps the order of
    # equals.
    ordered = key.astype(np.int64)
    ordered <<= low
    ordered += np.arange(len(key))
    ordered.sort()
    left_out = int(np.searchsorted(ordered, 0))
    begins = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(key[key >= 0] if left_out else key, minlength=size), out=begins[1:])
    ordered &= (1 << low) - 1
    return _Lists(begins, ordered[left_out:])


def _runs(begins: Integers, counts: Integers) -> Integers:
    """The numbers from each of `begins` on, so many as `counts` says, end to end."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - ends + counts, counts)


def _graph(tail: Integers, head: Integers, cost: Floats, size: int) -> csr_array:
    """A graph of those edges, as scipy's searches read it.

    scipy would sum parallel edges; told that there are none, it keeps each, and the search takes the lower. Edges that
    cost nothing are stored, which the searches of scipy read as such.
    """
    edges = coo_array((cost, (tail.astype(np.int32), head.astype(np.int32))), shape=(size, size))
    edges.has_canonical_format = True
    return edges.tocsr()


def _together(lot: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate([getattr(pairs, field.name) for pairs in lot]) for field in fields(Pairs)))
