"""Putting places on the network: which link, how far along it, how far off it, and how long it takes to get to it.

Here belongs the way from a place's coordinates to the road, and what is doubtful about it: too far, the wrong side of
a river, a road that leads nowhere else. The ways along the roads are `routing`.

The nearest point of the network is exact. Every line is cut into pieces of at most `PIECE_METRES`, and a KD-tree
holds their midpoints: a piece at distance d from a place has its midpoint within d + PIECE_METRES / 2 of it. So once
the best piece found is no farther than the next midpoint less PIECE_METRES / 2, no other can be nearer; until then
more midpoints are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from pipelines.travel.network import Floats, Integers, Network
from pipelines.travel.speeds import WALK_KMH

PIECE_METRES = 25.0
FAR_METRES = 500.0
REACH_METRES = 3_000.0
SMALL_PART_METRES = 1_000.0
GAP_METRES = 50.0

MIDPOINTS = 6  # asked for at first; what is not settled by them asks for four times as many, and again
CANDIDATES = 1_000_000  # looked at in one go: bounds the memory to some 100 MB
ALIKE_METRES = 1e-6  # distances nearer than this are the same, and the lower link is taken
END_METRES = 0.001  # what is this near to the end of a link is at its end

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Snapped:
    """n places on the network, in the order in which they were given."""

    link: Integers
    """(n,): the link, or -1 where none is within reach."""
    fraction: Floats
    """(n,): how far along the link from its start, 0 to 1; 0 on a link of no length, and where there is no link."""
    offset_metres: Floats
    """(n,): the straight line from place to link; also where that is out of reach. `inf` if the mode may go nowhere."""
    access_seconds: Floats
    """(n,): that line on foot; `inf` where there is no link."""
    point: Floats
    """(n, 2): where it meets the link, EPSG:27700; the place itself where there is no link."""
    across_barrier: Flags
    """(n,): whether the line crosses a barrier, since no link was found on the place's own side."""
    far: Flags
    """(n,): whether it is longer than `far_metres`. Everything without a link is far."""
    moved_for_barrier: Flags
    """(n,): whether another link was nearer, across a barrier."""
    moved_to_larger_part: Flags
    """(n,): whether another link was nearer, in a small part of the network that leads nowhere else."""

    def __len__(self) -> int:
        return len(self.link)

    def take(self, rows: ArrayLike) -> Snapped:
        """Those places alone: numbers of rows, or a true or false for each."""
        return Snapped(*(getattr(self, field.name)[rows] for field in fields(self)))

    def account(self) -> dict[str, int]:
        """How many places there are, on a link and not, and how many of them are doubtful in which way.

        `read` = `on_link` + `out_of_reach`; the others are among these.
        """
        return {
            "read": len(self.link),
            "on_link": int((self.link >= 0).sum()),
            "out_of_reach": int((self.link < 0).sum()),
            "far": int(self.far.sum()),
            "across_barrier": int(self.across_barrier.sum()),
            "moved_for_barrier": int(self.moved_for_barrier.sum()),
            "moved_to_larger_part": int(self.moved_to_larger_part.sum()),
        }


class Pieces:
    """The links that one mode may use, cut into straight pieces, and a KD-tree of their midpoints.

    Made by `snap` each time; make it once where many lots of places are snapped to one network.
    """

    def __init__(self, network: Network, mode: str, only: Flags | None = None) -> None:
        """Of those links of the network that `mode` may use in a direction, or of `only` (M,) among them."""
        usable = np.isfinite(network.seconds[mode]).any(axis=1)
        links = np.flatnonzero(usable if only is None else usable & only)
        at, of = shapely.get_coordinates(network.lines[links], return_index=True)
        first = np.flatnonzero(of[1:] == of[:-1])  # where a straight stretch begins; it ends at the next row
        stretch = at[first + 1] - at[first]
        length = np.hypot(stretch[:, 0], stretch[:, 1])
        of = of[first]
        total = np.bincount(of, length, minlength=len(links))
        # A stretch of no length is left out, unless the whole link is one.
        kept = (length > 0) | ((total[of] == 0) & np.r_[True, of[1:] != of[:-1]])
        start, stretch, length, of = at[first][kept], stretch[kept], length[kept], of[kept]
        along = np.cumsum(length) - length  # from the start of the first line, all lines end to end,
        along -= along[np.searchsorted(of, np.arange(len(links)))][of]  # and from the start of its own

        count = np.maximum(np.ceil(length / PIECE_METRES), 1).astype(np.int64)
        whole = np.repeat(np.arange(len(count)), count)
        place = np.arange(len(whole)) - np.repeat(np.cumsum(count) - count, count)
        self.length = (length / count)[whole]
        self.vector = (stretch / count[:, None])[whole]
        self.start = start[whole] + place[:, None] * self.vector
        self.along = along[whole] + place * self.length
        self.link = links[of[whole]]
        self.total = total[of[whole]]
        square = self.length**2
        self.per_square = np.where(square > 0, 1 / np.where(square > 0, square, 1), 0.0)
        self.half = float(self.length.max(initial=0.0)) / 2
        self.tree = cKDTree(self.start + self.vector / 2, balanced_tree=False) if len(self.link) else None


