"""A few LSOAs cut out of the sample borough, as an authority of their own: the sample's data, in seconds.

Here belongs taking the rows that concern these areas out of the files of `data/sample`, as they are. What a test then
does with them over the months is the test's.
"""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import geopandas
import openpyxl

from pipelines.tables import REPOSITORY

SAMPLE = REPOSITORY / "data" / "sample"
BOUNDARIES = {"OA21": "Output_Areas", "LSOA21": "Lower", "MSOA21": "Middle", "WD25": "Wards"}

Row = Mapping[str, str]


@dataclass(frozen=True)
class Cut:
    """What was cut out: codes of areas by level (`OA21`, ...), UPRNs, and postcodes."""

    areas: Mapping[str, frozenset[str]]
    uprns: frozenset[str]
    postcodes: frozenset[str]


def cut_sources(folder: Path, lsoas: Iterable[str]) -> Cut:
    """Write `sources/` of an authority folder for some LSOAs (2021 codes) of the sample; returns what they hold."""
    wanted = frozenset(lsoas)
    lookups = [rows_of(path) for path in sorted((SAMPLE / "sources/area_lookup").glob("*.csv"))]
    to_lsoa, to_ward = lookups
    output_areas = frozenset(row["OA21CD"] for row in to_lsoa if row["LSOA21CD"] in wanted)
    areas = {
        "OA21": output_areas,
        "LSOA21": wanted,
        "MSOA21": frozenset(row["MSOA21CD"] for row in to_lsoa if row["OA21CD"] in output_areas),
        "WD25": frozenset(row["WD25CD"] for row in to_ward if row["OA21CD"] in output_areas),
    }
    (homes,) = (SAMPLE / "sources/onsud").glob("*.csv")
    there = [row for row in rows_of(homes) if row["OA21CD"] in output_areas]
    cut = Cut(areas, frozenset(row["UPRN"] for row in there), frozenset(row["PCDS"].strip() for row in there))
    to = folder / "sources"
    _copy_rows("area_lookup/*.csv", to, lambda row: row["OA21CD"] in output_areas)
    _copy_rows("onsud/*.csv", to, lambda row: row["OA21CD"] in output_areas)
    _copy_rows("llpg/*.csv", to, lambda row: row["UPRN"] in cut.uprns)
    _copy_rows("cross_reference/*.csv", to, lambda row: row["UPRN"] in cut.uprns)
    _copy_rows("deprivation/*.csv", to, lambda row: row["LSOA code (2021)"] in wanted)
    _copy_rows("os_open_uprn/*.zip", to, lambda row: row["UPRN"] in cut.uprns)
    for source in ("population", "household_tenure"):
        shutil.copytree(SAMPLE / "sources" / source, to / source)
    shutil.copy(SAMPLE / "sources/area_lookup/source.yaml", to / "area_lookup")
    _copy_postcodes(to / "code_point_open", cut.postcodes)
    _copy_boundaries(to / "area_boundary", areas)
    return cut


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, also of the one in a ZIP file."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            (name,) = (name for name in packed.namelist() if name.endswith(".csv"))
            held = packed.read(name)
    else:
        held = path.read_bytes()
    try:
        text = held.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = held.decode("cp1252")
    rows = csv.DictReader(io.StringIO(text, newline=""), restval="")
    return [row for row in rows if None not in row]


def cut_workbook(source: Path, sheet: str, to: Path, keep: Callable[[dict[str, str]], bool]) -> int:
    """Copy the rows to keep of a workbook's sheet, whose first row is its header; returns how many."""
    read = openpyxl.load_workbook(source, read_only=True)[sheet].iter_rows(values_only=True)
    header = next(read)
    kept = [
        row for row in read if keep({str(name): str(cell) for name, cell in zip(header, row, strict=True)})
    ]
    workbook = openpyxl.Workbook()
    page = workbook.active
    assert page is not None
    page.title = sheet
    for row in [header, *kept]:
        page.append(list(row))
    to.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(to)
    return len(kept)


def _copy_rows(pattern: str, to: Path, keep: Callable[[Row], bool]) -> None:
    for path in sorted((SAMPLE / "sources").glob(pattern)):
        rows = rows_of(path)
        written = (to / path.parent.name / path.name).with_suffix(".csv")
        written.parent.mkdir(parents=True, exist_ok=True)
        with written.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(row for row in rows if keep(row))


def _copy_postcodes(to: Path, postcodes: frozenset[str]) -> None:
    (path,) = (SAMPLE / "sources/code_point_open").rglob("*.csv")  # it has no header
    written = to / "Data/CSV" / path.name
    written.parent.mkdir(parents=True)
    kept = [
        line for line in path.read_text("utf-8").splitlines() if line.split(",")[0].strip('"') in postcodes
    ]
    written.write_text("\n".join([*kept, ""]), "utf-8")
    shutil.copy(SAMPLE / "sources/code_point_open/source.yaml", to)


def _copy_boundaries(to: Path, areas: Mapping[str, frozenset[str]]) -> None:
    """Wards and MSOAs only as far as the LSOAs go, which are all that there is."""
    to.mkdir(parents=True)
    read = {}
    for level, name in BOUNDARIES.items():
        (path,) = (SAMPLE / "sources/area_boundary").glob(f"{name}*")
        frame = geopandas.read_file(path).to_crs("EPSG:27700")
        read[level] = (path, frame[frame[f"{level}CD"].isin(areas[level])])
    within = read["LSOA21"][1].union_all()
    for path, frame in read.values():
        frame.clip(within, keep_geom_type=True).to_file((to / path.name).with_suffix(".gpkg"), driver="GPKG")
