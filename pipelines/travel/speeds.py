"""How fast each kind of road is travelled on foot, by bicycle and by car, and who may use it in which direction.

Here belong the tables of speeds, the rules of access and of one-way streets, and the key `travel:` of
`authority.yaml`, which overrides the tables. How lines become a network is `topology`.

Speeds are averages over a whole journey at an ordinary time of day, junctions included, in km/h. Where they come from:

- On foot 4.8 km/h (3 mph, 80 metres a minute) and by bicycle 16 km/h (10 mph): what the Department for Transport's
  Journey Time Statistics reckon with. Steps at half the pace, rough tracks by bicycle at six tenths of it: rules of
  thumb.
- By car, motorways 95 km/h: the average on the Strategic Road Network in England, 59 mph in 2018 and in the year to
  June 2019. A roads 41 km/h: the average on local A roads, 25.4 mph in the year to June 2019 (both: Department for
  Transport, Travel time measures for the Strategic Road Network and local A roads).
- By car, everything else is a rule of thumb, in steps below these: what is slower, and by about how much, is agreed;
  the figures are nobody's measurement. Town and country are not told apart, so that a country A road is quicker than
  the table says and one in a town centre slower. An authority that knows better says so in `travel:`.

OS Open Roads has no one-way streets, no speed limits and no footpaths: there everything is two-way, and whoever walks
keeps to the roads. OpenStreetMap has all three. Its rules of access are those of its own guidance for the United
Kingdom, with one exception: a `path` that does not say so is not for bicycles, since a public footpath is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from pipelines.descriptions import Description, nearest
from pipelines.travel.network import AGAINST, ALONG, MODES, Floats

WALK_KMH, CYCLE_KMH = 4.8, 16.0
BY_LEAVE_KMH = 10.0  # by car where only a sign lets cars in: a drive, a forest track
UNKNOWN = "unknown"

# By kind of road: what share of the ordinary pace on foot, and by bicycle; km/h by car. 0: not allowed.
Row = tuple[float, float, float]
# `road_function` of OS Open Roads, and `classification` of OS Open Map Local, VectorMap District and OS NGD where they
# differ.
FUNCTIONS: dict[str, Row] = {
    "Motorway": (
        0,
        0,
        95,
    ),  # pedestrians and cyclists are excluded (Highways Act 1980, section 16 and schedule 4)
    "Primary Road": (1, 1, 50),
    "A Road Primary": (1, 1, 50),
    "B Road Primary": (1, 1, 50),
    "A Road": (1, 1, 41),
    "B Road": (1, 1, 40),
    "Minor Road": (1, 1, 35),
    "Local Road": (1, 1, 25),
    "Local Access Road": (1, 1, 18),
    # Some may use it and who is not told: it may be where a journey ends, and is too slow to tempt others through.
    "Restricted Local Access Road": (1, 1, 12),
    "Secondary Access Road": (1, 1, 12),
    "Restricted Secondary Access Road": (1, 1, 12),
    "Pedestrianised Street": (1, 0, 0),
    UNKNOWN: (1, 1, 25),
}
# `form_of_way`: shares of what the function says.
FORMS: dict[str, Row] = {
    "Single Carriageway": (1, 1, 1),
    "Collapsed Dual Carriageway": (1, 1, 1.25),
    "Dual Carriageway": (1, 1, 1.25),
    "Slip Road": (1, 1, 0.75),
    "Roundabout": (1, 1, 0.75),
    "Traffic Island Link": (1, 1, 0.75),
    "Traffic Island Link At Junction": (1, 1, 0.75),
    "Enclosed Traffic Area": (1, 1, 0.5),
    "Layby": (1, 1, 0.5),
    "Track": (1, 1, 0.5),
    "Shared Use Carriageway": (1, 1, 0.5),
    "Guided Busway": (0, 0, 0),  # buses alone; a path beside it is not in these data
}
# `highway` of OpenStreetMap.
HIGHWAYS: dict[str, Row] = {
    "motorway": (0, 0, 95),
    "motorway_link": (0, 0, 60),
    "trunk": (1, 1, 60),
    "trunk_link": (1, 1, 40),
    "primary": (1, 1, 41),
    "primary_link": (1, 1, 35),
    "secondary": (1, 1, 40),
    "secondary_link": (1, 1, 35),
    "tertiary": (1, 1, 35),
    "tertiary_link": (1, 1, 30),
    "unclassified": (1, 1, 35),
    "residential": (1, 1, 25),
    "living_street": (1, 1, 12),
    "service": (1, 1, 12),
    "road": (1, 1, 25),
    "track": (1, 0.6, 0),
    "pedestrian": (1, 0, 0),
    "footway": (1, 0, 0),
    "path": (1, 0, 0),
    "steps": (0.5, 0, 0),
    "corridor": (1, 0, 0),
    "cycleway": (1, 1, 0),
    "bridleway": (1, 0.6, 0),  # cyclists may use it (Countryside Act 1968, section 30)
    "busway": (0, 0, 0),
    "bus_guideway": (0, 0, 0),
}
# What the keys of `travel: speeds:` may name.
KINDS = tuple(dict.fromkeys([*FUNCTIONS, *(form for form in FORMS if FORMS[form] != (1, 1, 1)), *HIGHWAYS]))
TAGS = (
    "highway", "junction", "oneway", "oneway_bicycle", "oneway_foot", "cycleway", "access", "foot", "bicycle",
    "vehicle", "motor_vehicle", "motorcar", "maxspeed",
)  # fmt: skip

FASTEST = 130
Kmh = Annotated[float, Field(ge=0, le=FASTEST, allow_inf_nan=False)]


class Speeds(Description):
    """Speeds that go before the table's, in km/h: one for all, or one for each kind of road that is named."""

    walk: Kmh | dict[str, Kmh] = {}
    """On foot: a number, such as 4.8, or `{steps: 2}`."""
    cycle: Kmh | dict[str, Kmh] = {}
    """By bicycle: a number, such as 15, or one for each kind of road; 0 where bicycles may not go."""
    drive: Kmh | dict[str, Kmh] = {}
    """By car: `{"A Road": 45, "Local Road": 20}`, or one number for every road that cars may use."""

    @field_validator("walk", "cycle", "drive", mode="before")
    @classmethod
    def _is_a_speed(cls, value: Any) -> Any:
        """Says in one sentence what else is said of each thing that the value might have been."""
        for kind, kmh in value.items() if isinstance(value, dict) else [("", value)]:
            try:
                is_beyond = not 0 <= float(kmh) <= FASTEST
            except (TypeError, ValueError):
                continue  # no number: what it is held to next says so
            if is_beyond:
                of = f"`{kind}`: " if kind else ""
                wanted = "0 or more" if kind else "more than 0"
                raise ValueError(f"{of}wanted {wanted} km/h, at most {FASTEST}; found {kmh}")
        return value

    @field_validator("walk", "cycle", "drive")
    @classmethod
    def _kinds_known(cls, value: float | dict[str, float]) -> float | dict[str, float]:
        if isinstance(value, dict):
            by_key = {_plain(kind): kind for kind in KINDS}
            for kind in value:
                if _plain(kind) not in by_key:
                    raise ValueError(
                        f"`{kind}` is not a kind of road that is known{nearest(kind, list(KINDS))}"
                    )
            return {by_key[_plain(kind)]: kmh for kind, kmh in value.items()}
        if value <= 0:
            raise ValueError("wanted more than 0 km/h")
        return value


