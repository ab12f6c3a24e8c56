"""How lines become a network: which ends meet, what is cut, what is left out, and what hangs together.

Here belongs the making of a `Network` from lines and the speeds of each, and the report of what was found on the way.
Cutting the ways of OpenStreetMap where they meet is `osm`, how fast a road is travelled `speeds`.

Lines meet at their ends alone. Two lines that cross are left as they are: one may be a bridge. Where the publisher
names the nodes, the names decide. Where it does not, ends that lie within `join_metres` of each other are one node,
and a line is cut where another one that leads nowhere else ends on it (a side road drawn up to the middle of the road
that it leaves). Ends that only come near are reported, not joined: bollards may part them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.travel.network import MODES, Floats, Integers, Network

JOIN_METRES = 0.01
NEAR_MISS_METRES = 2.0
SAME_PLACE_METRES = 0.001  # ends of lines that are given as meeting differ by no more
SAME = "the same as another line"
METRES_PER_SECOND = 1 / 3.6  # of a km/h


@dataclass(frozen=True)
class Part:
    """A connected part of what a mode may use: its number (0 is the longest), how many links, and their metres."""

    number: int
    links: int
    metres: float


@dataclass(frozen=True)
class Report:
    """What was found while a network was made: lines read = those that made links + those left out, by reason."""

    lines: int
    """How many lines were given."""
    left_out: Mapping[str, int]
    """{reason: lines}: which of them are not in the network."""
    pieces: int
    """How many links there are more than lines kept: parts of lines with several, and pieces of lines that were cut."""
    links: int
    nodes: int
    metres: float
    """Length of all links."""
    loops: int
    """Links that end where they start."""
    no_length: int
    """Links whose length is nothing."""
    parallel: int
    """Links beyond the first between the same two nodes."""
    cut: int
    """Lines that were cut where another ends on them."""
    near_misses: Floats
    """(K, 2): ends that lead nowhere and come near another road without meeting it; metres, EPSG:27700."""
    far_nodes: int
    """Ends that lie more than `NEAR_MISS_METRES` from the node that their publisher names."""
    parts: Mapping[str, tuple[Part, ...]]
    """{mode: parts}, the longest first; all but the first are islands."""

    def islands(self, mode: str) -> tuple[Part, ...]:
        """The parts that cannot be reached from the longest."""
        return self.parts[mode][1:]

    def share_of_longest(self, mode: str) -> float:
        """What share of the metres that a mode may use is in the longest part; 0 where there are none."""
        whole = sum(part.metres for part in self.parts[mode])
        return self.parts[mode][0].metres / whole if whole else 0.0


@dataclass(frozen=True)
class Built:
    """A network, from which of the given lines each link was made (M,), and the report."""

    network: Network
    line: Integers
    report: Report


@dataclass
class _Lines:
    """Lines on their way to links; `names` (n, 2) are codes of the nodes that the publisher names, -1 for none."""

    shapes: NDArray[Any]
    line: Integers
    names: Integers
    cut: int = 0

    def only(self, which: NDArray[Any]) -> _Lines:
        return _Lines(self.shapes[which], self.line[which], self.names[which], self.cut)


def build(
    lines: Sequence[Any] | NDArray[Any],
    *,
    ids: Sequence[str] | NDArray[Any],
    kmh: Mapping[str, Floats],
    start_nodes: Sequence[Any] | None = None,
    end_nodes: Sequence[Any] | None = None,
    join_metres: float = JOIN_METRES,
) -> Built:
    """Make a network of M lines.

    `lines` (M,) are shapely lines in EPSG:27700, of one part or several, or None; `ids` (M,) what each is called,
    unique; `kmh` {mode: (M, 2)} the speeds along and against each line, 0 where the mode may not go; `start_nodes` and
    `end_nodes` (M,) the nodes that the publisher names, or None. Without names, ends within `join_metres` are one
    node; 0 joins only ends at the same place, and cuts no line.

    Links are in the order of what they are called: the line's id, and `id/1`, `id/2`, ... where a line makes several.
    Left out are lines without a shape, shapes that are no lines, lines that no mode may use, and a line that is the
    same as another in every respect. Raises `ValueError` where an id occurs twice or the arrays do not fit each other.
    """
    import shapely

    given = np.asarray(lines, object)
    names = np.asarray(ids, object).astype(str).astype(object)
    speeds = {mode: np.asarray(kmh[mode], float).reshape(len(given), 2) for mode in MODES}
    _hold_to_shape(given, names, start_nodes, end_nodes)
    left_out: dict[str, int] = {}

    types = shapely.get_type_id(given)
    is_line = (types == 1) | (types == 2) | (types == 5)
    is_shaped = ~shapely.is_missing(given) & ~shapely.is_empty(given)
    usable = np.zeros(len(given), bool)
    for mode in MODES:
        usable |= (speeds[mode] > 0).any(axis=1)
    keep = np.ones(len(given), bool)
    for reason, fails in (
        ("no line is given", ~is_shaped | ~np.isfinite(shapely.length(given))),
        ("not a line", ~is_line),
        ("no mode may use it", ~usable),
    ):
        if count := int((keep & fails).sum()):
            left_out[reason] = count
        keep &= ~fails

    at = np.flatnonzero(keep)
    at = at[np.argsort(names[at].astype(str), kind="stable")] if len(at) else at
    work = _single_parts(given[at], at, _codes(start_nodes, end_nodes, at))
    nodes, ends = _nodes(work, join_metres)
    has_names = start_nodes is not None
    if not has_names and join_metres > 0:
        work, nodes, ends = _cut(work, nodes, ends, join_metres)
    metres = shapely.length(work.shapes)
    same = _same(work, ends, metres, speeds)
    if same.any():
        left_out[SAME] = len(np.unique(work.line[same]))
        work, ends, metres = work.only(~same), ends[~same], metres[~same]
    called = _called(names[work.line], work.line)
    order = np.argsort(called.astype(str), kind="stable") if len(called) else np.zeros(0, np.int64)
    used = int((np.diff(work.line, prepend=-1) != 0).sum())
    work, metres, called = work.only(order), metres[order], called[order]
    nodes, ends = _as_met(nodes, ends[order])

    seconds, parts, found = {}, {}, {}
    for mode in MODES:
        pace = speeds[mode][work.line] * METRES_PER_SECOND
        # A link of no length takes no time where the mode may go at all.
        seconds[mode] = np.divide(metres[:, None], pace, out=np.full(pace.shape, np.inf), where=pace > 0)
        parts[mode], found[mode] = _parts(ends, len(nodes), metres, np.isfinite(seconds[mode]).any(axis=1))
    start, end = np.ascontiguousarray(ends.T)
    network = Network(nodes, start, end, metres, seconds, work.shapes, called, parts)
    near, far = _near_misses(network), _far_nodes(network) if has_names else 0
    pairs = np.sort(ends.min(axis=1) * len(nodes) + ends.max(axis=1)) if len(ends) else np.zeros(0, np.int64)
    report = Report(
        lines=len(given), left_out=left_out, pieces=len(ends) - used, links=len(ends), nodes=len(nodes),
        metres=float(metres.sum()), loops=int((ends[:, 0] == ends[:, 1]).sum()), no_length=int((metres == 0).sum()),
        parallel=int((np.diff(pairs) == 0).sum()), cut=work.cut, near_misses=near, far_nodes=far, parts=found,
    )  # fmt: skip
    return Built(network, work.line, report)


def _hold_to_shape(
    lines: NDArray[Any], ids: NDArray[Any], start_nodes: Sequence[Any] | None, end_nodes: Sequence[Any] | None
) -> None:
    if len(ids) != len(lines):
        raise ValueError(f"wanted one id a line; found {len(ids)} ids and {len(lines)} lines")
    if len(set(ids.tolist())) != len(ids):
        raise ValueError(f"wanted ids that are unique; {len(ids) - len(set(ids.tolist()))} lines repeat one")
    if (start_nodes is None) != (end_nodes is None):
        raise ValueError("wanted nodes for both ends of the lines; found them for one")
    for named in (start_nodes, end_nodes):
        if named is not None and len(named) != len(lines):
            raise ValueError(f"wanted one node a line; found {len(named)} nodes and {len(lines)} lines")


def _codes(start_nodes: Sequence[Any] | None, end_nodes: Sequence[Any] | None, at: Integers) -> Integers:
    """(n, 2): a number for each node's name, -1 where there is none."""
    if start_nodes is None or end_nodes is None:
        return np.full((len(at), 2), -1, np.int64)
    import pyarrow as pa

    both = pa.chunked_array([pa.array(start_nodes), pa.array(end_nodes)]).cast(pa.string()).combine_chunks()
    index = both.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.column_stack([index[: len(start_nodes)], index[len(start_nodes) :]]).astype(np.int64)[at]


