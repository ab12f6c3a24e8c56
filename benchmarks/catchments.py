"""Catchments predicted from roads, sites and homes, against where the patients of real GP practices live.

Here belong the comparison and its figures, for Bath & North East Somerset in April 2015: the published numbers of
patients of each practice by LSOA are the truth, and nothing of them goes into a prediction but, in two of the models
and said there, the total of each practice. How a site's pull falls with distance, and how a practice's size counts, are
chosen on nine parts of ten of the area (whole MSOAs) and scored on the tenth, in turn; the total of a practice
includes the patients of all ten.

A prediction is made for each postcode, from its own place, and summed by LSOA with its homes as weights. Two figures
are told, both weighted by patients: in how many LSOAs the practice that leads is the one predicted, and the overlap of
the two distributions over practices (one less half the sum of the differences): 1 is the same, 0 wholly different.

Needs PLACES_REAL_DATA: the folder of open data in which these lie as their publishers made them.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pipelines.formats import to_grid_metres
from pipelines.travel import speeds, topology
from pipelines.travel.accessibility import huff
from pipelines.travel.network import Floats, Integers
from pipelines.travel.routing import within
from pipelines.travel.snapping import snap

PATIENTS = "services_banes/GP_Surgery_LSOA_Catchment_-_April_2015.csv"
SURGERIES = "services_banes/GP_Surgeries_in_Bath_and_North_East_Somerset.csv"
PRACTICES = "nhs_ods/epraccur.csv"
HOMES = "council_banes/Council_tax_bands_by_postcode.csv"
LSOAS = "boundaries_2011/E06000022/lsoa_E06000022.geojson"
ROADS = "roads_banes/os_roads.geojson"

GROUP, GENERAL_PRACTICE = (
    "11E",
    "4",
)  # NHS Bath and North East Somerset CCG; prescribing setting of a GP practice
CODE, POSTCODE, COMMISSIONER, SETTING = 0, 9, 14, 25  # columns of epraccur, which has no header
# A branch whose name does not say of which practice: Care Quality Commission, inspection of Harptree Surgery, May 2016.
BRANCHES = {"Cameley Surgery": "HARPTREE SURGERY"}
COMMON_WORDS = {
    "SURGERY",
    "MEDICAL",
    "CENTRE",
    "PRACTICE",
    "HEALTH",
    "THE",
    "ST",
    "AND",
    "HOUSE",
    "PLACE",
    "S",
}

FOLDS = 10
ANY_LIMIT = 12 * 3600.0
MODES = ("walk", "cycle", "drive")
# What the cross-validation chooses from: minutes, or in a straight line kilometres, over which a site's pull falls to
# 1/e, or the power with which it falls; with a power, all that is nearer than so much is as near.
SCALES = {
    "straight line": (0.3, 0.5, 0.7, 1.0, 1.5, 2.0),
    "walk": (3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0),
    "cycle": (1.0, 2.0, 3.0, 5.0, 7.0, 10.0),
    "drive": (0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0),
}
NEXT_DOOR = {"straight line": 0.2, "walk": 3.0, "cycle": 1.0, "drive": 1.0}
POWERS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
SIZE_POWERS = (0.5, 0.75, 1.0, 1.25, 1.5)
BALANCING_ROUNDS = 60


@dataclass(frozen=True)
class Truth:
    """L areas, P practices, and H places with homes, between which there is a way."""

    areas: list[str]
    block: Integers
    """(L,): number of the MSOA that each area lies in."""
    practices: list[str]
    """(P,): name of each practice."""
    patients: Floats
    """(L, P)"""
    homes: Floats
    """(H,): homes at each place."""
    area: Integers
    """(H,): the area of each place."""
    far: Mapping[str, Floats]
    """{straight line, walk, cycle, drive: (H, P)}: kilometres or minutes to the nearest site of each practice."""
    account: tuple[str, ...]
    """What was read and what was left out, in words."""

    @property
    def people(self) -> Floats:
        """(H,): patients at each place, if those of an area are spread like its homes."""
        homes = np.bincount(self.area, self.homes, len(self.areas))
        return np.asarray(self.homes * (self.patients.sum(axis=1) / homes)[self.area], float)

    def by_area(self, chances: Floats) -> Floats:
        """(L, P): the shares that the places' chances (H, P) make in each area."""
        rows = np.zeros((len(self.areas), chances.shape[1]))
        np.add.at(rows, self.area, chances * self.homes[:, None])
        return np.asarray(rows / rows.sum(axis=1, keepdims=True), float)