class Travel(Description):
    """The key `travel:` of `authority.yaml`: how people get about; everything has a default."""

    roads: Literal["", "os_open_roads", "osm_roads"] = ""
    """The source of the roads; without it `osm_roads` where it has files (it knows paths and one-way streets), else
    `os_open_roads`."""
    speeds: Speeds = Speeds()
    """Speeds in km/h, where they are not those of the table in docs/roads.md."""
    join_metres: float = Field(default=0.01, ge=0, le=5, allow_inf_nan=False)
    """Of roads without node ids: a road that ends so near to another is joined to it. More than a few centimetres may
    join a road to one that bollards part from it."""
    snap_metres: int = Field(default=500, ge=1, le=10_000)
    """A place that is farther than this from any road is reported as far."""

    @model_validator(mode="after")
    def _walkable(self) -> Travel:
        for mode in ("walk", "cycle"):
            said = getattr(self.speeds, mode)
            limit = 10 if mode == "walk" else 40
            fast = [said] if isinstance(said, float) else list(said.values())
            if any(kmh > limit for kmh in fast):
                raise ValueError(f"`speeds`: `{mode}`: wanted km/h, at most {limit}; found {max(fast):g}")
        return self


@dataclass(frozen=True)
class Travelled:
    """How fast each of M roads is travelled, and what was not understood.

    `kmh` is {mode: (M, 2)}: km/h along and against the line, 0 where the mode may not go. `kind` (M,) is what each
    road is called. `unknown` counts the roads by words that are in no table; they are taken for local roads.
    """

    kmh: dict[str, Floats]
    kind: NDArray[Any]
    unknown: dict[str, int]


