"""The ways of OpenStreetMap cut where they meet, so that each piece runs from one junction to the next.

Here belongs the cutting alone. Which ways there are, and their tags, comes from the reader of files; how fast they are
travelled is `speeds`, joining the pieces `topology`.

Two ways meet where they share a node of OpenStreetMap. The reader gives places, not nodes: two nodes at the very same
place, to the millimetre, count as one. Bridges share no node with what they cross, and so are not joined to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.travel.network import Integers

PLACES_PER_METRE = 1000


def cut(lines: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
    """Cut lines at every place that another line, or the same line again, goes through.

    `lines` (M,) are shapely LineStrings in metres; returns the pieces (P,), in the order of the lines and along each,
    and the index (P,) of the line that each is a piece of. A line that only repeats one place makes one piece of no
    length.
    """
    import shapely

    if not len(lines):
        return np.zeros(0, object), np.zeros(0, np.int64)
    flat = shapely.force_2d(lines)
    places, of = shapely.get_coordinates(flat, return_index=True)
    grid = np.rint(places * PLACES_PER_METRE).astype(np.int64)
    key = (grid[:, 0] << 32) ^ (grid[:, 1] & 0xFFFFFFFF)
    first, last = _outer(of)
    # A place given twice running is one stop; but a line of no length still has two.
    stops = first | np.r_[False, key[1:] != key[:-1]]
    stops[last] |= np.bincount(of[stops])[of[last]] == 1
    places, of, key = places[stops], of[stops], key[stops]
    first, last = _outer(of)
    _, number, count = np.unique(key, return_inverse=True, return_counts=True)
    junction = ~first & ~last & (count[number] > 1)
    # Each junction inside a line ends one piece and begins the next.
    stop = np.repeat(np.arange(len(of)), np.where(junction, 2, 1))
    begins = first[stop] | np.r_[False, stop[1:] == stop[:-1]]
    pieces = shapely.linestrings(places[stop], indices=np.cumsum(begins) - 1)
    return pieces, of[stop][begins].astype(np.int64)


def _outer(of: Integers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which stops are the first, and which the last, of their line."""
    turns = of[1:] != of[:-1]
    return np.r_[True, turns], np.r_[turns, True]
