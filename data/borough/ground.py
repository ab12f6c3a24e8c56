"""The lie of the land: coast, river, neighbourhoods, streets and road links of the invented borough.

Belongs here: shapes and the road network, before anybody lives there. Does not belong here: properties
(`addresses.py`), statistical areas (`areas.py`), file layouts.

Two spaces are used. *Plan* space is a flat drawing board in metres whose origin is `ORIGIN`; straight lines
and neat grids are drawn there. `bend` carries a plan point to EPSG:27700 through a smooth distortion, so
that nothing in the finished town is quite straight, while everything that touched still touches.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np
from scipy.spatial import Voronoi, cKDTree
from shapely import STRtree
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

XY = tuple[float, float]

# In Cardigan Bay, some eight kilometres from the nearest land.
ORIGIN: XY = (222000.0, 262000.0)
TOWN: XY = (-850.0, 150.0)
URBAN_NORTH, URBAN_SOUTH = 29, 7
VILLAGES: dict[str, XY] = {
    "north": (-620.0, 2080.0),
    "east": (1900.0, 1120.0),
    "far_east": (2350.0, 160.0),
    "south": (150.0, -1980.0),
}
VILLAGE_RADIUS = 265.0
# Houses a hectare that each style of neighbourhood is laid out for.
STYLES = ("centre", "terrace", "seaside", "estate", "semi", "culdesac", "village")


def bend(x: float, y: float) -> XY:
    """Plan metres to EPSG:27700 metres."""
    east = ORIGIN[0] + x + 58 * math.sin(y / 410 + 0.7) + 20 * math.sin(x / 190 + y / 260)
    north = ORIGIN[1] + y + 52 * math.sin(x / 450 + 1.9) + 18 * math.sin(y / 180 - x / 300 + 0.4)
    return east, north


def river_at(x: float) -> float:
    """Plan y of the river's middle at plan x."""
    return -260 + 150 * math.sin(x / 640 + 0.4) + 50 * math.sin(x / 270)


def river_half_width(x: float) -> float:
    """Metres from the middle of the river to its bank; wider towards the estuary."""
    return 36 + 80 * max(0.0, (-1150 - x) / 800)


def coast_at(y: float) -> float:
    """Plan x of the shore at plan y; the sea lies to the west of it."""
    return -1780 + 150 * math.sin(y / 620 + 0.3) + 45 * math.sin(y / 210)


TIDAL_LIMIT, WEIR = -1150.0, 1300.0


def river_reaches() -> list[tuple[str, LineString]]:
    """The middle of the river from the hills to the sea in plan metres: its form in OS Open Rivers' words, and its
    line."""
    reaches = []
    for form, upper, lower in (
        ("inlandRiver", 3600.0, WEIR),
        ("inlandRiver", WEIR, TIDAL_LIMIT),
        ("tidalRiver", TIDAL_LIMIT, -2300.0),
    ):
        steps = max(2, round((upper - lower) / 20))
        xs = [upper + (lower - upper) * i / steps for i in range(steps + 1)]
        reaches.append((form, LineString([(x, river_at(x)) for x in xs])))
    return reaches


def holm() -> list[tuple[str, str, str, LineString]]:
    """The roads of a small island off the shore, where nobody lives: start node, end node, form of way, line in plan
    metres.

    A track from the jetty, two ways round the light that begin and end together, and a circle to turn on.
    """
    x, y = coast_at(900.0) - 420.0, 900.0
    jetty, fork, light = (x, y), (x + 20.0, y + 90.0), (x + 15.0, y + 210.0)
    circle = [
        (
            light[0] - 12.0 * math.sin(turn * math.pi / 6),
            light[1] + 12.0 - 12.0 * math.cos(turn * math.pi / 6),
        )
        for turn in range(12)
    ]
    single, round_about = "Single Carriageway", "Roundabout"
    return [
        ("holm jetty", "holm fork", single, LineString([jetty, (x + 4.0, y + 50.0), fork])),
        ("holm fork", "holm light", single, LineString([fork, (x - 14.0, y + 150.0), light])),
        ("holm fork", "holm light", single, LineString([fork, (x + 60.0, y + 160.0), light])),
        ("holm light", "holm light", round_about, LineString([*circle, circle[0]])),
    ]


