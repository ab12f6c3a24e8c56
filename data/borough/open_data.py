"""The open data about the invented borough, in the layouts of those who publish such data for real places.

Belongs here: one function a source, writing into `sources/<source>/`. Does not belong here: the council's
own extracts (`silos.py`), file formats (`files.py`).
"""

from __future__ import annotations

import csv
import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Set
from pathlib import Path
from random import Random

import numpy as np
import shapely
from convertbng.cutil import convert_lonlat
from shapely.geometry import LineString, MultiPolygon, Point, Polygon

from data.borough.addresses import Places, Property
from data.borough.areas import LAD, Areas, OutputArea
from data.borough.files import csv_text, geojson, geopackage, workbook, write_bytes, write_text, zipped
from data.borough.ground import Ground, bend, holm, river_reaches
from data.borough.people import BANDS

COUNTRY, REGION, COUNTY, POLICE = "E92999001", "E12999001", "E10999001", "E23999001"

OPEN_UPRN_COLUMNS = ["UPRN", "X_COORDINATE", "Y_COORDINATE", "LATITUDE", "LONGITUDE"]
ONSUD_COLUMNS = (
    "UPRN GRIDGB1E GRIDGB1N PCDS CTRY25CD RGN25CD CTY25CD LAD25CD WD25CD PFA23CD msoa21cd lsoa21cd "
    "OA21CD ruc21ind"
).split()
LIDS_COLUMNS = (
    "CORRELATION_ID IDENTIFIER_1 VERSION_NUMBER_1 VERSION_DATE_1 IDENTIFIER_2 VERSION_NUMBER_2 "
    "VERSION_DATE_2 CONFIDENCE"
).split()
LLPG_COLUMNS = (
    "UPRN PARENT_UPRN USRN LPI_KEY BLPU_LOGICAL_STATUS LPI_LOGICAL_STATUS BLPU_STATE "
    "CLASSIFICATION_CODE ORGANISATION SAO_START_NUMBER SAO_START_SUFFIX SAO_END_NUMBER "
    "SAO_END_SUFFIX SAO_TEXT PAO_START_NUMBER PAO_START_SUFFIX PAO_END_NUMBER PAO_END_SUFFIX "
    "PAO_TEXT STREET_DESCRIPTOR LOCALITY TOWN POSTCODE X_COORDINATE Y_COORDINATE START_DATE END_DATE "
    "SUCCESSOR_UPRN"
).split()
_ABOUT = (
    "{} Score",
    "{} Rank (where 1 is most deprived)",
    "{} Decile (where 1 is most deprived 10% of LSOAs)",
)
_RATE = ("{} Score (rate)", *_ABOUT[1:])
DEPRIVATION_COLUMNS = [
    "LSOA code (2021)", "LSOA name (2021)", "Local Authority District code (2024)",
    "Local Authority District name (2024)",
    *(c.format("Index of Multiple Deprivation (IMD)") for c in _ABOUT),
    *(c.format(d) for d in ("Income", "Employment") for c in _RATE),
    *(
        c.format(d)
        for d in (
            "Education, Skills and Training", "Health Deprivation and Disability", "Crime",
            "Barriers to Housing and Services",
            "Living Environment",
        )
        for c in _ABOUT
    ),
    *(
        c.format(d)
        for d in (
            "Income Deprivation Affecting Children Index (IDACI)",
            "Income Deprivation Affecting Older People (IDAOPI)",
        )
        for c in _RATE
    ),
    *(
        c.format(f"{d} Sub-domain")
        for d in (
            "Children and Young People", "Adult Skills", "Geographical Barriers", "Wider Barriers",
            "Indoors", "Outdoors",
        )
        for c in _ABOUT
    ),
    "Total population: mid 2022", "Dependent Children aged 0-15: mid 2022",
    "Older population aged 60 and over: mid 2022",
    "Working age population 18-66 (for use with Employment Deprivation Domain): mid 2022",
]  # fmt: skip
# The publisher's file cuts this one header short; so do we.
DEPRIVATION_COLUMNS = [
    "Children and Young People Sub-domain Decile (where 1 is most deprived 10% of LSO"
    if c.startswith("Children and Young People Sub-domain Decile") else c
    for c in DEPRIVATION_COLUMNS
]  # fmt: skip
POPULATION_COLUMNS = [
    "LAD 2023 Code", "LAD 2023 Name", "LSOA 2021 Code", "LSOA 2021 Name", "Total",
    *(f"{sex}{band}" for sex in "FM" for band in BANDS),
]  # fmt: skip
TENURE_COLUMNS = [
    "date", "geography", "geography code",
    *(
        f"Tenure of household: {category}"
        for category in (
            "Total: All households", "Owned", "Owned: Owns outright", "Owned: Owns with a mortgage or loan",
            "Shared ownership", "Shared ownership: Shared ownership", "Social rented",
            "Social rented: Rents from council or Local Authority", "Social rented: Other social rented",
            "Private rented", "Private rented: Private landlord or letting agency",
            "Private rented: Other private rented", "Lives rent free",
        )
    ),
]  # fmt: skip
_LINK_COLUMNS = [
    ("id", "TEXT"), ("fictitious", "BOOLEAN"), ("road_classification", "TEXT"), ("road_function", "TEXT"),
    ("form_of_way", "TEXT"), ("road_classification_number", "TEXT"), ("name_1", "TEXT"),
    ("name_1_lang", "TEXT"), ("name_2", "TEXT"), ("name_2_lang", "TEXT"), ("road_structure", "TEXT"),
    ("length", "REAL"), ("length_uom", "TEXT"), ("loop", "BOOLEAN"), ("primary_route", "BOOLEAN"),
    ("trunk_road", "BOOLEAN"), ("start_node", "TEXT"), ("end_node", "TEXT"),
    ("road_number_toid", "TEXT"), ("road_name_toid", "TEXT"),
]  # fmt: skip


