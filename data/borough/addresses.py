"""Properties of the invented borough: plots along the streets, buildings, flats, shops, addresses, UPRNs.

Belongs here: what the council's gazetteer would know (identifiers, address parts, classification, status) and
postcodes. Does not belong here: who lives there (`people.py`), wrong or messy copies of an address
(`damage.py`). Positions are plan metres (see `ground.py`) until `publish` bends them to EPSG:27700.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from shapely import STRtree
from shapely.geometry import Point

from data.borough.ground import XY, Ground, Link, Neighbourhood, Street, bend, river_at, river_half_width

TOWN_NAME = "QUILLHAVEN"
VILLAGE_NAMES = {36: "TEASELBY", 37: "MOONRAKE", 38: "PUDDLEMERE", 39: "NETHER GOSSAMER"}

_FIRST = (
    "Almanac Anchor Apricot Astrolabe Bellwether Bobbin Bramblewick Brindle Butterchurn Candlewick "
    "Caraway Cartwheel Cinderpath Clockmaker Clovelark Cobnut Copperkettle Corncrake Cowslip Crinoline "
    "Dandelion Dappleford Dimity Dovetail Drumlin Duckweed Elderflower Fanlight Farthing Feathergrass "
    "Fiddlehead Firefly Flotsam Foxfern Gatepost Gingham Goosequill Gossamer Greengage Halyard Harebell "
    "Haystack Hobnail Honeypot Hopscotch Inglenook Inkwell Ironmonger Jackdaw Jetsam Kestrelwood "
    "Kingcup Lacemaker Lamplighter Lantern Larkspur Lavender Limpet Linnet Lobsterpot Lodestar Mackerel "
    "Marigold Marzipan Meadowlark Millrace Mooncup Moorhen Mulberry Needlepoint Nettlebed Nutmeg "
    "Oakapple Orrery Osprey Oystercatcher Packhorse Paperchase Parchment Parsley Peppercorn Periwinkle "
    "Pinafore Plover Pomander Quillfeather Quince Ragwort Rainbarrel Redstart Ropewalk Rosehip Saffron "
    "Sandpiper Sealskin Sedge Shuttlecock Skylark Slipware Snowberry Spindle Spinnaker Sundial "
    "Swallowtail Tanyard Teacup Teasel Thimble Thistledown Tidewrack Tinderbox Treacle Turnstone "
    "Tussock Velvet Vetchling Wagtail Weathercock Wheelwright Whelk Whinberry Whittle "
    "Willowherb Windlass Woodlark Yarrow"
).split()
_TYPES = {
    "centre": ["STREET", "ROW", "LANE", "YARD"],
    "terrace": ["STREET", "TERRACE", "ROAD", "STREET"],
    "seaside": ["ROAD", "AVENUE", "PARADE", "TERRACE"],
    "estate": ["ROAD", "CRESCENT", "WAY", "GREEN"],
    "semi": ["AVENUE", "ROAD", "DRIVE", "GROVE"],
    "culdesac": ["DRIVE", "GARDENS", "WAY", "RISE"],
    "village": ["LANE", "ROAD", "HILL", "STREET"],
}
_HOUSE_NAMES = (
    "ROSE COTTAGE,THE OLD FORGE,ORCHARD END,LITTLE TEASEL,HIGH BARN,THE OLD DAIRY,PIPPIN HOUSE,SWALLOWS,"
    "KETTLE COTTAGE,FOUR WINDS,THE GRANARY,LARKRISE,HOLLY BANK,THE STABLES,UPPER FIELDS,MILL END,"
    "CROWS NEST,SANDPIPERS,THE LINHAY,WHITEGATES,APPLE TREE COTTAGE,WINDYRIDGE,STONECROP,FERN VILLA,"
    "BEECH LODGE,THE OLD SCHOOL,MEADOW VIEW,NUTHATCH"
).split(",")
_BLOCK_NAMES = (
    "HERON,CURLEW,DUNLIN,GANNET,KITTIWAKE,SHEARWATER,FULMAR,TERN,EIDER,AVOCET,WHIMBREL,SANDERLING,"
    "GUILLEMOT,PETREL,CORMORANT,SHELDUCK,TEAL,WIGEON,GARGANEY,POCHARD,SMEW,GOLDENEYE,BITTERN,EGRET,"
    "SPOONBILL,LAPWING,REDSHANK,KNOT"
).split(",")
_TRADES = (
    "BAKERY,BOOKS,CAFE,CHEMIST,CYCLES,DRAPERS,FISH BAR,FLORIST,GREENGROCER,HARDWARE,LAUNDERETTE,NEWS,"
    "OPTICIANS,SHOES,TOYS,WINES,BARBERS,TAILORS,PRINTERS,BUTCHERS"
).split(",")

# Spacing along the street, distance of the door from its middle, by style (metres).
_PLOT = {
    "centre": (6.6, 8.5), "terrace": (5.8, 9.0), "seaside": (8.6, 12.0), "estate": (8.0, 12.5),
    "semi": (9.0, 13.0), "culdesac": (11.0, 15.0), "village": (16.0, 16.0),
}  # fmt: skip
# Part of the homes that are flats, and the sizes of blocks.
_FLATS = {
    "centre": (0.28, (2, 8)), "terrace": (0.08, (2, 5)), "seaside": (0.36, (3, 9)), "estate": (0.32, (6, 16)),
    "semi": (0.07, (4, 8)), "culdesac": (0.03, (4, 6)), "village": (0.02, (3, 4)),
}  # fmt: skip
_HOUSE_CLASS = {
    "centre": ["RD04"], "terrace": ["RD04"], "seaside": ["RD04", "RD03", "RD03", "RD02"],
    "estate": ["RD04", "RD03", "RD03"], "semi": ["RD03", "RD03", "RD03", "RD02"],
    "culdesac": ["RD02", "RD02", "RD03"], "village": ["RD02", "RD02", "RD03", "RD04"],
}  # fmt: skip


@dataclass
class Property:
    """One entry of the gazetteer (a BLPU with its preferred address). `x`, `y` in plan metres."""

    uprn: int
    street: Street
    x: float
    y: float
    neighbourhood: int
    classification: str
    pao: str = ""
    pao_number: int = 0
    pao_suffix: str = ""
    pao_end: int = 0
    sao: str = ""
    sao_number: int = 0
    sao_suffix: str = ""
    organisation: str = ""
    parent: int = 0
    status: int = 1
    state: int = 2
    postcode: str = ""
    successor: int = 0
    start: str = "2007-10-24"
    end: str = ""
    locality: str = ""
    tenure: str = ""
    oa: str = ""
    along: float = 0.0
    odd: bool = False
    easting: float = 0.0
    northing: float = 0.0

    @property
    def is_dwelling(self) -> bool:
        """Whether somebody's own home (a care home and a parent shell are not)."""
        return self.classification[:2] == "RD" or self.classification in ("RH02", "RH03")

    @property
    def is_live_home(self) -> bool:
        """A dwelling that stands and is approved."""
        return self.is_dwelling and self.status == 1

    def premises(self) -> str:
        """Number or name in the street, in capitals: `14A`, `3-5`, `THE OLD FORGE`, `HERON COURT, 12`."""
        number = f"{self.pao_number}{self.pao_suffix}" if self.pao_number else ""
        if self.pao_end:
            number += f"-{self.pao_end}"
        return ", ".join(part for part in (self.pao, number) if part)

    def secondary(self) -> str:
        """Flat or unit within the premises, in capitals; empty for a whole building."""
        number = f"{self.sao_number}{self.sao_suffix}" if self.sao_number else ""
        return " ".join(part for part in (self.sao, number) if part)

    def lines(self) -> list[str]:
        """The address in parts, standard form, capitals, without organisation and postcode."""
        number = f"{self.pao_number}{self.pao_suffix}" if self.pao_number else ""
        if self.pao_end:
            number += f"-{self.pao_end}"
        street = f"{number} {self.street.name}".strip()
        return [p for p in (self.secondary(), self.pao, street, self.locality, TOWN_NAME) if p]