def side_of_river(x: float, y: float) -> int:
    """1 for north of the river's middle, -1 for south."""
    return 1 if y > river_at(x) else -1


def inside_borough(x: float, y: float) -> bool:
    """Whether a plan point lies within the authority (an irregular ring inland, the shore in the west)."""
    dx, dy = x - 250, y
    angle = math.atan2(dy, dx)
    reach = 2620 + 170 * math.sin(3 * angle + 0.8) + 110 * math.sin(7 * angle) + 60 * math.sin(13 * angle + 2)
    return x > coast_at(y) and math.hypot(dx * 0.93, dy) < reach


def town_edge(steps: int = 240) -> Polygon:
    """Outline of the built-up town in plan metres (coast and river not yet cut out)."""
    ring = []
    for i in range(steps):
        angle = 2 * math.pi * i / steps
        reach = (
            985 + 90 * math.sin(2 * angle + 0.5) + 70 * math.sin(5 * angle + 1.1) + 36 * math.sin(9 * angle)
        )
        ring.append((TOWN[0] + reach * math.cos(angle), TOWN[1] + reach * math.sin(angle)))
    return Polygon(ring)


def land(side: int, margin: float) -> Polygon:
    """The dry land on one side of the river, kept `margin` metres from the water's edge, in plan metres."""
    far = 3600.0
    bank = []
    x = -3000.0
    while x <= far:
        bank.append((x, river_at(x) + side * (river_half_width(x) + margin)))
        x += 20
    half = Polygon([*bank, (far, side * far), (-3000.0, side * far)])
    shore = [(coast_at(y) + margin, y) for y in np.arange(-far, far + 1, 20).tolist()]
    inland = Polygon([*shore, (far, far), (far, -far)])
    return _largest(half.intersection(inland))


def _largest(shape: BaseGeometry) -> Polygon:
    parts = [p for p in getattr(shape, "geoms", [shape]) if isinstance(p, Polygon)]
    return max(parts, key=lambda p: p.area)


def _lines(shape: BaseGeometry) -> list[LineString]:
    return [p for p in getattr(shape, "geoms", [shape]) if isinstance(p, LineString) and p.length > 0]


@dataclass
class Neighbourhood:
    """One neighbourhood, laid out as a piece, that later becomes one LSOA.

    `footprint` is its built-up part.
    """

    number: int
    seed: XY
    side: int
    style: str
    footprint: Polygon
    axis: float
    deprivation: float = 0.0


@dataclass
class Street:
    """A named street. `kind`: road (between neighbourhoods), lane (country), street, close or bridge."""

    number: int
    kind: str
    line: LineString
    style: str
    name: str = ""
    usrn: int = 0


@dataclass
class Link:
    """A piece of road between two nodes, in plan metres, with the words of OS Open Roads."""

    street: Street
    line: LineString
    start: int
    end: int
    function: str = "Local Road"
    number: str = ""


@dataclass
class Ground:
    """All that `lay_out` makes. Node coordinates and lines are in plan metres."""

    neighbourhoods: list[Neighbourhood]
    streets: list[Street]
    links: list[Link]
    nodes: list[XY]
    town: Polygon
    seeds: cKDTree = field(repr=False)

    def neighbourhood_at(self, x: float, y: float) -> int:
        """Number of the neighbourhood that a plan point belongs to; villages draw on a wider country."""
        here = side_of_river(x, y)
        best, winner = math.inf, -1
        in_town = self.town.contains(Point(x, y))
        for place in self.neighbourhoods:
            if place.side != here or (in_town and place.style == "village"):
                continue
            distance = math.hypot(x - place.seed[0], y - place.seed[1])
            if place.style == "village":
                distance *= 0.45
            if distance < best:
                best, winner = distance, place.number
        return winner