def _single_parts(shapes: NDArray[Any], line: Integers, names: Integers) -> _Lines:
    """Each part of a line with several as a line of its own; the names of the line's nodes stay at its two ends."""
    import shapely

    several = np.flatnonzero(shapely.get_type_id(shapes) == 5)
    shapes = shapes.copy()
    shapes[several] = shapely.line_merge(shapes[several])
    rings = shapely.get_type_id(shapes) == 2
    shapes[rings] = shapely.linestrings(
        shapely.get_coordinates(shapes[rings]),
        indices=shapely.get_coordinates(shapes[rings], return_index=True)[1],
    )
    shapes = shapely.force_2d(shapes)
    parts, of = shapely.get_parts(shapes, return_index=True)
    own = names[of]
    if len(parts) != len(shapes):
        first = np.r_[True, of[1:] != of[:-1]] if len(of) else np.zeros(0, bool)
        last = np.r_[of[1:] != of[:-1], True] if len(of) else np.zeros(0, bool)
        own[~first, 0] = -1
        own[~last, 1] = -1
    return _Lines(parts, line[of], own)


def _ends_of(shapes: NDArray[Any]) -> Floats:
    """(2n, 2): where the lines start, then where they end."""
    import shapely

    places, of = shapely.get_coordinates(shapes, return_index=True)
    if not len(of):
        return np.zeros((0, 2))
    turns = of[1:] != of[:-1]
    return np.concatenate([places[np.r_[True, turns]], places[np.r_[turns, True]]])


