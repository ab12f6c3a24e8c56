"""The open sources read what their publishers write: real file names, real headers, one row of each."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import ingest
from pipelines.authority import Source, is_pattern, load_authority
from pipelines.descriptions import read_description
from pipelines.reading_plan import SQL_TYPES
from pipelines.tables import ASSETS

NSUL = (
    "UPRN,GRIDGB1E,GRIDGB1N,PCDS,OA21CD,CTY25CD,CED25CD,LAD25CD,WD25CD,HLTH19CD,CTRY25CD,RGN25CD,PCON24CD,EER20CD,"
    "TTWA15CD,ITL25CD,NPARK16CD,LSOA21CD,MSOA21CD,WZ11CD,SICBL26CD,BUA24CD,BUASD11CD,RUC21IND,OAC21IND,LEP21CD1,"
    "LEP21CD2,PFA23CD,IMD19IND"
)
NSUL_ROW = (
    "100121241363,375151,165014,BA2 4BA,E00072918,E99999999,E99999999,E06000022,E05011839,E18000010,E92000001,"
    "E12000009,E14001098,E15000009,E30000165,TLK51,E65000001,E01014370,E02002985,E33042331,E38000231,E63004940,"
    "E35000001,A1,8B1,E37000034,,E23000036,23000"
)
ONSUD = (
    "UPRN,GRIDGB1E,GRIDGB1N,PCDS,CTRY25CD,RGN25CD,CTY25CD,LAD25CD,PFA23CD,msoa21cd,lsoa21cd,OA21CD,ruc21ind"
)
ONSUD_ROW = (
    "10033542077,375151,165014,BA2 4BA,E92000001,E12000009,E99999999,E06000022,E23000036,E02002985,E01014370,"
    "E00072918,A1"
)
IMD = "Index of Multiple Deprivation (IMD)"
WHERE = "(where 1 is most deprived"

# Source, file name, header (empty where the file has none), row, and what must be read.
PUBLISHED: list[tuple[str, str, str, str, dict[str, Any]]] = [
    (
        "os_open_uprn",
        "osopenuprn_202605.csv",
        "UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE",
        "100023336956,530003.00,179904.00,51.5033973,-0.1276434",
        {
            "uprn": 100023336956,
            "easting": Decimal(530003),
            "latitude": Decimal("51.5033973"),
            "longitude": Decimal("-0.1276434"),
        },
    ),
    (
        "onsud",
        "ONSUD_DEC_2025_SW.csv",
        ONSUD,
        ONSUD_ROW,
        {
            "uprn": 10033542077,
            "postcode": "BA2 4BA",
            "oa_code": "E00072918",
            "lsoa_code": "E01014370",
            "msoa_code": "E02002985",
            "ward_code": None,
            "lad_code": "E06000022",
            "vintage": "21",
        },
    ),
    (
        "onsud",
        "NSUL_JUN_2026_SW.csv",
        NSUL,
        NSUL_ROW,
        {
            "uprn": 100121241363,
            "oa_code": "E00072918",
            "lsoa_code": "E01014370",
            "ward_code": "E05011839",
            "vintage": "21",
        },
    ),
    (
        "os_open_linked_identifiers",
        "BLPU_UPRN_Street_USRN_11.csv",
        "RELATIONSHIP_ID,IDENTIFIER_1,VERSION_NUMBER_1,VERSION_DATE_1,IDENTIFIER_2,VERSION_NUMBER_2,VERSION_DATE_2,CONFIDENCE",
        "11_1,10033542077,1,2020-01-01,20602512,2,2021-01-01,Version information is correct",
        {"uprn": 10033542077, "usrn": 20602512, "confidence": "Version information is correct"},
    ),
    (
        "os_open_linked_identifiers",
        "lids-2023-05_csv_BLPU-UPRN-Street-USRN-11.zip",
        "CORRELATION_ID,IDENTIFIER_1,VERSION_NUMBER_1,VERSION_DATE_1,IDENTIFIER_2,VERSION_NUMBER_2,VERSION_DATE_2,CONFIDENCE",
        "11_1,10033542077,1,2020-01-01,20602512,2,2021-01-01,",
        {"uprn": 10033542077, "usrn": 20602512, "confidence": None},
    ),
    (
        "code_point_open",
        "ba.csv",
        "",
        "BA1 0AH,10,375290,165480,E92000001,,E18000010,,E06000022,E05011839",
        {
            "postcode": "BA1 0AH",
            "positional_quality": 10,
            "easting": Decimal(375290),
            "ward_code": "E05011839",
        },
    ),
    (
        "area_lookup",
        "Output_Area_(2021)_to_LSOA_to_MSOA_to_LAD.csv",
        "OA21CD,LSOA21CD,LSOA21NM,MSOA21CD,MSOA21NM,LAD22CD,LAD22NM",
        "E00072918,E01014370,Bath 007A,E02002985,Bath 007,E06000022,Bath",
        {
            "oa_code": "E00072918",
            "lsoa_code": "E01014370",
            "msoa_code": "E02002985",
            "lad_code": "E06000022",
            "ward_code": None,
            "lsoa_vintage": "21",
            "lad_vintage": "22",
            "ward_vintage": None,
        },
    ),
    (
        "area_lookup",
        "OA_to_ward_best_fit.csv",
        "\ufeffOA21CD,WD25CD,WD25NM,LAD25CD,LAD25NM,ObjectId",
        "E00072918,E05011839,Kingsmead,E06000022,Bath,1",
        {"oa_code": "E00072918", "ward_code": "E05011839", "lsoa_code": None},
    ),
    (
        "deprivation",
        "File_7.csv",
        f'LSOA code (2011),LSOA name (2011),Local Authority District code (2019),{IMD} Score,"{IMD} Rank {WHERE})",'
        f'"{IMD} Decile {WHERE} 10% of LSOAs)"',
        'E01014370,Bath 007A,E06000022,8.054,"26,118",8',
        {"lsoa_code": "E01014370", "imd_score": Decimal("8.054"), "imd_rank": 26118, "imd_decile": 8},
    ),
    (
        "population",
        "sape.csv",
        "LAD 2023 Code,LAD 2023 Name,LSOA 2021 Code,LSOA 2021 Name,Total,F0 to 17,F65 and over,M65 and over",
        'E06000022,Bath,E01014370,Bath 007A,"1,712",5,150,120',
        {"area_code": "E01014370", "people": 1712, "people_65_and_over": 270, "dwellings": None},
    ),
    (
        "household_tenure",
        "census2021-ts054-lsoa.csv",
        "date,geography,geography code,Tenure of household: Total: All households,Tenure of household: Owned,"
        "Tenure of household: Owned: Owns outright,Tenure of household: Owned: Owns with a mortgage or loan,"
        "Tenure of household: Shared ownership,Tenure of household: Shared ownership: Shared ownership,"
        "Tenure of household: Social rented,Tenure of household: Social rented: Rents from council or Local Authority,"
        "Tenure of household: Social rented: Other social rented,Tenure of household: Private rented,"
        "Tenure of household: Private rented: Private landlord or letting agency,"
        "Tenure of household: Private rented: Other private rented,Tenure of household: Lives rent free",
        "2021,Bath 007A,E01014370,700,400,250,150,5,5,120,100,20,170,160,10,5",
        {
            "area_code": "E01014370",
            "year": 2021,
            "households": 700,
            "owned": 405,
            "social_rented": 120,
            "private_rented": 170,
            "other": 5,
        },
    ),
    (
        "gp_registered_patients",
        "gp-reg-pat-prac-lsoa-all.csv",
        "PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,PRACTICE_NAME,LSOA_CODE,SEX,NUMBER_OF_PATIENTS",
        "GP_PRAC_PAT_LIST,01APR2024,L81039,HEART OF BATH,E01014370,ALL,412",
        {"site_reference": "L81039", "area_code": "E01014370", "patients": 412},
    ),
]


@pytest.mark.parametrize("path", sorted((ASSETS / "sources").glob("*.yaml")), ids=lambda path: path.stem)
def test_description_of_a_source_is_whole(path: Path) -> None:
    source = read_description(path, Source, name=path.stem, path=path)
    filled = set(source.columns.values())
    for header in source.columns:
        if is_pattern(header):
            filled |= set(re.compile(header[1:-1]).groupindex)
    assert filled <= {*source.table, "ignore"}
    required = {column for column, described in source.table.items() if described.required}
    assert required <= filled, "some header fills each column that every row must have"
    for column in source.key:
        assert column == "file" or source.table[column].required, (
            f"{column} is in the key, so no row may lack it"
        )
    for column, described in source.table.items():
        assert described.meaning, column
        assert described.kind in SQL_TYPES, column
    assert source.licence
    assert source.cadence
    assert source.meaning.endswith(".")
    assert source.files


@pytest.mark.parametrize(
    ("name", "file", "header", "row", "wanted"),
    PUBLISHED,
    ids=[f"{name}-{file}" for name, file, *_ in PUBLISHED],
)
def test_published_file_is_found_and_read(
    name: str, file: str, header: str, row: str, wanted: dict[str, Any], tmp_path: Path
) -> None:
    text = "".join(f"{line}\r\n" for line in (header, row) if line)
    folder = tmp_path / "sources" / name
    if name == "code_point_open":
        folder = folder / "Data" / "CSV"
    folder.mkdir(parents=True)
    (tmp_path / "authority.yaml").write_text("name: T\ncode: E06000022\narea_vintage: 2021\n", "utf-8")
    if file.endswith(".zip"):
        with zipfile.ZipFile(folder / file, "w") as archive:
            archive.writestr("BLPU_UPRN_Street_USRN_11.csv", text)
    else:
        (folder / file).write_text(text, "utf-8", newline="")
    authority = load_authority(tmp_path)
    source = next(one for one in authority.sources if one.name == name)
    assert [path.name for path in authority.source_files(source)] == [file]
    with duckdb.connect() as con:
        got = ingest.ingest_source(con, authority, source)
        assert (got.rows_kept, got.rows_rejected, got.refused) == (1, 0, ())
        (found,) = con.execute(f"SELECT {', '.join(wanted)} FROM kept").fetchall()
    assert dict(zip(wanted, found, strict=True)) == wanted


def test_row_of_the_tests_have_as_many_fields_as_their_headers() -> None:
    for name, _, header, row, _ in PUBLISHED:
        if header:
            fields = [len(next(csv.reader(io.StringIO(line)))) for line in (header, row)]
            assert fields[0] == fields[1], name