def lay_out(dice: Random) -> Ground:
    """Draw the ground: neighbourhoods, then streets, then links between nodes, then the classified routes."""
    town = town_edge()
    places = _neighbourhoods(dice, town)
    seeds = cKDTree(np.array([p.seed for p in places]))
    streets = _streets(dice, places, town)
    links, nodes = _network(streets)
    ground = Ground(places, streets, links, nodes, town, seeds)
    _classify(ground)
    return ground


def _density(x: float, y: float) -> float:
    """Homes a hectare that the town's founders had in mind here."""
    away = math.hypot(x - TOWN[0], y - TOWN[1])
    return 13 + 50 * math.exp(-((away / 590) ** 1.4))


def _neighbourhoods(dice: Random, town: Polygon) -> list[Neighbourhood]:
    places: list[Neighbourhood] = []
    for side, how_many in ((1, URBAN_NORTH), (-1, URBAN_SOUTH)):
        region = _largest(land(side, 24).intersection(town))
        seeds = _spread(dice, region, how_many)
        # Four far points keep every real cell finite.
        far = [(-9e4, 0.0), (9e4, 1.0), (0.0, 9e4), (2.0, -9e4)]
        cells = Voronoi(np.array(seeds + far))
        for i, seed in enumerate(seeds):
            corners = cells.vertices[cells.regions[cells.point_region[i]]]
            cell = _largest(Polygon(corners).convex_hull.intersection(region))
            places.append(Neighbourhood(len(places), seed, side, "semi", cell, _long_axis(cell)))
    for spot in VILLAGES.values():
        disc = Point(spot).buffer(VILLAGE_RADIUS, 24)
        side = side_of_river(*spot)
        shape = _largest(disc.intersection(land(side, 24)))
        places.append(Neighbourhood(len(places), spot, side, "village", shape, dice.uniform(0, math.pi)))
    _character(places)
    return places


def _spread(dice: Random, region: Polygon, how_many: int) -> list[XY]:
    """Seeds spread so that each serves about the same number of planned homes (weighted Lloyd relaxation)."""
    west, south, east, north = region.bounds
    samples = [
        (x + dice.uniform(-8, 8), y + dice.uniform(-8, 8))
        for x in np.arange(west, east, 24).tolist()
        for y in np.arange(south, north, 24).tolist()
        if region.contains(Point(x, y))
    ]
    weights = [_density(x, y) for x, y in samples]
    seeds: list[XY] = dice.choices(samples, weights, k=how_many)
    seeds = [(x + dice.uniform(-30, 30), y + dice.uniform(-30, 30)) for x, y in seeds]
    # More weight than density alone: the outer cells must be large enough for their detached houses.
    for _ in range(60):
        sums = [[0.0, 0.0, 0.0] for _ in seeds]
        nearest = cKDTree(np.array(seeds)).query(np.array(samples))[1].tolist()
        for (x, y), weight, i in zip(samples, weights, nearest, strict=True):
            heavy = weight**2.1
            sums[i][0] += x * heavy
            sums[i][1] += y * heavy
            sums[i][2] += heavy
        seeds = [
            (round(s[0] / s[2], 2), round(s[1] / s[2], 2)) if s[2] else dice.choice(samples) for s in sums
        ]
    return seeds


def _long_axis(shape: Polygon) -> float:
    box = list(shape.minimum_rotated_rectangle.exterior.coords)
    sides = [(box[i], box[i + 1]) for i in range(2)]
    (ax, ay), (bx, by) = max(sides, key=lambda s: math.dist(*s))
    return math.atan2(by - ay, bx - ax)