@dataclass
class Places:
    """All properties and what was decided about them. `schools`, `surgeries`, `libraries` are UPRNs."""

    properties: list[Property]
    postcodes: dict[str, list[Property]] = field(default_factory=dict)
    schools: list[int] = field(default_factory=list)
    surgeries: list[int] = field(default_factory=list)
    libraries: list[int] = field(default_factory=list)
    abroad: list[tuple[int, float, float]] = field(default_factory=list)

    def by_uprn(self) -> dict[int, Property]:
        """Every property under its UPRN."""
        return {p.uprn: p for p in self.properties}


@dataclass(eq=False)  # each is one place, and compared as such many times over
class _Plot:
    link: Link
    along: float
    side: int
    x: float
    y: float
    neighbourhood: int
    used: str = ""


def settle(dice: Random, ground: Ground) -> Places:
    """Name the streets, put buildings on the plots, and give each property an address and a UPRN."""
    _name_streets(dice, ground)
    uprns = _uprns(dice)
    plots = _plots(dice, ground)
    places = Places([])
    blocks = _block_names(dice)
    for home in ground.neighbourhoods:
        here = [p for p in plots if p.neighbourhood == home.number]
        _fill(dice, ground, home, here, places, uprns, blocks)
    _number(dice, places)
    _stages_of_life(dice, places, uprns)
    _tenure(dice, ground, places)
    for i in range(60):
        # The national file does not stop at the authority's edge.
        x, y = (3200 + 9 * i, -900 + 31 * i) if i % 2 else (-300 + 20 * i, 3150 + 4 * i)
        east, north = bend(x, y)
        places.abroad.append((next(uprns), round(east, 2), round(north, 2)))
    for p in places.properties:
        east, north = bend(p.x, p.y)
        p.easting, p.northing = round(east, 2), round(north, 2)
    return places


