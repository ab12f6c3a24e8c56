"""Makes the whole sample folder: draws the borough, writes open data, services, sites, truth and README.

Belongs here: the order of things and the services' file quirks. Does not belong here: how any single thing
is made.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from data.borough import addresses, areas, belonging, ground, open_data, people, silos
from data.borough.damage import title
from data.borough.describe import readme
from data.borough.files import csv_text, gzipped, workbook, write_bytes, write_text, zipped

SEED = "Quillhaven 1"
# Its YAML files are written by hand: copied, never changed.
COMMITTED = Path(__file__).resolve().parents[1] / "sample"

Planted = list[tuple[str, str, int]]


def make(output: Path, seed: str = SEED) -> None:
    """Write the invented borough under `output`. The same seed gives the same files."""

    def dice(part: str) -> Random:
        # Each part has its own stream, so that a change in one leaves the others as they were.
        return Random(f"{seed}/{part}")

    earth = ground.lay_out(dice("ground"))
    places = addresses.settle(dice("addresses"), earth)
    zones = areas.divide(dice("areas"), earth, places)
    addresses.give_postcodes(dice("postcodes"), earth, places)
    folk = people.populate(dice("people"), earth, places)
    lsoa_of = {a.code: a.lsoa for a in zones.output_areas}
    counts = people.count(places, folk, lsoa_of)
    canary = people.Canaries()

    planted: Planted = []
    lived_in = {uprn for uprn, there in folk.items() if there}
    faults = open_data.write_all(
        dice("open data"), output / "sources", earth, places, zones, counts, lived_in
    )
    planted += [("sources", what, n) for what, n in sorted(faults.items())]
    tax = silos.council_tax(dice("council tax"), canary, earth, places, folk)
    planted += _council_tax(output, tax)
    let = silos.tenancies(dice("tenancies"), canary, earth, places, folk)
    _tenancies(output, let)
    planted += [(_TENANCIES, what, n) for what, n in _counted(let)]
    planted.append((_REFERENCES, "rows", _references(output, let)))
    care = silos.adult_social_care(dice("adult social care"), canary, earth, places, folk)
    _care(output, care)
    planted += [(_CARE, what, n) for what, n in _counted(care)]
    waste = silos.bulky_waste(
        dice("bulky waste"), canary, earth, places, folk, {uprn for uprn, _ in care.truth if uprn}
    )
    write_text(output / _WASTE, csv_text(_table(silos.WASTE_COLUMNS, waste)))
    planted += [(_WASTE, what, n) for what, n in _counted(waste)]
    _sites(output / "sites", places)
    belonging.patients(
        dice("registered patients"), output / _PATIENTS, places, zones, folk, _list_sizes(places)
    )
    belonging.priority_areas(output / _PRIORITY_AREAS, places, zones, _urns(places))
    write_text(output / "truth" / "planted.csv", csv_text([["file", "what", "rows"], *planted]))
    truths = {_TENANCIES: let, _CARE: care, _WASTE: waste} | {_council_tax_path(m): e for m, e in tax.items()}
    for name, extract in truths.items():
        _truth(output, name, extract)
    homes = Counter(p.oa for p in places.properties if p.is_live_home)
    figures = {
        "properties": sum(1 for p in places.properties if p.status == 1),
        "homes": sum(homes.values()),
        "people": sum(len(v) for v in folk.values()),
        "postcodes": len(places.postcodes),
        "links": len(earth.links) + len(ground.holm()),
        "smallest": min(homes.values()),
        "largest": max(homes.values()),
    }
    write_text(output / "README.md", readme(figures, planted, zones.straddling))
    if output.resolve() != COMMITTED:
        for path in sorted(COMMITTED.rglob("*.yaml")):
            copy = output / path.relative_to(COMMITTED)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


_TENANCIES = "services/housing_tenancy/tenancies_2026-09-30.xlsx"
_CARE = "services/adult_social_care/cld_events_2023Q4_2026Q3.csv"
_WASTE = "services/bulky_waste/bulky_waste_requests_2023Q4_2026Q3.csv"
_PATIENTS = "sources/gp_registered_patients/gp-reg-pat-prac-lsoa-all_2026-10.csv"
_PRIORITY_AREAS = "sources/catchment_area/priority_areas_2026-09.gpkg"
_REFERENCES = "sources/cross_reference/llpg_cross_references_2026-10.csv"


def _counted(extract: silos.Extract) -> list[tuple[str, int]]:
    return [("rows", len(extract.rows)), *sorted((what, n) for what, n in extract.damage().items() if what)]


def _table(columns: Sequence[str], extract: silos.Extract) -> list[list[object]]:
    return [list(columns), *([row[c] for c in columns] for row in extract.rows)]


def _council_tax_path(month: str) -> str:
    """Where a month's extract lies; all but the last month have been put away in zip files."""
    return f"services/council_tax/council_tax_{month}.{'csv' if month == silos.MONTHS[-1] else 'zip'}"