def _nodes(work: _Lines, join_metres: float) -> tuple[Floats, Integers]:
    """Coordinates of the nodes (N, 2), and the node at which each line starts and ends (n, 2)."""
    places = _ends_of(work.shapes)
    code = work.names.T.reshape(-1).copy()
    unnamed = np.flatnonzero(code < 0)
    if len(unnamed) == len(code):
        code = _gathered(places, join_metres)
    elif len(unnamed):
        # An end without a name is at the node of whatever named end lies at the same place, else at one of its own.
        spot = _gathered(places, join_metres)
        named = np.full(spot.max() + 1, -1, np.int64)
        known = np.flatnonzero(code >= 0)[::-1]
        named[spot[known]] = code[known]
        own = code.max() + 1 + spot
        code[unnamed] = np.where(named[spot[unnamed]] >= 0, named[spot[unnamed]], own[unnamed])
    return _as_met(places, np.arange(len(code)).reshape(2, -1).T, code.reshape(2, -1).T)


def _as_met(places: Floats, ends: Integers, code: Integers | None = None) -> tuple[Floats, Integers]:
    """The nodes at which the links (n, 2) start and end, numbered as they are met, and those numbers.

    So the order of the links decides and nothing else. `places` are looked up by `ends`; ends of one `code` are one
    node, at the place of the first.
    """
    at = ends.reshape(-1)
    same = at if code is None else code.reshape(-1)
    first = np.full(int(same.max(initial=-1)) + 1, len(same))
    first[same[::-1]] = np.arange(len(same))[::-1]
    met = np.zeros(len(same) + 1, np.int64)
    met[first] = 1
    number = np.cumsum(met) - 1
    return places[at[np.flatnonzero(met[:-1])]], number[first[same]].reshape(-1, 2)