def of_os(
    functions: Sequence[Any], forms: Sequence[Any] | None = None, travel: Travel | None = None
) -> Travelled:
    """Speeds of roads as Ordnance Survey describes them, two-way throughout.

    `functions` (M,) holds the road function (or classification; `A Road, Collapsed Dual Carriageway` is taken apart),
    `forms` (M,) the form of way; either may hold None. Lower case and camel case (`aRoad`) are understood.
    """
    travel = travel or Travel()
    known = {_plain(name): name for name in (*FUNCTIONS, *FORMS)}
    default = [UNKNOWN, "Single Carriageway"]

    def one(combination: Sequence[str]) -> tuple[str, list[tuple[float, float]], list[str]]:
        said, strange = list(default), []
        for text in ",".join(combination).split(","):
            name = known.get(_plain(text))
            if name:
                said[name in FORMS] = name
            elif text.strip():
                strange.append(text.strip())
        function, form = said
        speeds = []
        for i, mode in enumerate(MODES):
            # A motorway is a dual carriageway as it is.
            share = min(FORMS[form][i], 1) if function == "Motorway" else FORMS[form][i]
            base = FUNCTIONS[function][i] * (WALK_KMH, CYCLE_KMH, 1.0)[i]
            # A guided busway stays one, whatever a speed for its class says.
            kmh = _overridden(mode, base, function, travel) * share
            kmh = _of_kind(mode, kmh, form, travel)
            speeds.append((kmh, kmh))
        kind = function if form == "Single Carriageway" else f"{function}, {form}"
        return kind, speeds, strange

    columns = [functions, forms] if forms is not None else [functions]
    return _by_combination(columns, one)


def of_osm(tags: Mapping[str, Sequence[Any]], travel: Travel | None = None) -> Travelled:
    """Speeds of the ways of OpenStreetMap, by direction, from their tags.

    `tags` is {tag: (M,) texts or None} with `highway` and any of `TAGS` (a colon is written as an underscore). Ways
    that are not there yet or no longer, or that nobody may use, have 0 km/h by every mode.
    """
    travel = travel or Travel()
    names = [name for name in TAGS if name in tags]

    def one(combination: Sequence[str]) -> tuple[str, list[tuple[float, float]], list[str]]:
        way = {name: text.strip().lower() for name, text in zip(names, combination, strict=True) if text}
        highway = way.get("highway", "")
        if highway not in HIGHWAYS:
            strange = [] if highway in NO_WAYS else [highway or "no highway tag"]
            row = HIGHWAYS["road"] if strange and highway not in NO_WAYS and highway else (0.0, 0.0, 0.0)
        else:
            strange, row = [], HIGHWAYS[highway]
        speeds = []
        for i, mode in enumerate(MODES):
            base = row[i] * (WALK_KMH, CYCLE_KMH, 1.0)[i]
            kmh = _overridden(mode, base, highway, travel)
            kmh = _of_access(mode, kmh, way, travel)
            if mode == "drive" and (limit := _limit(way.get("maxspeed", ""))):
                kmh = min(kmh, limit)
            along, against = _directions(mode, way)
            speeds.append((kmh * along, kmh * against))
        return highway or UNKNOWN, speeds, strange

    return _by_combination([tags[name] for name in names], one)


def _by_combination(
    columns: Sequence[Sequence[Any]],
    one: Callable[[Sequence[str]], tuple[str, list[tuple[float, float]], list[str]]],
) -> Travelled:
    """What `one` says of each row, asked once for each combination of texts that occurs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [pc.fill_null(pa.array(column, pa.string()), "") for column in columns]
    joined = pc.binary_join_element_wise(*texts, "\x1f").dictionary_encode()
    code = joined.indices.to_numpy(zero_copy_only=False)
    said = [one(text.split("\x1f")) for text in joined.dictionary.to_pylist()]
    speeds = np.array([s for _, s, _ in said], float).reshape(-1, len(MODES), 2)
    kinds = np.array([kind for kind, _, _ in said] or [""], object)
    counts = np.bincount(code, minlength=len(said))
    unknown: dict[str, int] = {}
    for (_, _, strange), count in zip(said, counts.tolist(), strict=True):
        for text in strange:
            unknown[text] = unknown.get(text, 0) + count
    kmh = {mode: np.ascontiguousarray(speeds[code, i]) for i, mode in enumerate(MODES)}
    return Travelled(kmh, kinds[code], dict(sorted(unknown.items())))


def _plain(text: str) -> str:
    """A name without regard to case and gaps: `aRoad`, `A ROAD`, `A Road`, `a_road` are one."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def _overridden(mode: str, kmh: float, kind: str, travel: Travel) -> float:
    """The authority's speed in place of the table's; where the mode may not go, only one named for the kind lets it
    in."""
    said = getattr(travel.speeds, mode)
    if isinstance(said, dict):
        return _named(said).get(_plain(kind), kmh)
    if kmh == 0:
        return 0.0
    # One pace for all, on foot and by bicycle: what is slower than the rest stays so.
    ordinary = {"walk": WALK_KMH, "cycle": CYCLE_KMH}.get(mode)
    return float(said) * (kmh / ordinary if ordinary else 1.0)