def lonlat(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """EPSG:27700 eastings and northings to longitudes and latitudes (ETRS89), seven decimals, by OSTN15."""
    east = np.array([p[0] for p in points], dtype=np.float64)
    north = np.array([p[1] for p in points], dtype=np.float64)
    lon, lat = convert_lonlat(east, north)
    return [(round(float(a), 7), round(float(b), 7)) for a, b in zip(lon, lat, strict=True)]


def guid(*parts: object) -> str:
    """An identifier in the form of a GUID that is always the same for the same thing."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts)))).upper()


def write_all(
    dice: Random,
    folder: Path,
    ground: Ground,
    places: Places,
    areas: Areas,
    counts: dict[str, dict[tuple[str, str], int]],
    lived_in: Set[int],
) -> Counter[str]:
    """Write every source under `folder`. Answers how many of each kind of planted fault there are.

    `lived_in` are the UPRNs of the homes that somebody lives in.
    """
    planted: Counter[str] = Counter()
    current = sorted((p for p in places.properties if p.status in (1, 6)), key=lambda p: p.uprn)
    # The council's gazetteer runs ahead of the national file by a few new properties.
    late = {p.uprn for p in dice.sample([p for p in current if p.status == 6], 12)}
    planted["in the gazetteer, not yet in OS Open UPRN"] = len(late)
    current = [p for p in current if p.uprn not in late]
    _open_uprn(folder / "os_open_uprn", current, places)
    _onsud(folder / "onsud", current, areas)
    _lids(dice, folder / "os_open_linked_identifiers", places)
    planted["postcodes without a position"] = _code_point(folder / "code_point_open", places, areas)
    _boundaries(folder / "area_boundary", areas)
    _lookups(folder / "area_lookup", areas)
    _roads(folder / "os_open_roads", ground)
    _rivers(folder / "os_open_rivers")
    _deprivation(dice, folder / "deprivation", ground, areas, counts)
    for year in _BEFORE:
        _population(folder / "population", areas, counts, year)
    _household_tenure(folder / "household_tenure", places, areas, lived_in)
    planted.update(_gazetteer(dice, folder / "llpg", places))
    return planted


def _open_uprn(folder: Path, current: list[Property], places: Places) -> None:
    spots = sorted([(p.uprn, p.easting, p.northing) for p in current] + places.abroad)
    rows: list[list[object]] = [list(OPEN_UPRN_COLUMNS)]
    for (uprn, east, north), (lon, lat) in zip(spots, lonlat([(e, n) for _, e, n in spots]), strict=True):
        rows.append([uprn, f"{east:.2f}", f"{north:.2f}", f"{lat:.7f}", f"{lon:.7f}"])
    text = "\ufeff" + csv_text(rows, "\r\n")
    members = {"osopenuprn_202609.csv": text.encode(), "versions.txt": b"Invented data, October 2026\r\n"}
    write_bytes(folder / "osopenuprn_202610_csv.zip", zipped(members))


def _onsud(folder: Path, current: list[Property], areas: Areas) -> None:
    by_code = {a.code: a for a in areas.output_areas}
    lines = [",".join(ONSUD_COLUMNS)]
    for p in current:
        a = by_code[p.oa]
        rural = "RSN1" if a.neighbourhood >= 36 else "UN1"
        texts = [p.postcode, COUNTRY, REGION, COUNTY, LAD[0], a.ward, POLICE, a.msoa, a.lsoa, a.code, rural]
        lines.append(f"{p.uprn},{round(p.easting)},{round(p.northing)}," + ",".join(f'"{t}"' for t in texts))
    write_text(folder / "ONSUD_OCT_2026_QX.csv", "\r\n".join(lines) + "\r\n")


def _lids(dice: Random, folder: Path, places: Places) -> None:
    words = (
        "Version information is correct",
        "Version information has potentially changed",
        "Version information has changed",
    )
    rows: list[list[object]] = [list(LIDS_COLUMNS)]
    for i, p in enumerate(sorted(places.properties, key=lambda p: p.uprn), 1):
        word = dice.choices(words, (96, 3, 1))[0]
        rows.append(
            [
                990000000 + i,
                p.uprn,
                1 + p.uprn % 4,
                p.start,
                p.street.usrn,
                1 + p.street.usrn % 3,
                "2016-02-01",
                word,
            ]
        )
    note = json.dumps(
        {"productPublicationDate": "2026-10-08", "productPublicationName": "Epoch 129 (invented)"}, indent=1
    )
    members = {
        "BLPU_UPRN_Street_USRN_11.csv": csv_text(rows, "\r\n").encode(),
        "lids_metadata.json": note.encode(),
    }
    write_bytes(folder / "lids-2026-10_csv_BLPU-UPRN-Street-USRN-11.zip", zipped(members))


def _code_point(folder: Path, places: Places, areas: Areas) -> int:
    wards = {a.code: a.ward for a in areas.output_areas}
    lines = []
    unplaced = 0
    for i, (postcode, members) in enumerate(sorted(places.postcodes.items())):
        east = sum(p.easting for p in members) / len(members)
        north = sum(p.northing for p in members) / len(members)
        near = min(members, key=lambda p: ((p.easting - east) ** 2 + (p.northing - north) ** 2, p.uprn))
        outward, inward = postcode.split(" ")
        form = f"{outward} {inward}" if len(outward) == 3 else outward + inward
        quality, spot = 10, (round(near.easting), round(near.northing))
        if i % 150 == 77:
            # New postcodes arrive before anybody has placed them.
            quality, spot = 90, (0, 0)
            unplaced += 1
        codes = [COUNTRY, "E19999001", "E18999001", "", LAD[0], wards[near.oa]]
        lines.append(f'"{form}",{quality},{spot[0]},{spot[1]},' + ",".join(f'"{c}"' for c in codes))
    write_text(folder / "Data" / "CSV" / "qx.csv", "\r\n".join(lines) + "\r\n")
    return unplaced


def _boundaries(folder: Path, areas: Areas) -> None:
    parents = {a.code: a for a in areas.output_areas}
    files = {
        "oa": ("OA21", "Output_Areas_December_2021_Boundaries_EW_BFC_V8"),
        "lsoa": ("LSOA21", "Lower_layer_Super_Output_Areas_December_2021_Boundaries_EW_BFC_V10"),
        "msoa": ("MSOA21", "Middle_layer_Super_Output_Areas_December_2021_Boundaries_EW_BFC_V7"),
    }
    for kind, (stem, name) in files.items():
        if kind == "oa":
            texts = ["OA21CD", "LSOA21CD", "LSOA21NM", "LSOA21NMW"]
        else:
            texts = [f"{stem}CD", f"{stem}NM", f"{stem}NMW"]
        columns = [(t, "TEXT") for t in texts]
        columns += [
            ("BNG_E", "INTEGER"),
            ("BNG_N", "INTEGER"),
            ("LAT", "REAL"),
            ("LONG", "REAL"),
            ("GlobalID", "TEXT"),
        ]
        rows: list[tuple[list[object], MultiPolygon]] = []
        for code, shape in areas.shapes[kind].items():
            a = parents.get(code)
            first: list[object] = (
                [code, a.lsoa, a.lsoa_name, " "] if a else [code, areas.names[kind][code], " "]
            )
            rows.append(([*first, *_centre(shape), guid(code)], MultiPolygon([shape])))
        geopackage(folder / f"{name}.gpkg", [(name, "MULTIPOLYGON", columns, rows)])
    for kind, stem, name in (
        ("ward", "WD25", "Wards_May_2025_Boundaries_UK_BFC"),
        ("lad", "LAD25", "Local_Authority_Districts_May_2025_Boundaries_UK_BFC"),
    ):
        features: list[tuple[dict[str, object], Polygon]] = []
        for i, (code, shape) in enumerate(areas.shapes[kind].items(), 1):
            east, north, lat, lon = _centre(shape)
            properties: dict[str, object] = {
                "FID": i,
                f"{stem}CD": code,
                f"{stem}NM": areas.names[kind][code],
                f"{stem}NMW": " ",
            }
            if kind == "ward":
                properties |= {"LAD25CD": LAD[0], "LAD25NM": LAD[1], "LAD25NMW": " "}
            properties |= {"BNG_E": east, "BNG_N": north, "LAT": lat, "LONG": lon, "GlobalID": guid(code)}
            ring = [
                (round(x, 6), round(y, 6)) for x, y in lonlat([(c[0], c[1]) for c in shape.exterior.coords])
            ]
            # RFC 7946: outer rings run anticlockwise.
            features.append((properties, shapely.orient_polygons(Polygon(ring), exterior_cw=False)))
        write_text(folder / f"{name}.geojson", geojson(features))


def _centre(shape: Polygon) -> tuple[int, int, float, float]:
    """A whole-metre point inside the shape, as the ONS gives it: easting, northing, latitude, longitude."""
    spot = shape.centroid if shape.contains(shape.centroid) else shape.representative_point()
    east, north = round(spot.x), round(spot.y)
    if not shape.contains(Point(east, north)):
        raise ValueError("the whole-metre centre lies outside its area")
    lon, lat = lonlat([(east, north)])[0]
    return east, north, round(lat, 5), round(lon, 5)


def _lookups(folder: Path, areas: Areas) -> None:
    rows: list[list[object]] = [
        ["OA21CD", "LSOA21CD", "LSOA21NM", "MSOA21CD", "MSOA21NM", "LAD22CD", "LAD22NM"]
    ]
    best: list[list[object]] = [["OA21CD", "WD25CD", "WD25NM", "LAD25CD", "LAD25NM"]]
    for a in areas.output_areas:
        rows.append([a.code, a.lsoa, a.lsoa_name, a.msoa, a.msoa_name, *LAD])
        best.append([a.code, a.ward, a.ward_name, *LAD])
    write_text(folder / "OA21_LSOA21_MSOA21_LAD22_EW_LU.csv", "\ufeff" + csv_text(rows, "\r\n"))
    write_text(folder / "OA21_WD25_LAD25_EW_BF_LU.csv", "\ufeff" + csv_text(best, "\r\n"))


def _roads(folder: Path, ground: Ground) -> None:
    degree: Counter[int] = Counter()
    links: list[tuple[list[object], LineString]] = []
    for i, link in enumerate(ground.links):
        degree.update((link.start, link.end))
        points = [bend(x, y) for x, y in link.line.segmentize(25).coords]
        middle = LineString(points).simplify(0.6).coords[1:-1]
        a, b = bend(*ground.nodes[link.start]), bend(*ground.nodes[link.end])
        line = LineString([(round(x, 2), round(y, 2)) for x, y in (a, *middle, b)])
        kind = {"A Road": "A Road", "B Road": "B Road", "Minor Road": "Classified Unnumbered"}.get(
            link.function, "Unclassified"
        )
        name = link.street.name.title().replace("'S", "'s")
        links.append(
            (
                [
                    guid("link", i), 0, kind, link.function, "Single Carriageway", link.number or None, name,
                    None, None, None, None, round(line.length, 1), "m", 0, int(link.function == "A Road"), 0,
                    guid("node", link.start), guid("node", link.end), None, None,
                ],
                line,
            )
        )  # fmt: skip
    nodes: list[tuple[list[object], Point]] = []
    # An island, on which nobody lives: its roads lead nowhere else.
    ends: dict[str, tuple[float, float]] = {}
    holm_degree: Counter[str] = Counter()
    for i, (start, end, form, drawn) in enumerate(holm()):
        line = _bent(drawn)
        ends |= {start: line.coords[0], end: line.coords[-1]}
        holm_degree.update((start, end))
        links.append(
            (
                [
                    guid("link", "holm", i), 0, "Unclassified", "Restricted Local Access Road", form, None, None, None,
                    None, None, None, round(line.length, 1), "m", int(start == end), 0, 0, guid("node", start),
                    guid("node", end), None, None,
                ],
                line,
            )
        )  # fmt: skip
    for name, (east, north) in ends.items():
        form = "road end" if holm_degree[name] == 1 else "junction"
        nodes.append(([guid("node", name), form], Point(east, north)))
    for n, spot in enumerate(ground.nodes):
        form = "road end" if degree[n] == 1 else "pseudo node" if degree[n] == 2 else "junction"
        east, north = bend(*spot)
        nodes.append(([guid("node", n), form], Point(round(east, 2), round(north, 2))))
    geopackage(
        folder / "oproad_gb.gpkg",
        [
            ("road_link", "LINESTRING", _LINK_COLUMNS, [(v, s) for v, s in links]),
            (
                "road_node",
                "POINT",
                [("id", "TEXT"), ("form_of_road_node", "TEXT")],
                [(v, s) for v, s in nodes],
            ),
            ("motorway_junction", "POINT", [("id", "TEXT"), ("junction_number", "TEXT")], []),
        ],
    )


def _bent(drawn: LineString) -> LineString:
    """A line of the plan in EPSG:27700, to the centimetre."""
    points = [bend(x, y) for x, y in drawn.segmentize(25).coords]
    return LineString([(round(x, 2), round(y, 2)) for x, y in LineString(points).simplify(0.6).coords])


def _rivers(folder: Path) -> None:
    """The river by its middle, cut at a weir and where the tide ends, each reach drawn the way the water flows."""
    columns = [
        ("id", "TEXT"), ("flow_direction", "TEXT"), ("length", "REAL"), ("fictitious", "BOOLEAN"), ("form", "TEXT"),
        ("watercourse_name", "TEXT"), ("watercourse_name_alternative", "TEXT"), ("start_node", "TEXT"),
        ("end_node", "TEXT"),
    ]  # fmt: skip
    links: list[tuple[list[object], LineString]] = []
    nodes: list[tuple[list[object], Point]] = []
    reaches = [(form, _bent(drawn)) for form, drawn in river_reaches()]
    for i, (form, line) in enumerate(reaches):
        own = [guid("water node", i), guid("water node", i + 1)]
        links.append(
            (
                [guid("water", i), "in direction", round(line.length, 1), 0, form, "River Quill", None, *own],
                line,
            )
        )
        nodes.append(([own[0], "source" if i == 0 else "pseudoNode"], Point(line.coords[0])))
    nodes.append(([guid("water node", len(reaches)), "outlet"], Point(reaches[-1][1].coords[-1])))
    geopackage(
        folder / "oprvrs_gb.gpkg",
        [
            ("watercourse_link", "LINESTRING", columns, [(v, s) for v, s in links]),
            (
                "hydro_node",
                "POINT",
                [("id", "TEXT"), ("hydro_node_category", "TEXT")],
                [(v, s) for v, s in nodes],
            ),
        ],
    )


def _lsoas(areas: Areas) -> list[OutputArea]:
    """One OA for each LSOA, in order of LSOA code."""
    first: dict[str, OutputArea] = {}
    for a in areas.output_areas:
        first.setdefault(a.lsoa, a)
    return [first[code] for code in sorted(first)]


def _deprivation(
    dice: Random, folder: Path, ground: Ground, areas: Areas, counts: dict[str, dict[tuple[str, str], int]]
) -> None:
    lsoas = _lsoas(areas)
    taken: set[tuple[str, int]] = set()

    def three(domain: str, level: float, rate: bool) -> list[object]:
        level = min(0.995, max(0.005, level * 1.16 - 0.08))
        rank = 1 + round(33754 * (1 - level) ** 1.1)
        while (domain, rank) in taken:
            rank += 1
        taken.add((domain, rank))
        score = f"{0.02 + 0.4 * level**1.6:.3f}" if rate else f"{2 + 68 * level**1.7:.3f}"
        return [score, rank, min(10, 1 + (rank - 1) * 10 // 33755)]

    rows: list[list[object]] = [list(DEPRIVATION_COLUMNS)]
    domains = [c for c in DEPRIVATION_COLUMNS[7:-4] if " Score" in c]
    for a in lsoas:
        level = ground.neighbourhoods[a.neighbourhood].deprivation
        row: list[object] = [a.lsoa, a.lsoa_name, *LAD]
        row += three("imd", level + dice.uniform(-0.02, 0.02), False)
        for c in domains:
            far = 0.75 - level if c.startswith(("Geographical", "Barriers")) else level
            row += three(c, far + dice.uniform(-0.12, 0.12), "rate" in c)
        here = counts[a.lsoa]
        total = sum(here.values())
        children = sum(n for (_, band), n in here.items() if band == "0 to 15")
        old = sum(n for (_, band), n in here.items() if band == "65 and over")
        rows.append([*row, total - 4, children, round(old * 1.24), round((total - children - old) * 0.97)])
    name = "File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv"
    write_text(folder / name, csv_text(rows, "\r\n"))


# The borough grows, and grows older: of each hundred people of mid-2024, how many there were before.
_BEFORE = {2022: {"65 and over": 96, "": 98}, 2023: {"65 and over": 98, "": 99}, 2024: {"": 100}}


def _population(folder: Path, areas: Areas, counts: dict[str, dict[tuple[str, str], int]], year: int) -> None:
    notes = [
        ["Lower layer Super Output Area population estimates (invented)"],
        [f"Mid-{year} population by broad age band and sex, borough of Quillhaven, which does not exist"],
        [],
        ["Worksheet", "Contents"],
        [f"Mid-{year} LSOA 2021", f"2021 LSOA boundaries, estimates for mid-{year}"],
    ]
    data: list[list[object]] = [
        [f"Mid-{year} population estimates for 2021 LSOAs by broad age band and sex (invented)"],
        ["This worksheet contains one table"],
        ["F: females; M: males"],
        list(POPULATION_COLUMNS),
    ]
    percent = _BEFORE[year]
    for i, a in enumerate(_lsoas(areas)):
        here = []
        for j, (sex, band) in enumerate((sex, band) for sex in "FM" for band in BANDS):
            # What is over of a hundred falls to a person here and there, so that a few people lessen, too.
            part = counts[a.lsoa].get((sex, band), 0) * percent.get(band, percent[""])
            here.append((part + (37 * i + 53 * j) % 100) // 100)
        data.append([*LAD, a.lsoa, a.lsoa_name, sum(here), *here])
    write_bytes(
        folder / f"sapelsoabroadage_{year}.xlsx",
        workbook({"Contents": notes, f"Mid-{year} LSOA 2021": data}),
    )


def _household_tenure(folder: Path, places: Places, areas: Areas, lived_in: Set[int]) -> None:
    """Census table TS054 in the layout in which Nomis publishes it in bulk: one household in each home lived in."""
    lsoa_of = {a.code: a.lsoa for a in areas.output_areas}
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for p in places.properties:
        if p.is_live_home and p.uprn in lived_in:
            # Owners with and without a mortgage, a few shared ones, and a few who live rent free.
            kind = (
                {"social": ("council", "council", "association")[p.uprn % 3], "private": "landlord"}.get(
                    p.tenure,
                    ("outright", "mortgage", "outright", "mortgage", "mortgage", "shared")[p.uprn % 6],
                )
                if p.uprn % 71
                else "free"
            )
            held[lsoa_of[p.oa]][kind] += 1
    rows: list[list[object]] = [list(TENURE_COLUMNS)]
    for a in _lsoas(areas):
        n = held[a.lsoa]
        owned, social = n["outright"] + n["mortgage"], n["council"] + n["association"]
        rows.append(
            [
                2021, a.lsoa, a.lsoa, sum(n.values()), owned, n["outright"], n["mortgage"], n["shared"], n["shared"],
                social, n["council"], n["association"], n["landlord"], n["landlord"], 0, n["free"],
            ]
        )  # fmt: skip
    write_text(folder / "census2021-ts054-lsoa.csv", csv_text(rows, "\r\n"))


def _gazetteer(dice: Random, folder: Path, places: Places) -> Counter[str]:
    """The council's gazetteer, one row an address (LPI), Windows-1252, with bad rows among the good."""
    planted: Counter[str] = Counter()
    lines: list[str] = []
    ordered = sorted(
        places.properties,
        key=lambda p: (p.street.name, p.locality, p.pao_number, p.pao, p.sao_number, p.uprn),
    )
    houses = [
        p
        for p in ordered
        if p.status == 1 and p.pao_number and not p.sao and p.classification in ("RD02", "RD03")
    ]
    also = {p.uprn for p in dice.sample(houses, 150)}
    key = 0

    def add(p: Property, lpi_status: int, pao: str) -> list[object]:
        nonlocal key
        key += 1
        number = p.pao_number if pao == p.pao else 0
        return [
            p.uprn, p.parent or "", p.street.usrn, f"9901L{key:09d}", p.status, lpi_status, p.state,
            p.classification, p.organisation, p.sao_number or "", p.sao_suffix, "", "", p.sao, number or "",
            p.pao_suffix if number else "", (p.pao_end or "") if number else "", "", pao, p.street.name,
            p.locality, "QUILLHAVEN", p.postcode,
            f"{p.easting:.2f}", f"{p.northing:.2f}", p.start, p.end, p.successor or "",
        ]  # fmt: skip

    rows: list[list[object]] = []
    for p in ordered:
        rows.append(add(p, {1: 1, 6: 6, 8: 8}[p.status], p.pao))
        planted[f"BLPU status {p.status}"] += 1
        if p.successor:
            planted["historic twins with a successor"] += 1
        if p.uprn in also:
            name = dice.choice(("ROSE", "HOLLY", "FERN", "IVY", "SEA", "HILL"))
            rows.append(add(p, 3, f"{name} {dice.choice(('VILLA', 'HOUSE', 'COTTAGE'))}"))
            planted["alternative addresses (LPI status 3)"] += 1
    spoilt = dice.sample(range(len(rows)), 12)
    for i in spoilt[:6]:
        copy = list(rows[i])
        copy[0], copy[3] = "", f"9901L9{i:08d}"
        rows.append(copy)
    for i in spoilt[6:11]:
        copy = list(rows[i])
        copy[0], copy[3] = f"99O{str(copy[0])[3:]}", f"9901L9{i:08d}"
        rows.append(copy)
    planted["rows without a UPRN"] = 6
    planted["rows with letters in the UPRN"] = 5
    planted["rows that are too short"] = 1
    lines = csv_text([LLPG_COLUMNS, *rows], "\r\n", csv.QUOTE_MINIMAL).split("\r\n")[:-1]
    lines.insert(len(lines) // 2, ",".join(str(v) for v in rows[spoilt[11]][:9]))
    write_text(folder / "llpg_extract_2026-10.csv", "\r\n".join(lines) + "\r\n", "cp1252")
    planted["rows of the gazetteer"] = len(lines) - 1
    return planted