@dataclass(frozen=True)
class Figures:
    """Shares of all patients, 0 to 1: in areas whose leading practice is right, and the overlap."""

    leading: float
    overlap: float


@dataclass(frozen=True)
class Row:
    """One way to predict, its shares (L, P), figures, and what was chosen for it most often."""

    what: str
    shares: Floats
    figures: Figures
    chosen: str = ""


def figures(patients: Floats, shares: Floats, areas: NDArray[Any] | None = None) -> Figures:
    """How right the predicted shares (L, P) are, weighted by patients (L, P), in some of the areas or in all."""
    some = np.ones(len(patients), bool) if areas is None else areas
    patients, shares = patients[some], shares[some]
    weight = patients.sum(axis=1)
    right = shares.argmax(axis=1) == patients.argmax(axis=1)
    overlap = np.minimum(shares, patients / weight[:, None]).sum(axis=1)
    return Figures(
        float((weight * right).sum() / weight.sum()), float((weight * overlap).sum() / weight.sum())
    )


# --- reading ---------------------------------------------------------------------------------------------------------


def read(folder: Path) -> Truth:
    """The truth and what predictions are made from. Raises `FileNotFoundError` where a file is not there."""
    area_code, block, area_shapes = _areas(folder)
    practice_code, practice_name, patients, outside = _patients(folder, area_code)
    site_practice, site_at = _sites(folder, practice_code, practice_name)
    at, homes, area, nowhere = _homes(folder, area_shapes)
    metres = np.hypot(*(at[:, None, :] - site_at[None]).transpose(2, 0, 1))
    far = {"straight line": metres / 1000, **_minutes(folder, at, site_at)}
    reached = np.isfinite(far["drive"]).all(axis=1) & np.isfinite(far["walk"]).all(axis=1)
    account = (
        f"{patients.sum() + outside.sum():,.0f} patients live in the area: {patients.sum():,.0f} registered with "
        f"{len(practice_code)} practices in it, {outside.sum():,.0f} with {len(outside)} others (outside, or for "
        "the homeless), left out",
        f"{homes.sum() + nowhere:,.0f} homes: {homes[reached].sum():,.0f} at {reached.sum():,} postcodes, "
        f"{nowhere:,.0f} outside the areas and {homes[~reached].sum():,.0f} without a way to every site, left out",
        f"{len(site_at)} sites, branches among them, of {len(practice_code)} practices; {len(area_code)} LSOAs",
    )
    return Truth(
        areas=area_code,
        block=block,
        practices=practice_name,
        patients=patients,
        homes=homes[reached],
        area=area[reached],
        far={
            how: _of_practice(matrix[reached], site_practice, len(practice_code))
            for how, matrix in far.items()
        },
        account=account,
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        yield from csv.DictReader(text)


def _practices(folder: Path) -> list[list[str]]:
    """The rows of the general practices of the area's group."""
    with (folder / PRACTICES).open(encoding="utf-8", newline="") as text:
        listed = list(csv.reader(text))
    return [row for row in listed if row[COMMISSIONER] == GROUP and row[SETTING] == GENERAL_PRACTICE]


def _areas(folder: Path) -> tuple[list[str], Integers, list[Any]]:
    """LSOAs by code, the MSOA of each (its name less the last letter), and shapes in degrees."""
    features = json.loads((folder / LSOAS).read_text("utf-8"))["features"]
    features.sort(key=lambda feature: feature["properties"]["LSOA11CD"])
    names = [feature["properties"]["LSOA11NM"][:-1] for feature in features]
    block = np.unique(names, return_inverse=True)[1]
    shapes = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features]
    return [feature["properties"]["LSOA11CD"] for feature in features], block.astype(np.int64), shapes