def _gathered(places: Floats, metres: float) -> Integers:
    """A number for each place, the same for those within so many metres of each other, also in a chain."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    if not len(places):
        return np.zeros(0, np.int64)
    grid = np.rint(places / SAME_PLACE_METRES).astype(np.int64)
    key = (grid[:, 0] << 32) ^ (grid[:, 1] & 0xFFFFFFFF)
    _, first, spot = np.unique(key, return_index=True, return_inverse=True)
    within = max(metres, SAME_PLACE_METRES)
    # A hair more, lest two places just so far apart be parted by the last digit.
    pairs = cKDTree(places[first]).query_pairs(within * (1 + 1e-6), output_type="ndarray")
    if not len(pairs):
        return np.asarray(spot, np.int64)
    graph = coo_array(
        (np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(first), len(first))
    )
    return connected_components(graph, directed=False)[1][spot].astype(np.int64)  # type: ignore[no-any-return]


def _dangling(ends: Integers, nodes: int) -> Integers:
    """The nodes at which one line ends and no more."""
    return np.flatnonzero(np.bincount(ends.reshape(-1), minlength=nodes) == 1)


def _cut(work: _Lines, nodes: Floats, ends: Integers, join_metres: float) -> tuple[_Lines, Floats, Integers]:
    """Cut each line where another one, which leads nowhere else, ends on it."""
    import shapely

    loose = _dangling(ends, len(nodes))
    if not len(loose):
        return work, nodes, ends
    points = shapely.points(nodes[loose])
    of, line = shapely.STRtree(work.shapes).query(points, predicate="dwithin", distance=join_metres)
    along = shapely.line_locate_point(work.shapes[line], points[of])
    length = shapely.length(work.shapes[line])
    inside = (along > join_metres) & (along < length - join_metres)
    of, line, along = of[inside], line[inside], along[inside]
    if not len(line):
        return work, nodes, ends
    by_line: dict[int, list[tuple[float, int]]] = {}
    for node, index, metres in zip(loose[of].tolist(), line.tolist(), along.tolist(), strict=True):
        by_line.setdefault(index, []).append((metres, node))
    shapes, lines, names, pieces_ends = [], [], [], []
    for index in sorted(by_line):
        stops = sorted(by_line[index])
        pieces = _pieces(
            work.shapes[index], [metres for metres, _ in stops], nodes[[node for _, node in stops]]
        )
        at = [int(ends[index, 0]), *(node for _, node in stops), int(ends[index, 1])]
        shapes += pieces
        lines += [int(work.line[index])] * len(pieces)
        pieces_ends += list(pairwise(at))
        names += [[-1, -1]] * len(pieces)
    whole = np.ones(len(work.shapes), bool)
    whole[list(by_line)] = False
    # The pieces stand where their line stood: lines are numbered in the order of their names.
    position = np.r_[
        np.flatnonzero(whole), np.repeat(sorted(by_line), [len(by_line[i]) + 1 for i in sorted(by_line)])
    ]
    order = np.argsort(position, kind="stable")
    made = np.empty(len(shapes), object)
    made[:] = shapes
    cut = _Lines(
        np.concatenate([work.shapes[whole], made])[order],
        np.concatenate([work.line[whole], np.array(lines, np.int64)])[order],
        np.concatenate([work.names[whole], np.array(names, np.int64)])[order],
        len(by_line),
    )
    return cut, nodes, np.concatenate([ends[whole], np.array(pieces_ends, np.int64)])[order]


def _pieces(shape: Any, stops: Sequence[float], at: Floats) -> list[Any]:
    """A line cut at distances from its start (ascending); each cut lies exactly at the place given for it."""
    import shapely

    coordinates = shapely.get_coordinates(shape)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(coordinates, axis=0).T))]
    pieces, before, begun = [], 0.0, coordinates[:1]
    for stop, place in zip([*stops, np.inf], [*at, None], strict=True):
        between = coordinates[(along > before) & (along < stop)]
        last = between[-1:] if place is None else place[None]
        inner = between[:-1] if place is None else between
        pieces.append(shapely.linestrings(np.concatenate([begun, inner, last])))
        before, begun = stop, last
    return pieces


def _same(work: _Lines, ends: Integers, metres: Floats, speeds: Mapping[str, Floats]) -> NDArray[np.bool_]:
    """(n,): whether all pieces of a line have the same shape (either way round) and speeds as earlier ones."""
    import shapely

    same = np.zeros(len(ends), bool)
    pair = np.sort(ends, axis=1)
    length = np.rint(metres / SAME_PLACE_METRES)
    order = np.lexsort((np.arange(len(ends)), length, pair[:, 1], pair[:, 0]))
    alike = (np.diff(pair[order], axis=0) == 0).all(axis=1) & (np.diff(length[order]) == 0)
    seen: set[tuple[bytes, bytes]] = set()
    for index in (
        order[np.flatnonzero(np.r_[alike, False] | np.r_[False, alike])].tolist() if len(order) else ()
    ):
        shape = work.shapes[index]
        backwards = shapely.reverse(shape)
        own = [(shapely.to_wkb(shape), False), (shapely.to_wkb(backwards), True)]
        rows = np.concatenate([speeds[mode][work.line[index]] for mode in MODES]).reshape(-1, 2)
        keys = {(wkb, (rows[:, ::-1] if turned else rows).tobytes()) for wkb, turned in own}
        same[index] = bool(keys & seen)
        seen |= keys
    # A line that is the same only in part stays whole.
    whole = np.ones(int(work.line.max(initial=-1)) + 1, bool)
    whole[work.line[~same]] = False
    return whole[work.line]


def _parts(
    ends: Integers, nodes: int, metres: Floats, may: NDArray[np.bool_]
) -> tuple[Integers, tuple[Part, ...]]:
    """The number of the part that each link is in, -1 where the mode may not go, and the parts; the longest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    part = np.full(len(ends), -1, np.int64)
    if not may.any():
        return part, ()
    start, end = ends[may].T
    graph = coo_array((np.ones(len(start), np.int8), (start, end)), shape=(nodes, nodes))
    label = connected_components(graph.tocsr(), directed=False)[1][start]
    # Whole millimetres: sums of them are the same in whatever order.
    length = np.bincount(label, weights=np.rint(metres[may] * 1000))
    links = np.bincount(label)
    first = np.full(len(length), len(label))
    np.minimum.at(first, label, np.arange(len(label)))
    order = np.lexsort((first, -length))
    order = order[links[order] > 0]
    number = np.full(len(length), -1, np.int64)
    number[order] = np.arange(len(order))
    part[may] = number[label]
    found = tuple(Part(i, int(links[o]), float(length[o]) / 1000) for i, o in enumerate(order.tolist()))
    return part, found