def _character(places: list[Neighbourhood]) -> None:
    """Give each neighbourhood a style and a level of deprivation between 0 (none) and 1."""
    for p in places:
        x, y = p.seed
        away = math.hypot(x - TOWN[0], y - TOWN[1])
        if p.style == "village":
            p.deprivation = 0.16 + 0.05 * (p.number % 3)
            continue
        shore = x - coast_at(y)
        east_end = math.exp(-(((x + 220) / 460) ** 2 + ((y - 480) / 380) ** 2))
        south_end = math.exp(-(((x + 750) / 380) ** 2 + ((y + 710) / 300) ** 2))
        p.deprivation = min(
            1.0, max(0.03, 0.16 + 0.30 * math.exp(-away / 370) + 0.72 * max(east_end, south_end))
        )
        if away < 250:
            p.style = "centre"
        elif shore < 360:
            p.style = "seaside"
            p.deprivation = min(1.0, p.deprivation + 0.06)
        elif max(east_end, south_end) > 0.45:
            p.style = "estate"
        elif away < 530:
            p.style = "terrace"
        elif away < 800:
            p.style = "semi"
        else:
            p.style = "culdesac"


def _streets(dice: Random, places: list[Neighbourhood], town: Polygon) -> list[Street]:
    drawn: list[tuple[str, LineString, str]] = []
    for side in (1, -1):
        region = _largest(land(side, 24).intersection(town))
        here = [p for p in places if p.side == side and p.style != "village"]
        far = [(-9e4, 0.0), (9e4, 1.0), (0.0, 9e4), (2.0, -9e4)]
        cells = Voronoi(np.array([p.seed for p in here] + far))
        ridges = zip(cells.ridge_points.tolist(), cells.ridge_vertices, strict=True)
        for (a, b), (v, w) in sorted(ridges, key=lambda r: sorted(r[0])):
            if v < 0 or w < 0 or a >= len(here) or b >= len(here):
                continue
            edge = LineString(cells.vertices[[v, w]])
            for piece in _lines(edge.intersection(region.buffer(2))):
                if piece.length > 30:
                    drawn.append(("road", piece, here[a].style))
        drawn.extend(_waterfront(side, region))
        for p in here:
            drawn.extend(_inner_streets(dice, p))
    for p in places:
        if p.style == "village":
            drawn.extend(_inner_streets(dice, p))
    drawn.extend(_lanes(dice, places))
    drawn.extend(_bridges())
    return [Street(i, kind, line, style) for i, (kind, line, style) in enumerate(drawn)]


def _waterfront(side: int, region: Polygon) -> list[tuple[str, LineString, str]]:
    """Quays along the river and the esplanade along the shore, cut into streets of about 400 metres."""
    quay = [(x, river_at(x) + side * (river_half_width(x) + 26)) for x in np.arange(-2300, 1400, 15).tolist()]
    shore = [(coast_at(y) + 26, y) for y in np.arange(-1500, 1700, 15).tolist()]
    inner = region.buffer(1)
    pieces: list[tuple[str, LineString, str]] = []
    for points in (quay, shore):
        for whole in _lines(LineString(points).intersection(inner)):
            cuts = max(1, round(whole.length / 400))
            for i in range(cuts):
                piece = substring(whole, whole.length * i / cuts, whole.length * (i + 1) / cuts)
                if isinstance(piece, LineString) and piece.length > 60:
                    pieces.append(("road", piece, "seaside"))
    return pieces