def _patients(folder: Path, areas: list[str]) -> tuple[list[str], list[str], Floats, Floats]:
    """Codes and names of the practices in the area, their patients (L, P), and of each other practice its patients."""
    general = {listed[CODE] for listed in _practices(folder)}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    names: dict[str, str] = {}
    for row in _rows(folder / PATIENTS):
        of_area = row["CCG"] == GROUP and row["PRACTICE_CODE"] in general
        names |= {row["PRACTICE_CODE"]: row["ORG_NAME"]} if of_area else {}
        found[row["PRACTICE_CODE"]][row["LSOA_CODE"]] += int(row["All Patients"])
    codes = sorted(names)
    patients = np.array([[found[code][area] for code in codes] for area in areas], float)
    outside = np.array([sum(found[code].values()) for code in sorted(set(found) - set(names))], float)
    return codes, [names[code] for code in codes], patients, outside


def _sites(folder: Path, codes: list[str], names: list[str]) -> tuple[Integers, Floats]:
    """Of each surgery the row of its practice, by postcode or else by name, and where it is, EPSG:27700."""
    at_postcode: dict[str, list[int]] = defaultdict(list)
    for listed in _practices(folder):
        if listed[CODE] in codes:
            at_postcode[listed[POSTCODE]].append(codes.index(listed[CODE]))
    practice, degrees = [], []
    for row in _rows(folder / SURGERIES):
        name = row["Name"].strip()
        of = at_postcode[row["Postcode"].strip()]
        practice.append(of[0] if len(of) == 1 else _named(name, names))
        degrees.append(_point(row["Location 1"]))
    easting, northing = to_grid_metres([x for x, _ in degrees], [y for _, y in degrees])
    if left := sorted(set(names) - {names[i] for i in practice}):
        raise ValueError(f"{SURGERIES}: no surgery is of the practice {', '.join(left)}")
    return np.array(practice, np.int64), np.column_stack([easting, northing])


def _named(surgery: str, names: list[str]) -> int:
    """The practice of which a surgery's name tells."""
    branch = re.search(r"\b(?:Branch|Subsid\w*) of (.*)", surgery)
    wanted = _words(BRANCHES.get(surgery) or (branch[1] if branch else surgery))
    alike = [len(wanted & _words(name)) for name in names]
    if alike.count(max(alike)) != 1:
        raise ValueError(f"{SURGERIES}: `{surgery}` is of none of the practices, or of several")
    return alike.index(max(alike))


def _words(name: str) -> set[str]:
    """The words of a name that tell it from others, without the s of a saint's."""
    words = re.sub(r"[^A-Z0-9]+", " ", name.upper().replace("'", "")).split()
    return {word.removesuffix("S") for word in words if word not in COMMON_WORDS}


def _point(written: str) -> tuple[float, float]:
    """Longitude and latitude of `(latitude, longitude)`."""
    latitude, longitude = written.strip("()").split(",")
    return float(longitude), float(latitude)


def _homes(folder: Path, shapes: list[Any]) -> tuple[Floats, Floats, Integers, float]:
    """Of each postcode where it is, its homes, and the area it is in; and how many homes are in none."""
    homes, degrees = [], []
    for row in _rows(folder / HOMES):
        homes.append(sum(int(row[band]) for band in "ABCDEFGH"))
        degrees.append(_point(row["Location 1"]))
    tree = shapely.STRtree(shapes)
    place, area = tree.query(shapely.points(degrees), predicate="intersects")
    place, first = np.unique(place, return_index=True)
    count = np.array(homes, float)
    easting, northing = to_grid_metres(*np.array(degrees)[place].T)
    return (
        np.column_stack([easting, northing]),
        count[place],
        area[first].astype(np.int64),
        float(count.sum() - count[place].sum()),
    )


