"""Who belongs to which site, as others publish it: patients of each practice by LSOA, priority areas of three schools.

Belongs here: the two sources and how they are drawn up. Does not belong here: the sites themselves (`publish.py`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from random import Random

import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from data.borough.addresses import Places, Property
from data.borough.areas import Areas
from data.borough.files import csv_text, geopackage, write_text
from data.borough.people import Person

PATIENTS_COLUMNS = (
    "PUBLICATION EXTRACT_DATE PRACTICE_CODE PRACTICE_NAME LSOA_CODE SEX NUMBER_OF_PATIENTS".split()
)
PUBLICATION, EXTRACT_DATE = "GP_PRAC_PAT_LIST", "01OCT2026"
# A practice across the border, and what the publisher writes where it knows no LSOA.
ABROAD, NO_LSOA = ("Q99901", "OVERSANDS SURGERY"), "NO2011"
PULL_METRES = 650.0  # over which a practice's pull falls to 1/e
NOISE = 0.45
PRIORITY_METRES = 700.0


def patients(
    dice: Random,
    path: Path,
    places: Places,
    areas: Areas,
    folk: dict[int, list[Person]],
    sizes: dict[str, int],
) -> None:
    """Write the patients registered, by practice and LSOA.

    The people of a home choose among the practices in proportion to size of list and exp(-distance / `PULL_METRES`),
    and each LSOA has habits of its own that no distance tells. `sizes` are the practices' lists by code, in the order
    of `places.surgeries`.
    """
    by_uprn = places.by_uprn()
    lsoa_of = {area.code: area.lsoa for area in areas.output_areas}
    surgeries = dict(zip(sizes, (by_uprn[uprn] for uprn in places.surgeries), strict=True))
    habits: dict[str, dict[str, float]] = {}
    for lsoa in sorted(set(lsoa_of.values())):
        habits[lsoa] = {code: math.exp(dice.gauss(0, NOISE)) for code in sizes}
    expected: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for uprn in sorted(folk):
        home = by_uprn[uprn]
        lsoa = lsoa_of[home.oa]
        pull = {
            code: size * habits[lsoa][code] * math.exp(-_metres(home, surgeries[code]) / PULL_METRES)
            for code, size in sizes.items()
        }
        for code, share in pull.items():
            expected[code][lsoa] += len(folk[uprn]) * share / sum(pull.values())
    names = {code: surgery.organisation.upper() for code, surgery in surgeries.items()}
    rows: list[list[object]] = []
    for code in sizes:
        counted = {lsoa: round(people) for lsoa, people in sorted(expected[code].items())}
        rows += [
            [PUBLICATION, EXTRACT_DATE, code, names[code], lsoa, "ALL", people]
            for lsoa, people in counted.items()
            if people
        ]
        rows.append([PUBLICATION, EXTRACT_DATE, code, names[code], NO_LSOA, "ALL", dice.randint(1, 9)])
    for lsoa in dice.sample(sorted(habits), 5):
        rows.append([PUBLICATION, EXTRACT_DATE, *ABROAD, lsoa, "ALL", dice.randint(3, 60)])
    write_text(path, csv_text([PATIENTS_COLUMNS, *rows]))


def priority_areas(path: Path, places: Places, areas: Areas, urns: dict[int, int]) -> None:
    """Write the priority areas of three primary schools: the whole Output Areas around each, so that two may overlap.

    `urns` are the schools' references by UPRN.
    """
    by_uprn = places.by_uprn()
    rows: list[tuple[list[object], MultiPolygon]] = []
    for uprn in [u for u in places.schools if by_uprn[u].classification != "CE04"][:9:4]:
        school = by_uprn[uprn]
        at = Point(school.easting, school.northing)
        around = [a.shape for a in areas.output_areas if a.shape.centroid.distance(at) <= PRIORITY_METRES]
        shape = shapely.union_all(around, grid_size=0.01)
        whole = MultiPolygon([shape] if isinstance(shape, Polygon) else list(shape.geoms))
        rows.append((["schools", str(urns[uprn]), f"Priority area of {school.organisation.title()}"], whole))
    columns = [("site_kind", "TEXT"), ("site_reference", "TEXT"), ("name", "TEXT")]
    geopackage(path, [("priority_area", "MULTIPOLYGON", columns, rows)])


def _metres(a: Property, b: Property) -> float:
    return math.hypot(a.easting - b.easting, a.northing - b.northing)