def _inner_streets(dice: Random, place: Neighbourhood) -> list[tuple[str, LineString, str]]:
    """The streets inside one neighbourhood, by its style."""
    shape, angle = place.footprint, place.axis
    cx, cy = place.seed
    ux, uy = math.cos(angle), math.sin(angle)
    reach = 900.0
    spacing = {
        "centre": 70, "terrace": 68, "seaside": 72, "estate": 84, "semi": 78, "culdesac": 84, "village": 100,
    }[place.style]  # fmt: skip

    def across(offset: float, turned: bool = False) -> list[LineString]:
        dx, dy = (-uy, ux) if not turned else (ux, uy)
        ex, ey = (ux, uy) if not turned else (-uy, ux)
        ox, oy = cx + dx * offset, cy + dy * offset
        line = LineString([(ox - ex * reach, oy - ey * reach), (ox + ex * reach, oy + ey * reach)])
        return [c for c in _lines(line.intersection(shape.buffer(3))) if c.length > 70]

    found: list[tuple[str, LineString, str]] = []
    shift = dice.uniform(-0.25, 0.25) * spacing
    if place.style in ("culdesac", "village"):
        # A spine through the middle, with closes off it on alternate sides.
        spines = across(shift * 0.5)
        found += [("street", s, place.style) for s in spines]
        k = -8
        while k <= 8:
            for cross in across(k * spacing + shift + dice.uniform(-8, 8), turned=True):
                for spine in spines:
                    hit = cross.intersection(spine)
                    if hit.is_empty or not isinstance(hit, Point):
                        continue
                    at = cross.project(hit)
                    for piece in (substring(cross, 0, at), substring(cross, at, cross.length)):
                        if not isinstance(piece, LineString) or piece.length < 65:
                            continue
                        ends = list(piece.coords)
                        if math.dist(ends[0], hit.coords[0]) > 1:
                            ends.reverse()
                        # A third of them run through; the rest stop short, with gardens beyond.
                        through = dice.random() < 0.3 and place.style == "culdesac"
                        kept = substring(LineString(ends), 0, piece.length if through else piece.length - 42)
                        if isinstance(kept, LineString) and kept.length > 30:
                            found.append(("street" if through else "close", kept, place.style))
            k += 1
        return found
    for k in range(-9, 10):
        for line in across(k * spacing + shift):
            if place.style in ("estate", "semi") and k % 2 and dice.random() < 0.6 and line.length > 150:
                keep = line.length * dice.uniform(0.55, 0.8)
                part = (
                    substring(line, 0, keep)
                    if dice.random() < 0.5
                    else substring(line, line.length - keep, line.length)
                )
                if isinstance(part, LineString):
                    found.append(("close", part, place.style))
            else:
                found.append(("street", line, place.style))
    crossings = (dice.uniform(-30, 30),) if place.style in ("centre", "terrace", "estate", "semi") else ()
    for offset in crossings:
        found += [("street", line, place.style) for line in across(offset, turned=True)]
    return found


def _lanes(dice: Random, places: list[Neighbourhood]) -> list[tuple[str, LineString, str]]:
    """Country roads: from the edge of the town to the villages and on, and between villages."""
    v = VILLAGES
    routes: list[list[XY]] = [
        [(-730.0, 940.0), (-600.0, 1600.0), v["north"], (-420.0, 2420.0), (-350.0, 2900.0)],
        [(-70.0, 560.0), (800.0, 900.0), (1350.0, 1180.0), v["east"], (2400.0, 1480.0), (2950.0, 1700.0)],
        [(70.0, 40.0), (1000.0, 190.0), (1700.0, 60.0), v["far_east"], (2800.0, 120.0), (3300.0, 250.0)],
        [(-510.0, -660.0), (-200.0, -1400.0), v["south"], (260.0, -2350.0), (420.0, -2900.0)],
        [v["east"], (2250.0, 700.0), v["far_east"]],
        [v["north"], (300.0, 1950.0), (1100.0, 1500.0), v["east"]],
        [(-70.0, -330.0), (900.0, -560.0), (1500.0, -760.0), (2200.0, -600.0), (2900.0, -520.0)],
        [v["south"], (800.0, -1700.0), (1250.0, -1350.0), (1500.0, -760.0)],
        [(-1370.0, -660.0), (-1400.0, -1250.0), (-900.0, -1800.0), v["south"]],
        [(-1330.0, 820.0), (-1380.0, 1400.0), (-1200.0, 1900.0), v["north"]],
    ]
    pieces: list[tuple[str, LineString, str]] = []
    for route in routes:
        bent: list[XY] = []
        for (ax, ay), (bx, by) in pairwise(route):
            long = math.hypot(bx - ax, by - ay)
            wave = dice.uniform(-0.09, 0.09) * long
            for i in range(8):
                t = i / 8
                off = wave * math.sin(math.pi * t) + 0.25 * wave * math.sin(3 * math.pi * t)
                bent.append(
                    (ax + (bx - ax) * t - (by - ay) / long * off, ay + (by - ay) * t + (bx - ax) / long * off)
                )
        bent.append(route[-1])
        inside = [p for p in bent if inside_borough(*p)]
        whole = LineString(inside)
        cuts = max(1, round(whole.length / 900))
        for i in range(cuts):
            piece = substring(whole, whole.length * i / cuts, whole.length * (i + 1) / cuts)
            if isinstance(piece, LineString):
                pieces.append(("lane", piece, "village"))
    return pieces