def _minutes(folder: Path, homes: Floats, sites: Floats) -> dict[str, Floats]:
    """Minutes by road from each home to each site (H, S), by mode; `inf` where there is no way."""
    features = json.loads((folder / ROADS).read_text("utf-8"))["features"]
    lines = np.array([shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features])
    places = shapely.get_coordinates(lines)
    easting, northing = to_grid_metres(places[:, 0], places[:, 1])
    lines = shapely.set_coordinates(lines, np.column_stack([easting, northing]))
    kinds = [feature["properties"]["classifica"] for feature in features]
    ids = [feature["properties"]["id"] for feature in features]
    network = topology.build(lines, ids=ids, kmh=speeds.of_os(kinds).kmh).network
    found = {}
    for mode in MODES:
        matrix = np.full((len(homes), len(sites)), np.inf)
        of_homes, of_sites = snap(homes, network, mode), snap(sites, network, mode)
        for pairs in within(network, mode, of_homes, of_sites, ANY_LIMIT):
            matrix[pairs.home, pairs.site] = pairs.seconds / 60
        found[mode] = matrix
    return found


def _of_practice(matrix: Floats, practice: Integers, practices: int) -> Floats:
    """To the nearest site of each practice."""
    return np.column_stack([matrix[:, practice == i].min(axis=1) for i in range(practices)])


# --- predicting ------------------------------------------------------------------------------------------------------


def decays(how: str, far: Floats) -> Iterator[tuple[str, Callable[..., Floats]]]:
    """Ways in which a site's pull falls with distance: the name of each, and Huff's chances (H, P) by it."""
    home, practice = (index.ravel() for index in np.indices(far.shape))
    seconds = far.ravel() * 60  # of kilometres it makes no seconds, and the same chances
    unit = "km" if how == "straight line" else "min"

    def chances(size: Floats, power: float = 1.0, **decay: Any) -> Floats:
        found = huff(
            home, practice, seconds, attraction=size, origins=len(far), attraction_power=power, **decay
        )
        return found.reshape(far.shape)

    for scale in SCALES[how]:
        yield (
            f"exp(-d / {scale:g} {unit})",
            partial(chances, decay=1 / (scale * 60), decay_form="exponential", least_seconds=0),
        )
    for power in POWERS:
        least = NEXT_DOOR[how]
        yield (
            f"d^-{power:g}, d from {least:g} {unit}",
            partial(chances, decay=power, least_seconds=least * 60),
        )


def balanced(chances: Floats, people: Floats, size: Floats) -> Floats:
    """Huff's chances (H, P) with the attraction of each practice such that as many people (H,) come as it has (P,).

    The doubly constrained model of Wilson (1971), by proportional fitting.
    """
    attraction = np.ones(len(size))
    drawn = chances
    for _ in range(BALANCING_ROUNDS):
        attraction *= size / np.maximum(people @ drawn, 1e-9)
        drawn = chances * attraction
        drawn /= drawn.sum(axis=1, keepdims=True)
    return drawn


def predictions(truth: Truth, how: str) -> Iterator[tuple[str, dict[str, Floats]]]:
    """The models by one kind of distance: each with the shares (L, P) of everything that can be chosen in it."""
    size = truth.patients.sum(axis=0)
    alike = np.ones(len(size))
    falls = dict(decays(how, truth.far[how]))
    yield (
        "Huff, all practices alike",
        {name: truth.by_area(chances(alike)) for name, chances in falls.items()},
    )
    yield (
        "Huff, by size of list",
        {
            f"{name}, list^{power:g}": truth.by_area(chances(size, power))
            for name, chances in falls.items()
            for power in SIZE_POWERS
        },
    )
    yield (
        "Huff, balanced to lists",
        {
            name: truth.by_area(balanced(chances(alike), truth.people, size))
            for name, chances in falls.items()
        },
    )


