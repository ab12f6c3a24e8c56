"""Ground that belongs to a site, or to a band of travel time: polygons drawn from the roads that were reached.

Here belongs the way from stretches of road with an owner (a site, a band) to polygons that share their edges. Which
stretches a site reaches is `routing.reached`.

Each point of the ground belongs to the owner of the nearest road, as far as `GROUND_METRES` from it. The lines
between owners are those of a Voronoi diagram of points along the roads, so they meet the roads where the owner
changes. Ground that is nearest to a road which nobody reaches, and ground with no road near, belongs to nobody: these
are gaps and holes in the polygons. All lines are cut at each other first and the pieces of ground between them dealt
out whole, so neighbours share every vertex of their edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

from pipelines.travel.network import Floats, Integers, Network
from pipelines.travel.routing import Reached

GROUND_METRES = 250.0
SPACING_METRES = 25.0  # between the points along a road
BORDER_METRES = 1.0  # from the last point of a stretch to its end, and so to the line between two owners
LEAST_METRES = 0.1  # shorter stretches are not drawn
GRID_METRES = 0.01  # on which the lines' vertices lie
ARC = 8  # straight pieces to a quarter of the circle around a road's end


@dataclass(frozen=True)
class Catchments:
    """K owners of ground and the ground that is theirs, in the order of owner."""

    owner: Integers
    """(K,): as given for the stretches: rows of sites, or numbers of bands; those that have any ground."""
    polygon: NDArray[Any]
    """(K,): shapely Polygon or MultiPolygon, EPSG:27700; none overlaps another, neighbours share their edges."""


def catchments(
    network: Network,
    reached: Reached,
    owner: Integers | None = None,
    *,
    within: Any = None,
    ground_metres: float = GROUND_METRES,
    spacing_metres: float = SPACING_METRES,
) -> Catchments:
    """The ground of each owner (R,) of the R stretches; -1 is nobody. Without `owner`, that of each site.

    `within` is the polygon (EPSG:27700) beyond which nothing is drawn, such as that of the authority. Ground is drawn
    as far as `ground_metres` from a road that has an owner. Where roads of two owners run side by side, less than
    `spacing_metres` apart, the line between them is as rough as that.
    """
    owners = np.asarray(reached.site if owner is None else owner, np.int64)
    stretches, owners = _joined(reached, owners)
    lines, points, of_point = _points(network, stretches, owners, spacing_metres)
    nobody = Catchments(np.empty(0, np.int64), np.empty(0, object))
    if not len(lines):
        return nobody
    region = shapely.union_all(shapely.buffer(lines, ground_metres, quad_segs=ARC))
    if within is not None:
        region = shapely.intersection(region, within)
    region = shapely.set_precision(region, GRID_METRES)
    if shapely.is_empty(region):
        return nobody

    borders = _borders(points, of_point, ground_metres)
    drawn = shapely.union_all(
        [shapely.multilinestrings(borders), shapely.boundary(region)], grid_size=GRID_METRES
    )
    ground = shapely.get_parts(shapely.polygonize(shapely.get_parts(drawn)))
    inside = shapely.point_on_surface(ground)
    shapely.prepare(region)
    is_ours = shapely.contains(region, inside)
    ground, inside = ground[is_ours], inside[is_ours]
    its = of_point[cKDTree(points).query(shapely.get_coordinates(inside))[1]]
    some = np.unique(its[its >= 0])
    polygons = np.array([shapely.coverage_union_all(ground[its == one]) for one in some] + [None], object)
    return Catchments(some, shapely.normalize(polygons[:-1]))


def in_bands(reached: Reached, bounds_seconds: Sequence[float]) -> tuple[Reached, Integers]:
    """The stretches cut where their time passes one of the ascending bounds, and the band of each: 0 up to the first
    bound, ...

    The band is -1 beyond the last bound, and where nothing is reached. Bounds of 300, 600 and 900 seconds make the
    bands 0 to 5, 5 to 10 and 10 to 15 minutes, numbered 0, 1, 2. Raises ValueError when they do not ascend from above
    0.
    """
    bounds = np.asarray(bounds_seconds, float)
    if not len(bounds) or bounds[0] <= 0 or (np.diff(bounds) <= 0).any():
        raise ValueError(f"bounds of time must ascend from above 0 seconds; these are {list(bounds_seconds)}")
    first, last = reached.from_seconds, reached.to_seconds
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (bounds[:, None] - first) / (last - first)
    which, row = np.nonzero((share > 0) & (share < 1))
    width = reached.to_fraction - reached.from_fraction
    size = np.arange(len(first))
    rows = np.concatenate([size, row, size])
    at = np.concatenate([np.zeros(len(size)), share[which, row], np.ones(len(size))])
    order = np.lexsort((at, rows))
    rows, at = rows[order], at[order]
    left = np.flatnonzero((rows[1:] == rows[:-1]) & (at[1:] > at[:-1]))
    rows, left_at, right_at = rows[left], at[left], at[left + 1]
    with np.errstate(invalid="ignore"):
        rise = np.where(np.isfinite(first), last - first, 0)[rows]
    from_seconds, to_seconds = first[rows] + left_at * rise, first[rows] + right_at * rise
    begins, whole = reached.from_fraction[rows], width[rows]
    cut = Reached(
        link=reached.link[rows],
        from_fraction=begins + left_at * whole,
        to_fraction=np.where(right_at < 1, begins + right_at * whole, reached.to_fraction[rows]),
        site=reached.site[rows],
        from_seconds=from_seconds,
        to_seconds=to_seconds,
    )
    band = np.searchsorted(bounds, (from_seconds + to_seconds) / 2, side="left")
    return cut, np.where(band < len(bounds), band, -1)


def simplified(ground: Catchments, tolerance_metres: float) -> Catchments:
    """With fewer vertices, for maps: neighbours still share their edges (`shapely.coverage_simplify`)."""
    return replace(ground, polygon=shapely.coverage_simplify(ground.polygon, tolerance_metres))


def _joined(reached: Reached, owner: Integers) -> tuple[Reached, Integers]:
    """Stretches that follow each other on a link and have one owner, as one."""
    follows = (
        (reached.link[1:] == reached.link[:-1])
        & (owner[1:] == owner[:-1])
        & (reached.from_fraction[1:] == reached.to_fraction[:-1])
    )
    first = np.flatnonzero(np.r_[True, ~follows][: len(owner)])
    last = np.r_[first[1:] - 1, len(owner) - 1][: len(first)]
    joined = Reached(
        link=reached.link[first],
        from_fraction=reached.from_fraction[first],
        to_fraction=reached.to_fraction[last],
        site=reached.site[first],
        from_seconds=reached.from_seconds[first],
        to_seconds=reached.to_seconds[last],
    )
    return joined, owner[first]


def _points(
    network: Network, stretches: Reached, owner: Integers, spacing_metres: float
) -> tuple[NDArray[Any], Floats, Integers]:
    """The links of which any stretch has an owner; and points along all stretches (P, 2), with their owners (P,)."""
    metres = shapely.length(network.lines[stretches.link])
    begins, ends = stretches.from_fraction * metres, stretches.to_fraction * metres
    drawn = np.flatnonzero(ends - begins >= LEAST_METRES)
    begins, ends, owner, link = begins[drawn], ends[drawn], owner[drawn], stretches.link[drawn]

    margin = np.minimum(BORDER_METRES, (ends - begins) / 4)
    inner = ends - begins - 2 * margin
    steps = np.ceil(inner / spacing_metres).astype(np.int64)
    row = np.repeat(np.arange(len(link)), steps + 1)
    step = np.arange(len(row)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    along = begins[row] + margin[row] + step * (inner / steps)[row]
    at = shapely.get_coordinates(shapely.line_interpolate_point(network.lines[link[row]], along)).round(3)
    # Where roads lie on each other, one point of the two: an owner's before nobody's, the lower owner's before the
    # higher's.
    order = np.lexsort((owner[row], owner[row] < 0, at[:, 1], at[:, 0]))
    at, of_point = at[order], owner[row][order]
    fresh = np.r_[True, (at[1:] != at[:-1]).any(axis=1)][: len(at)]

    # Whole links, even where a part is somebody's: ground by the other part is nearest to points of nobody.
    return network.lines[np.unique(link[owner >= 0])], at[fresh], of_point[fresh]


def _borders(points: Floats, owner: Integers, ground_metres: float) -> NDArray[Any]:
    """The lines of the Voronoi diagram of the points between those of different owners."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, reach = (low + high) / 2, (high - low).max() + 10 * ground_metres
    # Points far around, so that no line between the others goes on for ever.
    around = reach * np.array([(x, y) for x in (-2, 0, 2) for y in (-2, 0, 2) if x or y], float)
    diagram = Voronoi(np.vstack([points - middle, around]))  # near the origin, where floats are finer
    sides = np.append(owner, np.full(len(around), -1))[diagram.ridge_points]
    ridges = np.array(diagram.ridge_vertices, np.int64).reshape(-1, 2)
    ridges = ridges[(sides[:, 0] != sides[:, 1]) & (ridges >= 0).all(axis=1)]
    return np.asarray(shapely.linestrings(diagram.vertices[ridges] + middle), object)