def _named(said: Mapping[str, float]) -> dict[str, float]:
    return {_plain(kind): float(kmh) for kind, kmh in said.items()}


def _of_kind(mode: str, kmh: float, kind: str, travel: Travel) -> float:
    said = getattr(travel.speeds, mode)
    return _named(said).get(_plain(kind), kmh) if isinstance(said, dict) else kmh


# --- OpenStreetMap ---------------------------------------------------------------------------------------------------

# Values of `highway` that are no way to go: not built, gone, or no line to travel along.
NO_WAYS = {
    "abandoned", "bus_stop", "construction", "crossing", "demolished", "disused", "elevator", "emergency_access_point",
    "escape", "no", "planned", "platform", "proposed", "raceway", "razed", "removed", "rest_area", "services",
    "street_lamp", "via_ferrata",
}  # fmt: skip
# Whose tags speak for a mode, the most particular first.
ACCESS = {"walk": ("foot", "access"), "cycle": ("bicycle", "vehicle", "access"),
          "drive": ("motorcar", "motor_vehicle", "vehicle", "access")}  # fmt: skip
SHUT = {
    "no",
    "private",
    "agricultural",
    "forestry",
    "military",
    "delivery",
    "emergency",
    "permit",
    "use_sidepath",
}
OPEN = {"yes", "designated", "permissive", "official", "destination", "customers", "residents"}
FORWARD, BACKWARD = {"yes", "true", "1"}, {"-1", "reverse"}


def _of_access(mode: str, kmh: float, way: Mapping[str, str], travel: Travel) -> float:
    """The speed as the way's tags allow it. A motorway stays one, and so does what is not built."""
    highway = way.get("highway", "")
    if highway in NO_WAYS or not highway or (highway.startswith("motorway") and mode != "drive"):
        return 0.0
    for tag in ACCESS[mode]:
        value = way.get(tag, "")
        if value in SHUT:
            return 0.0
        if mode == "cycle" and tag == "bicycle" and value == "dismount":
            return _overridden("walk", WALK_KMH, "", travel)
        if value in OPEN:
            # `access=yes` alone does not make a footpath a road.
            if kmh == 0 and tag != "access":
                own = {"walk": WALK_KMH, "cycle": CYCLE_KMH, "drive": BY_LEAVE_KMH}[mode]
                return _overridden(mode, own, "", travel)
            return kmh
    return kmh


def _directions(mode: str, way: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether a mode may go along the way and against it."""
    own = {"walk": "oneway_foot", "cycle": "oneway_bicycle"}.get(mode, "")
    oneway = way.get(own, "") if own else ""
    if mode == "walk":
        pass  # one-way streets are no matter to those who walk, unless a sign speaks to them
    elif mode == "cycle" and not oneway and way.get("cycleway", "").startswith("opposite"):
        return True, True
    elif not oneway:
        oneway = way.get("oneway", "")
        if not oneway and (
            way.get("junction") in {"roundabout", "circular"} or way.get("highway") == "motorway"
        ):
            oneway = "yes"
    found = [False, False]
    found[ALONG], found[AGAINST] = oneway not in BACKWARD, oneway not in FORWARD
    return found[ALONG], found[AGAINST]


def _limit(text: str) -> float:
    """A speed limit in km/h from `30 mph`, `50` or `GB:motorway`; 0 where it is not a figure."""
    found = re.fullmatch(r"(\d{1,3})(?:\.\d+)?\s*(mph|km/h|kmh)?", text)
    if not found:
        return 0.0
    return float(found[1]) * (1.609344 if found[2] == "mph" else 1.0)