def _council_tax(output: Path, tax: dict[str, silos.Extract]) -> Planted:
    """Three months: one with a BOM, one with a total row, one with its columns in another order."""
    planted: Planted = []
    for month, extract in tax.items():
        columns = list(silos.COUNCIL_TAX_COLUMNS)
        name = f"council_tax_{month}.csv"
        if month == "2026-10":
            columns = [*columns[:2], *columns[5:10], *columns[2:5], *columns[10:]]
        table = _table(columns, extract)
        if month == "2026-09":
            total = [""] * len(columns)
            total[0] = "Total"
            total[columns.index("AMOUNT")] = f"{sum(float(str(r['AMOUNT'])) for r in extract.rows):.2f}"
            table.append(list(total))
        text = csv_text(table, "\r\n" if month == "2026-08" else "\n")
        if month == "2026-08":
            text = "\ufeff" + text
        path = _council_tax_path(month)
        if path.endswith(".zip"):
            write_bytes(output / path, zipped({name: text.encode()}))
        else:
            write_text(output / path, text)
        planted += [(path, what, n) for what, n in _counted(extract)]
        if month == "2026-09":
            planted.append((path, "total row inside the data", 1))
        separators = sum("|" in str(r["ADDR1"]) for r in extract.rows)
        trailing = sum(str(r["ADDR1"]).endswith("  ") for r in extract.rows)
        planted += [
            (path, "address parts joined by |", separators),
            (path, "trailing spaces in ADDR1", trailing),
        ]
    return planted


def _tenancies(output: Path, let: silos.Extract) -> None:
    notes = [
        ["Tenancies and leaseholds at 30 September 2026"],
        ["Invented data. Every personal value carries a canary."],
        ["PROPERTY_REF is the housing system's own number. It is not a UPRN, although it has twelve digits."],
    ]
    sheets: dict[str, Sequence[Sequence[object]]] = {
        "Notes": notes,
        "Tenancies": _table(silos.TENANCY_COLUMNS, let),
    }
    write_bytes(output / _TENANCIES, workbook(sheets))


def _references(output: Path, let: silos.Extract) -> int:
    """The gazetteer's cross-references to the housing system, for three properties in five; answers how many."""
    rows: list[list[object]] = [["UPRN", "XREF_KEY", "CROSS_REFERENCE", "SOURCE", "START_DATE", "END_DATE"]]
    for i, (row, (uprn, _)) in enumerate(zip(let.rows, let.truth, strict=True)):
        if uprn and i % 5 < 3:
            rows.append([uprn, f"9901X{i:09d}", row["PROPERTY_REF"], "HOUSING", "2015-04-01", ""])
    write_text(output / _REFERENCES, csv_text([rows[0], *sorted(rows[1:], key=str)]))
    return len(rows) - 1


def _care(output: Path, care: silos.Extract) -> None:
    write_text(output / _CARE, csv_text(_table(silos.CARE_COLUMNS, care)))


def _truth(output: Path, name: str, extract: silos.Extract) -> None:
    """The right UPRN (empty: none) of each row by number, 1 being the first row after the header."""
    rows: list[list[object]] = [["file", "row_number", "uprn", "what"]]
    rows += [[Path(name).name, i, uprn or "", what] for i, (uprn, what) in enumerate(extract.truth, 1)]
    write_bytes(output / "truth" / f"{Path(name).stem}.csv.gz", gzipped(csv_text(rows)))


def _list_sizes(places: addresses.Places) -> dict[str, int]:
    """The practices by code, in the order of their UPRNs, with the size of each one's list."""
    return {f"Q99{i:03d}": 3100 + 457 * i for i, _ in enumerate(places.surgeries, 1)}


def _urns(places: addresses.Places) -> dict[int, int]:
    """The references of the schools by UPRN."""
    return {uprn: 999000 + i for i, uprn in enumerate(places.schools, 1)}


def _sites(folder: Path, places: addresses.Places) -> None:
    by_uprn = places.by_uprn()
    columns = ["PRACTICE_CODE", "PRACTICE_NAME", "ADDRESS", "POSTCODE", "LIST_SIZE", "GP_FTE"]
    doctors: list[list[object]] = [[*columns]]
    for i, (uprn, (code, size)) in enumerate(zip(places.surgeries, _list_sizes(places).items(), strict=True)):
        p = by_uprn[uprn]
        # From 1,700 to 2,600 patients to a full-time doctor.
        doctors_fte = f"{size / (1700 + 180 * ((5 * i + 1) % 6)):.1f}"
        doctors.append(
            [code, title(p.organisation), title(", ".join(p.lines())), p.postcode, size, doctors_fte]
        )
    write_text(folder / "gp_practices" / "gp_practices_2026-10-01.csv", csv_text(doctors))
    libraries: list[list[object]] = [["LIBRARY", "UPRN", "OPENING_HOURS_A_WEEK"]]
    for i, uprn in enumerate(places.libraries):
        written = f"00{uprn}" if i == 3 else str(uprn)
        libraries.append([title(by_uprn[uprn].organisation), written, 46 - 5 * i])
    write_text(folder / "libraries" / "libraries_2026-10-01.csv", csv_text(libraries))
    schools: list[list[object]] = [["URN", "SCHOOL_NAME", "PHASE", "PUPILS", "PLACES", "EASTING", "NORTHING"]]
    for i, (uprn, urn) in enumerate(_urns(places).items(), 1):
        p = by_uprn[uprn]
        secondary = p.classification == "CE04"
        pupils = 900 + 31 * i if secondary else 150 + 19 * i
        phase = "Secondary" if secondary else "Primary"
        # Whole forms of entry: 7 years of 30 in a primary school, 5 in a secondary.
        form = 150 if secondary else 210
        room = -(-pupils // form) * form
        schools.append([urn, title(p.organisation), phase, pupils, room, round(p.easting), round(p.northing)])
    write_text(folder / "schools" / "schools_2026-10-01.csv", csv_text(schools))