def _called(names: NDArray[Any], line: Integers) -> NDArray[Any]:
    """What each link is called: its line's id, numbered where the line makes several."""
    called = names.copy()
    if not len(line):
        return called
    begins = np.r_[True, line[1:] != line[:-1]]
    run = np.cumsum(begins) - 1
    several = np.bincount(run)[run] > 1
    nth = np.arange(len(line)) - np.flatnonzero(begins)[run] + 1
    for index in np.flatnonzero(several).tolist():
        called[index] = f"{names[index]}/{nth[index]}"
    if len(set(called.tolist())) != len(called):
        raise ValueError("an id ends in a slash and a number that another line's pieces are called by")
    return called


def _near_misses(network: Network) -> Floats:
    """(K, 2): the nodes where one link ends that come within `NEAR_MISS_METRES` of a link that does not meet it."""
    import shapely

    ends = np.column_stack([network.start, network.end])
    loose = _dangling(ends, len(network.nodes))
    if not len(loose):
        return np.zeros((0, 2))
    points = shapely.points(network.nodes[loose])
    tree = shapely.STRtree(points)
    line, of = tree.query(network.lines, predicate="dwithin", distance=NEAR_MISS_METRES)
    other = (ends[line] != loose[of][:, None]).all(axis=1)
    # Its own road, one link further on, may well come by.
    own = np.full((len(network.nodes), 2), -1, np.int64)
    own[network.start], own[network.end] = ends, ends
    beyond = own[loose[of]]
    joined = (ends[line][:, :, None] == beyond[:, None, :]).any(axis=(1, 2))
    found = np.unique(of[other & ~joined])
    return np.asarray(network.nodes[loose[found]], float)


def _far_nodes(network: Network) -> int:
    """How many ends of links lie away from the node that they are said to be at."""
    places = _ends_of(network.lines)
    at = network.nodes[np.concatenate([network.start, network.end])]
    return int((np.hypot(*(places - at).T) > NEAR_MISS_METRES).sum())