BRIDGES = (-830.0, -230.0)


def _bridges() -> list[tuple[str, LineString, str]]:
    spans: list[tuple[str, LineString, str]] = []
    for x in BRIDGES:
        reach = river_half_width(x) + 30
        spans.append(("bridge", LineString([(x, river_at(x) - reach), (x, river_at(x) + reach)]), "centre"))
    return spans


def _network(streets: list[Street]) -> tuple[list[Link], list[XY]]:
    """Cut the streets where they meet, gather ends that nearly meet into nodes, keep one network."""
    shapes = [s.line for s in streets]
    tree = STRtree(shapes)
    cuts: list[list[float]] = [[0.0, s.length] for s in shapes]
    for i, shape in enumerate(shapes):
        for j in sorted(tree.query(shape.buffer(4)).tolist()):
            if i == j:
                continue
            met = shape.intersection(shapes[j])
            cuts[i] += [shape.project(p) for p in getattr(met, "geoms", [met]) if isinstance(p, Point)]
            # An end that only just misses this street is joined to it.
            for end in (shapes[j].coords[0], shapes[j].coords[-1]):
                if shape.distance(Point(end)) < 9:
                    cuts[i].append(shape.project(Point(end)))
    nodes: list[XY] = []
    grid: dict[tuple[int, int], list[int]] = {}

    def node_at(x: float, y: float) -> int:
        cell = (math.floor(x / 12), math.floor(y / 12))
        for gx in (cell[0] - 1, cell[0], cell[0] + 1):
            for gy in (cell[1] - 1, cell[1], cell[1] + 1):
                for n in grid.get((gx, gy), []):
                    if math.hypot(nodes[n][0] - x, nodes[n][1] - y) < 12:
                        return n
        nodes.append((round(x, 2), round(y, 2)))
        grid.setdefault(cell, []).append(len(nodes) - 1)
        return len(nodes) - 1

    links: list[Link] = []
    for street, shape, where in zip(streets, shapes, cuts, strict=True):
        stops: list[float] = []
        for at in sorted(where):
            if not stops or at - stops[-1] > 3:
                stops.append(at)
        for a, b in pairwise(stops):
            piece = substring(shape, a, b)
            if not isinstance(piece, LineString):
                continue
            points = list(piece.coords)
            start, end = node_at(*points[0]), node_at(*points[-1])
            if start == end:
                continue
            line = LineString([nodes[start], *points[1:-1], nodes[end]])
            links.append(Link(street, line, start, end))
    links = _join_strays(links, nodes)
    return _one_network(links, nodes)


def _join_strays(links: list[Link], nodes: list[XY]) -> list[Link]:
    """Lengthen dead-ended country lanes to the nearest node of the town within 260 metres."""
    degree: dict[int, int] = {}
    for link in links:
        for n in (link.start, link.end):
            degree[n] = degree.get(n, 0) + 1
    town_nodes = sorted(
        {n for k in links if k.street.kind in ("road", "street", "bridge") for n in (k.start, k.end)}
    )
    tree = cKDTree(np.array([nodes[n] for n in town_nodes]))
    joined: list[Link] = []
    for link in links:
        for n in (link.start, link.end):
            if link.street.kind in ("lane", "bridge") and degree[n] == 1:
                away, i = tree.query(np.array(nodes[n]))
                k = 1
                while town_nodes[int(i)] == n or away == 0:
                    k += 1
                    many = tree.query(np.array(nodes[n]), k=k)
                    away, i = float(many[0][-1]), int(many[1][-1])
                if away < 260:
                    other = town_nodes[int(i)]
                    joined.append(Link(link.street, LineString([nodes[n], nodes[other]]), n, other))
    return links + joined