@dataclass
class _Found:
    """Of each place the nearest piece (-1 for none), how far along it, and the distance (metres; `inf` for none)."""

    piece: Integers
    along: Floats
    metres: Floats

    @classmethod
    def nothing(cls, size: int) -> _Found:
        return cls(np.full(size, -1), np.zeros(size), np.full(size, np.inf))

    def put(self, rows: Any, other: _Found) -> None:
        for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True):
            mine[rows] = theirs


def snap(
    points: ArrayLike,
    network: Network,
    mode: str,
    *,
    barriers: Sequence[Any] | NDArray[Any] | None = None,
    walk_kmh: float = WALK_KMH,
    far_metres: float = FAR_METRES,
    reach_metres: float = REACH_METRES,
    small_part_metres: float = SMALL_PART_METRES,
    gap_metres: float = GAP_METRES,
    pieces: Pieces | None = None,
) -> Snapped:
    """Put each of n points (n, 2), easting and northing in EPSG:27700, on the nearest link that `mode` may use.

    The way from the place to the link is walked in a straight line at `walk_kmh`, by whoever cycles or drives as
    well: they walk to the bicycle or the car. Of links equally near, the first of the network is taken.

    Far: beyond `far_metres` a place is still put on its link, and flagged; beyond `reach_metres` it is on none.

    Barriers are lines that nobody walks across, such as rivers (shapely, EPSG:27700). Where the straight line to the
    link meets one, the nearest link to which it meets none is taken instead, if there is such within `far_metres` of
    the place; if not, the place stays where it was and is flagged.

    Small parts: where the link is in a part of the network with less than `small_part_metres` of road in all, and a
    link of a larger part is at most `gap_metres` farther off, that is taken: the small part is a gap in the data,
    such as a service road drawn apart. What is farther from everything else is an island, and stays one.

    Raises KeyError for a mode that the network does not have, ValueError when a point has no coordinates.
    """
    at = np.ascontiguousarray(points, dtype=float).reshape(-1, 2)
    if missing := int((~np.isfinite(at)).any(axis=1).sum()):
        raise ValueError(
            f"{missing} of {len(at)} points to snap have no coordinates; leave them out, and account for them"
        )
    pieces = pieces or Pieces(network, mode)
    lines = _Barriers(barriers)

    found, across, moved = _on_own_side(at, pieces, lines, far_metres)
    link, fraction, point = _place(found, pieces, at)
    metres = found.metres
    larger, small = _in_small_part(network, mode, small_part_metres)
    joined = np.zeros(len(at), bool)
    if small.any():
        lost = np.flatnonzero((found.piece >= 0) & small[pieces.link[found.piece]])
        other_pieces = Pieces(network, mode, only=larger)
        other, other_across, other_moved = _on_own_side(at[lost], other_pieces, lines, far_metres)
        taken = (other.metres <= found.metres[lost] + gap_metres) & (other_across <= across[lost])
        rows = lost[taken]
        across[rows], moved[rows], joined[rows] = other_across[taken], other_moved[taken], True
        there = _rows(other, taken)
        link[rows], fraction[rows], point[rows] = _place(there, other_pieces, at[rows])
        metres[rows] = there.metres

    out = ~(metres <= reach_metres)
    link[out], fraction[out], point[out] = -1, 0.0, at[out]
    across[out] = moved[out] = joined[out] = False
    return Snapped(
        link=link,
        fraction=fraction,
        offset_metres=metres,
        access_seconds=np.where(out, np.inf, metres / (walk_kmh / 3.6)),
        point=point,
        across_barrier=across,
        far=out | (metres > far_metres),
        moved_for_barrier=moved,
        moved_to_larger_part=joined,
    )


def _in_small_part(network: Network, mode: str, small_part_metres: float) -> tuple[Flags, Flags]:
    """Of each link, whether it is in a part that is not small, and whether in one that is; the longest never is."""
    part = network.part[mode]
    usable = part >= 0
    length = np.bincount(part[usable], network.metres[usable], minlength=1)
    is_small = length < small_part_metres
    is_small[0] = False
    small = usable & is_small[part]
    return usable & ~small, small


def _place(found: _Found, pieces: Pieces, at: Floats) -> tuple[Integers, Floats, Floats]:
    """Link, fraction and point of what was found; -1, 0 and the place itself where nothing was."""
    some = found.piece >= 0
    piece = found.piece[some]
    total = pieces.total[piece]
    metres = pieces.along[piece] + found.along[some] * pieces.length[piece]
    metres = np.where(metres < END_METRES, 0.0, np.where(metres > total - END_METRES, total, metres))
    link, fraction, point = np.full(len(at), -1), np.zeros(len(at)), at.copy()
    link[some] = pieces.link[piece]
    fraction[some] = np.where(total > 0, metres / np.where(total > 0, total, 1), 0.0)
    point[some] = pieces.start[piece] + found.along[some, None] * pieces.vector[piece]
    return link, fraction, point


