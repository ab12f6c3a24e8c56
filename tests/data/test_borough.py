"""The invented borough: made again it is the same, it hangs together, nothing in it can be taken for real."""

import csv
import gzip
import io
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import fiona
import openpyxl
import pytest
import shapely
import yaml
from shapely.geometry import Point, shape

from data.borough import canaries, make
from data.borough.files import contents

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
PACKED = {".gpkg", ".zip", ".xlsx", ".gz"}
CANARY = re.compile(r"CANARY-[0-9A-Z]{4}")
Rows = list[dict[str, str]]
WASTE = SAMPLE / "services/bulky_waste/bulky_waste_requests_2023Q4_2026Q3.csv"


@pytest.fixture(scope="session")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("borough") / "sample"
    make(folder)
    return folder


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def read(path: Path, encoding: str = "utf-8-sig") -> Rows:
    """Rows of a CSV, or of the one CSV in a zip, as text."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            (inner,) = [n for n in archive.namelist() if n.endswith(".csv")]
            raw = archive.read(inner)
    elif path.suffix == ".gz":
        raw = gzip.decompress(path.read_bytes())
    else:
        raw = path.read_bytes()
    return list(csv.DictReader(io.StringIO(raw.decode(encoding), newline="")))


def header(path: Path, encoding: str = "utf-8-sig") -> str:
    return path.read_bytes().decode(encoding).splitlines()[0]


def tenancies() -> Rows:
    sheet = openpyxl.load_workbook(SAMPLE / "services/housing_tenancy/tenancies_2026-09-30.xlsx")["Tenancies"]
    rows = [["" if v is None else str(v) for v in row] for row in sheet.iter_rows(values_only=True)]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def extracts() -> Iterator[tuple[str, str, Rows]]:
    """Dataset, file and rows of every extract of the four services, without the total row."""
    for path in sorted((SAMPLE / "services/council_tax").glob("council_tax_*")):
        yield "council_tax", path.name, [r for r in read(path) if r["ACCOUNT_REF"] != "Total"]
    yield "housing_tenancy", "tenancies_2026-09-30.xlsx", tenancies()
    path = SAMPLE / "services/adult_social_care/cld_events_2023Q4_2026Q3.csv"
    yield "adult_social_care", path.name, read(path)
    yield "bulky_waste", WASTE.name, read(WASTE)


@pytest.fixture(scope="session")
def planted() -> dict[tuple[str, str], int]:
    return {(Path(r["file"]).name, r["what"]): int(r["rows"]) for r in read(SAMPLE / "truth/planted.csv")}


@pytest.fixture(scope="session")
def directory() -> Rows:
    return read(SAMPLE / "sources/onsud/ONSUD_OCT_2026_QX.csv")


@pytest.fixture(scope="session")
def gazetteer() -> Rows:
    return read(SAMPLE / "sources/llpg/llpg_extract_2026-10.csv", "cp1252")


def test_made_again_it_is_the_same(remade: Path) -> None:
    assert names(remade) == names(SAMPLE)
    differing = [
        name
        for name in sorted(names(SAMPLE))
        # What packs these files (zlib, SQLite, openpyxl) may change; what they hold may not.
        if (contents(remade / name) != contents(SAMPLE / name) if Path(name).suffix in PACKED
            else (remade / name).read_bytes() != (SAMPLE / name).read_bytes())
    ]  # fmt: skip
    assert differing == []


def test_another_seed_makes_another_borough(tmp_path: Path) -> None:
    make(tmp_path, seed="another")
    name = "sources/onsud/ONSUD_OCT_2026_QX.csv"
    assert (tmp_path / name).read_bytes() != (SAMPLE / name).read_bytes()
    assert len({r["OA21CD"] for r in read(tmp_path / name)}) == 120


def test_it_is_small_and_complete() -> None:
    assert sum((SAMPLE / n).stat().st_size for n in names(SAMPLE)) < 11_500_000
    assert {"authority.yaml", "README.md"} <= names(SAMPLE)


def test_areas_nest_and_three_lsoas_lie_across_wards(directory: Rows) -> None:
    up: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for r in directory:
        up["oa"][r["OA21CD"]].add(r["lsoa21cd"])
        up["lsoa"][r["lsoa21cd"]].add(r["msoa21cd"])
        up["oa ward"][r["OA21CD"]].add(r["WD25CD"])
        up["lsoa ward"][r["lsoa21cd"]].add(r["WD25CD"])
        up["lad"][r["LAD25CD"]].add(r["msoa21cd"])
    assert (len(up["oa"]), len(up["lsoa"]), len(up["lad"])) == (120, 40, 1)
    assert len(up["lad"]["E06999001"]) == 8
    assert all(len(v) == 1 for kind in ("oa", "lsoa", "oa ward") for v in up[kind].values())
    assert sum(len(v) == 2 for v in up["lsoa ward"].values()) == 3
    lookup = read(SAMPLE / "sources/area_lookup/OA21_LSOA21_MSOA21_LAD22_EW_LU.csv")
    assert {r["OA21CD"]: {r["LSOA21CD"]} for r in lookup} == up["oa"]
    wards = read(SAMPLE / "sources/area_lookup/OA21_WD25_LAD25_EW_BF_LU.csv")
    assert {r["OA21CD"]: {r["WD25CD"]} for r in wards} == up["oa ward"]
    assert len({r["WD25CD"] for r in wards}) == 8


def test_output_areas_have_eighty_to_130_homes(directory: Rows, gazetteer: Rows) -> None:
    homes = {
        r["UPRN"]
        for r in gazetteer
        if r["BLPU_LOGICAL_STATUS"] == "1"
        and r["CLASSIFICATION_CODE"] in ("RD02", "RD03", "RD04", "RD06", "RH02")
    }
    counts = Counter(r["OA21CD"] for r in directory if r["UPRN"] in homes)
    assert len(counts) == 120
    assert min(counts.values()) >= 80
    assert max(counts.values()) <= 130


def test_the_output_areas_leave_no_gap_and_hold_their_properties(directory: Rows) -> None:
    (path,) = (SAMPLE / "sources/area_boundary").glob("Output_Areas*.gpkg")
    with fiona.open(path) as layer:
        assert layer.crs.to_epsg() == 27700
        shapes = {f["properties"]["OA21CD"]: shape(f["geometry"]) for f in layer}
    areas = list(shapes.values())
    assert all(a.is_valid for a in areas)
    assert shapely.coverage_is_valid(areas)
    whole = shapely.coverage_union_all(areas)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    outside = [
        r
        for r in directory
        if not shapes[r["OA21CD"]].buffer(1).covers(Point(int(r["GRIDGB1E"]), int(r["GRIDGB1N"])))
    ]
    assert outside == []


@pytest.mark.parametrize(
    ("pattern", "count"), [("Lower*.gpkg", 40), ("Middle*.gpkg", 8), ("Wards*", 8), ("Local*", 1)]
)
def test_larger_areas_have_the_extent_of_the_borough(pattern: str, count: int) -> None:
    (path,) = (SAMPLE / "sources/area_boundary").glob(pattern)
    with fiona.open(path) as layer:
        assert len(layer) == count
        assert layer.crs.to_epsg() == (27700 if path.suffix == ".gpkg" else 4326)
        whole = shapely.union_all([shape(f["geometry"]) for f in layer])
    assert whole.geom_type == "Polygon"
    west, south, east, north = whole.bounds
    if path.suffix == ".gpkg":
        assert 219_000 < west < east < 226_000
        assert 259_000 < south < north < 265_000
    else:
        assert -4.7 < west < east < -4.5
        assert 52.1 < south < north < 52.3


ROAD_LINK = (
    "id fictitious road_classification road_function form_of_way road_classification_number name_1 "
    "name_1_lang name_2 name_2_lang road_structure length length_uom loop primary_route trunk_road "
    "start_node end_node road_number_toid road_name_toid"
).split()


def test_the_roads_are_one_network_of_every_rank_and_an_island() -> None:
    path = SAMPLE / "sources/os_open_roads/oproad_gb.gpkg"
    assert fiona.listlayers(path) == ["road_link", "road_node", "motorway_junction"]
    with fiona.open(path, layer="road_node") as layer:
        nodes = {f["properties"]["id"]: shape(f["geometry"]) for f in layer}
    joined: dict[str, set[str]] = defaultdict(set)
    with fiona.open(path, layer="road_link") as layer:
        columns = list(layer.schema["properties"])
        links = [(dict(f["properties"]), shape(f["geometry"])) for f in layer]
    assert columns == ROAD_LINK
    for link, line in links:
        joined[link["start_node"]].add(link["end_node"])
        joined[link["end_node"]].add(link["start_node"])
        assert Point(line.coords[0]).distance(nodes[link["start_node"]]) < 0.02
        assert Point(line.coords[-1]).distance(nodes[link["end_node"]]) < 0.02
    parts: list[set[str]] = []
    for begin in nodes:
        if not any(begin in part for part in parts):
            part, waiting = set(), [begin]
            while waiting:
                node = waiting.pop()
                if node not in part:
                    part.add(node)
                    waiting.extend(joined[node])
            parts.append(part)
    island, mainland = sorted(parts, key=len)
    assert (len(island), len(mainland)) == (3, len(nodes) - 3)
    on_it = [link for link, _ in links if link["start_node"] in island]
    between = [(link["start_node"], link["end_node"]) for link in on_it]
    assert len(on_it) == len(set(between)) + 1 == 4, "two links are parallel"
    assert [link["form_of_way"] for link in on_it if link["loop"]] == ["Roundabout"]
    assert [a == b for a, b in between] == [bool(link["loop"]) for link in on_it]
    assert {k["road_function"] for k, _ in links} == {
        "A Road", "B Road", "Minor Road", "Local Road", "Local Access Road", "Restricted Local Access Road",
    }  # fmt: skip
    assert {"Clockmakers Bridge", "Otter Bridge"} <= {k["name_1"] for k, _ in links}


def test_the_river_is_crossed_by_its_two_bridges_alone() -> None:
    path = SAMPLE / "sources/os_open_rivers/oprvrs_gb.gpkg"
    assert fiona.listlayers(path) == ["watercourse_link", "hydro_node"]
    with fiona.open(path, layer="watercourse_link") as layer:
        columns = "id flow_direction length fictitious form watercourse_name watercourse_name_alternative start_node"
        assert list(layer.schema["properties"]) == [*columns.split(), "end_node"]
        reaches = [(dict(f["properties"]), shape(f["geometry"])) for f in layer]
    assert [reach["form"] for reach, _ in reaches] == ["inlandRiver", "inlandRiver", "tidalRiver"]
    for (upper, above), (lower, below) in pairwise(reaches):
        assert upper["end_node"] == lower["start_node"]
        assert above.coords[-1] == below.coords[0], "each reach flows into the next"
    with fiona.open(SAMPLE / "sources/os_open_roads/oproad_gb.gpkg", layer="road_link") as layer:
        roads = [(f["properties"]["name_1"], shape(f["geometry"])) for f in layer]
    over = [name for name, road in roads if any(road.intersects(line) for _, line in reaches)]
    assert sorted(over) == ["Clockmakers Bridge", "Otter Bridge"]


def test_latitude_and_longitude_are_those_of_the_grid_reference() -> None:
    from convertbng.cutil import convert_lonlat

    rows = read(SAMPLE / "sources/os_open_uprn/osopenuprn_202610_csv.zip")[::997]
    lon, lat = convert_lonlat(
        [float(r["X_COORDINATE"]) for r in rows], [float(r["Y_COORDINATE"]) for r in rows]
    )
    assert [float(r["LATITUDE"]) for r in rows] == pytest.approx(list(lat), abs=1e-7)
    assert [float(r["LONGITUDE"]) for r in rows] == pytest.approx(list(lon), abs=1e-7)


HEADERS = {
    "onsud/ONSUD_OCT_2026_QX.csv": "UPRN,GRIDGB1E,GRIDGB1N,PCDS,CTRY25CD,RGN25CD,CTY25CD,LAD25CD,WD25CD,"
    "PFA23CD,msoa21cd,lsoa21cd,OA21CD,ruc21ind",
    "area_lookup/OA21_LSOA21_MSOA21_LAD22_EW_LU.csv": "OA21CD,LSOA21CD,LSOA21NM,MSOA21CD,MSOA21NM,LAD22CD,"
    "LAD22NM",
    "area_lookup/OA21_WD25_LAD25_EW_BF_LU.csv": "OA21CD,WD25CD,WD25NM,LAD25CD,LAD25NM",
    "llpg/llpg_extract_2026-10.csv": "UPRN,PARENT_UPRN,USRN,LPI_KEY,BLPU_LOGICAL_STATUS,"
    "LPI_LOGICAL_STATUS,BLPU_STATE,CLASSIFICATION_CODE,ORGANISATION,SAO_START_NUMBER,SAO_START_SUFFIX,SAO_END_NUMBER,SAO_END_SUFFIX,"
    "SAO_TEXT,PAO_START_NUMBER,PAO_START_SUFFIX,PAO_END_NUMBER,PAO_END_SUFFIX,PAO_TEXT,STREET_DESCRIPTOR,LOCALITY,"
    "TOWN,POSTCODE,X_COORDINATE,Y_COORDINATE,START_DATE,END_DATE,SUCCESSOR_UPRN",
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_plain_sources_have_the_publishers_header(name: str) -> None:
    encoding = "cp1252" if name.startswith("llpg") else "utf-8-sig"
    assert header(SAMPLE / "sources" / name, encoding) == HEADERS[name]


def test_zipped_sources_have_the_publishers_names_and_form() -> None:
    with zipfile.ZipFile(SAMPLE / "sources/os_open_uprn/osopenuprn_202610_csv.zip") as archive:
        raw = archive.read("osopenuprn_202609.csv")
    assert raw.startswith(b"\xef\xbb\xbfUPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE\r\n")
    assert re.match(rb"\d{12},\d{6}\.\d\d,\d{6}\.\d\d,\d\d\.\d{7},-\d\.\d{7}\r\n", raw.split(b"\n", 1)[1])
    (path,) = (SAMPLE / "sources/os_open_linked_identifiers").glob(
        "lids-2026-10_csv_BLPU-UPRN-Street-USRN-11.zip"
    )
    with zipfile.ZipFile(path) as archive:
        first = archive.read("BLPU_UPRN_Street_USRN_11.csv").split(b"\r\n")[0].decode()
    assert first == (
        "CORRELATION_ID,IDENTIFIER_1,VERSION_NUMBER_1,VERSION_DATE_1,IDENTIFIER_2,VERSION_NUMBER_2,VERSION_DATE_2,CONFIDENCE"
    )


def test_code_point_open_has_no_header_and_some_postcodes_without_position(
    planted: dict[tuple[str, str], int], directory: Rows
) -> None:
    text = (SAMPLE / "sources/code_point_open/Data/CSV/qx.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))
    assert {len(r) for r in rows} == {10}
    assert {len(r[0]) for r in rows} == {7}
    assert {r[1] for r in rows} == {"10", "90"}
    nowhere = [r for r in rows if r[1] == "90"]
    assert {(r[2], r[3]) for r in nowhere} == {("0", "0")}
    assert len(nowhere) == planted["sources", "postcodes without a position"] > 0
    assert {r[0].replace(" ", "") for r in rows} >= {r["PCDS"].replace(" ", "") for r in directory} - {""}


def test_deprivation_and_population_cover_every_lsoa(directory: Rows) -> None:
    lsoas = {r["lsoa21cd"] for r in directory}
    (path,) = (SAMPLE / "sources/deprivation").glob("File_7_IoD2025_*.csv")
    rows = read(path)
    assert {r["LSOA code (2021)"] for r in rows} == lsoas
    assert len(rows[0]) == 56
    ranks = [int(r["Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)"]) for r in rows]
    assert len(set(ranks)) == 40
    deciles = {
        r["Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived 10% of LSOAs)"] for r in rows
    }
    assert len(deciles) >= 6
    sheet = openpyxl.load_workbook(SAMPLE / "sources/population/sapelsoabroadage_2024.xlsx")[
        "Mid-2024 LSOA 2021"
    ]
    data = list(sheet.iter_rows(values_only=True))
    assert data[3] == (
        "LAD 2023 Code", "LAD 2023 Name", "LSOA 2021 Code", "LSOA 2021 Name", "Total",
        "F0 to 15", "F16 to 29", "F30 to 44", "F45 to 64", "F65 and over",
        "M0 to 15", "M16 to 29", "M30 to 44", "M45 to 64", "M65 and over",
    )  # fmt: skip
    assert {r[2] for r in data[4:]} == lsoas
    for row in data[4:]:
        assert row[4] == sum(int(str(n)) for n in row[5:])


def test_population_of_three_years_grows(directory: Rows) -> None:
    totals = []
    for year in (2022, 2023, 2024):
        book = openpyxl.load_workbook(SAMPLE / f"sources/population/sapelsoabroadage_{year}.xlsx")
        data = list(book[f"Mid-{year} LSOA 2021"].iter_rows(min_row=5, values_only=True))
        assert len(data) == 40
        assert all(row[4] == sum(int(str(n)) for n in row[5:]) for row in data)
        older = sum(int(str(row[9])) + int(str(row[14])) for row in data)
        totals.append((sum(int(str(row[4])) for row in data), older))
    assert totals == sorted(totals)
    shares = [older / people for people, older in totals]
    assert shares == sorted(shares)


def test_households_by_tenure_are_those_of_the_homes_lived_in(directory: Rows) -> None:
    rows = read(SAMPLE / "sources/household_tenure/census2021-ts054-lsoa.csv")
    assert {row["geography code"] for row in rows} == {r["lsoa21cd"] for r in directory}
    name = "Tenure of household: "
    kinds = ("Owned", "Shared ownership", "Social rented", "Private rented", "Lives rent free")
    for row in rows:
        assert int(row[f"{name}Total: All households"]) == sum(int(row[name + kind]) for kind in kinds)
        finer = [int(n) for column, n in row.items() if column.startswith(f"{name}Social rented:")]
        assert int(row[f"{name}Social rented"]) == sum(finer)
    # What the council lets is some of what is let socially.
    social = sum(int(row[f"{name}Social rented"]) for row in rows)
    assert 1500 < social < 2000


def test_nearly_everybody_is_registered_with_a_practice_of_the_borough() -> None:
    rows = read(SAMPLE / "sources/gp_registered_patients/gp-reg-pat-prac-lsoa-all_2026-10.csv")
    known = {r["PRACTICE_CODE"] for r in read(SAMPLE / "sites/gp_practices/gp_practices_2026-10-01.csv")}
    patients = [(r["PRACTICE_CODE"], r["LSOA_CODE"], int(r["NUMBER_OF_PATIENTS"])) for r in rows]
    assert {code for code, _, _ in patients} == known | {"Q99901"}
    (people,) = re.findall(r"([0-9,]+) people", (SAMPLE / "README.md").read_text("utf-8"))
    here = sum(n for code, lsoa, n in patients if code in known and lsoa != "NO2011")
    assert abs(here - int(people.replace(",", ""))) < 0.5 * len(patients), (
        "each row is rounded, nobody is lost"
    )
    assert len({lsoa for _, lsoa, _ in patients}) == 40 + 1


def test_priority_areas_are_of_schools_and_lie_across_each_other() -> None:
    urns = {
        r["URN"] for r in read(SAMPLE / "sites/schools/schools_2026-10-01.csv") if r["PHASE"] == "Primary"
    }
    with fiona.open(SAMPLE / "sources/catchment_area/priority_areas_2026-09.gpkg") as layer:
        areas = [(feature["properties"]["site_reference"], shape(feature["geometry"])) for feature in layer]
    assert len(areas) == len({urn for urn, _ in areas} & urns) == 3
    assert sum(a.intersection(b).area > 10_000 for a, b in pairwise([area for _, area in areas])) >= 1


def test_the_gazetteer_has_shells_twins_and_bad_rows(
    gazetteer: Rows, planted: dict[tuple[str, str], int]
) -> None:
    assert len(gazetteer) == planted["sources", "rows of the gazetteer"]
    assert sum(r["UPRN"] == "" for r in gazetteer) == planted["sources", "rows without a UPRN"] == 6
    assert sum(bool(re.search("[A-Z]", r["UPRN"])) for r in gazetteer) == 5
    assert (
        sum(r["X_COORDINATE"] is None for r in gazetteer)
        == planted["sources", "rows that are too short"]
        == 1
    )
    good = [r for r in gazetteer if re.fullmatch(r"\d{12}", r["UPRN"]) and r["X_COORDINATE"]]
    preferred = {r["UPRN"]: r for r in good if r["LPI_LOGICAL_STATUS"] != "3"}
    assert sum(r["LPI_LOGICAL_STATUS"] == "3" for r in good) >= 149
    assert "3" not in {r["BLPU_LOGICAL_STATUS"] for r in good}
    flats = [r for r in good if r["PARENT_UPRN"]]
    assert len(flats) > 2000
    assert {preferred[r["PARENT_UPRN"]]["CLASSIFICATION_CODE"] for r in flats} == {"PP", "RH01"}
    twins = [r for r in good if r["SUCCESSOR_UPRN"]]
    assert len(twins) >= 89
    for old in twins:
        live = preferred[old["SUCCESSOR_UPRN"]]
        assert (old["BLPU_LOGICAL_STATUS"], live["BLPU_LOGICAL_STATUS"]) == ("8", "1")
        assert [old[c] for c in ("PAO_START_NUMBER", "STREET_DESCRIPTOR", "POSTCODE")] == [
            live[c] for c in ("PAO_START_NUMBER", "STREET_DESCRIPTOR", "POSTCODE")
        ]
    assert any("PÂTISSIÈRE" in r["STREET_DESCRIPTOR"] for r in good)


def test_no_two_live_homes_share_an_address(gazetteer: Rows) -> None:
    parts = [c for c in HEADERS["llpg/llpg_extract_2026-10.csv"].split(",") if c[:3] in ("SAO", "PAO")]
    seen = Counter(
        tuple(r[c] for c in [*parts, "STREET_DESCRIPTOR", "LOCALITY"])
        for r in gazetteer
        if re.fullmatch(r"\d{12}", r["UPRN"])
        and r["LPI_LOGICAL_STATUS"] == "1"
        and r["CLASSIFICATION_CODE"][:1] == "R"
    )  # fmt: skip
    assert [k for k, n in seen.items() if n > 1] == []


def test_council_tax_months_have_their_quirks() -> None:
    folder = SAMPLE / "services/council_tax"
    with zipfile.ZipFile(folder / "council_tax_2026-08.zip") as archive:
        first = archive.read("council_tax_2026-08.csv")
    with zipfile.ZipFile(folder / "council_tax_2026-09.zip") as archive:
        second = archive.read("council_tax_2026-09.csv")
    third = (folder / "council_tax_2026-10.csv").read_bytes()
    assert first.startswith(b"\xef\xbb\xbfACCOUNT_REF,UPRN,LEAD_SURNAME")
    assert second.startswith(b"ACCOUNT_REF,UPRN,LEAD_SURNAME")
    assert second.splitlines()[-1].startswith(b"Total,")
    assert third.startswith(b"ACCOUNT_REF,UPRN,ADDR1")
    assert sorted(first[3:].splitlines()[0].split(b",")) == sorted(third.splitlines()[0].split(b","))
    total = read(folder / "council_tax_2026-09.zip")[-1]
    sum_of_parts = sum(float(r["AMOUNT"]) for r in read(folder / "council_tax_2026-09.zip")[:-1])
    assert float(total["AMOUNT"]) == pytest.approx(sum_of_parts)


def test_uprn_damage_is_as_the_readme_says(gazetteer: Rows, planted: dict[tuple[str, str], int]) -> None:
    """Counted afresh from the values themselves, not from the notes of who planted them."""
    name = "council_tax_2026-10.csv"
    values = [r["UPRN"] for r in read(SAMPLE / "services/council_tax" / name)]
    status = {r["UPRN"]: (r["BLPU_LOGICAL_STATUS"], r["CLASSIFICATION_CODE"]) for r in gazetteer}
    found: Counter[str] = Counter()
    for v in values:
        kind = (
            "blank" if v == "" else "not known" if v == "Not Known" else "trailing .0" if v.endswith(".0")
            else "scientific" if "E+11" in v else "spaces around" if v != v.strip()
            else "letters" if re.search("[A-Za-z]", v) else "zero padded" if v.startswith("0")
            else "thirteen digits" if len(v) == 13 else "rounded" if v.endswith("000000")
            else "unknown" if v not in status else "retired" if status[v][0] == "8"
            else "shell" if status[v][1] in ("PP", "RH01") else "right"
        )  # fmt: skip
        found[kind] += 1
    right = found.pop("right")
    assert dict(found) == {what: planted[name, what] for what in found}
    assert len(found) == 12
    assert right + sum(found.values()) == planted[name, "rows"] == len(values)
    assert 0.93 < 1 - (found["blank"] + found["not known"]) / len(values) < 0.95


def test_property_references_of_tenancies_look_like_uprns_but_are_none(gazetteer: Rows) -> None:
    rows = tenancies()
    assert 1800 < len(rows) < 2000
    references = {r["PROPERTY_REF"] for r in rows}
    assert len(references) == len(rows)
    assert all(re.fullmatch(r"99\d{10}", r) for r in references)
    assert not references & {r["UPRN"] for r in gazetteer}
    assert "UPRN" not in rows[0]


def test_three_references_in_five_are_in_the_gazetteer_and_name_the_right_property(
    planted: dict[tuple[str, str], int],
) -> None:
    name = "llpg_cross_references_2026-10.csv"
    crossed = read(SAMPLE / "sources/cross_reference" / name)
    assert len(crossed) == planted[name, "rows"]
    told = {r["CROSS_REFERENCE"]: r["UPRN"] for r in crossed}
    with gzip.open(SAMPLE / "truth/tenancies_2026-09-30.csv.gz", "rt", encoding="utf-8") as stream:
        right = [r["uprn"] for r in csv.DictReader(stream)]
    pairs = [(told.get(r["PROPERTY_REF"]), uprn) for r, uprn in zip(tenancies(), right, strict=True)]
    assert sum(said is not None for said, _ in pairs) == len(crossed)
    assert 0.55 < len(crossed) / len(pairs) < 0.65
    assert all(said == uprn for said, uprn in pairs if said)


def test_social_care_covers_twelve_quarters_and_rises_with_deprivation(directory: Rows) -> None:
    name = "cld_events_2023Q4_2026Q3"
    events = read(SAMPLE / f"services/adult_social_care/{name}.csv")
    assert not any("UPRN" in c.upper() for c in events[0])
    quarters = Counter(
        r["Event_Start_Date"][:4] + str((int(r["Event_Start_Date"][5:7]) - 1) // 3) for r in events
    )
    assert len(quarters) == 12
    assert min(quarters.values()) > 400
    lsoa_of = {r["UPRN"]: r["lsoa21cd"] for r in directory}
    counts = Counter(lsoa_of[r["uprn"]] for r in read(SAMPLE / f"truth/{name}.csv.gz") if r["uprn"])
    (path,) = (SAMPLE / "sources/deprivation").glob("*.csv")
    column = "Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)"
    rank = {r["LSOA code (2021)"]: int(r[column]) for r in read(path)}
    sheet = openpyxl.load_workbook(SAMPLE / "sources/population/sapelsoabroadage_2024.xlsx")[
        "Mid-2024 LSOA 2021"
    ]
    old = {str(r[2]): int(str(r[9])) + int(str(r[14])) for r in sheet.iter_rows(min_row=5, values_only=True)}

    def per_older_person(lsoas: list[str]) -> float:
        return sum(counts[c] for c in lsoas) / sum(old[c] for c in lsoas)

    ordered = sorted(rank, key=lambda code: rank[code])
    assert per_older_person(ordered[:10]) > 1.5 * per_older_person(ordered[-10:])


def test_bulky_waste_has_a_season_and_meets_social_care_more_than_by_chance(directory: Rows) -> None:
    requests, truth = read(WASTE), read(SAMPLE / f"truth/{WASTE.stem}.csv.gz")
    quarters = Counter((r["REQUESTED_ON"][:4], (int(r["REQUESTED_ON"][5:7]) + 2) // 3) for r in requests)
    assert len(quarters) == 12
    for year in ("2024", "2025", "2026"):
        assert quarters[year, 2] > quarters[year, 3] > 1.25 * quarters[year, 1]
    lsoa_of = {r["UPRN"]: r["lsoa21cd"] for r in directory}
    counts = Counter(lsoa_of[r["uprn"]] for r in truth if r["uprn"])
    assert len(counts) == 40 and min(counts.values()) > 12 * 10
    # By area as by home: 1.5 times as many of the homes that social care knows ask as of the others.
    asking = {r["uprn"] for r in truth if r["uprn"]}
    care = {r["uprn"] for r in read(SAMPLE / "truth/cld_events_2023Q4_2026Q3.csv.gz") if r["uprn"]}
    billed = {r["uprn"] for r in read(SAMPLE / "truth/council_tax_2026-10.csv.gz")}
    known, others = care & billed, billed - care
    assert 1.35 < (len(asking & known) / len(known)) / (len(asking & others) / len(others)) < 1.75
    (often,) = Counter(r["CUSTOMER_REF"] for r in requests).most_common(1)
    assert often[1] > 10 and len({r["CUSTOMER_REF"] for r in requests}) > 3500


def test_bulky_waste_is_picked_from_a_list_or_typed_in(gazetteer: Rows) -> None:
    known = {r["UPRN"] for r in gazetteer}
    truth = read(SAMPLE / f"truth/{WASTE.stem}.csv.gz")
    blank = 0
    for row, told in zip(read(WASTE), truth, strict=True):
        value, what = row["UPRN"], told["what"]
        blank += not value
        held = (
            value == told["uprn"] if what == ""
            else value == f"{told['uprn']}.0" if what == "trailing .0"
            else "E+11" in value if what == "scientific"
            else value.endswith("000000") if what == "rounded"
            else value not in known if what == "unknown"
            else value in known and value != told["uprn"] if what == "another home"
            else value == ""
        )  # fmt: skip
        assert held, what
        assert float(row["FEE_PAID"]) > 0
    assert 0.09 < blank / len(truth) < 0.115


def test_truth_has_a_row_for_every_row(planted: dict[tuple[str, str], int], gazetteer: Rows) -> None:
    known = {r["UPRN"] for r in gazetteer}
    for _, name, rows in extracts():
        truth = read(SAMPLE / f"truth/{Path(name).stem}.csv.gz")
        assert [int(r["row_number"]) for r in truth] == list(range(1, len(rows) + 1))
        assert {r["file"] for r in truth} == {name}
        assert {r["uprn"] for r in truth} - {""} <= known
        assert {r["what"] for r in truth if not r["uprn"]} <= {"nothing", "absent flat"}
        counted = Counter(r["what"] for r in truth if r["what"])
        assert counted == {what: planted[name, what] for what in counted}
    assert sum(p.stat().st_size for p in (SAMPLE / "truth").iterdir()) < 1_000_000


def test_the_readme_tells_the_planted_counts(planted: dict[tuple[str, str], int]) -> None:
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (\S+ \| .+) \| ([\d,]+) \|$", text, re.MULTILINE))
    assert {k: int(v.replace(",", "")) for k, v in told.items()} == {
        f"{f} | {w}": n for (f, w), n in planted.items()
    }


def personal_columns(dataset: str) -> list[str]:
    described = yaml.safe_load((SAMPLE / f"services/{dataset}/dataset.yaml").read_text(encoding="utf-8"))
    roles = {c: r["is"] if isinstance(r, dict) else r for c, r in described["columns"].items()}
    return [c for c, role in roles.items() if role in ("personal", "record_reference")]


def test_every_personal_value_carries_its_own_canary() -> None:
    owner: dict[str, tuple[str, str, str]] = {}
    for dataset, _, rows in extracts():
        columns = personal_columns(dataset)
        assert len(columns) >= 3
        for row in rows:
            for column in columns:
                value = row[column]
                if value:
                    (canary,) = CANARY.findall(value)
                    assert owner.setdefault(canary, (dataset, column, value)) == (dataset, column, value)
            rest = " ".join(str(v) for c, v in row.items() if c not in columns)
            assert "CANARY" not in rest
    assert canaries(SAMPLE / "services") == set(owner)
    assert canaries(SAMPLE / "sources") == canaries(SAMPLE / "sites") == canaries(SAMPLE / "truth") == set()


def test_dates_of_birth_are_iso_dates_followed_by_a_canary() -> None:
    for dataset, column in (
        ("council_tax", "DATE_OF_BIRTH"),
        ("housing_tenancy", "DOB"),
        ("adult_social_care", "Date_of_Birth"),
    ):
        values = [r[column] for d, _, rows in extracts() if d == dataset for r in rows if r[column]]
        assert len(values) > 1000
        assert all(re.fullmatch(r"(19|20)\d\d-\d\d-\d\d CANARY-[0-9A-Z]{4}", v) for v in values)


def test_every_column_of_the_services_and_sites_is_described() -> None:
    files = {(d, "services"): list(rows[0]) for d, _, rows in extracts()}
    for path in sorted((SAMPLE / "sites").glob("*/*.csv")):
        files[path.parent.name, "sites"] = list(read(path)[0])
    assert len(files) == 7
    for (dataset, kind), columns in files.items():
        described = yaml.safe_load((SAMPLE / kind / dataset / "dataset.yaml").read_text(encoding="utf-8"))
        assert set(described["columns"]) == set(columns)


def texts() -> Iterator[tuple[str, str]]:
    """Every text in the sample, looking inside archives; geometry aside."""
    for name in sorted(names(SAMPLE)):
        path = SAMPLE / name
        if path.suffix in (".zip", ".xlsx"):
            with zipfile.ZipFile(path) as archive:
                for inner in archive.namelist():
                    if (
                        "sheet" in inner
                        or "shared" in inner.lower()
                        or inner.endswith((".csv", ".json", ".txt"))
                    ):
                        yield f"{name}/{inner}", archive.read(inner).decode()
        elif path.suffix == ".gz":
            yield name, gzip.decompress(path.read_bytes()).decode()
        elif path.suffix != ".gpkg":
            yield name, path.read_bytes().decode("cp1252" if "llpg" in name else "utf-8-sig")


# Top-level domains that nobody can have (RFC 2606).
RESERVED_DOMAINS = {"example", "invalid"}


def test_no_code_postcode_number_or_address_could_be_real() -> None:
    wrong = []
    for name, text in texts():
        wrong += [(name, c) for c in re.findall(r"\b[EWSNKJL]\d{8}\b", text) if not re.match(r"E\d\d999", c)]
        wrong += [
            (name, c)
            for c in re.findall(r"\b[A-Z]{1,2}\d[\dA-Z]? ?\d[ABD-HJLNP-UW-Z]{2}\b", text)
            if c[0] not in "QVX"
        ]  # fmt: skip
        wrong += [(name, c) for c in re.findall(r"(?<![\d.])[1-8]\d{11}(?![\d.])", text)]
        # 07700 900000 to 900999 are kept for drama.
        wrong += [(name, c) for c in re.findall(r"\b0\d{4} \d{6}\b", text) if not c.startswith("07700 900")]
        wrong += [
            (name, c) for c in re.findall(r"@[\w.]+", text) if c.rpartition(".")[2] not in RESERVED_DOMAINS
        ]
    assert wrong == []


def test_every_uprn_and_usrn_begins_with_99(gazetteer: Rows, directory: Rows) -> None:
    good = [r for r in gazetteer if r["UPRN"].isdigit()]
    assert all(re.fullmatch(r"99\d{10}", r["UPRN"]) for r in good)
    assert all(re.fullmatch(r"99\d{6}", r["USRN"]) for r in good)
    assert all(re.fullmatch(r"99\d{10}", r["UPRN"]) for r in directory)
    assert not any(r["UPRN"].endswith("000000") for r in directory)