def _one_network(links: list[Link], nodes: list[XY]) -> tuple[list[Link], list[XY]]:
    parent = list(range(len(nodes)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for link in links:
        parent[root(link.start)] = root(link.end)
    size: dict[int, int] = {}
    for link in links:
        size[root(link.start)] = size.get(root(link.start), 0) + 1
    main = max(size, key=lambda r: size[r])
    kept = [k for k in links if root(k.start) == main]
    used = sorted({n for k in kept for n in (k.start, k.end)})
    renumber = {old: new for new, old in enumerate(used)}
    seen: set[tuple[int, int, int]] = set()
    tidy: list[Link] = []
    for link in kept:
        a, b = renumber[link.start], renumber[link.end]
        key = (min(a, b), max(a, b), round(link.line.length))
        if key in seen:
            continue
        seen.add(key)
        tidy.append(Link(link.street, link.line, a, b))
    return tidy, [nodes[old] for old in used]


def _classify(ground: Ground) -> None:
    """Mark A and B roads along the quickest ways between the borough's gates; the rest by kind."""
    for link in ground.links:
        link.function = {
            "road": "Minor Road", "lane": "Minor Road", "bridge": "Minor Road",
            "street": "Local Road", "close": "Local Access Road",
        }[link.street.kind]  # fmt: skip

    def nearest(x: float, y: float) -> int:
        return min(range(len(ground.nodes)), key=lambda n: math.dist(ground.nodes[n], (x, y)))

    west, east = BRIDGES

    def gate(x: float, north: bool) -> XY:
        return x, river_at(x) + (1 if north else -1) * (river_half_width(x) + 30)

    routes = [
        ("A Road", "A9901", [(-350.0, 2850.0), TOWN, gate(west, True), gate(west, False), (420.0, -2600.0)]),
        ("A Road", "A9902", [TOWN, (3000.0, 200.0)]),
        (
            "B Road",
            "B9903",
            [(2750.0, 1650.0), (-70.0, 560.0), gate(east, True), gate(east, False), (-510.0, -660.0)],
        ),
        ("B Road", "B9904", [(-1750.0, 500.0), TOWN]),
        ("B Road", "B9905", [gate(east, False), (2700.0, -520.0)]),
    ]
    edges: dict[int, list[tuple[int, float, Link]]] = {}
    dear = {"road": 1.0, "lane": 1.0, "bridge": 1.0, "street": 2.2, "close": 6.0}
    for link in ground.links:
        cost = link.line.length * dear[link.street.kind]
        edges.setdefault(link.start, []).append((link.end, cost, link))
        edges.setdefault(link.end, []).append((link.start, cost, link))
    for function, number, stops in routes:
        for a, b in pairwise(stops):
            for link in _quickest(edges, nearest(*a), nearest(*b)):
                if not link.number:
                    link.function, link.number = function, number


def _quickest(edges: dict[int, list[tuple[int, float, Link]]], start: int, end: int) -> list[Link]:
    best: dict[int, float] = {start: 0.0}
    came: dict[int, tuple[int, Link]] = {}
    queue: list[tuple[float, int]] = [(0.0, start)]
    while queue:
        cost, node = heapq.heappop(queue)
        if node == end:
            break
        if cost > best[node]:
            continue
        for other, more, link in edges.get(node, []):
            total = round(cost + more, 3)
            if total < best.get(other, math.inf):
                best[other] = total
                came[other] = (node, link)
                heapq.heappush(queue, (total, other))
    path: list[Link] = []
    node = end
    while node != start and node in came:
        node, link = came[node]
        path.append(link)
    return path
