"""An authority small enough to work out by hand, for the tests that need a whole one.

Four Output Areas, squares of 200 m in a row from west to east, each with twelve homes on three streets of their own
postcode; two LSOAs (Output Areas 1 and 2; 3 and 4), one MSOA, two wards (1 to 3; 4). Two services and one kind of site:

| dataset | read | kept | placed |
|---|---:|---:|---|
| council_tax 2026-08 (personal, stock) | 48 | 48 | each home by its UPRN |
| council_tax 2026-09 | 51 | 48 | 45 by UPRN, 1 by address, 1 by postcode, 1 not at all |
| social_care (special, flow) | 35 | 35 | by postcode: 20 in 2026 Q2 and 12 in Q3 in LSOA 1; 3 in Q3 in LSOA 2 |
| libraries (open, sites) | 2 | 2 | by coordinates, in Output Areas 1 and 4 |

The three rows rejected: a total, a second row of one account, a row that is too short. Every personal value but the
dates of birth holds the word of `PERSONAL`: where that turns up in anything but these files, something leaked. Nothing
here is real. The sample (`data/sample`) is for looking at; this is for counting by hand.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

CODE = "E06999009"
PERSONAL = "CANARY"
OUTPUT_AREAS = ("E00999901", "E00999902", "E00999903", "E00999904")
LSOAS = ("E01999901", "E01999902")
MSOA = "E02999901"
WARDS = ("E05999901", "E05999902")

WEST, SOUTH, SIDE = 400_000, 200_000, 200  # metres, EPSG:27700
HOMES_IN_AREA = 12
STREETS = ("ALDER ROAD", "BEECH ROAD", "CEDAR ROAD")

AUTHORITY = f"""\
name: Smallbridge
code: {CODE}
area_vintage: 2021
disclosure: {{threshold: 10, round_to: 5}}
owners: {{senior_responsible_owner: Director of Resources}}
"""

COUNCIL_TAX = """\
title: Council tax accounts
owner: Revenues and Benefits
purpose: Council tax billing; used here to see which homes are occupied
lawful_basis: Public task (Local Government Finance Act 1992)
uses: [demand, overlap, reach]
sensitivity: personal
files: "council_tax_*.csv"
as_at: file_name
counts: account
columns:
  ACCOUNT_REF: record_reference
  UPRN: uprn
  LEAD_NAME: personal
  DATE_OF_BIRTH: {is: personal, keep: age_band, as: age_band}
  ADDRESS: address_line
  POSTCODE: postcode
  BAND: {is: category, as: band, values: [A, B, C]}
exclude:
  - {column: ACCOUNT_REF, equals: Total, because: a total row inside the data}
"""

SOCIAL_CARE = """\
title: Adult social care events
owner: Adult Social Care
purpose: The statutory return; used here for demand by area
lawful_basis: Public task (Care Act 2014)
uses: [demand, overlap, reach]
sensitivity: special
files: "events_*.csv"
as_at: 2026-09-30
kind: flow
period: quarter
counts: event
columns:
  CLIENT_NAME: personal
  EVENT_DATE: event_date
  POSTCODE: postcode
"""

LIBRARIES = """\
title: Libraries
owner: Libraries and Culture
purpose: Where libraries are, for distance to the nearest
sensitivity: open
licence: Open Government Licence v3.0
attribution: Invented data
files: "libraries_*.csv"
as_at: file_name
counts: library
columns:
  LIBRARY: {is: category, as: name}
  EASTING: easting
  NORTHING: northing
"""


class Home:
    """One home: Output Area `area` (1 to 4), number `within` it (1 to 12)."""

    def __init__(self, area: int, within: int) -> None:
        self.area = area
        street, self.number = divmod(within - 1, 4)
        self.number += 1
        self.street = STREETS[street]
        self.uprn = 990_000_000_000 + area * 1000 + within
        self.postcode = f"QX9 {area}{'ABC'[street] * 2}"
        self.easting = WEST + (area - 1) * SIDE + 10 + within * 10
        self.northing = SOUTH + 100

    @property
    def address(self) -> str:
        """The address as the services write it, without its postcode."""
        return f"{self.number} {self.street.title()}, Smallbridge"


HOMES = [Home(area, within) for area in range(1, 5) for within in range(1, HOMES_IN_AREA + 1)]


def write_small_authority(folder: Path) -> Path:
    """Write the authority folder (made where it is missing); returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authority.yaml").write_text(AUTHORITY, "utf-8")
    _write_sources(folder / "sources")
    _write_described(folder / "services" / "council_tax", COUNCIL_TAX)
    _write_described(folder / "services" / "social_care", SOCIAL_CARE)
    _write_described(folder / "sites" / "libraries", LIBRARIES)
    header = ("ACCOUNT_REF", "UPRN", "LEAD_NAME", "DATE_OF_BIRTH", "ADDRESS", "POSTCODE", "BAND")
    august = [_account(number, home) for number, home in enumerate(HOMES, start=1)]
    september = [list(row) for row in august]
    september[45][1] = ""
    september[46][1], september[46][4] = "", ""
    september[47][1], september[47][4], september[47][5] = "", "", "QX9 9ZZ"
    september += [list(september[0]), ["Total", "", "", "", "", "", "48"], ["too", "short"]]
    _write_csv(folder / "services/council_tax/council_tax_2026-08.csv", header, august)
    _write_csv(folder / "services/council_tax/council_tax_2026-09.csv", header, september)
    events = (
        [("2026-05-04", "QX9 1AA")] * 20 + [("2026-08-03", "QX9 1AA")] * 12 + [("2026-08-03", "QX9 3AA")] * 3
    )
    _write_csv(
        folder / "services/social_care/events_2026.csv",
        ("CLIENT_NAME", "EVENT_DATE", "POSTCODE"),
        [(f"{PERSONAL} Bea {i}", day, postcode) for i, (day, postcode) in enumerate(events)],
    )
    _write_csv(
        folder / "sites/libraries/libraries_2026-09-30.csv",
        ("LIBRARY", "EASTING", "NORTHING"),
        [("West Library", 400_100, 200_050), ("East Library", 400_700, 200_050)],
    )
    return folder


