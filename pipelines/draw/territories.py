"""Ground that belongs to sites, and to bands of time, made ready for a web map: simplified, coloured, written small.

Here: geometry and colours of `published.catchment`. Not here: what a page says of them. Input is EPSG:27700 (metres),
output longitude and latitude.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pipelines.draw.areas import DECIMALS, simplify_coverage, to_longitude_latitude

# Paul Tol's light scheme (Colour Schemes, SRON/EPS/TN/09-002): pale enough for black names, and told apart by
# colour-blind eyes. In the order in which they are handed out.
PALETTE = ("#77aadd", "#eedd88", "#ee8866", "#44bb99", "#ffaabb", "#bbcc33", "#99ddff", "#dddddd")
BESIDE_METRES = (
    400.0  # so near to each other, two patches look like neighbours: ground without roads lies between
)

Rings = list[list[list[int]]]


def drawn_small(polygons: Sequence[Any] | NDArray[Any], tolerance_metres: float) -> list[Rings]:
    """Polygons that share their edges, with fewer vertices, as whole numbers that JSON writes in few characters.

    For each polygon its parts, of each part its rings, of each ring x, y, x, y, ... in 1/100,000 of a degree of
    longitude and latitude: the first point in full, each further one as the difference from the one before.
    """
    if not len(polygons):
        return []
    simplified = simplify_coverage(polygons, tolerance_metres)
    degrees = shapely.transform(simplified, to_longitude_latitude)
    return [
        [[_ring(ring) for ring in (part.exterior, *part.interiors)] for part in shapely.get_parts(polygon)]
        for polygon in degrees
    ]


def _ring(ring: Any) -> list[int]:
    whole = np.rint(shapely.get_coordinates(ring)[:-1] * 10**DECIMALS).astype(np.int64)
    steps = np.diff(whole, axis=0)
    steps = steps[(steps != 0).any(axis=1)]
    return [int(one) for one in np.concatenate([whole[:1], steps]).ravel()]


def beside(polygons: Sequence[Any] | NDArray[Any]) -> set[tuple[int, int]]:
    """Pairs of rows (lower first) of polygons that touch or nearly do."""
    shapes = np.asarray(polygons, dtype=object)
    if not len(shapes):
        return set()
    one, other = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=BESIDE_METRES)
    return {(i, j) for i, j in zip(one.tolist(), other.tolist(), strict=True) if i < j}


def colours_apart(count: int, pairs: set[tuple[int, int]]) -> list[str]:
    """A colour for each of `count` patches, two of a pair never the same while `PALETTE` lasts.

    Greedy, the patch with most different colours around it first (D. Brelaz, New methods to color the vertices of a
    graph, Communications of the ACM 22, 1979). So few patches are near to each other on a map that eight colours
    are enough; where they are not, the rest may have a neighbour's.
    """
    around: list[set[int]] = [set() for _ in range(count)]
    for one, other in pairs:
        around[one].add(other)
        around[other].add(one)
    given: dict[int, int] = {}
    while len(given) < count:

        def urgency(patch: int) -> tuple[int, int, int]:
            seen = {given[other] for other in around[patch] if other in given}
            return (len(seen), len(around[patch]), -patch)

        patch = max((one for one in range(count) if one not in given), key=urgency)
        seen = {given[other] for other in around[patch] if other in given}
        given[patch] = next(
            (colour for colour in range(len(PALETTE)) if colour not in seen), patch % len(PALETTE)
        )
    return [PALETTE[given[patch]] for patch in range(count)]