def _uprns(dice: Random) -> Iterator[int]:
    """Twelve digits beginning 99, never twice, never ending in six noughts."""
    seen: set[int] = set()
    while True:
        number = 990010000000 + dice.randrange(1, 90000) * 100 + dice.randrange(100)
        if number not in seen and number % 1000000:
            seen.add(number)
            yield number


def _name_streets(dice: Random, ground: Ground) -> None:
    used: set[str] = set()
    live = {k.street.number for k in ground.links}
    for street in ground.streets:
        if street.number not in live:
            continue
        numbers = {k.number for k in ground.links if k.street is street and k.number}
        if street.kind == "bridge":
            name = "CLOCKMAKERS BRIDGE" if "CLOCKMAKERS BRIDGE" not in used else "OTTER BRIDGE"
        else:
            for _ in range(400):
                first = dice.choice(_FIRST).upper()
                if street.kind == "close":
                    kind = dice.choice(["CLOSE", "CLOSE", "COURT", "MEWS"])
                elif street.kind in ("road", "lane") or numbers:
                    kind = dice.choice(
                        ["ROAD", "ROAD", "STREET", "LANE" if street.kind == "lane" else "ROAD"]
                    )
                else:
                    kind = dice.choice(_TYPES[street.style])
                name = f"{first} {kind}"
                if name not in used:
                    break
        used.add(name)
        street.name = name
        street.usrn = 99100000 + street.number * 37 % 90000
    # One accented name (the gazetteer extract is in Windows-1252) and two streets that share a name.
    streets = [s for s in ground.streets if s.number in live]
    close = next(s for s in streets if s.kind == "close" and s.style == "semi")
    close.name = "PÂTISSIÈRE CLOSE"
    village = next(s for s in streets if s.kind == "street" and s.style == "village")
    village.name = next(s.name for s in streets if s.kind == "street" and s.style == "terrace")