def folds(block: Integers, seed: int = 1) -> Integers:
    """(L,): which of the folds each area is in; whole blocks, shuffled."""
    blocks = int(block.max()) + 1
    return (np.random.default_rng(seed).permutation(blocks) % FOLDS)[block]


def cross_validated(patients: Floats, choices: Mapping[str, Floats], fold: Integers) -> tuple[Floats, str]:
    """The shares (L, P) of each fold by what overlaps best in the others, and what was chosen most often."""
    shares = np.zeros_like(patients)
    chosen: Counter[str] = Counter()
    for held_out in np.unique(fold):
        there = fold == held_out
        best = max(choices, key=lambda name: figures(patients, choices[name], ~there).overlap)
        shares[there] = choices[best][there]
        chosen[best] += 1
    name, times = min(chosen.items(), key=lambda one: (-one[1], one[0]))
    return shares, f"{name} in {times} of {len(np.unique(fold))}"


def predicted(truth: Truth) -> list[Row]:
    """Every baseline and every model, with its figures."""
    rows: list[Row] = []

    def add(what: str, shares: Floats, chosen: str = "") -> None:
        rows.append(Row(what, shares, figures(truth.patients, shares), chosen))

    size = truth.patients.sum(axis=0)
    add("size of list alone", np.tile(size / size.sum(), (len(truth.areas), 1)))
    for how, far in truth.far.items():
        add(f"nearest, {how}", truth.by_area(np.eye(far.shape[1])[far.argmin(axis=1)]))
    fold = folds(truth.block)
    for how in truth.far:
        for model, choices in predictions(truth, how):
            shares, chosen = cross_validated(truth.patients, choices, fold)
            add(f"{model}, {how}", shares, chosen)
    return rows


# --- telling ---------------------------------------------------------------------------------------------------------


def least_fitting(truth: Truth, shares: Floats) -> int:
    """The practice whose patients, all told, live least where they were predicted."""
    expected = shares * truth.patients.sum(axis=1, keepdims=True)
    return int(np.abs(expected - truth.patients).sum(axis=0).argmax())


def without(truth: Truth, practice: int) -> Truth:
    """The same without one practice and its patients."""
    others = np.arange(len(truth.practices)) != practice
    return replace(
        truth,
        practices=[name for name, other in zip(truth.practices, others, strict=True) if other],
        patients=truth.patients[:, others],
        far={how: far[:, others] for how, far in truth.far.items()},
    )


def told(rows: list[Row]) -> list[str]:
    """A line for each row."""
    return [
        f"  {row.what:42}{row.figures.leading:8.1%}{row.figures.overlap:9.1%}  {row.chosen}".rstrip()
        for row in rows
    ]


def run() -> str:
    """The table for Bath & North East Somerset; without its data, what to do to have it."""
    folder = os.environ.get("PLACES_REAL_DATA")
    if not folder:
        return "catchments: left out; set PLACES_REAL_DATA to the folder with the real open data"
    truth = read(Path(folder).expanduser())
    rows = predicted(truth)
    best = max(rows, key=lambda row: row.figures.overlap)
    odd = least_fitting(truth, best.shares)
    fewer = without(truth, odd)
    again = [row for row in predicted(fewer) if "cycle" not in row.what]
    return "\n".join(
        [
            "GP catchments of Bath & North East Somerset, April 2015",
            *(f"  {line}" for line in truth.account),
            f"  {'share of patients':42}{'leading':>8}{'overlap':>9}  chosen in cross-validation",
            *told(rows),
            f"without {truth.practices[odd]}, whose patients live least where they were predicted "
            f"({truth.patients[:, odd].sum():,.0f})",
            *told(again),
        ]
    )
