"""Statistical areas of the invented borough: output areas and what they nest in, as one gap-free coverage.

Belongs here: drawing the areas, their codes and names, which nests in which, and the best fit to wards.
Does not belong here: population counts (`people.py`), file layouts (`open_data.py`).

Each neighbourhood is one LSOA of three OAs. Points (front doors, both sides of the roads and waters that
bound a neighbourhood, scattered fields) are labelled with their OA; the edges of their Voronoi diagram that
part two labels are the boundaries. They are smoothed as shared lines, bent to EPSG:27700, and only then
closed into polygons, so that neighbours keep one and the same edge.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np
from scipy.spatial import Voronoi, cKDTree
from shapely import STRtree, contains_xy, coverage_union_all, normalize
from shapely.geometry import LineString, MultiLineString, Point, Polygon
from shapely.ops import linemerge, polygonize

from data.borough.addresses import Places, Property
from data.borough.ground import XY, Ground, bend, coast_at, inside_borough, river_at

LAD = ("E06999001", "Quillhaven")
WARD_NAMES = (
    "Kettle Hill", "Lanternfield", "Otterby Quay", "Moonrake & Puddlemere", "Pomander & Teaselby", "Windlass",
    "Nether Gossamer", "Clockmakers Reach",
)  # fmt: skip
OUTSIDE = -1


@dataclass
class OutputArea:
    """One OA with everything it belongs to. `shape` in EPSG:27700."""

    code: str
    shape: Polygon
    neighbourhood: int
    north: bool
    lsoa: str = ""
    lsoa_name: str = ""
    msoa: str = ""
    msoa_name: str = ""
    ward: str = ""
    ward_name: str = ""


@dataclass
class Areas:
    """All areas. `shapes[kind][code]` is a polygon in EPSG:27700; kinds oa, lsoa, msoa, ward, lad."""

    output_areas: list[OutputArea]
    shapes: dict[str, dict[str, Polygon]] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    straddling: list[str] = field(default_factory=list)


def divide(dice: Random, ground: Ground, places: Places) -> Areas:
    """Draw the areas and write to each property the OA it lies in (by position, as the ONS directory does).

    Raises ValueError when the drawing does not come out as one piece an area.
    """
    cutter = _Cutter(dice, ground, places)
    shapes = _coverage(dice, ground, places, cutter)
    neighbourhoods = {label: label // 3 for label in shapes}
    msoas = _group(ground, shapes, ([5, 5, 5, 5, 6, 6], [4, 4]), turn=0.35)
    wards = _group(ground, shapes, ([5, 6, 5, 5, 6, 5], [5, 3]), turn=1.25)
    areas = _name(ground, shapes, neighbourhoods, msoas, wards)
    _straddle(areas)
    _merge(areas)
    _locate(areas, places)
    return areas


class _Cutter:
    """Cuts each neighbourhood into three OAs of like numbers of homes by two straight lines (plan space)."""

    def __init__(self, dice: Random, ground: Ground, places: Places) -> None:
        homes: dict[int, list[XY]] = defaultdict(list)
        for p in places.properties:
            if p.is_live_home:
                homes[p.neighbourhood].append((p.x, p.y))
        self.rules: dict[int, tuple[XY, float, XY, float]] = {}
        for place in ground.neighbourhoods:
            spots = homes[place.number]
            angle = place.axis + (0.5 if place.style == "village" else 0.12)
            u, v = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
            along = sorted(x * u[0] + y * u[1] for x, y in spots)
            first = self._gap(along, len(along) * dice.uniform(0.328, 0.38))
            rest = sorted(x * v[0] + y * v[1] for x, y in spots if x * u[0] + y * u[1] >= first)
            self.rules[place.number] = (u, first, v, self._gap(rest, len(rest) * dice.uniform(0.47, 0.53)))

    @staticmethod
    def _gap(values: list[float], wanted: float) -> float:
        """A cut between two different values, as near as can be to `wanted` values below it."""
        cuts = [i for i in range(1, len(values)) if values[i] - values[i - 1] > 0.01]
        best = min(cuts, key=lambda i: (abs(i - wanted), i))
        return (values[best - 1] + values[best]) / 2

    def label(self, neighbourhood: int, x: float, y: float) -> int:
        """OA label of a plan point: three times the neighbourhood, plus 0, 1 or 2."""
        u, first, v, second = self.rules[neighbourhood]
        if x * u[0] + y * u[1] < first:
            return neighbourhood * 3
        return neighbourhood * 3 + (1 if x * v[0] + y * v[1] < second else 2)


def _labelled_points(
    dice: Random, ground: Ground, places: Places, cutter: _Cutter
) -> tuple[list[XY], list[int]]:
    points: list[XY] = []
    labels: list[int] = []
    taken: set[tuple[int, int]] = set()

    def add(x: float, y: float, grain: float, neighbourhood: int | None = None) -> None:
        key = (math.floor(x / grain), math.floor(y / grain))
        if (round(x * 10), round(y * 10)) in taken or key in taken:
            return
        taken.update([(round(x * 10), round(y * 10)), key])
        if not inside_borough(x, y):
            label = OUTSIDE
        else:
            where = ground.neighbourhood_at(x, y) if neighbourhood is None else neighbourhood
            label = cutter.label(where, x, y) if where >= 0 else OUTSIDE
        points.append((x, y))
        labels.append(label)

    doors: set[XY] = set()
    for p in places.properties:
        if (p.x, p.y) not in doors and p.status == 1:
            doors.add((p.x, p.y))
            points.append((p.x, p.y))
            labels.append(cutter.label(p.neighbourhood, p.x, p.y))
    seen = {(math.floor(x / 6), math.floor(y / 6)) for x, y in doors}

    def pair(x: float, y: float, nx: float, ny: float, gap: float) -> None:
        # Two points mirrored in a line make the line itself a boundary.
        for s in (gap, -gap):
            px, py = round(x + nx * s, 2), round(y + ny * s, 2)
            if (math.floor(px / 6), math.floor(py / 6)) not in seen:
                add(px, py, 0.5)

    for street in ground.streets:
        if street.kind != "road":
            continue
        line = street.line
        at = 6.0
        while at < line.length - 4:
            a, b = line.interpolate(at - 1), line.interpolate(at + 1)
            size = math.hypot(b.x - a.x, b.y - a.y) or 1.0
            pair((a.x + b.x) / 2, (a.y + b.y) / 2, -(b.y - a.y) / size, (b.x - a.x) / size, 4.0)
            at += 13.0
    for i in range(440):
        x = -2450 + i * 13.0
        pair(x, river_at(x), 0.0, 1.0, 6.0)
    for i in range(420):
        y = -2900 + i * 14.0
        pair(coast_at(y), y, 1.0, 0.0, 7.0)
    tree = cKDTree(np.array(points))
    for i in range(-34, 44):
        for j in range(-36, 37):
            x = round(i * 88 + dice.uniform(-40, 40), 2)
            y = round(j * 88 + dice.uniform(-40, 40), 2)
            if float(tree.query(np.array((x, y)))[0]) > 45:
                add(x, y, 1.0)
    return points, labels


def _coverage(dice: Random, ground: Ground, places: Places, cutter: _Cutter) -> dict[int, Polygon]:
    """One polygon in EPSG:27700 for each OA label."""
    points, labels = _labelled_points(dice, ground, places, cutter)
    frame = [(-2e4, -2e4), (2e4, -2e4), (-2e4, 2e4), (2e4, 2e4)]
    labels = labels + [OUTSIDE] * len(frame)
    diagram = Voronoi(np.array(points + frame))
    corners = [(round(x, 1), round(y, 1)) for x, y in diagram.vertices.tolist()]
    _heal(diagram, labels)
    edges: set[tuple[XY, XY]] = set()
    for (a, b), (v, w) in zip(diagram.ridge_points.tolist(), diagram.ridge_vertices, strict=True):
        if labels[a] != labels[b] and v >= 0 and w >= 0 and corners[v] != corners[w]:
            edges.add((min(corners[v], corners[w]), max(corners[v], corners[w])))
    merged = linemerge(MultiLineString([LineString(e) for e in sorted(edges)]))
    arcs = sorted(
        (min(list(g.coords), list(g.coords)[::-1]) for g in merged.geoms),
        key=lambda c: (c[0], c[-1], len(c), c),
    )
    bent = [_smooth(arc) for arc in arcs]
    places_of_points = np.array([bend(x, y) for x, y in points])
    tree = cKDTree(places_of_points)
    shapes: dict[int, Polygon] = {}
    for face in polygonize(bent):
        inner = face.representative_point()
        votes = Counter(labels[i] for i in tree.query(np.array((inner.x, inner.y)), k=5)[1].tolist())
        near = np.array(tree.query_ball_point(np.array((inner.x, inner.y)), 400), dtype=int)
        inside = [labels[i] for i in near[contains_xy(face, places_of_points[near])].tolist()]
        label = Counter(inside).most_common(1)[0][0] if inside else votes.most_common(1)[0][0]
        if label == OUTSIDE:
            continue
        if label in shapes:
            raise ValueError(f"output area {label} fell into two pieces")
        shapes[label] = face
    if len(shapes) != 3 * len(ground.neighbourhoods):
        raise ValueError(
            f"{len(shapes)} output areas were drawn, {3 * len(ground.neighbourhoods)} were planned"
        )
    return shapes


def _heal(diagram: Voronoi, labels: list[int]) -> None:
    """Give detached bits of an OA to the label that surrounds them, so that every OA is one piece.

    Changes `labels`.
    """
    neighbours: dict[int, set[int]] = defaultdict(set)
    for a, b in diagram.ridge_points.tolist():
        neighbours[a].add(b)
        neighbours[b].add(a)
    for _ in range(6):
        seen: set[int] = set()
        parts: dict[int, list[list[int]]] = defaultdict(list)
        for start in range(len(labels)):
            if start in seen:
                continue
            part, stack = [], [start]
            seen.add(start)
            while stack:
                i = stack.pop()
                part.append(i)
                for j in sorted(neighbours[i]):
                    if j not in seen and labels[j] == labels[i]:
                        seen.add(j)
                        stack.append(j)
            parts[labels[start]].append(part)
        stray = [p for group in parts.values() for p in sorted(group, key=len)[:-1]]
        if not stray:
            return
        for part in stray:
            around = Counter(labels[j] for i in part for j in neighbours[i] if labels[j] != labels[i])
            winner = min(around.items(), key=lambda kv: (-kv[1], kv[0]))[0]
            for i in part:
                labels[i] = winner


def _smooth(arc: list[XY]) -> LineString:
    """Thin and round one shared line, then bend it to EPSG:27700, to 10 cm; its ends stay where they are."""
    line = list(LineString(arc).simplify(4.0).coords)
    if len(line) > 2:
        softer = [line[0]]
        for (ax, ay), (bx, by) in pairwise(line):
            softer.append((0.78 * ax + 0.22 * bx, 0.78 * ay + 0.22 * by))
            softer.append((0.22 * ax + 0.78 * bx, 0.22 * ay + 0.78 * by))
        line = [softer[0], *softer[2:-2], line[-1]] if len(softer) > 5 else line
    dense = LineString(line).segmentize(60.0)
    bent = [bend(x, y) for x, y in dense.coords]
    return LineString([(round(x, 1), round(y, 1)) for x, y in LineString(bent).simplify(0.8).coords])


def _group(
    ground: Ground, shapes: dict[int, Polygon], sizes: tuple[list[int], list[int]], turn: float
) -> list[int]:
    """Contiguous groups of neighbourhoods of the given sizes, by side of the river; a number for each."""
    whole = {
        n.number: coverage_union_all([shapes[n.number * 3 + k] for k in range(3)])
        for n in ground.neighbourhoods
    }
    north = [n.number for n in ground.neighbourhoods if n.side > 0]
    south = [n.number for n in ground.neighbourhoods if n.side < 0]
    result = [-1] * len(whole)
    following = 0
    for members, mine in zip((north, south), sizes, strict=True):
        if sum(mine) != len(members):
            raise ValueError(f"groups of {mine} do not use up {len(members)} neighbourhoods")
        for attempt in range(720):
            groups = _split(ground, members, mine, turn + attempt * 0.0437)
            if all(isinstance(coverage_union_all([whole[m] for m in g]), Polygon) for g in groups):
                break
        else:
            raise ValueError("no contiguous grouping was found")
        for group in groups:
            for m in group:
                result[m] = following
            following += 1
    return result


def _split(ground: Ground, members: list[int], sizes: list[int], turn: float) -> list[list[int]]:
    if len(sizes) == 1:
        return [members]
    ux, uy = math.cos(turn), math.sin(turn)
    seeds = {n.number: n.seed for n in ground.neighbourhoods}
    ordered = sorted(members, key=lambda m: (seeds[m][0] * ux + seeds[m][1] * uy, m))
    half = len(sizes) // 2
    cut = sum(sizes[:half])
    more = turn + 1.4
    return _split(ground, ordered[:cut], sizes[:half], more) + _split(
        ground, ordered[cut:], sizes[half:], more
    )


def _name(
    ground: Ground,
    shapes: dict[int, Polygon],
    neighbourhoods: dict[int, int],
    msoas: list[int],
    wards: list[int],
) -> Areas:
    found: list[OutputArea] = []
    # Codes run by MSOA, then LSOA, as they did when first given out.
    order = sorted(shapes, key=lambda label: (msoas[neighbourhoods[label]], label))
    lsoas: dict[int, str] = {}
    letters: dict[int, int] = Counter()
    named: dict[int, str] = {}
    for i, label in enumerate(order):
        n = neighbourhoods[label]
        m = msoas[n]
        if n not in lsoas:
            lsoas[n] = f"E01999{len(lsoas) + 1:03d}"
            named[n] = f"Quillhaven {m + 1:03d}{'ABCDEFGH'[letters[m]]}"
            letters[m] += 1
        north = ground.neighbourhoods[n].side > 0
        area = OutputArea(f"E00999{i + 1:03d}", normalize(shapes[label]), n, north, lsoas[n], named[n])
        area.msoa, area.msoa_name = f"E02999{m + 1:03d}", f"Quillhaven {m + 1:03d}"
        area.ward, area.ward_name = f"E05999{wards[n] + 1:03d}", WARD_NAMES[wards[n]]
        found.append(area)
    return Areas(found)


def _straddle(areas: Areas) -> None:
    """Hand one OA of three LSOAs to the ward next door, so that LSOAs do not all nest in wards."""
    per_ward: dict[str, list[OutputArea]] = defaultdict(list)
    for area in areas.output_areas:
        per_ward[area.ward].append(area)
    losers: set[str] = set()
    for area in areas.output_areas:
        if len(areas.straddling) == 3:
            break
        if area.lsoa in areas.straddling or area.ward in losers:
            continue
        for other in areas.output_areas:
            if (
                other.ward == area.ward
                or other.ward in losers
                or other.north != area.north
                or area.shape.intersection(other.shape).length < 90
            ):
                continue
            left = [a.shape for a in per_ward[area.ward] if a is not area]
            gained = [a.shape for a in per_ward[other.ward]] + [area.shape]
            if all(isinstance(coverage_union_all(s), Polygon) for s in (left, gained)):
                losers.update((area.ward, other.ward))
                area.ward, area.ward_name = other.ward, other.ward_name
                areas.straddling.append(area.lsoa)
                break


def _merge(areas: Areas) -> None:
    kinds: dict[str, dict[str, list[Polygon]]] = {
        k: defaultdict(list) for k in ("oa", "lsoa", "msoa", "ward", "lad")
    }
    names: dict[str, dict[str, str]] = {k: {} for k in kinds}
    for a in areas.output_areas:
        rows = [
            ("oa", a.code, ""),
            ("lsoa", a.lsoa, a.lsoa_name),
            ("msoa", a.msoa, a.msoa_name),
            ("ward", a.ward, a.ward_name),
        ]
        for kind, code, name in [*rows, ("lad", *LAD)]:
            kinds[kind][code].append(a.shape)
            names[kind][code] = name
    for kind, groups in kinds.items():
        areas.shapes[kind] = {code: _one(code, parts) for code, parts in sorted(groups.items())}
    areas.names = names


def _one(code: str, parts: list[Polygon]) -> Polygon:
    shape = normalize(coverage_union_all(parts))
    if not isinstance(shape, Polygon):
        raise ValueError(f"{code} is not one piece")
    return shape


def _locate(areas: Areas, places: Places) -> None:
    tree = STRtree([a.shape for a in areas.output_areas])
    for p in places.properties:
        p.oa = areas.output_areas[_within(tree, areas, p)].code


def _within(tree: STRtree, areas: Areas, p: Property) -> int:
    spot = Point(p.easting, p.northing)
    for i in sorted(tree.query(spot).tolist()):
        if areas.output_areas[i].shape.covers(spot):
            return int(i)
    raise ValueError(f"property {p.uprn} lies in no output area (plan {p.x:.0f}, {p.y:.0f})")