def _account(number: int, home: Home) -> list[object]:
    born = f"{1940 + number}-01-17"
    reference, name = f"{PERSONAL}-{number:03d}", f"{PERSONAL} Ann {number}"
    return [reference, home.uprn, name, born, home.address, home.postcode, "ABC"[number % 3]]


def _write_sources(folder: Path) -> None:
    _write_csv(
        folder / "os_open_uprn/osopenuprn_202610.csv",
        ("UPRN", "X_COORDINATE", "Y_COORDINATE", "LATITUDE", "LONGITUDE"),
        # Near enough for a map's pin; what is measured is measured in metres.
        [(h.uprn, h.easting, h.northing, 51.7, round(-2 + (h.easting - WEST) / 69_000, 6)) for h in HOMES],
    )
    _write_csv(
        folder / "llpg/llpg_2026-10.csv",
        (
            "LPI_KEY", "UPRN", "USRN", "BLPU_LOGICAL_STATUS", "LPI_LOGICAL_STATUS", "BLPU_STATE", "CLASSIFICATION_CODE",
            "PAO_START_NUMBER", "STREET_DESCRIPTOR", "TOWN", "POSTCODE", "X_COORDINATE", "Y_COORDINATE",
        ),
        [
            (
                f"9999L{h.uprn}", h.uprn, 99_000_000 + h.area * 10 + STREETS.index(h.street), 1, 1, 2, "RD04",
                h.number, h.street, "SMALLBRIDGE", h.postcode, h.easting, h.northing,
            )
            for h in HOMES
        ],
    )  # fmt: skip
    postcodes = {h.postcode: h for h in HOMES if h.number == 2}
    _write_csv(
        folder / "code_point_open/Data/CSV/qx.csv",
        None,  # Code-Point Open has no header
        [
            (postcode, 10, h.easting, h.northing, "E92000001", "", "", "", CODE, WARDS[h.area == 4])
            for postcode, h in postcodes.items()
        ],
    )
    _write_csv(
        folder / "population/population.csv",
        ("LSOA 2021 Code", "Total", "F65 and over", "M65 and over"),
        [(LSOAS[0], 60, 6, 4), (LSOAS[1], 50, 11, 9)],
    )
    imd = "Index of Multiple Deprivation (IMD)"
    _write_csv(
        folder / "deprivation/deprivation.csv",
        (
            "LSOA code (2021)",
            f"{imd} Score",
            f"{imd} Rank (where 1 is most deprived)",
            f"{imd} Decile (where 1 is most deprived 10% of LSOAs)",
        ),
        [(LSOAS[0], 45.5, 1500, 1), (LSOAS[1], 10.25, 25_000, 8)],
    )
    boundaries = folder / "area_boundary"
    boundaries.mkdir(parents=True, exist_ok=True)
    write_areas(boundaries / "oa.geojson", "OA21", {code: (i, i + 1) for i, code in enumerate(OUTPUT_AREAS)})
    write_areas(boundaries / "lsoa.geojson", "LSOA21", {LSOAS[0]: (0, 2), LSOAS[1]: (2, 4)})
    write_areas(boundaries / "msoa.geojson", "MSOA21", {MSOA: (0, 4)})
    write_areas(boundaries / "ward.geojson", "WD25", {WARDS[0]: (0, 3), WARDS[1]: (3, 4)})


def write_areas(path: Path, level: str, areas: dict[str, tuple[int, int]]) -> None:
    """Rectangles from the first to before the second number of Output Areas, as GeoJSON in EPSG:27700."""
    features = []
    for code, (first, end) in areas.items():
        west, east, north = WEST + first * SIDE, WEST + end * SIDE, SOUTH + SIDE
        ring = [[west, SOUTH], [east, SOUTH], [east, north], [west, north], [west, SOUTH]]
        features.append(
            {
                "type": "Feature",
                "properties": {f"{level}CD": code, f"{level}NM": f"Smallbridge {code[-2:]}"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    collection = {"type": "FeatureCollection", "crs": crs, "features": features}
    path.write_text(json.dumps(collection), "utf-8")


def _write_described(folder: Path, description: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.yaml").write_text(description, "utf-8")


def _write_csv(path: Path, header: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if header:
            writer.writerow(header)
        writer.writerows(rows)