def _nearest(at: Floats, pieces: Pieces) -> _Found:
    """The nearest piece of each place, exactly; of those equally near the first, which is of the lowest link."""
    best = _Found.nothing(len(at))
    if pieces.tree is None:
        return best
    todo, asked = np.arange(len(at)), min(MIDPOINTS, len(pieces.link))
    while len(todo):
        left = []
        for lot in _lots(todo, asked):
            to_midpoint, piece = pieces.tree.query(at[lot], k=np.arange(1, asked + 1))
            along, square = _project(at[lot][:, None, :], pieces, piece)
            metres = np.sqrt(square.min(axis=1))
            alike = np.sqrt(square) <= metres[:, None] + ALIKE_METRES
            # Pieces are numbered by link and along it, so the lowest piece is of the lowest link.
            column = np.where(alike, piece, len(pieces.link)).argmin(axis=1)
            row = np.arange(len(lot))
            found = _Found(piece[row, column], along[row, column], np.sqrt(square[row, column]))
            settled = metres + ALIKE_METRES <= to_midpoint[:, -1] - pieces.half
            settled |= asked == len(pieces.link)
            best.put(lot[settled], _rows(found, settled))
            left.append(lot[~settled])
        todo, asked = np.concatenate(left), min(4 * asked, len(pieces.link))
    return best


def _lots(rows: Integers, asked: int) -> list[Integers]:
    """The rows in lots, so that each lot with so many candidates a row has at most `CANDIDATES`."""
    return np.array_split(rows, range(step := max(CANDIDATES // asked, 1), len(rows), step))


def _project(at: Floats, pieces: Pieces, piece: Integers) -> tuple[Floats, Floats]:
    """How far along each piece (0 to 1) its nearest point to the place is, and the square of their distance."""
    dx = at[..., 0] - pieces.start[piece, 0]
    dy = at[..., 1] - pieces.start[piece, 1]
    vx, vy = pieces.vector[piece, 0], pieces.vector[piece, 1]
    along = np.clip((dx * vx + dy * vy) * pieces.per_square[piece], 0, 1)
    return along, (dx - along * vx) ** 2 + (dy - along * vy) ** 2


class _Barriers:
    """Lines that nobody walks across."""

    def __init__(self, lines: Sequence[Any] | NDArray[Any] | None) -> None:
        given = np.empty(0, object) if lines is None else np.asarray(lines, dtype=object).ravel()
        parts = shapely.get_parts(given[~shapely.is_missing(given)])
        self.tree = shapely.STRtree(parts) if len(parts) else None

    def met(self, start: Floats, end: Floats) -> Flags:
        """(n,): whether the straight line from each start to its end (n, 2) meets a barrier."""
        met = np.zeros(len(start), bool)
        if self.tree is not None and len(start):
            ways = shapely.linestrings(np.stack([start, end], axis=1))
            met[np.unique(self.tree.query(ways, predicate="intersects")[0])] = True
        return met


def _on_own_side(
    at: Floats, pieces: Pieces, barriers: _Barriers, within_metres: float
) -> tuple[_Found, Flags, Flags]:
    """The nearest piece of each place that no barrier parts it from; the nearest, if within so many metres none is.

    Also whether a barrier is met on the way, and whether another piece was nearer, across one.
    """
    found = _nearest(at, pieces)
    across, moved = np.zeros(len(at), bool), np.zeros(len(at), bool)
    if barriers.tree is None or pieces.tree is None:
        return found, across, moved
    some = np.flatnonzero(found.piece >= 0)
    across[some] = barriers.met(at[some], _place(_rows(found, some), pieces, at[some])[2])

    # The next candidates in order of distance: midpoints are asked for until the best clear piece is certain.
    todo, asked = np.flatnonzero(across), min(4 * MIDPOINTS, len(pieces.link))
    while len(todo):
        left = []
        for lot in _lots(todo, asked):
            to_midpoint, piece = pieces.tree.query(at[lot], k=np.arange(1, asked + 1))
            along, square = _project(at[lot][:, None, :], pieces, piece)
            metres = np.sqrt(square)
            row, column = np.nonzero(metres <= within_metres)
            best = _Found(piece[row, column], along[row, column], metres[row, column])
            clear = ~barriers.met(at[lot[row]], _place(best, pieces, at[lot[row]])[2])
            row, best = row[clear], _rows(best, clear)
            order = np.lexsort((best.piece, np.round(best.metres / ALIKE_METRES), row))
            order = order[np.r_[True, row[order][1:] != row[order][:-1]][: len(order)]]
            row, best = row[order], _rows(best, order)

            seen = to_midpoint[:, -1] - pieces.half  # every piece nearer than this has been looked at
            settled = (seen > within_metres) | (asked == len(pieces.link))
            settled[row] |= best.metres + ALIKE_METRES <= seen[row]
            rows, best = lot[row[settled[row]]], _rows(best, settled[row])
            found.put(rows, best)
            across[rows], moved[rows] = False, True
            left.append(lot[~settled])
        todo, asked = np.concatenate(left), min(4 * asked, len(pieces.link))
    return found, across, moved


def _rows(found: _Found, rows: Any) -> _Found:
    return _Found(*(values[rows] for values in vars(found).values()))