def _block_names(dice: Random) -> Iterator[str]:
    made = [
        f"{a} {b}" for b in ("COURT", "HOUSE", "LODGE", "HEIGHTS", "MANSIONS", "POINT") for a in _BLOCK_NAMES
    ]
    dice.shuffle(made)
    extra = 0
    yield from made
    while True:
        extra += 1
        yield f"{_FIRST[extra % len(_FIRST)].upper()} COURT"


def _plots(dice: Random, ground: Ground) -> list[_Plot]:
    """Places for a front door, on both sides of every link, clear of other roads and of one another."""
    tree = STRtree([k.line for k in ground.links])
    taken: dict[tuple[int, int], list[XY]] = {}
    found: list[_Plot] = []
    town = ground.town
    order = {"A Road": 0, "B Road": 1, "Minor Road": 2, "Local Road": 3, "Local Access Road": 4}
    numbered = sorted(enumerate(ground.links), key=lambda t: (order[t[1].function], t[0]))
    passed: dict[int, float] = {}
    offsets: dict[int, float] = {}
    for i, link in enumerate(ground.links):
        # How far along its street a link begins, so that houses number on through junctions.
        offsets[i] = passed.get(link.street.number, 0.0)
        passed[link.street.number] = offsets[i] + link.line.length
    for i, link in numbered:
        if link.street.kind == "bridge":
            continue
        style = link.street.style
        country = link.street.kind == "lane"
        length = link.line.length
        at = 13.0
        while at < length - 11:
            middle = link.line.interpolate(at)
            ahead = link.line.interpolate(min(length, at + 1.5))
            behind = link.line.interpolate(max(0.0, at - 1.5))
            dx, dy = ahead.x - behind.x, ahead.y - behind.y
            size = math.hypot(dx, dy) or 1.0
            local = ground.neighbourhood_at(middle.x, middle.y)
            if local >= 0 and link.street.kind == "road":
                style = ground.neighbourhoods[local].style
            step, back = _PLOT[style]
            rural = country and not town.contains(middle) and not _in_village(ground, middle.x, middle.y)
            if rural:
                step, back = 95.0, 24.0
            for side in (1, -1):
                if rural and dice.random() < 0.45:
                    continue
                x = round(middle.x - side * dy / size * back + dice.uniform(-0.8, 0.8), 2)
                y = round(middle.y + side * dx / size * back + dice.uniform(-0.8, 0.8), 2)
                if abs(y - river_at(x)) < river_half_width(x) + 9:
                    continue
                spot = Point(x, y)
                near = tree.query(spot.buffer(back - 1.6))
                if any(j != i and ground.links[j].line.distance(spot) < back - 1.6 for j in near.tolist()):
                    continue
                if not _free(taken, x, y, min(step * 0.72, 9.0)):
                    continue
                where = ground.neighbourhood_at(x, y)
                if where < 0:
                    continue
                taken.setdefault((math.floor(x / 10), math.floor(y / 10)), []).append((x, y))
                found.append(_Plot(link, offsets[i] + at, side, x, y, where))
            at += step * dice.uniform(0.94, 1.06)
    return found


def _in_village(ground: Ground, x: float, y: float) -> bool:
    spot = Point(x, y)
    return any(n.style == "village" and n.footprint.contains(spot) for n in ground.neighbourhoods)


def _free(taken: dict[tuple[int, int], list[XY]], x: float, y: float, clear: float) -> bool:
    gx, gy = math.floor(x / 10), math.floor(y / 10)
    for i in (gx - 1, gx, gx + 1):
        for j in (gy - 1, gy, gy + 1):
            if any(math.hypot(x - a, y - b) < clear for a, b in taken.get((i, j), [])):
                return False
    return True


def _fill(
    dice: Random,
    ground: Ground,
    home: Neighbourhood,
    plots: list[_Plot],
    places: Places,
    uprns: Iterator[int],
    blocks: Iterator[str],
) -> None:
    """Build on the plots of one neighbourhood until it has the homes planned for it; the rest is green."""
    target = dice.randrange(264, 287)
    style = home.style
    share, (low, high) = _FLATS[style]
    shops = [
        p
        for p in plots
        if p.link.function in ("A Road", "B Road") and style in ("centre", "terrace", "seaside")
    ]
    shops = [p for p in shops if style == "centre" or dice.random() < 0.4]
    for p in shops:
        p.used = "shop"
    corner = [p for p in plots if not p.used and dice.random() < 0.012]
    for p in corner:
        p.used = "other"
    sizes: list[int] = []
    while sum(sizes) < share * target - low / 2:
        sizes.append(dice.randint(low, high))
    above = sum(1 for p in shops if dice.random() < 0.7) if shops else 0
    free = [p for p in plots if not p.used]
    houses = target - sum(sizes) - above
    while houses + len(sizes) > len(free):
        # Not enough plots: more homes go into blocks.
        sizes.append(high)
        houses = target - sum(sizes) - above
    # The green: the plots nearest to one spot stay empty.
    middle = (home.seed[0] + dice.uniform(-60, 60), home.seed[1] + dice.uniform(-60, 60))
    free.sort(key=lambda p: (-math.dist((p.x, p.y), middle), p.x, p.y))
    surplus = len(free) - houses - len(sizes)
    if style != "village":
        # Half of what is too much becomes gaps between the houses: gardens, yards, side streets.
        for index in sorted(dice.sample(range(len(free)), surplus // 2), reverse=True):
            free.append(free.pop(index))
    country = [p for p in free if p.link.street.kind == "lane"]
    rest = [p for p in free if p.link.street.kind != "lane"]
    keep = (country + rest)[: houses + len(sizes)] if style == "village" else free[: houses + len(sizes)]
    spare = [p for p in free if p not in keep]
    chosen = sorted(dice.sample(range(len(keep)), len(sizes)))
    for index, size in zip(chosen, sizes, strict=True):
        _block(dice, keep[index], size, style, places, uprns, blocks)
        keep[index].used = "block"
    for p in keep:
        if not p.used:
            _house(dice, p, style, places, uprns)
    for i, p in enumerate(shops):
        _shop(dice, p, places, uprns, flat_above=i < above)
    for p in corner:
        _other(dice, p, places, uprns)
    _public(dice, home, spare, middle, places, uprns, plots)


def _make(plot: _Plot, uprn: int, classification: str) -> Property:
    made = Property(uprn, plot.link.street, plot.x, plot.y, plot.neighbourhood, classification)
    made.along, made.odd = plot.along, plot.side > 0
    made.locality = VILLAGE_NAMES.get(plot.neighbourhood, "")
    return made


def _house(dice: Random, plot: _Plot, style: str, places: Places, uprns: Iterator[int]) -> None:
    made = _make(plot, next(uprns), dice.choice(_HOUSE_CLASS[style]))
    if style == "village" and dice.random() < 0.22:
        made.pao = dice.choice(_HOUSE_NAMES)
    places.properties.append(made)
    if style in ("terrace", "centre") and dice.random() < 0.022:
        # A house in multiple occupation: the house is the parent, the bedsits are homes.
        made.classification = "RH01"
        for room in range(1, dice.randint(3, 5)):
            places.properties.append(_inside(made, next(uprns), "RH02", "ROOM", room))


def _inside(
    shell: Property, uprn: int, classification: str, word: str, number: int, suffix: str = ""
) -> Property:
    made = Property(uprn, shell.street, shell.x, shell.y, shell.neighbourhood, classification)
    made.along, made.odd, made.parent = shell.along, shell.odd, shell.uprn
    made.pao, made.locality = shell.pao, shell.locality
    made.sao, made.sao_number, made.sao_suffix = word, number, suffix
    return made


def _block(
    dice: Random,
    plot: _Plot,
    size: int,
    style: str,
    places: Places,
    uprns: Iterator[int],
    blocks: Iterator[str],
) -> None:
    shell = _make(plot, next(uprns), "PP")
    named = style in ("estate", "semi", "culdesac", "village") or size > 5
    if named:
        shell.pao = next(blocks)
    places.properties.append(shell)
    manner = (
        "floor"
        if not named and size <= 4 and dice.random() < 0.35
        else "letter"
        if dice.random() < 0.08
        else "number"
    )
    floors = ("BASEMENT FLAT", "GROUND FLOOR FLAT", "FIRST FLOOR FLAT", "SECOND FLOOR FLAT")
    for i in range(size):
        if manner == "floor":
            made = _inside(shell, next(uprns), "RD06", floors[i + (size < 4)] if size < 4 else floors[i], 0)
        elif manner == "letter":
            made = _inside(shell, next(uprns), "RD06", f"FLAT {chr(65 + i)}", 0)
        else:
            made = _inside(shell, next(uprns), "RD06", "FLAT", i + 1)
        places.properties.append(made)


def _shop(dice: Random, plot: _Plot, places: Places, uprns: Iterator[int], flat_above: bool) -> None:
    made = _make(plot, next(uprns), dice.choice(["CR08"] * 7 + ["CR07", "CR07", "CO01", "CO01", "CR06"]))
    made.organisation = f"{dice.choice(_FIRST).upper()} {dice.choice(_TRADES)}"
    places.properties.append(made)
    if flat_above:
        flat = _make(plot, next(uprns), "RD06")
        flat.sao = "FLAT ABOVE" if dice.random() < 0.5 else "FIRST FLOOR FLAT"
        places.properties.append(flat)


def _other(dice: Random, plot: _Plot, places: Places, uprns: Iterator[int]) -> None:
    kind, words = dice.choice(
        [("CR08", "STORES")] * 3
        + [("ZW99", "CHAPEL"), ("CI03", "WORKS"), ("CI03", "WORKSHOP"), ("CC04", "HALL"), ("CR06", "ARMS")]
    )
    made = _make(plot, next(uprns), kind)
    made.organisation = f"{dice.choice(_FIRST).upper()} {words}"
    places.properties.append(made)


def _public(
    dice: Random,
    home: Neighbourhood,
    spare: list[_Plot],
    middle: XY,
    places: Places,
    uprns: Iterator[int],
    plots: list[_Plot],
) -> None:
    """Schools, surgeries, libraries, care homes, lock-up garages, and things that have no address."""
    room = spare or plots[-3:]
    anchor = min(room, key=lambda p: (math.dist((p.x, p.y), middle), p.x, p.y))
    n = home.number

    def put(classification: str, name: str) -> Property:
        made = _make(anchor, next(uprns), classification)
        made.x = round(anchor.x + dice.uniform(-6, 6), 2)
        made.y = round(anchor.y + dice.uniform(-6, 6), 2)
        made.pao, made.organisation = name, name
        places.properties.append(made)
        return made

    first = anchor.link.street.name.split()[0]
    if n % 3 == 1 or n == 39:
        secondary = n in (4, 22)
        made = put("CE04" if secondary else "CE03", f"{first} {'ACADEMY' if secondary else 'PRIMARY SCHOOL'}")
        places.schools.append(made.uprn)
    if n in (3, 8, 14, 17, 29, 37):
        places.surgeries.append(put("CM02", f"{_SURGERIES[len(places.surgeries)]} SURGERY").uprn)
    if n in (5, 11, 16, 31, 38):
        places.libraries.append(put("CL03", f"{first} LIBRARY").uprn)
    if home.style in ("seaside", "culdesac"):
        put("RI01", f"{first} HOUSE CARE HOME")
    if n % 4 == 0:
        put("LP01", f"{first} PARK").postcode = "-"
    if n % 5 == 2:
        made = put("CU01", "ELECTRICITY SUB STATION")
        made.organisation, made.postcode = "", "-"
    if home.style in ("estate", "semi"):
        for i in range(dice.randint(6, 12)):
            made = _make(anchor, next(uprns), "RG02")
            made.x, made.y = round(anchor.x + 3.2 * i, 2), round(anchor.y + 14.0, 2)
            made.sao, made.sao_number, made.pao = "GARAGE", i + 1, f"{first} COURT GARAGES"
            made.postcode = "-"
            places.properties.append(made)


def _number(dice: Random, places: Places) -> None:
    """Odd numbers on one side of each street, even on the other, none for buildings known by name alone."""
    streets: dict[tuple[int, bool], list[Property]] = {}
    for p in places.properties:
        if not p.parent:
            streets.setdefault((p.street.number, p.odd), []).append(p)
    children: dict[int, list[Property]] = {}
    for p in places.properties:
        if p.parent:
            children.setdefault(p.parent, []).append(p)
    for (_, odd), row in sorted(streets.items()):
        row.sort(key=lambda p: (p.along, p.x, p.y, p.uprn))
        number = 1 if odd else 2
        last: Property | None = None
        for p in row:
            if last is not None and (p.x, p.y) == (last.x, last.y):
                # The flat above a shop takes the shop's number.
                p.pao_number, p.pao_suffix, p.pao_end = last.pao_number, last.pao_suffix, last.pao_end
                continue
            if p.pao and p.classification != "PP":
                continue
            if p.pao and dice.random() < 0.6:
                continue
            if number == 13 and dice.random() < 0.5:
                number += 2
            if (
                last is not None
                and p.classification[:2] == "RD"
                and not last.pao_end
                and dice.random() < 0.012
            ):
                p.pao_number, p.pao_suffix = last.pao_number, "A"
                if not last.pao_suffix and last.pao_number:
                    last = p
                    continue
                p.pao_suffix = ""
            p.pao_number = number
            number += 2
            if p.organisation and dice.random() < 0.12:
                p.pao_end = number
                number += 2
            last = p
    for p in places.properties:
        for child in children.get(p.uprn, []):
            child.pao_number, child.pao_suffix, child.pao_end = p.pao_number, p.pao_suffix, p.pao_end
    _part_namesakes(places)


def _part_namesakes(places: Places) -> None:
    """No two standing properties may share a whole address: a namesake becomes `LITTLE ...`."""
    seen: set[tuple[str, ...]] = set()
    for p in places.properties:
        key = (*p.lines(), p.organisation if p.classification[0] == "C" else "")
        while key in seen and p.pao and not p.parent:
            p.pao = "LITTLE " + p.pao
            key = (*p.lines(), p.organisation if p.classification[0] == "C" else "")
        seen.add(key)


_SURGERIES = ("QUAYSIDE", "MILLRACE", "ORRERY", "LANTERN HOUSE", "SOUTH BANK", "MOONRAKE")
_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


def give_postcodes(dice: Random, ground: Ground, places: Places) -> None:
    """Runs of neighbours along a street share a postcode; a large block has its own.

    Comes after the areas are drawn: most runs, but not all, end where an output area does.
    """
    district: dict[int, str] = {}
    for n in ground.neighbourhoods:
        x = n.seed[0]
        if n.style == "village":
            district[n.number] = "QX11" if n.side > 0 else "QX10"
        elif n.side < 0:
            district[n.number] = "QX3"
        else:
            district[n.number] = "QX1" if x < -850 else "QX2"
    used: dict[str, int] = {}
    family: dict[int, list[Property]] = {}
    heads: list[Property] = []
    for p in places.properties:
        if p.parent:
            family.setdefault(p.parent, []).append(p)
        else:
            heads.append(p)
    heads.sort(key=lambda p: (district[p.neighbourhood], p.street.number, p.odd, p.along, p.uprn))

    def new_code(neighbourhood: int) -> str:
        area = district[neighbourhood]
        sector = 1 + neighbourhood % 4
        count = used.get(f"{area}{sector}", 0)
        used[f"{area}{sector}"] = count + 1
        mixed = (count * 61 + 17) % 400
        return f"{area} {sector}{_LETTERS[mixed // 20]}{_LETTERS[mixed % 20]}"

    code, left = "", 0
    before: Property | None = None
    for p in heads:
        flats = family.get(p.uprn, [])
        if p.postcode == "-":
            p.postcode = ""
            continue
        if len(flats) >= 9:
            own = new_code(p.neighbourhood)
            for member in [p, *flats]:
                member.postcode = own
            continue
        ended = left <= 0 or before is None or p.street is not before.street
        if before is not None and (p.oa != before.oa or p.odd != before.odd):
            ended = ended or dice.random() < 0.72
        if ended:
            code, left = new_code(p.neighbourhood), dice.randint(14, 40)
        before = p
        for member in [p, *flats]:
            member.postcode = code
            left -= 1
    for p in places.properties:
        if p.postcode:
            places.postcodes.setdefault(p.postcode, []).append(p)


def _stages_of_life(dice: Random, places: Places, uprns: Iterator[int]) -> None:
    """Dates, historic twins (the old UPRN of a live address), demolished and provisional properties."""
    houses = [p for p in places.properties if p.classification in ("RD02", "RD03", "RD04") and not p.pao]
    for p in places.properties:
        if dice.random() < 0.12:
            p.start = f"20{dice.randint(8, 25):02d}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
    for live in dice.sample(houses, 90):
        old = Property(**{**live.__dict__, "uprn": next(uprns)})
        old.status, old.state, old.successor = 8, 4, live.uprn
        old.end = f"20{dice.randint(12, 25):02d}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
        live.start = old.end
        old.start = "2007-10-24"
        places.properties.append(old)
    for last in dice.sample(houses, 20):
        gone = Property(**{**last.__dict__, "uprn": next(uprns)})
        gone.pao_number, gone.pao_suffix, gone.status, gone.state = last.pao_number, "Z", 8, 4
        gone.start, gone.end = "2007-10-24", "2019-06-30"
        places.properties.append(gone)
    edge = [p for p in houses if p.neighbourhood in (7, 9, 26, 33)]
    for near in dice.sample(edge, 40):
        new = Property(**{**near.__dict__, "uprn": next(uprns)})
        new.pao_number, new.pao_suffix = 0, ""
        new.pao = f"PLOT {dice.randint(1, 999)}"
        new.status, new.state, new.start = 6, 1, f"2026-0{dice.randint(1, 9)}-{dice.randint(1, 28):02d}"
        new.x, new.y = round(near.x + dice.uniform(-3, 3), 2), round(near.y + dice.uniform(-3, 3), 2)
        places.properties.append(new)


def _tenure(dice: Random, ground: Ground, places: Places) -> None:
    for p in places.properties:
        if not p.is_live_home:
            continue
        home = ground.neighbourhoods[p.neighbourhood]
        flat = p.classification in ("RD06", "RH02")
        social = {"estate": 0.62, "terrace": 0.10, "centre": 0.12}.get(
            home.style, 0.03 if home.deprivation < 0.4 else 0.13
        )
        private = {"centre": 0.45, "terrace": 0.33, "seaside": 0.24}.get(home.style, 0.1) + 0.25 * flat
        draw = dice.random()
        if p.classification == "RH02":
            p.tenure = "private"
        elif draw < social:
            p.tenure = "social"
        elif draw < social + private:
            p.tenure = "private"
        else:
            p.tenure = "owned"
